//! A database that does not answer is asked by one caller at a time, and all the others hear at once that it is away: so
//! nobody waits in a line that grows for as long as the trouble lasts. Knows no database.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// So many at most hang on a database that hangs.
const MOST_STUCK: usize = 4;

/// Who is waiting for a connection, and how the last one fared.
pub(crate) struct Away {
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When each of those began who wait, by their number. As many as there are threads that ask.
    waiting: BTreeMap<u64, Instant>,
    number: u64,
    /// When one was answered last.
    answered: Option<Instant>,
    /// Whether the last one got none.
    is_away: bool,
}

/// Somebody who asks. Whatever becomes of them, they ask no more when this is dropped.
pub(crate) struct Asking<'a> {
    away: &'a Away,
    number: u64,
}

impl Away {
    /// Whoever waits for longer than `patience` shows that the database hangs.
    pub(crate) fn new(patience: Duration) -> Self {
        Self { patience, state: Mutex::default() }
    }

    /// May the database be asked? `None`: it does not answer, and somebody is finding out whether it does again.
    pub(crate) fn ask(&self, now: Instant) -> Option<Asking<'_>> {
        let mut state = self.state();
        if self.is_away(&state, now) && !self.may_try(&state, now) {
            return None;
        }
        state.number += 1;
        let number = state.number;
        state.waiting.insert(number, now);
        Some(Asking { away: self, number })
    }

    fn is_away(&self, state: &State, now: Instant) -> bool {
        state.waiting.first_key_value().is_some_and(|(_, first)| {
            // Where others were answered meanwhile, it is one connection that hangs, and not the database.
            let waits = now.saturating_duration_since(*first) > self.patience;
            waits && state.answered.is_none_or(|at| at < *first + self.patience) || state.is_away
        })
    }

    /// Somebody finds out again as soon as nobody else is just doing so.
    fn may_try(&self, state: &State, now: Instant) -> bool {
        let is_stuck =
            |(_, last): (&u64, &Instant)| now.saturating_duration_since(*last) > self.patience;
        state.waiting.len() < MOST_STUCK && state.waiting.last_key_value().is_some_and(is_stuck)
    }

    /// Nothing panics while it is held, so that there is no state that poison could warn of.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asking<'_> {
    /// It answered, or it did not.
    pub(crate) fn ended(self, has_answered: bool, now: Instant) {
        let mut state = self.away.state();
        state.is_away = !has_answered;
        if has_answered {
            state.answered = Some(now);
        }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.away.state().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(3);
    const SOON: Duration = Duration::from_millis(1);

    #[test]
    fn a_database_that_answers_is_asked_by_any_number_at_once() {
        let (away, now) = (Away::new(PATIENCE), Instant::now());
        let asking: Vec<_> = (0..100).map(|_| away.ask(now + PATIENCE).unwrap()).collect();
        asking.into_iter().for_each(|one| one.ended(true, now));
        assert!(away.ask(now).is_some());
    }

    #[test]
    fn while_it_hangs_nobody_else_waits_until_one_is_answered() {
        let (away, now) = (Away::new(PATIENCE), Instant::now());
        let (first, second) = (away.ask(now).unwrap(), away.ask(now + SOON).unwrap());
        assert!(away.ask(now + PATIENCE + SOON).is_none());
        first.ended(true, now);
        assert!(away.ask(now + PATIENCE + SOON).is_some(), "the second has waited no longer");
        second.ended(true, now);
    }

    #[test]
    fn while_it_is_away_one_at_a_time_finds_out() {
        let (away, now) = (Away::new(PATIENCE), Instant::now());
        away.ask(now).unwrap().ended(false, now);
        let probe = away.ask(now).unwrap();
        assert!(away.ask(now).is_none());
        probe.ended(false, now);
        let probe = away.ask(now).unwrap();
        assert!(away.ask(now).is_none());
        probe.ended(true, now);
        let _all = [away.ask(now).unwrap(), away.ask(now).unwrap()];
    }

    #[test]
    fn who_gives_up_is_not_waited_for() {
        let (away, now) = (Away::new(PATIENCE), Instant::now());
        drop(away.ask(now).unwrap());
        assert!(away.ask(now + 2 * PATIENCE).is_some());
    }

    #[test]
    fn one_connection_that_hangs_is_not_the_database() {
        let (away, now) = (Away::new(PATIENCE), Instant::now());
        let _stuck = away.ask(now).unwrap();
        let later = now + PATIENCE + SOON;
        let probe = away.ask(later).unwrap();
        assert!(away.ask(later).is_none(), "one finds out");
        probe.ended(true, later);
        let _all = [away.ask(later).unwrap(), away.ask(later + 9 * PATIENCE).unwrap()];
    }

    #[test]
    fn no_more_than_a_few_hang_on_a_database_that_hangs() {
        let (away, now) = (Away::new(PATIENCE), Instant::now());
        let stuck: Vec<_> =
            (0..20).filter_map(|turn| away.ask(now + turn * (PATIENCE + SOON))).collect();
        assert_eq!(stuck.len(), MOST_STUCK);
    }
}
