//! The rules of notices at the borders of their instants, and what is kept in mind of limits.

use std::sync::atomic::{AtomicBool, Ordering};

use keys_core::{Outcome, RateLimit};
use uuid::Uuid;

use super::*;
use crate::{MemoryLimiter, Quota};

const START: Timestamp = Timestamp::UNIX_EPOCH;
const TICK: TimeDelta = TimeDelta::microseconds(1);

fn day(days: i64) -> Timestamp {
    START + TimeDelta::days(days)
}

/// A key made at the start that ends after so many days.
fn ends_after(days: i64) -> KeyEnd {
    KeyEnd { expires_at: day(days), looked_until: START, days: NoticeDays::default() }
}

/// Looks whenever it is told to, and what comes of it: on which day what was told.
fn told(mut end: KeyEnd) -> Vec<(Timestamp, EndNotice)> {
    let (mut told, mut now) = (Vec::new(), Some(START));
    while let Some(at) = now {
        let look = end.look(at);
        told.extend(look.notice.map(|notice| (at, notice)));
        (end.looked_until, now) = (at, look.next);
    }
    told
}

#[test]
fn a_key_of_eight_days_is_told_of_twice_before_its_end_and_once_at_it() {
    let expiring = |days_left| EndNotice::Expiring { days_left };
    let expected = [(day(1), expiring(7)), (day(7), expiring(1)), (day(8), EndNotice::Expired)];
    assert_eq!(told(ends_after(8)), expected);
}

#[test]
fn a_term_that_is_set_when_a_notice_is_due_is_notice_enough() {
    assert_eq!(told(ends_after(7)).first(), Some(&(day(6), EndNotice::Expiring { days_left: 1 })));
    assert_eq!(told(ends_after(1)), [(day(1), EndNotice::Expired)]);
    assert!(told(ends_after(0)).is_empty());
    assert!(told(KeyEnd { expires_at: START - TICK, ..ends_after(0) }).is_empty());
}

#[test]
fn a_notice_comes_with_its_instant_and_not_before() {
    let end = ends_after(20);
    assert_eq!(end.look(day(6) - TICK), EndLook { notice: None, next: Some(day(6)) });
    let fourteen = Some(EndNotice::Expiring { days_left: 14 });
    assert_eq!(end.look(day(6)), EndLook { notice: fourteen, next: Some(day(13)) });
    let end = KeyEnd { looked_until: day(6), ..end };
    assert_eq!(end.look(day(6)), EndLook { notice: None, next: Some(day(13)) });
}

#[test]
fn after_an_outage_only_the_most_urgent_is_told_with_the_days_that_are_left() {
    let end = ends_after(20);
    let look = end.look(day(16) - TICK);
    assert_eq!(look.notice, Some(EndNotice::Expiring { days_left: 5 }));
    assert_eq!(look.next, Some(day(19)));
    assert_eq!(end.look(day(30)), EndLook { notice: Some(EndNotice::Expired), next: None });
}

#[test]
fn who_wants_no_days_is_told_of_the_end_alone() {
    let days = NoticeDays::new(&[]).unwrap();
    assert_eq!(told(KeyEnd { days, ..ends_after(20) }), [(day(20), EndNotice::Expired)]);
}

#[test]
fn days_are_sorted_and_bounded() {
    let days = |days: &[u32]| NoticeDays::new(days).map(|days| days.iter().collect::<Vec<_>>());
    assert_eq!(days(&[1, 30, 7, 30]), Ok(vec![30, 7, 1]));
    for bad in [&[0][..], &[366], &[1_000_000], &[1; 11]] {
        assert_eq!(days(bad).unwrap_err().pointer, "/notice_days", "{bad:?}");
    }
}

/// Remembers what it is told, while it answers.
#[derive(Default)]
struct Told {
    limits: Mutex<Vec<(KeyId, Timestamp)>>,
    is_away: AtomicBool,
}

impl NoticeStore for Told {
    fn look_at_ends(
        &self,
        _: Timestamp,
        _: u32,
        _: bool,
        _: &dyn Fn(&KeyEnd) -> EndLook,
    ) -> Result<usize, StoreError> {
        Ok(0)
    }

    fn note_limits_reached(
        &self,
        reached: &[(KeyId, Timestamp)],
        _: Duration,
    ) -> Result<(), StoreError> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable { doing: "noting", source: "away".into() });
        }
        self.limits.lock().unwrap().extend(reached);
        Ok(())
    }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        START
    }
}

fn key(number: u128) -> KeyId {
    Uuid::from_u128(number).into()
}

#[test]
fn only_a_refused_key_is_kept_in_mind() {
    let (reached, clock) = (Arc::<ReachedLimits>::default(), Arc::new(Still));
    let limiter = Arc::new(MemoryLimiter::new(clock.clone()));
    let watched = WatchedLimiter { limiter, reached: reached.clone(), clock };
    let limit = RateLimit::per_minute(2).unwrap();
    let take = |subject| {
        let quota = Quota { organization: Uuid::nil().into(), subject, limit };
        match watched.take(Some(quota).into(), 2) {
            Outcome::Ready(answer) => answer.unwrap().unwrap().decision.is_allowed,
            Outcome::Later(_) => panic!("memory answers at once"),
        }
    };
    let subjects = [RateSubject::Key(key(1)), RateSubject::Deployment(Uuid::nil().into())];
    assert_eq!(subjects.map(take), [true, true]);
    let told = Told::default();
    reached.tell(&told, START).unwrap();
    assert!(told.limits.lock().unwrap().is_empty());
    assert_eq!(subjects.map(take), [false, false]);
    reached.tell(&told, START).unwrap();
    assert_eq!(*told.limits.lock().unwrap(), [(key(1), START)]);
}

#[test]
fn a_limit_is_told_of_once_an_hour_and_not_forgotten_while_storage_is_away() {
    let (reached, told) = (ReachedLimits::default(), Told::default());
    told.is_away.store(true, Ordering::Relaxed);
    reached.note(key(1), START);
    reached.tell(&told, START).unwrap_err();
    told.is_away.store(false, Ordering::Relaxed);
    for seconds in [0, 1, 3599, 3600, 3601, 7200] {
        reached.note(key(1), START + TimeDelta::seconds(seconds));
        reached.tell(&told, START).unwrap();
    }
    let at = |seconds| (key(1), START + TimeDelta::seconds(seconds));
    assert_eq!(*told.limits.lock().unwrap(), [at(0), at(3600), at(7200)]);
}

#[test]
fn the_memory_of_reached_limits_is_bounded() {
    let reached = ReachedLimits::default();
    for number in 0..MAX_REACHED as u128 + 5 {
        reached.note(key(number), START);
    }
    assert_eq!(reached.reached().len(), MAX_REACHED);
    reached.tell(&Told::default(), START).unwrap();
    // What was told of long ago makes room.
    reached.tell(&Told::default(), START + LIMIT_TOLD_EVERY).unwrap();
    assert!(reached.reached().is_empty());
}
