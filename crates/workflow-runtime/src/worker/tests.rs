//! The worker over a store in memory and filters that do as they are told, in paused time.

mod memory_store;
mod swept_files;

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::Duration,
};

use access_domain::{Clock, Fault, Models};
use deployments_domain::{
    ClaimedRun, ExecutionId, FailureCode, MAX_LOST, RunEnd, RunEnded, RunLog, RunOutcome, RunState,
    Seat, Status, StepState, Trigger, WorkflowRunner,
};
use keys_core::{Entropy, Id, Timestamp};
use outbound::{HttpClient, NetworkPolicy};
use serde_json::{Map, Value, json};
use tokio::{
    runtime::Handle,
    sync::{Notify, oneshot, watch},
    task::JoinHandle,
    time::{Instant, sleep, timeout_at},
};

use self::memory_store::{MemoryStore, Row};
use super::{ShutdownReport, Stopping, Worker, WorkerConfig, WorkerPorts, engine::Engine};
use crate::{
    sandbox::{FilterOutput, Sandbox, SandboxCommand, SandboxConfig, SandboxError},
    tools::{Confined, StepData, Tools},
};

const LEASE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy)]
struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp_millis(1_800_000_000_000).unwrap()
    }
}

struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::SeqCst));
    }
}

static ENTROPY: Counting = Counting(AtomicU8::new(0));

/// Filters named for what they do.
#[derive(Default)]
struct ToldFilters {
    running: Arc<AtomicUsize>,
    begun: Notify,
}

struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Confined for ToldFilters {
    fn filter<'a>(
        &'a self,
        filter: &'a str,
        _: &'a StepData<'a>,
        deadline: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<FilterOutput, SandboxError>> + Send + 'a>> {
        Box::pin(async move {
            self.running.fetch_add(1, Ordering::SeqCst);
            let _running = Running(self.running.clone());
            self.begun.notify_one();
            match filter {
                "hang" => {
                    let hang = std::future::pending::<()>();
                    timeout_at(deadline, hang).await.map_err(|_| SandboxError::TimedOut)?;
                }
                "slow" => sleep(Duration::from_secs(2)).await,
                "panic" => panic!("told to panic"),
                _ => {}
            }
            Ok(FilterOutput { value: json!(filter), bytes: filter.len() })
        })
    }

    fn hold_against<'a>(
        &'a self,
        _: &'a Value,
        _: &'a Value,
        _: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Fault>, SandboxError>> + Send + 'a>> {
        unreachable!("no step validates")
    }

    fn max_document_bytes(&self) -> usize {
        0
    }

    fn text_of<'a>(
        &'a self,
        _: crate::sandbox::DocumentFormat,
        _: &'a [u8],
        _: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<String, crate::sandbox::DocumentError>> + Send + 'a>>
    {
        unreachable!("no text is extracted")
    }
}

/// The ends that were counted.
#[derive(Default)]
struct Ends(Mutex<Vec<RunEnded>>);

impl RunLog for Ends {
    fn ended(&self, run: RunEnded) {
        self.0.lock().unwrap().push(run);
    }
}

fn tools(confined: Arc<dyn Confined>) -> Tools {
    Tools {
        confined,
        http: HttpClient::new(NetworkPolicy::guarded(Vec::new())),
        models: Arc::new(Models::built_in(&BTreeMap::new()).unwrap()),
        secrets: Arc::new(()),
        clock: Arc::new(FixedClock),
        files: Arc::new(crate::DirectoryFiles::new(std::path::PathBuf::new(), 0)),
    }
}

struct Bench {
    engine: Arc<Engine>,
    store: Arc<MemoryStore>,
    filters: Arc<ToldFilters>,
    log: Arc<Ends>,
    stop: watch::Sender<Option<Stopping>>,
    report: JoinHandle<ShutdownReport>,
}

impl Bench {
    fn start() -> Self {
        Self::with(WorkerConfig { seats: 2, lease: LEASE, ..WorkerConfig::default() })
    }

    fn with(config: WorkerConfig) -> Self {
        let (store, filters) = (Arc::<MemoryStore>::default(), Arc::<ToldFilters>::default());
        let log = Arc::<Ends>::default();
        let engine = Engine::new(
            config,
            store.clone(),
            log.clone(),
            tools(filters.clone()),
            Handle::current(),
        );
        let (stop, stopped) = watch::channel(None);
        let report = tokio::spawn(engine.clone().serve(stopped));
        Self { engine, store, filters, log, stop, report }
    }

