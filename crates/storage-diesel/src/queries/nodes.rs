//! What servers over one database hear of each other.

use access_domain::{KeyMark, Node, NodeId, NodeNews, NodeStore, Roll, StoreError};
use diesel::{
    delete, insert_into,
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
    update,
    upsert::excluded,
};

use super::{
    super::{NEXT_MARK, NO_LATER_CHANGE, PAST, Store},
    lease::NowAnd,
};
use crate::{
    codec,
    schema::{nodes, roll_calls},
};

/// Whoever missed more organizations forgets everything.
const MOST_TOLD: usize = 1000;

const THE_ONE: i16 = 1;

/// What stands in each row is of the one look; without a change there is one row, with no organization.
#[derive(QueryableByName)]
struct NewsRow {
    #[diesel(sql_type = BigInt)]
    past: i64,
    #[diesel(sql_type = BigInt)]
    mark: i64,
    #[diesel(sql_type = BigInt)]
    roll_call: i64,
    #[diesel(sql_type = Nullable<Text>)]
    id: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    number: Option<i64>,
}

impl NodeStore for Store {
    fn node_news(&self, since: Option<KeyMark>) -> Result<NodeNews, StoreError> {
        self.read("hearing of other servers' changes", |conn| {
            // One statement, and so one instant for all of it.
            let from = since.map_or(i64::MAX, |mark| mark.next);
            let rows: Vec<NewsRow> = diesel::sql_query(format!(
                "SELECT {PAST} AS past, {NEXT_MARK} AS mark, roll_calls.number AS roll_call,
                    organizations.id, organizations.key_changes AS number
                FROM roll_calls LEFT JOIN organizations ON changed_in >= {from} AND {NO_LATER_CHANGE}
                WHERE roll_calls.id = {THE_ONE} LIMIT {}",
                MOST_TOLD + 1
            ))
            .load(conn)?;
            news(&rows, since)
        })
    }

    fn be_seen(&self, node: &Node, answered: u64) -> Result<(), StoreError> {
        self.save("telling that this server is there", |conn| {
            let gone = nodes::seen_at.nullable().lt(NowAnd::before(Node::GONE_AFTER));
            delete(nodes::table.filter(gone)).execute(conn)?;
            insert_into(nodes::table)
                .values((
                    nodes::id.eq(codec::id(node.id)),
                    nodes::name.eq(&node.name),
                    nodes::seen_at.eq(NowAnd::nothing().assume_not_null()),
                    nodes::answered.eq(i64::try_from(answered).unwrap_or(i64::MAX)),
                ))
                .on_conflict(nodes::id)
                .do_update()
                .set((
                    nodes::seen_at.eq(excluded(nodes::seen_at)),
                    nodes::answered.eq(excluded(nodes::answered)),
                ))
                .execute(conn)
                .map(drop)
        })
    }

    fn leave(&self, node: NodeId) -> Result<(), StoreError> {
        self.save("telling that this server is gone", |conn| {
            delete(nodes::table.find(codec::id(node))).execute(conn).map(drop)
        })
    }

    fn call_roll(&self) -> Result<u64, StoreError> {
        self.save("asking who has heard of a change", |conn| {
            let number: i64 = update(roll_calls::table.find(THE_ONE))
                .set(roll_calls::number.eq(roll_calls::number + 1))
                .returning(roll_calls::number)
                .get_result(conn)?;
            Ok(number.unsigned_abs())
        })
    }

    fn roll(&self, number: u64) -> Result<Roll, StoreError> {
        self.read("reading who has heard of a change", |conn| {
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            let alive: Vec<(String, i64)> = nodes::table
                .filter(nodes::seen_at.nullable().ge(NowAnd::before(Node::GONE_AFTER)))
                .order((nodes::name, nodes::id))
                .select((nodes::name, nodes::answered))
                .load(conn)?;
            let (answered, missing): (Vec<_>, Vec<_>) =
                alive.into_iter().partition(|(_, answered)| *answered >= number);
            let names =
                |nodes: Vec<(String, i64)>| nodes.into_iter().map(|(name, _)| name).collect();
            Ok(Roll { answered: names(answered), missing: names(missing) })
        })
    }
}

fn news(rows: &[NewsRow], since: Option<KeyMark>) -> QueryResult<NodeNews> {
    let first = rows.first().ok_or(diesel::NotFound)?;
    let mark = KeyMark { past: first.past, next: first.mark };
    let is_another_past = |since: KeyMark| since.past != mark.past || since.next > mark.next;
    let forgets_all = rows.len() > MOST_TOLD || since.is_some_and(is_another_past);
    let mut changed = Vec::new();
    for row in rows.iter().filter(|_| !forgets_all) {
        if let (Some(id), Some(number)) = (&row.id, row.number) {
            changed.push((codec::read_id(id)?, number.unsigned_abs()));
        }
    }
    Ok(NodeNews { mark, changed, forgets_all, roll_call: first.roll_call.unsigned_abs() })
}
