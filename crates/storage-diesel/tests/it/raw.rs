//! SQL as somebody else might send it, past the ports.

use diesel::{
    Connection, PgConnection, RunQueryDsl, SqliteConnection, connection::SimpleConnection,
    sql_query, sql_types::Text,
};
use test_support::databases::Database;

/// A connection to either database.
pub(crate) enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// One column of text.
#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Raw {
    pub(crate) fn to(database: &Database) -> Self {
        let Some(path) = database.url().strip_prefix("sqlite://") else {
            return Self::Postgres(PgConnection::establish(database.url()).unwrap());
        };
        let mut connection = SqliteConnection::establish(path).unwrap();
        connection.batch_execute("PRAGMA foreign_keys = ON").unwrap();
        Self::Sqlite(connection)
    }

    pub(crate) fn execute(&mut self, sql: &str) -> Result<(), diesel::result::Error> {
        match self {
            Self::Sqlite(connection) => connection.batch_execute(sql),
            Self::Postgres(connection) => connection.batch_execute(sql),
        }
    }

    /// The column `line` of a query.
    pub(crate) fn lines(&mut self, sql: &str) -> Vec<String> {
        let rows: Vec<Line> = match self {
            Self::Sqlite(connection) => sql_query(sql).load(connection).unwrap(),
            Self::Postgres(connection) => sql_query(sql).load(connection).unwrap(),
        };
        rows.into_iter().map(|row| row.line).collect()
    }
}
