//! Limits on how often something is done: whose they are, and the port that spends them. The
//! arithmetic is [`keys_core::take`].

mod memory;

use std::error::Error;

use keys_core::{KeyId, Outcome, RateDecision, RateLimit};
use uuid::Uuid;

use crate::Principal;

pub use self::memory::MemoryLimiter;

/// Whose limit is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RateSubject {
    /// A key, whichever of its secrets is used.
    Key(KeyId),
    /// The user or key that asks for explanations of other keys.
    Explanations(Uuid),
}

impl RateSubject {
    /// The name of the limit, for whoever runs into it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Key(_) => "key",
            Self::Explanations(_) => "explain",
        }
    }
}

/// What may be spent, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
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
        Some(Self { subject: RateSubject::Explanations(who.actor()), limit })
    }
}

/// The limiter did not answer: nobody knows whether the limit holds. The source is for the log.
#[derive(Debug, thiserror::Error)]
#[error("the limiter did not answer")]
pub struct LimiterFailed(#[source] pub Box<dyn Error + Send + Sync>);

/// Keeps account of limits. Memory answers at once, what several nodes share later.
pub trait Limiter: Send + Sync {
    /// Takes `cost` calls from the quota, all or nothing.
    fn take(&self, quota: Quota, cost: u32) -> Outcome<Result<RateDecision, LimiterFailed>>;

    /// What [`Limiter::take`] would answer, while nothing is taken: `remaining` tells what is left
    /// now.
    fn peek(&self, quota: Quota, cost: u32) -> Outcome<Result<RateDecision, LimiterFailed>>;
}
