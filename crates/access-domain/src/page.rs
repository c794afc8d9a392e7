//! Lists in pages, by keyset: newest first, continued after the last id seen.

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
}
