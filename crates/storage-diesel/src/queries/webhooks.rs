//! Webhooks: who is told of what.

use std::collections::BTreeMap;

use access_domain::{
    Act, ChangeError, Delivery, EventType, NewTest, NewWebhook, OrganizationId, Page, PageRequest,
    Sealed, StoreError, Subject, SubjectKind, Webhook, WebhookId, WebhookRefusal, WebhookRule,
    WebhookStore,
};
use diesel::{delete, dsl::count_star, insert_into, prelude::*, update};
use keys_core::Timestamp;
use serde_json::json;

use super::{
    super::{Conn, Store},
    audit::note,
    deliveries::find,
    events::{deliver, write},
    idempotency::remember,
};
use crate::{
    codec,
    error::Stop,
    rows::{WebhookChange, WebhookRow, read_kind},
    schema::{organizations, webhook_events, webhooks},
};

/// The organization's webhooks, without those that are deleted and not forgotten yet.
macro_rules! living {
    ($organization:expr) => {
        webhooks::table
            .filter(webhooks::organization_id.eq(codec::id($organization)))
            .filter(webhooks::deleted_at.is_null())
    };
}

impl WebhookStore for Store {
    fn list_webhooks(
        &self,
        organization: OrganizationId,
        page: PageRequest,
    ) -> Result<Page<Webhook>, StoreError> {
        self.read("listing webhooks", |conn| {
            let mut wanted = living!(organization)
                .order(webhooks::id.desc())
                .limit(page.rows())
                .select(WebhookRow::as_select())
                .into_boxed();
            if let Some(after) = page.after {
                wanted = wanted.filter(webhooks::id.lt(after.to_string()));
            }
            let rows: Vec<WebhookRow> = wanted.load(conn)?;
            let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
            let mut heard = subscriptions(conn, &ids)?;
            let read = |row: WebhookRow| {
                let events = heard.remove(&row.id).unwrap_or_default();
                row.read(events)
            };
            let items = rows.into_iter().map(read).collect::<QueryResult<_>>()?;
            Ok(page.cut(items, |webhook: &Webhook| webhook.id.uuid()))
        })
    }

    fn find_webhook(
        &self,
        organization: OrganizationId,
        id: WebhookId,
    ) -> Result<Option<Webhook>, StoreError> {
        self.read("looking a webhook up", |conn| {
            let row: Option<WebhookRow> = living!(organization)
                .filter(webhooks::id.eq(codec::id(id)))
                .select(WebhookRow::as_select())
                .first(conn)
                .optional()?;
            row.map(|row| with_subscriptions(conn, row)).transpose()
        })
    }

    fn create_webhook(
        &self,
        new: &NewWebhook,
        most: usize,
        act: &Act,
    ) -> Result<(), ChangeError<WebhookRefusal>> {
        self.change("making a webhook", |conn| {
            let webhook = &new.webhook;
            let owner = codec::id(webhook.organization);
            // Whoever makes webhooks of an organization does so one after the other.
            locked!(organizations::table.find(&owner).select(organizations::id))
                .first::<String>(conn)?;
            let others: i64 = living!(webhook.organization).select(count_star()).first(conn)?;
            if usize::try_from(others).is_ok_and(|others| others >= most) {
                return Err(Stop::Refused(WebhookRefusal::TooMany));
            }
            insert_into(webhooks::table)
                .values((
                    webhooks::id.eq(codec::id(webhook.id)),
                    webhooks::organization_id.eq(&owner),
                    webhooks::encryption_key.eq(&new.secret.key),
                    webhooks::sealed.eq(&new.secret.bytes),
                    webhooks::created_by.eq(webhook.created_by.to_string()),
                    webhooks::created_at.eq(codec::micros(webhook.created_at)),
                    WebhookChange::of(webhook),
                ))
                .execute(conn)?;
            subscribe(conn, webhook, |_| true)?;
            Ok(note(conn, webhook.organization, act, subject(webhook))?)
        })
    }

    fn change_webhook(
        &self,
        organization: OrganizationId,
        id: WebhookId,
        rule: &WebhookRule<'_>,
        act: &Act,
    ) -> Result<Webhook, ChangeError<WebhookRefusal>> {
        self.change("changing a webhook", |conn| {
            let old = hold(conn, organization, id)?;
            let new = rule(&old).map_err(Stop::Refused)?;
            let row = webhooks::table.find(codec::id(id));
            update(row).set(WebhookChange::of(&new)).execute(conn)?;
            if new.events != old.events {
                // Only what differs: a subscription that stays must be there for whoever looks meanwhile.
                let gone = old.events.iter().filter(|kind| !new.events.contains(kind));
                let gone: Vec<&str> = gone.map(|kind| kind.as_str()).collect();
                delete(webhook_events::table)
                    .filter(webhook_events::webhook_id.eq(codec::id(id)))
                    .filter(webhook_events::event.eq_any(gone))
                    .execute(conn)?;
                subscribe(conn, &new, |kind| !old.events.contains(kind))?;
            }
            note(conn, organization, act, subject(&new))?;
            Ok(new)
        })
    }

