//! Which keys may be verified otherwise than before: each with the number of its last change.

use std::collections::BTreeSet;

use access_domain::{ChangedKeys, KeyFeedStore, OrganizationId, StoreError};
use diesel::{insert_into, prelude::*, update, upsert::excluded};
use keys_core::KeyId;

use super::super::{Conn, Store};
use crate::{
    codec,
    schema::{key_changes, organizations},
};

/// Three parameters a row, of which SQLite takes 32,766 and PostgreSQL 65,535.
const ROWS_PER_STATEMENT: usize = 1000;

#[derive(Insertable)]
#[diesel(table_name = key_changes, treat_none_as_default_value = false)]
struct ChangeRow {
    key_id: String,
    organization_id: String,
    number: i64,
}

impl KeyFeedStore for Store {
    fn changed_keys(
        &self,
        organization: OrganizationId,
        since: u64,
        limit: u32,
    ) -> Result<ChangedKeys, StoreError> {
        self.read("reading which keys have changed", |conn| {
            let organization = codec::id(organization);
            // The number first: what changes between the two reads is read, and read again the next time.
            let now: i64 = organizations::table
                .find(&organization)
                .select(organizations::key_changes)
                .first(conn)?;
            let ids: Vec<String> = key_changes::table
                .filter(key_changes::organization_id.eq(&organization))
                .filter(key_changes::number.gt(i64::try_from(since).unwrap_or(i64::MAX)))
                .order((key_changes::number, key_changes::key_id))
                .limit(limit.into())
                .select(key_changes::key_id)
                .load(conn)?;
            let keys = ids.iter().map(|id| codec::read_id(id)).collect::<QueryResult<_>>()?;
            Ok(ChangedKeys { now: u64::try_from(now).unwrap_or_default(), keys })
        })
    }
}

/// The number of the change that begins; raising it notes in `changed_in` when that was, by a trigger. Of an organization that is only coming into being, nobody asks what has changed.
pub(super) fn next_number(conn: &mut Conn, organization: OrganizationId) -> QueryResult<i64> {
    let number = update(organizations::table.find(codec::id(organization)))
        .set(organizations::key_changes.eq(organizations::key_changes + 1))
        .returning(organizations::key_changes)
        .get_result(conn)
        .optional()?;
    Ok(number.unwrap_or_default())
}

/// Notes that these keys changed last in the change of this number.
pub(super) fn note(
    conn: &mut Conn,
    organization: OrganizationId,
    number: i64,
    keys: &BTreeSet<KeyId>,
) -> QueryResult<()> {
    let rows: Vec<ChangeRow> = keys
        .iter()
        .map(|key| ChangeRow {
            key_id: codec::id(*key),
            organization_id: codec::id(organization),
            number,
        })
        .collect();
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        insert_into(key_changes::table)
            .values(rows)
            .on_conflict(key_changes::key_id)
            .do_update()
            .set(key_changes::number.eq(excluded(key_changes::number)))
            .execute(conn)?;
    }
    Ok(())
}
