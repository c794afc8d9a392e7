//! Which keys may be verified otherwise than before, for whoever remembers how a key was verified. Knows nothing of who waits for
//! the next change.

use std::sync::Arc;

use keys_core::KeyId;

use crate::{Granted, OrganizationId, StoreError, VerifyKeys};

/// Whoever has missed more changes forgets everything.
const MAX_TOLD: u32 = 1000;

/// The changes of an organization's keys, as storage numbers them: one after the other.
pub trait KeyFeedStore: Send + Sync {
    /// At most `limit` keys that have changed after the change `since`, the longest unchanged first, each once, and the number of
    /// the last change.
    ///
    /// # Errors
    /// When storage fails.
    fn changed_keys(
        &self,
        organization: OrganizationId,
        since: u64,
        limit: u32,
    ) -> Result<ChangedKeys, StoreError>;
}

/// What storage knows of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedKeys {
    /// The number of the organization's last change; 0 if there was none. A later change may be among the keys already.
    pub now: u64,
    /// Those that have changed.
    pub keys: Vec<KeyId>,
}

/// What somebody who remembers verifications has to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyNews {
    /// What is remembered of these keys may not hold any more.
    pub changed: Vec<KeyId>,
    /// What to ask from the next time.
    pub next: u64,
    /// Whether what is remembered of any key may not hold any more: too much has changed to be told one by one, or the caller
    /// knows of changes that have not been, since a database was restored.
    pub forgets_all: bool,
}

impl KeyNews {
    /// Whether somebody who has heard of everything up to `since` hears of anything.
    pub fn tells_anything(&self, since: u64) -> bool {
        self.forgets_all || self.next != since
    }
}

/// The use case of whoever follows the changes of keys.
pub struct KeyFeed {
    /// Where changes are numbered.
    pub store: Arc<dyn KeyFeedStore>,
}

impl KeyFeed {
    /// What has changed since the change of that number; `None`: nothing is remembered yet, and the caller wants to know from where
    /// to go on.
    ///
    /// # Errors
    /// When storage fails.
    pub fn since(
        &self,
        granted: &Granted<VerifyKeys>,
        since: Option<u64>,
    ) -> Result<KeyNews, StoreError> {
        let (from, limit) = since.map_or((u64::MAX, 0), |since| (since, MAX_TOLD + 1));
        self.store.changed_keys(granted.organization(), from, limit).map(|told| news(told, since))
    }
}

fn news(told: ChangedKeys, since: Option<u64>) -> KeyNews {
    let ChangedKeys { now: next, keys: changed } = told;
    let too_many = changed.len() > usize::try_from(MAX_TOLD).unwrap_or(usize::MAX);
    let forgets_all = too_many || since.is_some_and(|since| since > next);
    KeyNews { changed: if forgets_all { Vec::new() } else { changed }, next, forgets_all }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[track_caller]
    fn check(changed: u32, now: u64, since: Option<u64>, expected: (usize, bool)) {
        let keys = (0..changed).map(|number| Uuid::from_u128(number.into()).into()).collect();
        let news = news(ChangedKeys { now, keys }, since);
        assert_eq!((news.changed.len(), news.forgets_all), expected);
        assert_eq!(news.next, now);
    }

    #[test]
    fn changes_are_told_one_by_one_up_to_a_bound() {
        check(0, 7, None, (0, false));
        check(0, 7, Some(7), (0, false));
        check(2, 7, Some(5), (2, false));
        check(MAX_TOLD, 2000, Some(0), (1000, false));
        check(MAX_TOLD + 1, 2000, Some(0), (0, true));
    }

    #[test]
    fn whoever_knows_of_changes_that_have_not_been_forgets_everything() {
        check(0, 7, Some(8), (0, true));
    }
}
