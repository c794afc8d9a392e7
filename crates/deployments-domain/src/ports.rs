//! What the use cases of this crate want from the outside. All ports are synchronous and
//! object-safe; one method is one transaction, durable when it returns.
//!
//! Finders take the tenant, and the part of it that the caller may see: what is not visible is
//! answered as if it did not exist.

use std::time::Duration;

use access_domain::{
    Act, ChangeError, DeploymentId, Fault, ListFilter, NewManagedKey, OrganizationId, Page,
    PageRequest, StoreError, Visibility,
};
use keys_core::{KeyId, Timestamp};
use serde_json::Value;

use crate::{
    ClaimedRun, Code, CodeVerdict, Deployment, DeploymentRefusal, DeploymentRuns, Execution,
    ExecutionId, FileId, FoundFiles, NewRun, Retention, RunFile, RunLimits, RunMove, Runnable,
    StepRecord, Workflow, WorkflowId, WorkflowRefusal, WorkflowType, executions::TooManyExecutions,
};

/// Workflows and their versions.
pub trait WorkflowStore: Send + Sync {
    /// Saves a new workflow with its first version.
    ///
    /// # Errors
    /// When storage fails.
    fn create_workflow(&self, workflow: &Workflow, act: &Act) -> Result<(), StoreError>;

    /// The workflow, if it is visible.
    ///
    /// # Errors
    /// When storage fails.
    fn find_workflow(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: WorkflowId,
    ) -> Result<Option<Workflow>, StoreError>;

    /// The visible workflows that the filter wants, newest first.
    ///
    /// # Errors
    /// When storage fails.
    fn list_workflows(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        filter: &ListFilter,
        page: PageRequest,
    ) -> Result<Page<Workflow>, StoreError>;

    /// Ids and names, and nothing of what may be large, of visible workflows: of those `among` which one looks, or of the
    /// newest, `limit` at most.
    ///
    /// # Errors
    /// When storage fails.
    fn workflow_names(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        among: Option<&[WorkflowId]>,
        limit: u32,
    ) -> Result<Vec<(WorkflowId, String)>, StoreError>;

    /// Locks the workflow, saves what `rule` makes of it, and the version where its id is new.
    ///
    /// # Errors
    /// `NotFound` when it is not visible, `NotOwner`, what `rule` refused, or that storage failed.
    fn change_workflow(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: WorkflowId,
        rule: &dyn Fn(&Workflow) -> Result<Workflow, WorkflowRefusal>,
        act: &Act,
    ) -> Result<Workflow, ChangeError<WorkflowRefusal>>;

    /// Locks the workflow and deletes it if `rule` agrees to the number of deployments on it.
    ///
    /// # Errors
    /// `NotFound` when it is not visible, `NotOwner`, what `rule` refused, or that storage failed.
    fn delete_workflow(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: WorkflowId,
        rule: &dyn Fn(i64) -> Result<(), WorkflowRefusal>,
        act: &Act,
    ) -> Result<(), ChangeError<WorkflowRefusal>>;
}

/// Deployments.
pub trait DeploymentStore: Send + Sync {
    /// The type of a workflow, if that is visible. It never changes.
    ///
    /// # Errors
    /// When storage fails.
    fn find_workflow_type(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        workflow: WorkflowId,
    ) -> Result<Option<WorkflowType>, StoreError>;

    /// Saves a new deployment and its first key, both or neither.
    ///
    /// # Errors
    /// `AdminsDeploy` for whoever does not see the whole organization, where it wants that; `UnknownWorkflow`
    /// when the workflow is not visible, `ApiNameTaken`, or that storage failed.
    fn create_deployment(
        &self,
        visibility: Visibility,
        deployment: &Deployment,
        key: &NewManagedKey,
        act: &Act,
    ) -> Result<(), ChangeError<DeploymentRefusal>>;

    /// The deployment, if it is visible.
    ///
    /// # Errors
    /// When storage fails.
    fn find_deployment(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: DeploymentId,
    ) -> Result<Option<Deployment>, StoreError>;

    /// The deployment of this `api_name`, if it is visible.
    ///
    /// # Errors
    /// When storage fails.
    fn find_deployment_named(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        api_name: &str,
    ) -> Result<Option<Deployment>, StoreError>;

    /// The visible deployments that the filter wants, newest first; it searches both their names.
    ///
    /// # Errors
    /// When storage fails.
    fn list_deployments(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        filter: &ListFilter,
        page: PageRequest,
    ) -> Result<Page<Deployment>, StoreError>;

