//! Limits of one process, exact, in its memory.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use keys_core::{Outcome, RateStates, Timestamp};

use crate::{
    Clock,
    limiter::{Limiter, Limiting, Quotas, RateSubject, Spending},
};

/// So many parts are locked by themselves, so that calls of different keys rarely meet.
const SHARDS: usize = 64;
/// So many states are kept, of all shards together. Only holders of right keys get one, and it is
/// forgotten within a minute of its last call.
const MAX_STATES: usize = 1 << 20;

/// A [`Limiter`] for one process.
pub struct MemoryLimiter {
    clock: Arc<dyn Clock>,
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

/// What was taken from the subjects of one shard.
type Shard = RateStates<RateSubject>;

impl MemoryLimiter {
    /// A limiter of which nothing has been taken.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::of_size(clock, SHARDS, MAX_STATES / SHARDS)
    }

    fn of_size(clock: Arc<dyn Clock>, shards: usize, capacity: usize) -> Self {
        let empty = || Mutex::new(Shard::new(capacity));
        let shards = std::iter::repeat_with(empty).take(shards).collect();
        Self { clock, hasher: RandomState::new(), shards }
    }

    fn place(&self, subject: RateSubject) -> usize {
        let spread = usize::try_from(self.hasher.hash_one(subject) & 0xffff).unwrap_or_default();
        spread % self.shards.len().max(1)
    }

    /// The shards of a call's quotas, locked in their order, so that no two calls wait for each
    /// other.
    fn lock(&self, quotas: Quotas) -> Locked<'_> {
        let mut places = quotas.iter().map(|quota| self.place(quota.subject));
        let (one, other) = (places.next(), places.next());
        let lock = |place: usize| {
            // Whoever panicked under the lock left whole states: each is one number.
            let shard = self.shards.get(place)?;
            Some((place, shard.lock().unwrap_or_else(PoisonError::into_inner)))
        };
        match (one, other) {
            (Some(one), Some(other)) if one != other => {
                let first = lock(one.min(other));
                Locked([first, lock(one.max(other))])
            }
            (one, _) => Locked([one.and_then(lock), None]),
        }
    }

    /// What the limits say, all of them locked; and it is kept, if the call passes and is to count.
    fn decide(&self, quotas: Quotas, now: Timestamp, cost: u32, is_taken: bool) -> Spending {
        let mut locked = self.lock(quotas);
        let spending = Spending::of(quotas, now, cost, |subject| {
            let before = locked.shard(self.place(subject)).map(|shard| shard.get(&subject));
            before.unwrap_or_default()
        });
        if is_taken && spending.is_allowed() {
            for (subject, after) in spending.after() {
                if let Some(shard) = locked.shard(self.place(subject)) {
                    shard.keep(subject, after, now);
                }
            }
        }
        spending
    }
}

/// The shards that one call needs, by their places.
struct Locked<'a>([Option<(usize, MutexGuard<'a, Shard>)>; 2]);

impl Locked<'_> {
    fn shard(&mut self, place: usize) -> Option<&mut Shard> {
        let mut all = self.0.iter_mut().flatten();
        all.find(|(at, _)| *at == place).map(|(_, shard)| &mut **shard)
    }
}

impl Limiter for MemoryLimiter {
    fn take(&self, quotas: Quotas, cost: u32) -> Limiting {
        Outcome::Ready(Ok(self.decide(quotas, self.clock.now(), cost, true).told()))
    }

    fn peek(&self, quotas: Quotas, cost: u32) -> Limiting {
        let now = self.clock.now();
        Outcome::Ready(Ok(self.decide(quotas, now, cost, false).foretold(now)))
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, time::Duration};

    use keys_core::{RateDecision, RateLimit};
    use uuid::Uuid;

    use super::*;
    use crate::limiter::{Limited, Quota};

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

    fn quota(key: u128, calls: u32) -> Quotas {
        let limit = RateLimit::per_minute(calls).unwrap();
        quota_of(RateSubject::Key(Uuid::from_u128(key).into()), limit)
    }

