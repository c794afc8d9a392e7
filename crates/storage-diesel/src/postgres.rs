//! PostgreSQL: what is said and done differently on it. Every transaction has a connection of a pool, under READ COMMITTED.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use access_domain::{ChangeError, KeyChanges, StoreError, Topic};
use diesel::{
    Connection, PgConnection, QueryResult,
    connection::SimpleConnection,
    pg::Pg,
    r2d2::{ConnectionManager, CustomizeConnection, Pool, PooledConnection},
    result::{DatabaseErrorKind, Error},
};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use crate::{
    Listener, OpenError, Options,
    away::Away,
    error::{Stop, change_error, store_error, unavailable},
    measured::{CommitMetrics, ExecutionMetrics, PoolMetrics},
    postgres_url::PostgresUrl,
};

pub(crate) type Backend = Pg;
pub(crate) type Conn = PgConnection;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// The database's clock. Not `clock_timestamp()`: it changes from row to row, so that no index could be used.
const NOW_MICROS: &str = "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint";

/// Where the next look for changes of keys begins: at the oldest transaction that may still commit.
const NEXT_MARK: &str = "txid_snapshot_xmin(txid_current_snapshot())";

/// What is noted from another cluster, whose dump was read in here, may not have come yet.
const NO_LATER_CHANGE: &str = "changed_in < txid_snapshot_xmax(txid_current_snapshot())";

/// Another server, or the same one after a restart, counts transactions anew.
const PAST: &str = "(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint";

/// Rows that others delete at the same time are theirs.
const SKIP_LOCKED: &str = "FOR UPDATE SKIP LOCKED";

const HAS_MIGRATIONS_TABLE: &str = "to_regclass('__diesel_schema_migrations') IS NOT NULL";

/// Diesel migrates without a lock, and of several processes that start at once most would die. The lock is the session's,
/// since a migration may consist of several transactions, and the schema's, since one database may hold several.
const LOCK_MIGRATIONS: &str = "SELECT pg_advisory_lock(1264007513, hashtext(current_schema()))";
const UNLOCK_MIGRATIONS: &str = "SELECT pg_advisory_unlock(1264007513, hashtext(current_schema()))";

/// A row that is read in order to be written. Without the lock, READ COMMITTED silently loses all but one of the changes
/// that are made at once. Not `FOR UPDATE`: that would also hold up rows that only refer to this one.
macro_rules! locked {
    ($query:expr) => {
        $query.for_no_key_update()
    };
}

/// Rows that nobody deletes until the end of this transaction; whoever reads or changes them goes on.
macro_rules! kept {
    ($query:expr) => {
        $query.for_key_share()
    };
}

/// Rows of which each caller takes different ones.
macro_rules! claimable {
    ($query:expr) => {
        $query.for_no_key_update().skip_locked()
    };
}

mod listening;

#[expect(
    clippy::duplicate_mod,
    reason = "each query is written once and compiled for each backend"
)]
#[path = "queries/mod.rs"]
mod queries;

pub(crate) struct Store {
    /// With its password.
    url: String,
    pool: Pool<ConnectionManager<Conn>>,
    away: Away,
    set_up: SetUp,
    measured: PoolMetrics,
    commits: CommitMetrics,
    executions: ExecutionMetrics,
    changes: Arc<dyn KeyChanges>,
}

impl Store {
    pub(crate) fn open(
        url: &PostgresUrl,
        options: &Options,
        changes: Arc<dyn KeyChanges>,
    ) -> Result<Self, OpenError> {
        let full = url.with_defaults(options.connection_timeout);
        // Once without the pool, which would try again for as long as it waits and keep the cause to itself.
        Conn::establish(&full).map(drop).map_err(|error| url.refused(&error))?;
        let set_up = SetUp { statement_timeout: options.statement_timeout };
        let pool = Pool::builder()
            .max_size(options.max_connections.max(1))
            .min_idle(Some(1))
            .connection_timeout(options.connection_timeout)
            // Without the test, connections that a restart of the server broke would fail for ever.
            .test_on_check_out(true)
            .connection_customizer(Box::new(set_up))
            .build_unchecked(ConnectionManager::new(full.clone()));
        let away = Away::new(options.connection_timeout);
        let (measured, commits, executions) = Default::default();
        Ok(Self { url: full, pool, away, set_up, measured, commits, executions, changes })
    }

