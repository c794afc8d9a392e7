//! SQLite: what is said and done differently on it. One connection writes, by group commit; several read meanwhile.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use access_domain::{ChangeError, KeyChanges, StoreError, Topic};
use diesel::{
    Connection, QueryResult, SqliteConnection,
    connection::SimpleConnection,
    r2d2::{ConnectionManager, CustomizeConnection, Pool},
    result::{DatabaseErrorKind, Error},
    sqlite::Sqlite,
};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use crate::{
    Listener, OpenError, Options,
    error::{Stop, change_error, never_refused, store_error, unavailable},
    group_commit::GroupCommit,
    measured::{ExecutionMetrics, PoolMetrics},
};

pub(crate) type Backend = Sqlite;
pub(crate) type Conn = SqliteConnection;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// The database's clock; it has milliseconds.
const NOW_MICROS: &str = "CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER)";

/// Where the next look for changes of keys begins.
const NEXT_MARK: &str = "coalesce((SELECT max(changed_in) FROM organizations), 0) + 1";

const NO_LATER_CHANGE: &str = "TRUE";

/// A file that takes the place of another is opened anew.
const PAST: &str = "0";

/// Rows that others delete at the same time: there is one writer at a time.
const SKIP_LOCKED: &str = "";

const HAS_MIGRATIONS_TABLE: &str =
    "EXISTS (SELECT 1 FROM sqlite_master WHERE name = '__diesel_schema_migrations')";

/// After `busy_timeout`, since the change to WAL can meet a lock itself. `synchronous` is FULL because accepted means on disk.
const SET_UP: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; \
    PRAGMA journal_size_limit = 67108864;";

/// A row that is read in order to be written: nobody else writes meanwhile.
macro_rules! locked {
    ($query:expr) => {
        $query
    };
}

/// Rows that nobody deletes until the end of this transaction: there is one writer.
macro_rules! kept {
    ($query:expr) => {
        $query
    };
}

/// Rows of which each caller takes different ones: there is one caller at a time.
macro_rules! claimable {
    ($query:expr) => {
        $query
    };
}

#[expect(
    clippy::duplicate_mod,
    reason = "each query is written once and compiled for each backend"
)]
#[path = "queries/mod.rs"]
mod queries;

pub(crate) struct Store {
    writer: GroupCommit,
    readers: Pool<ConnectionManager<Conn>>,
    pool: PoolMetrics,
    executions: ExecutionMetrics,
    changes: Arc<dyn KeyChanges>,
}

impl Store {
    pub(crate) fn open(
        path: &Path,
        options: &Options,
        changes: Arc<dyn KeyChanges>,
    ) -> Result<Self, OpenError> {
        let file =
            create_file(path).map_err(|source| OpenError::File { path: path.into(), source })?;
        let patience = options.connection_timeout;
        connect(&file, patience)
            .map_err(|error| OpenError::Unavailable { source: error.into() })?;
        let readers = Pool::builder()
            .max_size(options.max_connections.max(1))
            .min_idle(Some(1))
            .connection_timeout(options.connection_timeout)
            .test_on_check_out(false)
            .connection_customizer(Box::new(Reader { patience }))
            .build_unchecked(ConnectionManager::new(file.to_string_lossy()));
        let writer = GroupCommit::new(move || connect(&file, patience));
        let (pool, executions) = Default::default();
        Ok(Self { writer, readers, pool, executions, changes })
    }

    fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Conn) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        let conn = self.pool.checkout(&self.readers);
        let mut conn = conn.map_err(|error| unavailable(doing, error))?;
        work(&mut conn).map_err(|error| store_error(doing, error, is_away))
    }

    fn change<T, R: std::error::Error>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Conn) -> Result<T, Stop<R>>,
    ) -> Result<T, ChangeError<R>> {
        self.writer.write(work).map_err(|stop| change_error(doing, stop, is_away))
    }

    fn ring_others(&self, _: Topic) -> Result<(), StoreError> {
        Ok(())
    }

    fn listen_to_others(&self) -> Result<Option<Box<dyn Listener>>, StoreError> {
        Ok(None)
    }

    fn observe_pool(&self) {
        self.pool.observe(&self.readers);
    }

    /// The write lock is enough: of several processes that migrate at once, one writes.
    fn migrating<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Conn) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        self.change(doing, |conn| work(conn).map_err(Stop::Failed)).map_err(never_refused)
    }
}

