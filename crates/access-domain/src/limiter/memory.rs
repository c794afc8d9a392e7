//! Limits of one process, exact, in its memory.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use keys_core::{Outcome, RateDecision, RateState, Timestamp, take};

use crate::{
    Clock,
    limiter::{Limiter, LimiterFailed, Quota, RateSubject},
};

/// So many parts are locked by themselves, so that calls of different keys rarely meet.
const SHARDS: usize = 64;
/// So many states are kept, of all shards together. Only holders of right keys get one, and it is
/// forgotten within a minute of its last call.
const MAX_STATES: usize = 1 << 20;
/// A shard that is smaller is not swept.
const LEAST_SWEPT: usize = 64;

/// A [`Limiter`] for one process.
pub struct MemoryLimiter {
    clock: Arc<dyn Clock>,
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
    /// How many states a shard keeps.
    capacity: usize,
}

struct Shard {
    states: HashMap<RateSubject, RateState>,
    /// At this size idle states are forgotten; then it is twice of what is left, so that sweeping
    /// costs each call next to nothing.
    swept_at: usize,
}

impl MemoryLimiter {
    /// A limiter of which nothing has been taken.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::of_size(clock, SHARDS, MAX_STATES / SHARDS)
    }

    fn of_size(clock: Arc<dyn Clock>, shards: usize, capacity: usize) -> Self {
        let empty = || Mutex::new(Shard { states: HashMap::new(), swept_at: LEAST_SWEPT });
        let shards = std::iter::repeat_with(empty).take(shards).collect();
        Self { clock, hasher: RandomState::new(), shards, capacity }
    }

    fn shard(&self, subject: RateSubject) -> Option<MutexGuard<'_, Shard>> {
        let spread = usize::try_from(self.hasher.hash_one(subject) & 0xffff).unwrap_or_default();
        let shard = self.shards.get(spread % self.shards.len().max(1))?;
        // Whoever panicked under the lock left whole states: each is one number.
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn decide(&self, quota: Quota, cost: u32, is_taken: bool) -> RateDecision {
        let now = self.clock.now();
        let Quota { subject, limit } = quota;
        let Some(mut shard) = self.shard(subject) else {
            return take(RateState::default(), limit, now, cost).1;
        };
        let before = shard.states.get(&subject).copied().unwrap_or_default();
        let (after, decision) = take(before, limit, now, cost);
        if is_taken && after != before && !after.is_idle(now) {
            shard.keep(subject, after, now, self.capacity);
        }
        decision
    }
}

impl Limiter for MemoryLimiter {
    fn take(&self, quota: Quota, cost: u32) -> Outcome<Result<RateDecision, LimiterFailed>> {
        Outcome::Ready(Ok(self.decide(quota, cost, true)))
    }

    fn peek(&self, quota: Quota, cost: u32) -> Outcome<Result<RateDecision, LimiterFailed>> {
        let decision = self.decide(quota, cost, false);
        let left = self.decide(quota, 0, false);
        Outcome::Ready(Ok(RateDecision {
            remaining: left.remaining,
            reset: left.reset,
            ..decision
        }))
    }
}

impl Shard {
    fn keep(&mut self, subject: RateSubject, state: RateState, now: Timestamp, capacity: usize) {
        if self.states.len() >= self.swept_at.min(capacity) && !self.states.contains_key(&subject) {
            self.sweep(now, capacity);
        }
        self.states.insert(subject, state);
    }

    /// Forgets what is idle. If that makes no room, what would be idle soonest, half of it all: it
    /// is the least that was taken.
    fn sweep(&mut self, now: Timestamp, capacity: usize) {
        self.states.retain(|_, state| !state.is_idle(now));
        if self.states.len() >= capacity {
            let mut all: Vec<RateState> = self.states.values().copied().collect();
            let (_, middle, _) = all.select_nth_unstable(capacity / 2);
            let middle = *middle;
            self.states.retain(|_, state| *state > middle);
        }
        self.swept_at = (self.states.len() * 2).max(LEAST_SWEPT);
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, time::Duration};

    use keys_core::RateLimit;
    use uuid::Uuid;

    use super::*;

    struct Held(Mutex<Timestamp>);

    impl Clock for Held {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    fn limiter(shards: usize, capacity: usize) -> (Arc<Held>, MemoryLimiter) {
        let clock = Arc::new(Held(Mutex::new(Timestamp::UNIX_EPOCH)));
        (clock.clone(), MemoryLimiter::of_size(clock, shards, capacity))
    }

    fn quota(key: u128, calls: u32) -> Quota {
        let limit = RateLimit::per_minute(calls).unwrap();
        Quota { subject: RateSubject::Key(Uuid::from_u128(key).into()), limit }
    }

    fn ready(answer: Outcome<Result<RateDecision, LimiterFailed>>) -> RateDecision {
        match answer {
            Outcome::Ready(Ok(decision)) => decision,
            Outcome::Ready(Err(_)) | Outcome::Later(_) => panic!("memory answers at once"),
        }
    }

    #[test]
    fn each_subject_has_a_limit_of_its_own() {
        let (clock, limiter) = limiter(4, 100);
        assert!(ready(limiter.take(quota(1, 2), 2)).is_allowed);
        assert!(!ready(limiter.take(quota(1, 2), 1)).is_allowed);
        assert!(ready(limiter.take(quota(2, 2), 1)).is_allowed);
        let explanations = RateSubject::Explanations(Uuid::from_u128(1));
        assert!(ready(limiter.take(Quota { subject: explanations, ..quota(1, 2) }, 1)).is_allowed);
        *clock.0.lock().unwrap() += Duration::from_secs(30);
        assert!(ready(limiter.take(quota(1, 2), 1)).is_allowed);
    }

    #[test]
    fn to_peek_takes_nothing() {
        let (_, limiter) = limiter(4, 100);
        ready(limiter.take(quota(1, 10), 4));
        for _ in 0..3 {
            let seen = ready(limiter.peek(quota(1, 10), 6));
            assert_eq!((seen.is_allowed, seen.remaining), (true, 6));
            assert_eq!(seen.reset, Duration::from_secs(24));
            assert!(!ready(limiter.peek(quota(1, 10), 7)).is_allowed);
        }
        assert_eq!(ready(limiter.take(quota(1, 10), 6)).remaining, 0);
    }

    #[test]
    fn threads_together_get_no_more_than_the_limit() {
        let (_, limiter) = limiter(4, 100);
        let passed = |_| (0..100).filter(|_| ready(limiter.take(quota(1, 150), 1)).is_allowed);
        let passed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|n| scope.spawn(move || passed(n).count())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, 150);
    }

    #[test]
    fn what_is_idle_is_forgotten() {
        let (clock, limiter) = limiter(1, 10_000);
        for key in 0..LEAST_SWEPT as u128 {
            ready(limiter.take(quota(key, 60), 1));
        }
        *clock.0.lock().unwrap() += Duration::from_secs(1);
        ready(limiter.take(quota(9999, 60), 1));
        assert_eq!(limiter.shards[0].lock().unwrap().states.len(), 1);
    }

    #[test]
    fn a_full_limiter_forgets_those_who_took_least() {
        let (_, limiter) = limiter(1, 100);
        let spent = quota(1_000_000, 60);
        ready(limiter.take(spent, 60));
        for key in 0..100_000 {
            ready(limiter.take(quota(key, 60), 1));
            assert!(limiter.shards[0].lock().unwrap().states.len() <= 100);
        }
        assert!(!ready(limiter.take(spent, 1)).is_allowed);
    }
}
