//! Ends and limits of keys that somebody is to be told of.
//!
//! None of these columns of `keys` is read by whoever decides on a key, so that a change of them need not be told to those who
//! remember keys.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use access_domain::{
    EndLook, EndNotice, Event, EventType, KeyEnd, NoticeDays, NoticeStore, OrganizationId,
    StoreError, derived_id,
};
use diesel::{dsl::exists, prelude::*, select, update};
use keys_core::{KeyId, Timestamp};
use serde_json::Value;

use super::{
    super::{Conn, Store},
    events::{addresses, key_row, put, raise, raise_by_mail},
};
use crate::{
    codec,
    schema::{deliveries, keys, organizations},
};

const HOUR: Duration = Duration::from_secs(3600);
/// So many mails an hour an address gets of one organization's keys at most: nobody's mailbox is filled by making keys that end.
const MAILS_AN_HOUR: i64 = 20;

/// Id, organization, end, up to when that was looked at, when it was revoked, who made it.
type EndRow = (String, String, Option<i64>, Option<i64>, Option<i64>, Option<String>);

impl NoticeStore for Store {
    fn look_at_ends(
        &self,
        now: Timestamp,
        limit: u32,
        mails: bool,
        rule: &dyn Fn(&KeyEnd) -> EndLook,
    ) -> Result<usize, StoreError> {
        let at = codec::micros(now);
        // A look that locks nothing: mostly nothing is due, and every server asks every second.
        let is_due = self.read("looking for ends of keys", |conn| {
            select(exists(keys::table.filter(keys::next_notice_at.le(at)))).get_result::<bool>(conn)
        })?;
        if !is_due {
            return Ok(0);
        }
        self.save("telling of ends of keys", |conn| {
            let rows: Vec<EndRow> = claimable!(
                keys::table
                    .filter(keys::next_notice_at.le(at))
                    .order(keys::next_notice_at)
                    .limit(limit.into())
                    .select((
                        keys::id,
                        keys::organization_id,
                        keys::expires_at,
                        keys::noticed_until,
                        keys::revoked_at,
                        keys::created_by,
                    ))
            )
            .load(conn)?;
            let days = notice_days(conn, &rows)?;
            let looked_at = rows.len();
            let mut told = BTreeMap::new();
            for row in rows {
                if let Some((of, end)) = look(conn, row, &days, now, rule)? {
                    told.entry(of).or_insert_with(Vec::new).push(end);
                }
            }
            if !mails {
                return Ok(looked_at);
            }
            for (to, keys) in mail_of(conn, told)? {
                send(conn, to, keys, now)?;
            }
            Ok(looked_at)
        })
    }

    fn note_limits_reached(
        &self,
        reached: &[(KeyId, Timestamp)],
        every: Duration,
    ) -> Result<(), StoreError> {
        // One by one: nobody waits for a key while holding another.
        reached.iter().try_for_each(|(key, at)| {
            self.save("telling of the limit of a key", |conn| limit_reached(conn, *key, *at, every))
        })
    }
}

/// When each of the rows' organizations wants to be told.
fn notice_days(conn: &mut Conn, rows: &[EndRow]) -> QueryResult<HashMap<String, NoticeDays>> {
    let found: Vec<(String, String)> = organizations::table
        .filter(organizations::id.eq_any(rows.iter().map(|row| &row.1)))
        .select((organizations::id, organizations::notice_days))
        .load(conn)?;
    found.into_iter().map(|(id, days)| Ok((id, codec::read_notice_days(&days)?))).collect()
}

