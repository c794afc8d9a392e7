//! Limits on how often something is done: whose they are, and the port that spends them. The
//! arithmetic is [`keys_core::take`].

mod fallback;
mod memory;
mod spending;

use std::{cmp::Reverse, error::Error};

use keys_core::{KeyId, Outcome, RateDecision, RateLimit};
use uuid::Uuid;

use crate::{DeploymentId, OrganizationId, Principal};

pub use self::{
    fallback::{FallbackLimiter, LimiterNews, LimiterWitness, OnLimiterFailure},
    memory::MemoryLimiter,
    spending::Spending,
};

/// Whose limit is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RateSubject {
    /// A key, whichever of its secrets is used.
    Key(KeyId),
    /// A deployment, whichever of its keys is used.
    Deployment(DeploymentId),
    /// The user or key that asks for explanations of other keys.
    Explanations(Uuid),
}

impl RateSubject {
    /// The name of the limit, for whoever runs into it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Key(_) => "key",
            Self::Deployment(_) => "deployment",
            Self::Explanations(_) => "explain",
        }
    }
}

/// What may be spent, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The tenant. One organization's accounts are kept in one place, where several places share
    /// the work: what one call spends is spent together there.
    pub organization: OrganizationId,
    /// By whom.
    pub subject: RateSubject,
    /// How much of it.
    pub limit: RateLimit,
}

impl Quota {
    /// How many keys a caller may have explained in a minute: it costs the server, and spends nothing
    /// of the keys.
    pub const EXPLANATIONS_A_MINUTE: u32 = 60;

    /// What a caller spends on explanations.
    pub fn of_explanations(who: &Principal) -> Option<Self> {
        let limit = RateLimit::per_minute(Self::EXPLANATIONS_A_MINUTE)?;
        let (organization, subject) =
            (who.organization().id, RateSubject::Explanations(who.actor()));
        Some(Self { organization, subject, limit })
    }
}

/// The quotas that one call spends: of its key, and of the deployment that it calls. All of them are
/// spent, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quotas([Option<Quota>; 2]);

impl Quotas {
    /// Of a key, and of what it calls; either may be unlimited. They are different subjects.
    pub fn new(key: Option<Quota>, deployment: Option<Quota>) -> Self {
        Self([key, deployment])
    }

    /// Each quota.
    pub fn iter(&self) -> impl Iterator<Item = Quota> {
        self.0.into_iter().flatten()
    }

    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl From<Option<Quota>> for Quotas {
    /// Of one that is spent alone, if there is one.
    fn from(quota: Option<Quota>) -> Self {
        Self::new(quota, None)
    }
}

/// What a limit said, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited {
    /// Whose.
    pub subject: RateSubject,
    /// What it said.
    pub decision: RateDecision,
}

impl Limited {
    /// Of several limits, the one that a caller should hear of: one that refuses before those that do
    /// not, then the one that refuses for longest, then the one of which least is left.
    pub fn tightest(several: impl IntoIterator<Item = Self>) -> Option<Self> {
        several.into_iter().min_by_key(|Self { decision, .. }| {
            (decision.is_allowed, Reverse(decision.retry_after), decision.remaining)
        })
    }
}

/// The limiter did not answer: nobody knows whether the limit holds. The source is for the log.
#[derive(Debug, thiserror::Error)]
#[error("the limiter did not answer")]
pub struct LimiterFailed(#[source] pub Box<dyn Error + Send + Sync>);

/// What a [`Limiter`] answers: the tightest of the limits, or none where nothing is limited. The call
/// may pass if that one allows it.
pub type Limiting = Outcome<Result<Option<Limited>, LimiterFailed>>;

/// Keeps account of limits. Memory answers at once, what several nodes share later.
pub trait Limiter: Send + Sync {
    /// Takes `cost` calls from each quota, or, where one of them has not as many left, from none.
    fn take(&self, quotas: Quotas, cost: u32) -> Limiting;

    /// What [`Limiter::take`] would answer, while nothing is taken: `remaining` tells what is left
    /// now.
    fn peek(&self, quotas: Quotas, cost: u32) -> Limiting;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limited(is_allowed: bool, remaining: u32, retry_seconds: u64) -> Limited {
        let limit = RateLimit::per_minute(100).unwrap();
        let (reset, retry_after) = (Duration::ZERO, Duration::from_secs(retry_seconds));
        Limited {
            subject: RateSubject::Key(Uuid::nil().into()),
            decision: RateDecision { is_allowed, limit, remaining, reset, retry_after },
        }
    }

    #[track_caller]
    fn check(several: [Limited; 2], expected: Limited) {
        assert_eq!(Limited::tightest(several), Some(expected));
        let [one, other] = several;
        assert_eq!(Limited::tightest([other, one]), Some(expected));
    }

    #[test]
    fn a_caller_hears_of_the_limit_that_holds_them_back_most() {
        check([limited(true, 3, 0), limited(true, 4, 0)], limited(true, 3, 0));
        check([limited(true, 0, 0), limited(false, 9, 1)], limited(false, 9, 1));
        check([limited(false, 0, 1), limited(false, 0, 7)], limited(false, 0, 7));
        assert_eq!(Limited::tightest([]), None);
    }
}
