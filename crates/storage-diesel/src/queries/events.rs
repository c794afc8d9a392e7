//! What happens is told of: the event, and a delivery to each who wants to hear of it, are written by the transaction in which
//! it happens. So it is told of if and only if it happened, once, however many servers there are.

use access_domain::{
    Action, AuditEntry, Delivery, DeliveryState, Event, EventType, OrganizationId, Role, derived_id,
};
use deployments_domain::{RunMove, Status};
use diesel::{insert_into, prelude::*};
use keys_core::{KeyId, Slot};
use serde_json::{Value, json};

use super::{super::Conn, lease::NowAnd};
use crate::{
    codec,
    schema::{
        deliveries, deployments, events, executions, invitations, key_secrets, keys, memberships,
        users, webhook_events, webhooks,
    },
};

/// Writes `event` down for the organization's active webhooks that subscribe to it and for the addresses in `mail`, each with a
/// delivery that is due at once by the database's clock. `data` is asked for what there is to tell only where somebody hears of
/// it; without an answer nothing is told. An event that was written down before is not told again.
pub(super) fn raise(
    conn: &mut Conn,
    event: &Event,
    mail: &[String],
    data: impl FnOnce(&mut Conn) -> QueryResult<Option<Value>>,
) -> QueryResult<()> {
    let webhooks = subscribers(conn, event)?;
    if webhooks.is_empty() && mail.is_empty() {
        return Ok(());
    }
    let Some(data) = data(conn)? else { return Ok(()) };
    if !write(conn, event, &data)? {
        return Ok(());
    }
    for webhook in &webhooks {
        deliver(conn, event, Some(webhook), None)?;
    }
    for address in mail {
        deliver(conn, event, None, Some(address))?;
    }
    Ok(())
}

/// Writes `event` down for the reader of one address alone.
pub(super) fn raise_by_mail(
    conn: &mut Conn,
    event: &Event,
    address: &str,
    data: &Value,
) -> QueryResult<()> {
    if write(conn, event, data)? {
        deliver(conn, event, None, Some(address))?;
    }
    Ok(())
}

/// Writes `event` down and nothing else; whether that was not done before.
pub(super) fn write(conn: &mut Conn, event: &Event, data: &Value) -> QueryResult<bool> {
    let written = insert_into(events::table)
        .values((
            events::id.eq(codec::id(event.id)),
            events::organization_id.eq(codec::id(event.organization)),
            events::kind.eq(event.kind.as_str()),
            events::at.eq(codec::micros(event.at)),
            events::data.eq(data.to_string()),
        ))
        .on_conflict_do_nothing()
        .execute(conn)?;
    Ok(written > 0)
}

fn subscribers(conn: &mut Conn, event: &Event) -> QueryResult<Vec<String>> {
    let subscribed = webhook_events::table
        .filter(webhook_events::organization_id.eq(codec::id(event.organization)))
        .filter(webhook_events::event.eq(event.kind.as_str()))
        .select(webhook_events::webhook_id);
    // Held, or one that is deleted meanwhile would fail what happens here by its reference. Their subscriptions are not:
    // whoever changes those waits for nobody, and is waited for by nobody.
    kept!(
        webhooks::table
            .filter(webhooks::id.eq_any(subscribed))
            .filter(webhooks::is_active)
            .order(webhooks::id)
            .select(webhooks::id)
    )
    .load(conn)
}

/// One delivery of an event that is written down, to a webhook or to an address.
pub(super) fn deliver(
    conn: &mut Conn,
    event: &Event,
    webhook: Option<&str>,
    mail_to: Option<&str>,
) -> QueryResult<String> {
    let receiver = webhook.or(mail_to).unwrap_or_default();
    let id = derived_id(event.at, &[event.id.uuid().as_bytes(), receiver.as_bytes()]).to_string();
    insert_into(deliveries::table)
        .values((
            deliveries::id.eq(&id),
            deliveries::organization_id.eq(codec::id(event.organization)),
            deliveries::event_id.eq(codec::id(event.id)),
            deliveries::webhook_id.eq(webhook),
            deliveries::mail_to.eq(mail_to),
            deliveries::lane.eq(webhook.unwrap_or(Delivery::MAIL_LANE)),
            deliveries::state.eq(DeliveryState::Pending.as_str()),
            deliveries::attempt.eq(0),
            deliveries::next_attempt_at.eq(NowAnd::nothing()),
            deliveries::attempts.eq("[]"),
            deliveries::created_at.eq(codec::micros(event.at)),
        ))
        .execute(conn)?;
    Ok(id)
}

