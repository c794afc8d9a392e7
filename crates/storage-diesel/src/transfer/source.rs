//! The SQLite database that is moved: read, never written.

use std::{collections::BTreeSet, time::Duration};

use diesel::{
    Connection, QueryableByName, RunQueryDsl as _, SqliteConnection,
    connection::{DefaultLoadingMode, SimpleConnection},
    result::{DatabaseErrorKind, Error},
    sql_query,
    sql_types::{BigInt, Text},
};

use super::{COLUMNS_LEFT_OUT, Rows, TransferError, failed, target::Table, value::Row};

/// How long it waits for others to end what they are writing.
const PATIENCE: Duration = Duration::from_secs(2);

/// Held by the lock of those who write: nobody else changes anything until this is dropped.
pub(super) struct Source {
    connection: SqliteConnection,
}

impl Source {
    pub(super) fn hold(path: &str) -> Result<Self, TransferError> {
        let mut connection = SqliteConnection::establish(path).map_err(|error| {
            let told = Box::new(error.to_string());
            failed(
                "opening the source".into(),
                Error::DatabaseError(DatabaseErrorKind::Unknown, told),
            )
        })?;
        let begin = format!("PRAGMA busy_timeout = {}; BEGIN IMMEDIATE", PATIENCE.as_millis());
        connection.batch_execute(&begin).map_err(|source| TransferError::SourceInUse { source })?;
        Ok(Self { connection })
    }

    /// The table has the same columns here: `SQLite` reads the name of a column that is missing as a text.
    pub(super) fn check_alike(&mut self, table: &Table) -> Result<(), TransferError> {
        let sql = format!("SELECT name FROM pragma_table_info('{}')", table.name);
        let columns: Vec<Name> = self.load(&sql)?;
        let columns = columns.iter().map(|column| column.name.as_str());
        let found: BTreeSet<&str> =
            columns.filter(|column| !COLUMNS_LEFT_OUT.contains(&(&table.name, column))).collect();
        let expected = table.columns.iter().map(|column| column.name.as_str()).collect();
        if found == expected { Ok(()) } else { Err(TransferError::Unlike(table.name.clone())) }
    }

    pub(super) fn count(&mut self, table: &Table) -> Result<u64, TransferError> {
        let counted: Vec<Count> =
            self.load(&format!("SELECT count(*) AS number FROM \"{}\"", table.name))?;
        Ok(counted.first().map(|count| count.number.unsigned_abs()).unwrap_or_default())
    }

    /// All rows, in the order of their keys.
    pub(super) fn rows(&mut self, table: &Table) -> Result<Rows<'_>, TransferError> {
        let sql = format!(
            "SELECT {} FROM \"{}\" ORDER BY {}",
            table.listed(|column| format!("\"{}\"", column.name)),
            table.name,
            table.keyed(|column| format!("\"{}\"", column.name)),
        );
        let rows = sql_query(sql).load_iter::<Row, DefaultLoadingMode>(&mut self.connection);
        let rows = rows.map_err(|error| failed(format!("reading {}", table.name), error))?;
        Ok(Box::new(rows))
    }

    fn load<T: QueryableByName<diesel::sqlite::Sqlite> + 'static>(
        &mut self,
        sql: &str,
    ) -> Result<Vec<T>, TransferError> {
        let loaded = sql_query(sql).load(&mut self.connection);
        loaded.map_err(|error| failed("reading the source".into(), error))
    }
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    number: i64,
}
