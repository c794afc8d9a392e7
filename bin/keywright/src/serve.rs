//! `serve` and `worker`: processes that run until they are told to stop.

use std::{
    any::Any,
    fmt::Display,
    io::{self, IsTerminal as _},
    mem::ManuallyDrop,
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use access_domain::KeyNotices;
use actix_web::{
    HttpServer,
    dev::{Server, ServerHandle},
    rt, web,
};
use console_web::Console;
use http_actix::App;
use mcp_server::Mcp;
use tokio::{
    join, select,
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
    task::JoinError,
    time::{MissedTickBehavior, interval, sleep},
};
use workflow_runtime::Worker;

use crate::{
    admin::Admin,
    arguments::ServeOptions,
    configuration::{Configuration, Loaded},
    counts::Counts,
    every_second::every_second,
    failure::Failure,
    logging,
    metrics::{Metrics, Recorder, Task},
    node::{Migrations, Node, sandbox},
    traces::Traces,
    upkeep::Audit,
};

/// How often sessions that are over and requests that are old are deleted, and how many sessions at a
/// time.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
const SWEEP_LIMIT: i64 = 1000;
/// How much longer than the waits that are set a stop may take: a database that hangs never hears what is
/// to be written down last.
const LAST_WRITES: Duration = Duration::from_secs(15);

/// `keywright serve`
pub(crate) fn run(loaded: &Loaded, options: ServeOptions) -> Result<ExitCode, Failure> {
    let configuration = &loaded.configuration;
    logging::start(&configuration.log)?;
    let migrations = if options.migrate { Migrations::Apply } else { Migrations::ApplyIfEmbedded };
    let recorder = Recorder::install(configuration)?;
    let node = Node::open(configuration, migrations)?;
    // Not dropped: that would wait for threads which a database that hangs may hold for ever.
    let system = ManuallyDrop::new(rt::System::new());
    system.block_on(serve(node, !options.no_worker, recorder, None))?;
    Ok(ExitCode::SUCCESS)
}

/// Serves until a signal. `ready` hears the address once requests are answered.
pub(crate) async fn serve(
    node: Node,
    with_worker: bool,
    recorder: Option<Recorder>,
    ready: Option<oneshot::Sender<SocketAddr>>,
) -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    let configuration = node.configuration.clone();
    let sandbox = sandbox(&configuration)?;
    let worker = if with_worker { Some(node.start_worker(Arc::clone(&sandbox))?) } else { None };
    let metrics = recorder.map(|recorder| Metrics::keep(recorder, &node, worker.clone()));
    let state = web::Data::new(node.app(sandbox, worker.clone(), metrics.as_ref())?);
    let waiting = Arc::clone(state.waiting());
    let admin = metrics.map(|metrics| Admin::of(metrics, &node, Some(state.clone())));
    let admin = admin.map(|admin| admin.listen(&configuration)).transpose()?.flatten();
    let (following, listening) = node.join_others(worker.clone())?;
    let (server, address) = match listen(&configuration, state.clone()) {
        Ok(listens) => listens,
        Err(failure) => {
            following.leave().await;
            return Err(failure);
        }
    };
    let handle = server.handle();
    announce(&configuration, address, with_worker);
    let traces = node.traces.clone();
    let dispatcher = node.start_dispatcher();
    let upkeep = begin_upkeep(node);
    if let Some(ready) = ready {
        let _ = ready.send(address);
    }
    let running = rt::spawn(server);
    let drain = stop.wait().await.drain(&configuration);
    let in_good_order = async {
        drain_for(drain, state).await;
        // At the same time: those who wait for an execution hear its end, and when there are no
        // more ends to come, where it stands.
        let worker_ends = async {
            finish(worker).await;
            waiting.stop();
        };
        join!(handle.stop(true), worker_ends, dispatcher.shutdown());
        let served = running.await;
        drop(listening);
        following.leave().await;
        end_upkeep(upkeep).await;
        close(traces, admin).await;
        served
    };
    select! {
        failure = cut_short(&mut stop, drain + longest_stop(&configuration)) => Err(failure),
        served = in_good_order => ended(served),
    }
}

/// Answers go on while whoever shares out requests finds out that this server is not ready any more.
async fn drain_for(time: Duration, state: web::Data<App>) {
    state.begin_to_drain();
    if !time.is_zero() {
        let seconds = time.as_secs();
        tracing::info!(seconds, "draining: not ready any more, each answer ends its connection");
        sleep(time).await;
    }
    tracing::info!(
        "stopping: open requests are answered, running executions finish or are handed back"
    );
}

