//! How much waits to be carried out. Asked again and again by whoever watches a server, so it must
//! stay cheap however much waits: by the indexes of what waits and of what is held, and no further
//! into them than the bound.

use diesel::{prelude::*, sql_types::BigInt};

use super::{
    super::Conn,
    waiting_lines::{self, WAITS},
};
use crate::{QueueDepth, codec};

const HELD: &str = "FROM executions WHERE lease_expires_at IS NOT NULL";

#[derive(QueryableByName)]
struct DepthRow {
    #[diesel(sql_type = BigInt)]
    pending: i64,
    #[diesel(sql_type = BigInt)]
    executing: i64,
}

pub(super) fn load(conn: &mut Conn) -> QueryResult<QueueDepth> {
    let most = QueueDepth::MOST;
    let row: DepthRow = diesel::sql_query(format!(
        "SELECT (SELECT count(*) FROM (SELECT 1 FROM executions WHERE {WAITS} LIMIT {most}) AS waiting) AS pending, \
         (SELECT count(*) FROM (SELECT 1 {HELD} LIMIT {most}) AS held) AS executing"
    ))
    .get_result(conn)?;
    // Line by line: in order of their ages, all that wait would have to be gone through.
    let oldest_pending =
        waiting_lines::load(conn)?.into_iter().filter_map(|line| line.waiting_since).min();
    let counted = |rows: i64| u32::try_from(rows).unwrap_or(QueueDepth::MOST);
    Ok(QueueDepth {
        pending: counted(row.pending),
        executing: counted(row.executing),
        oldest_pending: oldest_pending.map(codec::read_micros).transpose()?,
    })
}
