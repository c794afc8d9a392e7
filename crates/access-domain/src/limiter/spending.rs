//! What several limits say to one call, once it is known what was taken from each before.

use keys_core::{RateDecision, RateState, Timestamp, take};

use crate::limiter::{Limited, Quotas, RateSubject};

/// What the limits of a call say, all of them asked in the same instant: wherever the states are
/// kept, they are kept as this says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spending([Option<Asked>; 2]);

#[derive(Debug, Clone, Copy)]
struct Asked {
    before: RateState,
    after: RateState,
    limited: Limited,
}

impl Spending {
    /// Asks every quota for `cost` calls at `now`; `before` tells what was taken from each.
    pub fn of(
        quotas: Quotas,
        now: Timestamp,
        cost: u32,
        mut before: impl FnMut(RateSubject) -> RateState,
    ) -> Self {
        Self(quotas.0.map(|quota| {
            let quota = quota?;
            let before = before(quota.subject);
            let (after, decision) = take(before, quota.limit, now, cost);
            let limited = Limited { subject: quota.subject, decision };
            Some(Asked { before, after, limited })
        }))
    }

    /// Whether every limit lets the call pass: all of them are spent then, or none.
    pub fn is_allowed(&self) -> bool {
        self.all().all(|asked| asked.limited.decision.is_allowed)
    }

    /// What the caller hears of it; nothing where nothing is limited.
    pub fn told(&self) -> Option<Limited> {
        Limited::tightest(self.all().map(|asked| asked.limited))
    }

    /// The same where nothing is taken: whether the call would pass, and what is left now.
    pub fn foretold(&self, now: Timestamp) -> Option<Limited> {
        let told = self.told()?;
        let asked = self.all().find(|asked| asked.limited.subject == told.subject)?;
        let (_, left) = take(asked.before, told.decision.limit, now, 0);
        let decision =
            RateDecision { remaining: left.remaining, reset: left.reset, ..told.decision };
        Some(Limited { decision, ..told })
    }

    /// What is to be kept of each subject where the call passes.
    pub fn after(&self) -> impl Iterator<Item = (RateSubject, RateState)> {
        self.all().map(|asked| (asked.limited.subject, asked.after))
    }

    fn all(&self) -> impl Iterator<Item = Asked> {
        self.0.into_iter().flatten()
    }
}
