//! Requests that may be sent again: remembered by the transaction that does what they ask for, found and forgotten here.

use access_domain::{
    IdempotencyRecord, IdempotencyStore, OrganizationId, Repeatable, RequestName, StoreError,
};
use diesel::{
    delete, insert_into, prelude::*, query_dsl::methods, result::Error, upsert::excluded,
};
use keys_core::Timestamp;
use uuid::Uuid;

use super::super::{Conn, Store};
use crate::{codec, schema::idempotency_records};

impl IdempotencyStore for Store {
    fn find_record(
        &self,
        organization: OrganizationId,
        name: &RequestName,
        forgotten: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        self.read("looking a request up", |conn| {
            let found: Option<(Vec<u8>, String, Option<String>)> = idempotency_records::table
                .find((codec::id(organization), name.as_bytes().as_slice()))
                .filter(idempotency_records::created_at.gt(codec::micros(forgotten)))
                .select((
                    idempotency_records::body,
                    idempotency_records::made_id,
                    idempotency_records::made_along_id,
                ))
                .first(conn)
                .optional()?;
            let Some((body, made, made_along)) = found else { return Ok(None) };
            Ok(Some(IdempotencyRecord {
                body: codec::read_digest(body)?,
                made: codec::read_uuid(&made)?,
                made_along: made_along.as_deref().map(codec::read_uuid).transpose()?,
            }))
        })
    }

    fn delete_records(&self, forgotten: Timestamp, limit: i64) -> Result<usize, StoreError> {
        self.save("forgetting old requests", |conn| {
            let old: Vec<(String, Vec<u8>)> = claimable!(
                idempotency_records::table
                    .filter(idempotency_records::created_at.le(codec::micros(forgotten)))
                    .order(idempotency_records::created_at)
                    .limit(limit)
                    .select((
                        idempotency_records::organization_id,
                        idempotency_records::request_name
                    ))
            )
            .load(conn)?;
            let mut deleted = 0;
            for (organization, name) in old {
                deleted +=
                    delete(idempotency_records::table.find((organization, name))).execute(conn)?;
            }
            Ok(deleted)
        })
    }
}

/// Remembers what a request has made at `at`, and what was made along with it. A record of the same request that no longer
/// counts gives way; one that counts ends the transaction as [`StoreError::Repeated`]: of several that do the same request at
/// once, on whatever servers, all but the first wait here for its end.
pub(super) fn remember(
    conn: &mut Conn,
    organization: OrganizationId,
    request: Option<Repeatable>,
    at: Timestamp,
    made: Uuid,
    made_along: Option<Uuid>,
) -> QueryResult<()> {
    let Some(Repeatable { name, body }) = request else { return Ok(()) };
    let forgotten = IdempotencyRecord::forgotten_by(at);
    let row = insert_into(idempotency_records::table)
        .values((
            idempotency_records::organization_id.eq(codec::id(organization)),
            idempotency_records::request_name.eq(name.as_bytes().as_slice()),
            idempotency_records::body.eq(body.as_bytes().as_slice()),
            idempotency_records::made_id.eq(made.to_string()),
            idempotency_records::made_along_id.eq(made_along.map(|id| id.to_string())),
            idempotency_records::created_at.eq(codec::micros(at)),
        ))
        .on_conflict((idempotency_records::organization_id, idempotency_records::request_name))
        .do_update()
        .set((
            idempotency_records::body.eq(excluded(idempotency_records::body)),
            idempotency_records::made_id.eq(excluded(idempotency_records::made_id)),
            idempotency_records::made_along_id.eq(excluded(idempotency_records::made_along_id)),
            idempotency_records::created_at.eq(excluded(idempotency_records::created_at)),
        ));
    let is_forgotten = idempotency_records::created_at.le(codec::micros(forgotten));
    let remembered = methods::FilterDsl::filter(row, is_forgotten).execute(conn)?;
    if remembered == 0 { Err(Error::RollbackTransaction) } else { Ok(()) }
}