    /// Accepts a run into a free seat of this worker.
    fn begin(&self, filter: &str) -> ExecutionId {
        let seat = self.engine.reserve().expect("a free seat");
        let run = run(filter, Status::Executing, 1);
        self.store.add(&run, LEASE);
        Box::new(seat).run(run.clone());
        run.id
    }

    /// Accepts a run into a free seat and waits until its filter runs.
    async fn begin_and_wait(&self, filter: &str) -> ExecutionId {
        let id = self.begin(filter);
        self.filters.begun.notified().await;
        id
    }

    /// Accepts a run that nobody holds.
    fn enqueue(&self, filter: &str, lost: i32) -> ExecutionId {
        let run = ClaimedRun { lost, ..run(filter, Status::Pending, lost) };
        self.store.add(&run, LEASE);
        self.engine.wake();
        run.id
    }

    /// Waits until the worker lets go of the run.
    async fn let_go(&self, id: ExecutionId) -> Row {
        let (notify, notified) = oneshot::channel();
        let _waiting = self.engine.waiters.watch(id, Box::new(move || _ = notify.send(())));
        notified.await.unwrap();
        self.store.row(id)
    }

    async fn shut_down(self) -> ShutdownReport {
        self.stop.send_replace(Some(Stopping::WithGrace));
        self.report.await.unwrap()
    }

    fn running(&self) -> usize {
        self.filters.running.load(Ordering::SeqCst)
    }
}

fn run(filter: &str, status: Status, attempt: i32) -> ClaimedRun {
    let transform = json!({"id": "shape", "tool": "transform", "filter": filter});
    let passthrough = json!({"id": "first", "tool": "passthrough"});
    let steps = if filter == "." { json!([passthrough]) } else { json!([passthrough, transform]) };
    ClaimedRun {
        id: Id::generate(FixedClock.now(), &ENTROPY),
        state: RunState { status, attempt },
        organization: Id::generate(FixedClock.now(), &ENTROPY),
        trigger: Trigger::Call {
            deployment: Id::generate(FixedClock.now(), &ENTROPY),
            key: Id::generate(FixedClock.now(), &ENTROPY),
        },
        started_at: FixedClock.now() - Duration::from_millis(40),
        lost: 0,
        definition: json!({ "steps": steps }),
        input: json!({"total": 7}),
        parameters: Map::new(),
        files: Vec::new(),
        per_file: false,
        timeout_seconds: 100,
        trace: None,
    }
}

#[track_caller]
fn check(row: &Row, status: Status, attempt: i32) {
    assert_eq!(row.run.state, RunState { status, attempt });
}

#[track_caller]
fn check_failed(row: &Row, code: FailureCode, step: Option<&str>) {
    assert_eq!(row.run.state.status, Status::Error);
    let Some(RunEnd::Failure(failure)) = &row.end else { panic!("{:?}", row.end) };
    assert_eq!((failure.code, failure.step.as_deref()), (code, step));
}

