//! Sums of what was counted. Each process adds to them, and none reads them in order to do so.

use access_domain::{OrganizationId, StoreError};
use deployments_domain::{
    BreakdownFilter, Measure, Resolution, UsageBatch, UsageBy, UsageFilter, UsageOf, UsageStore,
};
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
use uuid::Uuid;

use super::super::{Conn, SKIP_LOCKED, Store};
use crate::{
    codec,
    rows::{UsageRow, resolution_number},
    schema::{deployments, keys, usage, usage_writers},
};

/// The rows of a span of time, of one deployment where one is named.
macro_rules! meant {
    ($filter:expr) => {{
        let deployment = $filter.deployment.map(codec::id).unwrap_or_default();
        let any = $filter.deployment.is_none().into_sql::<Bool>();
        usage::organization_id
            .eq(codec::id($filter.organization))
            .and(usage::resolution.eq(resolution_number($filter.resolution)))
            .and(usage::start.ge($filter.from).and(usage::start.lt($filter.to)))
            .and(any.or(usage::deployment_id.eq(deployment)))
    }};
}

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

    fn find_usage_of(
        &self,
        filter: &BreakdownFilter,
        of: &[UsageOf],
    ) -> Result<Vec<(UsageOf, Measure, u64)>, StoreError> {
        self.read("reading usage by what it is of", |conn| {
            let ids: Vec<String> = of.iter().map(|of| column(*of)).collect();
            let sum = || sql::<BigInt>("CAST(sum(amount) AS bigint)");
            let sums: Vec<(String, String, i64)> = match filter.by {
                UsageBy::Deployment => usage::table
                    .filter(meant!(filter))
                    .filter(usage::key_id.eq(""))
                    .filter(usage::deployment_id.eq_any(ids))
                    .group_by((usage::deployment_id, usage::measure))
                    .select((usage::deployment_id, usage::measure, sum()))
                    .load(conn)?,
                UsageBy::Key => usage::table
                    .filter(meant!(filter))
                    .filter(usage::key_id.ne(""))
                    .filter(usage::key_id.eq_any(ids))
                    .group_by((usage::key_id, usage::measure))
                    .select((usage::key_id, usage::measure, sum()))
                    .load(conn)?,
            };
            let read = |(of, measure, sum): (String, String, i64)| {
                let measure = codec::read_name(&measure, "measure", Measure::parse)?;
                Ok((read_column(&of)?, measure, sum.unsigned_abs()))
            };
            sums.into_iter().map(read).collect()
        })
    }

    fn find_most_used(
        &self,
        filter: &BreakdownFilter,
        limit: u32,
    ) -> Result<Vec<UsageOf>, StoreError> {
        self.read("looking for what was used most", |conn| {
            let uses = || sql::<BigInt>("CAST(sum(amount) AS bigint)").desc();
            let is_use = usage::measure
                .eq_any(["succeeded", "failed", "verifications"])
                .or(usage::measure.like("rejected.%"));
            let wanted = usage::table.filter(meant!(filter)).filter(is_use);
            let ids: Vec<String> = match filter.by {
                UsageBy::Deployment => wanted
                    .filter(usage::key_id.eq(""))
                    .group_by(usage::deployment_id)
                    .order((uses(), usage::deployment_id))
                    .limit(limit.into())
                    .select(usage::deployment_id)
                    .load(conn)?,
                UsageBy::Key => wanted
                    .filter(usage::key_id.ne(""))
                    .group_by(usage::key_id)
                    .order((uses(), usage::key_id))
                    .limit(limit.into())
                    .select(usage::key_id)
                    .load(conn)?,
            };
            ids.iter().map(|id| read_column(id)).collect()
        })
    }

    fn find_usage_names(
        &self,
        organization: OrganizationId,
        by: UsageBy,
        of: &[Uuid],
    ) -> Result<Vec<(Uuid, String)>, StoreError> {
        self.read("looking up what usage is of", |conn| {
            let ids: Vec<String> = of.iter().map(Uuid::to_string).collect();
            if by == UsageBy::Deployment {
                let names: Vec<(String, String)> = deployments::table
                    .filter(deployments::organization_id.eq(codec::id(organization)))
                    .filter(deployments::id.eq_any(ids))
                    .select((deployments::id, deployments::api_name))
                    .load(conn)?;
                let read = |(id, name): (String, String)| Ok((codec::read_uuid(&id)?, name));
                return names.into_iter().map(read).collect();
            }
            let names: Vec<(String, Option<String>, String, Option<i16>)> = keys::table
                .filter(keys::organization_id.eq(codec::id(organization)))
                .filter(keys::id.eq_any(ids))
                .select((keys::id, keys::name, keys::description, keys::slot))
                .load(conn)?;
            let read =
                |(id, name, description, slot): (String, Option<String>, String, Option<i16>)| {
                    let of_slot = slot.map(|slot| format!("Key #{slot}"));
                    Ok((codec::read_uuid(&id)?, name.or(of_slot).unwrap_or(description)))
                };
            names.into_iter().map(read).collect()
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

/// What belongs to no deployment has an empty one.
fn column(of: UsageOf) -> String {
    of.map(|id| id.to_string()).unwrap_or_default()
}

fn read_column(of: &str) -> QueryResult<UsageOf> {
    if of.is_empty() { Ok(None) } else { codec::read_uuid(of).map(Some) }
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
