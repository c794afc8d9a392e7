//! When keys last changed, as far as this node has heard: from storage of what it changes itself, from its follower of the rest.

use std::{
    array,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use access_domain::{Clock, KeyChanges, OrganizationId};
use keys_core::Timestamp;
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
    /// Every change that was saved before then has been heard of: microseconds of uptime, and of the wall clock.
    confirmed_uptime: AtomicU64,
    confirmed_wall: AtomicI64,
}

/// An instant by two clocks: the one stands still while the machine sleeps, the other can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub(crate) uptime: Duration,
    pub(crate) wall: Timestamp,
}

impl Moment {
    /// Now.
    pub fn of(clock: &dyn Clock) -> Self {
        Self { uptime: clock.uptime(), wall: clock.now() }
    }

    /// How long before `now` this was, by the clock that says longer.
    pub(crate) fn age(self, now: Self) -> Duration {
        let by_wall = (now.wall - self.wall).to_std().unwrap_or_default();
        by_wall.max(now.uptime.saturating_sub(self.uptime))
    }
}

impl Default for KeyEpochs {
    fn default() -> Self {
        Self {
            now: AtomicU64::new(0),
            last_changes: array::from_fn(|_| AtomicU64::new(0)),
            told: watch::Sender::new(()),
            heard: array::from_fn(|_| Mutex::default()),
            confirmed_uptime: AtomicU64::new(0),
            confirmed_wall: AtomicI64::new(i64::MIN),
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

    /// Says that every change that was saved before `at` has been heard of.
    pub fn confirm(&self, at: Moment) {
        let micros = u64::try_from(at.uptime.as_micros()).unwrap_or_default();
        // Whoever reads between the two sees one of them as it was before: the older one counts.
        self.confirmed_uptime.store(micros, Ordering::SeqCst);
        self.confirmed_wall.store(at.wall.timestamp_micros(), Ordering::SeqCst);
    }

    /// Until when every change has been heard of; `None` before any was confirmed.
    pub(crate) fn confirmed(&self) -> Option<Moment> {
        let wall = self.confirmed_wall.load(Ordering::SeqCst);
        let uptime = Duration::from_micros(self.confirmed_uptime.load(Ordering::SeqCst));
        let wall = (wall != i64::MIN).then(|| Timestamp::from_timestamp_micros(wall)).flatten()?;
        Some(Moment { uptime, wall })
    }

    /// Raises every number: nothing that is remembered may hold any more, and numbers are heard of anew.
    pub fn raise_all(&self) {
        for heard in &self.heard {
            *heard.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        let change = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        for last in &self.last_changes {
            last.fetch_max(change, Ordering::SeqCst);
        }
        self.told.send_replace(());
    }

    /// Raises the organization's number where storage tells of a change that this node has not heard of. Whoever is told of it
    /// afterwards is not answered from before it here.
    pub fn hear(&self, organization: OrganizationId, number: u64) {
        let Some(place) = self.heard.get(index(organization)) else { return };
        // No panic leaves half of it. Held until the number is raised: whoever finds it noted here relies on that.
        let mut heard = place.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.is_some_and(|(whose, last)| whose == organization && last >= number) {
            return;
        }
        *heard = Some((organization, number));
        self.count(organization);
    }

    fn count(&self, organization: OrganizationId) {
        let change = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(last) = self.place(organization) {
            // Of two changes at once, the later number stays.
            last.fetch_max(change, Ordering::SeqCst);
        }
        self.told.send_replace(());
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
    fn raise(&self, organization: OrganizationId, number: Option<u64>) {
        if let Some(number) = number
            && let Some(place) = self.heard.get(index(organization))
        {
            // The follower will hear of it again, and need not raise once more.
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some((organization, number));
        }
        self.count(organization);
    }
}
