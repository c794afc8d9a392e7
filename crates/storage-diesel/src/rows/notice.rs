//! Webhooks and deliveries.

use access_domain::{
    Addressee, ClaimedDelivery, Delivery, DeliveryAttempt, DeliveryEntry, DeliveryLog,
    DeliveryState, DisabledReason, Event, EventType, Receiver, Sealed, SigningSecrets, Webhook,
};
use diesel::{QueryResult, prelude::*};
use serde_json::{Value, json};

use crate::{
    codec,
    schema::{deliveries, events, organizations, webhooks},
};

/// What is told of a webhook; what it hears of lies in another table.
#[derive(Queryable, Selectable)]
#[diesel(table_name = webhooks)]
pub(crate) struct WebhookRow {
    pub(crate) id: String,
    organization_id: String,
    url: String,
    description: String,
    is_active: bool,
    disabled_reason: Option<String>,
    previous_until: Option<i64>,
    failing_since: Option<i64>,
    created_by: String,
    created_at: i64,
    modified_at: i64,
}

impl WebhookRow {
    pub(crate) fn read(self, events: Vec<EventType>) -> QueryResult<Webhook> {
        let reason =
            |name: String| codec::read_name(&name, "reason to switch off", DisabledReason::parse);
        Ok(Webhook {
            id: codec::read_id(&self.id)?,
            organization: codec::read_id(&self.organization_id)?,
            url: self.url,
            description: self.description,
            events,
            is_active: self.is_active,
            disabled: self.disabled_reason.map(reason).transpose()?,
            failing_since: self.failing_since.map(codec::read_micros).transpose()?,
            previous_secret_until: self.previous_until.map(codec::read_micros).transpose()?,
            created_by: codec::read_uuid(&self.created_by)?,
            created_at: codec::read_micros(self.created_at)?,
            modified_at: codec::read_micros(self.modified_at)?,
        })
    }
}

/// What people may change of a webhook.
#[derive(AsChangeset, Insertable)]
#[diesel(table_name = webhooks, treat_none_as_default_value = false, treat_none_as_null = true)]
pub(crate) struct WebhookChange {
    url: String,
    description: String,
    is_active: bool,
    disabled_reason: Option<&'static str>,
    failing_since: Option<i64>,
    modified_at: i64,
}

impl WebhookChange {
    pub(crate) fn of(webhook: &Webhook) -> Self {
        Self {
            url: webhook.url.clone(),
            description: webhook.description.clone(),
            is_active: webhook.is_active,
            disabled_reason: webhook.disabled.map(DisabledReason::as_str),
            failing_since: webhook.failing_since.map(codec::micros),
            modified_at: codec::micros(webhook.modified_at),
        }
    }
}

/// A delivery as it is told of.
#[derive(Queryable, Selectable)]
#[diesel(table_name = deliveries)]
pub(crate) struct DeliveryRow {
    id: String,
    #[diesel(select_expression = events::kind)]
    kind: String,
    event_id: String,
    webhook_id: Option<String>,
    mail_to: Option<String>,
    state: String,
    next_attempt_at: Option<i64>,
    attempts: String,
    created_at: i64,
    finished_at: Option<i64>,
}

impl DeliveryRow {
    pub(crate) fn read(self) -> QueryResult<Delivery> {
        let receiver = match self.webhook_id {
            Some(id) => Receiver::Webhook(codec::read_id(&id)?),
            None => Receiver::Mail(self.mail_to.unwrap_or_default()),
        };
        Ok(Delivery {
            id: codec::read_id(&self.id)?,
            event: codec::read_id(&self.event_id)?,
            kind: read_kind(&self.kind)?,
            receiver,
            state: codec::read_name(&self.state, "state of a delivery", DeliveryState::parse)?,
            next_attempt_at: self.next_attempt_at.map(codec::read_micros).transpose()?,
            log: read_log(&self.attempts)?,
            created_at: codec::read_micros(self.created_at)?,
            finished_at: self.finished_at.map(codec::read_micros).transpose()?,
        })
    }
}

/// A delivery with all that is needed to carry it out.
#[derive(Queryable, Selectable)]
#[diesel(table_name = deliveries)]
pub(crate) struct ClaimedDeliveryRow {
    id: String,
    lane: String,
    attempt: i32,
    mail_to: Option<String>,
    attempts: String,
    #[diesel(embed)]
    event: EventRow,
    #[diesel(select_expression = organizations::name)]
    organization: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = events)]
pub(crate) struct EventRow {
    id: String,
    organization_id: String,
    kind: String,
    at: i64,
    data: String,
}

