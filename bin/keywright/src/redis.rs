//! The Redis of this process, if it has one: opened, asked for limits, and watched.

use std::sync::Arc;

use access_domain::{
    Clock, FallbackLimiter, Limiter, LimiterNews, LimiterWitness, MemoryLimiter, OnLimiterFailure,
};
use limits_redis::{Redis, StartError};
use metrics::{Counter, counter};

use crate::{configuration::Configuration, failure::Failure};

/// Begins to connect to what is configured; nobody waits for it.
pub(crate) fn open(configuration: &Configuration) -> Result<Option<Arc<Redis>>, Failure> {
    let Some(settings) = configuration.redis.settings()? else { return Ok(None) };
    match Redis::start(&settings) {
        Ok(redis) => Ok(Some(Arc::new(redis))),
        Err(StartError::Settings(error)) => Err(Failure::Configuration(error.to_string())),
        Err(error @ StartError::Thread(_)) => Err(Failure::failed(&error)),
    }
}

/// What keeps account of limits: this process alone, or all that share a Redis.
pub(crate) fn limiter(
    redis: Option<&Redis>,
    policy: OnLimiterFailure,
    clock: &Arc<dyn Clock>,
) -> Arc<dyn Limiter> {
    let memory = Arc::new(MemoryLimiter::new(Arc::clone(clock)));
    let Some(redis) = redis else { return memory };
    let (shared, clock) = (Arc::new(redis.limiter()), Arc::clone(clock));
    Arc::new(FallbackLimiter::new(shared, memory, policy, clock, Arc::new(Witness::of(policy))))
}

/// Writes down when limits are no longer shared, and counts what is decided meanwhile.
struct Witness {
    decisions: Counter,
}

impl Witness {
    fn of(policy: OnLimiterFailure) -> Self {
        let name = "keywright_limiter_fallback_decisions_total";
        Self { decisions: counter!(name, "policy" => policy.name()) }
    }
}

impl LimiterWitness for Witness {
    fn hear(&self, news: LimiterNews<'_>) {
        match news {
            LimiterNews::Lost(failed) => {
                let error: &dyn std::error::Error = &*failed.0;
                tracing::warn!(error, "limits are not shared while Redis is away");
            }
            LimiterNews::Fallback(_) => self.decisions.increment(1),
            LimiterNews::Back => tracing::info!("limits are shared again"),
        }
    }
}
