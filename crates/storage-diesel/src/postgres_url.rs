//! The address of a PostgreSQL: what this build can do with it, what is added to it, and what may be told of it.

use std::time::Duration;

use diesel::ConnectionError;

use crate::OpenError;

/// A URL as libpq takes it. No `Debug`: it may hold a password.
pub(crate) struct PostgresUrl(String);

impl PostgresUrl {
    /// `None` when it is no PostgreSQL's.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let is_one = url.starts_with("postgres://") || url.starts_with("postgresql://");
        is_one.then(|| Self(url.into()))
    }

    /// # Errors
    /// When the URL or `PGSSLMODE` asks for TLS and this build has none.
    pub(crate) fn check_tls(
        &self,
        from_environment: Option<String>,
        has_tls: bool,
    ) -> Result<(), OpenError> {
        let wanted = self.parameter("sslmode").map(str::to_owned).or(from_environment);
        match wanted.as_deref() {
            Some(mode @ ("require" | "verify-ca" | "verify-full")) if !has_tls => {
                Err(OpenError::TlsMissing { asked: format!("sslmode={mode}") })
            }
            _ => Ok(()),
        }
    }

    /// With what makes a lost network known in time, as far as the URL itself says nothing else.
    pub(crate) fn with_defaults(&self, timeout: Duration) -> String {
        let seconds = timeout.as_secs().clamp(2, 60).to_string();
        let defaults = [
            ("application_name", "keywright"),
            ("connect_timeout", &seconds),
            ("keepalives_idle", "15"),
            ("keepalives_interval", "5"),
            ("keepalives_count", "3"),
            ("tcp_user_timeout", "15000"),
            // After a switch-over, not the server that was demoted.
            ("target_session_attrs", "read-write"),
        ];
        let mut url = self.0.clone();
        for (name, value) in defaults {
            if self.parameter(name).is_none() {
                url.push(if url.contains('?') { '&' } else { '?' });
                url.push_str(name);
                url.push('=');
                url.push_str(value);
            }
        }
        url
    }

    /// The error of a connection that was not had, with its cause and without the password.
    pub(crate) fn refused(&self, error: &ConnectionError) -> OpenError {
        let told = self.without_secrets(&error.to_string());
        if told.contains("SSL support is not compiled in") {
            return OpenError::TlsMissing { asked: told };
        }
        OpenError::Unavailable { source: told.into() }
    }

    /// libpq repeats a URL that it cannot read.
    fn without_secrets(&self, text: &str) -> String {
        let mut text = text.replace(&self.0, "the database URL");
        let from_url = [self.password(), self.parameter("password")];
        for secret in from_url.into_iter().flatten().filter(|secret| !secret.is_empty()) {
            text = text.replace(secret, "***");
        }
        text
    }

    fn password(&self) -> Option<&str> {
        let (_, rest) = self.0.split_once("://")?;
        let (user, _) = rest.rsplit_once('@')?;
        user.split_once(':').map(|(_, password)| password)
    }

    /// The last one of this name, as libpq reads them.
    fn parameter(&self, name: &str) -> Option<&str> {
        let (_, parameters) = self.0.split_once('?')?;
        let mut pairs = parameters.rsplit('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> PostgresUrl {
        PostgresUrl::parse(text).unwrap()
    }

    #[test]
    fn a_url_that_asks_for_tls_is_refused_and_the_feature_named() {
        let asked = |text: &str, environment: Option<&str>| {
            let refused = url(text).check_tls(environment.map(str::to_owned), false);
            refused.err().map(|error| error.to_string())
        };
        for mode in ["require", "verify-ca", "verify-full"] {
            let error = asked(&format!("postgres://h/db?sslmode={mode}"), None).unwrap();
            assert!(error.contains("postgres-tls") && error.contains(mode), "{error}");
        }
        assert!(asked("postgres://h/db", Some("require")).is_some());
        assert_eq!(asked("postgres://h/db?sslmode=disable", Some("require")), None);
        assert_eq!(asked("postgresql://h/db?sslmode=prefer", None), None);
        assert_eq!(asked("postgres://h/db", None), None);
        assert!(url("postgres://h/db?sslmode=require").check_tls(None, true).is_ok());
    }

    #[test]
    fn what_the_url_says_is_kept_and_the_rest_is_added() {
        let full = url("postgres://h/db?connect_timeout=9").with_defaults(Duration::from_secs(3));
        assert!(full.starts_with("postgres://h/db?connect_timeout=9&application_name=keywright&"));
        assert!(!full.contains("connect_timeout=3"));
        let full = url("postgres://h/db").with_defaults(Duration::from_millis(100));
        assert!(full.starts_with("postgres://h/db?application_name=keywright&connect_timeout=2&"));
    }

    #[test]
    fn no_error_tells_the_password() {
        for text in [
            "postgres://u:hunter2@h/db",
            "postgres://u:hunter2@h:x/db?a",
            "postgres://h/db?password=hunter2",
        ] {
            let error = ConnectionError::BadConnection(format!("invalid: \"{text}\", hunter2"));
            let error = url(text).refused(&error);
            let all = format!("{error} {error:?}");
            assert!(!all.contains("hunter2"), "{all}");
        }
    }
}
