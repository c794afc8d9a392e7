//! One refusal: what the caller is told, and what only the log hears.

use std::{error::Error, fmt};

use access_domain::{AuthenticationError, Denied, Fault, LimiterFailed, StoreError};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError, http::StatusCode, http::header};
use api_types::{ErrorCode, Problem, ProblemError};
use keys_core::Denial;

/// A request that was not done. Rendered as a problem document by [`crate::request_context`], which
/// knows the request id and logs the source, once.
#[derive(Debug)]
pub struct ApiError {
    code: ErrorCode,
    detail: String,
    errors: Vec<ProblemError>,
    instance: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
    /// After how many seconds the same request may be done, where that is known.
    retry_after: Option<u64>,
    /// Where it is not the one that goes with the code.
    status: Option<StatusCode>,
}

/// How long a caller should wait before asking a server again whose database is away, in seconds.
const RETRY_UNAVAILABLE_SECONDS: u64 = 2;
/// The same for an execution that found no place.
const RETRY_BUSY_SECONDS: u64 = 1;

impl ApiError {
    /// A refusal with what the caller can do about it.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            instance: None,
            source: None,
            retry_after: None,
            status: None,
        }
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

    /// The same refusal, where it is about what the request wants to change: a conflict (RFC 9110,
    /// 15.5.10).
    pub fn as_conflict(self) -> Self {
        Self { status: Some(StatusCode::CONFLICT), ..self }
    }

    /// The same refusal, of a request that may be done after so many seconds.
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The same refusal, about the thing at this address.
    pub fn about(self, instance: impl Into<String>) -> Self {
        Self { instance: Some(instance.into()), ..self }
    }

    /// The same refusal, with what is behind it as its errors.
    pub fn because(self, errors: Vec<ProblemError>) -> Self {
        Self { errors, ..self }
    }

    /// The same refusal, with what is behind it, for the log.
    pub fn caused_by(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// The stable name of the refusal.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// All that is wrong, each with its place, where the request is answered in spite of it. Never
    /// empty.
    pub fn into_errors(self) -> Vec<ProblemError> {
        self.problem("").errors
    }

    /// The document for the caller.
    pub(crate) fn problem(&self, request_id: &str) -> Problem {
        let mut problem = Problem::new(self.code, self.detail.as_str(), request_id);
        if !self.errors.is_empty() {
            problem.errors.clone_from(&self.errors);
        }
        problem.instance.clone_from(&self.instance);
        problem.status = self.status_code().as_u16();
        problem
    }

    pub(crate) fn response(&self, request_id: &str) -> HttpResponse {
        let mut response = HttpResponseBuilder::new(self.status_code());
        match self.status_code() {
            StatusCode::UNAUTHORIZED => {
                response.insert_header((header::WWW_AUTHENTICATE, r#"Bearer realm="keywright""#));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                let seconds = self.retry_after.unwrap_or(RETRY_UNAVAILABLE_SECONDS);
                response.insert_header((header::RETRY_AFTER, seconds.to_string()));
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let seconds = self.retry_after.unwrap_or(RETRY_BUSY_SECONDS);
                response.insert_header((header::RETRY_AFTER, seconds.to_string()));
            }
            _ => {}
        }
        let body = serde_json::to_string(&self.problem(request_id)).unwrap_or_default();
        response.content_type("application/problem+json").body(body)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        let of_code = || StatusCode::from_u16(self.code.status());
        self.status.map_or_else(of_code, Ok).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.response("")
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            // A request that was done before is answered by what it made. This is read where that was
            // forgotten in the very moment: sent again, it is a new one.
            StoreError::Unavailable { .. } | StoreError::Repeated { .. } => {
                Self::unavailable(error)
            }
            StoreError::Broken { .. } => Self::internal(error),
        }
    }
}

impl From<LimiterFailed> for ApiError {
    fn from(failed: LimiterFailed) -> Self {
        Self::unavailable(failed)
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        let code = match denied {
            Denied::AdminRequired => ErrorCode::AdminRequired,
            Denied::KeyKindNotAllowed => ErrorCode::KeyKindNotAllowed,
            Denied::DeploymentKeyRequired => ErrorCode::DeploymentKeyRequired,
            Denied::InsufficientScope(_) => ErrorCode::InsufficientScope,
            Denied::Hidden => return Self::not_found(),
        };
        Self::new(code, denied.to_string())
    }
}

impl From<AuthenticationError> for ApiError {
    fn from(error: AuthenticationError) -> Self {
        let code = match error {
            AuthenticationError::Missing => ErrorCode::MissingCredential,
            AuthenticationError::Invalid => ErrorCode::InvalidCredential,
            AuthenticationError::Key(denial) => return denial_error(denial),
            AuthenticationError::CsrfTokenRequired => ErrorCode::CsrfTokenRequired,
            AuthenticationError::OrganizationRequired => ErrorCode::OrganizationRequired,
            AuthenticationError::OrganizationMismatch => ErrorCode::OrganizationMismatch,
            AuthenticationError::OrganizationHidden => return Self::not_found(),
            AuthenticationError::Store(error) => return error.into(),
        };
        Self::new(code, error.to_string())
    }
}

fn denial_error(denial: Denial) -> ApiError {
    let code = match denial {
        Denial::Revoked => ErrorCode::KeyRevoked,
        Denial::Expired => ErrorCode::KeyExpired,
        Denial::Inactive => ErrorCode::KeyInactive,
        Denial::OwnerInactive => ErrorCode::DeploymentInactive,
        Denial::InsufficientScope => ErrorCode::InsufficientScope,
        Denial::AddressNotAllowed => ErrorCode::IpNotAllowed,
    };
    ApiError::new(code, denial.to_string())
}
