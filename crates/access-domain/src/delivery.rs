//! An event on its way to one receiver: when it is tried again, and when it is given up. Knows nothing of how
//! it is sent.

use std::time::Duration;

use keys_core::{Id, Timestamp};

use crate::{EventId, EventType, WebhookId};

/// The id of a delivery.
pub type DeliveryId = Id<Delivery>;

/// How many lines a delivery's log has at most; the oldest of more are let go of.
const MAX_LOG: usize = 50;
/// No receiver is waited for longer than so because it asked for that.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);
/// A pause is longer by up to this part of itself, lest all that failed together comes back together.
const JITTER: f64 = 0.2;

/// One event and one receiver of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// What is told.
    pub event: EventId,
    /// What kind of event that is.
    pub kind: EventType,
    /// Who is told.
    pub receiver: Receiver,
    /// How it stands.
    pub state: DeliveryState,
    /// When it is tried next, or when the attempt that is under way counts as lost; by the database's
    /// clock.
    pub next_attempt_at: Option<Timestamp>,
    /// What became of it so far.
    pub log: DeliveryLog,
    /// When the event happened.
    pub created_at: Timestamp,
    /// When it arrived or was given up.
    pub finished_at: Option<Timestamp>,
}

impl Delivery {
    /// What may hold mail up, and nothing else: there is one server that takes it. A webhook's lane is
    /// its id.
    pub const MAIL_LANE: &'static str = "mail";
}

/// Who is told of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receiver {
    /// A webhook.
    Webhook(WebhookId),
    /// Whoever has this mail address.
    Mail(String),
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// It is to be tried, for the first time or again.
    Pending,
    /// It arrived.
    Delivered,
    /// It was given up.
    Dead,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Dead];

    /// The name in storage and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Delivered => "DELIVERED",
            Self::Dead => "DEAD",
        }
    }

    /// The state of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// One attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// When it began.
    pub at: Timestamp,
    /// The status that was answered, where something was.
    pub status: Option<u16>,
    /// Why it came to nothing, in words for its owner; `None`: it arrived.
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
}

/// A line of a delivery's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryEntry {
    /// It was tried.
    Attempt(DeliveryAttempt),
    /// Somebody had it begin anew.
    Replayed {
        /// When.
        at: Timestamp,
    },
}

/// What became of a delivery so far, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryLog(Vec<DeliveryEntry>);

impl DeliveryLog {
    /// As it was kept.
    pub fn new(entries: Vec<DeliveryEntry>) -> Self {
        Self(entries)
    }

    /// Every line.
    pub fn entries(&self) -> &[DeliveryEntry] {
        &self.0
    }

    /// One line more.
    pub fn push(&mut self, entry: DeliveryEntry) {
        if self.0.len() >= MAX_LOG {
            self.0.remove(0);
        }
        self.0.push(entry);
    }

    /// All attempts.
    pub fn attempts(&self) -> impl Iterator<Item = &DeliveryAttempt> {
        self.0.iter().filter_map(|entry| match entry {
            DeliveryEntry::Attempt(attempt) => Some(attempt),
            DeliveryEntry::Replayed { .. } => None,
        })
    }

    /// The attempts since it began, or was last begun anew.
    pub fn present_attempts(&self) -> impl Iterator<Item = &DeliveryAttempt> {
        let replayed = |entry: &DeliveryEntry| matches!(entry, DeliveryEntry::Replayed { .. });
        let begin = self.0.iter().rposition(replayed).map_or(0, |at| at + 1);
        self.0.get(begin..).unwrap_or_default().iter().filter_map(|entry| match entry {
            DeliveryEntry::Attempt(attempt) => Some(attempt),
            DeliveryEntry::Replayed { .. } => None,
        })
    }
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It arrived.
    Accepted,
    /// It may arrive later; the receiver may have asked to be left alone for so long.
    Failed {
        /// For how long.
        retry_after: Option<Duration>,
    },
    /// It will never arrive.
    Refused,
    /// It will never arrive, and neither will anything else: 410 of HTTP.
    Gone,
}

/// What comes after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterAttempt {
    /// Nothing: it arrived.
    Delivered,
    /// Another one, after this pause.
    Again {
        /// How long it is.
        after: Duration,
    },
    /// Nothing: it is given up.
    Dead,
}

/// How often and after which pauses a delivery is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often, at least once.
    pub attempts: u32,
    /// The pause after each attempt; the last holds for all that follow.
    pub pauses: Vec<Duration>,
}

impl Default for RetryPolicy {
    /// Eight attempts in a day and a half.
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        let pauses = [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR];
        Self { attempts: 8, pauses: pauses.map(Duration::from_secs).into() }
    }
}

