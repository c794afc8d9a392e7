//! `serve` and `worker`: processes that run until they are told to stop.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use actix_web::{HttpServer, rt, web};
use http_actix::App;
use tokio::{
    join, select,
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
    time::{MissedTickBehavior, interval},
};
use workflow_runtime::Worker;

use crate::{
    arguments::ServeOptions,
    configuration::{Configuration, Loaded},
    failure::Failure,
    logging,
    node::{Migrations, Node, sandbox},
    upkeep::Audit,
};

/// How often sessions that are over are deleted, and how many at a time.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
const SWEEP_LIMIT: i64 = 1000;
/// How often it is stored which secrets were used.
const USES_EVERY: Duration = Duration::from_secs(60);

/// `keywright serve`
pub(crate) fn run(loaded: &Loaded, options: ServeOptions) -> Result<ExitCode, Failure> {
    let configuration = &loaded.configuration;
    logging::start(&configuration.log)?;
    let migrations = if options.migrate { Migrations::Apply } else { Migrations::ApplyIfEmbedded };
    let node = Node::open(configuration, migrations)?;
    rt::System::new().block_on(serve(node, !options.no_worker, None))?;
    Ok(ExitCode::SUCCESS)
}

/// Serves until a signal. `ready` hears the address once requests are answered.
pub(crate) async fn serve(
    node: Node,
    with_worker: bool,
    ready: Option<oneshot::Sender<SocketAddr>>,
) -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    let configuration = node.configuration.clone();
    let sandbox = sandbox(&configuration)?;
    let worker = if with_worker { Some(node.start_worker(Arc::clone(&sandbox))?) } else { None };
    let state = web::Data::new(node.app(sandbox, worker.clone())?);
    let waiting = state.clone();
    let listen = configuration.server.listen;
    let event_loops = std::thread::available_parallelism().map_or(1, usize::from);
    let server = HttpServer::new(move || http_actix::app(state.clone()))
        .workers(event_loops)
        // More would only wait for each other at the pool.
        .worker_max_blocking_threads(blocking_threads(&configuration, event_loops))
        .shutdown_timeout(configuration.server.shutdown_seconds)
        // A caller who hung up waits for nothing any more.
        .h1_allow_half_closed(false)
        .disable_signals()
        .bind(listen)
        .map_err(|error| Failure::Failed(format!("cannot listen on {listen}: {error}")))?;
    let address = server.addrs().first().copied().unwrap_or(listen);
    let server = server.run();
    let handle = server.handle();
    announce(&configuration, address, with_worker);
    let audit = begin_upkeep(node, waiting.clone());
    if let Some(ready) = ready {
        let _ = ready.send(address);
    }
    let running = rt::spawn(server);
    stop.wait().await;
    tracing::info!(
        "stopping: open requests are answered, running executions finish or are handed back"
    );
    let in_good_order = async {
        // At the same time: those who wait for an execution hear its end, and when there are no
        // more ends to come, where it stands.
        let worker_ends = async {
            finish(worker).await;
            waiting.stop_waiting();
        };
        join!(handle.stop(true), worker_ends);
        let served = running.await;
        store_uses(waiting.clone()).await;
        // The last of all: what was refused until now is counted.
        audit.close().await;
        served
    };
    select! {
        () = stop.wait() => Err(Failure::Failed("stopped at once by a second signal".into())),
        served = in_good_order => match served {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::Failed(format!("the server failed: {error}"))),
            Err(error) => Err(Failure::Failed(format!("the server failed: {error}"))),
        },
    }
}

/// What goes on beside the answers, as long as the process does; returns what must be closed.
fn begin_upkeep(node: Node, app: web::Data<App>) -> Audit {
    let audit = node.audit.clone();
    rt::spawn(audit.clone().keep());
    rt::spawn(sweep(node));
    rt::spawn(store_uses_every_minute(app));
    audit
}

/// `keywright worker`
pub(crate) fn run_worker(loaded: &Loaded) -> Result<ExitCode, Failure> {
    let configuration = &loaded.configuration;
    logging::start(&configuration.log)?;
    let node = Node::open(configuration, Migrations::ApplyIfEmbedded)?;
    rt::System::new().block_on(async {
        let mut stop = Stop::listen()?;
        let worker = node.start_worker(sandbox(configuration)?)?;
        rt::spawn(node.audit.clone().keep());
        tracing::info!(seats = configuration.worker.seats, "the worker runs");
        stop.wait().await;
        tracing::info!("stopping: running executions finish or are handed back");
        finish(Some(worker)).await;
        node.audit.close().await;
        Ok(ExitCode::SUCCESS)
    })
}

async fn finish(worker: Option<Arc<Worker>>) {
    if let Some(worker) = worker {
        let report = worker.shutdown().await;
        tracing::info!(finished = report.finished, handed_back = report.handed_back, "stopped");
    }
}

fn blocking_threads(configuration: &Configuration, event_loops: usize) -> usize {
    // Writers of SQLite wait for one commit together: the more there are, the larger the group.
    let wanted =
        usize::try_from(configuration.database.pool_size).unwrap_or(usize::MAX).saturating_mul(2);
    wanted.div_ceil(event_loops).max(2)
}

fn announce(configuration: &Configuration, address: SocketAddr, with_worker: bool) {
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "Keywright");
    tracing::info!(%address, documentation = format!("http://{address}/docs/"), "listens");
    tracing::info!(database = ?configuration.database.url, "keeps everything in");
    tracing::info!(
        workers = with_worker,
        seats = configuration.worker.seats,
        "carries out executions"
    );
    if configuration.is_exposed(address) {
        tracing::warn!(
            "insecure: listens beyond this machine, and server.public_url is not https://"
        );
    }
}

async fn sweep(node: Node) {
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (storage, clock) = (Arc::clone(&node.storage), Arc::clone(&node.clock));
        let swept =
            web::block(move || access_domain::sweep_sessions(&*storage, &*clock, SWEEP_LIMIT))
                .await;
        if let Ok(Err(error)) = swept {
            tracing::warn!(%error, "sessions that are over were not deleted");
        }
    }
}

async fn store_uses_every_minute(app: web::Data<App>) {
    let mut ticks = interval(USES_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        store_uses(app.clone()).await;
    }
}

async fn store_uses(app: web::Data<App>) {
    match web::block(move || app.store_uses()).await {
        Ok(Ok(0)) => {}
        Ok(Ok(missed)) => {
            tracing::warn!(missed, "more keys are in use than there is room to note the use of");
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "the last use of keys was not stored; it stays noted");
        }
        Err(gone) => tracing::warn!(%gone, "the last use of keys was not stored"),
    }
}

/// The signals that end a process in good order.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Failure::Failed(format!("cannot listen for signals: {error}")))
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) {
        select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
