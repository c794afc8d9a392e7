//! The stable names of everything that can go wrong. `docs/API.md` explains each; a test holds it to that.

/// What went wrong, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The body is not JSON.
    MalformedJson,
    /// The body is no form.
    MalformedMultipart,
    /// A query or path parameter cannot be read.
    InvalidParameter,
    /// Two headers carry different keys.
    AmbiguousCredentials,
    /// A session of several organizations named none.
    OrganizationRequired,
    /// No credential was sent.
    MissingCredential,
    /// The credential is not valid.
    InvalidCredential,
    /// The key was revoked.
    KeyRevoked,
    /// The key has expired.
    KeyExpired,
    /// The key is switched off.
    KeyInactive,
    /// The deployment is switched off.
    DeploymentInactive,
    /// The credential belongs to another organization than `X-Organization-Id` names.
    OrganizationMismatch,
    /// The key lacks the scope that opens this.
    InsufficientScope,
    /// The key may not be used from this address.
    IpNotAllowed,
    /// Only an administrator may do this.
    AdminRequired,
    /// A key of this kind does not open this.
    KeyKindNotAllowed,
    /// The address takes a deployment's own key.
    DeploymentKeyRequired,
    /// An unsafe request of a session lacks its CSRF token.
    CsrfTokenRequired,
    /// A page of another site sent it.
    CrossSiteRequest,
    /// The request names the server by a name that is not its own.
    HostNotAllowed,
    /// Only its owner or an administrator may change it.
    OwnerRequired,
    /// There is no such thing for this caller.
    NotFound,
    /// No model has the name.
    ModelNotFound,
    /// No invitation has this token.
    InvitationNotFound,
    /// The address does not know this method.
    MethodNotAllowed,
    /// The body did not arrive in time.
    RequestTimeout,
    /// Both platform keys exist.
    PlatformKeyLimit,
    /// The wanted slot is filled.
    PlatformKeySlotTaken,
    /// The workflow has deployments.
    WorkflowInUse,
    /// Another deployment has this API name.
    ApiNameTaken,
    /// Another key has this name.
    NameTaken,
    /// A key's name never changes.
    NameImmutable,
    /// The organization would have no administrator.
    LastAdmin,
    /// Who accepts the invitation is a member already.
    AlreadyMember,
    /// Another account has the mail address.
    EmailTaken,
    /// The secret before the present one is still good.
    RotationInGrace,
    /// Another request with the same idempotency key is under way.
    IdempotencyInProgress,
    /// The execution has ended already.
    ExecutionFinished,
    /// The execution was cancelled: there is no result.
    ExecutionStopped,
    /// The result is no longer kept.
    ResultExpired,
    /// The invitation's time is over.
    InvitationExpired,
    /// The invitation was accepted.
    InvitationUsed,
    /// The invitation was taken back.
    InvitationWithdrawn,
    /// The body is larger than the server takes.
    BodyTooLarge,
    /// The body is of another media type than the address takes.
    UnsupportedMediaType,
    /// The idempotency key was used with another body.
    IdempotencyKeyReused,
    /// The body has a member that has no meaning here.
    UnknownField,
    /// The body lacks a member that must be there.
    MissingField,
    /// A value is of another JSON type than it must be.
    InvalidType,
    /// A value is out of its range.
    InvalidValue,
    /// The input breaks the deployment's schema.
    InputInvalid,
    /// Several things are wrong; `errors` has all of them.
    ValidationFailed,
    /// The tool of a step does not exist.
    UnknownTool,
    /// A filter does not compile.
    InvalidFilter,
    /// A template does not compile.
    InvalidTemplate,
    /// The id of a step is used twice.
    DuplicateStep,
    /// What the value names does not exist for this caller.
    UnknownReference,
    /// The execution failed: there is no result.
    ExecutionFailed,
    /// Too many wrong keys came from the caller's address.
    TooManyBadCredentials,
    /// Too many log-ins failed, at the user name or from the caller's address.
    TooManyLogIns,
    /// The organization has or makes as many invitations as it may.
    TooManyInvitations,
    /// The deployment has as many unfinished executions as it may.
    TooManyExecutions,
    /// The key was used as often as it may be.
    RateLimited,
    /// A fault of the server.
    Internal,
    /// A model did not answer, or nothing that can be used.
    ModelFailed,
    /// The server cannot answer now.
    Unavailable,
    /// A model did not answer in time.
    ModelTimedOut,
}

