//! Rate limits: GCRA, the generic cell rate algorithm (ITU-T I.371, annex A), as a pure step from
//! state to state. Where the state is kept is the caller's business.

use std::{num::NonZeroU32, time::Duration};

use crate::Timestamp;

/// So many calls a minute, all of which may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    per_minute: NonZeroU32,
}

const NANOS_PER_MICRO: i128 = 1000;
const MINUTE: i128 = 60_000_000_000;
/// No limit's steps add up to a longer window than a minute and this.
const ROUNDING: i128 = RateLimit::ROUNDING_NANOS as i128;

impl RateLimit {
    /// The length of the window, in seconds.
    pub const WINDOW_SECONDS: u32 = 60;
    /// The largest limit, a minute.
    pub const MAX: u32 = 60_000_000;

    /// `None` for a limit of nothing, or of more than [`RateLimit::MAX`].
    pub fn per_minute(calls: u32) -> Option<Self> {
        let per_minute = NonZeroU32::new(calls).filter(|calls| calls.get() <= Self::MAX)?;
        Some(Self { per_minute })
    }

    /// How many calls a minute.
    pub fn calls(self) -> u32 {
        self.per_minute.get()
    }

    /// For whoever carries out [`take`] elsewhere, as a script in a store that several share: how long
    /// one call is remembered, in nanoseconds; rounded up, so that no more are let through than the
    /// limit says.
    pub fn step_nanos(self) -> i64 {
        i64::try_from(self.step()).unwrap_or(i64::MAX)
    }

    /// For the same: how far ahead of now a state may be, in nanoseconds; a minute, and what rounding
    /// adds.
    pub fn window_nanos(self) -> i64 {
        self.step_nanos().saturating_mul(i64::from(self.calls()))
    }

    /// For the same: a state that is by more than this beyond its window was written by a clock that
    /// has been set back since, and counts as none.
    pub const ROUNDING_NANOS: i64 = Self::MAX as i64;

    /// How long one call takes to be forgotten.
    fn step(self) -> i128 {
        MINUTE.div_euclid(i128::from(self.calls()))
            + i128::from(MINUTE.rem_euclid(i128::from(self.calls())) != 0)
    }
}

/// When all that was taken will be forgotten ("theoretical arrival time"), in nanoseconds since
/// 1970. It does not depend on the limit: a changed limit holds
/// at once, and the part of it that is used stays the same. The greater of two is forgotten later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct RateState(i128);

/// What a limit said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateDecision {
    /// Whether the call may pass. If not, nothing was taken.
    pub is_allowed: bool,
    /// The limit.
    pub limit: RateLimit,
    /// How many more calls may pass at once.
    pub remaining: u32,
    /// How long until all of the limit is there again.
    pub reset: Duration,
    /// How long until a call of this cost may pass; zero when it may now. Of no use for a cost that
    /// is above the limit, which never passes.
    pub retry_after: Duration,
}

impl RateState {
    /// The state that [`RateState::as_nanos`] told of, as storage kept it.
    pub fn from_nanos(nanos: i64) -> Self {
        Self(nanos.into())
    }

    /// Nanoseconds since 1970, for storage: good until the year 2262.
    pub fn as_nanos(self) -> i64 {
        i64::try_from(self.0).unwrap_or(if self.0 < 0 { i64::MIN } else { i64::MAX })
    }

    /// Whether nothing is remembered any more: the state may be forgotten.
    pub fn is_idle(self, now: Timestamp) -> bool {
        self.0 <= nanos(now)
    }
}

impl RateDecision {
    /// In how many seconds all of the limit is there again, rounded up. What is below the clock's
    /// microseconds comes from dividing a minute, and would make 61 seconds of it.
    pub fn reset_seconds(&self) -> u64 {
        self.reset.as_secs() + u64::from(self.reset.subsec_micros() > 0)
    }