impl RetryPolicy {
    /// What comes after attempt number `made`, counted from 1, of telling an event of this kind;
    /// `chance` is a random byte.
    pub fn after(&self, kind: EventType, made: usize, answer: Answer, chance: u8) -> AfterAttempt {
        let retry_after = match answer {
            Answer::Accepted => return AfterAttempt::Delivered,
            Answer::Refused | Answer::Gone => return AfterAttempt::Dead,
            Answer::Failed { retry_after } => retry_after.unwrap_or_default().min(MAX_RETRY_AFTER),
        };
        // Whoever tries a webhook out looks at what came of it, and tries again by themselves.
        let most = if kind == EventType::WebhookTest { 1 } else { self.attempts };
        if u32::try_from(made).unwrap_or(u32::MAX) >= most {
            return AfterAttempt::Dead;
        }
        let pause = self.pauses.get(made.saturating_sub(1)).or(self.pauses.last());
        let pause = pause.copied().unwrap_or_default();
        let spread = pause.mul_f64(1.0 + JITTER * f64::from(chance) / f64::from(u8::MAX));
        AfterAttempt::Again { after: spread.max(retry_after) }
    }

    /// How long it takes at most from the first attempt to the last, where each fails at once and nobody
    /// asks for a longer pause.
    pub fn span(&self) -> Duration {
        let made = usize::try_from(self.attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let last = std::iter::repeat(self.pauses.last().copied().unwrap_or_default());
        let pauses = self.pauses.iter().copied().chain(last).take(made);
        pauses.fold(Duration::ZERO, Duration::saturating_add).mul_f64(1.0 + JITTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: Answer = Answer::Failed { retry_after: None };

    fn after(made: usize, answer: Answer, chance: u8) -> AfterAttempt {
        RetryPolicy::default().after(EventType::KeyExpired, made, answer, chance)
    }

    fn pause(made: usize, answer: Answer, chance: u8) -> u64 {
        match after(made, answer, chance) {
            AfterAttempt::Again { after } => after.as_secs(),
            other @ (AfterAttempt::Delivered | AfterAttempt::Dead) => panic!("{other:?}"),
        }
    }

    #[test]
    fn pauses_grow_until_it_is_given_up() {
        let pauses: Vec<_> = (1..8).map(|made| pause(made, FAILED, 0)).collect();
        assert_eq!(pauses, [5, 300, 1800, 7200, 18_000, 36_000, 50_400]);
        assert_eq!(after(8, FAILED, 0), AfterAttempt::Dead);
        let patient = RetryPolicy { attempts: 20, ..RetryPolicy::default() };
        let last = patient.after(EventType::KeyExpired, 19, FAILED, 0);
        assert_eq!(last, AfterAttempt::Again { after: Duration::from_secs(50_400) });
    }

    #[test]
    fn chance_spreads_a_pause_by_a_fifth_at_most() {
        assert_eq!((pause(2, FAILED, 0), pause(2, FAILED, 255)), (300, 360));
        assert!((301..360).contains(&pause(2, FAILED, 128)));
    }

    #[test]
    fn no_delivery_is_tried_for_longer_than_the_span() {
        let longest: u64 = (1..8).map(|made| pause(made, FAILED, 255)).sum();
        assert_eq!(RetryPolicy::default().span(), Duration::from_secs(longest));
        let of = |attempts| RetryPolicy { attempts, ..RetryPolicy::default() }.span().as_secs();
        assert_eq!((of(0), of(1), of(2), of(3)), (0, 0, 6, 366));
        assert_eq!(of(10) - of(8), 2 * 50_400 * 6 / 5, "the last pause holds for all that follow");
        assert_eq!(RetryPolicy { attempts: 9, pauses: Vec::new() }.span(), Duration::ZERO);
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_pause_but_not_for_any() {
        let asked = |seconds| Answer::Failed { retry_after: Some(Duration::from_secs(seconds)) };
        assert_eq!(pause(1, asked(60), 0), 60);
        assert_eq!(pause(2, asked(60), 0), 300);
        assert_eq!(pause(1, asked(1_000_000), 0), 86_400);
    }

    #[test]
    fn what_can_never_arrive_is_given_up_at_once() {
        assert_eq!(after(1, Answer::Refused, 0), AfterAttempt::Dead);
        assert_eq!(after(1, Answer::Gone, 0), AfterAttempt::Dead);
        assert_eq!(after(8, Answer::Accepted, 0), AfterAttempt::Delivered);
    }

    #[test]
    fn whoever_tries_a_webhook_out_is_told_after_one_attempt() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.after(EventType::WebhookTest, 1, FAILED, 0), AfterAttempt::Dead);
    }

    #[test]
    fn attempts_are_counted_from_the_last_replay_on() {
        let at = Timestamp::UNIX_EPOCH;
        let attempt = |duration_ms| {
            let error = Some("no".into());
            DeliveryEntry::Attempt(DeliveryAttempt { at, status: None, error, duration_ms })
        };
        let mut log = DeliveryLog::default();
        for entry in [attempt(1), attempt(2), DeliveryEntry::Replayed { at }, attempt(3)] {
            log.push(entry);
        }
        let took = |attempt: &DeliveryAttempt| attempt.duration_ms;
        assert_eq!(log.attempts().map(took).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(log.present_attempts().map(took).collect::<Vec<_>>(), [3]);
        (0..100).for_each(|_| log.push(attempt(4)));
        assert_eq!(log.entries().len(), MAX_LOG);
    }
}
