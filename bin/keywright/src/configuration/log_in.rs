//! `[log_in]`: how many log-ins may fail.

use std::time::Duration;

use http_actix::LogInSettings;
use keys_core::RateLimit;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// How often passwords may be guessed.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogIn {
    /// How many log-ins from an address may fail in a minute.
    pub(crate) failures_per_minute: u32,
    /// How many at one user name may fail, before
    pub(crate) account_failures: u32,
    /// only one more is let through each so many seconds.
    pub(crate) account_seconds: u64,
}

impl Default for LogIn {
    fn default() -> Self {
        Self { failures_per_minute: 30, account_failures: 10, account_seconds: 30 }
    }
}

impl LogIn {
    pub(super) fn ranges(&self) -> [(&'static str, u64, u64, u64); 3] {
        [
            (
                "log_in.failures_per_minute",
                self.failures_per_minute.into(),
                1,
                RateLimit::MAX.into(),
            ),
            ("log_in.account_failures", self.account_failures.into(), 1, 1_000_000),
            ("log_in.account_seconds", self.account_seconds, 1, 3600),
        ]
    }

    pub(crate) fn settings(&self) -> Result<LogInSettings, Failure> {
        let pause = Duration::from_secs(self.account_seconds);
        LogInSettings::new(self.failures_per_minute, self.account_failures, pause)
            .ok_or_else(|| Failure::Configuration("log_in: a limit is out of range".into()))
    }
}