    /// The value of `Retry-After` in seconds, rounded up: whoever waits so long has waited long
    /// enough.
    pub fn retry_after_seconds(&self) -> u64 {
        self.retry_after.as_secs() + u64::from(self.retry_after.subsec_nanos() > 0)
    }

    /// The limit in the headers of an answer, under the names of
    /// draft-ietf-httpapi-ratelimit-headers-10 and the older ones that clients still read. `name`:
    /// what is limited, such as `key`; a word without quotes.
    ///
    /// ```
    /// use keys_core::{RateLimit, RateState, Timestamp, take};
    ///
    /// let limit = RateLimit::per_minute(100).ok_or("a limit of nothing")?;
    /// let (_, told) = take(RateState::default(), limit, Timestamp::UNIX_EPOCH, 1);
    /// let [policy, left, ..] = told.headers("key");
    /// assert_eq!(policy, ("ratelimit-policy", r#""key";q=100;w=60"#.to_owned()));
    /// assert_eq!(left, ("ratelimit", r#""key";r=99;t=1"#.to_owned()));
    /// # Ok::<(), &str>(())
    /// ```
    pub fn headers(&self, name: &str) -> [(&'static str, String); 5] {
        let (limit, remaining) = (self.limit.calls(), self.remaining);
        let (window, reset) = (RateLimit::WINDOW_SECONDS, self.reset_seconds());
        [
            ("ratelimit-policy", format!("\"{name}\";q={limit};w={window}")),
            ("ratelimit", format!("\"{name}\";r={remaining};t={reset}")),
            ("x-ratelimit-limit", limit.to_string()),
            ("x-ratelimit-remaining", remaining.to_string()),
            ("x-ratelimit-reset", reset.to_string()),
        ]
    }
}

/// Takes `cost` calls from `limit` at `now`, all or nothing: the state afterwards, and what to tell
/// the caller. A cost of nothing is always allowed and takes nothing.
///
/// A state from further ahead than a whole window was written by a clock that has been set back
/// since. Nothing counts as taken then, so that nobody waits for longer than the window.
///
/// ```
/// use std::time::Duration;
///
/// use keys_core::{RateLimit, RateState, Timestamp, take};
///
/// let (limit, now) = (RateLimit::per_minute(2).ok_or("none")?, Timestamp::UNIX_EPOCH);
/// let (state, told) = take(RateState::default(), limit, now, 2);
/// assert_eq!((told.is_allowed, told.remaining), (true, 0));
/// let (_, told) = take(state, limit, now, 1);
/// assert_eq!((told.is_allowed, told.retry_after), (false, Duration::from_secs(30)));
/// # Ok::<(), &str>(())
/// ```
pub fn take(
    state: RateState,
    limit: RateLimit,
    now: Timestamp,
    cost: u32,
) -> (RateState, RateDecision) {
    let pace = Pace::from(limit);
    let (state, retry_after) = advance(state, pace, nanos(now), cost);
    let left = (pace.room(nanos(now)) - state.0).max(0).div_euclid(pace.step);
    let decision = RateDecision {
        is_allowed: retry_after.is_none(),
        limit,
        remaining: u32::try_from(left).unwrap_or(u32::MAX),
        reset: duration(state.0 - nanos(now)),
        retry_after: retry_after.unwrap_or_default(),
    };
    (state, decision)
}

/// So many at once, and one more after each pause: for what comes back more slowly than a
/// [`RateLimit`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long one is remembered, in nanoseconds; at least one.
    step: i128,
    burst: NonZeroU32,
}

impl Pace {
    /// `None` for a burst of nothing.
    pub fn new(burst: u32, pause: Duration) -> Option<Self> {
        let step =
            i128::try_from(pause.as_nanos()).unwrap_or(i128::MAX).clamp(1, i128::from(u64::MAX));
        NonZeroU32::new(burst).map(|burst| Self { step, burst })
    }

