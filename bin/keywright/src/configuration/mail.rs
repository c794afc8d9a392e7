//! The section `[mail]`: how mail is sent, if it is.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use keys_core::Peppers;
use outbound::{InvalidMailConfig, MailConfig, MailTls, Mailer};
use serde::{Deserialize, Serialize};

use super::Configuration;
use crate::{failure::Failure, hidden::SecretText, secret_file};

/// The server that takes mail. Without a host, none is sent.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MailSettings {
    pub(crate) host: String,
    /// 0: the one that is usual for `tls`.
    pub(crate) port: u16,
    pub(crate) tls: Security,
    pub(crate) username: String,
    pub(crate) password: Option<SecretText>,
    pub(crate) password_file: Option<PathBuf>,
    /// Who sends, as `Keywright <keywright@example.com>`.
    pub(crate) from: String,
    /// The authority that the server's certificate is from; by default, those of the machine.
    pub(crate) ca_file: Option<PathBuf>,
    /// How long one mail may take.
    pub(crate) timeout_seconds: u64,
}

/// Whether the mail server is spoken to by TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Security {
    Implicit,
    StartTls,
    None,
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 0,
            tls: Security::StartTls,
            username: String::new(),
            password: None,
            password_file: None,
            from: String::new(),
            ca_file: None,
            timeout_seconds: 30,
        }
    }
}

impl MailSettings {
    /// Whether mail is sent.
    pub(crate) fn is_set(&self) -> bool {
        !self.host.is_empty()
    }

    /// The port that is spoken to.
    pub(crate) fn port(&self) -> u16 {
        match (self.port, self.tls) {
            (0, Security::Implicit) => 465,
            (0, Security::StartTls) => 587,
            (0, Security::None) => 25,
            (port, _) => port,
        }
    }

    /// What types cannot say; the message names the setting.
    pub(super) fn check(&self, public_url: &str) -> Result<(), String> {
        if !self.is_set() {
            let is_begun = !self.from.is_empty() || !self.username.is_empty();
            return if is_begun {
                Err("mail.host: must be set to send mail".into())
            } else {
                Ok(())
            };
        }
        if public_url.is_empty() {
            return Err(
                "server.public_url: must be set where [mail] is: mail has links to it".into()
            );
        }
        if self.from.is_empty() {
            return Err("mail.from: must be set to send mail".into());
        }
        if self.password.is_some() && self.password_file.is_some() {
            return Err("mail.password and mail.password_file: give one of them".into());
        }
        let has_password = self.password.is_some() || self.password_file.is_some();
        if self.username.is_empty() == has_password {
            return Err("mail.username: comes with a password, and a password with it".into());
        }
        if self.tls == Security::None && has_password {
            return Err("mail.tls: must not be 'none' where a password is sent".into());
        }
        Ok(())
    }

    /// Each setting with its value, the least and the most.
    pub(super) fn ranges(&self) -> [(&'static str, u64, u64, u64); 1] {
        [("mail.timeout_seconds", self.timeout_seconds, 1, 300)]
    }
}

impl Configuration {
    /// What sends mail, if something does. Calls nobody yet.
    pub(crate) fn mailer(&self, peppers: &Arc<Peppers>) -> Result<Option<Arc<Mailer>>, Failure> {
        let mail = &self.mail;
        if !mail.is_set() {
            return Ok(None);
        }
        let password = match (&mail.password, &mail.password_file) {
            (Some(password), _) => Some(password.0.clone()),
            (None, Some(path)) => Some(secret_file::read_given(path, "mail.password_file")?),
            (None, None) => None,
        };
        let read = |path: &PathBuf| {
            fs::read(path).map_err(|error| {
                Failure::Configuration(format!("mail.ca_file: {}: {error}", path.display()))
            })
        };
        let config = MailConfig {
            host: mail.host.clone(),
            port: mail.port(),
            tls: match mail.tls {
                Security::Implicit => MailTls::Implicit,
                Security::StartTls => MailTls::StartTls,
                Security::None => MailTls::None,
            },
            login: password.map(|password| (mail.username.clone(), password.into())),
            from: mail.from.clone(),
            ca: mail.ca_file.as_ref().map(read).transpose()?,
            timeout: Duration::from_secs(mail.timeout_seconds),
            public_url: self.base_url(),
            peppers: Arc::clone(peppers),
        };
        let made = Mailer::new(config).map(|mailer| Some(Arc::new(mailer)));
        made.map_err(|error: InvalidMailConfig| Failure::Configuration(format!("mail.{error}")))
    }
}