/// How long a stop may take after the drain.
fn longest_stop(configuration: &Configuration) -> Duration {
    let (server, worker) = (&configuration.server, &configuration.worker);
    Duration::from_secs(server.shutdown_seconds.max(worker.shutdown_seconds)) + LAST_WRITES
}

fn ended(served: Result<io::Result<()>, JoinError>) -> Result<(), Failure> {
    let failed = |error: &dyn Display| Failure::Failed(format!("the server failed: {error}"));
    served.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
}

/// Listens for callers; the address is the one that was got where the configuration leaves it open.
fn listen(
    configuration: &Configuration,
    state: web::Data<App>,
) -> Result<(Server, SocketAddr), Failure> {
    let listen = configuration.server.listen;
    let event_loops = std::thread::available_parallelism().map_or(1, usize::from);
    let patience = Duration::from_secs(configuration.server.body_seconds);
    let console = console(&state, configuration.base_url());
    let mcp = agents(&state, configuration);
    let app = move || {
        let (mcp, console) = (mcp.clone(), console.clone());
        http_actix::app(state.clone(), move |config| {
            mcp_server::configure(mcp)(config);
            // Last: what is nobody's address may be a page's.
            console_web::configure(console)(config);
        })
    };
    let server = HttpServer::new(app)
        .client_request_timeout(Duration::from_secs(configuration.server.head_seconds))
        .on_connect(move |connection, _| cut_off_when_stalled(connection, patience))
        .workers(event_loops)
        .worker_max_blocking_threads(blocking_threads(configuration, event_loops))
        .shutdown_timeout(configuration.server.shutdown_seconds)
        // A caller who hung up waits for nothing any more.
        .h1_allow_half_closed(false)
        .disable_signals()
        .bind(listen)
        .map_err(|error| Failure::Failed(format!("cannot listen on {listen}: {error}")))?;
    let address = server.addrs().first().copied().unwrap_or(listen);
    Ok((server.run(), address))
}

/// The console, over what the REST edge stands on.
fn console(state: &App, base_url: String) -> web::Data<Console> {
    let (use_cases, passwords) = (state.use_cases(), state.passwords());
    web::Data::new(Console::new(Arc::clone(use_cases), Arc::clone(passwords), base_url))
}

/// The edge of agents, over the same.
fn agents(state: &App, configuration: &Configuration) -> web::Data<Mcp> {
    let settings = mcp_server::Settings {
        base_url: configuration.base_url(),
        max_body_bytes: configuration.server.max_body_bytes,
        body_timeout: Duration::from_secs(configuration.server.body_seconds),
    };
    web::Data::new(Mcp::new(Arc::clone(state.use_cases()), Arc::clone(state.waiting()), settings))
}

/// What goes on beside the answers, as long as the process does; returns what must be closed.
fn begin_upkeep(node: Node) -> (KeyNotices, Counts, Audit) {
    let (notices, counts, audit) = (node.key_notices(), node.counts.clone(), node.audit.clone());
    rt::spawn(audit.clone().keep());
    rt::spawn(tell_of_keys(notices.clone()));
    rt::spawn(sweep(Arc::new(node)));
    rt::spawn(counts.clone().keep());
    (notices, counts, audit)
}

/// After the last answer: what was called, refused and reached until then is written down.
async fn end_upkeep((notices, counts, audit): (KeyNotices, Counts, Audit)) {
    // Which limits were reached is known in memory alone. Whoever runs then delivers what is told.
    if let Ok(Err(error)) = web::block(move || notices.tell()).await {
        tracing::warn!(%error, "nobody is told of limits that were reached at the end");
    }
    counts.close().await;
    audit.close().await;
}

/// `keywright worker`
pub(crate) fn run_worker(loaded: &Loaded) -> Result<ExitCode, Failure> {
    let configuration = &loaded.configuration;
    logging::start(&configuration.log)?;
    let recorder = Recorder::install(configuration)?;
    let node = Node::open(configuration, Migrations::ApplyIfEmbedded)?;
    let system = ManuallyDrop::new(rt::System::new());
    system.block_on(async {
        let mut stop = Stop::listen()?;
        let worker = node.start_worker(sandbox(configuration)?)?;
        let metrics = recorder.map(|recorder| Metrics::keep(recorder, &node, Some(worker.clone())));
        let admin = metrics.map(|metrics| Admin::of(metrics, &node, None));
        let admin = admin.map(|admin| admin.listen(configuration)).transpose()?.flatten();
        let listening = node.listen_for_runs(worker.clone())?;
        rt::spawn(node.audit.clone().keep());
        rt::spawn(node.counts.clone().keep());
        tracing::info!(seats = configuration.worker.seats, "the worker runs");
        stop.wait().await;
        tracing::info!("stopping: running executions finish or are handed back");
        drop(listening);
        let in_good_order = async {
            finish(Some(worker)).await;
            node.counts.close().await;
            node.audit.close().await;
            close(node.traces, admin).await;
            Ok(ExitCode::SUCCESS)
        };
        select! {
            failure = cut_short(&mut stop, longest_stop(configuration)) => Err(failure),
            done = in_good_order => done,
        }
    })
}

