//! The section `[notices]`: how webhooks are called and mail is sent, and how long it is kept what became of it.

use std::time::Duration;

use access_domain::RetryPolicy;
use outbound::DispatcherConfig;
use serde::{Deserialize, Serialize};

const DAY_SECONDS: u64 = 24 * 3600;

/// How notices are delivered.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NoticeSettings {
    /// How often a delivery is tried before it is given up: at least twice, for one failure says little, and would
    /// switch a webhook off.
    pub(crate) attempts: u32,
    /// How long a webhook may take to answer.
    pub(crate) timeout_seconds: u64,
    /// How many deliveries to one webhook are under way at the same time, in each process.
    pub(crate) per_webhook: usize,
    /// How many are in all.
    pub(crate) in_flight: usize,
    /// How long it is kept what became of a delivery, in days.
    pub(crate) delivery_days: u32,
}

impl Default for NoticeSettings {
    fn default() -> Self {
        Self { attempts: 8, timeout_seconds: 15, per_webhook: 4, in_flight: 256, delivery_days: 30 }
    }
}

impl NoticeSettings {
    /// How deliveries are carried out.
    pub(crate) fn dispatcher(&self, mail_timeout_seconds: u64) -> DispatcherConfig {
        DispatcherConfig {
            retry: RetryPolicy { attempts: self.attempts, ..RetryPolicy::default() },
            timeout: Duration::from_secs(self.timeout_seconds),
            longest: Duration::from_secs(self.timeout_seconds.max(mail_timeout_seconds)),
            per_lane: self.per_webhook,
            most: self.in_flight,
            ..DispatcherConfig::default()
        }
    }

    pub(crate) fn retention(&self) -> Duration {
        Duration::from_secs(u64::from(self.delivery_days) * DAY_SECONDS)
    }

    /// Each setting with its value, the least and the most.
    pub(super) fn ranges(&self) -> [(&'static str, u64, u64, u64); 5] {
        [
            ("notices.attempts", self.attempts.into(), 2, 40),
            ("notices.timeout_seconds", self.timeout_seconds, 1, 120),
            ("notices.per_webhook", self.per_webhook as u64, 1, 100),
            ("notices.in_flight", self.in_flight as u64, 1, 10_000),
            ("notices.delivery_days", self.delivery_days.into(), 1, 3650),
        ]
    }
}
