//! Short words to the reader: states, outcomes, warnings, headings.

use maud::{Markup, Render, html};

/// What a colour says, always beside a word that says it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing in particular.
    Neutral,
    /// As it should be.
    Good,
    /// Wants to be looked at.
    Warning,
    /// Wrong, or gone.
    Bad,
    /// Under way.
    Busy,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
            Self::Busy => "busy",
        }
    }
}

/// A state in a word.
pub(crate) fn badge(word: &str, tone: Tone) -> Markup {
    html! { span .badge.(tone.class()) { (word) } }
}

/// Something that must be read before going on.
pub(crate) fn notice(tone: Tone, content: Markup) -> Markup {
    html! { div .notice.(tone.class()) { (content) } }
}

/// What became of what was just done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flash<'a> {
    /// One sentence.
    pub(crate) text: &'a str,
    /// Whether it went well.
    pub(crate) tone: Tone,
}

impl Render for Flash<'_> {
    fn render(&self) -> Markup {
        html! { div .notice.flash.(self.tone.class()) role="status" { p { (self.text) } } }
    }
}

/// The heading of a page with its buttons beside it.
pub(crate) fn heading(title: &str, buttons: Markup) -> Markup {
    html! {
        div .heading {
            h1 { (title) }
            @if !buttons.0.is_empty() { div .buttons { (buttons) } }
        }
    }
}
