//! The worker: takes runs that wait, and those that this process accepts, and carries them out in a
//! runtime on a thread of its own, so that it can be used from actix as well as from no runtime.
//!
//! `engine` is what its parts share, `run` is one run from begin to end, `claims`, `leases` and
//! `retention` are what happens in between. Must not know what a step does.

mod claims;
mod engine;
mod held;
mod held_run;
mod leases;
mod outage;
mod retention;
mod run;
mod run_trace;
mod schedules;
mod sweep;
#[cfg(test)]
mod tests;
mod waiters;

use std::{io, sync::Arc, thread, time::Duration};

use access_domain::{Clock, Models, SecretValues, Tracer};
use deployments_domain::{ExecutionId, ExecutionStore, FileStore, RunLog, Seat, WorkflowRunner};
use outbound::HttpClient;
use tokio::{
    runtime::Builder,
    sync::{oneshot, watch},
};

use self::engine::Engine;
use crate::{etl::EtlPorts, sandbox::Sandbox, tools::Tools};

/// How long a shutdown waits for a call of the store that is under way.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// How a [`Worker`] works.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// How many runs it carries out at the same time.
    pub seats: usize,
    /// How long a claim holds unless it is renewed. Must be what `Executions` accepts runs with.
    pub lease: Duration,
    /// How often it looks for runs that wait, when nothing wakes it.
    pub poll_interval: Duration,
    /// How long a shutdown waits for running ones before it hands them back.
    pub shutdown_grace: Duration,
    /// How long inputs and results are kept after a run ended.
    pub result_retention: Duration,
    /// How long the record of a run is kept after its end.
    pub record_retention: Duration,
    /// How often it looks for those that are kept long enough.
    pub retention_interval: Duration,
    /// The largest result, as JSON.
    pub max_result_bytes: usize,
    /// What records traces, if anything does.
    pub tracer: Option<Arc<dyn Tracer>>,
    /// What runs over records and schedules need; without it, there are neither.
    pub etl: Option<EtlPorts>,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            seats: 8,
            lease: Duration::from_secs(30),
            poll_interval: Duration::from_millis(500),
            shutdown_grace: Duration::from_secs(20),
            result_retention: Duration::from_secs(24 * 60 * 60),
            record_retention: Duration::from_secs(365 * 24 * 60 * 60),
            retention_interval: Duration::from_secs(60),
            max_result_bytes: 10 << 20,
            tracer: None,
            etl: None,
        }
    }
}

/// What a [`Worker`] works with.
pub struct WorkerPorts {
    /// Where runs are kept.
    pub store: Arc<dyn ExecutionStore>,
    /// What hears of runs that end.
    pub log: Arc<dyn RunLog>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What runs strangers' code.
    pub sandbox: Arc<Sandbox>,
    /// What calls other services for workflows.
    pub http: HttpClient,
    /// The models that workflows may ask.
    pub models: Arc<Models>,
    /// The organizations' secrets.
    pub secrets: Arc<dyn SecretValues>,
    /// Where the content of files lies.
    pub files: Arc<dyn FileStore>,
}

/// What became of the runs that a shutdown found in hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShutdownReport {
    /// They ended within the grace.
    pub finished: usize,
    /// They wait for another worker.
    pub handed_back: usize,
}

/// Carries out runs until it is shut down. Dropping it without a shutdown hands back what runs.
pub struct Worker {
    engine: Arc<Engine>,
    /// Whether to wait for running ones when it stops.
    stop: watch::Sender<Option<Stopping>>,
    report: watch::Receiver<Option<ShutdownReport>>,
}

/// How to stop.
#[derive(Debug, Clone, Copy)]
enum Stopping {
    WithGrace,
    AtOnce,
}

impl Worker {
    /// Starts the worker's thread.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(config: WorkerConfig, ports: WorkerPorts) -> io::Result<Self> {
        let WorkerPorts { store, log, clock, sandbox, http, models, secrets, files } = ports;
        let tools = Tools { confined: sandbox, http, models, secrets, clock, files };
        // Every run may be saving its end while the loops ask the store too.
        let blocking_threads = config.seats.saturating_add(4);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .thread_name("worker-store")
            .max_blocking_threads(blocking_threads)
            .build()?;
        let engine = Engine::new(config, store, log, tools, runtime.handle().clone());
        let (stop, stopped) = watch::channel(None);
        let (reporter, report) = watch::channel(None);
        let serve = {
            let engine = engine.clone();
            move || {
                let report = runtime.block_on(engine.serve(stopped));
                // Waits for store calls under way, though not for one that never returns.
                runtime.shutdown_timeout(STORE_TIMEOUT);
                reporter.send_replace(Some(report));
            }
        };
        thread::Builder::new().name("worker".into()).spawn(serve)?;
        Ok(Self { engine, stop, report })
    }

    /// Stops claiming, waits up to the grace for what runs, hands back the rest. When it returns,
    /// nothing of this worker runs any more. Asked again, it gives the same report.
    pub async fn shutdown(&self) -> ShutdownReport {
        self.stop.send_replace(Some(Stopping::WithGrace));
        let mut report = self.report.clone();
        // The sender is gone without a report only if the thread panicked.
        let report = report.wait_for(Option::is_some).await.map(|report| *report);
        report.ok().flatten().unwrap_or_default()
    }
}

impl Worker {
    /// Sets the gauges of what is measured by looking, for whoever is about to read them.
    pub fn observe(&self) {
        self.engine.observe();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.send_if_modified(|stop| {
            let is_first = stop.is_none();
            stop.get_or_insert(Stopping::AtOnce);
            is_first
        });
    }
}

impl WorkflowRunner for Worker {
    fn reserve(&self) -> Option<Box<dyn Seat>> {
        self.engine.reserve().map(|seat| Box::new(seat) as Box<dyn Seat>)
    }

    fn wake(&self) {
        self.engine.wake();
    }

    fn abort(&self, id: ExecutionId) {
        self.engine.abort(id);
    }

    /// Calls `notify` whenever this process lets go of the run: it ended, was cancelled, was lost to
    /// another worker or handed back. It says "read again", no more. A run that ended before this
    /// call is not told of, so whoever waits must read storage once *after* watching.
    fn watch(&self, id: ExecutionId, notify: Box<dyn FnOnce() + Send>) -> Box<dyn Send> {
        Box::new(self.engine.waiters.watch(id, notify))
    }
}

/// Told to a run's task; the sender is dropped when another attempt takes the run's place.
type StopSender = oneshot::Sender<Stop>;

/// Why a run's task stops before its steps ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// Its caller cancelled it; that is saved already.
    Cancelled,
    /// Another worker has it, or may have.
    Lost,
    /// This worker is stopping.
    HandBack,
}
