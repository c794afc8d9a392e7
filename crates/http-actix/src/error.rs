//! The border between the domains' errors and HTTP: one exhaustive match per enum.

use access_domain::{
    AuthenticationError, ChangeError, Closed, Fault, ImportRefusal, InferenceRefusal,
    InvitationRefusal, KeyRefusal, LogInError, MemberRefusal, ModelFailure, ModelFailureKind,
    OwnerRequired, PasswordRefusal, PlatformKeyRefusal, SecretRefusal, SettingsRefusal, StoreError,
    WebhookRefusal,
};
use api_types::{ErrorCode, ProblemError};
use auth_actix::ApiError;
use deployments_domain::{
    DeploymentRefusal, ExecutionError, ScheduleRefusal, SharingRefusal, UsageRefusal,
    WorkflowRefusal,
};
use keys_core::{PlatformKeyError, RotationRefusal};

/// Who invited too many has room again after this time at the latest.
const SECONDS_OF_AN_HOUR: u64 = 3600;

/// What a use case may answer with, as a caller is told.
pub(crate) trait IntoApiError: Send + 'static {
    fn into_api_error(self) -> ApiError;
}

impl IntoApiError for ApiError {
    fn into_api_error(self) -> ApiError {
        self
    }
}

impl IntoApiError for StoreError {
    fn into_api_error(self) -> ApiError {
        self.into()
    }
}

impl IntoApiError for LogInError {
    fn into_api_error(self) -> ApiError {
        match self {
            Self::WrongCredentials => ApiError::new(ErrorCode::InvalidCredential, self.to_string()),
            Self::Store(error) => error.into(),
        }
    }
}

impl IntoApiError for PasswordRefusal {
    fn into_api_error(self) -> ApiError {
        let told = self.to_string();
        match self {
            Self::Faults { faults } => ApiError::faults(faults),
            Self::Overtaken => ApiError::new(ErrorCode::InvalidCredential, told),
            Self::Hashing(failed) => ApiError::internal(failed),
            Self::Store(error) => error.into(),
        }
    }
}

impl<R: IntoApiError + std::error::Error> IntoApiError for ChangeError<R> {
    fn into_api_error(self) -> ApiError {
        match self {
            Self::Refused(refusal) => refusal.into_api_error(),
            Self::Store(error) => error.into(),
        }
    }
}

impl IntoApiError for PlatformKeyRefusal {
    fn into_api_error(self) -> ApiError {
        match self {
            Self::NotFound => ApiError::not_found(),
            Self::NotItself => ApiError::new(ErrorCode::AdminRequired, self.to_string()),
            Self::NoPlace(refusal) => {
                let code = match refusal {
                    PlatformKeyError::LimitReached => ErrorCode::PlatformKeyLimit,
                    PlatformKeyError::SlotTaken(_) => ErrorCode::PlatformKeySlotTaken,
                };
                ApiError::new(code, refusal.to_string())
            }
        }
    }
}

impl IntoApiError for WorkflowRefusal {
    fn into_api_error(self) -> ApiError {
        match self {
            Self::NotFound => ApiError::not_found(),
            Self::Faults { faults } => ApiError::faults(faults),
            Self::NotOwner(refusal) => owner_required(refusal),
            Self::InUse => ApiError::new(ErrorCode::WorkflowInUse, self.to_string()),
            Self::CodeCheck(failed) => ApiError::unavailable(failed),
        }
    }
}

impl IntoApiError for ScheduleRefusal {
    fn into_api_error(self) -> ApiError {
        match self {
            Self::NotFound => ApiError::not_found(),
            Self::NotOwner(refusal) => owner_required(refusal),
            Self::Faults { faults } => ApiError::faults(faults),
        }
    }
}

impl IntoApiError for SharingRefusal {
    fn into_api_error(self) -> ApiError {
        match self {
            Self::NotFound => ApiError::not_found(),
            Self::NotOwner(refusal) => owner_required(refusal),
            Self::Faults { faults } => ApiError::faults(faults),
        }
    }
}

