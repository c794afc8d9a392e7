//! Problem documents (RFC 9457), with the `errors` array that clients of DRF services read.

use serde::{Deserialize, Serialize};

use crate::ErrorCode;

/// Why a request was not done. There never is a member `message`: existing clients take it for a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Where the code is explained.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the code means, the same for each of its problems.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong here, and what to do about it.
    pub detail: String,
    /// The stable name of the problem, for programs.
    pub code: String,
    /// Where the thing stands that the problem is about, where it is not the request itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Names this request in the server's log.
    pub request_id: String,
    /// Every single fault; never empty.
    pub errors: Vec<ProblemError>,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProblemError {
    /// The stable name of the fault.
    pub code: String,
    /// What is wrong, and what to do about it.
    pub detail: String,
    /// A JSON pointer (RFC 6901) to it, where it has a place in the body.
    pub attr: Option<String>,
}

impl Problem {
    /// The problem of `code`, with no place of its own in the body.
    pub fn new(code: ErrorCode, detail: impl Into<String>, request_id: impl Into<String>) -> Self {
        let detail = detail.into();
        let error = ProblemError { code: code.as_str().into(), detail: detail.clone(), attr: None };
        Self {
            kind: format!("/docs/errors#{}", code.as_str()),
            title: code.title().into(),
            status: code.status(),
            detail,
            code: code.as_str().into(),
            instance: None,
            request_id: request_id.into(),
            errors: vec![error],
        }
    }
}