/// Why a stop ends before its time: somebody has no more patience, or it would never end.
async fn cut_short(stop: &mut Stop, longest: Duration) -> Failure {
    let late = "stopped before everything was written down: the database does not answer";
    select! {
        _ = stop.wait() => Failure::Failed("stopped at once by a second signal".into()),
        () = sleep(longest) => Failure::Failed(late.into()),
    }
}

/// What outlives everything that it tells of.
async fn close(traces: Option<Arc<Traces>>, admin: Option<ServerHandle>) {
    if let Some(traces) = traces {
        let _ = web::block(move || traces.close()).await;
    }
    if let Some(admin) = admin {
        admin.stop(false).await;
    }
}

/// Has the system close a connection whose caller takes nothing of what is sent for so long: neither
/// a place nor memory is held for somebody who does not read.
#[cfg_attr(not(target_os = "linux"), expect(unused_variables, reason = "known on Linux alone"))]
fn cut_off_when_stalled(connection: &dyn Any, patience: Duration) {
    #[cfg(target_os = "linux")]
    if let Some(stream) = connection.downcast_ref::<rt::net::TcpStream>() {
        let milliseconds = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
        if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(stream, milliseconds) {
            tracing::debug!(%error, "a connection has no bound on how long it may stall");
        }
    }
}

async fn finish(worker: Option<Arc<Worker>>) {
    if let Some(worker) = worker {
        let report = worker.shutdown().await;
        tracing::info!(finished = report.finished, handed_back = report.handed_back, "stopped");
    }
}

/// Threads of each event loop for what blocks.
fn blocking_threads(configuration: &Configuration, event_loops: usize) -> usize {
    let connections = usize::try_from(configuration.database.pool_size).unwrap_or(usize::MAX);
    // A database that hangs holds as many threads as there are connections; whoever else asks for one
    // must find a thread to be refused by. And writers of SQLite wait for one commit together: the more
    // there are, the larger the group.
    connections.saturating_add(connections.div_ceil(event_loops).max(2))
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

async fn tell_of_keys(notices: KeyNotices) {
    let trouble = "nobody was told of ends and limits of keys; they will be";
    every_second(Task::Notices, trouble, move |_| notices.tell(), drop).await;
}

async fn sweep(node: Arc<Node>) {
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (storage, clock) = (Arc::clone(&node.storage), Arc::clone(&node.clock));
        let swept =
            web::block(move || access_domain::sweep_sessions(&*storage, &*clock, SWEEP_LIMIT))
                .await;
        let well = matches!(swept, Ok(Ok(_)));
        Task::Sessions.went(well);
        if let Ok(Err(error)) = swept {
            tracing::warn!(%error, "sessions that are over were not deleted");
        }
        let (storage, clock) = (Arc::clone(&node.storage), Arc::clone(&node.clock));
        let old =
            web::block(move || access_domain::sweep_invitations(&*storage, &*clock, SWEEP_LIMIT));
        if let Ok(Err(error)) = old.await {
            tracing::warn!(%error, "invitations that are over were not deleted");
        }
        let idempotency = node.idempotency();
        if let Ok(Err(error)) = web::block(move || idempotency.prune()).await {
            tracing::warn!(%error, "requests were not forgotten that are no longer answered again");
        }
        let deliveries = Arc::clone(&node);
        if let Ok(Err(error)) = web::block(move || deliveries.sweep_deliveries()).await {
            tracing::warn!(%error, "deliveries that ended long ago were not deleted");
        }
    }
}

/// The signals that end a process in good order.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

/// Who asked for the end.
enum Asked {
    /// Whoever keeps it running, perhaps beside others that callers can be sent to.
    ByManager,
    /// Somebody with Ctrl-C, who watches it end.
    AtTerminal,
}

impl Asked {
    fn drain(&self, configuration: &Configuration) -> Duration {
        match self {
            Self::ByManager => Duration::from_secs(configuration.server.drain_seconds),
            Self::AtTerminal => Duration::ZERO,
        }
    }
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

    async fn wait(&mut self) -> Asked {
        select! {
            _ = self.terminate.recv() => Asked::ByManager,
            _ = self.interrupt.recv() => {
                if io::stdin().is_terminal() { Asked::AtTerminal } else { Asked::ByManager }
            }
        }
    }
}
