//! Executions for those who manage what they are runs of: listed, looked into, started to try a workflow out. Must not tell
//! what its name calls a secret.

use std::{sync::Arc, time::Duration};

use access_domain::{
    ChangeError, Clock, DeploymentId, Granted, ManageWorkflows, OrganizationId, Page, PageRequest,
    StoreError, TokenUsage, Visibility,
};
use keys_core::{Entropy, Id, KeyId, Timestamp};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    Definition, Event, Execution, ExecutionError, ExecutionId, ExecutionStore, NewRun, RunLimits,
    RunLog, RunMove, RunResult, RunState, Status, StepRecord, StepState, Trigger, VersionId,
    WorkflowId, WorkflowRunner,
    executions::{accepted, claimed, stopped},
    next, redacted, without_keys,
};

/// How long a run may take that tries a workflow out, in seconds: as long as that of a deployment unless told.
const TRIAL_SECONDS: u32 = 300;

/// The kinds of [`Trigger`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerKind {
    /// A call of a deployment.
    Call,
    /// Somebody who tries a workflow out.
    Test,
    /// The workflow's schedule.
    Schedule,
}

impl TriggerKind {
    /// Every one there is.
    pub const ALL: [Self; 3] = [Self::Call, Self::Test, Self::Schedule];

    /// The name in storage and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Call => "CALL",
            Self::Test => "TEST",
            Self::Schedule => "SCHEDULE",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Which executions are wanted; all of those where a member is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Those of this deployment.
    pub deployment: Option<DeploymentId>,
    /// Those of this workflow, however they were started.
    pub workflow: Option<WorkflowId>,
    /// Those that stand so.
    pub status: Option<Status>,
    /// Those that this key started.
    pub key: Option<KeyId>,
    /// Those that were started so.
    pub trigger: Option<TriggerKind>,
    /// Those that were accepted from then on.
    pub from: Option<Timestamp>,
    /// Those that were accepted before then.
    pub to: Option<Timestamp>,
}

/// What is told of one execution beside its record: only what is asked for, since it may be large and is nobody's business
/// by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Inclusion {
    /// Input and parameters.
    pub input: bool,
    /// What each step put out.
    pub outputs: bool,
    /// The result.
    pub result: bool,
}

/// One execution, as those see it who look into it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunDetail {
    /// The record.
    pub execution: Execution,
    /// Its steps, by item and position; no more than are told at once.
    pub steps: Vec<RunStep>,
    /// Whether it has further steps.
    pub has_more_steps: bool,
    /// Whether its payload is still kept.
    pub has_payload: bool,
    /// What was sent, where it is wanted and kept.
    pub input: Option<Value>,
    /// The parameters, likewise.
    pub parameters: Option<Map<String, Value>>,
    /// The result, likewise.
    pub result: Option<Value>,
}

/// One step, as those see it who look into its run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunStep {
    /// The step; an output in it means nothing.
    pub record: StepRecord,
    /// What it put out, where that is wanted and kept, and not too much to tell.
    pub output: Option<Value>,
}

/// What is needed to try a workflow out.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The current version of the workflow.
    pub version: VersionId,
    /// That version's definition.
    pub definition: Value,
    /// How many runs of the whole organization may be unfinished at once.
    pub organization_limit: Option<u32>,
}

/// Runs, for those who manage what they are runs of. A run of a deployment is seen by whoever sees the deployment, any other
/// by whoever sees the workflow, deleted ones included.
pub trait HistoryStore: Send + Sync {
    /// The visible runs that the filter wants, newest first.
    ///
    /// # Errors
    /// When storage fails.
    fn list_executions(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        filter: &HistoryFilter,
        page: PageRequest,
    ) -> Result<Page<Execution>, StoreError>;

    /// A run with up to [`RunDetail::MOST_STEPS`] of its steps, if it is visible. Of outputs, the first
    /// [`RunDetail::MOST_OUTPUT_BYTES`] together are read.
    ///
    /// # Errors
    /// When storage fails.
    fn find_detail(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: ExecutionId,
        wanted: Inclusion,
    ) -> Result<Option<RunDetail>, StoreError>;

    /// The record of a run alone, if it is visible.
    ///
    /// # Errors
    /// When storage fails.
    fn find_run_record(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: ExecutionId,
    ) -> Result<Option<Execution>, StoreError>;

    /// Who made what the run is of: the deployment that was called, or else the workflow.
    ///
    /// # Errors
    /// When storage fails.
    fn find_owner(
        &self,
        organization: OrganizationId,
        id: ExecutionId,
    ) -> Result<Option<Uuid>, StoreError>;