    /// Ids and `api_name`s of the newest visible deployments, `limit` at most.
    ///
    /// # Errors
    /// When storage fails.
    fn deployment_names(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        limit: u32,
    ) -> Result<Vec<(DeploymentId, String)>, StoreError>;

    /// Those of `ids` that are visible.
    ///
    /// # Errors
    /// When storage fails.
    fn find_visible_deployments(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        ids: &[DeploymentId],
    ) -> Result<Vec<DeploymentId>, StoreError>;

    /// The name of the workflow and how the runs went of each of `ids`, in their order.
    ///
    /// # Errors
    /// When storage fails.
    fn find_runs_of(
        &self,
        organization: OrganizationId,
        ids: &[DeploymentId],
    ) -> Result<Vec<(String, DeploymentRuns)>, StoreError>;

    /// Locks the deployment and saves what `rule` makes of it.
    ///
    /// # Errors
    /// `NotFound`, `UnknownWorkflow` when a new workflow is not visible, `ApiNameTaken`, what `rule`
    /// refused, or that storage failed.
    fn change_deployment(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: DeploymentId,
        rule: &dyn Fn(&Deployment) -> Result<Deployment, DeploymentRefusal>,
        act: &Act,
    ) -> Result<Deployment, ChangeError<DeploymentRefusal>>;

    /// Hides the deployment and ends its keys.
    ///
    /// # Errors
    /// `NotFound` when it is not visible, `NotOwner`, or that storage failed.
    fn delete_deployment(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: DeploymentId,
        act: &Act,
    ) -> Result<(), ChangeError<DeploymentRefusal>>;
}

/// Runs: the record of each, and the queue of those that wait.
pub trait ExecutionStore: Send + Sync {
    /// What a run of the deployment by this key needs, which is the deployment's own or a platform key; `None` when
    /// one of them is gone.
    ///
    /// # Errors
    /// When storage fails.
    fn find_runnable(
        &self,
        organization: OrganizationId,
        deployment: DeploymentId,
        key: KeyId,
    ) -> Result<Option<Runnable>, StoreError>;

    /// Saves the run, unless its deployment or its organization has as many unfinished ones already
    /// as it may; they are counted in the same transaction, so that no two callers pass by one place.
    ///
    /// # Errors
    /// When there are too many, or storage fails.
    fn accept(&self, run: &NewRun, limits: RunLimits)
    -> Result<(), ChangeError<TooManyExecutions>>;

    /// The run, if `key` started it or its deployment shares results among its keys.
    ///
    /// # Errors
    /// When storage fails.
    fn find_execution(
        &self,
        organization: OrganizationId,
        deployment: DeploymentId,
        key: KeyId,
        id: ExecutionId,
    ) -> Result<Option<Execution>, StoreError>;

    /// The result of a run that completed; `None` when it is no longer kept.
    ///
    /// # Errors
    /// When storage fails.
    fn find_result(
        &self,
        organization: OrganizationId,
        id: ExecutionId,
    ) -> Result<Option<Value>, StoreError>;

    /// Saves a move; `false`, and nothing is saved, when the run is no longer in the state that the
    /// move starts from.
    ///
    /// # Errors
    /// When storage fails.
    fn save_move(&self, run_move: &RunMove) -> Result<bool, StoreError>;

    /// Saves steps of a run that goes on, over those of the same item and position; `false`, and
    /// nothing is saved, when this attempt no longer has the run.
    ///
    /// # Errors
    /// When storage fails.
    fn save_steps(
        &self,
        id: ExecutionId,
        attempt: i32,
        steps: &[StepRecord],
    ) -> Result<bool, StoreError>;

    /// The steps of a run that were saved, by item and position.
    ///
    /// # Errors
    /// When storage fails.
    fn find_steps(&self, id: ExecutionId) -> Result<Vec<StepRecord>, StoreError>;

    /// The files that came with a run, in their order.
    ///
    /// # Errors
    /// When storage fails.
    fn find_run_files(
        &self,
        organization: OrganizationId,
        id: ExecutionId,
    ) -> Result<Vec<RunFile>, StoreError>;

    /// Those of `ids` whose content some run still has, and those that no run has any longer.
    ///
    /// # Errors
    /// When storage fails.
    fn find_files(&self, ids: &[FileId]) -> Result<FoundFiles, StoreError>;

    /// Takes up to `limit` runs that wait, or whose lease ran out by the database's clock. Those of
    /// one organization are taken oldest first, and organizations take turns, so that one that has
    /// thousands waiting does not hold back another's one. No two callers ever take the same
    /// attempt of a run.
    ///
    /// # Errors
    /// When storage fails.
    fn claim(
        &self,
        limit: u32,
        lease: Duration,
        at: Timestamp,
    ) -> Result<Vec<ClaimedRun>, StoreError>;

