//! Starting and cancelling runs, over a store that remembers what it was asked to save.

mod with_files;

use std::sync::Mutex;

use access_domain::{CallBounds, OrganizationName, authorize};
use keys_core::{Key, Timestamp};
use serde_json::json;
use uuid::Uuid;

use self::with_files::Shelf;
use super::*;
use crate::Retention;
use crate::{Deployment, Seat, StepRecord};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// Holds one run; `moves_meanwhile` are made by a worker between a caller's reading and saving.
#[derive(Default)]
struct OneRun {
    accepted: Mutex<Option<NewRun>>,
    state: Mutex<Option<RunState>>,
    moves_meanwhile: Mutex<Vec<RunState>>,
    key_revoked_at: Mutex<Option<Timestamp>>,
    input_schema: Mutex<Option<Value>>,
    is_full: Mutex<bool>,
}

/// A schema is what each value must be.
struct Same;

impl SchemaCheck for Same {
    fn check(&self, _: &Value) -> Result<Vec<Fault>, SchemaCheckFailed> {
        Ok(Vec::new())
    }

    fn validate(&self, schema: &Value, value: &Value) -> Result<Vec<Fault>, SchemaCheckFailed> {
        Ok(if schema == value { Vec::new() } else { vec![Fault::invalid("/a", "is another")] })
    }
}

impl ExecutionStore for OneRun {
    fn find_runnable(
        &self,
        organization: OrganizationId,
        id: DeploymentId,
        _: KeyId,
    ) -> Result<Option<Runnable>, StoreError> {
        let deployment = Deployment {
            id,
            workflow: Uuid::from_u128(7).into(),
            default_parameters: [("a".to_owned(), json!(1)), ("b".to_owned(), json!(1))]
                .into_iter()
                .collect(),
            timeout_seconds: 5,
            max_concurrent: Some(3),
            input_schema: self.input_schema.lock().unwrap().clone(),
            ..Deployment::blank(organization, Uuid::nil(), NOW)
        };
        let definition = json!({"steps": [{"id": "a", "tool": "passthrough"}]});
        let revoked_at = *self.key_revoked_at.lock().unwrap();
        let key = Key { revoked_at, ..Key::new(id) };
        let (version, organization_limit) = (Uuid::from_u128(8).into(), Some(9));
        Ok(Some(Runnable { deployment, version, definition, organization_limit, key }))
    }

    fn accept(
        &self,
        run: &NewRun,
        limits: RunLimits,
    ) -> Result<(), ChangeError<TooManyExecutions>> {
        assert_eq!(limits, RunLimits { deployment: Some(3), organization: Some(9) });
        if *self.is_full.lock().unwrap() {
            return Err(ChangeError::Refused(TooManyExecutions::OfDeployment { limit: 3 }));
        }
        *self.accepted.lock().unwrap() = Some(run.clone());
        *self.state.lock().unwrap() = Some(run.state);
        Ok(())
    }

    fn find_execution(
        &self,
        _: OrganizationId,
        deployment: DeploymentId,
        _: KeyId,
        id: ExecutionId,
    ) -> Result<Option<Execution>, StoreError> {
        let state = *self.state.lock().unwrap();
        let progress = Progress { steps_completed: 0, steps_total: 1, records: None };
        Ok(state.map(|state| Execution {
            id,
            workflow: Uuid::from_u128(7).into(),
            trigger: Trigger::Call { deployment, key: Uuid::from_u128(4).into() },
            state,
            progress,
            failure: None,
            created_at: NOW,
            started_at: None,
            finished_at: None,
        }))
    }

    fn find_result(&self, _: OrganizationId, _: ExecutionId) -> Result<Option<Value>, StoreError> {
        Ok(None)
    }

    fn save_move(&self, run_move: &RunMove) -> Result<bool, StoreError> {
        assert_eq!(run_move.steps, Vec::<StepRecord>::new());
        let mut state = self.state.lock().unwrap();
        if let Some(moved) = self.moves_meanwhile.lock().unwrap().pop() {
            *state = Some(moved);
        }
        let holds = *state == Some(run_move.from);
        if holds {
            *state = Some(run_move.to);
        }
        Ok(holds)
    }

