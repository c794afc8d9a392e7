//! What this process measures, and how it is told: the recorder behind the `metrics` facade, and the
//! few numbers that are asked for only when somebody reads.

mod described;
mod process;
mod task;
mod token;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use access_domain::Clock;
use actix_web::rt;
use http_actix::Readiness;
use metrics::{Gauge, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use storage_diesel::{QueueDepth, Storage};
use tokio::{
    sync::oneshot,
    time::{MissedTickBehavior, interval, timeout},
};
use workflow_runtime::Worker;

pub(crate) use self::{task::Task, token::find as find_token};
use crate::{configuration::Configuration, failure::Failure, node::Node};

/// However often metrics are read, the database is asked no more often,
const ASKED_EVERY: Duration = Duration::from_secs(1);
/// and nobody waits for it longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often samples are put into their buckets, so that they do not heap up while nobody reads.
const UPKEEP_EVERY: Duration = Duration::from_secs(1);

/// From a key that is remembered to an execution that is waited for, in seconds.
const BUCKETS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// What keeps the numbers of this process.
#[derive(Clone)]
pub(crate) struct Recorder(PrometheusHandle);

impl Recorder {
    /// Starts measuring, if somebody may read it. Must come before everything that measures: what is
    /// built before counts into nothing.
    pub(crate) fn install(configuration: &Configuration) -> Result<Option<Self>, Failure> {
        let server = &configuration.server;
        if server.admin_listen.is_none() && find_token(configuration)?.is_none() {
            return Ok(None);
        }
        let failed = |error: &dyn std::error::Error| Failure::failed(error);
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS)
            .map_err(|error| failed(&error))?
            .install_recorder()
            .map_err(|error| failed(&error))?;
        described::describe();
        gauge!("keywright_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        let mode = if configuration.redis.is_set() { "redis" } else { "memory" };
        gauge!("keywright_limiter_mode", "mode" => mode).set(1.0);
        Ok(Some(Self(handle)))
    }

    /// Puts samples into their buckets, as long as the process goes on.
    async fn keep_up(self) {
        let mut ticks = interval(UPKEEP_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.0.run_upkeep();
        }
    }
}

/// The metrics of this process, for whoever may read them.
pub(crate) struct Metrics {
    recorder: Recorder,
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    readiness: Readiness,
    worker: Option<Arc<Worker>>,
    asked: Mutex<Option<Instant>>,
    is_asking: AtomicBool,
    ready: Gauge,
    pending: Gauge,
    executing: Gauge,
    oldest_pending: Gauge,
}

impl Metrics {
    /// Keeps the metrics of what is here from now on.
    pub(crate) fn keep(recorder: Recorder, node: &Node, worker: Option<Arc<Worker>>) -> Arc<Self> {
        rt::spawn(recorder.clone().keep_up());
        Arc::new(Self {
            recorder,
            storage: Arc::clone(&node.storage),
            clock: Arc::clone(&node.clock),
            readiness: node.readiness(),
            worker,
            asked: Mutex::default(),
            is_asking: AtomicBool::new(false),
            ready: gauge!("keywright_ready"),
            pending: gauge!("keywright_executions_pending"),
            executing: gauge!("keywright_executions_executing"),
            oldest_pending: gauge!("keywright_oldest_pending_seconds"),
        })
    }

    /// All of them, as Prometheus reads them.
    pub(crate) async fn text(self: Arc<Self>) -> String {
        self.ask_database().await;
        self.storage.observe();
        if let Some(worker) = &self.worker {
            worker.observe();
        }
        self.recorder.0.render() + &process::text()
    }

    async fn ask_database(self: &Arc<Self>) {
        if !self.is_time_to_ask() {
            return;
        }
        if self.is_asking.swap(true, Ordering::SeqCst) {
            // The last question is not answered yet, and would have been long ago.
            return self.tell(None);
        }
        let (asker, (answer, answered)) = (Arc::clone(self), oneshot::channel());
        // A thread of its own: those for requests may all be busy just when this is looked at.
        let spawned = thread::Builder::new().name("metrics".into()).spawn(move || {
            let depth = (asker.readiness)().and_then(|()| asker.storage.queue_depth());
            asker.is_asking.store(false, Ordering::SeqCst);
            // Whoever asked may have lost patience.
            let _ = answer.send(depth.ok());
        });
        if spawned.is_err() {
            self.is_asking.store(false, Ordering::SeqCst);
        }
        let answered = timeout(PATIENCE, answered).await;
        self.tell(answered.ok().and_then(Result::ok).flatten());
    }

    fn is_time_to_ask(&self) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = asked.is_none_or(|asked| asked.elapsed() >= ASKED_EVERY);
        if is_time {
            *asked = Some(Instant::now());
        }
        is_time
    }

    /// What is not known is no number, so that nobody takes it for an empty queue.
    fn tell(&self, depth: Option<QueueDepth>) {
        self.ready.set(if depth.is_some() { 1.0 } else { 0.0 });
        self.pending.set(depth.map_or(f64::NAN, |depth| depth.pending.into()));
        self.executing.set(depth.map_or(f64::NAN, |depth| depth.executing.into()));
        self.oldest_pending.set(depth.map_or(f64::NAN, |depth| {
            let age = depth.oldest_pending.map(|since| self.clock.now() - since);
            age.and_then(|age| age.to_std().ok()).unwrap_or_default().as_secs_f64()
        }));
    }
}