    /// Prolongs the leases of `held` and returns those that still are in this worker's hands.
    ///
    /// # Errors
    /// When storage fails.
    fn renew(
        &self,
        held: &[(ExecutionId, i32)],
        lease: Duration,
    ) -> Result<Vec<ExecutionId>, StoreError>;

    /// Deletes input, result and step outputs, and gives up the files, of up to `limit` runs that ended longer ago than their
    /// organization wants, or than `kept` where it wants nothing of its own; never later than their
    /// records go. The records stay. Returns of how many.
    ///
    /// # Errors
    /// When storage fails.
    fn delete_old_payloads(
        &self,
        now: Timestamp,
        kept: Retention,
        limit: u32,
    ) -> Result<usize, StoreError>;

    /// Deletes the records of up to `limit` runs whose payload is gone, and which ended longer ago than
    /// their organization wants, or than `kept` says. Returns how many.
    ///
    /// # Errors
    /// When storage fails.
    fn delete_old_records(
        &self,
        now: Timestamp,
        kept: Retention,
        limit: u32,
    ) -> Result<usize, StoreError>;
}

/// Whoever carries runs out.
pub trait WorkflowRunner: Send + Sync {
    /// A free place in this process, kept until it is used or dropped.
    fn reserve(&self) -> Option<Box<dyn Seat>>;

    /// A run was accepted that nobody holds.
    fn wake(&self);

    /// Stops the run, if this process is carrying it out.
    fn abort(&self, id: ExecutionId);

    /// Calls `notify` when this process ends the run, unless the returned guard is dropped before.
    /// Says nothing of runs that end elsewhere: whoever waits must ask storage from time to time.
    fn watch(&self, id: ExecutionId, notify: Box<dyn FnOnce() + Send>) -> Box<dyn Send>;
}

/// A free place for one run.
pub trait Seat: Send {
    /// Carries out a run that was accepted as claimed.
    fn run(self: Box<Self>, run: ClaimedRun);
}

/// For a process without workers: runs are carried out elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct Elsewhere;

impl WorkflowRunner for Elsewhere {
    fn reserve(&self) -> Option<Box<dyn Seat>> {
        None
    }

    fn wake(&self) {}

    fn abort(&self, _: ExecutionId) {}

    fn watch(&self, _: ExecutionId, notify: Box<dyn FnOnce() + Send>) -> Box<dyn Send> {
        // Kept until the guard goes: what `notify` owns must not end before.
        Box::new(notify)
    }
}

/// Compiles what is in languages of its own. Filters and schemas are strangers' code and are
/// compiled away from this process; templates have bounds of their own.
pub trait CodeCheck: Send + Sync {
    /// A verdict on each piece.
    ///
    /// # Errors
    /// When no verdict could be had.
    fn check_code(&self, code: &[Code<'_>]) -> Result<Vec<CodeVerdict>, CodeCheckFailed>;
}

/// A compiler did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the compiler did not answer")]
pub struct CodeCheckFailed {
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// JSON Schemas (draft 2020-12), away from this process: a schema is strangers' code, too. It may
/// name nothing outside itself.
pub trait SchemaCheck: Send + Sync {
    /// What is wrong with a schema, with pointers into it.
    ///
    /// # Errors
    /// When no verdict could be had.
    fn check(&self, schema: &Value) -> Result<Vec<Fault>, SchemaCheckFailed>;

    /// Where `value` breaks a schema that was found good, with pointers into it: all places, up to
    /// some hundred. A check that takes too long is a fault of the whole value.
    ///
    /// # Errors
    /// When no verdict could be had.
    fn validate(&self, schema: &Value, value: &Value) -> Result<Vec<Fault>, SchemaCheckFailed>;
}

/// Nobody could say whether a schema holds.
#[derive(Debug, thiserror::Error)]
#[error("the schema was not checked")]
pub struct SchemaCheckFailed {
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn nobody_is_told_that_a_run_ended_that_runs_elsewhere() {
        let owned = Arc::new(());
        let held = Arc::clone(&owned);
        let watch = Elsewhere.watch(uuid::Uuid::nil().into(), Box::new(move || drop(held)));
        // A waiter takes the end of what its notice owns for an end of the run.
        assert_eq!(Arc::strong_count(&owned), 2);
        drop(watch);
        assert_eq!(Arc::strong_count(&owned), 1);
    }
}
