//! Refusals of known callers, gathered in memory: one entry for each caller, operation and reason a
//! minute, with how often it happened. An unknown credential is nobody's, and never gets here.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use keys_core::{Entropy, Timestamp};
use uuid::Uuid;

use crate::{
    Act, Action, Actor, AuditEntry, AuditStore, Clock, OrganizationId, Origin, StoreError, Subject,
    SubjectKind,
};

/// Different refusals of one minute that are kept. What is beyond is counted and let go.
const MOST: usize = 10_000;

/// A known caller was refused.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Where they act.
    pub organization: OrganizationId,
    /// Who.
    pub actor: Actor,
    /// What they asked for: a method and the pattern of an address, never what a caller typed.
    pub operation: String,
    /// The stable name of the refusal.
    pub reason: &'static str,
    /// From where they asked.
    pub origin: Origin,
}

/// What hears of refusals. Answers at once: whoever calls is about to answer a caller.
pub trait RefusalLog: Send + Sync {
    /// Notes one.
    fn note(&self, refusal: Refusal);
}

/// For processes that keep no audit.
impl RefusalLog for () {
    fn note(&self, _: Refusal) {}
}

/// [`RefusalLog`] that counts, for a store that is written to now and then.
pub struct Refusals {
    store: Arc<dyn AuditStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    counted: HashMap<Kind, Counted>,
    dropped: u64,
}

/// What is counted together.
#[derive(PartialEq, Eq, Hash)]
struct Kind {
    minute: i64,
    organization: OrganizationId,
    actor: Option<Uuid>,
    operation: String,
    reason: &'static str,
}

struct Counted {
    /// The first of them.
    at: Timestamp,
    actor: Actor,
    origin: Origin,
    occurrences: i32,
}

/// Which minutes are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// Those that are over.
    Closed,
    /// All: the process ends.
    All,
}

impl Refusals {
    /// Nothing counted yet.
    pub fn new(
        store: Arc<dyn AuditStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { store, clock, entropy, open: Mutex::default() }
    }

    /// Writes down what was counted; returns how many refusals were let go since the last time, for
    /// there were too many kinds of them. What cannot be written is kept for the next time.
    ///
    /// # Errors
    /// When storage fails.
    pub fn flush(&self, which: Flush) -> Result<u64, StoreError> {
        let now = minute(self.clock.now());
        let (due, dropped) = {
            let mut open = self.open();
            let is_due = |kind: &Kind| which == Flush::All || kind.minute != now;
            let due: Vec<_> = open.counted.extract_if(|kind, _| is_due(kind)).collect();
            (due, mem::take(&mut open.dropped))
        };
        if due.is_empty() {
            return Ok(dropped);
        }
        let entries = due.iter().map(|(kind, counted)| self.entry(kind, counted)).collect();
        if let Err(error) = self.store.note_refusals(entries) {
            let mut open = self.open();
            open.dropped += dropped;
            open.counted.extend(due);
            return Err(error);
        }
        Ok(dropped)
    }

    fn entry(&self, kind: &Kind, counted: &Counted) -> AuditEntry {
        let Counted { at, actor, origin, occurrences } = counted;
        let (actor, origin) = (actor.clone(), origin.clone());
        let act = Act::new(Action::Refused, actor, origin, *at, &*self.entropy);
        let name = kind.operation.clone();
        let subject = Subject { kind: SubjectKind::Operation, id: None, name };
        let entry = AuditEntry::of(kind.organization, &act, subject).because(kind.reason);
        AuditEntry { occurrences: *occurrences, ..entry }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RefusalLog for Refusals {
    fn note(&self, refusal: Refusal) {
        let Refusal { organization, actor, operation, reason, origin } = refusal;
        let at = self.clock.now();
        let (minute, id) = (minute(at), actor.id);
        let kind = Kind { minute, organization, actor: id, operation, reason };
        let mut open = self.open();
        if let Some(counted) = open.counted.get_mut(&kind) {
            counted.occurrences = counted.occurrences.saturating_add(1);
        } else if open.counted.len() < MOST {
            open.counted.insert(kind, Counted { at, actor, origin, occurrences: 1 });
        } else {
            open.dropped += 1;
        }
    }
}

fn minute(at: Timestamp) -> i64 {
    at.timestamp().div_euclid(60)
}
