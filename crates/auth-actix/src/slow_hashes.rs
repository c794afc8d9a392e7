//! Keys that only a slow hash can tell: one is checked at a time, few may wait, and of each prefix
//! few guesses may go wrong. Knows nothing of where the hashes are kept.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use access_domain::{Clock, KeyMatches, PresentedKey};
use keys_core::{ForeignPrefix, RateLimit, RateState, take};

/// How many wait for their turn; a check takes up to a second.
const MAX_WAITING: usize = 16;
/// How many guesses at the keys of one prefix may go wrong in a minute.
const FAILURES_PER_MINUTE: u32 = 5;
/// Prefixes that are remembered before those are looked for that may be forgotten. Only a prefix
/// that somebody imported is remembered at all.
const MANY_PREFIXES: usize = 4096;
/// When to try again where too many wait.
const BUSY: Duration = Duration::from_secs(2);

/// Checks slow hashes, on the threads of those who ask.
#[derive(Default)]
pub(crate) struct SlowHashes {
    waiting: AtomicUsize,
    turn: Mutex<()>,
    failures: Mutex<HashMap<ForeignPrefix, RateState>>,
}

impl SlowHashes {
    /// What was found for `key`, its candidates checked; or nothing, and how long to wait. Takes as
    /// long as the hashes and those before it take: for a thread that may be blocked.
    pub(crate) fn check(
        &self,
        key: &PresentedKey,
        found: KeyMatches,
        clock: &dyn Clock,
    ) -> KeyMatches {
        let text = key.plaintext.for_digest();
        let Some(prefix) = ForeignPrefix::of_key(text) else { return found.checked(|_| false) };
        let Some(_place) = self.place() else { return KeyMatches::unchecked(BUSY) };
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked in turn, so that of many guesses at once no more are checked than of as many in a row.
        if let Some(wait) = self.wait(&prefix, clock) {
            return KeyMatches::unchecked(wait);
        }
        let had = found.iter().count();
        let checked = found.checked(|hash| hash.verify(text));
        if checked.iter().count() == had {
            self.fail(prefix, clock);
        }
        checked
    }

    fn place(&self) -> Option<Place<'_>> {
        // One whose turn it is, and those who wait.
        let before = self.waiting.fetch_add(1, Ordering::SeqCst);
        let place = Place(&self.waiting);
        (before <= MAX_WAITING).then_some(place)
    }

    fn wait(&self, prefix: &ForeignPrefix, clock: &dyn Clock) -> Option<Duration> {
        let state = self.failures().get(prefix).copied()?;
        let (_, decision) = take(state, limit()?, clock.now(), 1);
        (!decision.is_allowed).then_some(decision.retry_after)
    }

    fn fail(&self, prefix: ForeignPrefix, clock: &dyn Clock) {
        let (Some(limit), now) = (limit(), clock.now()) else { return };
        let mut failures = self.failures();
        if failures.len() >= MANY_PREFIXES {
            failures.retain(|_, state| !state.is_idle(now));
        }
        let state = failures.entry(prefix).or_default();
        (*state, _) = take(*state, limit, now, 1);
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<ForeignPrefix, RateState>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among those who wait, given back when it is dropped.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn limit() -> Option<RateLimit> {
    RateLimit::per_minute(FAILURES_PER_MINUTE)
}
