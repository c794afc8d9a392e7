//! When somebody is told of the end of a key and of its limit: the rules, and the port that they are asked through. Who is told,
//! and how, is decided where events are written down.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use keys_core::{KeyId, Timestamp};

use crate::{Clock, Fault, Limited, Limiter, Limiting, Quotas, RateSubject, StoreError};

/// So many keys are looked at in one transaction.
const AT_ONCE: u32 = 100;
/// That its limit is reached is told of a key once in this time.
const LIMIT_TOLD_EVERY: Duration = Duration::from_secs(3600);
/// Of so many keys it is kept in mind at most that their limit was reached; the limits of further ones
/// are told of when there is room again.
const MAX_REACHED: usize = 10_000;

/// How many days before its end a key's end is told of, most first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeDays(Vec<u16>);

impl NoticeDays {
    /// How many there may be.
    pub const MOST: usize = 10;
    /// The longest, in days.
    pub const LONGEST: u16 = 365;

    /// In any order; twice the same counts once, and none at all means that only the end itself is
    /// told of.
    ///
    /// # Errors
    /// When there are too many, or one is not from 1 to 365.
    pub fn new(days: &[u32]) -> Result<Self, Fault> {
        let fits = |days: &u32| {
            u16::try_from(*days).ok().filter(|days| (1..=Self::LONGEST).contains(days))
        };
        let known: Option<Vec<u16>> = days.iter().map(fits).collect();
        let mut known = known.filter(|known| known.len() <= Self::MOST).ok_or_else(|| {
            let (most, longest) = (Self::MOST, Self::LONGEST);
            Fault::invalid(
                "/notice_days",
                format!("must be at most {most} numbers from 1 to {longest}"),
            )
        })?;
        known.sort_unstable_by(|one, other| other.cmp(one));
        known.dedup();
        Ok(Self(known))
    }

    /// The numbers, most first.
    pub fn iter(&self) -> impl Iterator<Item = u16> {
        self.0.iter().copied()
    }
}

impl Default for NoticeDays {
    fn default() -> Self {
        Self(vec![14, 7, 1])
    }
}

/// A key's end, and up to when it has been looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEnd {
    /// When the key ends.
    pub expires_at: Timestamp,
    /// What lay before this has been told of, or was past already when the end was set.
    pub looked_until: Timestamp,
    /// When its organization wants to be told.
    pub days: NoticeDays,
}

/// What is to be told of a key's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndNotice {
    /// It comes, in this many days at most.
    Expiring {
        /// Days that are left, begun ones counted.
        days_left: i64,
    },
    /// It has come.
    Expired,
}

/// What comes of looking at a key's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndLook {
    /// What is to be told.
    pub notice: Option<EndNotice>,
    /// When to look again; never without it.
    pub next: Option<Timestamp>,
}

impl KeyEnd {
    /// What is to be told at `now`: of all that came since the last look, only the most urgent. After
    /// an outage nobody is told three times at once.
    pub fn look(&self, now: Timestamp) -> EndLook {
        let ends: Vec<Timestamp> = self
            .days
            .iter()
            .map(|days| self.expires_at - TimeDelta::days(days.into()))
            .chain([self.expires_at])
            .collect();
        let is_new = ends.iter().any(|at| self.looked_until < *at && *at <= now);
        let left = self.expires_at - now;
        let days_left = left.num_days() + i64::from(left > TimeDelta::days(left.num_days()));
        let notice = is_new.then_some(if now < self.expires_at {
            EndNotice::Expiring { days_left }
        } else {
            EndNotice::Expired
        });
        EndLook { notice, next: ends.into_iter().filter(|at| *at > now).min() }
    }
}

/// Where it is kept of whom somebody was told.
pub trait NoticeStore: Send + Sync {
    /// Takes up to `limit` keys that are to be looked at by `now`, asks `rule`, writes down what is to
    /// be told, and saves all of it in one transaction: however many servers ask, each is told of once.
    /// Keys that are revoked are not told of. `mails`: whether there is something that sends mail.
    /// Returns how many keys were looked at.
    ///
    /// # Errors
    /// When storage fails.
    fn look_at_ends(
        &self,
        now: Timestamp,
        limit: u32,
        mails: bool,
        rule: &dyn Fn(&KeyEnd) -> EndLook,
    ) -> Result<usize, StoreError>;