    /// What a run of this workflow needs, if the workflow is visible and undeleted.
    ///
    /// # Errors
    /// When storage fails.
    fn find_trial(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: WorkflowId,
    ) -> Result<Option<Trial>, StoreError>;
}

impl RunDetail {
    /// So many steps are told of one execution: those of many files or records are many.
    pub const MOST_STEPS: usize = 1_000;
    /// So many bytes of outputs are told of one execution.
    pub const MOST_OUTPUT_BYTES: usize = 16 << 20;

    /// What models read and wrote for the steps that are told.
    pub fn tokens(&self) -> TokenUsage {
        let all = self.steps.iter().map(|step| step.record.tokens);
        all.fold(TokenUsage::default(), TokenUsage::plus)
    }

    /// The same without what its names call a secret, and without keys.
    fn redacted(mut self) -> Self {
        self.execution = tell(self.execution);
        for step in &mut self.steps {
            step.output = step.output.take().map(redacted);
            for line in &mut step.record.log {
                line.message = without_keys(std::mem::take(&mut line.message));
            }
            if let StepState::Failed(reason) = &mut step.record.state {
                *reason = without_keys(std::mem::take(reason));
            }
        }
        self.input = self.input.map(redacted);
        self.parameters = self.parameters.map(|parameters| match redacted(parameters.into()) {
            Value::Object(members) => members,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Map::new(),
        });
        self.result = self.result.map(redacted);
        self
    }
}

/// The record as it is told: reasons may quote what was sent.
fn tell(mut execution: Execution) -> Execution {
    if let Some(failure) = &mut execution.failure {
        failure.reason = without_keys(std::mem::take(&mut failure.reason));
    }
    execution
}

/// The use cases of executions, for those who manage what they are runs of.
pub struct History {
    /// What was and is.
    pub store: Arc<dyn HistoryStore>,
    /// Where runs are kept.
    pub executions: Arc<dyn ExecutionStore>,
    /// Who carries them out.
    pub runner: Arc<dyn WorkflowRunner>,
    /// What hears of runs that are cancelled.
    pub log: Arc<dyn RunLog>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids.
    pub entropy: Arc<dyn Entropy>,
    /// How long a claim of this node holds unless renewed.
    pub lease: Duration,
}

type Who<'a> = &'a Granted<ManageWorkflows>;

impl History {
    /// The executions that the caller may see, newest first.
    ///
    /// # Errors
    /// When storage fails.
    pub fn list(
        &self,
        granted: Who<'_>,
        filter: &HistoryFilter,
        page: PageRequest,
    ) -> Result<Page<Execution>, StoreError> {
        let (organization, visibility) = (granted.organization(), granted.visibility());
        let page = self.store.list_executions(organization, visibility, filter, page)?;
        Ok(Page { items: page.items.into_iter().map(tell).collect(), next: page.next })
    }

    /// One of them, with what is wanted of it.
    ///
    /// # Errors
    /// When it is not there for the caller.
    pub fn look_into(
        &self,
        granted: Who<'_>,
        id: ExecutionId,
        wanted: Inclusion,
    ) -> Result<RunDetail, ExecutionError> {
        self.detail(granted.organization(), granted.visibility(), id, wanted)
    }

    /// The same for whoever sees so much.
    pub(crate) fn detail(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: ExecutionId,
        wanted: Inclusion,
    ) -> Result<RunDetail, ExecutionError> {
        let found = self.store.find_detail(organization, visibility, id, wanted);
        let found = found.map_err(ExecutionError::Store)?.ok_or(ExecutionError::NotFound)?;
        Ok(found.redacted())
    }

    /// Where one of them stands.
    ///
    /// # Errors
    /// When it is not there for the caller.
    pub fn status(&self, granted: Who<'_>, id: ExecutionId) -> Result<Execution, ExecutionError> {
        let found = self.store.find_run_record(granted.organization(), granted.visibility(), id);
        found.map_err(ExecutionError::Store)?.ok_or(ExecutionError::NotFound)
    }

    /// Its record as it is told, for whoever sees so much.
    pub(crate) fn record(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: ExecutionId,
    ) -> Result<Execution, ExecutionError> {
        let found = self.store.find_run_record(organization, visibility, id);
        found.map_err(ExecutionError::Store)?.map(tell).ok_or(ExecutionError::NotFound)
    }

