//! Rows of a PostgreSQL, read through a cursor in a transaction that cannot write; and outcomes
//! written as rows. We resolve the name and connect ourselves; Keywright's own database is refused,
//! by its address and by what it holds.

mod connection;

use std::{collections::BTreeMap, pin::Pin};

use async_trait::async_trait;
use deployments_domain::Destination;
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio_postgres::{Error, RowStream, types::ToSql};

pub(super) use self::connection::{Connected, connect};
use self::connection::{told, within_time};
use super::{EndError, MAX_RECORD_BYTES, Mark, Outcome, OutcomeSink, Record, RecordSource, encode};

/// Rows that are asked for at once. They are taken in one by one.
const FETCH: &str = "FETCH FORWARD 200 FROM keywright_records";
const FETCHED: usize = 200;

/// The rows of a query.
pub(super) struct PostgresSource {
    connection: Connected,
    rows: Option<Pin<Box<RowStream>>>,
    in_fetch: usize,
    index: u64,
}

impl PostgresSource {
    pub(super) async fn open(
        connection: Connected,
        query: &str,
        after: Option<Mark>,
    ) -> Result<Self, EndError> {
        let query = query.trim().trim_end_matches(';');
        // A row that is too large is never sent. Declared by itself: a statement that brings another
        // one along, say an end of the transaction, is refused by the protocol.
        let declared = format!(
            "DECLARE keywright_records NO SCROLL CURSOR FOR SELECT CASE WHEN octet_length(record) <= {MAX_RECORD_BYTES} THEN record END FROM (SELECT row_to_json(source)::text AS record FROM (\n{query}\n) AS source) AS records"
        );
        let begun = async {
            connection.client.batch_execute("BEGIN READ ONLY").await?;
            connection.client.execute(&declared, &[]).await?;
            Ok::<_, Error>(())
        };
        within_time(begun).await?.map_err(|error| told("the query failed", error))?;
        let done = after.map_or(0, |mark| mark.index);
        if done > 0 {
            let skip = format!("MOVE FORWARD {done} FROM keywright_records");
            within_time(connection.client.execute(&skip, &[]))
                .await?
                .map_err(|error| told("the query failed", error))?;
        }
        Ok(Self { connection, rows: None, in_fetch: FETCHED, index: done })
    }
}

#[async_trait]
impl RecordSource for PostgresSource {
    async fn next(&mut self) -> Result<Option<Record>, EndError> {
        let failed = |error| told("the query failed", error);
        loop {
            self.connection.allow_one_more();
            let Some(rows) = &mut self.rows else {
                if self.in_fetch < FETCHED {
                    return Ok(None);
                }
                let none: [&(dyn ToSql + Sync); 0] = [];
                let fetched = self.connection.client.query_raw(FETCH, none);
                self.rows = Some(Box::pin(within_time(fetched).await?.map_err(failed)?));
                self.in_fetch = 0;
                continue;
            };
            let Some(row) = within_time(rows.next()).await? else {
                self.rows = None;
                continue;
            };
            self.in_fetch += 1;
            self.index += 1;
            let text: Option<String> = row.map_err(failed)?.try_get(0).map_err(failed)?;
            let value = match text {
                None => Err(format!("is larger than {MAX_RECORD_BYTES} bytes")),
                Some(text) => {
                    serde_json::from_str(&text).map_err(|error| format!("is no JSON: {error}"))
                }
            };
            return Ok(Some(Record { mark: Mark { object: None, index: self.index }, value }));
        }
    }
}

/// A table.
pub(super) struct PostgresSink {
    connection: Connected,
    table: String,
    key: Option<String>,
    most: usize,
}

impl PostgresSink {
    pub(super) fn new(connection: Connected, table: &str, destination: &Destination) -> Self {
        let table = table.split('.').map(quoted).collect::<Vec<_>>().join(".");
        let most = usize::try_from(destination.batch).unwrap_or(1).max(1);
        Self { connection, table, key: destination.key.clone(), most }
    }

