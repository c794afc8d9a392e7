//! Which organizations have runs that wait, and since when. The databases' planners are led past everything that grows: what
//! waits of one organization, and what it has had carried out.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};

use super::super::Conn;

/// A run that nobody has and that is not finished: what the index `executions_waiting` holds.
pub(super) const WAITS: &str = "lease_expires_at IS NULL AND finished_at IS NULL";

/// The runs of one organization that wait.
#[derive(QueryableByName)]
pub(super) struct WaitingLine {
    #[diesel(sql_type = Text)]
    pub(super) organization_id: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) waiting_since: Option<i64>,
    /// How many of its runs are in somebody's hands.
    #[diesel(sql_type = BigInt)]
    pub(super) in_hand: i64,
}

/// All of them. Leaps from one organization to the next, so that a hundred thousand of one cost no more than one of it.
///
/// What is in somebody's hands is counted by the index of leases, which is as short as there are workers: grouped by an
/// expression, since by the column itself `SQLite` would go through all runs that there ever were, in their order.
pub(super) fn load(conn: &mut Conn) -> QueryResult<Vec<WaitingLine>> {
    diesel::sql_query(format!(
        "WITH RECURSIVE lines (id) AS (
            SELECT min(organization_id) FROM executions WHERE {WAITS}
            UNION ALL
            SELECT (SELECT min(organization_id) FROM executions WHERE {WAITS} AND organization_id > lines.id)
                FROM lines WHERE lines.id IS NOT NULL
        ),
        held (id, in_hand) AS (
            SELECT organization_id || '', count(*) FROM executions WHERE lease_expires_at IS NOT NULL
                GROUP BY organization_id || ''
        )
        SELECT lines.id AS organization_id,
            (SELECT min(created_at) FROM executions WHERE {WAITS} AND organization_id = lines.id) AS waiting_since,
            coalesce(held.in_hand, 0) AS in_hand
        FROM lines LEFT JOIN held ON held.id = lines.id WHERE lines.id IS NOT NULL"
    ))
    .load(conn)
}
