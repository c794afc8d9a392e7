//! What of finished runs has been kept for long enough. How long, an organization says for itself, or else whoever asks.

use deployments_domain::Retention;
use diesel::{
    dsl::not,
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use keys_core::Timestamp;

use super::super::Conn;
use crate::{codec, schema::executions};

/// So many organizations are served at once; the others are with the next portion.
const MOST_ORGANIZATIONS: usize = 100;
const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Runs whose payload is to go.
    Payload,
    /// Runs without one, which are to go altogether.
    Record,
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = BigInt)]
    ended_before: i64,
}

/// The ids of up to `limit` runs, each of which no other caller has.
pub(super) fn due(
    conn: &mut Conn,
    what: Due,
    now: Timestamp,
    kept: Retention,
    limit: u32,
) -> QueryResult<Vec<String>> {
    let mut found = Vec::new();
    for DueRow { id, ended_before } in organizations(conn, what, now, kept)? {
        let room = i64::from(limit) - i64::try_from(found.len()).unwrap_or(i64::MAX);
        if room <= 0 {
            break;
        }
        let ended = executions::table
            .filter(executions::organization_id.eq(&id))
            .filter(executions::finished_at.lt(ended_before))
            .order(executions::finished_at)
            .limit(room)
            .select(executions::id);
        let old: Vec<String> = match what {
            Due::Payload => claimable!(ended.filter(executions::has_payload)).load(conn)?,
            Due::Record => claimable!(ended.filter(not(executions::has_payload))).load(conn)?,
        };
        found.extend(old);
    }
    Ok(found)
}

/// The organizations that have something due, and before when it must have ended. One look into an index for each that there
/// is.
fn organizations(
    conn: &mut Conn,
    what: Due,
    now: Timestamp,
    kept: Retention,
) -> QueryResult<Vec<DueRow>> {
    let micros =
        |kept: std::time::Duration| i64::try_from(kept.as_micros()).unwrap_or(i64::MAX / 4);
    let now = codec::micros(now);
    let results = format!("coalesce(result_hours * {HOUR}, {})", micros(kept.results));
    let records = format!("coalesce(record_days * {DAY}, {})", micros(kept.records));
    // A payload never outlives its record.
    let (age, which) = match what {
        Due::Payload => {
            let first =
                format!("CASE WHEN {results} < {records} THEN {results} ELSE {records} END");
            (first, "executions.has_payload")
        }
        Due::Record => (records, "NOT executions.has_payload"),
    };
    sql_query(format!(
        "SELECT organizations.id AS id, {now} - ({age}) AS ended_before FROM organizations
            WHERE EXISTS (SELECT 1 FROM executions WHERE executions.organization_id = organizations.id
                AND {which} AND executions.finished_at < {now} - ({age}))
            LIMIT {MOST_ORGANIZATIONS}"
    ))
    .load(conn)
}
