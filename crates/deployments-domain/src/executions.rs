//! The use cases of executions, for callers of a deployment.

use std::{sync::Arc, time::Duration};

use access_domain::{
    ChangeError, Clock, DeploymentId, Execute, Fault, Granted, OrganizationId, OwnerRequired,
    Principal, StoreError, TokenUsage,
};
use keys_core::{Denial, Entropy, Id, KeyId, KeyRequest, decide};
use serde_json::{Map, Value};

use crate::{
    ClaimedRun, Definition, Event, Execution, ExecutionId, ExecutionStore, FileOutcome,
    FileOutcomes, FileStore, NewRun, Progress, RunEnded, RunFile, RunLimits, RunLog, RunMove,
    RunOutcome, RunRefusal, RunState, Runnable, SchemaCheck, SchemaCheckFailed, Status, Trigger,
    Upload, WorkflowRunner, next,
};

/// What a caller asks a deployment for.
pub struct StartRun {
    /// The input.
    pub input: Value,
    /// Where the input stands in what the caller sent, as a JSON pointer.
    pub input_pointer: &'static str,
    /// Parameters, over the deployment's own.
    pub parameters: Map<String, Value>,
    /// Files, which have arrived and are not kept yet.
    pub files: Vec<Upload>,
    /// Whether the steps run once for each file whatever the definition says.
    pub per_file: bool,
}

/// A bound on unfinished runs is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooManyExecutions {
    /// That of the deployment.
    #[error("the deployment has {limit} unfinished executions, as many as it may")]
    OfDeployment {
        /// The bound.
        limit: u32,
    },
    /// That of the organization.
    #[error("the organization has {limit} unfinished executions, as many as it may")]
    OfOrganization {
        /// The bound.
        limit: u32,
    },
}

