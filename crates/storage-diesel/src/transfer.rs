//! Everything of an SQLite database moved into an empty PostgreSQL, and compared afterwards row for row. Knows no table by
//! name but the few that tell of one database alone: whatever a later migration adds is moved as well.
//!
//! Invariant: the target has all of it or none: whatever goes wrong before the end leaves no row in it. The source
//! is only read, and nobody writes to it meanwhile.

mod source;
mod target;
mod value;

use std::{path::PathBuf, sync::Arc, time::Duration};

use access_domain::StoreError;

use crate::{
    OpenError, Options,
    transfer::{
        source::Source,
        target::{Table, Target},
        value::Row,
    },
};

/// Rows that are written at once.
const BATCH_ROWS: usize = 1_000;
/// Before a batch has as many, it is written: some rows are large.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Tables that tell of this very database and not of what is kept in it: its schema's version, and the servers over it.
const LEFT_OUT: [&str; 3] = ["__diesel_schema_migrations", "nodes", "roll_calls"];
/// The same of columns, which get what new rows get: changes are numbered by each database in its own way.
const COLUMNS_LEFT_OUT: [(&str, &str); 1] = [("organizations", "changed_in")];

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// What is being done.
    pub stage: Stage,
    /// To which table.
    pub table: &'a str,
    /// Rows of all tables that are done.
    pub done: u64,
    /// Rows of all tables.
    pub total: u64,
}

/// What is done, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Rows are written.
    Copying,
    /// Rows are read on both sides and compared.
    Verifying,
}

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transferred {
    /// Each table with its number of rows, in the order of their names.
    pub tables: Vec<(String, u64)>,
}

impl Transferred {
    /// The rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows).sum()
    }
}

/// Why nothing was moved. No variant tells a password.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// Other pairs of databases have tools of their own.
    #[error("what is moved is a database at sqlite://, into one at postgres://")]
    Direction,
    /// There is no such file.
    #[error("there is no database at {}", .0.display())]
    NoSource(PathBuf),
    /// One of both could not be opened.
    #[error("the {side} could not be opened")]
    Open {
        /// Which.
        side: &'static str,
        /// Why.
        source: OpenError,
    },
    /// Its schema is an older one.
    #[error("the source lacks migrations ({}); run 'keywright migrate run' on it first", .0.join(", "))]
    SourceIsOlder(Vec<String>),
    /// A newer program made its schema.
    #[error("a newer version made the schema of the {side} ({}); use that version", .versions.join(", "))]
    Newer {
        /// Which.
        side: &'static str,
        /// What this program does not know.
        versions: Vec<String>,
    },
    /// Servers work on it.
    #[error("servers run on the source ({}); stop every server and worker first", .0.join(", "))]
    SourceIsServed(Vec<String>),
    /// Somebody writes to it.
    #[error("the source is in use; stop every server and worker first")]
    SourceInUse {
        /// What the driver says.
        source: diesel::result::Error,
    },
    /// There is something in it.
    #[error("the target is not empty: there are rows in its table {0}")]
    NotEmpty(String),
    /// Its tables were made by somebody else.
    #[error("the target is not empty: it has a table {0}, which is not Keywright's")]
    Strange(String),
    /// The two schemas differ, though their versions are the same.
    #[error("the table {0} is not alike in source and target")]
    Unlike(String),
    /// `PostgreSQL` cannot keep what is there.
    #[error("{place}: {why}; mend it in the source")]
    Unfit {
        /// The table, the row's key and the column.
        place: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// What was read from the target is not what stands in the source.
    #[error("what was written is not what was read: {place}")]
    Differs {
        /// The table, and the key of the first row that differs.
        place: String,
    },
    /// The database failed.
    #[error("{doing} failed")]
    Failed {
        /// What was being done.
        doing: String,
        /// What the driver says.
        source: diesel::result::Error,
    },
    /// The database failed at what it is asked of a schema.
    #[error("looking at the schema of the {side} failed")]
    Schema {
        /// Which.
        side: &'static str,
        /// How.
        source: StoreError,
    },
}