    fn save_steps(&self, _: ExecutionId, _: i32, _: &[StepRecord]) -> Result<bool, StoreError> {
        unreachable!("only workers save steps")
    }

    fn find_steps(&self, _: ExecutionId) -> Result<Vec<StepRecord>, StoreError> {
        unreachable!("only workers go on where others stopped")
    }

    fn find_run_files(
        &self,
        _: OrganizationId,
        _: ExecutionId,
    ) -> Result<Vec<RunFile>, StoreError> {
        unreachable!("nobody asks for files")
    }

    fn find_files(&self, _: &[crate::FileId]) -> Result<crate::FoundFiles, StoreError> {
        unreachable!("only workers tidy up")
    }

    fn claim(&self, _: u32, _: Duration, _: Timestamp) -> Result<Vec<ClaimedRun>, StoreError> {
        Ok(Vec::new())
    }

    fn renew(&self, _: &[(ExecutionId, i32)], _: Duration) -> Result<Vec<ExecutionId>, StoreError> {
        Ok(Vec::new())
    }

    fn delete_old_payloads(&self, _: Timestamp, _: Retention, _: u32) -> Result<usize, StoreError> {
        Ok(0)
    }

    fn delete_old_records(&self, _: Timestamp, _: Retention, _: u32) -> Result<usize, StoreError> {
        Ok(0)
    }
}

/// A runner with or without a free seat that notes what it is told.
#[derive(Default)]
struct Notes {
    has_seat: bool,
    said: Arc<Mutex<Vec<String>>>,
}

struct NotingSeat(Arc<Mutex<Vec<String>>>);

impl Seat for NotingSeat {
    fn run(self: Box<Self>, run: ClaimedRun) {
        self.0.lock().unwrap().push(format!("run attempt {}", run.state.attempt));
    }
}

impl WorkflowRunner for Notes {
    fn reserve(&self) -> Option<Box<dyn Seat>> {
        self.has_seat.then(|| Box::new(NotingSeat(self.said.clone())) as Box<dyn Seat>)
    }

    fn wake(&self) {
        self.said.lock().unwrap().push("wake".into());
    }

    fn abort(&self, _: ExecutionId) {
        self.said.lock().unwrap().push("abort".into());
    }

    fn watch(&self, _: ExecutionId, _: Box<dyn FnOnce() + Send>) -> Box<dyn Send> {
        Box::new(())
    }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }
}

impl Entropy for Still {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(1);
    }
}

struct Bench {
    store: Arc<OneRun>,
    said: Arc<Mutex<Vec<String>>>,
    ended: Arc<Ends>,
    executions: Executions,
    shelf: Arc<Shelf>,
    granted: Granted<Execute>,
}

fn bench(has_seat: bool) -> Bench {
    let store = Arc::new(OneRun::default());
    let runner = Notes { has_seat, ..Notes::default() };
    let said = runner.said.clone();
    let deployment = Uuid::from_u128(2).into();
    let who = Principal::DeploymentKey {
        id: Uuid::from_u128(3).into(),
        organization: OrganizationName { id: Uuid::from_u128(1).into(), slug: "acme".into() },
        deployment,
        name: String::new(),
        expires_at: None,
        bounds: CallBounds::default(),
    };
    let granted = authorize(who, Execute { deployment }).unwrap();
    let lease = Duration::from_secs(30);
    let (clock, entropy) = (Arc::new(Still), Arc::new(Still));
    let (store_port, runner, schemas) = (store.clone(), Arc::new(runner), Arc::new(Same));
    let ended = Arc::<Ends>::default();
    let log = ended.clone();
    let shelf = Arc::<Shelf>::default();
    let files = shelf.clone();
    let executions =
        Executions { store: store_port, runner, log, clock, entropy, files, lease, schemas };
    Bench { store, said, ended, executions, shelf, granted }
}

/// The ends that were counted.
#[derive(Default)]
struct Ends(Mutex<Vec<RunEnded>>);

impl RunLog for Ends {
    fn ended(&self, run: RunEnded) {
        self.0.lock().unwrap().push(run);
    }
}

fn request(parameters: Map<String, Value>) -> StartRun {
    StartRun {
        input: json!("in"),
        input_pointer: "/input_data",
        parameters,
        files: Vec::new(),
        per_file: false,
    }
}