    /// Takes one at `now`: the state afterwards, and how long to wait where there is none. Nothing is
    /// taken then.
    pub fn take(self, state: RateState, now: Timestamp) -> (RateState, Option<Duration>) {
        advance(state, self, nanos(now), 1)
    }

    /// The state as if one had not been taken.
    pub fn give_back(self, state: RateState) -> RateState {
        RateState(state.0.saturating_sub(self.step))
    }

    /// Up to where a state may go at `now`.
    fn room(self, now: i128) -> i128 {
        now + self.step * i128::from(self.burst.get())
    }
}

impl From<RateLimit> for Pace {
    fn from(limit: RateLimit) -> Self {
        Self { step: limit.step(), burst: limit.per_minute }
    }
}

/// The state after `cost` were taken, or how long until they can be.
fn advance(state: RateState, pace: Pace, now: i128, cost: u32) -> (RateState, Option<Duration>) {
    let room = pace.room(now);
    // Another limit's rounding may have put it a little beyond.
    let before = if state.0 > room + ROUNDING { now } else { state.0.max(now) };
    let after = before + pace.step * i128::from(cost);
    if after <= room || cost == 0 {
        return (RateState(after), None);
    }
    (RateState(before), Some(duration(after - room)))
}

fn nanos(at: Timestamp) -> i128 {
    i128::from(at.timestamp_micros()) * NANOS_PER_MICRO
}

