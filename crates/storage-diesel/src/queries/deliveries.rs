//! Deliveries: the queue of notices that are on their way, and the log of what became of them.
//!
//! When one is due goes by the database's clock, as leases do. Whoever locks a webhook and deliveries locks the webhook first;
//! claims, replays, and outcomes that count for no webhook lock deliveries alone. Of several deliveries, outcomes are
//! saved in the order of their ids, and claims pass over what is locked.

use std::time::Duration;

use access_domain::{
    Act, AfterAttempt, Answer, ChangeError, ClaimedDelivery, Delivery, DeliveryDetail,
    DeliveryEntry, DeliveryFilter, DeliveryId, DeliveryScope, DeliveryState, DeliveryStore,
    DisabledReason, EndedAttempt, Event, EventType, OrganizationId, Page, PageRequest,
    SettledAttempt, StoreError, Subject, SubjectKind, WebhookId, WebhookRefusal,
    has_failed_for_too_long, is_given_up, share_places,
};
use diesel::{
    delete,
    dsl::{exists, not},
    prelude::*,
    select, sql_query,
    sql_types::{BigInt, Text},
    update,
};
use keys_core::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::{
    super::{Conn, NOW_MICROS, Store},
    audit::note,
    events::{addresses, instant, raise},
    lease::NowAnd,
    webhooks::origin,
};
use crate::{
    codec,
    error::Stop,
    rows::{CalledWebhookRow, ClaimedDeliveryRow, DeliveryRow, read_log, write_log},
    schema::{deliveries, events, organizations, webhooks},
};

/// So many lanes are looked at; those behind them have waited less long.
const MOST_LANES: usize = 10_000;

/// The deliveries of a scope with their events, boxed for further conditions.
macro_rules! scoped {
    ($organization:expr, $scope:expr) => {{
        let all = deliveries::table
            .inner_join(events::table)
            .filter(deliveries::organization_id.eq(codec::id($organization)))
            .into_boxed();
        match $scope {
            DeliveryScope::Webhook(id) => all.filter(deliveries::webhook_id.eq(codec::id(id))),
            DeliveryScope::Mail => all.filter(deliveries::mail_to.is_not_null()),
        }
    }};
}

impl DeliveryStore for Store {
    fn claim_deliveries(
        &self,
        most: usize,
        room: &dyn Fn(&str) -> usize,
        lease: Duration,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        // A look that locks nothing: mostly nothing is due, and every server asks every second.
        let lanes = self.read("looking for deliveries that are due", due_lanes)?;
        let rooms = lanes.into_iter().map(|DueLane { lane, .. }| {
            let room = room(&lane);
            (lane, room)
        });
        let places = share_places(most, rooms.collect());
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.save("claiming deliveries", |conn| claim(conn, &places, lease))?;
        // Read after the commit: a row that cannot be read must not keep the others from being sent.
        Ok(rows.into_iter().filter_map(read_claimed).collect())
    }

    fn settle_deliveries(
        &self,
        ended: &[EndedAttempt],
        mails: bool,
    ) -> Result<Vec<SettledAttempt>, StoreError> {
        if ended.is_empty() {
            return Ok(Vec::new());
        }
        self.save("settling deliveries", |conn| {
            hold_webhooks(conn, ended)?;
            let mut ended: Vec<&EndedAttempt> = ended.iter().collect();
            ended.sort_by_key(|attempt| attempt.delivery);
            ended.into_iter().map(|attempt| settle(conn, attempt, mails)).collect()
        })
    }

    fn list_deliveries(
        &self,
        organization: OrganizationId,
        scope: DeliveryScope,
        filter: DeliveryFilter,
        page: PageRequest,
    ) -> Result<Option<Page<Delivery>>, StoreError> {
        self.read("listing deliveries", |conn| {
            if let DeliveryScope::Webhook(id) = scope {
                let owned = webhooks::table
                    .find(codec::id(id))
                    .filter(webhooks::organization_id.eq(codec::id(organization)))
                    .filter(webhooks::deleted_at.is_null());
                if !select(exists(owned)).get_result::<bool>(conn)? {
                    return Ok(None);
                }
            }
            let mut wanted = scoped!(organization, scope);
            if let Some(state) = filter.state {
                wanted = wanted.filter(deliveries::state.eq(state.as_str()));
            }
            if let Some(kind) = filter.kind {
                wanted = wanted.filter(events::kind.eq(kind.as_str()));
            }
            if let Some(after) = page.after {
                wanted = wanted.filter(deliveries::id.lt(after.to_string()));
            }
            let rows: Vec<DeliveryRow> = wanted
                .order(deliveries::id.desc())
                .limit(page.rows())
                .select(DeliveryRow::as_select())
                .load(conn)?;
            let items = rows.into_iter().map(DeliveryRow::read).collect::<QueryResult<_>>()?;
            Ok(Some(page.cut(items, |delivery: &Delivery| delivery.id.uuid())))
        })
    }

