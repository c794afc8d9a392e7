//! Time and chance, as tests want them: the one stands still until it is moved, the other repeats itself in every run.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use access_domain::Clock;
use keys_core::{Entropy, Timestamp};

/// A clock that tests move.
#[derive(Debug)]
pub struct FixedClock(Mutex<Timestamp>);

impl FixedClock {
    /// A clock that stands at `at`.
    pub fn at(at: Timestamp) -> Self {
        Self(Mutex::new(at))
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Default for FixedClock {
    /// Some morning in 2026.
    fn default() -> Self {
        Self::at(Timestamp::UNIX_EPOCH + Duration::from_secs(1_790_000_000))
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Bytes that differ at each call and are the same in each run. Ids made from it ascend, also within one millisecond.
#[derive(Debug, Default)]
pub struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let count = (self.0.fetch_add(1, Ordering::Relaxed) + 1).to_be_bytes();
        bytes.fill(0x5a);
        let shared = bytes.len().min(count.len());
        let start = bytes.len() - shared;
        bytes[start..].copy_from_slice(&count[count.len() - shared..]);
    }
}

#[cfg(test)]
mod tests {
    use keys_core::Id;

    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_it_is_moved() {
        let clock = FixedClock::default();
        let before = clock.now();
        assert_eq!(clock.now(), before);
        clock.advance(Duration::from_micros(1));
        assert_eq!(clock.now(), before + Duration::from_micros(1));
    }

    #[test]
    fn ids_ascend_within_one_instant() {
        let (clock, entropy) = (FixedClock::default(), CountingEntropy::default());
        let ids: Vec<Id<str>> = (0..300).map(|_| Id::generate(clock.now(), &entropy)).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }
}
