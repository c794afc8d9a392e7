//! Every store of Keywright, on SQLite and PostgreSQL. The only crate that knows SQL.
//!
//! [`open`] chooses the backend by the URL. What is different on a backend stands in `sqlite.rs` and `postgres.rs`; the
//! queries are written once, in `queries/`, and compiled into both. Decides nothing: rules arrive as closures that run under
//! the lock of what they judge.

use std::{error::Error, io, path::PathBuf, sync::Arc, time::Duration};

use access_domain::{
    AccountStore, AuditStore, IdempotencyStore, InvitationStore, KeyChanges, KeyFeedStore,
    KeyImportStore, KeyLookup, ManagedKeyStore, MemberStore, NodeStore, NoticeStore,
    OrganizationStore, PlatformKeyStore, SecretStore, SessionStore, StoreError, Topic,
    WebhookStore,
};
use deployments_domain::{
    DeploymentStore, ExecutionStore, HistoryStore, RecordStore, ScheduleStore, SharingStore,
    UsageStore, WorkflowStore,
};
use keys_core::{PepperName, Timestamp};
// Only linked: they bring the C libraries that Diesel calls.
use libsqlite3_sys as _;
use pq_sys as _;

mod away;
mod codec;
mod error;
mod group_commit;
mod measured;
mod postgres;
mod postgres_url;
mod rows;
mod schema;
mod search;
mod sqlite;
mod transfer;

pub use crate::transfer::{Progress, Stage, TransferError, Transferred, transfer};

use crate::postgres_url::PostgresUrl;

/// Every port of storage, and what a server asks of its database beside them.
pub trait Storage:
    OrganizationStore
    + PlatformKeyStore
    + KeyLookup
    + KeyFeedStore
    + KeyImportStore
    + SessionStore
    + AccountStore
    + MemberStore
    + NodeStore
    + InvitationStore
    + WorkflowStore
    + DeploymentStore
    + ManagedKeyStore
    + SecretStore
    + AuditStore
    + NoticeStore
    + IdempotencyStore
    + ExecutionStore
    + HistoryStore
    + RecordStore
    + ScheduleStore
    + SharingStore
    + UsageStore
    + WebhookStore
    + Send
    + Sync
{
    /// Asks the database for nothing but an answer.
    ///
    /// # Errors
    /// When there is none.
    fn check(&self) -> Result<(), StoreError>;

    /// The names of the migrations that this binary has and the database has not, in order.
    ///
    /// # Errors
    /// When storage fails.
    fn pending_migrations(&self) -> Result<Vec<String>, StoreError>;

    /// The versions of the migrations that the database has and this binary does not know, in order: a newer binary made
    /// them.
    ///
    /// # Errors
    /// When storage fails.
    fn unknown_migrations(&self) -> Result<Vec<String>, StoreError>;

    /// Applies the pending migrations and returns their names. Any number of processes may ask at once.
    ///
    /// # Errors
    /// When storage fails. On SQLite nothing is applied then; on PostgreSQL the migrations before the failed one are.
    fn migrate(&self) -> Result<Vec<String>, StoreError>;

    /// How many secrets of undeleted keys there are under each pepper.
    ///
    /// # Errors
    /// When storage fails.
    fn secrets_per_pepper(&self) -> Result<Vec<(PepperName, u64)>, StoreError>;

    /// How many secrets of organizations and of webhooks there are under each encryption key, by its name.
    ///
    /// # Errors
    /// When storage fails.
    fn secrets_per_encryption_key(&self) -> Result<Vec<(String, u64)>, StoreError>;

    /// How many runs wait and are carried out, of all processes. However many there are, this takes as long as for
    /// [`QueueDepth::MOST`] of them.
    ///
    /// # Errors
    /// When storage fails.
    fn queue_depth(&self) -> Result<QueueDepth, StoreError>;

    /// Wakes whoever [listens](Storage::listen), in whichever process, on PostgreSQL; on SQLite nobody does.
    ///
    /// # Errors
    /// When storage fails.
    fn ring(&self, topic: Topic) -> Result<(), StoreError>;

    /// A connection of its own on which other processes' topics are heard; `None` on SQLite, where asking is cheap.
    ///
    /// # Errors
    /// When storage fails.
    fn listen(&self) -> Result<Option<Box<dyn Listener>>, StoreError>;

    /// Sets the gauges of what is measured by looking, for whoever is about to read them. Asks nothing of the database.
    fn observe(&self);
}

