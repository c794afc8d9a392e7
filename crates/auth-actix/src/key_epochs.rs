//! When keys last changed on this node, as storage tells it.

use std::{
    array,
    sync::atomic::{AtomicU64, Ordering},
};

use access_domain::{KeyChanges, OrganizationId};

/// Organizations share places; one that shares with another is only asked for more often.
const PLACES: usize = 256;

/// Counts the changes of keys, and keeps for each organization the number of its last one.
///
/// Whoever reads keys from storage notes the number *before* reading: what was read holds as long as
/// the organization has no later change. Invariant: a change is durable when it is counted, and its
/// caller is answered afterwards.
pub struct KeyEpochs {
    now: AtomicU64,
    last_changes: [AtomicU64; PLACES],
}

impl Default for KeyEpochs {
    fn default() -> Self {
        Self { now: AtomicU64::new(0), last_changes: array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl KeyEpochs {
    /// The number of the last change of all.
    pub(crate) fn now(&self) -> u64 {
        self.now.load(Ordering::SeqCst)
    }

    /// The number of the organization's last change, or a later one.
    pub(crate) fn last_change(&self, organization: OrganizationId) -> u64 {
        self.place(organization).map_or(u64::MAX, |change| change.load(Ordering::SeqCst))
    }

    fn place(&self, organization: OrganizationId) -> Option<&AtomicU64> {
        // The last byte of an id is random; the first ones are the time.
        self.last_changes.get(organization.uuid().as_u128() as usize % PLACES)
    }
}

impl KeyChanges for KeyEpochs {
    fn raise(&self, organization: OrganizationId) {
        let change = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(last) = self.place(organization) {
            // Of two changes at once, the later number stays.
            last.fetch_max(change, Ordering::SeqCst);
        }
    }
}