    /// A connection that has just answered. Nothing else bounds how long that takes: libpq knows no timeout once it is connected,
    /// and the system of a server that hangs goes on acknowledging what is sent.
    fn checkout(
        &self,
        doing: &'static str,
    ) -> Result<PooledConnection<ConnectionManager<Conn>>, StoreError> {
        let Some(asking) = self.away.ask(Instant::now()) else {
            self.measured.refused();
            return Err(unavailable(
                doing,
                "the database does not answer; another call is asking it",
            ));
        };
        let got = self.measured.checkout(&self.pool);
        asking.ended(got.is_ok(), Instant::now());
        got.map_err(|error| unavailable(doing, error))
    }

    fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Conn) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        let mut conn = self.checkout(doing)?;
        work(&mut conn).map_err(|error| store_error(doing, error, is_away))
    }

    fn change<T, R: std::error::Error>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Conn) -> Result<T, Stop<R>>,
    ) -> Result<T, ChangeError<R>> {
        let mut conn = self.checkout(doing).map_err(ChangeError::Store)?;
        #[expect(clippy::disallowed_methods, reason = "this is where writes begin on PostgreSQL")]
        let changed = conn.transaction(|conn| work(conn));
        match &changed {
            Ok(_) => self.commits.committed(1),
            Err(Stop::Failed(_)) => self.commits.failed(),
            Err(Stop::Refused(_)) => {}
        }
        changed.map_err(|stop| change_error(doing, stop, is_away))
    }

    fn ring_others(&self, topic: Topic) -> Result<(), StoreError> {
        self.read("waking other processes", |conn| listening::ring(conn, topic))
    }

    fn listen_to_others(&self) -> Result<Option<Box<dyn Listener>>, StoreError> {
        let doing = "beginning to hear of other processes";
        let conn = Conn::establish(&self.url).map_err(|error| unavailable(doing, error))?;
        let listener = listening::Connection::begin(conn);
        let listener = listener.map_err(|error| store_error(doing, error, is_away))?;
        Ok(Some(Box::new(listener)))
    }

    fn observe_pool(&self) {
        self.measured.observe(&self.pool);
    }

    fn migrating<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Conn) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        self.read(doing, |conn| {
            // The lock may take as long as another process migrates, and so may a migration.
            conn.batch_execute("SET statement_timeout = 0")?;
            conn.batch_execute(LOCK_MIGRATIONS)?;
            let done = work(conn);
            let unlocked = conn.batch_execute(UNLOCK_MIGRATIONS);
            conn.batch_execute(&self.set_up.statement())?;
            done.and_then(|done| unlocked.map(|()| done))
        })
    }
}

#[derive(Debug, Clone, Copy)]
struct SetUp {
    statement_timeout: Duration,
}

impl SetUp {
    fn statement(self) -> String {
        let millis = self.statement_timeout.as_millis();
        format!(
            "SET statement_timeout = {millis}; SET idle_in_transaction_session_timeout = {millis}"
        )
    }
}

impl CustomizeConnection<Conn, diesel::r2d2::Error> for SetUp {
    fn on_acquire(&self, conn: &mut Conn) -> Result<(), diesel::r2d2::Error> {
        conn.batch_execute(&self.statement()).map_err(diesel::r2d2::Error::QueryError)
    }
}

fn violated_unique(error: &Error) -> Option<String> {
    let Error::DatabaseError(DatabaseErrorKind::UniqueViolation, told) = error else { return None };
    told.constraint_name().map(str::to_owned)
}

/// PostgreSQL's texts for its errors that may pass (classes 08, 53, 57, and deadlocks): Diesel does not hand on their codes.
/// A server that speaks another language than English is understood when it goes away, but its timeouts count as faults.
fn is_away(message: &str) -> bool {
    [
        "canceling statement due to",
        "terminating connection",
        "server closed the connection",
        "the database system is",
        "sorry, too many clients",
        "remaining connection slots",
        "no connection to the server",
        "could not connect to server",
        "could not receive data from server",
        "could not send data to server",
        "could not extend file",
        "SSL connection has been closed",
        "out of shared memory",
        "out of memory",
        "deadlock detected",
    ]
    .iter()
    .any(|text| message.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_goes_away_is_told_from_a_fault() {
        assert!(is_away("canceling statement due to statement timeout"));
        assert!(is_away("terminating connection due to administrator command"));
        assert!(!is_away("column \"x\" does not exist"));
    }
}