    fn find_delivery(
        &self,
        organization: OrganizationId,
        scope: DeliveryScope,
        id: DeliveryId,
    ) -> Result<Option<DeliveryDetail>, StoreError> {
        self.read("looking a delivery up", |conn| {
            let found: Option<(DeliveryRow, String)> = scoped!(organization, scope)
                .filter(deliveries::id.eq(codec::id(id)))
                .select((DeliveryRow::as_select(), events::data))
                .first(conn)
                .optional()?;
            let detail = |(row, data): (DeliveryRow, String)| {
                Ok(DeliveryDetail { delivery: row.read()?, data })
            };
            found.map(detail).transpose()
        })
    }

    fn replay_delivery(
        &self,
        organization: OrganizationId,
        scope: DeliveryScope,
        id: DeliveryId,
        act: &Act,
    ) -> Result<Delivery, ChangeError<WebhookRefusal>> {
        self.change("replaying a delivery", |conn| {
            let mine: Option<String> = scoped!(organization, scope)
                .filter(deliveries::id.eq(codec::id(id)))
                .select(deliveries::id)
                .first(conn)
                .optional()?;
            let mine = mine.ok_or(Stop::Refused(WebhookRefusal::NotFound))?;
            let row = deliveries::table.find(&mine);
            let log: Option<String> =
                locked!(row.select(deliveries::attempts)).first(conn).optional()?;
            let log = log.ok_or(Stop::Refused(WebhookRefusal::NotFound))?;
            let mut log = read_log(&log)?;
            log.push(DeliveryEntry::Replayed { at: act.at });
            update(row)
                .set((
                    deliveries::state.eq(DeliveryState::Pending.as_str()),
                    deliveries::attempt.eq(deliveries::attempt + 1),
                    deliveries::next_attempt_at.eq(NowAnd::nothing()),
                    deliveries::attempts.eq(write_log(&log)),
                    deliveries::finished_at.eq(None::<i64>),
                ))
                .execute(conn)?;
            let delivery = find(conn, id.uuid())?;
            let subject = Subject::new(SubjectKind::Delivery, id, delivery.kind.as_str());
            note(conn, organization, act, subject)?;
            Ok(delivery)
        })
    }

    fn delete_old_deliveries(&self, before: Timestamp, limit: u32) -> Result<usize, StoreError> {
        self.save("deleting old deliveries", |conn| {
            let mut old: Vec<(String, String)> = claimable!(
                deliveries::table
                    .filter(deliveries::finished_at.lt(codec::micros(before)))
                    .order(deliveries::finished_at)
                    .limit(i64::from(limit))
                    .select((deliveries::id, deliveries::event_id))
            )
            .load(conn)?;
            old.extend(of_deleted_webhooks(conn, limit)?);
            let (ids, mut told): (Vec<String>, Vec<String>) = old.into_iter().unzip();
            delete(deliveries::table.filter(deliveries::id.eq_any(&ids))).execute(conn)?;
            forget_deleted_webhooks(conn)?;
            // Those that are left over because they were not told of to the end in one go.
            told.extend(orphans(conn, before, limit)?);
            let left = deliveries::table.filter(deliveries::event_id.eq(events::id));
            let old = events::table.filter(events::id.eq_any(told)).filter(not(exists(left)));
            let events = delete(old).execute(conn)?;
            Ok(ids.len().max(events))
        })
    }

    fn longest_due(&self) -> Result<Option<Duration>, StoreError> {
        self.read("measuring deliveries that are due", |conn| {
            let first = due_lanes(conn)?.into_iter().map(|lane| lane.due_since).min();
            let now: Option<i64> = select(NowAnd::nothing()).get_result(conn)?;
            let due = first.zip(now).map(|(first, now)| now.saturating_sub(first));
            Ok(due.map(|micros| Duration::from_micros(micros.try_into().unwrap_or_default())))
        })
    }
}

/// A lane with something that is due.
#[derive(QueryableByName)]
struct DueLane {
    #[diesel(sql_type = Text)]
    lane: String,
    #[diesel(sql_type = BigInt)]
    due_since: i64,
}

