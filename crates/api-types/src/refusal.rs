//! What a use case refuses, as a caller is told, whichever edge tells it. Knows codes and words; how a refusal is rendered is the
//! edge's.

use std::{error::Error, fmt};

#[cfg(feature = "from-domain")]
use access_domain::Fault;

use crate::{ErrorCode, Problem, ProblemError};

#[cfg(feature = "from-domain")]
mod from_domain;
mod of_keys;

/// How long a caller should wait before asking a server again that cannot answer, in seconds.
const RETRY_UNAVAILABLE_SECONDS: u64 = 2;
/// The same where too much was asked for, and nobody knows for how long.
const RETRY_BUSY_SECONDS: u64 = 1;
/// RFC 9110, 15.5.10
const CONFLICT: u16 = 409;

/// Something that was not done: what the caller is told, and what only the log hears.
#[derive(Debug)]
pub struct Refusal {
    /// The stable name of the refusal.
    pub code: ErrorCode,
    /// What is wrong, and what the caller can do about it.
    pub detail: String,
    /// Every single fault; empty where the detail is all there is to say.
    pub errors: Vec<ProblemError>,
    /// The HTTP status, where it is not the one that goes with the code.
    pub status: Option<u16>,
    /// After how many seconds the same request may be done, where that is known.
    pub retry_after: Option<u64>,
    /// What is behind it, for the log.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl Refusal {
    /// A refusal with what the caller can do about it.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let (detail, errors) = (detail.into(), Vec::new());
        Self { code, detail, errors, status: None, retry_after: None, source: None }
    }

    /// A refusal that points at one place of the body.
    pub fn at(code: ErrorCode, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let error = ProblemError {
            code: code.as_str().into(),
            detail: detail.clone(),
            attr: Some(pointer.into()),
        };
        Self { errors: vec![error], ..Self::new(code, detail) }
    }

    /// Everything that is wrong with a body whose shape is right.
    #[cfg(feature = "from-domain")]
    pub fn faults(faults: Vec<Fault>) -> Self {
        let errors: Vec<ProblemError> = faults.iter().cloned().map(Into::into).collect();
        let refusal = match faults.as_slice() {
            [only] => Self::new(only.code.into(), only.detail.clone()),
            many => {
                let detail = format!("{} things are wrong with the request", many.len());
                Self::new(ErrorCode::ValidationFailed, detail)
            }
        };
        Self { errors, ..refusal }
    }

    /// What the caller may not see, and what is not there: one answer for both.
    pub fn not_found() -> Self {
        Self::new(ErrorCode::NotFound, "there is no such thing for this caller")
    }

    /// A fault of the server; `source` is for the log.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let detail = "the server failed; the request id names the event in its log";
        Self { source: Some(source.into()), ..Self::new(ErrorCode::Internal, detail) }
    }

    /// The server cannot answer now; `source` is for the log.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let detail = "the server cannot answer now; try again shortly";
        Self { source: Some(source.into()), ..Self::new(ErrorCode::Unavailable, detail) }
    }

    /// The same refusal, where it is about what the request wants to change: a conflict.
    #[must_use]
    pub fn as_conflict(self) -> Self {
        Self { status: Some(CONFLICT), ..self }
    }

    /// The same refusal, of a request that may be done after so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The same refusal, with what is behind it as its errors.
    #[must_use]
    pub fn because(self, errors: Vec<ProblemError>) -> Self {
        Self { errors, ..self }
    }

    /// The same refusal, with what is behind it, for the log.
    #[must_use]
    pub fn caused_by(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status.unwrap_or_else(|| self.code.status())
    }

    /// The document for the caller, whose request has this id.
    pub fn problem(&self, request_id: &str) -> Problem {
        let mut problem = Problem::new(self.code, self.detail.as_str(), request_id);
        if !self.errors.is_empty() {
            problem.errors.clone_from(&self.errors);
        }
        problem.status = self.status();
        problem
    }

    /// The header that the answer must have beside the document: how to be let in (RFC 9110, 11.6.1),
    /// or when to ask again.
    pub fn header(&self) -> Option<(&'static str, String)> {
        let seconds = |otherwise: u64| self.retry_after.unwrap_or(otherwise).to_string();
        match self.status() {
            401 => Some(("www-authenticate", r#"Bearer realm="keywright""#.into())),
            429 => Some(("retry-after", seconds(RETRY_BUSY_SECONDS))),
            503 => Some(("retry-after", seconds(RETRY_UNAVAILABLE_SECONDS))),
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl Error for Refusal {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