impl Bench {
    fn start(&self) -> Execution {
        let parameters = [("b".to_owned(), json!(2))].into_iter().collect();
        self.executions.start(&self.granted, request(parameters)).unwrap()
    }

    fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }
}

#[test]
fn a_run_that_finds_a_free_seat_is_born_claimed() {
    let bench = bench(true);
    let execution = bench.start();
    assert_eq!(execution.state, RunState { status: Status::Executing, attempt: 1 });
    assert_eq!(execution.started_at, Some(NOW));
    assert_eq!(bench.said(), ["run attempt 1"]);
}

#[test]
fn a_run_that_finds_none_waits_and_wakes_whoever_is_free() {
    let bench = bench(false);
    assert_eq!(bench.start().state, RunState::ACCEPTED);
    assert_eq!(bench.said(), ["wake"]);
}

#[test]
fn a_key_that_was_withdrawn_while_its_call_came_in_starts_nothing() {
    let bench = bench(true);
    *bench.store.key_revoked_at.lock().unwrap() = Some(NOW);
    let refused = bench.executions.start(&bench.granted, request(Map::new()));
    assert!(matches!(refused, Err(ExecutionError::KeyRefused(Denial::Revoked))));
    assert!(bench.said().is_empty() && bench.store.accepted.lock().unwrap().is_none());
}

#[test]
fn an_input_that_breaks_the_schema_starts_nothing() {
    let bench = bench(true);
    *bench.store.input_schema.lock().unwrap() = Some(json!("out"));
    let refused = bench.executions.start(&bench.granted, request(Map::new()));
    let Err(ExecutionError::InputInvalid { faults }) = refused else { panic!("{refused:?}") };
    assert_eq!(faults, [Fault::invalid("/input_data/a", "is another")]);
    assert!(bench.said().is_empty() && bench.store.accepted.lock().unwrap().is_none());
    *bench.store.input_schema.lock().unwrap() = Some(json!("in"));
    bench.start();
}

#[test]
fn parameters_of_the_call_lie_over_those_of_the_deployment() {
    let bench = bench(false);
    bench.start();
    let accepted = bench.store.accepted.lock().unwrap().take().unwrap();
    assert_eq!(Value::Object(accepted.parameters), json!({"a": 1, "b": 2}));
    assert_eq!((accepted.timeout_seconds, accepted.steps_total), (5, 1));
}

#[test]
fn a_run_that_changes_hands_meanwhile_is_cancelled_all_the_same() {
    let bench = bench(false);
    let id = bench.start().id;
    *bench.store.moves_meanwhile.lock().unwrap() = vec![
        RunState { status: Status::Pending, attempt: 1 },
        RunState { status: Status::Executing, attempt: 1 },
    ];
    let stopped = bench.executions.cancel(&bench.granted, id).unwrap();
    assert_eq!(stopped.state, RunState { status: Status::Stopped, attempt: 1 });
    assert_eq!(bench.said(), ["wake", "abort"]);
    let ended = bench.ended.0.lock().unwrap();
    let [run] = ended.as_slice() else { panic!("{ended:?}") };
    assert_eq!((run.outcome, run.took), (RunOutcome::Stopped, None));
    assert_eq!(run.consumer.key, stopped.trigger.key(), "whoever cancelled it");
}

#[test]
fn a_run_that_ends_meanwhile_is_not_cancelled() {
    let bench = bench(false);
    let id = bench.start().id;
    *bench.store.moves_meanwhile.lock().unwrap() =
        vec![RunState { status: Status::Completed, attempt: 1 }];
    assert!(matches!(bench.executions.cancel(&bench.granted, id), Err(ExecutionError::Finished)));
    assert!(bench.ended.0.lock().unwrap().is_empty());
    assert_eq!(bench.said(), ["wake"]);
}

#[test]
fn a_result_that_is_no_longer_kept_is_said_so() {
    let bench = bench(false);
    let id = bench.start().id;
    *bench.store.state.lock().unwrap() = Some(RunState { status: Status::Completed, attempt: 1 });
    assert_eq!(bench.executions.result(&bench.granted, id).unwrap(), RunResult::Expired);
}