/// What of a webhook is needed to call it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = webhooks)]
pub(crate) struct CalledWebhookRow {
    id: String,
    url: String,
    is_active: bool,
    encryption_key: String,
    sealed: Vec<u8>,
    previous_encryption_key: Option<String>,
    previous_sealed: Option<Vec<u8>>,
    previous_until: Option<i64>,
}

impl CalledWebhookRow {
    fn read(self) -> QueryResult<Addressee> {
        let key = self.previous_encryption_key;
        let previous = key.zip(self.previous_sealed).map(|(key, bytes)| Sealed { key, bytes });
        let until = self.previous_until.map(codec::read_micros).transpose()?;
        let present = Sealed { key: self.encryption_key, bytes: self.sealed };
        Ok(Addressee::Webhook {
            id: codec::read_id(&self.id)?,
            url: self.url,
            is_active: self.is_active,
            secrets: SigningSecrets { present, previous: previous.zip(until) },
        })
    }
}

impl ClaimedDeliveryRow {
    pub(crate) fn read(self, webhook: Option<CalledWebhookRow>) -> QueryResult<ClaimedDelivery> {
        let event = Event {
            id: codec::read_id(&self.event.id)?,
            organization: codec::read_id(&self.event.organization_id)?,
            kind: read_kind(&self.event.kind)?,
            at: codec::read_micros(self.event.at)?,
        };
        let addressee = match webhook {
            Some(webhook) => webhook.read()?,
            None => Addressee::Mail {
                to: self.mail_to.unwrap_or_default(),
                organization: self.organization,
            },
        };
        Ok(ClaimedDelivery {
            id: codec::read_id(&self.id)?,
            lane: self.lane,
            attempt: self.attempt,
            event,
            data: self.event.data,
            log: read_log(&self.attempts)?,
            addressee,
        })
    }
}

pub(crate) fn read_kind(name: &str) -> QueryResult<EventType> {
    codec::read_name(name, "type of events", EventType::parse)
}

/// A log as a JSON array.
pub(crate) fn write_log(log: &DeliveryLog) -> String {
    let entry = |entry: &DeliveryEntry| match entry {
        DeliveryEntry::Replayed { at } => json!({"replayed_at": codec::micros(*at)}),
        DeliveryEntry::Attempt(DeliveryAttempt { at, status, error, duration_ms }) => json!({
            "at": codec::micros(*at),
            "status": status,
            // PostgreSQL refuses the character NUL, and a delivery whose failure cannot be saved would never end.
            "error": error.as_deref().map(codec::printable),
            "duration_ms": duration_ms,
        }),
    };
    Value::Array(log.entries().iter().map(entry).collect()).to_string()
}

pub(crate) fn read_log(text: &str) -> QueryResult<DeliveryLog> {
    if text == "[]" {
        return Ok(DeliveryLog::default());
    }
    let Value::Array(lines) = codec::read_json(text)? else { return Ok(DeliveryLog::default()) };
    let instant = |value: &Value| codec::read_micros(value.as_i64().unwrap_or_default());
    let entry = |line: &Value| match line.get("replayed_at") {
        Some(at) => Ok(DeliveryEntry::Replayed { at: instant(at)? }),
        None => Ok(DeliveryEntry::Attempt(DeliveryAttempt {
            at: instant(line.get("at").unwrap_or(&Value::Null))?,
            status: line.get("status").and_then(Value::as_u64).and_then(|s| s.try_into().ok()),
            error: line.get("error").and_then(Value::as_str).map(str::to_owned),
            duration_ms: line
                .get("duration_ms")
                .and_then(Value::as_u64)
                .and_then(|ms| ms.try_into().ok())
                .unwrap_or_default(),
        })),
    };
    Ok(DeliveryLog::new(lines.iter().map(entry).collect::<QueryResult<_>>()?))
}

#[cfg(test)]
mod tests {
    use keys_core::Timestamp;

    use super::*;

    #[test]
    fn a_log_is_read_back_as_it_was_written() {
        let at = Timestamp::from_timestamp_micros(1_700_000_000_123_456).unwrap();
        let attempt = |status, error: Option<&str>| {
            let error = error.map(str::to_owned);
            DeliveryEntry::Attempt(DeliveryAttempt { at, status, error, duration_ms: 17 })
        };
        let log = DeliveryLog::new(vec![
            attempt(None, Some("did not answer \"in time\"")),
            DeliveryEntry::Replayed { at },
            attempt(Some(204), None),
        ]);
        assert_eq!(read_log(&write_log(&log)).unwrap(), log);
        assert_eq!(read_log("[]").unwrap(), DeliveryLog::default());
        assert!(read_log("[").is_err());
    }
}