    /// What came of it, whole: for whoever has just started it.
    ///
    /// # Errors
    /// When it is not there for the caller.
    pub fn result(&self, granted: Who<'_>, id: ExecutionId) -> Result<RunResult, ExecutionError> {
        let execution = self.status(granted, id)?;
        Ok(match execution.state.status {
            Status::Pending | Status::Executing => RunResult::Unfinished(execution),
            Status::Error => RunResult::Failed(execution),
            Status::Stopped => RunResult::Stopped(execution),
            Status::Completed => {
                let result = self.executions.find_result(granted.organization(), id);
                let result = result.map_err(ExecutionError::Store)?;
                result.map_or(RunResult::Expired, |result| RunResult::Completed(execution, result))
            }
        })
    }

    /// Runs the current version of a workflow once, whether it is deployed or not. It counts among the unfinished runs of the
    /// organization.
    ///
    /// # Errors
    /// When the workflow is not there for the caller, or too many runs are unfinished.
    pub fn try_out(
        &self,
        granted: Who<'_>,
        workflow: WorkflowId,
        input: Value,
        parameters: Map<String, Value>,
    ) -> Result<Execution, ExecutionError> {
        let found = self.store.find_trial(granted.organization(), granted.visibility(), workflow);
        let trial = found.map_err(ExecutionError::Store)?.ok_or(ExecutionError::NotFound)?;
        let created_at = self.clock.now();
        let seat = self.runner.reserve();
        let state = if seat.is_some() { next(RunState::ACCEPTED, Event::Claim).ok() } else { None };
        let steps = Definition::parse(&trial.definition, "").map_or(0, |one| one.steps.len());
        let run = NewRun {
            id: Id::generate(created_at, &*self.entropy),
            organization: granted.organization(),
            workflow,
            version: trial.version,
            trigger: Trigger::Test { by: granted.who().actor() },
            state: state.unwrap_or(RunState::ACCEPTED),
            lease: self.lease,
            input,
            parameters,
            files: Vec::new(),
            per_file: false,
            timeout_seconds: TRIAL_SECONDS,
            steps_total: i32::try_from(steps).unwrap_or(i32::MAX),
            trace: granted.origin().trace,
            created_at,
            repeatable: granted.repeatable(),
        };
        let limits = RunLimits { deployment: None, organization: trial.organization_limit };
        self.executions.accept(&run, limits).map_err(|error| match error {
            ChangeError::Refused(too_many) => ExecutionError::TooMany(too_many),
            ChangeError::Store(error) => ExecutionError::Store(error),
        })?;
        let execution = accepted(&run);
        match seat {
            Some(seat) => seat.run(claimed(run, trial.definition)),
            None => self.runner.wake(),
        }
        Ok(execution)
    }

    /// Cancels an execution: whoever started it as a try, and whoever may change what it runs.
    ///
    /// # Errors
    /// When it is not there for the caller, not theirs to cancel, or has ended.
    pub fn cancel(&self, granted: Who<'_>, id: ExecutionId) -> Result<Execution, ExecutionError> {
        self.check_owner(granted, id)?;
        // As for its own caller: each turn sees a later state, and a run changes hands a bounded number of times.
        loop {
            let execution = self.status(granted, id)?;
            let from = execution.state;
            let to = next(from, Event::Cancel).map_err(|_| ExecutionError::Finished)?;
            let at = self.clock.now();
            let run_move = RunMove { id, from, to, at, end: None, steps: Vec::new() };
            if self.executions.save_move(&run_move).map_err(ExecutionError::Store)? {
                self.runner.abort(id);
                self.log.ended(stopped(granted.organization(), &execution));
                return Ok(tell(Execution { state: to, finished_at: Some(at), ..execution }));
            }
        }
    }

    fn check_owner(&self, granted: Who<'_>, id: ExecutionId) -> Result<(), ExecutionError> {
        let execution = self.status(granted, id)?;
        let actor = granted.who().actor();
        if matches!(execution.trigger, Trigger::Test { by } if by == actor) {
            return Ok(());
        }
        let owner = self.store.find_owner(granted.organization(), id);
        let owner = owner.map_err(ExecutionError::Store)?.ok_or(ExecutionError::NotFound)?;
        granted.visibility().owns(owner).map_err(ExecutionError::NotOwner)
    }

    /// As [`crate::Executions::watch`].
    pub fn watch(
        &self,
        _: Who<'_>,
        id: ExecutionId,
        notify: Box<dyn FnOnce() + Send>,
    ) -> Box<dyn Send> {
        self.runner.watch(id, notify)
    }
}