impl ErrorCode {
    /// All of them, in the order of their statuses.
    pub const ALL: [Self; 67] = [
        Self::MalformedJson,
        Self::MalformedMultipart,
        Self::InvalidParameter,
        Self::AmbiguousCredentials,
        Self::OrganizationRequired,
        Self::MissingCredential,
        Self::InvalidCredential,
        Self::KeyRevoked,
        Self::KeyExpired,
        Self::KeyInactive,
        Self::DeploymentInactive,
        Self::OrganizationMismatch,
        Self::InsufficientScope,
        Self::IpNotAllowed,
        Self::AdminRequired,
        Self::KeyKindNotAllowed,
        Self::DeploymentKeyRequired,
        Self::CsrfTokenRequired,
        Self::CrossSiteRequest,
        Self::HostNotAllowed,
        Self::OwnerRequired,
        Self::NotFound,
        Self::ModelNotFound,
        Self::InvitationNotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::PlatformKeyLimit,
        Self::PlatformKeySlotTaken,
        Self::WorkflowInUse,
        Self::ApiNameTaken,
        Self::NameTaken,
        Self::NameImmutable,
        Self::LastAdmin,
        Self::AlreadyMember,
        Self::EmailTaken,
        Self::RotationInGrace,
        Self::IdempotencyInProgress,
        Self::ExecutionFinished,
        Self::ExecutionStopped,
        Self::ResultExpired,
        Self::InvitationExpired,
        Self::InvitationUsed,
        Self::InvitationWithdrawn,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::IdempotencyKeyReused,
        Self::UnknownField,
        Self::MissingField,
        Self::InvalidType,
        Self::InvalidValue,
        Self::InputInvalid,
        Self::ValidationFailed,
        Self::UnknownTool,
        Self::InvalidFilter,
        Self::InvalidTemplate,
        Self::DuplicateStep,
        Self::UnknownReference,
        Self::ExecutionFailed,
        Self::TooManyBadCredentials,
        Self::TooManyLogIns,
        Self::TooManyInvitations,
        Self::TooManyExecutions,
        Self::RateLimited,
        Self::Internal,
        Self::ModelFailed,
        Self::Unavailable,
        Self::ModelTimedOut,
    ];