#[tokio::test(start_paused = true)]
async fn a_run_in_a_free_seat_ends_with_its_result() {
    let bench = Bench::start();
    let id = bench.begin("shaped");
    let row = bench.let_go(id).await;
    check(&row, Status::Completed, 1);
    assert_eq!(row.end, Some(RunEnd::Result(json!("shaped"))));
    let outputs: Vec<_> = row.steps.iter().map(|step| step.state.clone()).collect();
    assert_eq!(outputs, [json!({"total": 7}), json!("shaped")].map(StepState::Succeeded));
    assert_eq!(bench.shut_down().await, ShutdownReport::default());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ends_is_counted_once_with_the_time_that_it_took() {
    let bench = Bench::start();
    let id = bench.begin("shaped");
    let row = bench.let_go(id).await;
    let lost = bench.begin("slow");
    bench.store.take_over(lost);
    bench.let_go(lost).await;
    let ended = bench.log.0.lock().unwrap();
    let [run] = ended.as_slice() else { panic!("{ended:?}") };
    let consumer = row.run.trigger.consumer(row.run.organization);
    assert_eq!((run.consumer, run.outcome), (consumer, RunOutcome::Completed));
    assert_eq!(run.took, Some(Duration::from_millis(40)));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_is_claimed_when_the_worker_is_woken_or_looks() {
    let bench = Bench::start();
    let id = bench.enqueue("shaped", 0);
    check(&bench.let_go(id).await, Status::Completed, 1);
    let unannounced = run("shaped", Status::Pending, 0);
    bench.store.add(&unannounced, LEASE);
    check(&bench.let_go(unannounced.id).await, Status::Completed, 1);
}

#[tokio::test(start_paused = true)]
async fn there_are_as_many_seats_as_configured() {
    let bench = Bench::start();
    let (first, second) = (bench.engine.reserve(), bench.engine.reserve());
    assert!(first.is_some() && second.is_some() && bench.engine.reserve().is_none());
    drop(first);
    assert!(bench.engine.reserve().is_some());
}

#[tokio::test(start_paused = true)]
async fn runs_that_wait_go_before_runs_that_come() {
    let bench = Bench::start();
    bench.store.fails_renewals.store(true, Ordering::SeqCst);
    let busy = [bench.begin_and_wait("hang").await, bench.begin_and_wait("hang").await];
    let waiting = bench.enqueue("slow", 0);
    while !bench.engine.has_backlog.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    bench.engine.abort(busy[0]);
    assert!(bench.engine.reserve().is_none(), "the seat belongs to the run that waits");
    check(&bench.let_go(waiting).await, Status::Completed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_stops_and_saves_nothing() {
    let bench = Bench::start();
    let id = bench.begin_and_wait("hang").await;
    bench.engine.abort(id);
    bench.engine.held.emptied().await;
    assert_eq!(bench.running(), 0);
    assert!(bench.store.row(id).end.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_another_worker_took_stops() {
    let bench = Bench::start();
    let id = bench.begin_and_wait("hang").await;
    bench.store.take_over(id);
    check(&bench.let_go(id).await, Status::Executing, 2);
    assert_eq!(bench.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_stops_when_its_lease_may_have_run_out() {
    let bench = Bench::start();
    bench.store.fails_renewals.store(true, Ordering::SeqCst);
    bench.store.fails_claims.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    let id = bench.begin_and_wait("hang").await;
    check(&bench.let_go(id).await, Status::Executing, 1);
    assert_eq!((begun.elapsed().as_secs(), bench.running()), (LEASE.as_secs(), 0));
}

#[tokio::test(start_paused = true)]
async fn renewed_leases_outlast_their_first_term() {
    let bench = Bench::start();
    let id = bench.begin_and_wait("hang").await;
    let row = bench.let_go(id).await;
    check_failed(&row, FailureCode::TimedOut, Some("shape"));
    assert_eq!(row.run.state.attempt, 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_takes_too_long_times_out_with_what_it_did() {
    let bench = Bench::start();
    let begun = Instant::now();
    let id = bench.begin("hang");
    let row = bench.let_go(id).await;
    check_failed(&row, FailureCode::TimedOut, Some("shape"));
    assert_eq!((begun.elapsed().as_secs(), row.steps.len()), (100, 2));
}

#[tokio::test(start_paused = true)]
async fn an_end_is_saved_when_the_store_is_back() {
    let bench = Bench::start();
    bench.store.failing_saves.store(5, Ordering::SeqCst);
    let id = bench.begin("shaped");
    check(&bench.let_go(id).await, Status::Completed, 1);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_cannot_be_saved_is_left_to_another_attempt() {
    let bench = Bench::start();
    bench.store.failing_saves.store(usize::MAX, Ordering::SeqCst);
    bench.store.fails_renewals.store(true, Ordering::SeqCst);
    let id = bench.begin("shaped");
    check(&bench.let_go(id).await, Status::Executing, 1);
    bench.store.failing_saves.store(0, Ordering::SeqCst);
    check(&bench.let_go(id).await, Status::Completed, 2);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_too_many_workers_lost_is_given_up() {
    let bench = Bench::start();
    let id = bench.enqueue("shaped", MAX_LOST);
    let row = bench.let_go(id).await;
    check_failed(&row, FailureCode::WorkerLost, None);
    assert!(row.steps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_its_run_and_nothing_else() {
    let bench = Bench::start();
    for _ in 0..5 {
        let id = bench.begin("panic");
        check_failed(&bench.let_go(id).await, FailureCode::StepFailed, None);
    }
    bench.store.panics_on_save.store(true, Ordering::SeqCst);
    let id = bench.begin("shaped");
    bench.filters.begun.notified().await;
    bench.store.panics_on_save.store(false, Ordering::SeqCst);
    check(&bench.let_go(id).await, Status::Completed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_lets_runs_finish() {
    let bench = Bench::start();
    let id = bench.begin_and_wait("slow").await;
    let store = bench.store.clone();
    assert_eq!(bench.shut_down().await, ShutdownReport { finished: 1, handed_back: 0 });
    check(&store.row(id), Status::Completed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_hands_back_what_does_not_finish() {
    let bench = Bench::start();
    let (id, begun) = (bench.begin_and_wait("hang").await, Instant::now());
    let (store, filters) = (bench.store.clone(), bench.filters.clone());
    assert_eq!(bench.shut_down().await, ShutdownReport { finished: 0, handed_back: 1 });
    check(&store.row(id), Status::Pending, 1);
    assert_eq!((begun.elapsed().as_secs(), filters.running.load(Ordering::SeqCst)), (20, 0));
}

#[tokio::test(start_paused = true)]
async fn a_seat_that_is_used_after_the_shutdown_hands_its_run_back() {
    let bench = Bench::start();
    let seat = bench.engine.reserve().unwrap();
    let (store, engine) = (bench.store.clone(), bench.engine.clone());
    bench.shut_down().await;
    let late = run("shaped", Status::Executing, 1);
    store.add(&late, LEASE);
    Box::new(seat).run(late.clone());
    check(&store.row(late.id), Status::Pending, 1);
    assert!(engine.reserve().is_none());
}

#[tokio::test(start_paused = true)]
async fn old_payloads_are_deleted_batch_by_batch() {
    let bench = Bench::start();
    bench.store.old_payloads.store(103, Ordering::SeqCst);
    while bench.store.deletions.load(Ordering::SeqCst) < 3 {
        bench.store.changed.notified().await;
    }
    assert_eq!(bench.store.old_payloads.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_waiting_is_not_told() {
    let bench = Bench::start();
    let id = bench.begin_and_wait("slow").await;
    let (notify, notified) = oneshot::channel::<()>();
    drop(bench.engine.waiters.watch(id, Box::new(move || _ = notify.send(()))));
    bench.let_go(id).await;
    assert!(notified.await.is_err());
}

/// Without a runtime around it, as a handler's blocking thread uses it; and a pass-through workflow
/// needs no sandbox, so it does not matter that this one cannot start a child.
#[test]
fn a_worker_of_its_own_thread_runs_a_passthrough_without_a_sandbox() {
    let command = SandboxCommand { program: "/nonexistent".into(), args: Vec::new() };
    let sandbox = Arc::new(Sandbox::start(SandboxConfig::new(command, 1)).unwrap());
    let store = Arc::new(MemoryStore::default());
    let ports = WorkerPorts {
        store: store.clone(),
        log: Arc::new(()),
        clock: Arc::new(FixedClock),
        sandbox,
        http: HttpClient::new(NetworkPolicy::guarded(Vec::new())),
        models: Arc::new(Models::built_in(&BTreeMap::new()).unwrap()),
        secrets: Arc::new(()),
        files: Arc::new(crate::DirectoryFiles::new(std::path::PathBuf::new(), 0)),
    };
    let worker = Worker::start(WorkerConfig::default(), ports).unwrap();
    let run = run(".", Status::Executing, 1);
    store.add(&run, LEASE);
    let (notify, notified) = std::sync::mpsc::channel();
    let _waiting = worker.watch(run.id, Box::new(move || _ = notify.send(())));
    worker.reserve().expect("a free seat").run(run.clone());
    notified.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(store.row(run.id).end, Some(RunEnd::Result(run.input)));

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let first = runtime.block_on(worker.shutdown());
    assert_eq!((first, runtime.block_on(worker.shutdown())), (first, ShutdownReport::default()));
    assert!(worker.reserve().is_none());
}