/// Hears what other processes ring.
pub trait Listener: Send {
    /// The topics that were rung since the last call, once there are any or `patience` is over.
    ///
    /// # Errors
    /// When the connection is gone: what was rung meanwhile is not heard any more.
    fn hear(&mut self, patience: Duration) -> Result<Vec<Topic>, StoreError>;
}

/// How many runs there are that are not finished.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// Those that no worker has; [`QueueDepth::MOST`] means as many or more.
    pub pending: u32,
    /// Those that a worker has, with the same bound.
    pub executing: u32,
    /// When the oldest of the former was accepted.
    pub oldest_pending: Option<Timestamp>,
}

impl QueueDepth {
    /// Further ones are not counted.
    pub const MOST: u32 = 10_000;
}

/// How much a server may ask of its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Connections of this process at most; on SQLite, those that read.
    pub max_connections: u32,
    /// How long a call waits for a connection, on SQLite also for other processes that write, before the database counts as
    /// away.
    pub connection_timeout: Duration,
    /// How long one statement may take on PostgreSQL.
    pub statement_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_connections: 8,
            connection_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(10),
        }
    }
}

/// Why a database was not opened. No variant tells a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL has no known form.
    #[error(
        "the database URL must begin with sqlite://, postgres:// or postgresql://, and a sqlite:// URL is a path and nothing else"
    )]
    UnknownUrl,
    /// The database is to be spoken to by TLS, and this build cannot.
    #[error(
        "the connection to PostgreSQL asks for TLS ({asked}), which this build lacks: build with the feature `postgres-tls`, or use sslmode=disable on a trusted network"
    )]
    TlsMissing {
        /// How it asks.
        asked: String,
    },
    /// The file of an SQLite database could not be made.
    #[error("the database file {} could not be created", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database does not answer; it may later.
    #[error("the database could not be opened")]
    Unavailable {
        /// What the driver says.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Opens `sqlite://relative/or/absolute/path`, whose file and directory are made if they are not there, or a PostgreSQL.
///
/// Each change after which a key may be decided on differently is told to `changes`, durable by then and before its caller
/// is answered.
///
/// Migrates nothing. Once open, the store outlives its database: while that is away, calls fail as
/// [`StoreError::Unavailable`] within the connection timeout, most of them at once, and afterwards they succeed again. A
/// PostgreSQL that hangs, so that its connections stay and say nothing, holds those calls that it has, no more than there are
/// connections, until it goes on or ends; to all others it is away.
///
/// # Errors
/// When the URL is none, or the database does not answer now.
pub fn open(
    url: &str,
    options: &Options,
    changes: Arc<dyn KeyChanges>,
) -> Result<Arc<dyn Storage>, OpenError> {
    if let Some(path) = url.strip_prefix("sqlite://") {
        // `:memory:` would be another database on each connection.
        if path.is_empty() || path.starts_with(':') || path.contains('?') {
            return Err(OpenError::UnknownUrl);
        }
        return Ok(Arc::new(sqlite::Store::open(path.as_ref(), options, changes)?));
    }
    let url = PostgresUrl::parse(url).ok_or(OpenError::UnknownUrl)?;
    url.check_tls(std::env::var("PGSSLMODE").ok(), cfg!(feature = "postgres-tls"))?;
    Ok(Arc::new(postgres::Store::open(&url, options, changes)?))
}
