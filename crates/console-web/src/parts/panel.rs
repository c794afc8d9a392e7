//! Panels: parts of pages that the script shows in a dialog, and that stand in the page without one.

use maud::{Markup, Render, html};

use super::{Button, Field, Filled, Form, copyable};

/// A page's one panel. A button made by [`Button::opens`] shows it in a dialog, wherever that button is.
pub(crate) fn panel(title: &str, content: Markup) -> Markup {
    html! {
        section .panel data-panel aria-labelledby="panel-title" {
            h1 #panel-title { (title) }
            (content)
        }
    }
}

/// A question before something that cannot be taken back: the panel of a page of its own, at the address that is posted to.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// What is asked: "Revoke this key?"
    pub(crate) title: String,
    /// Where the deed is done.
    pub(crate) action: String,
    /// What makes it believed.
    pub(crate) csrf: String,
    /// Where the question was asked from.
    pub(crate) back: String,
    /// What the button says: the deed, never "OK".
    pub(crate) button: Button,
    /// What breaks, in numbers and names.
    pub(crate) breaks: String,
    /// What else is asked for.
    pub(crate) fields: Vec<Field>,
    /// Whether the answer shows a secret.
    pub(crate) reveals: bool,
}

impl Question {
    /// The question, with what was answered if it was refused.
    pub(crate) fn render(self, filled: &Filled) -> Markup {
        let form = Form::post(self.action, self.csrf).id("question").back(self.back);
        let form = self.fields.into_iter().fold(form, Form::field).button(self.button);
        let form = if self.reveals { form.reveals() } else { form };
        panel(&self.title, html! { p .breaks { (self.breaks) } (form.render(filled)) })
    }
}

/// A secret, this once. `T`: text or markup.
pub(crate) struct SecretShown<'a, T> {
    /// What was made: "The key is made".
    pub(crate) title: &'a str,
    /// What the secret is: "key of the deployment orders".
    pub(crate) what: &'a str,
    /// The secret itself.
    pub(crate) secret: &'a str,
    /// What is said beside the general warning.
    pub(crate) text: T,
    /// What can be done with it now.
    pub(crate) next: Markup,
    /// Where "Done" leads; with script, that page is loaded anew once the dialog is closed.
    pub(crate) done: &'a str,
}

impl<T: Render> SecretShown<'_, T> {
    /// The panel. Nothing else of the page may hold the secret, and the answer must not be stored.
    pub(crate) fn render(&self) -> Markup {
        html! {
            section .panel.secret data-panel data-secret data-done=(self.done) aria-labelledby="panel-title" {
                h1 #panel-title { (self.title) }
                p { (copyable(self.secret, self.what)) }
                p .notice.warning {
                    strong { "Copy it now." } " It is shown this once and cannot be seen again. "
                    (self.text)
                }
                (self.next)
                div .buttons { a .button.primary href=(self.done) data-closes { "Done" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_what_breaks_and_posts_to_where_it_stands() {
        let question = Question {
            title: "Revoke <this> key?".into(),
            action: "/o/deployments/1/keys/2/revoke".into(),
            csrf: "token".into(),
            back: "/o/deployments/1/keys".into(),
            button: Button::submit("Revoke").danger(),
            breaks: "It was used 312 times today.".into(),
            fields: vec![Field::text("reason", "Reason")],
            reveals: false,
        };
        let html = question.render(&Filled::blank()).into_string();
        assert!(html.contains("Revoke &lt;this&gt; key?"), "{html}");
        assert!(
            html.contains("method=\"post\" action=\"/o/deployments/1/keys/2/revoke\""),
            "{html}"
        );
        assert!(html.contains("used 312 times today") && html.contains("data-closes"), "{html}");
    }
}