/// Moves everything from `from`, an SQLite database, to `to`, a `PostgreSQL` that is empty and gets its tables here, and
/// compares both afterwards. Nobody can write to the source meanwhile, and nothing of it is changed. Memory does not grow
/// with what is moved.
///
/// # Errors
/// When the target is not empty, the source is in use or has another schema, a database fails, or what was written is not
/// what was read. Nothing is in the target then, apart from empty tables.
pub fn transfer(
    from: &str,
    to: &str,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Transferred, TransferError> {
    let path = from.strip_prefix("sqlite://").ok_or(TransferError::Direction)?;
    if !to.starts_with("postgres://") && !to.starts_with("postgresql://") {
        return Err(TransferError::Direction);
    }
    if !PathBuf::from(path).is_file() {
        return Err(TransferError::NoSource(path.into()));
    }
    check_source(from)?;
    let mut source = Source::hold(path)?;
    prepare_target(to)?;
    Target::fill(to, |target| move_all(&mut source, target, progress))
}

/// How patiently both are opened.
fn options() -> Options {
    Options {
        max_connections: 1,
        connection_timeout: Duration::from_secs(10),
        ..Options::default()
    }
}

fn check_source(url: &str) -> Result<(), TransferError> {
    let side = "source";
    let schema = |source| TransferError::Schema { side, source };
    let store = crate::open(url, &options(), Arc::new(()))
        .map_err(|source| TransferError::Open { side, source })?;
    let versions = store.unknown_migrations().map_err(schema)?;
    if !versions.is_empty() {
        return Err(TransferError::Newer { side, versions });
    }
    let pending = store.pending_migrations().map_err(schema)?;
    if !pending.is_empty() {
        return Err(TransferError::SourceIsOlder(pending));
    }
    // Whoever answered no roll call at all is there as well.
    let servers = store.roll(0).map_err(schema)?.answered;
    if servers.is_empty() { Ok(()) } else { Err(TransferError::SourceIsServed(servers)) }
}

/// Gives it its tables.
fn prepare_target(url: &str) -> Result<(), TransferError> {
    let side = "target";
    let schema = |source| TransferError::Schema { side, source };
    let store = crate::open(url, &options(), Arc::new(()))
        .map_err(|source| TransferError::Open { side, source })?;
    let versions = store.unknown_migrations().map_err(schema)?;
    if !versions.is_empty() {
        return Err(TransferError::Newer { side, versions });
    }
    Target::refuse_strangers(url)?;
    store.migrate().map(drop).map_err(schema)
}

fn move_all(
    source: &mut Source,
    target: &mut Target,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Transferred, TransferError> {
    let tables = target.tables()?;
    let mut moved = Transferred { tables: Vec::new() };
    for table in &tables {
        target.check_empty(table)?;
        source.check_alike(table)?;
        moved.tables.push((table.name.clone(), source.count(table)?));
    }
    let total = moved.rows();
    let references = target.drop_references()?;
    let mut teller = Teller { progress, stage: Stage::Copying, done: 0, total };
    for table in &tables {
        copy(source, target, table, &mut teller)?;
    }
    target.restore_references(&references)?;
    (teller.stage, teller.done) = (Stage::Verifying, 0);
    for table in &tables {
        verify(source, target, table, &mut teller)?;
    }
    target.analyze(&tables)?;
    Ok(moved)
}

fn copy(
    source: &mut Source,
    target: &mut Target,
    table: &Table,
    teller: &mut Teller<'_>,
) -> Result<(), TransferError> {
    let mut batch = table.batch();
    for row in source.rows(table)? {
        batch.push(row.map_err(|error| failed(format!("reading {}", table.name), error))?)?;
        if batch.rows() >= BATCH_ROWS || batch.bytes() >= BATCH_BYTES {
            teller.tell(table, target.insert(&mut batch)?);
        }
    }
    teller.tell(table, target.insert(&mut batch)?);
    Ok(())
}

/// Reads the rows of both sides next to each other.
fn verify(
    source: &mut Source,
    target: &mut Target,
    table: &Table,
    teller: &mut Teller<'_>,
) -> Result<(), TransferError> {
    let doing = |error| failed(format!("comparing {}", table.name), error);
    let (mut read, mut written) = (source.rows(table)?, target.rows(table)?);
    let mut alike = 0;
    loop {
        let read = read.next().transpose().map_err(doing)?;
        let written = written.next().transpose().map_err(doing)?;
        match (read, written) {
            (None, None) => break,
            (Some(read), Some(written)) if read == written => alike += 1,
            (Some(row), _) | (None, Some(row)) => {
                return Err(TransferError::Differs { place: table.place(&row) });
            }
        }
        if alike >= BATCH_ROWS {
            teller.tell(table, std::mem::take(&mut alike));
        }
    }
    teller.tell(table, alike);
    Ok(())
}

/// Tells how far it is.
struct Teller<'a> {
    progress: &'a mut dyn FnMut(Progress<'_>),
    stage: Stage,
    done: u64,
    total: u64,
}

impl Teller<'_> {
    fn tell(&mut self, table: &Table, rows: usize) {
        self.done += u64::try_from(rows).unwrap_or_default();
        let (stage, done, total) = (self.stage, self.done, self.total);
        (self.progress)(Progress { stage, table: &table.name, done, total });
    }
}

fn failed(doing: String, source: diesel::result::Error) -> TransferError {
    TransferError::Failed { doing, source }
}

/// Rows as they come; an error ends them.
type Rows<'a> = Box<dyn Iterator<Item = diesel::QueryResult<Row>> + 'a>;
