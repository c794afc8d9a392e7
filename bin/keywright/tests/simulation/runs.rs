//! The oracle of runs: each that was accepted ends once, with what its end said, and no attempt is anybody's twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use access_domain::{ChangeError, StoreError};
use deployments_domain::{
    ClaimedRun, Event, ExecutionId, Failure, FailureCode, MAX_LOST, NewRun, RunEnd, RunLimits,
    RunMove, RunState, Status, Trigger, next,
};
use keys_core::{Id, Timestamp};
use serde_json::{Map, Value, json};
use storage_diesel::Storage;
use test_support::clock::CountingEntropy;

use super::given::Deployed;

/// How many may be unfinished.
pub(super) const BOUND: u32 = 8;
/// A claim holds for so long. Not a multiple of what the database's clock is moved by: what runs out does so in either case.
pub(super) const LEASE: Duration = Duration::from_millis(15_500);
/// How many runs a worker carries out at the same time.
pub(super) const SEATS: usize = 3;

/// A run in a worker's hands.
pub(super) struct Held {
    pub(super) id: ExecutionId,
    pub(super) state: RunState,
    /// Lost so often that whoever gets it gives it up.
    pub(super) is_given_up: bool,
    /// By the worker's own clock.
    pub(super) until: Duration,
}

/// What has become of every run, as storage did it.
#[derive(Default)]
pub(super) struct Runs {
    accepted: BTreeSet<ExecutionId>,
    attempts: BTreeSet<(ExecutionId, i32)>,
    ends: BTreeMap<ExecutionId, (Status, Option<Value>)>,
}

impl Runs {
    pub(super) fn accepted(&mut self, id: ExecutionId) {
        self.accepted.insert(id);
    }

    pub(super) fn claimed(&mut self, id: ExecutionId, attempt: i32) -> Result<(), String> {
        if !self.attempts.insert((id, attempt)) {
            return Err(format!("attempt {attempt} of the run {id} was given to two"));
        }
        if self.ends.contains_key(&id) {
            return Err(format!("the run {id} was claimed after its end"));
        }
        Ok(())
    }

    pub(super) fn ended(
        &mut self,
        id: ExecutionId,
        status: Status,
        result: Option<Value>,
    ) -> Result<(), String> {
        match self.ends.insert(id, (status, result)) {
            None => Ok(()),
            Some(before) => Err(format!("the run {id} ended as {before:?}, and again")),
        }
    }

    /// Those of which no end was saved.
    pub(super) fn unfinished(&self) -> Vec<ExecutionId> {
        self.accepted.iter().filter(|id| !self.ends.contains_key(id)).copied().collect()
    }

    pub(super) fn count(&self, status: Status) -> usize {
        self.ends.values().filter(|(ended, _)| *ended == status).count()
    }

    pub(super) fn count_ended(&self) -> usize {
        self.ends.len()
    }

    /// How many were taken over from a worker that had them before.
    pub(super) fn count_taken_over(&self) -> usize {
        self.attempts.iter().filter(|(_, attempt)| *attempt > 1).count()
    }

    /// After everything has come to rest.
    pub(super) fn check(&self, storage: &dyn Storage, deployed: &Deployed) -> Result<(), String> {
        for id in &self.accepted {
            let Some((status, result)) = self.ends.get(id) else {
                return Err(format!("the run {id} was accepted, and never ended"));
            };
            let saved = find(storage, deployed, *id)?;
            if saved.is_none_or(|state| state.status != *status) {
                return Err(format!("the run {id} ended as {status:?}, and is {saved:?}"));
            }
            let kept = storage
                .find_result(deployed.organization, *id)
                .map_err(|error| error.to_string())?;
            if kept != *result {
                return Err(format!("the run {id} ended with {result:?}, and has {kept:?}"));
            }
        }
        Ok(())
    }
}

/// The state of a run, as its caller can see it.
pub(super) fn find(
    storage: &dyn Storage,
    deployed: &Deployed,
    id: ExecutionId,
) -> Result<Option<RunState>, String> {
    let Trigger::Call { deployment, key } = deployed.trigger else { panic!("runs are calls") };
    let found = storage.find_execution(deployed.organization, deployment, key, id);
    Ok(found.map_err(|error| error.to_string())?.map(|execution| execution.state))
}

/// A run that is about to be accepted: by a worker with a free seat as its own.
pub(super) fn new_run(
    deployed: &Deployed,
    is_claimed: bool,
    at: Timestamp,
    entropy: &CountingEntropy,
) -> NewRun {
    let state = if is_claimed {
        next(RunState::ACCEPTED, Event::Claim).unwrap()
    } else {
        RunState::ACCEPTED
    };
    NewRun {
        id: Id::generate(at, entropy),
        organization: deployed.organization,
        workflow: deployed.workflow,
        version: deployed.version,
        trigger: deployed.trigger,
        state,
        lease: LEASE,
        input: json!({}),
        parameters: Map::new(),
        files: Vec::new(),
        per_file: false,
        timeout_seconds: 300,
        steps_total: 1,
        trace: None,
        created_at: at,
        repeatable: None,
    }
}

/// Saves it, unless there are too many: then `false`.
pub(super) fn accept(storage: &dyn Storage, run: &NewRun) -> Result<bool, StoreError> {
    let limits = RunLimits { deployment: Some(BOUND), organization: None };
    match storage.accept(run, limits) {
        Ok(()) => Ok(true),
        Err(ChangeError::Refused(_)) => Ok(false),
        Err(ChangeError::Store(error)) => Err(error),
    }
}

impl Held {
    pub(super) fn of(run: &ClaimedRun, until: Duration) -> Self {
        Self { id: run.id, state: run.state, is_given_up: run.lost >= MAX_LOST, until }
    }

    /// Its end, as this worker would save it.
    pub(super) fn end(&self, worker: usize, at: Timestamp) -> (RunMove, Option<Value>) {
        let (event, end, result) = if self.is_given_up {
            let failure =
                Failure { code: FailureCode::WorkerLost, step: None, reason: "lost".into() };
            (Event::Fail, RunEnd::Failure(failure), None)
        } else {
            let result = json!({"worker": worker, "attempt": self.state.attempt});
            (Event::Succeed, RunEnd::Result(result.clone()), Some(result))
        };
        let to = next(self.state, event).unwrap();
        (
            RunMove { id: self.id, from: self.state, to, at, end: Some(end), steps: Vec::new() },
            result,
        )
    }

    /// Given up unfinished.
    pub(super) fn release(&self, at: Timestamp) -> RunMove {
        moved(self.id, self.state, Event::Release, at)
    }
}

pub(super) fn moved(id: ExecutionId, from: RunState, event: Event, at: Timestamp) -> RunMove {
    RunMove { id, from, to: next(from, event).unwrap(), at, end: None, steps: Vec::new() }
}
