//! What is measured where things are stored: connections, commits, and the runs that end. Knows no tables.

use std::time::Instant;

use deployments_domain::Status;
use diesel::r2d2::{ManageConnection, Pool, PooledConnection};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// The connections of a pool.
pub(crate) struct PoolMetrics {
    waited: Histogram,
    failures: Counter,
    used: Gauge,
    idle: Gauge,
    most: Gauge,
}

/// How runs ended, whoever ended them.
pub(crate) struct ExecutionMetrics {
    ends: Vec<(Status, Counter)>,
}

/// Changes that were made durable, and the commits that made them so.
pub(crate) struct CommitMetrics {
    commits: Counter,
    writes: Counter,
    failures: Counter,
}

impl Default for PoolMetrics {
    fn default() -> Self {
        let connections =
            |state: &'static str| gauge!("keywright_database_connections", "state" => state);
        Self {
            waited: histogram!("keywright_database_checkout_duration_seconds"),
            failures: counter!("keywright_database_checkout_failures_total"),
            used: connections("used"),
            idle: connections("idle"),
            most: gauge!("keywright_database_connections_limit"),
        }
    }
}

impl PoolMetrics {
    /// A connection of the pool, once one is free.
    pub(crate) fn checkout<M: ManageConnection>(
        &self,
        pool: &Pool<M>,
    ) -> Result<PooledConnection<M>, diesel::r2d2::PoolError> {
        let asked = Instant::now();
        let got = pool.get();
        self.waited.record(asked.elapsed().as_secs_f64());
        got.inspect_err(|_| self.failures.increment(1))
    }

    /// A call was given none, since it was known that there is none to be had.
    pub(crate) fn refused(&self) {
        self.failures.increment(1);
    }

    pub(crate) fn observe<M: ManageConnection>(&self, pool: &Pool<M>) {
        let state = pool.state();
        self.used.set(f64::from(state.connections.saturating_sub(state.idle_connections)));
        self.idle.set(f64::from(state.idle_connections));
        self.most.set(f64::from(pool.max_size()));
    }
}

impl Default for ExecutionMetrics {
    fn default() -> Self {
        let ends = Status::ALL.into_iter().filter(|status| status.is_finished());
        let counter = |status: Status| {
            (status, counter!("keywright_executions_total", "status" => status.as_str()))
        };
        Self { ends: ends.map(counter).collect() }
    }
}

impl ExecutionMetrics {
    /// A run came to be in this state; only ends are counted.
    pub(crate) fn moved_to(&self, status: Status) {
        if let Some((_, counter)) = self.ends.iter().find(|(end, _)| *end == status) {
            counter.increment(1);
        }
    }
}

impl Default for CommitMetrics {
    fn default() -> Self {
        Self {
            commits: counter!("keywright_database_commits_total"),
            writes: counter!("keywright_database_writes_total"),
            failures: counter!("keywright_database_commit_failures_total"),
        }
    }
}

impl CommitMetrics {
    /// One commit made this many writes durable.
    pub(crate) fn committed(&self, writes: usize) {
        self.commits.increment(1);
        self.writes.increment(u64::try_from(writes).unwrap_or(u64::MAX));
    }

    pub(crate) fn failed(&self) {
        self.failures.increment(1);
    }
}
