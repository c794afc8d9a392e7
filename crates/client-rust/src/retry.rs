//! When a request is sent again: pure, so that it can be tried without a server.

use std::time::Duration;

/// How far a client goes on its own before it tells of a failure.
///
/// Sent again is what never arrived; what was answered 429; and, if doing it twice is the same as doing it once, also what was
/// answered 502, 503, 504 or 408, or not answered at all. A `Retry-After` is waited for in full; without one, pauses double and
/// vary by chance. What would take longer than [`total`](Self::total) is not waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How often a request is sent at most; 1: never again.
    pub attempts: u32,
    /// After how long no further attempt begins, counted from the first.
    pub total: Duration,
    /// The first pause, where the server names none.
    pub first_pause: Duration,
    /// The longest pause, where the server names none.
    pub longest_pause: Duration,
}

impl Default for Retry {
    /// 4 attempts within 60 seconds; pauses from 200 milliseconds to 5 seconds.
    fn default() -> Self {
        Self {
            attempts: 4,
            total: Duration::from_secs(60),
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(5),
        }
    }
}

/// What an attempt came to, as far as it matters for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It never arrived.
    Unsent,
    /// It may have been done.
    Lost,
    /// It was answered so.
    Answered {
        status: u16,
        /// The same request is under way.
        is_under_way: bool,
        retry_after: Option<Duration>,
    },
}

impl Outcome {
    /// Whether another attempt may succeed without doing anything twice.
    fn is_for_another(self, is_repeatable: bool) -> bool {
        match self {
            Self::Unsent => true,
            Self::Lost => is_repeatable,
            Self::Answered { status, is_under_way, .. } => match status {
                429 => true,
                408 | 502 | 503 | 504 => is_repeatable,
                _ => is_under_way,
            },
        }
    }
}

impl Retry {
    /// The first failure is told.
    pub const NEVER: Self = Self {
        attempts: 1,
        total: Duration::ZERO,
        first_pause: Duration::ZERO,
        longest_pause: Duration::ZERO,
    };

    /// How long to wait before attempt number `done + 1`, if there is to be one. `chance` is between 0 and 1.
    pub(crate) fn pause(
        &self,
        outcome: Outcome,
        is_repeatable: bool,
        done: u32,
        spent: Duration,
        chance: f64,
    ) -> Option<Duration> {
        if done >= self.attempts || !outcome.is_for_another(is_repeatable) {
            return None;
        }
        let doubled = 1_u32.checked_shl(done.saturating_sub(1)).unwrap_or(u32::MAX);
        let longest = self.first_pause.saturating_mul(doubled).min(self.longest_pause);
        let pause = match outcome {
            // All who were sent away at once shall not come back at once.
            Outcome::Answered { retry_after: Some(asked), .. } => {
                asked.saturating_add(self.first_pause.mul_f64(chance))
            }
            Outcome::Answered { retry_after: None, .. } | Outcome::Unsent | Outcome::Lost => {
                longest.mul_f64(0.5 + chance / 2.0)
            }
        };
        (spent.saturating_add(pause) <= self.total).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn answered(status: u16) -> Outcome {
        Outcome::Answered { status, is_under_way: false, retry_after: None }
    }

    fn told(seconds: u64) -> Outcome {
        Outcome::Answered {
            status: 429,
            is_under_way: false,
            retry_after: Some(SECOND * u32::try_from(seconds).unwrap()),
        }
    }

    fn is_retried(outcome: Outcome, is_repeatable: bool) -> bool {
        Retry::default().pause(outcome, is_repeatable, 1, Duration::ZERO, 0.5).is_some()
    }

    #[test]
    fn what_may_have_been_done_is_sent_again_only_where_that_is_the_same() {
        for outcome in [Outcome::Lost, answered(502), answered(503), answered(504), answered(408)] {
            assert!(is_retried(outcome, true), "{outcome:?}");
            assert!(!is_retried(outcome, false), "{outcome:?}");
        }
    }

    #[test]
    fn what_was_certainly_not_done_is_sent_again_in_any_case() {
        let under_way = Outcome::Answered { status: 409, is_under_way: true, retry_after: None };
        for outcome in [Outcome::Unsent, answered(429), under_way] {
            assert!(is_retried(outcome, false), "{outcome:?}");
        }
    }

    #[test]
    fn what_was_decided_is_not_asked_again() {
        for status in [200, 301, 400, 401, 403, 404, 409, 410, 422, 500] {
            assert!(!is_retried(answered(status), true), "{status}");
        }
    }

    #[test]
    fn the_servers_own_pause_is_kept_in_full_and_little_more() {
        let pause = |chance| Retry::default().pause(told(7), false, 1, Duration::ZERO, chance);
        assert_eq!(pause(0.0), Some(7 * SECOND));
        assert_eq!(pause(1.0), Some(7 * SECOND + Duration::from_millis(200)));
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pause = |done, chance| {
            let retry = Retry { attempts: 100, ..Retry::default() };
            retry.pause(Outcome::Lost, true, done, Duration::ZERO, chance).unwrap().as_millis()
        };
        assert_eq!([1, 2, 3, 4].map(|done| pause(done, 1.0)), [200, 400, 800, 1600]);
        assert_eq!([1, 2, 3, 4].map(|done| pause(done, 0.0)), [100, 200, 400, 800]);
        assert_eq!([9, 50, 99].map(|done| pause(done, 1.0)), [5000; 3]);
    }

    #[test]
    fn attempts_and_time_are_bounded() {
        let retry = Retry::default();
        assert_eq!(retry.pause(Outcome::Lost, true, 4, Duration::ZERO, 0.0), None);
        assert_eq!(retry.pause(told(61), true, 1, Duration::ZERO, 0.0), None, "not waited for");
        assert_eq!(retry.pause(told(31), true, 1, 30 * SECOND, 0.0), None);
        assert_eq!(Retry::NEVER.pause(Outcome::Unsent, true, 1, Duration::ZERO, 0.0), None);
    }
}
