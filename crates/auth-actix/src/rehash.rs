//! Secrets under an older pepper, moved to the current one when they are used: off the path of the
//! answer, and never more at a time than a bounded queue holds.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError, TryLockError},
};

use access_domain::{FoundBy, KeyLookup, KeyMatches, Uses};
use keys_core::{Digest, PepperName};

/// What finds no room is moved at a later use.
const MAX_WAITING: usize = 1000;

/// What is to be moved.
pub(crate) struct Rehash {
    lookup: Arc<dyn KeyLookup>,
    uses: Arc<Uses>,
    older: Vec<PepperName>,
    waiting: Mutex<VecDeque<Move>>,
    turn: Mutex<()>,
}

struct Move {
    from: Digest,
    to: Digest,
}

impl Rehash {
    /// `older`: the peppers to be left. Not whatever is not the current one: while a pepper is
    /// swapped, servers that do not mint under the new one yet must not move secrets back.
    pub(crate) fn new(lookup: Arc<dyn KeyLookup>, uses: Arc<Uses>, older: Vec<PepperName>) -> Self {
        Self { lookup, uses, older, waiting: Mutex::default(), turn: Mutex::default() }
    }

    /// Notes what has to be moved of keys that were found, whose digest under the current pepper is
    /// `to`.
    pub(crate) fn note(&self, found: &KeyMatches, to: Digest) {
        for record in found.iter() {
            let FoundBy::Native { digest: from, pepper } = &record.secret else { continue };
            if self.older.contains(pepper) {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if waiting.len() < MAX_WAITING {
                    waiting.push_back(Move { from: *from, to });
                }
            }
        }
    }

    /// Moves what waits, unless another thread is at it; what comes in between waits for the next
    /// one. `moved` hears of each that was moved, by the digest that it has now.
    pub(crate) fn carry_out(&self, current: &PepperName, moved: impl Fn(Digest)) {
        if self.older.is_empty() {
            return;
        }
        let _turn = match self.turn.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let next = || self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        while let Some(Move { from, to }) = next() {
            match self.lookup.rehash(&from, &to, current) {
                Ok(()) => {
                    self.uses.moved(&from, &to);
                    moved(to);
                }
                // The key goes on being found where it is, and is moved at a later use.
                Err(error) => {
                    tracing::warn!(%error, "a secret was not moved to the current pepper");
                    return;
                }
            }
        }
    }
}
