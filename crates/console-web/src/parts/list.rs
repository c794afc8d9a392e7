//! What lists and details are made of beside their tables.

use maud::{Markup, Render, html};

use super::{Button, href};

/// A fact with its name.
pub(crate) type Fact<'a> = (&'a str, Markup);

/// Facts about one thing.
pub(crate) fn definitions(facts: Vec<Fact<'_>>) -> Markup {
    html! {
        dl .facts {
            @for (name, value) in facts { div { dt { (name) } dd { (value) } } }
        }
    }
}

/// What stands where a list would: what the things are, and the next step to the first.
pub(crate) fn empty(title: &str, text: &str, next: Option<Button>) -> Markup {
    html! {
        div .empty {
            h2 { (title) }
            p { (text) }
            @if let Some(next) = next { (next) }
        }
    }
}

/// The way on through a list: `query` are its filters, `cursor` where this page began and `next` where the next one does.
/// Nothing where the list is one page.
pub(crate) fn pager(
    path: &str,
    query: &[(&str, &str)],
    cursor: Option<&str>,
    next: Option<&str>,
) -> Markup {
    let at = |cursor: &str| {
        let mut query = query.to_vec();
        query.push(("cursor", cursor));
        href(path, &query)
    };
    html! {
        @if cursor.is_some() || next.is_some() {
            nav .pager aria-label="Pages" {
                @if cursor.is_some() { (Button::link("First page", href(path, query)).render()) }
                @if let Some(next) = next { (Button::link("Next page", at(next)).render()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_keeps_the_filters() {
        let html = pager("/a", &[("status", "x y"), ("q", "")], None, Some("c/1")).into_string();
        assert!(html.contains("href=\"/a?status=x+y&amp;cursor=c%2F1\""), "{html}");
        assert!(!html.contains("First page"), "{html}");
        assert_eq!(pager("/a", &[], None, None).into_string(), "");
    }
}
