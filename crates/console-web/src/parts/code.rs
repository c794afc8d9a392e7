//! Text that is meant to be copied.

use maud::{Markup, html};

/// A text in one line with a button that copies it; `what` is what the button says it copies, to those who cannot see it.
pub(crate) fn copyable(text: &str, what: &str) -> Markup {
    html! {
        span .copyable {
            code data-text { (text) }
            (copy_button(what))
        }
    }
}

/// A block of code with its name and a button that copies it.
pub(crate) fn code_block(title: &str, code: &str) -> Markup {
    html! {
        figure .code.copyable {
            figcaption { span { (title) } (copy_button(title)) }
            // What may have to be scrolled must be reachable by the keyboard.
            pre tabindex="0" role="region" aria-label=(title) { code data-text { (code) } }
        }
    }
}

/// Several ways to write the same, of which one is open at a time: pairs of a language and its code.
pub(crate) fn snippets(all: &[(&str, String)]) -> Markup {
    html! {
        div .snippets {
            @for (index, (language, code)) in all.iter().enumerate() {
                details name="snippet" open[index == 0] {
                    summary { (language) }
                    (code_block(language, code))
                }
            }
        }
    }
}

/// Nothing but the script can copy, so that without one it is not shown.
fn copy_button(what: &str) -> Markup {
    html! {
        button .button.small.needs-script type="button" data-copies aria-label={ "Copy " (what) } { "Copy" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_text() {
        let html = code_block("curl", "curl '<x>' && \"y\"").into_string();
        assert!(html.contains("curl '&lt;x&gt;' &amp;&amp; &quot;y&quot;"), "{html}");
    }
}