impl IntoApiError for DeploymentRefusal {
    fn into_api_error(self) -> ApiError {
        match self {
            Self::NotFound => ApiError::not_found(),
            Self::NotOwner(refusal) => owner_required(refusal),
            Self::AdminsDeploy => ApiError::new(ErrorCode::AdminRequired, self.to_string()),
            Self::Faults { faults } => ApiError::faults(faults),
            Self::ApiNameTaken => {
                ApiError::at(ErrorCode::ApiNameTaken, "/api_name", self.to_string())
            }
            Self::SchemaCheck(failed) => ApiError::unavailable(failed),
            Self::UnknownWorkflow => {
                ApiError::at(ErrorCode::UnknownReference, "/workflow", self.to_string())
            }
        }
    }
}

impl IntoApiError for KeyRefusal {
    fn into_api_error(self) -> ApiError {
        let told = self.to_string();
        match self {
            Self::NotFound => ApiError::not_found(),
            Self::NotOwner(refusal) => owner_required(refusal),
            Self::Faults { faults } => ApiError::faults(faults),
            Self::NameTaken => ApiError::at(ErrorCode::NameTaken, "/name", told),
            Self::ScopeNotHeld => ApiError::at(ErrorCode::InsufficientScope, "/scopes", told),
            Self::Revoked | Self::NotRotated(RotationRefusal::Revoked) => {
                ApiError::new(ErrorCode::KeyRevoked, told).as_conflict()
            }
            Self::NotRotated(refusal @ RotationRefusal::InGrace { .. }) => {
                ApiError::new(ErrorCode::RotationInGrace, refusal.to_string())
            }
            Self::NotRotated(refusal @ RotationRefusal::GraceTooLong) => {
                ApiError::at(ErrorCode::InvalidValue, "/grace_seconds", refusal.to_string())
            }
        }
    }
}

impl IntoApiError for SecretRefusal {
    fn into_api_error(self) -> ApiError {
        let told = self.to_string();
        match self {
            Self::NotFound => ApiError::not_found(),
            Self::Faults { faults } => ApiError::faults(faults),
            Self::TooMany => ApiError::new(ErrorCode::InvalidValue, told),
            Self::NoKey => ApiError::new(ErrorCode::Unavailable, told),
        }
    }
}

impl IntoApiError for MemberRefusal {
    fn into_api_error(self) -> ApiError {
        match self {
            Self::NotFound => ApiError::not_found(),
            Self::Faults { faults } => ApiError::faults(faults),
            Self::Denied(denied) => denied.into(),
            Self::LastAdmin => ApiError::new(ErrorCode::LastAdmin, self.to_string()),
        }
    }
}

impl IntoApiError for InvitationRefusal {
    fn into_api_error(self) -> ApiError {
        let told = self.to_string();
        match self {
            Self::NotFound => ApiError::not_found(),
            Self::Faults { faults } => ApiError::faults(faults),
            Self::Denied(denied) => denied.into(),
            Self::Closed(closed) => {
                let code = match closed {
                    Closed::Used => ErrorCode::InvitationUsed,
                    Closed::Withdrawn => ErrorCode::InvitationWithdrawn,
                    Closed::Expired => ErrorCode::InvitationExpired,
                };
                ApiError::new(code, told)
            }
            Self::TooManyOpen => ApiError::new(ErrorCode::TooManyInvitations, told),
            Self::TooMany | Self::TooManyForAddress => {
                ApiError::new(ErrorCode::TooManyInvitations, told).retry_after(SECONDS_OF_AN_HOUR)
            }
            Self::AlreadyMember => ApiError::new(ErrorCode::AlreadyMember, told),
            Self::EmailTaken => ApiError::new(ErrorCode::EmailTaken, told),
            Self::UsernameTaken => ApiError::new(ErrorCode::InvalidCredential, told),
            Self::Hashing(failed) => ApiError::unavailable(failed),
        }
    }
}

