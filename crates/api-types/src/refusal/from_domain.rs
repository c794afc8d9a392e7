//! The border between the domains' errors and every edge: one exhaustive match per enum.

use std::error::Error;

use access_domain::{
    AuthenticationError, ChangeError, Closed, Denied, Fault, ImportRefusal, InferenceRefusal,
    InvitationRefusal, KeyRefusal, LimiterFailed, LogInError, MemberRefusal, ModelFailure,
    ModelFailureKind, OwnerRequired, PasswordRefusal, PlatformKeyRefusal, SecretRefusal,
    SettingsRefusal, StoreError, WebhookRefusal,
};
use deployments_domain::{
    DeploymentRefusal, ExecutionError, Failure, ScheduleRefusal, SharingRefusal, UsageRefusal,
    WorkflowRefusal,
};
use keys_core::{PlatformKeyError, RotationRefusal};

use super::Refusal;
use crate::{ErrorCode, FailureView, ProblemError};

/// Who invited too many has room again after this time at the latest.
const SECONDS_OF_AN_HOUR: u64 = 3600;

impl From<StoreError> for Refusal {
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

impl From<LimiterFailed> for Refusal {
    fn from(failed: LimiterFailed) -> Self {
        Self::unavailable(failed)
    }
}

impl From<Denied> for Refusal {
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

impl From<AuthenticationError> for Refusal {
    fn from(error: AuthenticationError) -> Self {
        let code = match error {
            AuthenticationError::Missing => return Self::missing_credential(),
            AuthenticationError::Invalid => return Self::invalid_credential(),
            AuthenticationError::Key(denial) => return denial.into(),
            AuthenticationError::CsrfTokenRequired => ErrorCode::CsrfTokenRequired,
            AuthenticationError::OrganizationRequired => ErrorCode::OrganizationRequired,
            AuthenticationError::OrganizationMismatch => ErrorCode::OrganizationMismatch,
            AuthenticationError::OrganizationHidden => return Self::not_found(),
            AuthenticationError::Store(error) => return error.into(),
        };
        Self::new(code, error.to_string())
    }
}

impl From<LogInError> for Refusal {
    fn from(error: LogInError) -> Self {
        match error {
            LogInError::WrongCredentials => {
                Self::new(ErrorCode::InvalidCredential, error.to_string())
            }
            LogInError::Store(error) => error.into(),
        }
    }
}

impl From<PasswordRefusal> for Refusal {
    fn from(error: PasswordRefusal) -> Self {
        let told = error.to_string();
        match error {
            PasswordRefusal::Faults { faults } => Self::faults(faults),
            PasswordRefusal::Overtaken => Self::new(ErrorCode::InvalidCredential, told),
            PasswordRefusal::Hashing(failed) => Self::internal(failed),
            PasswordRefusal::Store(error) => error.into(),
        }
    }
}

impl<R: Into<Refusal> + Error> From<ChangeError<R>> for Refusal {
    fn from(error: ChangeError<R>) -> Self {
        match error {
            ChangeError::Refused(refusal) => refusal.into(),
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<PlatformKeyRefusal> for Refusal {
    fn from(error: PlatformKeyRefusal) -> Self {
        match error {
            PlatformKeyRefusal::NotFound => Self::not_found(),
            PlatformKeyRefusal::NotItself => Self::new(ErrorCode::AdminRequired, error.to_string()),
            PlatformKeyRefusal::NoPlace(refusal) => {
                let code = match refusal {
                    PlatformKeyError::LimitReached => ErrorCode::PlatformKeyLimit,
                    PlatformKeyError::SlotTaken(_) => ErrorCode::PlatformKeySlotTaken,
                };
                Self::new(code, refusal.to_string())
            }
        }
    }
}

impl From<WorkflowRefusal> for Refusal {
    fn from(error: WorkflowRefusal) -> Self {
        match error {
            WorkflowRefusal::NotFound => Self::not_found(),
            WorkflowRefusal::Faults { faults } => Self::faults(faults),
            WorkflowRefusal::NotOwner(refusal) => owner_required(refusal),
            WorkflowRefusal::InUse => Self::new(ErrorCode::WorkflowInUse, error.to_string()),
            WorkflowRefusal::CodeCheck(failed) => Self::unavailable(failed),
        }
    }
}

impl From<ScheduleRefusal> for Refusal {
    fn from(error: ScheduleRefusal) -> Self {
        match error {
            ScheduleRefusal::NotFound => Self::not_found(),
            ScheduleRefusal::NotOwner(refusal) => owner_required(refusal),
            ScheduleRefusal::Faults { faults } => Self::faults(faults),
        }
    }
}

impl From<SharingRefusal> for Refusal {
    fn from(error: SharingRefusal) -> Self {
        match error {
            SharingRefusal::NotFound => Self::not_found(),
            SharingRefusal::NotOwner(refusal) => owner_required(refusal),
            SharingRefusal::Faults { faults } => Self::faults(faults),
        }
    }
}

impl From<DeploymentRefusal> for Refusal {
    fn from(error: DeploymentRefusal) -> Self {
        match error {
            DeploymentRefusal::NotFound => Self::not_found(),
            DeploymentRefusal::NotOwner(refusal) => owner_required(refusal),
            DeploymentRefusal::AdminsDeploy => {
                Self::new(ErrorCode::AdminRequired, error.to_string())
            }
            DeploymentRefusal::Faults { faults } => Self::faults(faults),
            DeploymentRefusal::ApiNameTaken => {
                Self::at(ErrorCode::ApiNameTaken, "/api_name", error.to_string())
            }
            DeploymentRefusal::SchemaCheck(failed) => Self::unavailable(failed),
            DeploymentRefusal::UnknownWorkflow => {
                Self::at(ErrorCode::UnknownReference, "/workflow", error.to_string())
            }
        }
    }
}

impl From<KeyRefusal> for Refusal {
    fn from(error: KeyRefusal) -> Self {
        let told = error.to_string();
        match error {
            KeyRefusal::NotFound => Self::not_found(),
            KeyRefusal::NotOwner(refusal) => owner_required(refusal),
            KeyRefusal::Faults { faults } => Self::faults(faults),
            KeyRefusal::NameTaken => Self::at(ErrorCode::NameTaken, "/name", told),
            KeyRefusal::ScopeNotHeld => Self::at(ErrorCode::InsufficientScope, "/scopes", told),
            KeyRefusal::Revoked | KeyRefusal::NotRotated(RotationRefusal::Revoked) => {
                Self::new(ErrorCode::KeyRevoked, told).as_conflict()
            }
            KeyRefusal::NotRotated(refusal @ RotationRefusal::InGrace { .. }) => {
                Self::new(ErrorCode::RotationInGrace, refusal.to_string())
            }
            KeyRefusal::NotRotated(refusal @ RotationRefusal::GraceTooLong) => {
                Self::at(ErrorCode::InvalidValue, "/grace_seconds", refusal.to_string())
            }
        }
    }
}

impl From<SecretRefusal> for Refusal {
    fn from(error: SecretRefusal) -> Self {
        let told = error.to_string();
        match error {
            SecretRefusal::NotFound => Self::not_found(),
            SecretRefusal::Faults { faults } => Self::faults(faults),
            SecretRefusal::TooMany => Self::new(ErrorCode::InvalidValue, told),
            SecretRefusal::NoKey => Self::new(ErrorCode::Unavailable, told),
        }
    }
}

impl From<MemberRefusal> for Refusal {
    fn from(error: MemberRefusal) -> Self {
        match error {
            MemberRefusal::NotFound => Self::not_found(),
            MemberRefusal::Faults { faults } => Self::faults(faults),
            MemberRefusal::Denied(denied) => denied.into(),
            MemberRefusal::LastAdmin => Self::new(ErrorCode::LastAdmin, error.to_string()),
        }
    }
}

impl From<InvitationRefusal> for Refusal {
    fn from(error: InvitationRefusal) -> Self {
        let told = error.to_string();
        match error {
            InvitationRefusal::NotFound => Self::not_found(),
            InvitationRefusal::Faults { faults } => Self::faults(faults),
            InvitationRefusal::Denied(denied) => denied.into(),
            InvitationRefusal::Closed(closed) => {
                let code = match closed {
                    Closed::Used => ErrorCode::InvitationUsed,
                    Closed::Withdrawn => ErrorCode::InvitationWithdrawn,
                    Closed::Expired => ErrorCode::InvitationExpired,
                };
                Self::new(code, told)
            }
            InvitationRefusal::TooManyOpen => Self::new(ErrorCode::TooManyInvitations, told),
            InvitationRefusal::TooMany | InvitationRefusal::TooManyForAddress => {
                Self::new(ErrorCode::TooManyInvitations, told).retry_after(SECONDS_OF_AN_HOUR)
            }
            InvitationRefusal::AlreadyMember => Self::new(ErrorCode::AlreadyMember, told),
            InvitationRefusal::EmailTaken => Self::new(ErrorCode::EmailTaken, told),
            InvitationRefusal::UsernameTaken => Self::new(ErrorCode::InvalidCredential, told),
            InvitationRefusal::Hashing(failed) => Self::unavailable(failed),
        }
    }
}

impl From<WebhookRefusal> for Refusal {
    fn from(error: WebhookRefusal) -> Self {
        let told = error.to_string();
        match error {
            WebhookRefusal::NotFound => Self::not_found(),
            WebhookRefusal::Faults { faults } => Self::faults(faults),
            WebhookRefusal::TooMany => Self::new(ErrorCode::InvalidValue, told),
            WebhookRefusal::NoKey => Self::new(ErrorCode::Unavailable, told),
        }
    }
}

impl From<SettingsRefusal> for Refusal {
    fn from(error: SettingsRefusal) -> Self {
        match error {
            SettingsRefusal::Faults { faults } => Self::faults(faults),
        }
    }
}

impl From<InferenceRefusal> for Refusal {
    fn from(error: InferenceRefusal) -> Self {
        match error {
            InferenceRefusal::Faults { faults } => Self::faults(faults),
            InferenceRefusal::UnknownModel => {
                Self::at(ErrorCode::ModelNotFound, "/model", error.to_string())
            }
        }
    }
}

impl From<ModelFailure> for Refusal {
    fn from(error: ModelFailure) -> Self {
        let code = match error.kind {
            ModelFailureKind::TimedOut => ErrorCode::ModelTimedOut,
            ModelFailureKind::Overloaded
            | ModelFailureKind::Refused
            | ModelFailureKind::Unusable => ErrorCode::ModelFailed,
        };
        Self::new(code, error.kind.to_string()).caused_by(error.source)
    }
}

impl From<ImportRefusal> for Refusal {
    fn from(error: ImportRefusal) -> Self {
        let told = error.to_string();
        match error {
            ImportRefusal::Faults { faults } => Self::faults(faults),
            ImportRefusal::ScopeNotHeld => Self::at(ErrorCode::InsufficientScope, "/scopes", told),
            ImportRefusal::NameTaken => Self::at(ErrorCode::NameTaken, "/name", told),
            ImportRefusal::UnknownDeployment => {
                Self::at(ErrorCode::UnknownReference, "/deployment", told)
            }
            ImportRefusal::Deleted => Self::at(ErrorCode::KeyRevoked, "/hash", told),
        }
    }
}

impl From<UsageRefusal> for Refusal {
    fn from(error: UsageRefusal) -> Self {
        let told = error.to_string();
        match error {
            UsageRefusal::DeploymentRequired => Self::new(ErrorCode::AdminRequired, told),
            UsageRefusal::NotFound => Self::not_found(),
            UsageRefusal::NoBuckets | UsageRefusal::TooManyBuckets { .. } => {
                Self::new(ErrorCode::InvalidParameter, told)
            }
            UsageRefusal::Store(error) => error.into(),
        }
    }
}

impl From<ExecutionError> for Refusal {
    fn from(error: ExecutionError) -> Self {
        match error {
            ExecutionError::NotFound => Self::not_found(),
            ExecutionError::KeyRefused(denial) => AuthenticationError::Key(denial).into(),
            ExecutionError::InputInvalid { faults } => input_invalid(faults),
            ExecutionError::SchemaCheck(failed) => Self::unavailable(failed),
            ExecutionError::TooMany(too_many) => {
                Self::new(ErrorCode::TooManyExecutions, too_many.to_string())
            }
            ExecutionError::NotOwner(refusal) => owner_required(refusal),
            ExecutionError::Finished => Self::new(ErrorCode::ExecutionFinished, error.to_string()),
            ExecutionError::NoFiles => {
                let detail =
                    "the workflow runs over files: send them as a form, as parts named 'files'";
                Self::at(ErrorCode::MissingField, "/files", detail)
            }
            ExecutionError::Store(error) => error.into(),
        }
    }
}

/// Why there is no result, and never will be.
impl Refusal {
    /// The run failed.
    pub fn execution_failed(failure: Option<Failure>) -> Self {
        let Some(failure) = failure.map(FailureView::from) else {
            return Self::new(ErrorCode::ExecutionFailed, "the execution failed");
        };
        let detail = match failure.step {
            Some(step) => format!("step '{step}' failed: {}", failure.reason),
            None => failure.reason.clone(),
        };
        let error = ProblemError { code: failure.code, detail: failure.reason, attr: None };
        Self::new(ErrorCode::ExecutionFailed, detail).because(vec![error])
    }

    /// The run was cancelled.
    pub fn execution_stopped() -> Self {
        let detail = "the execution was cancelled: there is no result";
        Self::new(ErrorCode::ExecutionStopped, detail)
    }

    /// There was one.
    pub fn result_expired() -> Self {
        let detail = "the result is no longer kept; the execution's status still is";
        Self::new(ErrorCode::ResultExpired, detail)
    }
}

fn owner_required(refusal: OwnerRequired) -> Refusal {
    Refusal::new(ErrorCode::OwnerRequired, refusal.to_string())
}

/// Whatever is wrong with an input is one refusal with one code, since its schema is not ours.
fn input_invalid(faults: Vec<Fault>) -> Refusal {
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
    Refusal::new(code, detail).because(faults.into_iter().map(error).collect())
}
