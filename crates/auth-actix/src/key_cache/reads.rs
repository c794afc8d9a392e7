//! How memory is read, as metrics: how often it had the answer, and how old the answers were.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use metrics::{Counter, Gauge, counter, gauge};

pub(super) struct Reads {
    pub(super) hits: Counter,
    pub(super) misses: Counter,
    /// The oldest view that was believed since somebody last looked, in microseconds.
    oldest: AtomicU64,
    staleness: Gauge,
    limit: Gauge,
}

impl Default for Reads {
    fn default() -> Self {
        Self {
            hits: counter!("keywright_key_cache_hits_total"),
            misses: counter!("keywright_key_cache_misses_total"),
            oldest: AtomicU64::new(0),
            staleness: gauge!("keywright_cache_staleness_seconds"),
            limit: gauge!("keywright_cache_staleness_limit_seconds"),
        }
    }
}

impl Reads {
    /// A view of this age was believed.
    pub(super) fn note_age(&self, age: Duration) {
        let micros = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
        // Mostly a younger one than the oldest: then nothing is written that other threads read.
        if micros > self.oldest.load(Ordering::Relaxed) {
            self.oldest.fetch_max(micros, Ordering::Relaxed);
        }
    }

    pub(super) fn observe(&self, limit: Duration) {
        let oldest = Duration::from_micros(self.oldest.swap(0, Ordering::Relaxed));
        self.staleness.set(oldest.as_secs_f64());
        self.limit.set(limit.as_secs_f64());
    }
}
