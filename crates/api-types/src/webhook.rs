//! Webhooks, and what became of what they and people were told.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::Time;

fn yes() -> bool {
    true
}

/// `POST …/webhooks/` and `PUT …/webhooks/{id}/`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateWebhook {
    /// Where it is called: an `http://` or `https://` URL of at most 2048 characters, without a user name
    /// or password.
    pub url: String,
    /// What it is for: at most 1000 characters.
    #[serde(default)]
    pub description: String,
    /// The types of events that it hears of, as `key.expiring`; `["*"]` is all that there are now.
    pub events: Vec<String>,
    /// Whether it hears of anything.
    #[serde(default = "yes")]
    pub is_active: bool,
}

/// `PATCH …/webhooks/{id}/`. What is left out stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PatchWebhook {
    /// Where it is called.
    #[serde(deserialize_with = "crate::body::present")]
    pub url: Option<String>,
    /// What it is for.
    #[serde(deserialize_with = "crate::body::present")]
    pub description: Option<String>,
    /// The types of events that it hears of.
    #[serde(deserialize_with = "crate::body::present")]
    pub events: Option<Vec<String>>,
    /// Whether it hears of anything. Switched on, what is known of its failures is forgotten.
    #[serde(deserialize_with = "crate::body::present")]
    pub is_active: Option<bool>,
}

/// `POST …/webhooks/{id}/rotate/`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RotateWebhook {
    /// For how long the present secret signs as well, in seconds: 0 to 604,800, a day where it is left out.
    pub overlap_seconds: Option<u32>,
}

/// An address that is told of events.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookView {
    /// Its id.
    pub id: Uuid,
    /// Where it is called.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// The types of events that it hears of.
    pub events: Vec<String>,
    /// Whether it hears of anything.
    pub is_active: bool,
    /// Why the server switched it off, where it did: `failing` (nothing arrived since the first
    /// attempt of a delivery that was given up, or for as long as all attempts of one take) or `gone` (it answered 410).
    pub disabled_reason: Option<String>,
    /// Since when nothing arrived there.
    pub failing_since: Option<Time>,
    /// Until when the secret before the present one signs as well.
    pub previous_secret_until: Option<Time>,
    /// The user or key that made it.
    pub created_by: Uuid,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub modified_at: Time,
}

// No `Debug`: it carries a secret.
/// A webhook whose secret was just made.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedWebhookView {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: WebhookView,
    /// What its deliveries are signed with, as `whsec_…`: shown this once, and `null` where a request is
    /// answered again.
    pub secret: Option<String>,
}

/// One event on its way to one receiver.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeliveryView {
    /// Its id.
    pub id: Uuid,
    /// The event's id: the header `webhook-id`, the same at each attempt.
    pub event_id: Uuid,
    /// The event's type.
    pub event: String,
    /// The webhook that is told; `null` for mail.
    pub webhook_id: Option<Uuid>,
    /// The mail address that is told; `null` for a webhook.
    pub mail_to: Option<String>,
    /// `PENDING`, `DELIVERED` or `DEAD` (given up).
    pub state: String,
    /// How often it was tried.
    pub attempts: usize,
    /// What the last attempt was answered: a status of HTTP or SMTP.
    pub last_status: Option<u16>,
    /// Why the last attempt came to nothing.
    pub last_error: Option<String>,
    /// When it is tried next, or when the attempt that is under way counts as lost.
    pub next_attempt_at: Option<Time>,
    /// When the event happened.
    pub created_at: Time,
    /// When it arrived or was given up.
    pub finished_at: Option<Time>,
}

/// A delivery with its log and what is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeliveryDetailView {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: DeliveryView,
    /// Each attempt, oldest first; of many, the last.
    pub log: Vec<AttemptView>,
    /// What is told: the body of the request, for a webhook.
    pub payload: PayloadView,
}

/// What a receiver is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PayloadView {
    /// The event's type.
    pub r#type: String,
    /// When it happened.
    pub timestamp: Time,
    /// What happened.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub data: Value,
}

/// One attempt to deliver.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttemptView {
    /// When it began.
    pub at: Time,
    /// What was answered: a status of HTTP or SMTP.
    pub status: Option<u16>,
    /// Why it came to nothing; `null`: it arrived.
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use access_domain::{
        Delivery, DeliveryAttempt, DeliveryDetail, DisabledReason, EventType, Receiver, Webhook,
        WebhookDraft, WebhookEdit,
    };

    use super::{
        AttemptView, CreateWebhook, DeliveryDetailView, DeliveryView, PatchWebhook, PayloadView,
        WebhookView,
    };
    use crate::Time;

    impl From<CreateWebhook> for WebhookDraft {
        fn from(body: CreateWebhook) -> Self {
            let CreateWebhook { url, description, events, is_active } = body;
            Self { url, description, events, is_active }
        }
    }

    impl From<PatchWebhook> for WebhookEdit {
        fn from(body: PatchWebhook) -> Self {
            let PatchWebhook { url, description, events, is_active } = body;
            Self { url, description, events, is_active }
        }
    }

    impl From<Webhook> for WebhookView {
        fn from(webhook: Webhook) -> Self {
            Self {
                id: webhook.id.uuid(),
                url: webhook.url,
                description: webhook.description,
                events: webhook.events.into_iter().map(|kind| kind.as_str().into()).collect(),
                is_active: webhook.is_active,
                disabled_reason: webhook.disabled.map(DisabledReason::as_str).map(Into::into),
                failing_since: webhook.failing_since.map(Time),
                previous_secret_until: webhook.previous_secret_until.map(Time),
                created_by: webhook.created_by,
                created_at: Time(webhook.created_at),
                modified_at: Time(webhook.modified_at),
            }
        }
    }

    impl From<Delivery> for DeliveryView {
        fn from(delivery: Delivery) -> Self {
            let last = delivery.log.attempts().last().cloned();
            let (webhook_id, mail_to) = match delivery.receiver {
                Receiver::Webhook(id) => (Some(id.uuid()), None),
                Receiver::Mail(to) => (None, Some(to)),
            };
            Self {
                id: delivery.id.uuid(),
                event_id: delivery.event.uuid(),
                event: EventType::as_str(delivery.kind).into(),
                webhook_id,
                mail_to,
                state: delivery.state.as_str().into(),
                attempts: delivery.log.attempts().count(),
                last_status: last.as_ref().and_then(|last| last.status),
                last_error: last.and_then(|last| last.error),
                next_attempt_at: delivery.next_attempt_at.map(Time),
                created_at: Time(delivery.created_at),
                finished_at: delivery.finished_at.map(Time),
            }
        }
    }

    impl From<DeliveryDetail> for DeliveryDetailView {
        fn from(DeliveryDetail { delivery, data }: DeliveryDetail) -> Self {
            let attempt = |attempt: &DeliveryAttempt| AttemptView {
                at: Time(attempt.at),
                status: attempt.status,
                error: attempt.error.clone(),
                duration_ms: attempt.duration_ms,
            };
            Self {
                log: delivery.log.attempts().map(attempt).collect(),
                payload: PayloadView {
                    r#type: delivery.kind.as_str().into(),
                    timestamp: Time(delivery.created_at),
                    data: serde_json::from_str(&data).unwrap_or_default(),
                },
                delivery: delivery.into(),
            }
        }
    }
}
