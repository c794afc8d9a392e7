//! Notices on their way out: takes the deliveries that are due, sends each by its channel, and says what became
//! of it. Whatever happens in an organization, one endpoint that fails or hangs holds nobody else up.
//!
//! Must not know what happened, nor why anybody is told.

mod dispatcher;
mod lanes;
mod mail;
mod mail_texts;
mod webhook;

use std::time::Duration;

use access_domain::Answer;

pub use self::{
    dispatcher::{Dispatcher, DispatcherConfig, DispatcherPorts},
    mail::{InvalidMailConfig, MailConfig, MailTls, Mailer},
};

/// What one attempt came to, for its log.
struct Sent {
    answer: Answer,
    status: Option<u16>,
    error: Option<String>,
    /// Whether the one who was called has no part in it: this server could not even try.
    is_our_fault: bool,
}

impl Sent {
    fn accepted(status: u16) -> Self {
        Self { answer: Answer::Accepted, status: Some(status), error: None, is_our_fault: false }
    }

    fn failed(status: Option<u16>, error: impl Into<String>) -> Self {
        let answer = Answer::Failed { retry_after: None };
        Self { answer, status, error: Some(error.into()), is_our_fault: false }
    }

    /// It never will arrive.
    fn refused(status: Option<u16>, error: impl Into<String>) -> Self {
        Self { answer: Answer::Refused, ..Self::failed(status, error) }
    }

    /// This server cannot even try, as it is now.
    fn not_tried(error: impl Into<String>) -> Self {
        Self { is_our_fault: true, ..Self::failed(None, error) }
    }

    fn asking_for(self, pause: Option<Duration>) -> Self {
        Self { answer: Answer::Failed { retry_after: pause }, ..self }
    }
}
