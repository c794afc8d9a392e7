//! What the parts of a worker share, and how they begin and end together.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use access_domain::{Clock, Consumer, StoreError};
use deployments_domain::{
    ClaimedRun, Event, ExecutionId, ExecutionStore, RunLog, RunMove, RunState, Seat, next,
};
use keys_core::Timestamp;
use metrics::{Histogram, gauge, histogram};
use tokio::{
    runtime::Handle,
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, timeout, timeout_at},
};

use super::{
    ShutdownReport, Stop, Stopping, WorkerConfig, claims, held::Held, leases, retention, run,
    schedules, waiters::Waiters,
};
use crate::tools::Tools;

/// How long a shutdown waits for runs to be handed back, beyond its grace.
const HAND_BACK_TIMEOUT: Duration = Duration::from_secs(5);

/// The worker without its thread.
pub(super) struct Engine {
    pub(super) config: WorkerConfig,
    pub(super) store: Arc<dyn ExecutionStore>,
    pub(super) log: Arc<dyn RunLog>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tools: Tools,
    pub(super) seats: Arc<Semaphore>,
    pub(super) held: Held,
    pub(super) waiters: Waiters,
    /// Something may wait to be claimed.
    pub(super) wakeups: Notify,
    /// Runs wait for a free seat: it is theirs, before any that comes now.
    pub(super) has_backlog: AtomicBool,
    is_stopping: AtomicBool,
    finished: AtomicUsize,
    handed_back: AtomicUsize,
    pub(super) duration: Histogram,
    runtime: Handle,
}

impl Engine {
    pub(super) fn new(
        config: WorkerConfig,
        store: Arc<dyn ExecutionStore>,
        log: Arc<dyn RunLog>,
        tools: Tools,
        runtime: Handle,
    ) -> Arc<Self> {
        Arc::new(Self {
            seats: Arc::new(Semaphore::new(config.seats)),
            config,
            store,
            log,
            clock: tools.clock.clone(),
            tools,
            held: Held::default(),
            waiters: Waiters::default(),
            wakeups: Notify::new(),
            has_backlog: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            finished: AtomicUsize::new(0),
            handed_back: AtomicUsize::new(0),
            duration: histogram!("keywright_execution_duration_seconds"),
            runtime,
        })
    }

    /// Works until it is told to stop, and until what it had in hand has ended or is handed back.
    pub(super) async fn serve(
        self: Arc<Self>,
        mut stopped: watch::Receiver<Option<Stopping>>,
    ) -> ShutdownReport {
        let mut claims = tokio::spawn(claims::serve(self.clone()));
        let others = [
            tokio::spawn(leases::serve(self.clone())),
            tokio::spawn(retention::serve(self.clone())),
            tokio::spawn(schedules::serve(self.clone())),
        ];
        // Without a sender, nobody is left who could want more.
        let stopping = stopped.wait_for(Option::is_some).await.map(|stopping| *stopping);
        let grace = match stopping.ok().flatten() {
            Some(Stopping::WithGrace) => self.config.shutdown_grace,
            Some(Stopping::AtOnce) | None => Duration::ZERO,
        };
        let deadline = Instant::now() + grace;
        self.is_stopping.store(true, Ordering::SeqCst);
        self.held.close();
        self.wakeups.notify_one();
        let _ended = timeout_at(deadline, async {
            let _claims = (&mut claims).await;
            self.held.emptied().await;
        })
        .await;
        self.held.stop_all(Stop::HandBack);
        let handed_back = timeout(HAND_BACK_TIMEOUT, async {
            // What a claim under way brings is handed back by whoever asked for it.
            if !claims.is_finished() {
                let _claims = (&mut claims).await;
            }
            self.held.emptied().await;
        })
        .await;
        if handed_back.is_err() {
            tracing::warn!("some runs were not handed back in time; their leases will run out");
        }
        claims.abort();
        others.iter().for_each(tokio::task::JoinHandle::abort);
        ShutdownReport {
            finished: self.finished.load(Ordering::SeqCst),
            handed_back: self.handed_back.load(Ordering::SeqCst),
        }
    }

