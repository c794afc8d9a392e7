//! Databases that a test has for itself and that vanish with it. Knows what their addresses look like, and no table.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use access_domain::KeyChanges;
use diesel::{
    Connection, PgConnection, QueryResult, RunQueryDsl as _, SqliteConnection,
    connection::SimpleConnection, sql_query,
};
use storage_diesel::{Options, Storage};
use tempfile::TempDir;

/// The variable that names a PostgreSQL for tests.
pub const POSTGRES_URL: &str = "KEYWRIGHT_TEST_POSTGRES_URL";

/// An empty database.
#[derive(Debug)]
pub struct Database {
    url: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Deleted when this is dropped.
    Directory { _directory: TempDir },
    /// In the database behind `url`. Not a database of its own: making one takes a quarter of a second.
    Schema { url: String, name: String },
}

impl Database {
    /// A file in a new directory.
    pub fn sqlite() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let url = format!("sqlite://{}", directory.path().join("keywright.db").display());
        Self { url, place: Place::Directory { _directory: directory } }
    }

    /// A new schema in the PostgreSQL for tests. Without one the test fails: what is skipped is soon broken.
    pub fn postgres() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let server = std::env::var(POSTGRES_URL).unwrap_or_else(|_| {
            panic!(
                "{POSTGRES_URL} is not set: run the tests by `.ci/test`, which brings a PostgreSQL"
            )
        });
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{count}", std::process::id());
        execute(&server, &format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}"));
        let separator = if server.contains('?') { '&' } else { '?' };
        // Under this name its connections are found again.
        let url =
            format!("{server}{separator}application_name={name}&options=-csearch_path%3D{name}");
        Self { url, place: Place::Schema { url: server, name } }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Opens it and gives it its tables, for somebody who remembers no keys.
    pub fn open(&self) -> Arc<dyn Storage> {
        self.open_telling(Arc::new(()))
    }

    /// Opens it and gives it its tables. Callers wait long for a connection: test machines are slow.
    pub fn open_telling(&self, changes: Arc<dyn KeyChanges>) -> Arc<dyn Storage> {
        let options = Options { connection_timeout: Duration::from_secs(30), ..Options::default() };
        let store =
            storage_diesel::open(&self.url, &options, changes).expect("the test's database opens");
        store.migrate().expect("the test's database is migrated");
        store
    }
}

impl Database {
    /// All that stands in it, what was deleted and is still there included.
    pub fn written(&self) -> Vec<u8> {
        written(&self.url)
    }

    /// Runs a statement past every store: for what no use case does yet.
    pub fn execute(&self, sql: &str) {
        match self.url.strip_prefix("sqlite://") {
            Some(path) => {
                let mut connection =
                    SqliteConnection::establish(path).expect("the test's database opens");
                connection.batch_execute(sql).expect("the test's database obeys");
            }
            None => execute(&self.url, sql),
        }
    }
}

/// One column of text.
#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

impl Database {
    /// Every row of every table, but for when a key was last used, which may be noted at any time.
    pub fn contents(&self) -> Vec<String> {
        let tables = match self.place {
            Place::Directory { .. } => {
                "SELECT name AS line FROM sqlite_master WHERE type = 'table' ORDER BY 1"
            }
            Place::Schema { .. } => {
                "SELECT tablename::text AS line FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
            }
        };
        let rows = |table: String| {
            let rows = match self.place {
                Place::Directory { .. } => self.lines(&self.select_on_sqlite(&table)),
                Place::Schema { .. } => self.lines(&format!(
                    "SELECT (to_jsonb(t) - 'last_used_at')::text AS line FROM {table} t ORDER BY 1"
                )),
            };
            rows.into_iter().map(move |row| format!("{table}: {row}"))
        };
        self.lines(tables).into_iter().flat_map(rows).collect()
    }

    fn select_on_sqlite(&self, table: &str) -> String {
        let columns = self.lines(&format!(
            "SELECT 'quote(' || name || ')' AS line FROM pragma_table_info('{table}') WHERE name <> 'last_used_at'"
        ));
        format!("SELECT {} AS line FROM {table} ORDER BY 1", columns.join(" || ',' || "))
    }

    fn lines(&self, sql: &str) -> Vec<String> {
        let rows: Vec<Line> = match self.url.strip_prefix("sqlite://") {
            Some(path) => {
                let mut connection =
                    SqliteConnection::establish(path).expect("the test's database opens");
                sql_query(sql).load(&mut connection).expect("rows")
            }
            None => {
                let mut connection =
                    PgConnection::establish(&self.url).expect("the test's database opens");
                sql_query(sql).load(&mut connection).expect("rows")
            }
        };
        rows.into_iter().map(|row| row.line).collect()
    }
}

/// All that stands in the database at `url`: the bytes of its files, or every row as text. Nothing of one that is gone.
pub fn written(url: &str) -> Vec<u8> {
    let Some(path) = url.strip_prefix("sqlite://") else { return rows(url).into_bytes() };
    let files = ["", "-wal"].map(|suffix| std::fs::read(format!("{path}{suffix}")));
    files.into_iter().flat_map(Result::unwrap_or_default).collect()
}

fn rows(url: &str) -> String {
    let mut connection = PgConnection::establish(url).expect("the PostgreSQL for tests answers");
    let mut lines = |sql: &str| {
        let lines = sql_query(sql).load::<Line>(&mut connection);
        lines.expect("the PostgreSQL for tests obeys").into_iter().map(|row| row.line)
    };
    let all = lines(
        "SELECT format('SELECT t::text AS line FROM %I t', tablename) AS line
         FROM pg_tables WHERE schemaname = current_schema()",
    );
    let all: Vec<String> = all.collect();
    if all.is_empty() {
        return String::new();
    }
    lines(&all.join(" UNION ALL ")).collect::<Vec<_>>().join("\n")
}

impl Drop for Database {
    fn drop(&mut self) {
        match &self.place {
            Place::Directory { .. } => {}
            Place::Schema { url, name } => {
                // Whoever still ends its work may hold a table that this waits for, and wait for one that this holds.
                let drop = format!(
                    "SET client_min_messages = warning;
                     SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}';
                     DROP SCHEMA {name} CASCADE"
                );
                let is_gone = (1..5).any(|_| try_to_execute(url, &drop).is_ok());
                if !is_gone {
                    execute(url, &drop);
                }
            }
        }
    }
}

fn execute(url: &str, sql: &str) {
    try_to_execute(url, sql).expect("the PostgreSQL for tests obeys");
}

fn try_to_execute(url: &str, sql: &str) -> QueryResult<()> {
    let mut connection = PgConnection::establish(url).expect("the PostgreSQL for tests answers");
    connection.batch_execute(sql)
}
