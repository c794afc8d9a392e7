//! What all pages are made of: pure functions and small builders from plain values to markup. They know no use case and no
//! request; what stands in them is escaped.

mod button;
mod chart;
mod code;
mod field;
mod filled;
mod form;
mod list;
mod notice;
mod panel;
mod quantity;
mod table;
mod time;

#[cfg(test)]
mod specimen;

pub(crate) use self::{
    button::Button,
    chart::{Chart, ChartKind, Series, SeriesTone, ValueForm},
    code::{code_block, copyable, snippets},
    field::{Choice, Field},
    filled::Filled,
    form::{FilterBar, Form},
    list::{definitions, empty, pager},
    notice::{Flash, Tone, badge, heading, notice},
    panel::{Question, SecretShown, panel},
    quantity::{bytes, count, duration_ms, percent},
    table::Table,
    time::{ago, date_time_text, read_date_time, time, time_or},
};

use maud::{Markup, html};
use url::form_urlencoded::Serializer;

/// The address `path` with a query. Pairs without a value are left out.
pub(crate) fn href(path: &str, query: &[(&str, &str)]) -> String {
    let mut written = Serializer::new(String::new());
    for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        written.append_pair(name, value);
    }
    let written = written.finish();
    if written.is_empty() { path.to_owned() } else { format!("{path}?{written}") }
}

/// One of several pages about the same thing.
#[derive(Debug, Clone)]
pub(crate) struct Tab {
    label: String,
    href: String,
    is_open: bool,
}

impl Tab {
    /// The tab that leads to `href`, and whether that is where the viewer is.
    pub(crate) fn new(label: impl Into<String>, href: impl Into<String>, is_open: bool) -> Self {
        Self { label: label.into(), href: href.into(), is_open }
    }
}

/// The tabs above the pages about `what`.
pub(crate) fn tabs(what: &str, all: &[Tab]) -> Markup {
    html! {
        nav .tabs aria-label=(what) {
            @for tab in all {
                a href=(tab.href) aria-current=[tab.is_open.then_some("page")] { (tab.label) }
            }
        }
    }
}

/// Where the page is, from the outside in; `current` is the page itself and no link.
pub(crate) fn breadcrumbs(above: &[(&str, String)], current: &str) -> Markup {
    html! {
        nav .crumbs aria-label="Breadcrumbs" {
            ol {
                @for (label, href) in above { li { a href=(href) { (label) } } }
                li aria-current="page" { (current) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_keep_what_is_set_and_escape_it() {
        assert_eq!(href("/a", &[("q", ""), ("cursor", "")]), "/a");
        assert_eq!(href("/a", &[("q", "a&b=\"ü"), ("x", "1")]), "/a?q=a%26b%3D%22%C3%BC&x=1");
    }
}