/// Where mail goes that the organization's administrators should read, and the member `also`, where they have addresses.
pub(super) fn addresses(
    conn: &mut Conn,
    organization: OrganizationId,
    also: Option<&str>,
) -> QueryResult<Vec<String>> {
    let found: Vec<Option<String>> = memberships::table
        .inner_join(users::table)
        .filter(memberships::organization_id.eq(codec::id(organization)))
        .filter(
            memberships::role.eq(Role::Admin.as_str()).or(users::id.eq(also.unwrap_or_default())),
        )
        .filter(users::email.is_not_null())
        .order(users::id)
        .select(users::email)
        .load(conn)?;
    Ok(found.into_iter().flatten().collect())
}

/// Tells of what an audit entry says was done, if it is something to tell of.
pub(super) fn tell_of(conn: &mut Conn, entry: &AuditEntry) -> QueryResult<()> {
    let Some(action) = Action::parse(&entry.action) else { return Ok(()) };
    if action == Action::MemberInvited {
        return tell_of_invitation(conn, entry);
    }
    let Some(kind) = EventType::of_key(action) else { return Ok(()) };
    let Some(key) = &entry.subject_id else { return Ok(()) };
    let (organization, key) = (codec::read_id(&entry.organization_id)?, codec::read_id(key)?);
    let event = Event::new(organization, kind, key.uuid(), codec::read_micros(entry.at)?);
    raise(conn, &event, &[], |conn| {
        let row = key_row(conn, key)?;
        // Who deletes a key that was revoked before tells nobody anything new.
        if kind == EventType::KeyRevoked && row.revoked_at != Some(entry.at) {
            return Ok(None);
        }
        let mut data = row.data()?;
        // As the audit names it: a platform key that is deleted has lost its slot already.
        put(&mut data, "name", entry.subject_name.as_str().into());
        let (kind_of_actor, id) = (&entry.actor_kind, &entry.actor_id);
        put(&mut data, "actor", json!({"kind": kind_of_actor, "id": id, "name": entry.actor_name}));
        if kind == EventType::KeyRevoked {
            put(&mut data, "reason", entry.reason.as_deref().into());
        }
        Ok(Some(data))
    })
}

/// Tells of an invitation, and has it mailed where it is to be. Its link is made when the mail is.
fn tell_of_invitation(conn: &mut Conn, entry: &AuditEntry) -> QueryResult<()> {
    let Some(id) = &entry.subject_id else { return Ok(()) };
    let (email, role, by, expires_at, is_mailed): (String, String, String, i64, bool) =
        invitations::table
            .find(id)
            .select((
                invitations::email,
                invitations::role,
                invitations::created_by_name,
                invitations::expires_at,
                invitations::is_mailed,
            ))
            .first(conn)?;
    let (organization, at) =
        (codec::read_id(&entry.organization_id)?, codec::read_micros(entry.at)?);
    let event = Event::new(organization, EventType::MemberInvited, codec::read_uuid(id)?, at);
    let mail: Vec<String> = is_mailed.then(|| email.clone()).into_iter().collect();
    raise(conn, &event, &mail, |_| {
        Ok(Some(json!({
            "invitation_id": id,
            "email": email,
            "role": role,
            "invited_by": by,
            "expires_at": instant(expires_at)?,
        })))
    })
}

/// What is told of a key: what it is known by, and nothing that opens anything.
#[derive(Queryable)]
pub(super) struct ToldKey {
    id: String,
    kind: String,
    name: Option<String>,
    description: String,
    slot: Option<i16>,
    deployment_id: Option<String>,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    pub(super) rate_limit_per_minute: Option<i32>,
    hint: Option<String>,
}