impl IntoApiError for WebhookRefusal {
    fn into_api_error(self) -> ApiError {
        let told = self.to_string();
        match self {
            Self::NotFound => ApiError::not_found(),
            Self::Faults { faults } => ApiError::faults(faults),
            Self::TooMany => ApiError::new(ErrorCode::InvalidValue, told),
            Self::NoKey => ApiError::new(ErrorCode::Unavailable, told),
        }
    }
}

impl IntoApiError for SettingsRefusal {
    fn into_api_error(self) -> ApiError {
        match self {
            Self::Faults { faults } => ApiError::faults(faults),
        }
    }
}

impl IntoApiError for InferenceRefusal {
    fn into_api_error(self) -> ApiError {
        match self {
            Self::Faults { faults } => ApiError::faults(faults),
            Self::UnknownModel => {
                ApiError::at(ErrorCode::ModelNotFound, "/model", self.to_string())
            }
        }
    }
}

impl IntoApiError for ModelFailure {
    fn into_api_error(self) -> ApiError {
        let code = match self.kind {
            ModelFailureKind::TimedOut => ErrorCode::ModelTimedOut,
            ModelFailureKind::Overloaded
            | ModelFailureKind::Refused
            | ModelFailureKind::Unusable => ErrorCode::ModelFailed,
        };
        ApiError::new(code, self.kind.to_string()).caused_by(self.source)
    }
}

impl IntoApiError for ImportRefusal {
    fn into_api_error(self) -> ApiError {
        let told = self.to_string();
        match self {
            Self::Faults { faults } => ApiError::faults(faults),
            Self::ScopeNotHeld => ApiError::at(ErrorCode::InsufficientScope, "/scopes", told),
            Self::NameTaken => ApiError::at(ErrorCode::NameTaken, "/name", told),
            Self::UnknownDeployment => {
                ApiError::at(ErrorCode::UnknownReference, "/deployment", told)
            }
            Self::Deleted => ApiError::at(ErrorCode::KeyRevoked, "/hash", told),
        }
    }
}

impl IntoApiError for UsageRefusal {
    fn into_api_error(self) -> ApiError {
        let told = self.to_string();
        match self {
            Self::DeploymentRequired => ApiError::new(ErrorCode::AdminRequired, told),
            Self::NotFound => ApiError::not_found(),
            Self::NoBuckets | Self::TooManyBuckets { .. } => {
                ApiError::new(ErrorCode::InvalidParameter, told)
            }
            Self::Store(error) => error.into(),
        }
    }
}

impl IntoApiError for ExecutionError {
    fn into_api_error(self) -> ApiError {
        match self {
            Self::NotFound => ApiError::not_found(),
            Self::KeyRefused(denial) => AuthenticationError::Key(denial).into(),
            Self::InputInvalid { faults } => input_invalid(faults),
            Self::SchemaCheck(failed) => ApiError::unavailable(failed),
            Self::TooMany(too_many) => {
                ApiError::new(ErrorCode::TooManyExecutions, too_many.to_string())
            }
            Self::NotOwner(refusal) => owner_required(refusal),
            Self::Finished => ApiError::new(ErrorCode::ExecutionFinished, self.to_string()),
            Self::NoFiles => {
                let detail =
                    "the workflow runs over files: send them as a form, as parts named 'files'";
                ApiError::at(ErrorCode::MissingField, "/files", detail)
            }
            Self::Store(error) => error.into(),
        }
    }
}

fn owner_required(refusal: OwnerRequired) -> ApiError {
    ApiError::new(ErrorCode::OwnerRequired, refusal.to_string())
}

/// Whatever is wrong with an input is one refusal with one code, since its schema is not ours.
fn input_invalid(faults: Vec<Fault>) -> ApiError {
    let detail = match faults.as_slice() {
        [only] => only.detail.clone(),
        many => format!("the input breaks the deployment's schema in {} places", many.len()),
    };
    let code = ErrorCode::InputInvalid;
    let error = |fault: Fault| ProblemError {
        code: code.as_str().into(),
        detail: fault.detail,
        attr: Some(fault.pointer),
    };
    ApiError::new(code, detail).because(faults.into_iter().map(error).collect())
}
