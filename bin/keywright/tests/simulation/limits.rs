//! The oracle of limits: who let which call pass, and whether anybody let more pass than a limit allows.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use access_domain::{Clock, Limiter, LimiterFailed, Limiting, MemoryLimiter, Quotas, RateSubject};
use keys_core::{Outcome, Timestamp};

use super::{
    given::CALLS,
    hands::{NodeClock, Reach, Truth, Way},
};

/// Who keeps account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Keeper {
    Shared,
    /// A node by itself; each start of it is another one.
    Local(usize),
}

/// Every call that was let pass: by whom, whose, and when by the keeper's own clock.
#[derive(Default)]
pub(super) struct Passes(Mutex<Vec<(Keeper, RateSubject, Timestamp)>>);

impl Passes {
    pub(super) fn count(&self, keeper: Keeper) -> usize {
        self.0.lock().unwrap().iter().filter(|(by, ..)| *by == keeper).count()
    }

    /// In no stretch of time did a keeper let pass more than its limit and what grew again meanwhile.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut each: BTreeMap<_, Vec<Timestamp>> = BTreeMap::new();
        for (keeper, subject, at) in self.0.lock().unwrap().iter() {
            each.entry((*keeper, format!("{subject:?}"))).or_default().push(*at);
        }
        for ((keeper, subject), times) in each {
            for (first, begin) in times.iter().enumerate() {
                for (last, end) in times.iter().enumerate().skip(first) {
                    // Over a clock that was set back there is no stretch.
                    if last > first && *end < times[last - 1] {
                        break;
                    }
                    let stretch = (*end - *begin).to_std().unwrap();
                    let grown = stretch.as_secs_f64() * f64::from(CALLS) / 60.0;
                    let passed = (last - first + 1) as f64;
                    if passed > f64::from(CALLS) + grown + 1e-6 {
                        return Err(format!(
                            "{keeper:?} let {passed} calls of {subject} pass in {stretch:?}"
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}

/// A limiter whose passes are noted.
pub(super) struct Noted {
    keeper: Keeper,
    limiter: MemoryLimiter,
    clock: Arc<dyn Clock>,
    passes: Arc<Passes>,
}

impl Noted {
    pub(super) fn new(keeper: Keeper, clock: Arc<dyn Clock>, passes: Arc<Passes>) -> Self {
        Self { keeper, limiter: MemoryLimiter::new(Arc::clone(&clock)), clock, passes }
    }
}

impl Limiter for Noted {
    fn take(&self, quotas: Quotas, cost: u32) -> Limiting {
        let Outcome::Ready(told) = self.limiter.take(quotas, cost) else {
            panic!("memory answers at once")
        };
        if matches!(&told, Ok(Some(limited)) if limited.decision.is_allowed) {
            let at = self.clock.now();
            let passed = quotas.iter().map(|quota| (self.keeper, quota.subject, at));
            self.passes.0.lock().unwrap().extend(passed);
        }
        Outcome::Ready(told)
    }

    fn peek(&self, quotas: Quotas, cost: u32) -> Limiting {
        self.limiter.peek(quotas, cost)
    }
}

/// The limiter that all nodes share, as one of them reaches it.
pub(super) struct Shared {
    pub(super) limiter: Arc<Noted>,
    pub(super) way: Arc<Way>,
}

impl Shared {
    fn failed() -> LimiterFailed {
        LimiterFailed("simulated".into())
    }
}

impl Limiter for Shared {
    fn take(&self, quotas: Quotas, cost: u32) -> Limiting {
        let told = match self.way.is() {
            Reach::Here => return self.limiter.take(quotas, cost),
            Reach::Away => Err(Self::failed()),
            Reach::Silent => {
                drop(self.limiter.take(quotas, cost));
                Err(Self::failed())
            }
        };
        Outcome::Later(Box::pin(async { told }))
    }

    fn peek(&self, quotas: Quotas, cost: u32) -> Limiting {
        self.limiter.peek(quotas, cost)
    }
}

/// The clock of what all nodes share.
pub(super) fn clock_of(truth: &Arc<Truth>) -> Arc<dyn Clock> {
    Arc::new(NodeClock::by(truth))
}

/// How long a way must have been good until everybody asks again, whatever clocks did.
pub(super) const HEALED_AFTER: Duration = Duration::from_secs(2);
