//! What goes on beside the answers, as metrics: whether it went well, and when it last did.

use access_domain::Clock as _;
use metrics::{counter, gauge};

use crate::clock::SystemClock;

/// One thing that is done again and again.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Task {
    /// Refusals are written down, and entries are sealed and pruned.
    Audit,
    /// Other servers' changes of keys are heard of.
    Following,
    /// Ends and limits of keys are told of.
    Notices,
    /// Sessions that are over are deleted.
    Sessions,
    /// Usage is stored, and which keys were used; old sums are deleted.
    Usage,
}

impl Task {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Following => "following",
            Self::Notices => "notices",
            Self::Sessions => "sessions",
            Self::Usage => "usage",
        }
    }

    /// It was done, or it failed.
    pub(crate) fn went(self, well: bool) {
        let failures = counter!("keywright_upkeep_failures_total", "task" => self.as_str());
        failures.increment(u64::from(!well));
        if well {
            let at = SystemClock.now().timestamp_micros() as f64 / 1e6;
            gauge!("keywright_upkeep_last_success_timestamp_seconds", "task" => self.as_str())
                .set(at);
        }
    }
}