pub(super) fn key_row(conn: &mut Conn, key: KeyId) -> QueryResult<ToldKey> {
    keys::table
        .left_join(
            key_secrets::table
                .on(key_secrets::key_id.eq(keys::id).and(key_secrets::grace_until.is_null())),
        )
        .filter(keys::id.eq(codec::id(key)))
        .select((
            keys::id,
            keys::kind,
            keys::name,
            keys::description,
            keys::slot,
            keys::deployment_id,
            keys::expires_at,
            keys::revoked_at,
            keys::rate_limit_per_minute,
            key_secrets::hint.nullable(),
        ))
        .first(conn)
}

impl ToldKey {
    pub(super) fn data(self) -> QueryResult<Value> {
        let slot = self.slot.and_then(Slot::from_number).map(|slot| slot.to_string());
        Ok(json!({
            "key_id": self.id,
            "kind": self.kind,
            "name": self.name.or(slot).unwrap_or(self.description),
            "deployment_id": self.deployment_id,
            "hint": self.hint,
            "expires_at": self.expires_at.map(instant).transpose()?,
        }))
    }
}

/// Tells of a run that ended, as far as its end is worth telling.
pub(super) fn tell_of_run(conn: &mut Conn, run_move: &RunMove) -> QueryResult<()> {
    let kind = match run_move.to.status {
        Status::Completed => EventType::ExecutionCompleted,
        Status::Error => EventType::ExecutionFailed,
        Status::Pending | Status::Executing | Status::Stopped => return Ok(()),
    };
    // Found together with who hears of it: mostly nobody does, and this is asked at the end of each run.
    let id = codec::id(run_move.id);
    let organization: Option<String> = executions::table
        .inner_join(
            webhook_events::table.on(webhook_events::organization_id
                .eq(executions::organization_id)
                .and(webhook_events::event.eq(kind.as_str()))),
        )
        .filter(executions::id.eq(&id))
        .select(executions::organization_id)
        .first(conn)
        .optional()?;
    let Some(organization) = organization else { return Ok(()) };
    let event = Event::new(codec::read_id(&organization)?, kind, run_move.id.uuid(), run_move.at);
    raise(conn, &event, &[], |conn| run_data(conn, &id).map(Some))
}

/// Where it comes from, what started it, when, and why it failed, each as [`run_data`] reads it.
type RunRow = (
    (Option<String>, Option<String>, Option<String>),
    (String, Option<String>, String),
    (i64, Option<i64>, Option<i64>),
    (Option<String>, Option<String>, Option<String>),
);

/// Everything that is told of a run but its result, which may be large and is somebody's own.
fn run_data(conn: &mut Conn, id: &str) -> QueryResult<Value> {
    let row: RunRow = executions::table
        .left_join(deployments::table)
        .filter(executions::id.eq(id))
        .select((
            (executions::workflow_id, executions::deployment_id, deployments::api_name.nullable()),
            (executions::trigger, executions::key_id, executions::status),
            (executions::created_at, executions::started_at, executions::finished_at),
            (executions::failure_code, executions::failure_step, executions::failure_reason),
        ))
        .first(conn)?;
    let ((workflow, deployment, api_name), (trigger, key, status), times, failure) = row;
    let (created_at, started_at, finished_at) = times;
    let (code, step, reason) = failure;
    let took = started_at.zip(finished_at).map(|(from, to)| (to - from).max(0) / 1000);
    let error = code.map(|code| json!({"code": code, "step": step, "reason": reason}));
    Ok(json!({
        "execution_id": id,
        "workflow_id": workflow,
        "deployment_id": deployment,
        "api_name": api_name,
        "trigger": trigger,
        "key_id": key,
        "status": status,
        "created_at": instant(created_at)?,
        "started_at": started_at.map(instant).transpose()?,
        "finished_at": finished_at.map(instant).transpose()?,
        "execution_ms": took,
        "error": error,
    }))
}

/// Adds a member to a JSON object.
pub(super) fn put(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = object {
        members.insert(name.into(), value);
    }
}

/// An instant as the wire has it.
pub(super) fn instant(micros: i64) -> QueryResult<String> {
    Ok(codec::read_micros(micros)?.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}