    fn quota_of(subject: RateSubject, limit: RateLimit) -> Quotas {
        Some(Quota { organization: Uuid::nil().into(), subject, limit }).into()
    }

    fn limited(answer: Limiting) -> Limited {
        match answer {
            Outcome::Ready(Ok(Some(limited))) => limited,
            Outcome::Ready(Ok(None)) => panic!("something is limited"),
            Outcome::Ready(Err(_)) | Outcome::Later(_) => panic!("memory answers at once"),
        }
    }

    fn ready(answer: Limiting) -> RateDecision {
        limited(answer).decision
    }

    fn both(key: (u128, u32), deployment: (u128, u32)) -> Quotas {
        let of =
            |subject, calls| quota_of(subject, RateLimit::per_minute(calls).unwrap()).iter().next();
        Quotas::new(
            of(RateSubject::Key(Uuid::from_u128(key.0).into()), key.1),
            of(RateSubject::Deployment(Uuid::from_u128(deployment.0).into()), deployment.1),
        )
    }

    #[test]
    fn each_subject_has_a_limit_of_its_own() {
        let (clock, limiter) = limiter(4, 100);
        assert!(ready(limiter.take(quota(1, 2), 2)).is_allowed);
        assert!(!ready(limiter.take(quota(1, 2), 1)).is_allowed);
        assert!(ready(limiter.take(quota(2, 2), 1)).is_allowed);
        let limit = RateLimit::per_minute(2).unwrap();
        let subject = RateSubject::Explanations(Uuid::from_u128(1));
        assert!(ready(limiter.take(quota_of(subject, limit), 1)).is_allowed);
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
    fn of_two_limits_both_are_spent_or_neither() {
        for shards in [1, 2, 64] {
            let (_, limiter) = limiter(shards, 100);
            for deployment in 10..20 {
                let call = both((deployment, 5), (deployment, 3));
                for left in [2, 1, 0] {
                    let told = limited(limiter.take(call, 1));
                    assert_eq!(
                        (told.subject.name(), told.decision.remaining),
                        ("deployment", left)
                    );
                }
                let refused = limited(limiter.take(call, 1));
                assert_eq!(refused.subject.name(), "deployment");
                assert_eq!(refused.decision.retry_after, Duration::from_secs(20));
                assert_eq!(ready(limiter.peek(quota(deployment, 5), 1)).remaining, 2, "of the key");
                let roomier = both((deployment, 2), (deployment, 100));
                assert_eq!(limited(limiter.take(roomier, 1)).subject.name(), "key");
            }
        }
    }

    #[test]
    fn nothing_limited_is_nothing_told() {
        let (_, limiter) = limiter(4, 100);
        assert!(matches!(limiter.take(Quotas::default(), 1), Outcome::Ready(Ok(None))));
        assert!(Quotas::default().is_empty() && !quota(1, 1).is_empty());
    }

    #[test]
    fn threads_that_spend_two_limits_in_any_order_come_to_an_end_and_to_the_limit() {
        let (_, limiter) = limiter(8, 1000);
        let spend = |n: u128| {
            let calls = (0..300_u128).map(move |call| both((call * n % 7, 1000), (call % 5, 40)));
            calls.filter(|call| ready(limiter.take(*call, 1)).is_allowed).count()
        };
        let passed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (1..9).map(|n| scope.spawn(move || spend(n))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, 5 * 40);
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
        for key in 0..64 {
            ready(limiter.take(quota(key, 60), 1));
        }
        *clock.0.lock().unwrap() += Duration::from_secs(1);
        ready(limiter.take(quota(9999, 60), 1));
        assert_eq!(limiter.shards[0].lock().unwrap().len(), 1);
    }

    #[test]
    fn a_full_limiter_forgets_those_who_took_least() {
        let (_, limiter) = limiter(1, 100);
        let spent = quota(1_000_000, 60);
        ready(limiter.take(spent, 60));
        for key in 0..100_000 {
            ready(limiter.take(quota(key, 60), 1));
            assert!(limiter.shards[0].lock().unwrap().len() <= 100);
        }
        assert!(!ready(limiter.take(spent, 1)).is_allowed);
    }
}
