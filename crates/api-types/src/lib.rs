//! The JSON that the world sees: requests, views, problem documents and their codes.
//!
//! Only shapes: no rule of the domain, no HTTP framework. Feature `from-domain` adds the conversions
//! that the edges need, feature `openapi` the schemas, feature `guard` what services of others are
//! guarded by.

mod audit;
mod body;
mod code;
mod deployment;
mod event;
mod execution;
#[cfg(feature = "guard")]
mod guard;
mod history;
mod identity;
mod import;
mod inference;
mod key;
mod list;
mod member;
mod organization;
mod platform_key;
mod problem;
#[cfg(feature = "guard")]
mod refusal;
mod schedule;
mod secret;
mod sharing;
mod time;
mod unstract;
mod usage;
mod verification;
mod webhook;
mod workflow;

pub use self::{
    audit::{ActorView, AuditEntryView, SubjectView},
    code::ErrorCode,
    deployment::{
        CreateDeployment, CreatedDeploymentView, DeploymentView, EndpointView, PatchDeployment,
    },
    event::{
        EventActor, EventBody, ExecutionEndedData, ExecutionErrorData, KeyChangedData,
        KeyExpiredData, KeyExpiringData, KeyLimitReachedData, KeyRevokedData, KeyTold,
        MemberInvitedData, WebhookDisabledData, WebhookTestData,
    },
    execution::{
        ExecutionRequest, ExecutionView, FailureView, MetadataView, ProgressView, RecordsView,
        ResultView, StartedView,
    },
    history::{ExecutionDetailView, ExecutionRecordView, LogLineView, RunUsageView, StepView},
    identity::{
        ChangePassword, LogIn, MembershipView, OrganizationView, OwnSessionView, SessionView,
        UserView, WhoamiView,
    },
    import::{
        ImportAlgorithm, ImportApiKey, ImportApiKeys, ImportEncoding, ImportResultView, ImportView,
    },
    inference::{AskModel, InferenceView, ModelMessage, ModelView, TokenUsageView},
    key::{
        CreateApiKey, CreateDeploymentKey, CreatedKeyView, ImportedView, KeyEnv, KeyFormat,
        KeySecretView, KeyView, PatchApiKey, PatchDeploymentKey, RevokeKey, RevokedKeyView,
        RotateKey,
    },
    list::ListView,
    member::{
        AcceptInvitation, CreatedInvitationView, InvitationView, InviteMember, MadeView,
        MemberView, PatchMember, RemovedMemberView, ShowInvitation, ShownInvitationView,
    },
    organization::{OrganizationSettingsView, PatchOrganization},
    platform_key::{
        CreatePlatformKey, CreatedPlatformKeyView, PatchPlatformKey, PlatformKeyView,
        PlatformKeysView, WithdrawPlatformKey,
    },
    problem::{Problem, ProblemError},
    schedule::{PutSchedule, ScheduleView},
    secret::{PutSecret, SecretView},
    sharing::{PutSharing, SharingView},
    time::Time,
    unstract::{
        UnstractAnswer, UnstractDeployment, UnstractMessage, UnstractPage, UnstractRun,
        UnstractStatus, UnstractWhoami,
    },
    usage::{ExecutionCountsView, ExecutionTimesView, UsageShareView, UsageView},
    verification::{
        KeyChangesView, RatelimitView, RuleView, VerificationView, VerificationsView, VerifyKey,
        VerifyKeys,
    },
    webhook::{
        AttemptView, CreateWebhook, CreatedWebhookView, DeliveryDetailView, DeliveryView,
        PatchWebhook, PayloadView, RotateWebhook, WebhookView,
    },
    workflow::{CreateWorkflow, PatchWorkflow, ValidateWorkflow, ValidationView, WorkflowView},
};
#[cfg(feature = "guard")]
pub use self::{
    guard::{Admission, Guard, sane_request_id},
    refusal::Refusal,
};
