//! When keys last changed on this node, as storage tells it.

use std::{
    array,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use access_domain::{KeyChanges, OrganizationId};
use tokio::sync::watch;

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
    /// Wakes whoever waits for a change.
    told: watch::Sender<()>,
    /// Whose change was heard of last, by the number that storage gave it.
    heard: [Mutex<Option<(OrganizationId, u64)>>; PLACES],
}

impl Default for KeyEpochs {
    fn default() -> Self {
        Self {
            now: AtomicU64::new(0),
            last_changes: array::from_fn(|_| AtomicU64::new(0)),
            told: watch::Sender::new(()),
            heard: array::from_fn(|_| Mutex::default()),
        }
    }
}

impl KeyEpochs {
    /// The number of the last change of all.
    pub(crate) fn now(&self) -> u64 {
        self.now.load(Ordering::SeqCst)
    }

    /// The number of the organization's last change on this node, or a later one.
    pub fn last_change(&self, organization: OrganizationId) -> u64 {
        self.place(organization).map_or(u64::MAX, |change| change.load(Ordering::SeqCst))
    }

    /// Ends when this node has changed keys of the organization since `seen`, as [`KeyEpochs::last_change`] told it, or those of
    /// another one that shares its place.
    pub async fn changed_since(&self, organization: OrganizationId, seen: u64) {
        // Subscribed before it is looked at: a change between the two is not missed.
        let mut told = self.told.subscribe();
        while self.last_change(organization) <= seen {
            // The sender lives as long as `self`.
            let _ = told.changed().await;
        }
    }

    /// Raises the organization's number where storage tells of a change that this node has not heard of. Whoever is told of it
    /// afterwards is not answered from before it here.
    pub fn hear(&self, organization: OrganizationId, number: u64) {
        let Some(place) = self.heard.get(index(organization)) else { return };
        {
            // No panic leaves half of it.
            let mut heard = place.lock().unwrap_or_else(PoisonError::into_inner);
            if heard.is_some_and(|(whose, last)| whose == organization && last >= number) {
                return;
            }
            *heard = Some((organization, number));
        }
        self.raise(organization);
    }

    fn place(&self, organization: OrganizationId) -> Option<&AtomicU64> {
        self.last_changes.get(index(organization))
    }
}

fn index(organization: OrganizationId) -> usize {
    // The last byte of an id is random; the first ones are the time.
    organization.uuid().as_u128() as usize % PLACES
}

impl KeyChanges for KeyEpochs {
    fn raise(&self, organization: OrganizationId) {
        let change = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(last) = self.place(organization) {
            // Of two changes at once, the later number stays.
            last.fetch_max(change, Ordering::SeqCst);
        }
        self.told.send_replace(());
    }
}