    /// One statement for all outcomes with the same members: others than those are left to the
    /// table's defaults.
    fn statement(&self, columns: &[&str]) -> String {
        let names = columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        let table = &self.table;
        let mut statement = format!(
            "INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, $1::text::json)"
        );
        if let Some(key) = &self.key {
            let others = columns.iter().filter(|name| **name != key);
            let set = others
                .map(|name| format!("{0} = EXCLUDED.{0}", quoted(name)))
                .collect::<Vec<_>>()
                .join(", ");
            let does = if set.is_empty() { "NOTHING".into() } else { format!("UPDATE SET {set}") };
            statement.push_str(&format!(" ON CONFLICT ({}) DO {does}", quoted(key)));
        }
        statement
    }

    async fn insert(
        &self,
        columns: &[&str],
        rows: &[&Value],
    ) -> Result<Result<(), Error>, EndError> {
        self.connection.allow_one_more();
        let statement = self.statement(columns);
        let rows = serde_json::to_string(rows).map_err(|error| EndError::new(error.to_string()))?;
        let done = within_time(self.connection.client.execute(&statement, &[&rows])).await?;
        Ok(done.map(drop))
    }

    /// All at once, or, where that is refused for what one of them holds, one by one.
    async fn write_alike(
        &self,
        outcomes: &[(usize, &Value)],
        reasons: &mut [Option<String>],
    ) -> Result<(), EndError> {
        let Some(members) = outcomes.first().and_then(|(_, first)| first.as_object()) else {
            return Ok(());
        };
        let columns: Vec<&str> = members.keys().map(String::as_str).collect();
        let rows: Vec<&Value> = self.last_of_each_key(outcomes);
        let Err(error) = self.insert(&columns, &rows).await? else { return Ok(()) };
        if error.as_db_error().is_none() {
            return Err(told("the destination failed", error));
        }
        for (at, row) in outcomes {
            let Err(error) = self.insert(&columns, &[row]).await? else { continue };
            let Some(refused) = error.as_db_error() else {
                return Err(told("the destination failed", error));
            };
            if let Some(reason) = reasons.get_mut(*at) {
                *reason = Some(format!("the destination refused it: {}", refused.message()));
            }
        }
        Ok(())
    }

    /// One statement cannot write a row twice; the later would replace the earlier anyway.
    fn last_of_each_key<'a>(&self, outcomes: &[(usize, &'a Value)]) -> Vec<&'a Value> {
        let Some(key) = &self.key else { return outcomes.iter().map(|(_, row)| *row).collect() };
        let mut last = BTreeMap::new();
        for (at, row) in outcomes {
            last.insert(row.get(key).map(Value::to_string), (*at, *row));
        }
        let mut rows: Vec<_> = last.into_values().collect();
        rows.sort_by_key(|(at, _)| *at);
        rows.into_iter().map(|(_, row)| row).collect()
    }

    fn check(&self, value: &Value) -> Option<String> {
        let Some(members) = value.as_object().filter(|members| !members.is_empty()) else {
            return Some("the outcome is no object with columns".into());
        };
        if members.keys().any(|name| name.contains('\0')) {
            return Some("the outcome has a member that can be no column".into());
        }
        self.key.as_ref().and_then(|key| encode::key(value, key).err())
    }
}

#[async_trait]
impl OutcomeSink for PostgresSink {
    fn most(&self) -> usize {
        self.most
    }

    fn gathers(&self) -> bool {
        false
    }

    async fn begin_anew(&mut self) -> Result<(), EndError> {
        Ok(())
    }

    async fn write(&mut self, outcomes: Vec<Outcome>) -> Result<Vec<Option<String>>, EndError> {
        let mut reasons: Vec<Option<String>> =
            outcomes.iter().map(|outcome| self.check(&outcome.value)).collect();
        let mut alike: BTreeMap<Vec<&String>, Vec<(usize, &Value)>> = BTreeMap::new();
        for (at, outcome) in outcomes.iter().enumerate() {
            let is_good = reasons.get(at).is_some_and(Option::is_none);
            if let Some(members) = outcome.value.as_object().filter(|_| is_good) {
                alike.entry(members.keys().collect()).or_default().push((at, &outcome.value));
            }
        }
        for outcomes in alike.into_values() {
            self.write_alike(&outcomes, &mut reasons).await?;
        }
        Ok(reasons)
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
