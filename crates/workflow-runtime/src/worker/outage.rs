//! Tells an outage of the store once, when it begins and when it is over. Decides nothing.

use std::{error::Error, time::Duration};

const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// One thing that is tried again and again.
pub(super) struct Outage {
    what: &'static str,
    failures: u32,
}

impl Outage {
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, failures: 0 }
    }

    /// Notes a failure; returns how long to wait before the next try.
    pub(super) fn failed(&mut self, error: &(dyn Error + 'static)) -> Duration {
        if self.failures == 0 {
            tracing::warn!(error, source = error.source(), "{} failed; trying on", self.what);
        }
        self.failures = self.failures.saturating_add(1);
        let doublings = self.failures.saturating_sub(1).min(16);
        (FIRST_DELAY * 2_u32.pow(doublings)).min(LONGEST_DELAY)
    }

    pub(super) fn succeeded(&mut self) {
        if self.failures > 0 {
            tracing::info!(failures = self.failures, "{} works again", self.what);
        }
        self.failures = 0;
    }
}
