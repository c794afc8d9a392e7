//! A real mail server (`aiosmtpd`) that keeps what it is sent.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::python_server::PythonServer;

const PROGRAM: &str = include_str!("../programs/smtp_server.py");
/// Who may send where a log-in is wanted.
pub const LOGIN: (&str, &str) = ("keywright", "a password of the mail server");

/// How the server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// In the clear, by anybody.
    None,
    /// From `STARTTLS` on, by [`LOGIN`].
    StartTls,
    /// From the first byte on, by [`LOGIN`].
    Implicit,
}

/// A running server; ends with the test. It refuses mail to addresses that begin with `refused` for
/// good, and to those that begin with `busy` for now.
pub struct SmtpServer {
    tls: SmtpTls,
    server: PythonServer,
    directory: TempDir,
}

/// A mail as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Who sent it, by the envelope.
    pub from: String,
    /// To whom, by the envelope.
    pub to: Vec<String>,
    /// Its subject, decoded.
    pub subject: String,
    /// Its headers, decoded, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its text, decoded.
    pub text: String,
    /// Whether it came by TLS.
    pub is_secure: bool,
}

impl SmtpServer {
    /// A server in the clear on a free port.
    pub fn start() -> Self {
        Self::start_on(0, SmtpTls::None)
    }

    /// A server on a free port with a certificate for `localhost`, see [`SmtpServer::ca_file`].
    pub fn start_with(tls: SmtpTls) -> Self {
        Self::start_on(0, tls)
    }

    /// A server on a port of its own, such as one that another had before.
    pub fn start_on(port: u16, tls: SmtpTls) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (name, login) = match tls {
            SmtpTls::None => ("none", Value::Null),
            SmtpTls::StartTls => ("starttls", json!(LOGIN)),
            SmtpTls::Implicit => ("implicit", json!(LOGIN)),
        };
        let settings =
            json!({"port": port, "tls": name, "login": login, "directory": directory.path()});
        Self { tls, server: PythonServer::start(PROGRAM, &settings, "mail"), directory }
    }

    /// Where it listens, at `localhost`.
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// How it is spoken to.
    pub fn tls(&self) -> SmtpTls {
        self.tls
    }

    /// The certificate of the authority that it has its own from, where it speaks TLS.
    pub fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// What it was sent so far.
    pub fn messages(&self) -> Vec<Mail> {
        self.server.told().iter().map(mail).collect()
    }

    /// What it was sent as soon as that are `count` mails or more.
    pub async fn messages_when(&self, count: usize) -> Vec<Mail> {
        let told = self.server.told_when(|told| told.len() >= count).await;
        told.iter().map(mail).collect()
    }
}

fn mail(told: &Value) -> Mail {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let headers = told["headers"].as_object().expect("headers");
    Mail {
        from: text(&told["from"]),
        to: told["to"].as_array().expect("addresses").iter().map(text).collect(),
        subject: text(&told["subject"]),
        headers: headers.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        text: text(&told["text"]),
        is_secure: told["is_secure"] == true,
    }
}
