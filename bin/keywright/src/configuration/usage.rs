//! The section `[usage]`: how long it is kept how much was called.

use std::time::Duration;

use deployments_domain::UsageRetention;
use serde::{Deserialize, Serialize};

const DAY_SECONDS: u64 = 24 * 3600;

/// How long usage is kept, by the length of what is summed up.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct UsageSettings {
    pub(crate) minute_days: u32,
    pub(crate) hour_days: u32,
    pub(crate) day_days: u32,
}

impl Default for UsageSettings {
    fn default() -> Self {
        Self { minute_days: 7, hour_days: 90, day_days: 731 }
    }
}

impl UsageSettings {
    pub(crate) fn retention(&self) -> UsageRetention {
        let kept = |days: u32| Duration::from_secs(u64::from(days) * DAY_SECONDS);
        UsageRetention {
            minutes: kept(self.minute_days),
            hours: kept(self.hour_days),
            days: kept(self.day_days),
        }
    }

    /// Each setting with its value, the least and the most.
    pub(super) fn ranges(&self) -> [(&'static str, u64, u64, u64); 3] {
        [
            ("usage.minute_days", self.minute_days.into(), 1, 36_500),
            ("usage.hour_days", self.hour_days.into(), 1, 36_500),
            ("usage.day_days", self.day_days.into(), 1, 36_500),
        ]
    }
}
