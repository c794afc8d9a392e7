//! Many writers, one commit: SQLite has a single writer, and what costs is the wait for the disk at each commit. Knows
//! neither tables nor ports.
//!
//! By leader and follower: a caller takes the connection, begins a group if none is open, does its work in a savepoint on its
//! own thread, and waits. Whoever then finds nobody in line, or the group full, commits and wakes all of it.
//!
//! Invariant: whoever leaves an open group behind has seen somebody in line, and who is in line always comes to ask the same
//! question. So every group is ended, with no thread of its own and no timer.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use diesel::{
    QueryResult, SqliteConnection,
    connection::{AnsiTransactionManager as Manager, TransactionManager},
    result::{DatabaseErrorKind, Error},
};

use crate::{error::Stop, measured::CommitMetrics};

/// Bounds how long the first member of a group waits for the last.
const MAX_MEMBERS: usize = 64;

type Connect = Box<dyn Fn() -> QueryResult<SqliteConnection> + Send + Sync>;

/// The one connection that writes.
pub(crate) struct GroupCommit {
    connect: Connect,
    writer: Mutex<Writer>,
    in_line: AtomicUsize,
}

#[derive(Default)]
struct Writer {
    /// None before the first write, and after a failure whose traces a new connection does not have.
    connection: Option<SqliteConnection>,
    group: Option<Arc<Group>>,
    members: usize,
    commits: CommitMetrics,
    /// How many callers are still to be told that no group can begin now.
    turned_away: Option<(Error, usize)>,
}

/// How the work of one member ended, if its group stands.
type Work<T, R> = Result<Result<T, Stop<R>>, Box<dyn Any + Send>>;

impl GroupCommit {
    pub(crate) fn new(
        connect: impl Fn() -> QueryResult<SqliteConnection> + Send + Sync + 'static,
    ) -> Self {
        let connect = Box::new(connect);
        Self { connect, writer: Mutex::default(), in_line: AtomicUsize::new(0) }
    }

    /// Does `work` in a savepoint; on disk when this returns. What refused or failed leaves nothing behind. When the group's
    /// commit fails, all its members fail: also one that was refused, since it may have been refused for the sake of rows
    /// that never came to be.
    pub(crate) fn write<T, R>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, Stop<R>>,
    ) -> Result<T, Stop<R>> {
        self.in_line.fetch_add(1, Ordering::SeqCst);
        // A panic in `work` is caught below; there is no state that a poisoned lock could warn of.
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.in_line.fetch_sub(1, Ordering::SeqCst);

        if let Some(error) = writer.next_turned_away() {
            return Err(Stop::Failed(error));
        }
        let group = match writer.join(&self.connect) {
            Ok(group) => group,
            Err(error) => {
                // Another process writes, for longer than we wait. Those in line have waited as long already.
                writer.turned_away = Some((copy(&error), self.in_line.load(Ordering::SeqCst)));
                return Err(Stop::Failed(error));
            }
        };
        let done = match writer.carry_out(work) {
            Ok(done) => {
                if self.in_line.load(Ordering::SeqCst) == 0 || writer.members >= MAX_MEMBERS {
                    writer.commit();
                }
                done
            }
            Err(lost) => {
                writer.abandon(lost);
                Ok(Err(Stop::Failed(Error::BrokenTransactionManager)))
            }
        };
        drop(writer);
        match done {
            Ok(result) => group.wait().map_err(Stop::Failed).and(result),
            Err(panic) => resume_unwind(panic),
        }
    }
}

impl Writer {
    /// The open group, or a new one.
    fn join(&mut self, connect: &Connect) -> QueryResult<Arc<Group>> {
        if let Some(group) = &self.group {
            self.members += 1;
            return Ok(Arc::clone(group));
        }
        let mut connection = self.connection.take().map_or_else(connect, Ok)?;
        // A transaction that begins deferred cannot become a writing one after somebody else wrote: it fails at once,
        // whatever the busy timeout.
        Manager::begin_transaction_sql(&mut connection, "BEGIN IMMEDIATE")?;
        let group = Arc::new(Group::default());
        (self.connection, self.group, self.members) = (Some(connection), Some(group.clone()), 1);
        Ok(group)
    }

    fn next_turned_away(&mut self) -> Option<Error> {
        let (error, callers) = self.turned_away.as_mut()?;
        if *callers == 0 {
            self.turned_away = None;
            return None;
        }
        *callers -= 1;
        Some(copy(error))
    }

    /// The error is that of the whole group: its transaction is no longer there.
    fn carry_out<T, R>(
        &mut self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, Stop<R>>,
    ) -> Result<Work<T, R>, Error> {
        let connection = self.connection.as_mut().ok_or(Error::NotInTransaction)?;
        Manager::begin_transaction(connection)?;
        let done = catch_unwind(AssertUnwindSafe(|| work(connection)));
        let ended = match &done {
            Ok(Ok(_)) => Manager::commit_transaction(connection),
            Ok(Err(_)) | Err(_) => Manager::rollback_transaction(connection),
        };
        match (ended, done) {
            (Ok(()), done) => Ok(done),
            // A full disk, for one, makes SQLite roll everything back by itself. The savepoint is missing then; what the
            // work met before that is the cause.
            (Err(_), Ok(Err(Stop::Failed(cause)))) => Err(cause),
            (Err(lost), _) => Err(lost),
        }
    }

    fn commit(&mut self) {
        let Some(connection) = self.connection.as_mut() else { return };
        match Manager::commit_transaction(connection) {
            Ok(()) => {
                self.commits.committed(self.members);
                self.end(Ok(()));
            }
            Err(error) => self.abandon(error),
        }
    }

    /// The next group gets a connection that knows nothing of this one.
    fn abandon(&mut self, error: Error) {
        self.connection = None;
        self.commits.failed();
        self.end(Err(error));
    }

    fn end(&mut self, ended: QueryResult<()>) {
        self.members = 0;
        if let Some(group) = self.group.take() {
            *group.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
            group.end.notify_all();
        }
    }
}

/// The members of one transaction, as they wait for its end.
#[derive(Default)]
struct Group {
    ended: Mutex<Option<QueryResult<()>>>,
    end: Condvar,
}

impl Group {
    fn wait(&self) -> QueryResult<()> {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match &*ended {
                Some(Ok(())) => return Ok(()),
                Some(Err(error)) => return Err(copy(error)),
                None => ended = self.end.wait(ended).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// Each member gets the error; Diesel's cannot be cloned.
fn copy(error: &Error) -> Error {
    let (kind, message) = if let Error::DatabaseError(kind, told) = error {
        (*kind, told.message().to_owned())
    } else {
        (DatabaseErrorKind::Unknown, error.to_string())
    };
    Error::DatabaseError(kind, Box::new(message))
}

#[cfg(test)]
mod tests;