/// Leaps from one lane to the next, so that thousands of deliveries in one cost no more than one of it.
fn due_lanes(conn: &mut Conn) -> QueryResult<Vec<DueLane>> {
    const WAITS: &str = "next_attempt_at IS NOT NULL";
    sql_query(format!(
        "WITH RECURSIVE lanes (lane) AS (
            SELECT min(lane) FROM deliveries WHERE {WAITS}
            UNION ALL
            SELECT (SELECT min(d.lane) FROM deliveries AS d WHERE d.{WAITS} AND d.lane > lanes.lane)
                FROM lanes WHERE lanes.lane IS NOT NULL
        )
        SELECT found.lane AS lane, found.due_since AS due_since FROM (
            SELECT lanes.lane AS lane, (SELECT min(d.next_attempt_at) FROM deliveries AS d
                WHERE d.{WAITS} AND d.lane = lanes.lane) AS due_since
            FROM lanes WHERE lanes.lane IS NOT NULL
        ) AS found WHERE found.due_since <= {NOW_MICROS} ORDER BY found.due_since LIMIT {MOST_LANES}"
    ))
    .load(conn)
}

type Claimed = (ClaimedDeliveryRow, Option<CalledWebhookRow>);

fn claim(
    conn: &mut Conn,
    places: &[(String, usize)],
    lease: Duration,
) -> QueryResult<Vec<Claimed>> {
    let mut ids: Vec<String> = Vec::new();
    for (lane, share) in places {
        let due: Vec<String> = claimable!(
            deliveries::table
                .filter(deliveries::lane.eq(lane))
                .filter(deliveries::next_attempt_at.le(NowAnd::nothing()))
                .order(deliveries::next_attempt_at)
                .limit(i64::try_from(*share).unwrap_or(i64::MAX))
                .select(deliveries::id)
        )
        .load(conn)?;
        ids.extend(due);
    }
    update(deliveries::table.filter(deliveries::id.eq_any(&ids)))
        .set((
            deliveries::attempt.eq(deliveries::attempt + 1),
            deliveries::next_attempt_at.eq(NowAnd::lease(lease)),
        ))
        .execute(conn)?;
    deliveries::table
        .inner_join(events::table)
        .inner_join(organizations::table.on(organizations::id.eq(deliveries::organization_id)))
        .left_join(webhooks::table)
        .filter(deliveries::id.eq_any(&ids))
        .order(deliveries::id)
        .select((ClaimedDeliveryRow::as_select(), Option::<CalledWebhookRow>::as_select()))
        .load(conn)
}

fn read_claimed((row, webhook): Claimed) -> Option<ClaimedDelivery> {
    match row.read(webhook) {
        Ok(claimed) => Some(claimed),
        Err(error) => {
            tracing::error!(%error, "a delivery cannot be read, and is left out");
            None
        }
    }
}

/// Locks the webhooks that these may change, in one order for all.
fn hold_webhooks(conn: &mut Conn, ended: &[EndedAttempt]) -> QueryResult<()> {
    let ids = ended.iter().filter_map(|attempt| attempt.webhook).map(codec::id);
    let ids: Vec<String> = ids.collect();
    let rows = webhooks::table.filter(webhooks::id.eq_any(ids)).order(webhooks::id);
    locked!(rows.select(webhooks::id)).load::<String>(conn).map(drop)
}

fn settle(conn: &mut Conn, ended: &EndedAttempt, mails: bool) -> QueryResult<SettledAttempt> {
    let still_ours = deliveries::table
        .find(codec::id(ended.delivery))
        .filter(deliveries::attempt.eq(ended.attempt))
        .filter(deliveries::state.eq(DeliveryState::Pending.as_str()));
    let log = deliveries::attempts.eq(write_log(&ended.log));
    let finished = |state: DeliveryState| {
        (
            deliveries::state.eq(state.as_str()),
            deliveries::next_attempt_at.eq(None::<i64>),
            deliveries::finished_at.eq(Some(codec::micros(ended.at))),
        )
    };
    let saved = match ended.after {
        AfterAttempt::Again { after } => update(still_ours)
            .set((deliveries::next_attempt_at.eq(NowAnd::lease(after)), log))
            .execute(conn)?,
        AfterAttempt::Delivered => {
            update(still_ours).set((finished(DeliveryState::Delivered), log)).execute(conn)?
        }
        AfterAttempt::Dead => {
            update(still_ours).set((finished(DeliveryState::Dead), log)).execute(conn)?
        }
    };
    let mut settled =
        SettledAttempt { delivery: ended.delivery, is_saved: saved > 0, disabled: None };
    if let Some(webhook) = ended.webhook.filter(|_| settled.is_saved) {
        settled.disabled = settle_webhook(conn, webhook, ended, mails)?;
    }
    Ok(settled)
}