fn look(
    conn: &mut Conn,
    (id, organization, expires_at, looked_until, revoked_at, made_by): EndRow,
    days: &HashMap<String, NoticeDays>,
    now: Timestamp,
    rule: &dyn Fn(&KeyEnd) -> EndLook,
) -> QueryResult<Option<(EndOf, ToldEnd)>> {
    let nothing = EndLook { notice: None, next: None };
    let look = match (expires_at, revoked_at) {
        (Some(expires_at), None) => rule(&KeyEnd {
            expires_at: codec::read_micros(expires_at)?,
            looked_until: looked_until.map_or(Ok(now), codec::read_micros)?,
            days: days.get(&organization).cloned().unwrap_or_default(),
        }),
        _ => nothing,
    };
    update(keys::table.find(&id))
        .set((
            keys::noticed_until.eq(Some(codec::micros(now))),
            keys::next_notice_at.eq(look.next.map(codec::micros)),
        ))
        .execute(conn)?;
    let Some(notice) = look.notice else { return Ok(None) };
    let (kind, days_left) = match notice {
        EndNotice::Expiring { days_left } => (EventType::KeyExpiring, Some(days_left)),
        EndNotice::Expired => (EventType::KeyExpired, None),
    };
    let organization: OrganizationId = codec::read_id(&organization)?;
    let key: KeyId = codec::read_id(&id)?;
    let mut data = key_row(conn, key)?.data()?;
    if let Some(days_left) = days_left {
        put(&mut data, "days_left", days_left.into());
    }
    let event = Event::new(organization, kind, key.uuid(), now);
    raise(conn, &event, &[], |_| Ok(Some(data.clone())))?;
    Ok(Some(((organization, made_by), (kind, data))))
}

/// Whose an end is that was just told of: its organization, and who made the key.
type EndOf = (OrganizationId, Option<String>);

/// What was told of one, and with what.
type ToldEnd = (EventType, Value);

/// Where a mail goes, with what it is of.
type MailTo = (OrganizationId, &'static str, String);

/// What each mail tells: keys that end together are told of in one.
type Mail = BTreeMap<MailTo, (EventType, Vec<Value>)>;

fn mail_of(conn: &mut Conn, told: BTreeMap<EndOf, Vec<ToldEnd>>) -> QueryResult<Mail> {
    let mut mail = Mail::new();
    for ((organization, made_by), ends) in told {
        for address in addresses(conn, organization, made_by.as_deref())? {
            for (kind, data) in &ends {
                let to = (organization, kind.as_str(), address.clone());
                mail.entry(to).or_insert_with(|| (*kind, Vec::new())).1.push(data.clone());
            }
        }
    }
    Ok(mail)
}

fn send(
    conn: &mut Conn,
    (organization, _, address): MailTo,
    (kind, mut keys): (EventType, Vec<Value>),
    now: Timestamp,
) -> QueryResult<()> {
    if mails_of_late(conn, organization, &address, now)? >= MAILS_AN_HOUR {
        let organization = codec::id(organization);
        tracing::warn!(organization, "more mails of ends of keys than are sent in an hour");
        return Ok(());
    }
    let mut data = keys.remove(0);
    if !keys.is_empty() {
        put(&mut data, "others", Value::Array(keys));
    }
    let about = derived_id(now, &[address.as_bytes()]);
    raise_by_mail(conn, &Event::new(organization, kind, about, now), &address, &data)
}

fn mails_of_late(
    conn: &mut Conn,
    organization: OrganizationId,
    address: &str,
    now: Timestamp,
) -> QueryResult<i64> {
    deliveries::table
        .filter(deliveries::organization_id.eq(codec::id(organization)))
        .filter(deliveries::mail_to.eq(address))
        .filter(deliveries::id.ge(codec::first_id(now - HOUR)))
        .count()
        .get_result(conn)
}

fn limit_reached(conn: &mut Conn, key: KeyId, at: Timestamp, every: Duration) -> QueryResult<()> {
    let long_ago = keys::limit_noticed_at.le(codec::micros(at - every));
    let not_told = keys::limit_noticed_at.is_null().or(long_ago);
    let told = update(keys::table.find(codec::id(key)).filter(not_told.assume_not_null()))
        .set(keys::limit_noticed_at.eq(Some(codec::micros(at))))
        .execute(conn)?;
    if told == 0 {
        return Ok(());
    }
    let organization: String =
        keys::table.find(codec::id(key)).select(keys::organization_id).first(conn)?;
    let event =
        Event::new(codec::read_id(&organization)?, EventType::KeyLimitReached, key.uuid(), at);
    raise(conn, &event, &[], |conn| {
        let row = key_row(conn, key)?;
        let limit = row.rate_limit_per_minute;
        let mut data = row.data()?;
        put(&mut data, "rate_limit_per_minute", limit.into());
        Ok(Some(data))
    })
}
