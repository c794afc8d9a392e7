//! The section `[redis]`: what several servers share over Redis, if they share something.

use std::{path::PathBuf, time::Duration};

use access_domain::OnLimiterFailure;
use limits_redis::RedisSettings;
use serde::{Deserialize, Serialize};

use crate::{failure::Failure, hidden::DatabaseUrl, secret_file};

/// Where Redis is, and what holds while it does not answer. Without an address there is none.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RedisSection {
    /// `redis://…` or `rediss://…`; may carry a password.
    pub(crate) url: Option<DatabaseUrl>,
    pub(crate) url_file: Option<PathBuf>,
    /// What every name in it begins with.
    pub(crate) prefix: String,
    /// How long an answer may take before Redis counts as away.
    pub(crate) timeout_ms: u64,
    pub(crate) on_limiter_failure: OnFailure,
}

/// What becomes of limited calls while Redis is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnFailure {
    Local,
    Deny,
    Allow,
}

impl From<OnFailure> for OnLimiterFailure {
    fn from(setting: OnFailure) -> Self {
        match setting {
            OnFailure::Local => Self::Local,
            OnFailure::Deny => Self::Deny,
            OnFailure::Allow => Self::Allow,
        }
    }
}

impl Default for RedisSection {
    fn default() -> Self {
        Self {
            url: None,
            url_file: None,
            prefix: "keywright".into(),
            timeout_ms: 250,
            on_limiter_failure: OnFailure::Local,
        }
    }
}

impl RedisSection {
    /// Whether there is a Redis.
    pub(crate) fn is_set(&self) -> bool {
        self.url.is_some() || self.url_file.is_some()
    }

    /// How it is used, if there is one.
    pub(crate) fn settings(&self) -> Result<Option<RedisSettings>, Failure> {
        let url = match (&self.url, &self.url_file) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                let what = "redis.url and redis.url_file: give one of them";
                return Err(Failure::Configuration(what.into()));
            }
            (Some(url), None) => url.0.clone(),
            (None, Some(path)) => secret_file::read_given(path, "redis.url_file")?,
        };
        let timeout = Duration::from_millis(self.timeout_ms);
        Ok(Some(RedisSettings { url, prefix: self.prefix.clone(), timeout }))
    }

    /// Each setting with its value, the least and the most.
    pub(super) fn ranges(&self) -> [(&'static str, u64, u64, u64); 1] {
        [("redis.timeout_ms", self.timeout_ms, 10, 10_000)]
    }
}