    /// Writes down that the limits of keys were reached, of each unless that was told of it less than
    /// `every` before, by whatever server.
    ///
    /// # Errors
    /// When storage fails; of some it may be saved then.
    fn note_limits_reached(
        &self,
        reached: &[(KeyId, Timestamp)],
        every: Duration,
    ) -> Result<(), StoreError>;
}

/// Tells of keys, again and again.
#[derive(Clone)]
pub struct KeyNotices {
    /// Where it is kept.
    pub store: Arc<dyn NoticeStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whose limits were reached on this node.
    pub limits: Arc<ReachedLimits>,
    /// Whether there is something that sends mail.
    pub mails: bool,
}

impl KeyNotices {
    /// Tells of everything there is to tell of now. Asks storage: not for an event loop.
    ///
    /// # Errors
    /// When storage fails; what was not told is told the next time.
    pub fn tell(&self) -> Result<(), StoreError> {
        self.limits.tell(&*self.store, self.clock.now())?;
        loop {
            // One instant for what is looked at and for what is made of it.
            let now = self.clock.now();
            let rule = |end: &KeyEnd| end.look(now);
            if self.store.look_at_ends(now, AT_ONCE, self.mails, &rule)? < AT_ONCE as usize {
                return Ok(());
            }
        }
    }
}

/// Keys whose limits were reached, by when that was, and whether it has been told of.
#[derive(Default)]
pub struct ReachedLimits(Mutex<HashMap<KeyId, Reached>>);

struct Reached {
    at: Timestamp,
    is_told: bool,
}

impl Reached {
    /// It was told of so long ago that it may be told of again.
    fn is_over(&self, now: Timestamp) -> bool {
        self.is_told && self.at + LIMIT_TOLD_EVERY <= now
    }
}

impl ReachedLimits {
    fn note(&self, key: KeyId, at: Timestamp) {
        let mut reached = self.reached();
        let has_room = reached.len() < MAX_REACHED;
        match reached.get_mut(&key) {
            Some(known) if known.is_over(at) => *known = Reached { at, is_told: false },
            Some(_) => {}
            None if has_room => {
                reached.insert(key, Reached { at, is_told: false });
            }
            None => {}
        }
    }

    fn tell(&self, store: &dyn NoticeStore, now: Timestamp) -> Result<(), StoreError> {
        self.reached().retain(|_, reached| !reached.is_over(now));
        let untold: Vec<(KeyId, Timestamp)> = self
            .reached()
            .iter()
            .filter(|(_, reached)| !reached.is_told)
            .map(|(key, reached)| (*key, reached.at))
            .collect();
        for batch in untold.chunks(AT_ONCE as usize) {
            store.note_limits_reached(batch, LIMIT_TOLD_EVERY)?;
            let mut reached = self.reached();
            for (key, _) in batch {
                if let Some(reached) = reached.get_mut(key) {
                    reached.is_told = true;
                }
            }
        }
        Ok(())
    }

    /// Nothing panics while it is held, so that there is no state that poison could warn of.
    fn reached(&self) -> MutexGuard<'_, HashMap<KeyId, Reached>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A limiter that keeps in mind whose limit it refused. Whoever is not refused waits for nothing.
pub struct WatchedLimiter {
    /// What keeps account.
    pub limiter: Arc<dyn Limiter>,
    /// What hears of it.
    pub reached: Arc<ReachedLimits>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Limiter for WatchedLimiter {
    fn take(&self, quotas: Quotas, cost: u32) -> Limiting {
        let (reached, clock) = (Arc::clone(&self.reached), Arc::clone(&self.clock));
        self.limiter.take(quotas, cost).map(move |answer| {
            if let Ok(Some(Limited { subject: RateSubject::Key(key), decision })) = &answer
                && !decision.is_allowed
            {
                reached.note(*key, clock.now());
            }
            answer
        })
    }

    fn peek(&self, quotas: Quotas, cost: u32) -> Limiting {
        self.limiter.peek(quotas, cost)
    }
}

#[cfg(test)]
mod tests;
