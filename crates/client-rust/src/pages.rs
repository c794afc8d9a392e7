//! Lists, page by page.

use std::{collections::VecDeque, fmt};

use api_types::ListView;
use serde::de::DeserializeOwned;

use crate::{Client, Error, Unusable, request::Request};

/// A list of the server, read page by page as it is asked for. Nothing is sent before.
///
/// ```no_run
/// # async fn example(client: client_rust::Client) -> Result<(), client_rust::Error> {
/// let mut deployments = client.organization("acme").deployments().list();
/// while let Some(deployment) = deployments.next().await? {
///     println!("{}", deployment.api_name);
/// }
/// # Ok(())
/// # }
/// ```
///
/// What is made or deleted meanwhile may or may not be seen; nothing else is left out or seen twice. After an error the same page
/// can be asked for again.
#[must_use]
pub struct Pages<T> {
    client: Client,
    request: Request,
    /// Of a page that was read.
    read: VecDeque<T>,
    /// The next page begins here; `None`: at the beginning.
    cursor: Option<String>,
    is_last: bool,
    pages: u64,
    /// Where the last page led whose number is a power of two: a list that comes by again, however far round, is noticed without
    /// all of its places in memory.
    landmark: Option<String>,
}

impl<T: DeserializeOwned> Pages<T> {
    pub(crate) fn new(client: Client, request: Request) -> Self {
        let (read, cursor, landmark) = (VecDeque::new(), None, None);
        Self { client, request, read, cursor, is_last: false, pages: 0, landmark }
    }

    /// How many items a page has at most: 1 to 200, 50 unless told.
    pub fn page_size(mut self, items: u32) -> Self {
        self.request = self.request.query("limit", Some(items));
        self
    }

    /// Begins at a place that [`cursor`](Self::cursor) told.
    pub fn from_cursor(mut self, cursor: impl Into<String>) -> Self {
        self.cursor = Some(cursor.into());
        self
    }

    /// Where the next page begins, so that somebody can go on there later; `None` before the first and after the last.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// The next item; `None` after the last.
    ///
    /// # Errors
    /// When a page is refused (`admin_required`, `insufficient_scope`, `invalid_parameter`), or there is no answer.
    pub async fn next(&mut self) -> Result<Option<T>, Error> {
        loop {
            if let Some(item) = self.read.pop_front() {
                return Ok(Some(item));
            }
            match self.read_page().await? {
                Some(page) => self.read = page.into(),
                None => return Ok(None),
            }
        }
    }

    /// The next page, or what [`next`](Self::next) has left of one; `None` after the last. A page may be empty.
    ///
    /// # Errors
    /// As of [`next`](Self::next).
    pub async fn next_page(&mut self) -> Result<Option<Vec<T>>, Error> {
        if self.read.is_empty() {
            return self.read_page().await;
        }
        Ok(Some(std::mem::take(&mut self.read).into()))
    }

    /// Everything that is left, all of it in memory.
    ///
    /// # Errors
    /// As of [`next`](Self::next).
    pub async fn all(mut self) -> Result<Vec<T>, Error> {
        let mut items = Vec::from(std::mem::take(&mut self.read));
        while let Some(page) = self.read_page().await? {
            items.extend(page);
        }
        Ok(items)
    }

    async fn read_page(&mut self) -> Result<Option<Vec<T>>, Error> {
        if self.is_last {
            return Ok(None);
        }
        let request = self.request.clone().query("cursor", self.cursor.as_ref());
        let answer = self.client.send(&request).await?;
        let page: ListView<T> = answer.json()?;
        let next = &page.next_cursor;
        if next.is_some() && [&self.cursor, &self.landmark].contains(&next) {
            return Err(answer.unusable(Unusable::Circle));
        }
        self.pages += 1;
        if self.pages.is_power_of_two() {
            self.landmark.clone_from(next);
        }
        self.is_last = page.next_cursor.is_none();
        self.cursor = page.next_cursor;
        Ok(Some(page.items))
    }
}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unread = self.read.len();
        f.debug_struct("Pages").field("cursor", &self.cursor).field("unread", &unread).finish()
    }
}