/// What an attempt means to its webhook, which is held. Trying one out does not count against it.
fn settle_webhook(
    conn: &mut Conn,
    webhook: WebhookId,
    ended: &EndedAttempt,
    mails: bool,
) -> QueryResult<Option<DisabledReason>> {
    let row = webhooks::table.find(codec::id(webhook));
    if ended.answer == Answer::Accepted {
        update(row.filter(webhooks::failing_since.is_not_null()))
            .set(webhooks::failing_since.eq(None::<i64>))
            .execute(conn)?;
        return Ok(None);
    }
    if ended.kind == EventType::WebhookTest {
        return Ok(None);
    }
    update(row.clone().filter(webhooks::failing_since.is_null()))
        .set(webhooks::failing_since.eq(Some(codec::micros(ended.began))))
        .execute(conn)?;
    let since: Option<Option<i64>> =
        row.filter(webhooks::is_active).select(webhooks::failing_since).first(conn).optional()?;
    let Some(since) = since else { return Ok(None) };
    let since = since.map(codec::read_micros).transpose()?;
    let is_dead = ended.after == AfterAttempt::Dead;
    let reason = if ended.answer == Answer::Gone {
        DisabledReason::Gone
    } else if is_dead && is_given_up(since, ended.first_attempt)
        || has_failed_for_too_long(since, ended.began, ended.patience)
    {
        DisabledReason::Failing
    } else {
        return Ok(None);
    };
    switch_off(conn, webhook, (reason, since), ended, mails)?;
    Ok(Some(reason))
}

/// Switches an active webhook off, and tells the other webhooks and the administrators.
fn switch_off(
    conn: &mut Conn,
    webhook: WebhookId,
    (reason, since): (DisabledReason, Option<Timestamp>),
    ended: &EndedAttempt,
    mails: bool,
) -> QueryResult<()> {
    let row = webhooks::table.find(codec::id(webhook));
    update(row.clone())
        .set((
            webhooks::is_active.eq(false),
            webhooks::disabled_reason.eq(Some(reason.as_str())),
            webhooks::modified_at.eq(codec::micros(ended.at)),
        ))
        .execute(conn)?;
    let (url, description): (String, String) =
        row.select((webhooks::url, webhooks::description)).first(conn)?;
    let event =
        Event::new(ended.organization, EventType::WebhookDisabled, webhook.uuid(), ended.at);
    let mail = if mails { addresses(conn, ended.organization, None)? } else { Vec::new() };
    let since = since.map(|since| instant(codec::micros(since))).transpose()?;
    raise(conn, &event, &mail, |_| {
        Ok(Some(json!({
            "webhook_id": codec::id(webhook),
            "description": description,
            // The rest of an address may be as secret as a password.
            "host": origin(&url),
            "reason": reason.as_str(),
            "failing_since": since,
        })))
    })
}

pub(super) fn find(conn: &mut Conn, id: Uuid) -> QueryResult<Delivery> {
    let row: DeliveryRow = deliveries::table
        .inner_join(events::table)
        .filter(deliveries::id.eq(id.to_string()))
        .select(DeliveryRow::as_select())
        .first(conn)?;
    row.read()
}

/// Deliveries to webhooks that are deleted, however they stand.
fn of_deleted_webhooks(conn: &mut Conn, limit: u32) -> QueryResult<Vec<(String, String)>> {
    let deleted =
        webhooks::table.filter(webhooks::deleted_at.is_not_null()).select(webhooks::id.nullable());
    claimable!(
        deliveries::table
            .filter(deliveries::webhook_id.eq_any(deleted))
            .order(deliveries::id)
            .limit(i64::from(limit))
            .select((deliveries::id, deliveries::event_id))
    )
    .load(conn)
}

/// Webhooks that are deleted and of which nothing is left.
fn forget_deleted_webhooks(conn: &mut Conn) -> QueryResult<usize> {
    let left = deliveries::table.filter(deliveries::webhook_id.eq(webhooks::id.nullable()));
    let gone = webhooks::table.filter(webhooks::deleted_at.is_not_null()).filter(not(exists(left)));
    delete(gone).execute(conn)
}

/// Events from before `before` that nobody is told of any more.
fn orphans(conn: &mut Conn, before: Timestamp, limit: u32) -> QueryResult<Vec<String>> {
    let left = deliveries::table.filter(deliveries::event_id.eq(events::id));
    events::table
        .filter(events::id.lt(codec::first_id(before)))
        .filter(not(exists(left)))
        .order(events::id)
        .limit(i64::from(limit))
        .select(events::id)
        .load(conn)
}
