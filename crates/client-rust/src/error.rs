//! Why a call came to nothing. No text here ever holds a key.

use std::{error, fmt, time::Duration};

use api_types::ErrorCode;
use uuid::Uuid;

/// Why a call came to nothing.
///
/// What was [refused](Error::Refused) was decided by the server. In all other cases nobody knows more than what the variant says:
/// a request whose answer was lost may have been done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server said no, or that it failed; [`Problem::code`] tells why.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// Something answered, but not as Keywright does: a proxy, a server of another kind, half an answer.
    #[error("the answer with status {status} is of no use: {reason}")]
    Unusable {
        /// The HTTP status.
        status: u16,
        /// What the answer calls its request, if it does.
        request_id: Option<String>,
        /// What is wrong with it.
        reason: Unusable,
    },
    /// The server was not reached, or the connection broke before the answer was here.
    #[error("there was no answer")]
    Transport(#[source] TransportError),
    /// The answer was not here in time.
    #[error("there was no answer within {after:?}")]
    TimedOut {
        /// How long was waited for the last attempt.
        after: Duration,
    },
    /// The execution was accepted, and its end was not seen: the time for waiting is over, or the server cannot be asked any more,
    /// or does not tell. It goes on: do not start it again; [`Deployment::wait`](crate::Deployment::wait) can wait for it again.
    #[error("the end of execution {execution_id} was not seen")]
    Unfinished {
        /// The execution.
        execution_id: Uuid,
        /// Why the server cannot be asked, or what it refused; `None`: the time was over.
        #[source]
        cause: Option<Box<Error>>,
    },
    /// The call cannot be put into a request; it was not sent.
    #[error("this cannot be asked: {0}")]
    Invalid(&'static str),
}

impl Error {
    /// Whether the server refused with this code.
    pub fn is(&self, code: ErrorCode) -> bool {
        self.problem().is_some_and(|problem| problem.code == code)
    }

    /// What the server said, where it was the server that refused.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            Self::Unusable { .. }
            | Self::Transport(_)
            | Self::TimedOut { .. }
            | Self::Unfinished { .. }
            | Self::Invalid(_) => None,
        }
    }

    /// What the server's log calls the request, if an answer came.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => Some(&problem.request_id),
            Self::Unusable { request_id, .. } => request_id.as_deref(),
            Self::Transport(_)
            | Self::TimedOut { .. }
            | Self::Unfinished { .. }
            | Self::Invalid(_) => None,
        }
    }
}

/// Why the server did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// What went wrong, for programs.
    pub code: Code,
    /// What is wrong here, and what to do about it, for people.
    pub detail: String,
    /// Every single fault, with its place in the body; never empty.
    pub faults: Vec<Fault>,
    /// Names the request in the server's log.
    pub request_id: String,
    /// Where the thing stands that the problem is about, as the address of an execution that failed.
    pub instance: Option<String>,
    /// How long the server asks to wait before the next attempt, in whole seconds.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code, self.status, self.detail)
    }
}

impl Problem {
    /// The problem document `told`, as it came with this status.
    pub(crate) fn new(
        told: api_types::Problem,
        status: u16,
        retry_after: Option<Duration>,
    ) -> Self {
        let fault = |error: api_types::ProblemError| Fault {
            code: error.code.into(),
            detail: error.detail,
            pointer: error.attr,
        };
        Self {
            status,
            code: told.code.into(),
            detail: told.detail,
            faults: told.errors.into_iter().map(fault).collect(),
            request_id: told.request_id,
            instance: told.instance,
            retry_after,
        }
    }
}

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// What is wrong, for programs.
    pub code: Code,
    /// What is wrong, and what to do about it, for people.
    pub detail: String,
    /// A JSON pointer (RFC 6901) to it, where it has a place in the body.
    pub pointer: Option<String>,
}

/// The stable name of a problem. Compares with [`ErrorCode`]: `problem.code == ErrorCode::NameTaken`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Code {
    /// One that this version of the SDK knows.
    Known(ErrorCode),
    /// One of a newer server.
    Other(String),
}

impl Code {
    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(code) => code.as_str(),
            Self::Other(name) => name,
        }
    }
}

impl From<String> for Code {
    fn from(name: String) -> Self {
        ErrorCode::of(&name).map_or(Self::Other(name), Self::Known)
    }
}

impl PartialEq<ErrorCode> for Code {
    fn eq(&self, other: &ErrorCode) -> bool {
        matches!(self, Self::Known(code) if code == other)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an answer is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// It is larger than the client takes; `ClientBuilder::max_response_bytes` says how much that is.
    #[error("it has more than {max_bytes} bytes")]
    TooLarge {
        /// How much the client takes.
        max_bytes: usize,
    },
    /// It should be JSON.
    #[error("it is no JSON")]
    NotJson,
    /// It is JSON, but not what was asked for.
    #[error("it is no {wanted}")]
    Shape {
        /// The type that it should have been read as.
        wanted: &'static str,
    },
    /// The server sends the caller elsewhere, which is never followed: the key is for the server that it was given for.
    #[error(
        "it is a redirect, which is not followed; give the server's own address as the base URL"
    )]
    Redirect,
    /// It says that something failed, but is no problem document: Keywright did not write it.
    #[error("it is no problem document of Keywright")]
    NoProblem,
    /// A list goes on where it has been already.
    #[error("the list goes round in a circle")]
    Circle,
}

/// Why no answer came.
#[derive(Debug)]
pub struct TransportError {
    source: Box<dyn error::Error + Send + Sync>,
    is_sent: bool,
}

impl TransportError {
    pub(crate) fn new(
        source: impl Into<Box<dyn error::Error + Send + Sync>>,
        is_sent: bool,
    ) -> Self {
        Self { source: source.into(), is_sent }
    }

    /// Whether the server may have got the request: if so, it may have done it.
    pub fn is_sent(&self) -> bool {
        self.is_sent
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.is_sent {
            true => "the connection broke",
            false => "the server cannot be reached",
        })
    }
}

impl error::Error for TransportError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&*self.source)
    }
}
