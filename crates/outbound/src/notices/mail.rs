//! Sends mail by SMTP, with `lettre`.

use std::{sync::Arc, time::Duration};

use access_domain::ClaimedDelivery;
use keys_core::{Peppers, Timestamp};
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error,
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
    },
};
use serde_json::Value;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::{Sent, mail_texts};

/// How the mail server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// By TLS from the first byte on.
    Implicit,
    /// By TLS from `STARTTLS` on, and never without.
    StartTls,
    /// In the clear.
    None,
}

/// How mail is sent.
pub struct MailConfig {
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it is spoken to by TLS.
    pub tls: MailTls,
    /// User name and password, where it wants them.
    pub login: Option<(String, Zeroizing<String>)>,
    /// Who sends, as `Keywright <keywright@example.com>`.
    pub from: String,
    /// The authority that its certificate is from, in PEM; `None`: those of this machine.
    pub ca: Option<Vec<u8>>,
    /// How long one mail may take.
    pub timeout: Duration,
    /// What links begin with, without a trailing slash.
    pub public_url: String,
    /// What the tokens of invitations are made with.
    pub peppers: Arc<Peppers>,
}

/// What of a [`MailConfig`] cannot be.
#[derive(Debug, thiserror::Error)]
pub enum InvalidMailConfig {
    /// No address.
    #[error("from: must be a mail address, as 'Keywright <keywright@example.com>'")]
    From,
    /// No certificate.
    #[error("ca_file: holds no certificate in PEM")]
    Ca,
    /// No name that a certificate can be for.
    #[error("host: must be the name or the address of a server")]
    Host,
}

/// Sends mail.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
    public_url: String,
    peppers: Arc<Peppers>,
}

impl Mailer {
    /// A mailer without connections yet.
    ///
    /// # Errors
    /// What of the configuration cannot be.
    pub fn new(config: MailConfig) -> Result<Self, InvalidMailConfig> {
        let from = config.from.parse().map_err(|_| InvalidMailConfig::From)?;
        let mut parameters = TlsParameters::builder(config.host.clone());
        if let Some(pem) = &config.ca {
            let certificate = Certificate::from_pem(pem).map_err(|_| InvalidMailConfig::Ca)?;
            parameters = parameters
                .certificate_store(CertificateStore::None)
                .add_root_certificate(certificate);
        }
        let tls = match config.tls {
            MailTls::None => Tls::None,
            MailTls::StartTls => {
                Tls::Required(parameters.build().map_err(|_| InvalidMailConfig::Host)?)
            }
            MailTls::Implicit => {
                Tls::Wrapper(parameters.build().map_err(|_| InvalidMailConfig::Host)?)
            }
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(config.host.clone());
        let builder = builder.port(config.port).tls(tls).timeout(Some(config.timeout));
        let transport = match config.login.clone() {
            Some((user, password)) => {
                builder.credentials(Credentials::new(user, password.to_string())).build()
            }
            None => builder.build(),
        };
        let MailConfig { timeout, public_url, peppers, .. } = config;
        Ok(Self { transport, from, timeout, public_url, peppers })
    }

    /// Whether the server answers, and takes the login.
    ///
    /// # Errors
    /// Why not.
    pub async fn check(&self) -> Result<(), String> {
        match timeout(self.timeout, self.transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err("it answers, and takes no mail".into()),
            Ok(Err(error)) => Err(in_full(&error)),
            Err(_) => Err("it does not answer in time".into()),
        }
    }

    /// One attempt.
    pub(super) async fn send(
        &self,
        delivery: &ClaimedDelivery,
        to: &str,
        organization: &str,
        now: Timestamp,
    ) -> Sent {
        let message = match self.message(delivery, to, organization, now) {
            Ok(message) => message,
            Err(why) => return Sent::refused(None, why),
        };
        match timeout(self.timeout, self.transport.send(message)).await {
            Ok(Ok(response)) => Sent::accepted(response.code().into()),
            Ok(Err(error)) => judge(&error),
            Err(_) => Sent::failed(None, "the mail server did not answer in time"),
        }
    }

    fn message(
        &self,
        delivery: &ClaimedDelivery,
        to: &str,
        organization: &str,
        now: Timestamp,
    ) -> Result<Message, &'static str> {
        let to: Address = to.parse().map_err(|_| "this is no mail address")?;
        let data: Value = serde_json::from_str(&delivery.data).unwrap_or_default();
        let event = &delivery.event;
        let place = mail_texts::Place {
            organization,
            organization_id: event.organization,
            public_url: &self.public_url,
        };
        let text = mail_texts::render(event.kind, &data, &place, &self.peppers);
        let text = text.ok_or("nothing of this kind is told by mail")?;
        // The same at each attempt: a mail that arrives twice is known for one.
        let id = format!("<{}@{}>", delivery.id, self.from.email.domain());
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(text.subject)
            .date(now.into())
            .message_id(Some(id))
            .raw_header(HeaderValue::new(automatic, "auto-generated".into()))
            .header(ContentType::TEXT_PLAIN)
            .body(text.body)
            .map_err(|_| "the mail cannot be written")
    }
}

/// What a failure means: refused for good are recipients and mails, not this server's own login.
fn judge(error: &Error) -> Sent {
    let status = error.status().map(u16::from);
    match status {
        Some(code @ (510..=529 | 550..=559)) if error.is_permanent() => {
            Sent::refused(status, format!("the mail server refused it: {code}"))
        }
        Some(code) => Sent::failed(status, format!("the mail server answered {code}")),
        None => {
            tracing::warn!(error = in_full(error), "the mail server cannot be spoken to");
            Sent::failed(None, "the mail server cannot be reached")
        }
    }
}

/// With what is behind it.
fn in_full(error: &Error) -> String {
    let mut told = error.to_string();
    let mut behind = std::error::Error::source(error);
    while let Some(cause) = behind {
        told = format!("{told}: {cause}");
        behind = cause.source();
    }
    told.replace(['\r', '\n'], " ")
}
