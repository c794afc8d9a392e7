//! Which runs a worker gets: those whose lease ran out, and then those that wait, by turns of their organizations.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

use deployments_domain::Status;
use diesel::{
    dsl::case_when,
    prelude::*,
    sql_types::{BigInt, Nullable},
    update,
};
use keys_core::Timestamp;

use super::{
    super::Conn,
    lease::NowAnd,
    waiting_lines::{self, WaitingLine},
};
use crate::{
    codec,
    rows::ClaimedRow,
    schema::{executions, workflow_versions},
};

/// Runs whose lease ran out come first: they were accepted before those that still wait.
pub(super) fn claim(
    conn: &mut Conn,
    limit: i64,
    lease: Duration,
    at: Timestamp,
) -> QueryResult<Vec<ClaimedRow>> {
    let mut ids: Vec<String> = claimable!(
        executions::table
            .filter(executions::lease_expires_at.le(NowAnd::nothing()))
            .order((executions::created_at, executions::id))
            .limit(limit)
            .select(executions::id)
    )
    .load(conn)?;
    let room = usize::try_from(limit).unwrap_or_default().saturating_sub(ids.len());
    let waiting = waiting_in_turns(conn, room)?;
    ids.extend(waiting);
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let at = Some(codec::micros(at)).into_sql::<Nullable<BigInt>>();
    let first_started =
        case_when(executions::started_at.is_null(), at).otherwise(executions::started_at);
    let lost = case_when(executions::lease_expires_at.is_not_null(), executions::lost + 1)
        .otherwise(executions::lost);
    update(executions::table.filter(executions::id.eq_any(&ids)))
        .set((
            executions::status.eq(Status::Executing.as_str()),
            executions::attempt.eq(executions::attempt + 1),
            executions::lost.eq(lost),
            executions::lease_expires_at.eq(NowAnd::lease(lease)),
            executions::started_at.eq(first_started),
        ))
        .execute(conn)?;
    executions::table
        .inner_join(workflow_versions::table)
        .filter(executions::id.eq_any(&ids))
        .order((executions::created_at, executions::id))
        .select(ClaimedRow::as_select())
        .load(conn)
}

/// Up to `room` runs that wait, by turns of their organizations.
fn waiting_in_turns(conn: &mut Conn, room: usize) -> QueryResult<Vec<String>> {
    let mut taken = Vec::new();
    if room == 0 {
        return Ok(taken);
    }
    let mut lines = waiting_lines::load(conn)?;
    while taken.len() < room && !lines.is_empty() {
        let turns = take_turns(&lines, room - taken.len());
        lines.retain(|line| turns.contains_key(&line.organization_id));
        for (organization, turns) in turns {
            let found: Vec<String> = claimable!(
                executions::table
                    .filter(executions::organization_id.eq(&organization))
                    .filter(executions::lease_expires_at.is_null())
                    .filter(executions::finished_at.is_null())
                    .filter(executions::id.ne_all(&taken))
                    .order((executions::created_at, executions::id))
                    .limit(turns)
                    .select(executions::id)
            )
            .load(conn)?;
            let found_all = i64::try_from(found.len()).is_ok_and(|found| found == turns);
            for line in lines.iter_mut().filter(|line| line.organization_id == organization) {
                line.in_hand += turns;
            }
            // Whoever had fewer has no more.
            lines.retain(|line| found_all || line.organization_id != organization);
            taken.extend(found);
        }
    }
    Ok(taken)
}

/// How many of `room` places each organization gets: one after the other to whoever has fewest in
/// hand, and among those to whoever has waited longest.
fn take_turns(lines: &[WaitingLine], room: usize) -> BTreeMap<String, i64> {
    let mut queue: BinaryHeap<_> = lines
        .iter()
        .map(|line| Reverse((line.in_hand, line.waiting_since, &line.organization_id)))
        .collect();
    let mut turns = BTreeMap::new();
    for _ in 0..room {
        let Some(Reverse((in_hand, since, organization))) = queue.pop() else { break };
        *turns.entry(organization.clone()).or_default() += 1;
        queue.push(Reverse((in_hand + 1, since, organization)));
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(organization: &str, waiting_since: i64, in_hand: i64) -> WaitingLine {
        WaitingLine {
            organization_id: organization.into(),
            waiting_since: Some(waiting_since),
            in_hand,
        }
    }

    #[test]
    fn whoever_has_fewest_in_hand_comes_first_and_among_those_who_has_waited_longest() {
        let lines = [line("busy", 1, 3), line("late", 9, 0), line("early", 5, 0)];
        let turns = |room| take_turns(&lines, room).into_iter().collect::<Vec<_>>();
        assert_eq!(turns(1), [("early".to_owned(), 1)]);
        assert_eq!(turns(2), [("early".to_owned(), 1), ("late".to_owned(), 1)]);
        assert_eq!(
            turns(7),
            [("busy".to_owned(), 1), ("early".to_owned(), 3), ("late".to_owned(), 3)]
        );
        assert!(take_turns(&[], 3).is_empty());
    }
}