fn duration(nanos: i128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn limit(calls: u32) -> RateLimit {
        RateLimit::per_minute(calls).unwrap()
    }

    #[test]
    fn all_of_a_limit_may_come_at_once_and_then_one_by_one() {
        let mut state = RateState::default();
        for left in (0..6).rev() {
            let decision;
            (state, decision) = take(state, limit(6), NOW, 1);
            assert_eq!((decision.is_allowed, decision.remaining), (true, left));
        }
        let (same, denied) = take(state, limit(6), NOW, 1);
        assert_eq!(same, state, "a denial consumes nothing");
        assert_eq!((denied.is_allowed, denied.remaining), (false, 0));
        assert_eq!(denied.retry_after, Duration::from_secs(10));
        assert_eq!(denied.reset, Duration::from_secs(60));
        let (_, later) = take(state, limit(6), NOW + TimeDelta::seconds(10), 1);
        assert!(later.is_allowed);
    }

    #[test]
    fn a_cost_is_taken_as_a_whole_or_not_at_all() {
        let (state, first) = take(RateState::default(), limit(10), NOW, 7);
        assert_eq!((first.is_allowed, first.remaining), (true, 3));
        let (state, second) = take(state, limit(10), NOW, 4);
        assert_eq!((second.is_allowed, second.remaining), (false, 3));
        assert_eq!(second.retry_after, Duration::from_secs(6));
        assert!(!take(RateState::default(), limit(10), NOW, 11).1.is_allowed);
        let (same, nothing) = take(state, limit(10), NOW, 0);
        assert_eq!((same, nothing.is_allowed), (state, true));
    }

    #[test]
    fn a_changed_limit_holds_at_once() {
        let (state, _) = take(RateState::default(), limit(60), NOW, 60);
        let wait = |calls| take(state, limit(calls), NOW, 1).1.retry_after;
        assert_eq!((wait(60), wait(120)), (Duration::from_secs(1), Duration::from_millis(500)));
        assert_eq!(RateLimit::per_minute(0), None);
        assert_eq!(RateLimit::per_minute(RateLimit::MAX + 1), None);
    }

    #[test]
    fn a_limit_is_told_under_both_names_and_in_whole_seconds() {
        let decision = |reset, retry_after| RateDecision {
            is_allowed: true,
            limit: limit(100),
            remaining: 42,
            reset,
            retry_after,
        };
        let told = decision(Duration::from_millis(17_001), Duration::ZERO).headers("key");
        let expected = [
            ("ratelimit-policy", "\"key\";q=100;w=60"),
            ("ratelimit", "\"key\";r=42;t=18"),
            ("x-ratelimit-limit", "100"),
            ("x-ratelimit-remaining", "42"),
            ("x-ratelimit-reset", "18"),
        ];
        assert_eq!(told, expected.map(|(name, value)| (name, value.to_owned())));
        let seconds = |duration| {
            let decision = decision(duration, duration);
            (decision.reset_seconds(), decision.retry_after_seconds())
        };
        let (minute, nanos) = (Duration::from_secs(60), Duration::from_nanos(4));
        assert_eq!(seconds(Duration::ZERO), (0, 0));
        assert_eq!(seconds(minute), (60, 60));
        assert_eq!(seconds(minute + nanos), (60, 61));
        assert_eq!(seconds(minute - Duration::from_micros(1)), (60, 60));
    }

    #[test]
    fn a_state_is_kept_as_a_number() {
        let (state, _) = take(RateState::default(), limit(60), NOW, 1);
        assert_eq!(state.as_nanos(), 1_000_000_000);
        assert_eq!(RateState::from_nanos(state.as_nanos()), state);
    }

    #[test]
    fn what_is_forgotten_is_idle() {
        let (state, _) = take(RateState::default(), limit(60), NOW, 1);
        assert!(!state.is_idle(NOW));
        assert!(state.is_idle(NOW + TimeDelta::seconds(1)));
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nobody_wait_longer_than_the_window() {
        let (state, _) = take(RateState::default(), limit(6), NOW + TimeDelta::days(1), 1);
        let (state, allowed) = take(state, limit(6), NOW, 6);
        assert!(allowed.is_allowed);
        let (_, denied) = take(state, limit(6), NOW, 1);
        assert_eq!((denied.is_allowed, denied.retry_after), (false, Duration::from_secs(10)));
    }

    #[test]
    fn rounding_gives_nobody_a_limit_anew() {
        for (before, after) in [(7, 60), (999_983, 1), (7, 60_000_000)] {
            let (state, _) = take(RateState::default(), limit(before), NOW, before);
            assert!(!take(state, limit(after), NOW, 1).1.is_allowed, "{before} then {after}");
        }
    }

    #[test]
    fn a_pace_lets_a_burst_through_and_then_one_after_each_pause() {
        let pace = Pace::new(3, Duration::from_secs(30)).unwrap();
        let mut state = RateState::default();
        for _ in 0..3 {
            let wait;
            (state, wait) = pace.take(state, NOW);
            assert_eq!(wait, None);
        }
        let (same, wait) = pace.take(state, NOW + TimeDelta::seconds(10));
        assert_eq!((same, wait), (state, Some(Duration::from_secs(20))));
        assert_eq!(pace.take(pace.give_back(state), NOW).1, None);
        let (state, one) = pace.take(state, NOW + TimeDelta::seconds(30));
        assert_eq!(one, None);
        assert_eq!(pace.take(state, NOW + TimeDelta::seconds(30)).1, Some(Duration::from_secs(30)));
        assert_eq!(Pace::new(0, Duration::from_secs(1)), None);
    }

    proptest! {
        #[test]
        fn no_window_lets_more_through_than_twice_the_limit_less_one(
            calls in 1u32..200, pauses in prop::collection::vec(0i64..2_000_000, 1..400)
        ) {
            let (mut state, mut now, mut passed) = (RateState::default(), NOW, Vec::new());
            for pause in pauses {
                now += TimeDelta::microseconds(pause);
                let decision;
                (state, decision) = take(state, limit(calls), now, 1);
                if decision.is_allowed {
                    passed.push(now);
                }
                prop_assert!(decision.remaining < calls);
            }
            // A full burst, and what grows back within the minute.
            let minute = TimeDelta::seconds(60);
            for (i, start) in passed.iter().enumerate() {
                let within = passed.iter().skip(i).filter(|at| **at - *start < minute).count();
                prop_assert!(within < 2 * calls as usize + 1);
            }
        }
    }
}