/// Why a run was not accepted, found or cancelled.
#[derive(Debug, thiserror::Error)]
pub enum ExecutionError {
    /// There is no such execution, or no such deployment any more, for this caller.
    #[error("there is no such execution")]
    NotFound,
    /// The key was withdrawn after it was authenticated.
    #[error("the key is refused")]
    KeyRefused(#[source] Denial),
    /// The input breaks the deployment's schema.
    #[error("the input has {} faults", faults.len())]
    InputInvalid {
        /// All of them, with pointers into what the caller sent.
        faults: Vec<Fault>,
    },
    /// Whether the input obeys the schema could not be found out.
    #[error("the input was not checked")]
    SchemaCheck(#[source] SchemaCheckFailed),
    /// Too many are unfinished.
    #[error("the execution was not accepted")]
    TooMany(#[source] TooManyExecutions),
    /// The caller sees it, and another's workflow or deployment was started by another.
    #[error(transparent)]
    NotOwner(OwnerRequired),
    /// It has ended already.
    #[error("the execution is finished")]
    Finished,
    /// The steps run for each file, and there is none.
    #[error("the execution runs over files, and has none")]
    NoFiles,
    /// Storage failed.
    #[error("the execution was not read or saved")]
    Store(#[source] StoreError),
}

/// What there is to say of a run's result.
#[derive(Debug, Clone, PartialEq)]
pub enum RunResult {
    /// There is none yet.
    Unfinished(Execution),
    /// Here it is.
    Completed(Execution, Value),
    /// There is none: the run failed.
    Failed(Execution),
    /// There is none: the run was cancelled.
    Stopped(Execution),
    /// It was there and is no longer kept.
    Expired,
}

/// The use cases of executions.
pub struct Executions {
    /// Where runs are kept.
    pub store: Arc<dyn ExecutionStore>,
    /// Who carries them out.
    pub runner: Arc<dyn WorkflowRunner>,
    /// What hears of runs that are cancelled.
    pub log: Arc<dyn RunLog>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids.
    pub entropy: Arc<dyn Entropy>,
    /// Where the content of files is kept.
    pub files: Arc<dyn FileStore>,
    /// How long a claim of this node holds unless renewed.
    pub lease: Duration,
    /// What holds inputs against schemas.
    pub schemas: Arc<dyn SchemaCheck>,
}

impl Executions {
    /// Accepts a run: when this returns, it is on disk. A free worker of this process has it then
    /// already; else the next free worker anywhere takes it.
    ///
    /// # Errors
    /// When the deployment is gone or has too many unfinished runs, or the request was done before.
    pub fn start(
        &self,
        granted: &Granted<Execute>,
        request: StartRun,
    ) -> Result<Execution, ExecutionError> {
        self.start_for(tenant(granted)?, granted, request)
    }

    /// The same, whatever opened the deployment to the caller.
    pub(crate) fn start_for<P>(
        &self,
        (organization, deployment, key): Tenant,
        granted: &Granted<P>,
        mut request: StartRun,
    ) -> Result<Execution, ExecutionError> {
        let runnable = self
            .store
            .find_runnable(organization, deployment, key)
            .map_err(ExecutionError::Store)?;
        let runnable = runnable.ok_or(ExecutionError::NotFound)?;
        decide(&runnable.key, &KeyRequest::default(), self.clock.now())
            .map_err(ExecutionError::KeyRefused)?;
        self.check_input(&runnable, &request)?;
        let files = self.keep(organization, std::mem::take(&mut request.files))?;
        let seat = self.runner.reserve();
        let run = self.new_run(&runnable, key, request, files, seat.is_some())?;
        let (repeatable, trace) = (granted.repeatable(), granted.origin().trace);
        let run = NewRun { repeatable, trace, ..run };
        let limits = RunLimits {
            deployment: runnable.deployment.max_concurrent,
            organization: runnable.organization_limit,
        };
        self.store.accept(&run, limits).map_err(|error| self.not_accepted(&run, error))?;
        let execution = accepted(&run);
        match seat {
            Some(seat) => seat.run(claimed(run, runnable.definition)),
            None => self.runner.wake(),
        }
        Ok(execution)
    }

    /// Where a run stands.
    ///
    /// # Errors
    /// When it is not there for the caller.
    pub fn status(
        &self,
        granted: &Granted<Execute>,
        id: ExecutionId,
    ) -> Result<Execution, ExecutionError> {
        self.status_for(tenant(granted)?, id)
    }

    /// The same, whatever opened the deployment to the caller.
    pub(crate) fn status_for(
        &self,
        (organization, deployment, key): Tenant,
        id: ExecutionId,
    ) -> Result<Execution, ExecutionError> {
        let found = self
            .store
            .find_execution(organization, deployment, key, id)
            .map_err(ExecutionError::Store)?;
        found.ok_or(ExecutionError::NotFound)
    }

    /// The result of a run, as often as it is asked for.
    ///
    /// # Errors
    /// When the run is not there for the caller.
    pub fn result(
        &self,
        granted: &Granted<Execute>,
        id: ExecutionId,
    ) -> Result<RunResult, ExecutionError> {
        let execution = self.status(granted, id)?;
        self.result_of(granted.organization(), execution)
    }

    /// The whole result of a run that was found for the caller.
    pub(crate) fn result_of(
        &self,
        organization: OrganizationId,
        execution: Execution,
    ) -> Result<RunResult, ExecutionError> {
        Ok(match execution.state.status {
            Status::Pending | Status::Executing => RunResult::Unfinished(execution),
            Status::Error => RunResult::Failed(execution),
            Status::Stopped => RunResult::Stopped(execution),
            Status::Completed => {
                let result = self.store.find_result(organization, execution.id);
                let result = result.map_err(ExecutionError::Store)?;
                result.map_or(RunResult::Expired, |result| RunResult::Completed(execution, result))
            }
        })
    }

    /// What became of each file of a run that goes over its files one by one.
    ///
    /// # Errors
    /// When storage fails.
    pub fn file_outcomes(
        &self,
        granted: &Granted<Execute>,
        execution: &Execution,
    ) -> Result<FileOutcomes, ExecutionError> {
        let (organization, id) = (granted.organization(), execution.id);
        let result = match execution.state.status {
            Status::Pending | Status::Executing | Status::Stopped => return Ok(FileOutcomes::None),
            Status::Error => None,
            Status::Completed => {
                let found = self.store.find_result(organization, id);
                match found.map_err(ExecutionError::Store)? {
                    Some(result) => Some(result),
                    None => return Ok(FileOutcomes::Expired),
                }
            }
        };
        let files = self.store.find_run_files(organization, id).map_err(ExecutionError::Store)?;
        let steps = self.store.find_steps(id).map_err(ExecutionError::Store)?;
        let failure = execution.failure.as_ref().map_or("", |failure| failure.reason.as_str());
        let outcome =
            |(item, file)| FileOutcome::read(item, file, result.as_ref(), &steps, failure);
        Ok(FileOutcomes::Of(files.into_iter().enumerate().map(outcome).collect()))
    }

    /// Cancels a run: it is stopped when this returns, and a worker that holds it lets go of it
    /// soon.
    ///
    /// # Errors
    /// When it is not there for the caller, or has ended.
    pub fn cancel(
        &self,
        granted: &Granted<Execute>,
        id: ExecutionId,
    ) -> Result<Execution, ExecutionError> {
        self.cancel_found(granted.organization(), || self.status(granted, id))
    }

    /// Cancels the run that `find` finds for the caller.
    pub(crate) fn cancel_found(
        &self,
        organization: OrganizationId,
        find: impl Fn() -> Result<Execution, ExecutionError>,
    ) -> Result<Execution, ExecutionError> {
        // Between reading and saving, a worker may move the run. Each turn sees a later state, and
        // a run changes hands a bounded number of times.
        loop {
            let execution = find()?;
            let (id, from) = (execution.id, execution.state);
            let to = next(from, Event::Cancel).map_err(|refusal| match refusal {
                RunRefusal::Finished | RunRefusal::NotExecuting => ExecutionError::Finished,
            })?;
            let at = self.clock.now();
            let run_move = RunMove { id, from, to, at, end: None, steps: Vec::new() };
            if self.store.save_move(&run_move).map_err(ExecutionError::Store)? {
                self.runner.abort(id);
                self.log.ended(stopped(organization, &execution));
                return Ok(Execution { state: to, finished_at: Some(at), ..execution });
            }
        }
    }

    /// Calls `notify` when this process ends the run, unless the returned guard is dropped before.
    /// A run may end elsewhere, or have ended: read its status after calling this, and again from
    /// time to time.
    pub fn watch<P>(
        &self,
        _: &Granted<P>,
        id: ExecutionId,
        notify: Box<dyn FnOnce() + Send>,
    ) -> Box<dyn Send> {
        self.runner.watch(id, notify)
    }

    fn check_input(&self, runnable: &Runnable, request: &StartRun) -> Result<(), ExecutionError> {
        let Some(schema) = &runnable.deployment.input_schema else { return Ok(()) };
        let faults =
            self.schemas.validate(schema, &request.input).map_err(ExecutionError::SchemaCheck)?;
        let below = |fault: Fault| fault.below(request.input_pointer);
        let faults: Vec<Fault> = faults.into_iter().map(below).collect();
        if faults.is_empty() { Ok(()) } else { Err(ExecutionError::InputInvalid { faults }) }
    }

    /// Keeps the content of files, before the run that has them is accepted.
    fn keep(
        &self,
        organization: OrganizationId,
        uploads: Vec<Upload>,
    ) -> Result<Vec<RunFile>, ExecutionError> {
        let mut files = Vec::with_capacity(uploads.len());
        for mut upload in uploads {
            let id = Id::generate(self.clock.now(), &*self.entropy);
            let Upload { name, media_type, size, sha256, .. } = upload;
            if let Err(error) = upload.content.keep(organization, id) {
                self.give_up(organization, &files);
                return Err(ExecutionError::Store(error));
            }
            files.push(RunFile { id, name, media_type, size, sha256 });
        }
        Ok(files)
    }

    /// Removes files that no run has. What cannot be removed now is found by who looks for such.
    fn give_up(&self, organization: OrganizationId, files: &[RunFile]) {
        for file in files {
            let _ = self.files.remove(organization, file.id);
        }
    }

    fn not_accepted(&self, run: &NewRun, error: ChangeError<TooManyExecutions>) -> ExecutionError {
        match error {
            ChangeError::Refused(too_many) => {
                self.give_up(run.organization, &run.files);
                ExecutionError::TooMany(too_many)
            }
            ChangeError::Store(error @ StoreError::Repeated { .. }) => {
                self.give_up(run.organization, &run.files);
                ExecutionError::Store(error)
            }
            // The run may have been accepted although the answer to it was lost.
            ChangeError::Store(error) => ExecutionError::Store(error),
        }
    }

    fn new_run(
        &self,
        runnable: &Runnable,
        key: KeyId,
        request: StartRun,
        files: Vec<RunFile>,
        has_seat: bool,
    ) -> Result<NewRun, ExecutionError> {
        let deployment = &runnable.deployment;
        let created_at = self.clock.now();
        let mut parameters = deployment.default_parameters.clone();
        parameters.extend(request.parameters);
        let claimed = if has_seat { next(RunState::ACCEPTED, Event::Claim).ok() } else { None };
        // A saved definition was accepted by `parse`; a damaged one fails in the worker, with its reason.
        let definition = Definition::parse(&runnable.definition, "").ok();
        let per_file = request.per_file
            || definition.as_ref().is_some_and(|definition| definition.for_each_file);
        if per_file && files.is_empty() {
            return Err(ExecutionError::NoFiles);
        }
        let items = if per_file { files.len() } else { 1 };
        let steps = definition.map_or(0, |definition| definition.steps.len().saturating_mul(items));
        Ok(NewRun {
            id: Id::generate(created_at, &*self.entropy),
            organization: deployment.organization,
            workflow: deployment.workflow,
            version: runnable.version,
            trigger: Trigger::Call { deployment: deployment.id, key },
            state: claimed.unwrap_or(RunState::ACCEPTED),
            lease: self.lease,
            input: request.input,
            parameters,
            files,
            per_file,
            timeout_seconds: deployment.timeout_seconds,
            steps_total: i32::try_from(steps).unwrap_or(i32::MAX),
            trace: None,
            created_at,
            repeatable: None,
        })
    }
}

/// The organization, deployment and key that a call acts for.
pub(crate) type Tenant = (OrganizationId, DeploymentId, KeyId);

fn tenant(granted: &Granted<Execute>) -> Result<Tenant, ExecutionError> {
    match granted.who() {
        Principal::DeploymentKey { id, .. } => {
            Ok((granted.organization(), granted.permission().deployment, *id))
        }
        Principal::User { .. }
        | Principal::PlatformKey { .. }
        | Principal::OrganizationKey { .. } => Err(ExecutionError::NotFound),
    }
}

pub(crate) fn accepted(run: &NewRun) -> Execution {
    Execution {
        id: run.id,
        workflow: run.workflow,
        trigger: run.trigger,
        state: run.state,
        progress: Progress { steps_completed: 0, steps_total: run.steps_total, records: None },
        failure: None,
        created_at: run.created_at,
        started_at: (run.state != RunState::ACCEPTED).then_some(run.created_at),
        finished_at: None,
    }
}

/// A cancelled run, as it is counted. No worker ended it, so that its time tells nothing.
pub(crate) fn stopped(organization: OrganizationId, run: &Execution) -> RunEnded {
    RunEnded {
        consumer: run.trigger.consumer(organization),
        outcome: RunOutcome::Stopped,
        took: None,
        tokens: TokenUsage::default(),
    }
}

pub(crate) fn claimed(run: NewRun, definition: Value) -> ClaimedRun {
    ClaimedRun {
        id: run.id,
        state: run.state,
        organization: run.organization,
        trigger: run.trigger,
        started_at: run.created_at,
        lost: 0,
        definition,
        input: run.input,
        parameters: run.parameters,
        files: run.files,
        per_file: run.per_file,
        timeout_seconds: run.timeout_seconds,
        trace: run.trace,
    }
}

#[cfg(test)]
mod tests;
