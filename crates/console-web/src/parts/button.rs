//! Buttons: what sends a form, leads somewhere, opens a panel, or does one thing by itself.

use maud::{Markup, Render, html};

#[derive(Debug, Clone)]
enum Does {
    Submit,
    Lead { href: String },
    Open { href: String },
    AskSwitch { href: String, is_on: bool },
    Post { action: String, csrf: String, reveals: bool, switch: Option<bool> },
}

/// A button. Its label is what people and programs look for; [`Self::about`] tells those apart that read alike.
#[derive(Debug, Clone)]
pub(crate) struct Button {
    label: String,
    about: Option<String>,
    class: &'static str,
    does: Does,
    fields: Vec<(String, String)>,
}

impl Button {
    fn new(label: impl Into<String>, does: Does) -> Self {
        Self { label: label.into(), about: None, class: "button", does, fields: Vec::new() }
    }

    /// Sends the form that it stands in.
    pub(crate) fn submit(label: impl Into<String>) -> Self {
        Self::new(label, Does::Submit)
    }

    /// Leads to another page.
    pub(crate) fn link(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self::new(label, Does::Lead { href: href.into() })
    }

    /// Shows the panel ([`crate::parts::panel`]) of the page at `href` in a dialog; without a script it leads there.
    pub(crate) fn opens(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self::new(label, Does::Open { href: href.into() })
    }

    /// Posts to `action` by itself.
    pub(crate) fn post(
        label: impl Into<String>,
        action: impl Into<String>,
        csrf: impl Into<String>,
    ) -> Self {
        let (action, csrf) = (action.into(), csrf.into());
        Self::new(label, Does::Post { action, csrf, reveals: false, switch: None })
    }

    /// A switch that is on or off. It posts `name` with what it is to become: `true` or `false`.
    pub(crate) fn switch(
        label: impl Into<String>,
        action: impl Into<String>,
        csrf: impl Into<String>,
        name: &str,
        is_on: bool,
    ) -> Self {
        let (action, csrf) = (action.into(), csrf.into());
        let does = Does::Post { action, csrf, reveals: false, switch: Some(is_on) };
        let switch = Self { class: "switch", ..Self::new(label, does) };
        switch.field(name, (!is_on).to_string())
    }

    /// A switch that leads to a question first, at `href`: by a button, so that the keys of a switch turn it.
    pub(crate) fn asking_switch(
        label: impl Into<String>,
        href: impl Into<String>,
        is_on: bool,
    ) -> Self {
        let does = Does::AskSwitch { href: href.into(), is_on };
        Self { class: "switch", ..Self::new(label, does) }
    }

    /// What the page is mostly for.
    pub(crate) fn primary(self) -> Self {
        Self { class: "button primary", ..self }
    }

    /// What cannot be taken back.
    pub(crate) fn danger(self) -> Self {
        Self { class: "button danger", ..self }
    }

    /// What matters least.
    pub(crate) fn plain(self) -> Self {
        Self { class: "button plain", ..self }
    }

    /// What it is about, where several buttons have one label: heard, not seen.
    pub(crate) fn about(self, about: impl Into<String>) -> Self {
        Self { about: Some(about.into()), ..self }
    }

    /// Sent along: in the form that a posting button makes, or as the name and value of one that submits (the first alone).
    pub(crate) fn field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Its answer shows a secret ([`crate::parts::SecretShown`]), which the script puts into a dialog.
    pub(crate) fn reveals(mut self) -> Self {
        if let Does::Post { reveals, .. } = &mut self.does {
            *reveals = true;
        }
        self
    }

    fn heard(&self) -> Option<String> {
        self.about.as_ref().map(|about| format!("{} {about}", self.label))
    }
}

impl Render for Button {
    fn render(&self) -> Markup {
        let heard = self.heard();
        match &self.does {
            Does::Submit => {
                let first = self.fields.first();
                html! {
                    button class=(self.class) type="submit" aria-label=[heard]
                        name=[first.map(|(name, _)| name)] value=[first.map(|(_, value)| value)] { (self.label) }
                }
            }
            Does::Lead { href } => {
                html! { a class=(self.class) href=(href) aria-label=[heard] { (self.label) } }
            }
            Does::Open { href } => html! {
                a class=(self.class) href=(href) aria-label=[heard] aria-haspopup="dialog" data-opens { (self.label) }
            },
            Does::AskSwitch { href, is_on } => html! {
                form .one method="get" action=(href) {
                    button class=(self.class) type="submit" role="switch" aria-checked=(is_on) aria-label=[heard] {
                        span .track aria-hidden="true" {} (self.label)
                    }
                }
            },
            Does::Post { action, csrf, reveals, switch } => html! {
                form .one method="post" action=(action) data-reveals[*reveals] {
                    input type="hidden" name="csrf" value=(csrf);
                    @for (name, value) in &self.fields { input type="hidden" name=(name) value=(value); }
                    @if let Some(is_on) = switch {
                        button class=(self.class) type="submit" role="switch" aria-checked=(is_on) aria-label=[heard] {
                            span .track aria-hidden="true" {} (self.label)
                        }
                    } @else {
                        button class=(self.class) type="submit" aria-label=[heard] { (self.label) }
                    }
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_addresses_are_escaped() {
        let html = Button::link("<b>", "/x?a=\"&b").about("<i>").render().into_string();
        assert!(
            html.contains("&lt;b&gt;</a>") && html.contains("aria-label=\"&lt;b&gt; &lt;i&gt;\"")
        );
        assert!(html.contains("href=\"/x?a=&quot;&amp;b\""), "{html}");
    }

    #[test]
    fn a_switch_posts_what_it_is_to_become() {
        let html = Button::switch("Active", "/a", "t", "is_active", true).render().into_string();
        assert!(html.contains("role=\"switch\" aria-checked=\"true\""), "{html}");
        assert!(html.contains("name=\"is_active\" value=\"false\""), "{html}");
    }
}
