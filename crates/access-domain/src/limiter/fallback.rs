//! What holds while the limiter that several nodes share does not answer, and how it is asked again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use keys_core::{Outcome, Timestamp};

use crate::{
    Clock,
    limiter::{Limiter, LimiterFailed, Limiting, Quotas},
};

/// What becomes of limited calls while nobody knows what the nodes have spent together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnLimiterFailure {
    /// Each node keeps the limits alone, beginning with nothing spent: of N nodes together up to N
    /// times a limit may pass.
    #[default]
    Local,
    /// None of them passes: they fail, which is no refusal for having spent too much.
    Deny,
    /// All of them pass.
    Allow,
}

impl OnLimiterFailure {
    /// Its name in settings and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Deny => "deny",
            Self::Allow => "allow",
        }
    }
}

/// What an operator should know of a shared limiter.
#[derive(Debug)]
pub enum LimiterNews<'a> {
    /// It did not answer a call, and until now it had. Told once, however many calls find out.
    Lost(&'a LimiterFailed),
    /// A call was decided without it.
    Fallback(OnLimiterFailure),
    /// It answers again.
    Back,
}

/// Who hears of it. Answers at once, for a call waits.
pub trait LimiterWitness: Send + Sync {
    /// Hears of it.
    fn hear(&self, news: LimiterNews<'_>);
}

/// For whoever listens to nothing.
impl LimiterWitness for () {
    fn hear(&self, _: LimiterNews<'_>) {}
}

/// A limiter that several nodes share, with what holds while it does not answer.
///
/// Once a call has found that it does not, the next ones are answered at once without it, and one
/// call in each [`FallbackLimiter::PAUSE`] asks again: as soon as one is answered, all ask.
pub struct FallbackLimiter(Arc<Parts>);

struct Parts {
    shared: Arc<dyn Limiter>,
    local: Arc<dyn Limiter>,
    policy: OnLimiterFailure,
    clock: Arc<dyn Clock>,
    witness: Arc<dyn LimiterWitness>,
    breaker: Breaker,
}

/// Which of its questions a limiter is asked.
#[derive(Clone, Copy)]
enum Question {
    Take,
    Peek,
}

impl FallbackLimiter {
    /// How long nobody asks after a failure.
    pub const PAUSE: Duration = Duration::from_millis(500);

    /// `shared` by the rule of `policy`; `local` keeps account meanwhile, where it is asked to.
    pub fn new(
        shared: Arc<dyn Limiter>,
        local: Arc<dyn Limiter>,
        policy: OnLimiterFailure,
        clock: Arc<dyn Clock>,
        witness: Arc<dyn LimiterWitness>,
    ) -> Self {
        let breaker = Breaker::default();
        Self(Arc::new(Parts { shared, local, policy, clock, witness, breaker }))
    }

    fn ask(&self, question: Question, quotas: Quotas, cost: u32) -> Limiting {
        let parts = &self.0;
        if quotas.is_empty() {
            return Outcome::Ready(Ok(None));
        }
        if !parts.breaker.may_ask(parts.clock.now()) {
            return parts.instead(question, quotas, cost);
        }
        match question.put(&*parts.shared, quotas, cost) {
            Outcome::Ready(Ok(told)) => {
                parts.answered();
                Outcome::Ready(Ok(told))
            }
            Outcome::Ready(Err(failed)) => {
                parts.failed(&failed);
                parts.instead(question, quotas, cost)
            }
            Outcome::Later(answer) => {
                let parts = Arc::clone(parts);
                Outcome::Later(Box::pin(async move {
                    match answer.await {
                        Ok(told) => {
                            parts.answered();
                            Ok(told)
                        }
                        Err(failed) => {
                            parts.failed(&failed);
                            parts.instead(question, quotas, cost).wait().await
                        }
                    }
                }))
            }
        }
    }
}

impl Parts {
    fn instead(&self, question: Question, quotas: Quotas, cost: u32) -> Limiting {
        self.witness.hear(LimiterNews::Fallback(self.policy));
        match self.policy {
            OnLimiterFailure::Local => question.put(&*self.local, quotas, cost),
            OnLimiterFailure::Deny => Outcome::Ready(Err(LimiterFailed(
                "what several nodes share is away, and nothing passes meanwhile".into(),
            ))),
            OnLimiterFailure::Allow => Outcome::Ready(Ok(None)),
        }
    }

    fn answered(&self) {
        if self.breaker.close() {
            self.witness.hear(LimiterNews::Back);
        }
    }

    fn failed(&self, failed: &LimiterFailed) {
        if self.breaker.open(self.clock.now()) {
            self.witness.hear(LimiterNews::Lost(failed));
        }
    }
}

impl Question {
    fn put(self, limiter: &dyn Limiter, quotas: Quotas, cost: u32) -> Limiting {
        match self {
            Self::Take => limiter.take(quotas, cost),
            Self::Peek => limiter.peek(quotas, cost),
        }
    }
}

impl Limiter for FallbackLimiter {
    fn take(&self, quotas: Quotas, cost: u32) -> Limiting {
        self.ask(Question::Take, quotas, cost)
    }

    fn peek(&self, quotas: Quotas, cost: u32) -> Limiting {
        self.ask(Question::Peek, quotas, cost)
    }
}

/// Until when nobody asks, in microseconds since 1970; zero while everybody may.
#[derive(Default)]
struct Breaker(AtomicI64);

impl Breaker {
    /// Whether this caller may ask. One of those who come when the pause is over may, and begins the
    /// next pause for the others: whether that one ever comes back does not matter.
    fn may_ask(&self, now: Timestamp) -> bool {
        let (until, now) = (self.0.load(Ordering::Acquire), now.timestamp_micros());
        // A clock that was set back makes nobody wait longer than the pause.
        let is_pause = (now..=now.saturating_add(PAUSE_MICROS)).contains(&until) && until != now;
        until == 0
            || (!is_pause
                && self
                    .0
                    .compare_exchange(until, after(now), Ordering::AcqRel, Ordering::Acquire)
                    .is_ok())
    }

    /// Nobody asks for a while; whether everybody might until now.
    fn open(&self, now: Timestamp) -> bool {
        self.0.swap(after(now.timestamp_micros()), Ordering::AcqRel) == 0
    }

    /// Everybody may ask; whether they might not until now.
    fn close(&self) -> bool {
        // Most often nothing changes, and then no other core has to hear of it.
        self.0.load(Ordering::Acquire) != 0 && self.0.swap(0, Ordering::AcqRel) != 0
    }
}

const PAUSE_MICROS: i64 = FallbackLimiter::PAUSE.as_millis() as i64 * 1000;

/// The end of a pause that begins at `now`; never the sign for none.
fn after(now: i64) -> i64 {
    match now.saturating_add(PAUSE_MICROS) {
        0 => 1,
        until => until,
    }
}

#[cfg(test)]
mod tests;
