//! Limits that are kept in Redis: one script for each decision, which takes from all accounts of a call
//! or from none.

use std::{sync::Arc, time::Instant};

use access_domain::{
    Limited, Limiter, LimiterFailed, Limiting, Quota, Quotas, RateSubject, Spending,
};
use chrono::DateTime;
use keys_core::{Outcome, RateLimit, RateState, Timestamp};
use metrics::{Counter, Histogram, counter, histogram};
use redis::{Script, ScriptInvocation};
use uuid::Uuid;

use crate::{
    Thread,
    link::{Link, Numbered, RedisAway},
};

/// A [`Limiter`] that every node with the same Redis and prefix shares. It fails while Redis is away,
/// and at once where that is known.
pub struct RedisLimiter(Arc<Parts>);

struct Parts {
    link: Arc<Link>,
    script: Script,
    took: Histogram,
    failures: Counter,
    /// Without it nobody connects again.
    _thread: Option<Arc<Thread>>,
}

/// What the script answers: the time, in seconds and microseconds, whether all accounts had as much,
/// and what each held.
type Answer = (i64, u32, u8, Vec<String>);

impl RedisLimiter {
    pub(crate) fn over(link: Arc<Link>, thread: Option<Arc<Thread>>) -> Self {
        Self(Arc::new(Parts {
            link,
            script: Script::new(include_str!("take.lua")),
            took: histogram!("keywright_limiter_duration_seconds"),
            failures: counter!("keywright_limiter_failures_total"),
            _thread: thread,
        }))
    }

    fn ask(&self, quotas: Quotas, cost: u32, is_taken: bool) -> Limiting {
        if quotas.is_empty() {
            return Outcome::Ready(Ok(None));
        }
        let parts = Arc::clone(&self.0);
        let numbered = match parts.link.connection() {
            Ok(numbered) => numbered,
            Err(away) => return Outcome::Ready(Err(parts.failed(away))),
        };
        Outcome::Later(Box::pin(async move {
            let answered = parts.decide(numbered, quotas, cost, is_taken).await;
            answered.map_err(|away| parts.failed(away))
        }))
    }
}

impl Limiter for RedisLimiter {
    fn take(&self, quotas: Quotas, cost: u32) -> Limiting {
        self.ask(quotas, cost, true)
    }

    fn peek(&self, quotas: Quotas, cost: u32) -> Limiting {
        self.ask(quotas, cost, false)
    }
}

impl Parts {
    async fn decide(
        &self,
        mut numbered: Numbered,
        quotas: Quotas,
        cost: u32,
        is_taken: bool,
    ) -> Result<Option<Limited>, RedisAway> {
        let began = Instant::now();
        let call = self.call(quotas, cost, is_taken);
        let number = numbered.number();
        let answer: Answer =
            self.link.asked(number, call.invoke_async(&mut numbered.connection)).await?;
        self.took.record(began.elapsed().as_secs_f64());
        let (now, passes, spending) = read(quotas, cost, answer)?;
        // What was taken is what the script says; what the caller is told is worked out here.
        if spending.is_allowed() != passes {
            return Err(RedisAway::because("the script and this program reckon differently"));
        }
        Ok(if is_taken { spending.told() } else { spending.foretold(now) })
    }

    fn call(&self, quotas: Quotas, cost: u32, is_taken: bool) -> ScriptInvocation<'_> {
        let mut call = self.script.prepare_invoke();
        call.arg(cost).arg(u8::from(is_taken)).arg(RateLimit::ROUNDING_NANOS);
        for quota in quotas.iter() {
            call.key(account(self.link.place().prefix(), quota));
            call.arg(quota.limit.step_nanos()).arg(quota.limit.window_nanos());
        }
        call
    }

    fn failed(&self, away: RedisAway) -> LimiterFailed {
        self.failures.increment(1);
        LimiterFailed(Box::new(away))
    }
}

fn read(
    quotas: Quotas,
    cost: u32,
    (seconds, micros, passes, accounts): Answer,
) -> Result<(Timestamp, bool, Spending), RedisAway> {
    let now = DateTime::from_timestamp(seconds, micros.saturating_mul(1000))
        .ok_or_else(|| RedisAway::because("its time is none"))?;
    let kept: Vec<_> = quotas.iter().zip(&accounts).collect();
    let before = |subject: RateSubject| {
        let found = kept.iter().find(|(quota, _)| quota.subject == subject);
        // Who has no account, or one that is no number, has taken nothing: so the script sees it.
        let state = found.and_then(|(_, state)| state.parse().ok());
        state.map_or_else(RateState::default, RateState::from_nanos)
    };
    Ok((now, passes == 1, Spending::of(quotas, now, cost, before)))
}

/// The account of a limit. Redis keeps all names with the same text in braces in one place when it is
/// spread over several: the accounts of one call must be in one.
fn account(prefix: &str, Quota { organization, subject, .. }: Quota) -> String {
    let id = match subject {
        RateSubject::Key(key) => key.uuid(),
        RateSubject::Deployment(deployment) => deployment.uuid(),
        RateSubject::Explanations(actor) => actor,
    };
    format!("{prefix}:rate:{{{}}}:{}:{id}", organization.uuid(), subject.name())
}

/// Whether Redis runs the script for us; nothing is taken.
pub(crate) async fn try_out(link: &Arc<Link>) -> Result<(), RedisAway> {
    let limiter = RedisLimiter::over(Arc::clone(link), None);
    let quota = RateLimit::per_minute(1).map(|limit| Quota {
        organization: Uuid::nil().into(),
        subject: RateSubject::Explanations(Uuid::nil()),
        limit,
    });
    let numbered = link.connection()?;
    limiter.0.decide(numbered, quota.into(), 0, false).await.map(drop)
}
