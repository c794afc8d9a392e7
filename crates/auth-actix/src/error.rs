//! One refusal: what the caller is told, and what only the log hears.

use std::{error::Error, fmt};

use access_domain::{AuthenticationError, Denied, Fault, LimiterFailed, StoreError};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError, http::StatusCode};
use api_types::{ErrorCode, Problem, ProblemError, Refusal};

/// A request that was not done. Rendered as a problem document by [`crate::request_context`], which
/// knows the request id and logs the source, once.
#[derive(Debug)]
pub struct ApiError {
    refusal: Refusal,
    instance: Option<String>,
}

impl ApiError {
    /// A refusal with what the caller can do about it.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Refusal::new(code, detail).into()
    }

    /// A refusal that points at one place of the body.
    pub fn at(code: ErrorCode, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Refusal::at(code, pointer, detail).into()
    }

    /// Everything that is wrong with a body whose shape is right.
    pub fn faults(faults: Vec<Fault>) -> Self {
        Refusal::faults(faults).into()
    }

    /// What the caller may not see, and what is not there: one answer for both.
    pub fn not_found() -> Self {
        Refusal::not_found().into()
    }

    /// A fault of the server; `source` is for the log.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Refusal::internal(source).into()
    }

    /// The server cannot answer now; `source` is for the log.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Refusal::unavailable(source).into()
    }

    /// The same refusal, of a request that may be done after so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { refusal: self.refusal.retry_after(seconds), ..self }
    }

    /// The same refusal, about the thing at this address.
    #[must_use]
    pub fn about(self, instance: impl Into<String>) -> Self {
        Self { instance: Some(instance.into()), ..self }
    }

    /// The same refusal, with what is behind it as its errors.
    #[must_use]
    pub fn because(self, errors: Vec<ProblemError>) -> Self {
        Self { refusal: self.refusal.because(errors), ..self }
    }

    /// The stable name of the refusal.
    pub fn code(&self) -> ErrorCode {
        self.refusal.code
    }

    /// What was refused, and why.
    pub fn refusal(&self) -> &Refusal {
        &self.refusal
    }

    /// All that is wrong, each with its place, where the request is answered in spite of it. Never
    /// empty.
    pub fn into_errors(self) -> Vec<ProblemError> {
        self.problem("").errors
    }

    /// The document for the caller, in an answer to the request of this id.
    pub fn problem(&self, request_id: &str) -> Problem {
        Problem { instance: self.instance.clone(), ..self.refusal.problem(request_id) }
    }

    /// The problem document as an answer to the request of this id.
    pub fn document(&self, request_id: &str) -> HttpResponse {
        let mut response = HttpResponseBuilder::new(self.status_code());
        if let Some(header) = self.refusal.header() {
            response.insert_header(header);
        }
        let body = serde_json::to_string(&self.problem(request_id)).unwrap_or_default();
        response.content_type("application/problem+json").body(body)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Error::source(&self.refusal)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.document("")
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, instance: None }
    }
}

/// For use cases' callers who refuse something themselves.
impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        error.refusal
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<LimiterFailed> for ApiError {
    fn from(failed: LimiterFailed) -> Self {
        Refusal::from(failed).into()
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        Refusal::from(denied).into()
    }
}

impl From<AuthenticationError> for ApiError {
    fn from(error: AuthenticationError) -> Self {
        Refusal::from(error).into()
    }
}
