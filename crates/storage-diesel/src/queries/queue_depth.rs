//! How much waits to be carried out. Asked again and again by whoever watches a server, so it must
//! stay cheap however much waits: by the indexes of what waits and of what is held, and no further
//! into them than the bound.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable},
};

use super::super::Conn;
use crate::{QueueDepth, codec};

const WAITING: &str = "FROM executions WHERE lease_expires_at IS NULL AND finished_at IS NULL";
const HELD: &str = "FROM executions WHERE lease_expires_at IS NOT NULL";

#[derive(QueryableByName)]
struct DepthRow {
    #[diesel(sql_type = BigInt)]
    pending: i64,
    #[diesel(sql_type = BigInt)]
    executing: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    oldest_pending: Option<i64>,
}

pub(super) fn load(conn: &mut Conn) -> QueryResult<QueueDepth> {
    let most = QueueDepth::MOST;
    let row: DepthRow = diesel::sql_query(format!(
        "SELECT (SELECT count(*) FROM (SELECT 1 {WAITING} LIMIT {most}) AS waiting) AS pending, \
         (SELECT count(*) FROM (SELECT 1 {HELD} LIMIT {most}) AS held) AS executing, \
         (SELECT created_at {WAITING} ORDER BY created_at, id LIMIT 1) AS oldest_pending"
    ))
    .get_result(conn)?;
    let counted = |rows: i64| u32::try_from(rows).unwrap_or(QueueDepth::MOST);
    Ok(QueueDepth {
        pending: counted(row.pending),
        executing: counted(row.executing),
        oldest_pending: row.oldest_pending.map(codec::read_micros).transpose()?,
    })
}
