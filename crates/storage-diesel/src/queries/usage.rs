//! Sums of what was counted. Each process adds to them, and none reads them in order to do so.

use access_domain::StoreError;
use deployments_domain::{Measure, Resolution, UsageBatch, UsageFilter, UsageStore};
use diesel::{
    delete,
    dsl::sql,
    insert_into,
    prelude::*,
    sql_query,
    sql_types::{BigInt, Bool, SmallInt},
    update,
    upsert::excluded,
};

use super::super::{Conn, SKIP_LOCKED, Store};
use crate::{
    codec,
    rows::{UsageRow, resolution_number},
    schema::{usage, usage_writers},
};

impl UsageStore for Store {
    fn add_usage(&self, batch: &UsageBatch) -> Result<(), StoreError> {
        self.save("adding usage", |conn| {
            if !is_new(conn, batch)? {
                return Ok(());
            }
            let rows: Vec<UsageRow> = batch.rows.iter().map(UsageRow::of).collect();
            insert_into(usage::table)
                .values(rows)
                .on_conflict((
                    usage::organization_id,
                    usage::key_id,
                    usage::resolution,
                    usage::start,
                    usage::deployment_id,
                    usage::measure,
                ))
                .do_update()
                .set(usage::amount.eq(usage::amount + excluded(usage::amount)))
                .execute(conn)
                .map(drop)
        })
    }

    fn find_usage(&self, filter: &UsageFilter) -> Result<Vec<(i64, Measure, u64)>, StoreError> {
        self.read("reading usage", |conn| {
            let key = filter.key.map(codec::id).unwrap_or_default();
            let deployment = filter.deployment.map(codec::id).unwrap_or_default();
            // Both are bound, so that the statement is one and the same.
            let any = filter.deployment.is_none().into_sql::<Bool>();
            let sums: Vec<(i64, String, i64)> = usage::table
                .filter(usage::organization_id.eq(codec::id(filter.organization)))
                .filter(usage::key_id.eq(key))
                .filter(usage::resolution.eq(resolution_number(filter.resolution)))
                .filter(usage::start.ge(filter.from).and(usage::start.lt(filter.to)))
                .filter(any.or(usage::deployment_id.eq(deployment)))
                .group_by((usage::start, usage::measure))
                .select((
                    usage::start,
                    usage::measure,
                    sql::<BigInt>("CAST(sum(amount) AS bigint)"),
                ))
                .load(conn)?;
            let read = |(start, measure, sum): (i64, String, i64)| {
                let measure = codec::read_name(&measure, "measure", Measure::parse)?;
                Ok((start, measure, sum.unsigned_abs()))
            };
            sums.into_iter().map(read).collect()
        })
    }

    fn delete_old_usage(
        &self,
        resolution: Resolution,
        before: i64,
        limit: u32,
    ) -> Result<usize, StoreError> {
        const KEY: &str = "organization_id, key_id, resolution, start, deployment_id, measure";
        self.save("deleting old usage", |conn| {
            // Whoever has not added for so long has nothing left that could be given again.
            if resolution == Resolution::Day {
                delete(usage_writers::table.filter(usage_writers::added_at.lt(before)))
                    .execute(conn)?;
            }
            let statement = format!(
                "DELETE FROM usage WHERE ({KEY}) IN (SELECT {KEY} FROM usage \
                 WHERE resolution = $1 AND start < $2 ORDER BY start LIMIT $3 {SKIP_LOCKED})"
            );
            sql_query(statement)
                .bind::<SmallInt, _>(resolution_number(resolution))
                .bind::<BigInt, _>(before)
                .bind::<BigInt, _>(i64::from(limit))
                .execute(conn)
        })
    }
}

/// Notes the batch as its writer's last; `false` when it was noted before, and so was added. A commit that nobody heard of
/// may still be under way: either statement waits for it.
fn is_new(conn: &mut Conn, batch: &UsageBatch) -> QueryResult<bool> {
    let id = batch.writer.to_string();
    let (number, at) =
        (usage_writers::batch.eq(batch.number), usage_writers::added_at.eq(batch.at));
    let known = update(usage_writers::table.find(&id))
        .filter(usage_writers::batch.lt(batch.number))
        .set((number, at))
        .execute(conn)?;
    if known > 0 {
        return Ok(true);
    }
    let first = insert_into(usage_writers::table)
        .values((usage_writers::id.eq(&id), number, at))
        .on_conflict_do_nothing()
        .execute(conn)?;
    Ok(first > 0)
}
