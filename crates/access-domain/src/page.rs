//! Lists in pages, by keyset: newest first, continued after the last id seen. And what of a list is wanted.

use uuid::Uuid;

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest {
    /// The last id of the page before.
    pub after: Option<Uuid>,
    /// How many items at most, at least one.
    pub limit: u32,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// The `after` of the next page, if there is one.
    pub next: Option<Uuid>,
}

/// What of a list is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// What this user or key made.
    pub created_by: Option<Uuid>,
    /// What has this in its name.
    pub search: Option<SearchText>,
}

/// What a name must contain, whichever case it is written in: neither empty nor long, and without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(String);

/// It is too long, or nothing that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have at most {} characters, and no control characters", SearchText::MOST)]
pub struct InvalidSearch;

impl SearchText {
    /// How many characters it has at most.
    pub const MOST: usize = 100;

    /// What is searched for by `text`, spaces around it apart; `None` where that is nothing.
    ///
    /// # Errors
    /// When it is too long or has control characters.
    pub fn parse(text: &str) -> Result<Option<Self>, InvalidSearch> {
        let text = text.trim();
        if text.chars().count() > Self::MOST || text.chars().any(char::is_control) {
            return Err(InvalidSearch);
        }
        Ok((!text.is_empty()).then(|| Self(text.to_owned())))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PageRequest {
    /// How many rows a store reads for this page: one more, to know whether another page follows.
    pub fn rows(self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The page out of up to [`PageRequest::rows`] items.
    pub fn cut<T>(self, mut items: Vec<T>, id: impl Fn(&T) -> Uuid) -> Page<T> {
        let limit = self.limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(id) } else { None };
        Page { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_last_item_only_if_more_follow() {
        let page = PageRequest { after: None, limit: 2 };
        let cut = |numbers: &[u128]| page.cut(numbers.to_vec(), |number| Uuid::from_u128(*number));
        assert_eq!(cut(&[3, 2]), Page { items: vec![3, 2], next: None });
        assert_eq!(cut(&[3, 2, 1]), Page { items: vec![3, 2], next: Some(Uuid::from_u128(2)) });
        assert_eq!(cut(&[]), Page { items: vec![], next: None });
    }

    #[test]
    fn a_search_is_for_something_short_that_can_be_read() {
        let parse = |text: &str| SearchText::parse(text).map(|found| found.map(|text| text.0));
        assert_eq!(parse(" order 100% "), Ok(Some("order 100%".to_owned())));
        assert_eq!(parse("  "), Ok(None));
        assert_eq!(parse(&"ü".repeat(100)), Ok(Some("ü".repeat(100))));
        assert_eq!(parse(&"ü".repeat(101)), Err(InvalidSearch));
        assert_eq!(parse("a\0b"), Err(InvalidSearch));
    }
}
