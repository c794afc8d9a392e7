//! Where Redis is, and what is ours in it.

use std::time::Duration;

use redis::{Client, ConnectionInfo, IntoConnectionInfo as _};

/// How Redis is used.
#[derive(Clone)]
pub struct RedisSettings {
    /// `redis://[user[:password]@]host[:port][/number]`, or `rediss://…` for TLS, by the authorities
    /// that the system trusts. May carry a password.
    pub url: String,
    /// What every name begins with: several Keywrights may share a Redis if theirs differ. Up to 40
    /// letters, digits, `_`, `-`, `.` and `:`.
    pub prefix: String,
    /// How long an answer may take before Redis counts as away.
    pub timeout: Duration,
}

/// A setting that cannot be; what is said tells nothing of a password.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidSettings {
    /// The address.
    #[error("redis.url: must be an address as redis://host:6379 or rediss://host:6379")]
    Url,
    /// The prefix.
    #[error("redis.prefix: must be 1 to 40 letters, digits, '_', '-', '.' or ':'")]
    Prefix,
}

/// Settings that have been read.
pub(crate) struct Place {
    client: Client,
    prefix: String,
    timeout: Duration,
}

impl Place {
    pub(crate) fn of(settings: &RedisSettings) -> Result<Self, InvalidSettings> {
        // What the library says of an address may repeat it.
        let client = address(&settings.url)
            .and_then(|address| Client::open(address).ok())
            .ok_or(InvalidSettings::Url)?;
        let prefix = settings.prefix.clone();
        // Braces would take the place of those around an organization.
        let is_fine = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
        if prefix.is_empty() || prefix.len() > 40 || !prefix.chars().all(is_fine) {
            return Err(InvalidSettings::Prefix);
        }
        Ok(Self { client, prefix, timeout: settings.timeout })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// What all names of ours begin with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// How long an answer may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// Decisions are short, and their callers wait: nothing is held back to be sent together.
fn address(url: &str) -> Option<ConnectionInfo> {
    let address = url.into_connection_info().ok()?;
    let tcp = address.tcp_settings().clone().set_nodelay(true);
    Some(address.set_tcp_settings(tcp))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, prefix: &str, expected: Result<(), InvalidSettings>) {
        let timeout = Duration::from_millis(1);
        let settings = RedisSettings { url: url.into(), prefix: prefix.into(), timeout };
        assert_eq!(Place::of(&settings).map(drop), expected, "{url} {prefix}");
    }

    #[test]
    fn what_cannot_be_is_said_in_one_line_without_the_password() {
        for url in ["redis://redis", "redis://u:secret@redis:6380/3", "rediss://redis:6379"] {
            check(url, "keywright", Ok(()));
        }
        for url in ["", "redis", "http://redis", "redis://u:secret@redis:port", "postgres://db"] {
            check(url, "keywright", Err(InvalidSettings::Url));
        }
        check("redis://redis", "acme.staging:kw-1", Ok(()));
        for prefix in ["", "a{b}", "a b", &"a".repeat(41)] {
            check("redis://redis", prefix, Err(InvalidSettings::Prefix));
        }
        assert!(!InvalidSettings::Url.to_string().contains("secret"));
    }
}