    fn rotate_webhook(
        &self,
        organization: OrganizationId,
        id: WebhookId,
        secret: &Sealed,
        until: Timestamp,
        act: &Act,
    ) -> Result<Webhook, ChangeError<WebhookRefusal>> {
        self.change("rotating the secret of a webhook", |conn| {
            let webhook = hold(conn, organization, id)?;
            update(webhooks::table.find(codec::id(id)))
                .set((
                    webhooks::previous_encryption_key.eq(webhooks::encryption_key.nullable()),
                    webhooks::previous_sealed.eq(webhooks::sealed.nullable()),
                    webhooks::previous_until.eq(Some(codec::micros(until))),
                    webhooks::encryption_key.eq(&secret.key),
                    webhooks::sealed.eq(&secret.bytes),
                    webhooks::modified_at.eq(codec::micros(act.at)),
                ))
                .execute(conn)?;
            note(conn, organization, act, subject(&webhook))?;
            Ok(Webhook { previous_secret_until: Some(until), modified_at: act.at, ..webhook })
        })
    }

    fn delete_webhook(
        &self,
        organization: OrganizationId,
        id: WebhookId,
        act: &Act,
    ) -> Result<(), ChangeError<WebhookRefusal>> {
        self.change("deleting a webhook", |conn| {
            let webhook = hold(conn, organization, id)?;
            let id = codec::id(id);
            delete(webhook_events::table.filter(webhook_events::webhook_id.eq(&id)))
                .execute(conn)?;
            // What it was told may be much: that is swept little by little, and the row with it.
            update(webhooks::table.find(&id))
                .set((
                    webhooks::is_active.eq(false),
                    webhooks::disabled_reason.eq(None::<String>),
                    webhooks::deleted_at.eq(Some(codec::micros(act.at))),
                ))
                .execute(conn)?;
            Ok(note(conn, organization, act, subject(&webhook))?)
        })
    }

    fn test_webhook(&self, test: &NewTest) -> Result<Delivery, ChangeError<WebhookRefusal>> {
        self.change("trying a webhook out", |conn| {
            let NewTest { event, webhook, repeatable } = test;
            let webhook = hold(conn, event.organization, *webhook)?;
            let id = codec::id(webhook.id);
            let data = json!({"webhook_id": id, "description": webhook.description});
            write(conn, event, &data)?;
            let delivery = codec::read_uuid(&deliver(conn, event, Some(&id), None)?)?;
            remember(conn, event.organization, *repeatable, event.at, delivery, None)?;
            Ok(find(conn, delivery)?)
        })
    }
}

/// The webhook, which stays as it is as long as this transaction.
fn hold(
    conn: &mut Conn,
    organization: OrganizationId,
    id: WebhookId,
) -> Result<Webhook, Stop<WebhookRefusal>> {
    let row: Option<WebhookRow> = locked!(
        living!(organization)
            .filter(webhooks::id.eq(codec::id(id)))
            .select(WebhookRow::as_select())
    )
    .first(conn)
    .optional()?;
    let row = row.ok_or(Stop::Refused(WebhookRefusal::NotFound))?;
    Ok(with_subscriptions(conn, row)?)
}

fn with_subscriptions(conn: &mut Conn, row: WebhookRow) -> QueryResult<Webhook> {
    let mut heard = subscriptions(conn, std::slice::from_ref(&row.id))?;
    let events = heard.remove(&row.id).unwrap_or_default();
    row.read(events)
}

/// What each of these webhooks hears of, in the order of the types.
fn subscriptions(conn: &mut Conn, ids: &[String]) -> QueryResult<BTreeMap<String, Vec<EventType>>> {
    let rows: Vec<(String, String)> = webhook_events::table
        .filter(webhook_events::webhook_id.eq_any(ids))
        .select((webhook_events::webhook_id, webhook_events::event))
        .load(conn)?;
    let mut heard: BTreeMap<String, Vec<EventType>> = BTreeMap::new();
    for (id, event) in rows {
        heard.entry(id).or_default().push(read_kind(&event)?);
    }
    let place = |kind: &EventType| EventType::ALL.iter().position(|other| other == kind);
    heard.values_mut().for_each(|kinds| kinds.sort_by_key(place));
    Ok(heard)
}

fn subscribe(
    conn: &mut Conn,
    webhook: &Webhook,
    is_new: impl Fn(&EventType) -> bool,
) -> QueryResult<()> {
    let row = |kind: &EventType| {
        (
            webhook_events::organization_id.eq(codec::id(webhook.organization)),
            webhook_events::event.eq(kind.as_str()),
            webhook_events::webhook_id.eq(codec::id(webhook.id)),
        )
    };
    let rows: Vec<_> = webhook.events.iter().filter(|kind| is_new(kind)).map(row).collect();
    insert_into(webhook_events::table).values(rows).execute(conn).map(drop)
}

/// Named for what it is for, or else for whom it calls: the rest of its address may be secret.
fn subject(webhook: &Webhook) -> Subject {
    let name =
        if webhook.description.is_empty() { origin(&webhook.url) } else { &webhook.description };
    Subject::new(SubjectKind::Webhook, webhook.id, name)
}

/// The scheme and the host of an address.
pub(super) fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(host..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).map_or(url.len(), |at| host + at);
    url.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_beginning_of_an_address_is_told() {
        for (url, told) in [
            ("https://hooks.example.com/T0/secret?x=1", "https://hooks.example.com"),
            ("http://example.com:8080", "http://example.com:8080"),
            ("https://example.com?token=1", "https://example.com"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(origin(url), told);
        }
    }
}
