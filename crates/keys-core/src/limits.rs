//! Rate limits kept in memory, and never too many of them.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash, RandomState},
    sync::{Mutex, PoisonError},
};

use crate::{KeyId, RateDecision, RateLimit, RateState, Timestamp, take};

/// A table that is smaller is not swept.
const LEAST_SWEPT: usize = 64;

/// A table of [`RateState`]s that forgets what is idle, and holds no more than it was made for.
///
/// Only what is not idle need be kept; a subject that is not there has [`RateState::default`].
///
/// ```
/// use keys_core::{RateLimit, RateStates, Timestamp, take};
///
/// let (mut states, now) = (RateStates::new(1000), Timestamp::UNIX_EPOCH);
/// let limit = RateLimit::per_minute(1).ok_or("a limit of nothing")?;
/// let (after, told) = take(states.get(&"orders"), limit, now, 1);
/// states.keep("orders", after, now);
/// assert!(told.is_allowed);
/// assert!(!take(states.get(&"orders"), limit, now, 1).1.is_allowed);
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug)]
pub struct RateStates<K> {
    states: HashMap<K, RateState>,
    capacity: usize,
    /// At this size idle states are forgotten; then it is twice of what is left, so that sweeping
    /// costs each call next to nothing.
    swept_at: usize,
}

impl<K: Eq + Hash> RateStates<K> {
    /// An empty table of at most `capacity` states.
    pub fn new(capacity: usize) -> Self {
        Self { states: HashMap::new(), capacity, swept_at: LEAST_SWEPT }
    }

    /// What is remembered of `subject`.
    pub fn get(&self, subject: &K) -> RateState {
        self.states.get(subject).copied().unwrap_or_default()
    }

    /// Remembers what was taken from `subject`, unless it is idle at `now` already. Where there is no
    /// room, what is idle is forgotten; and if that does not help, what would be idle soonest, half
    /// of it all: it is the least that was taken.
    pub fn keep(&mut self, subject: K, state: RateState, now: Timestamp) {
        if state.is_idle(now) {
            return;
        }
        if self.states.len() >= self.swept_at.min(self.capacity)
            && !self.states.contains_key(&subject)
        {
            self.sweep(now);
        }
        self.states.insert(subject, state);
    }

    /// How many states it holds.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    fn sweep(&mut self, now: Timestamp) {
        self.states.retain(|_, state| !state.is_idle(now));
        if self.states.len() >= self.capacity {
            let mut all: Vec<RateState> = self.states.values().copied().collect();
            let middle = all.len() / 2;
            if let Some(middle) =
                all.get(middle).is_some().then(|| *all.select_nth_unstable(middle).1)
            {
                self.states.retain(|_, state| *state > middle);
            }
        }
        self.swept_at = (self.states.len() * 2).max(LEAST_SWEPT);
    }
}

/// So many parts are locked by themselves, so that calls of different keys rarely meet.
const SHARDS: usize = 16;
/// So many states are kept, of all shards together. A state is forgotten within a minute of the last
/// call of its key.
const MAX_STATES: usize = 1 << 20;

/// The limits of keys, in the memory of one process: exact there, and unknown to any other.
#[derive(Debug)]
pub struct MemoryLimits {
    hasher: RandomState,
    shards: [Mutex<RateStates<KeyId>>; SHARDS],
}

impl Default for MemoryLimits {
    /// Limits of which nothing has been taken.
    fn default() -> Self {
        let shards = std::array::from_fn(|_| Mutex::new(RateStates::new(MAX_STATES / SHARDS)));
        Self { hasher: RandomState::new(), shards }
    }
}

impl MemoryLimits {
    /// Takes `cost` calls from the `limit` of `key`, all or nothing, as [`take`] does.
    pub fn take(&self, key: KeyId, limit: RateLimit, now: Timestamp, cost: u32) -> RateDecision {
        let place = usize::try_from(self.hasher.hash_one(key) & 0xffff).unwrap_or_default();
        let Some(shard) = self.shards.get(place % SHARDS) else {
            return take(RateState::default(), limit, now, cost).1;
        };
        // Whoever panicked under the lock left whole states: each is one number.
        let mut states = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let (after, decision) = take(states.get(&key), limit, now, cost);
        if decision.is_allowed {
            states.keep(key, after, now);
        }
        decision
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn each_key_has_a_limit_of_its_own() {
        let limits = MemoryLimits::default();
        let limit = RateLimit::per_minute(2).unwrap();
        let taken = |key, cost| limits.take(KeyId::from_u128(key), limit, NOW, cost).is_allowed;
        assert!(taken(1, 2) && !taken(1, 1));
        assert!((2..1000).all(|key| taken(key, 2) && !taken(key, 1)));
    }

    #[test]
    fn threads_that_spend_one_limit_come_to_it_exactly() {
        let limits = MemoryLimits::default();
        let limit = RateLimit::per_minute(100).unwrap();
        let spend = || {
            let take = |_: &i32| limits.take(KeyId::from_u128(1), limit, NOW, 1).is_allowed;
            (0..50).filter(take).count()
        };
        let passed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(spend)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, 100);
    }

    #[test]
    fn what_is_idle_is_forgotten_and_what_would_be_soonest_makes_room() {
        let mut states = RateStates::new(100);
        let limit = RateLimit::per_minute(60).unwrap();
        let after = |cost, now| take(RateState::default(), limit, now, cost).0;
        for subject in 0..100 {
            states.keep(subject, after(1 + subject / 50, NOW), NOW);
        }
        states.keep(100, after(60, NOW), NOW);
        assert!(states.len() <= 100, "{}", states.len());
        assert_eq!((states.get(&0), states.get(&100)), (RateState::default(), after(60, NOW)));
        let later = NOW + TimeDelta::minutes(2);
        for subject in 200..300 {
            states.keep(subject, after(1, later), later);
        }
        assert!(states.len() <= 100);
        states.keep(301, RateState::default(), later);
        assert_eq!(states.get(&301), RateState::default());
    }
}