    /// The name on the wire, its HTTP status, and what it means.
    #[expect(clippy::too_many_lines, reason = "a table with a line for each code")]
    const fn row(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::MalformedJson => ("malformed_json", 400, "The body is not JSON"),
            Self::MalformedMultipart => ("malformed_multipart", 400, "The body is no form"),
            Self::InvalidParameter => {
                ("invalid_parameter", 400, "A parameter of the address cannot be read")
            }
            Self::AmbiguousCredentials => {
                ("ambiguous_credentials", 400, "Two headers carry different keys")
            }
            Self::OrganizationRequired => {
                ("organization_required", 400, "The organization must be named")
            }
            Self::MissingCredential => ("missing_credential", 401, "A credential is required"),
            Self::InvalidCredential => ("invalid_credential", 401, "The credential is not valid"),
            Self::KeyRevoked => ("key_revoked", 401, "The key was revoked"),
            Self::KeyExpired => ("key_expired", 401, "The key has expired"),
            Self::KeyInactive => ("key_inactive", 401, "The key is not active"),
            Self::DeploymentInactive => {
                ("deployment_inactive", 401, "The deployment is not active")
            }
            Self::OrganizationMismatch => {
                ("organization_mismatch", 403, "The credential belongs to another organization")
            }
            Self::InsufficientScope => ("insufficient_scope", 403, "The key lacks a scope"),
            Self::IpNotAllowed => ("ip_not_allowed", 403, "The address is not allowed"),
            Self::AdminRequired => ("admin_required", 403, "Only an administrator may do this"),
            Self::KeyKindNotAllowed => {
                ("key_kind_not_allowed", 403, "A key of this kind does not open this")
            }
            Self::DeploymentKeyRequired => {
                ("deployment_key_required", 403, "A key of the deployment is required")
            }
            Self::CsrfTokenRequired => {
                ("csrf_token_required", 403, "The CSRF token of the session is required")
            }
            Self::CrossSiteRequest => {
                ("cross_site_request", 403, "A page of another site sent the request")
            }
            Self::HostNotAllowed => {
                ("host_not_allowed", 403, "The server is not known by this name")
            }
            Self::OwnerRequired => {
                ("owner_required", 403, "Only its owner or an administrator may change it")
            }
            Self::NotFound => ("not_found", 404, "There is no such thing"),
            Self::ModelNotFound => ("model_not_found", 404, "There is no such model"),
            Self::InvitationNotFound => {
                ("invitation_not_found", 404, "There is no such invitation")
            }
            Self::MethodNotAllowed => {
                ("method_not_allowed", 405, "The address does not know this method")
            }
            Self::RequestTimeout => ("request_timeout", 408, "The body did not arrive in time"),
            Self::PlatformKeyLimit => ("platform_key_limit", 409, "Both platform keys exist"),
            Self::PlatformKeySlotTaken => ("platform_key_slot_taken", 409, "The slot is filled"),
            Self::WorkflowInUse => ("workflow_in_use", 409, "The workflow has deployments"),
            Self::ApiNameTaken => ("api_name_taken", 409, "The API name is taken"),
            Self::NameTaken => ("name_taken", 409, "The name is taken"),
            Self::NameImmutable => ("name_immutable", 409, "The name never changes"),
            Self::LastAdmin => ("last_admin", 409, "The last administrator stays"),
            Self::AlreadyMember => ("already_member", 409, "The user is a member already"),
            Self::EmailTaken => ("email_taken", 409, "Another account has the mail address"),
            Self::RotationInGrace => {
                ("rotation_in_grace", 409, "The last rotation is still in its grace")
            }
            Self::IdempotencyInProgress => {
                ("idempotency_in_progress", 409, "The same request is under way")
            }
            Self::ExecutionFinished => ("execution_finished", 409, "The execution has ended"),
            Self::ExecutionStopped => ("execution_stopped", 409, "The execution was cancelled"),
            Self::ResultExpired => ("result_expired", 410, "The result is no longer kept"),
            Self::InvitationExpired => ("invitation_expired", 410, "The invitation has expired"),
            Self::InvitationUsed => ("invitation_used", 410, "The invitation was accepted already"),
            Self::InvitationWithdrawn => {
                ("invitation_withdrawn", 410, "The invitation was withdrawn")
            }
            Self::BodyTooLarge => ("body_too_large", 413, "The body is too large"),
            Self::UnsupportedMediaType => {
                ("unsupported_media_type", 415, "The media type is not supported")
            }
            Self::IdempotencyKeyReused => {
                ("idempotency_key_reused", 422, "The idempotency key was used with another body")
            }
            Self::UnknownField => ("unknown_field", 422, "A field has no meaning here"),
            Self::MissingField => ("missing_field", 422, "A field is missing"),
            Self::InvalidType => ("invalid_type", 422, "A value has the wrong type"),
            Self::InvalidValue => ("invalid_value", 422, "A value is out of its range"),
            Self::InputInvalid => ("input_invalid", 422, "The input breaks the schema"),
            Self::ValidationFailed => ("validation_failed", 422, "Several things are wrong"),
            Self::UnknownTool => ("unknown_tool", 422, "There is no such tool"),
            Self::InvalidFilter => ("invalid_filter", 422, "A filter does not compile"),
            Self::InvalidTemplate => ("invalid_template", 422, "A template does not compile"),
            Self::DuplicateStep => ("duplicate_step", 422, "A step id is used twice"),
            Self::UnknownReference => {
                ("unknown_reference", 422, "A value names what does not exist")
            }
            Self::ExecutionFailed => ("execution_failed", 422, "The execution failed"),
            Self::TooManyBadCredentials => {
                ("too_many_bad_credentials", 429, "Too many wrong keys came from this address")
            }
            Self::TooManyLogIns => ("too_many_log_ins", 429, "Too many log-ins failed"),
            Self::TooManyInvitations => {
                ("too_many_invitations", 429, "Too many people were invited")
            }
            Self::TooManyExecutions => {
                ("too_many_executions", 429, "Too many executions are unfinished")
            }
            Self::RateLimited => ("rate_limited", 429, "Too many requests"),
            Self::Internal => ("internal", 500, "The server failed"),
            Self::ModelFailed => ("model_failed", 502, "The model gave no answer"),
            Self::Unavailable => ("unavailable", 503, "The server cannot answer now"),
            Self::ModelTimedOut => ("model_timed_out", 504, "The model did not answer in time"),
        }
    }

    /// The code of this name; a newer server may know names that are none here.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status that goes with it, always the same.
    pub const fn status(self) -> u16 {
        self.row().1
    }

    /// What it means, in a few words.
    pub const fn title(self) -> &'static str {
        self.row().2
    }
}

#[cfg(feature = "from-domain")]
impl From<access_domain::FaultCode> for ErrorCode {
    fn from(code: access_domain::FaultCode) -> Self {
        use access_domain::FaultCode;
        match code {
            FaultCode::InvalidValue => Self::InvalidValue,
            FaultCode::MissingField => Self::MissingField,
            FaultCode::UnknownField => Self::UnknownField,
            FaultCode::UnknownTool => Self::UnknownTool,
            FaultCode::InvalidFilter => Self::InvalidFilter,
            FaultCode::InvalidTemplate => Self::InvalidTemplate,
            FaultCode::DuplicateStep => Self::DuplicateStep,
            FaultCode::UnknownReference => Self::UnknownReference,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_is_listed_once_under_its_own_name() {
        let names: HashSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        assert!(ErrorCode::ALL.iter().all(|code| ErrorCode::of(code.as_str()) == Some(*code)));
        assert_eq!(ErrorCode::of("no_such_code"), None);
        // The compiler holds `row` to the enum, and this holds `ALL` to `row`: the last variant's
        // discriminant counts them.
        assert_eq!(ErrorCode::ModelTimedOut as usize + 1, ErrorCode::ALL.len());
    }
}