/// The absolute path of the file, which is there afterwards and, if it is new, its owner's alone.
fn create_file(path: &Path) -> std::io::Result<PathBuf> {
    let file = std::path::absolute(path)?;
    let (mut directory, mut new_file) = (fs::DirBuilder::new(), fs::OpenOptions::new());
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        directory.mode(0o700);
        new_file.mode(0o600);
    }
    if let Some(parent) = file.parent() {
        directory.recursive(true).create(parent)?;
    }
    match new_file.write(true).create_new(true).open(&file) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(file),
    }
}

fn connect(file: &Path, patience: Duration) -> QueryResult<Conn> {
    let failed = |error: diesel::ConnectionError| {
        Error::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(error.to_string()))
    };
    let mut conn = Conn::establish(&file.to_string_lossy()).map_err(failed)?;
    set_up(&mut conn, patience)?;
    Ok(conn)
}

fn set_up(conn: &mut Conn, patience: Duration) -> QueryResult<()> {
    conn.batch_execute(&format!("PRAGMA busy_timeout = {}", patience.as_millis()))?;
    conn.batch_execute(SET_UP)?;
    // That of SQLite itself knows ASCII alone.
    crate::search::lower_utils::register_impl(conn, |text: String| text.to_lowercase())
}

#[derive(Debug)]
struct Reader {
    patience: Duration,
}

impl CustomizeConnection<Conn, diesel::r2d2::Error> for Reader {
    fn on_acquire(&self, conn: &mut Conn) -> Result<(), diesel::r2d2::Error> {
        set_up(conn, self.patience)
            .and_then(|()| conn.batch_execute("PRAGMA query_only = ON"))
            .map_err(diesel::r2d2::Error::QueryError)
    }
}

/// SQLite tells only the columns of a violated key: `UNIQUE constraint failed: t.a, t.b` is PostgreSQL's `t_a_b_key`.
fn violated_unique(error: &Error) -> Option<String> {
    let Error::DatabaseError(DatabaseErrorKind::UniqueViolation, told) = error else { return None };
    let columns = told.message().strip_prefix("UNIQUE constraint failed: ")?;
    let (table, _) = columns.split_once('.')?;
    let names: Vec<&str> = columns
        .split(", ")
        .filter_map(|column| column.split_once('.'))
        .map(|(_, name)| name)
        .collect();
    Some(format!("{table}_{}_key", names.join("_")))
}

/// SQLite's texts for its result codes that may pass: `sqlite3_errstr` of BUSY, LOCKED, IOERR, FULL, CANTOPEN, NOMEM.
fn is_away(message: &str) -> bool {
    [
        "database is locked",
        "database table is locked",
        "disk I/O error",
        "database or disk is full",
        "unable to open database file",
        "out of memory",
    ]
    .iter()
    .any(|text| message.starts_with(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violated_key_is_called_as_postgresql_calls_it() {
        let name = |message: &str| {
            let told = Box::new(message.to_owned());
            violated_unique(&Error::DatabaseError(DatabaseErrorKind::UniqueViolation, told))
        };
        assert_eq!(name("UNIQUE constraint failed: keys.name").as_deref(), Some("keys_name_key"));
        let two = name("UNIQUE constraint failed: keys.organization_id, keys.slot");
        assert_eq!(two.as_deref(), Some("keys_organization_id_slot_key"));
        assert_eq!(name("something else"), None);
        assert_eq!(violated_unique(&Error::NotFound), None);
    }

    #[test]
    fn a_new_file_is_its_owners_alone_and_an_old_one_is_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/keywright.db");
        let file = create_file(&path).unwrap();
        fs::write(&file, "x").unwrap();
        assert_eq!(create_file(&path).unwrap(), file);
        assert_eq!(fs::read_to_string(&file).unwrap(), "x");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        }
    }
}