    pub(super) fn reserve(self: &Arc<Self>) -> Option<FreeSeat> {
        if self.is_stopping() || self.has_backlog.load(Ordering::SeqCst) {
            return None;
        }
        let permit = self.seats.clone().try_acquire_owned().ok()?;
        Some(FreeSeat { engine: self.clone(), permit, reserved_at: Instant::now() })
    }

    pub(super) fn wake(&self) {
        self.wakeups.notify_one();
    }

    pub(super) fn abort(&self, id: ExecutionId) {
        self.held.stop(id, None, Stop::Cancelled);
        // It is saved as stopped already, whoever carries it out.
        self.waiters.notify(id);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    /// Takes a run in hand, whose lease was asked for at `leased_at`.
    ///
    /// # Errors
    /// The run, when the worker is stopping.
    pub(super) fn begin(
        self: &Arc<Self>,
        run: ClaimedRun,
        permit: OwnedSemaphorePermit,
        leased_at: Instant,
    ) -> Result<(), Box<ClaimedRun>> {
        let (id, attempt) = (run.id, run.state.attempt);
        let Some(stop) = self.held.begin(id, attempt, leased_at + self.config.lease) else {
            return Err(Box::new(run));
        };
        let holding = Holding {
            engine: self.clone(),
            id,
            attempt,
            consumer: run.trigger.consumer(run.organization),
            started_at: run.started_at,
            permit: Some(permit),
        };
        self.runtime.spawn(run::carry(holding, run, stop));
        Ok(())
    }

    /// Asks the store, on a thread that may block.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn ExecutionStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.store.clone();
        let answer = tokio::task::spawn_blocking(move || question(&*store)).await;
        answer.unwrap_or_else(|panicked| {
            Err(StoreError::Broken { doing: "being asked by the worker", source: panicked.into() })
        })
    }

    pub(super) fn observe(&self) {
        gauge!("keywright_worker_seats").set(self.config.seats as f64);
        gauge!("keywright_worker_seats_busy").set(self.held.count() as f64);
    }

    /// Makes a run wait for another worker.
    pub(super) fn hand_back(&self, id: ExecutionId, from: RunState) {
        let Ok(to) = next(from, Event::Release) else { return };
        let at = self.clock.now();
        let saved =
            self.store.save_move(&RunMove { id, from, to, at, end: None, steps: Vec::new() });
        let attempt = from.attempt;
        match saved {
            Ok(true) => {
                self.handed_back.fetch_add(1, Ordering::SeqCst);
                tracing::info!(execution_id = %id, attempt, "the run was handed back");
            }
            Ok(false) => tracing::debug!(execution_id = %id, attempt, "the run was not ours"),
            Err(error) => tracing::warn!(
                execution_id = %id,
                attempt,
                error = &error as &dyn std::error::Error,
                "the run was not handed back; its lease will run out"
            ),
        }
    }

    pub(super) fn note_finished(&self) {
        if self.is_stopping() {
            self.finished.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// A seat that nothing runs in yet.
pub(super) struct FreeSeat {
    engine: Arc<Engine>,
    permit: OwnedSemaphorePermit,
    reserved_at: Instant,
}

impl Seat for FreeSeat {
    fn run(self: Box<Self>, run: ClaimedRun) {
        let Self { engine, permit, reserved_at } = *self;
        // Reserved before it was accepted, so the lease holds at least as long as counted from then.
        if let Err(run) = engine.begin(run, permit, reserved_at) {
            engine.hand_back(run.id, run.state);
        }
    }
}

/// A run in hand. However its task ends, a panic included, the seat is free again after it and
/// whoever waits is told.
pub(super) struct Holding {
    pub(super) engine: Arc<Engine>,
    pub(super) id: ExecutionId,
    pub(super) attempt: i32,
    /// For whom its end is counted.
    pub(super) consumer: Consumer,
    /// From when on its time is counted.
    pub(super) started_at: Timestamp,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.permit = None;
        self.engine.held.end(self.id, self.attempt);
        self.engine.waiters.notify(self.id);
        if self.engine.has_backlog.load(Ordering::SeqCst) {
            self.engine.wake();
        }
    }
}
