//! What webhooks are told: the body of each type of events. Documentation and readers alone: what is stored is
//! sent as it is.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Time;

/// The body of every request to a webhook.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventBody<T> {
    /// The type of the event, as `key.expiring`.
    pub r#type: String,
    /// When it happened.
    pub timestamp: Time,
    /// What happened.
    pub data: T,
}

/// A key, as far as it is told of: nothing that opens anything.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyTold {
    /// Its id.
    pub key_id: Uuid,
    /// `organization`, `deployment` or `platform`.
    pub kind: String,
    /// The name that people know it by.
    pub name: String,
    /// The deployment that it opens, for a deployment key.
    pub deployment_id: Option<Uuid>,
    /// How its secret begins and ends.
    pub hint: Option<String>,
    /// When it expires.
    pub expires_at: Option<Time>,
}

/// Whoever did it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventActor {
    /// `user`, `platform_key`, `deployment_key`, `organization_key` or `command_line`.
    pub kind: String,
    /// The id of the user or key.
    pub id: Option<Uuid>,
    /// The name that people know them by.
    pub name: String,
}

/// `key.created` and `key.rotated`: a key was made or imported; or it got a new secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyChangedData {
    /// The key.
    #[serde(flatten)]
    pub key: KeyTold,
    /// Whoever did it.
    pub actor: EventActor,
}

/// `key.revoked`: a key was revoked or deleted, and opens nothing any more.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyRevokedData {
    /// The key.
    #[serde(flatten)]
    pub key: KeyTold,
    /// Whoever did it.
    pub actor: EventActor,
    /// Why, in their words.
    pub reason: Option<String>,
}

/// `key.expiring`: a key expires soon; told so many days before as the organization settles.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyExpiringData {
    /// The key.
    #[serde(flatten)]
    pub key: KeyTold,
    /// In how many days, at most.
    pub days_left: u32,
}

/// `key.expired`: a key has expired, and opens nothing any more.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyExpiredData {
    /// The key.
    #[serde(flatten)]
    pub key: KeyTold,
}

/// `key.limit_reached`: a call was refused by the key's own rate limit; told once an hour at most.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyLimitReachedData {
    /// The key.
    #[serde(flatten)]
    pub key: KeyTold,
    /// How many calls a minute it may make.
    pub rate_limit_per_minute: Option<u32>,
}

/// `execution.completed` and `execution.failed`, without the result, which is read by its address.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExecutionEndedData {
    /// The execution.
    pub execution_id: Uuid,
    /// The workflow.
    pub workflow_id: Option<Uuid>,
    /// The deployment that was called.
    pub deployment_id: Option<Uuid>,
    /// Its name.
    pub api_name: Option<String>,
    /// `CALL`, `TEST` or `SCHEDULE`.
    pub trigger: String,
    /// The key that called.
    pub key_id: Option<Uuid>,
    /// `COMPLETED` or `ERROR`.
    pub status: String,
    /// When it was accepted.
    pub created_at: Time,
    /// When it began.
    pub started_at: Option<Time>,
    /// When it ended.
    pub finished_at: Option<Time>,
    /// How long it took, in milliseconds.
    pub execution_ms: Option<i64>,
    /// Why it failed; `null` where it completed.
    pub error: Option<ExecutionErrorData>,
}

/// Why an execution failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExecutionErrorData {
    /// Stable for programs.
    pub code: String,
    /// The step that failed.
    pub step: Option<String>,
    /// For people.
    pub reason: Option<String>,
}

/// `member.invited`: somebody was invited to the organization.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MemberInvitedData {
    /// The invitation.
    pub invitation_id: Uuid,
    /// Who is invited.
    pub email: String,
    /// As what: `admin` or `user`.
    pub role: String,
    /// The name of whoever invited them.
    pub invited_by: String,
    /// Until when the invitation can be accepted.
    pub expires_at: Time,
}

/// `webhook.disabled`: another webhook was switched off by the server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookDisabledData {
    /// The webhook.
    pub webhook_id: Uuid,
    /// What it is for.
    pub description: String,
    /// Scheme and host of its address: the rest may be secret.
    pub host: String,
    /// `failing` or `gone`.
    pub reason: String,
    /// Since when nothing arrived there.
    pub failing_since: Option<Time>,
}

/// `webhook.test`: somebody tries this webhook out.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookTestData {
    /// The webhook itself.
    pub webhook_id: Uuid,
    /// What it is for.
    pub description: String,
}
