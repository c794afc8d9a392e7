//! Runs and their steps.

use deployments_domain::{
    ClaimedRun, Execution, Failure, FailureCode, NewRun, Progress, RunEnd, RunFile, RunMove,
    RunState, Runnable, Status, Trigger,
};
use diesel::{QueryResult, prelude::*, result::Error};
use keys_core::Key;

use super::DeploymentRow;
use crate::{
    codec,
    schema::{executions, keys, organizations, workflow_versions},
};

/// A run as it is accepted. Its lease is left out: only the database's clock can tell when it ends.
#[derive(Insertable)]
#[diesel(table_name = executions, treat_none_as_default_value = false)]
pub(crate) struct NewExecutionRow {
    id: String,
    organization_id: String,
    version_id: String,
    trigger: &'static str,
    deployment_id: Option<String>,
    key_id: Option<String>,
    started_by: Option<String>,
    status: &'static str,
    attempt: i32,
    lost: i32,
    timeout_seconds: i32,
    per_file: bool,
    steps_total: i32,
    steps_completed: i32,
    input: String,
    parameters: String,
    created_at: i64,
    started_at: Option<i64>,
    has_payload: bool,
    trace_parent: Option<String>,
    workflow_id: String,
}

impl NewExecutionRow {
    pub(crate) fn of(run: &NewRun) -> QueryResult<Self> {
        let created_at = codec::micros(run.created_at);
        Ok(Self {
            id: codec::id(run.id),
            organization_id: codec::id(run.organization),
            version_id: codec::id(run.version),
            trigger: run.trigger.as_str(),
            deployment_id: run.trigger.deployment().map(codec::id),
            key_id: run.trigger.key().map(codec::id),
            started_by: match run.trigger {
                Trigger::Test { by } => Some(by.to_string()),
                Trigger::Call { .. } | Trigger::Schedule => None,
            },
            status: run.state.status.as_str(),
            attempt: run.state.attempt,
            lost: 0,
            timeout_seconds: codec::integer(run.timeout_seconds),
            per_file: run.per_file,
            steps_total: run.steps_total,
            steps_completed: 0,
            input: run.input.to_string(),
            parameters: codec::json_object(&run.parameters)?,
            created_at,
            started_at: (run.state.status == Status::Executing).then_some(created_at),
            has_payload: true,
            trace_parent: run.trace.map(|trace| trace.to_string()),
            workflow_id: codec::id(run.workflow),
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = executions)]
pub(crate) struct ExecutionRow {
    id: String,
    #[diesel(select_expression = workflow_versions::workflow_id)]
    workflow: String,
    #[diesel(embed)]
    trigger: TriggerRow,
    status: String,
    attempt: i32,
    steps_total: i32,
    steps_completed: i32,
    failure_code: Option<String>,
    failure_step: Option<String>,
    failure_reason: Option<String>,
    created_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
}

impl ExecutionRow {
    pub(crate) fn read(self) -> QueryResult<Execution> {
        let failure = match self.failure_code {
            None => None,
            Some(code) => Some(Failure {
                code: codec::read_name(&code, "failure code", FailureCode::parse)?,
                step: self.failure_step,
                reason: self.failure_reason.unwrap_or_default(),
            }),
        };
        Ok(Execution {
            id: codec::read_id(&self.id)?,
            workflow: codec::read_id(&self.workflow)?,
            trigger: self.trigger.read()?,
            state: read_state(&self.status, self.attempt)?,
            progress: Progress {
                steps_completed: self.steps_completed,
                steps_total: self.steps_total,
                records: None,
            },
            failure,
            created_at: codec::read_micros(self.created_at)?,
            started_at: self.started_at.map(codec::read_micros).transpose()?,
            finished_at: self.finished_at.map(codec::read_micros).transpose()?,
        })
    }
}

/// What started a run, in the columns that tell.
#[derive(Queryable, Selectable)]
#[diesel(table_name = executions)]
pub(crate) struct TriggerRow {
    trigger: String,
    deployment_id: Option<String>,
    key_id: Option<String>,
    started_by: Option<String>,
}

impl TriggerRow {
    pub(crate) fn read(&self) -> QueryResult<Trigger> {
        match (&*self.trigger, &self.deployment_id, &self.key_id, &self.started_by) {
            ("CALL", Some(deployment), Some(key), None) => Ok(Trigger::Call {
                deployment: codec::read_id(deployment)?,
                key: codec::read_id(key)?,
            }),
            ("TEST", None, None, Some(by)) => Ok(Trigger::Test { by: codec::read_uuid(by)? }),
            ("SCHEDULE", None, None, None) => Ok(Trigger::Schedule),
            (other, ..) => {
                let what = format!("a run was started by '{other}' and by nobody");
                Err(Error::DeserializationError(what.into()))
            }
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = executions)]
pub(crate) struct ClaimedRow {
    pub(crate) id: String,
    organization_id: String,
    #[diesel(embed)]
    trigger: TriggerRow,
    status: String,
    attempt: i32,
    lost: i32,
    timeout_seconds: i32,
    per_file: bool,
    input: Option<String>,
    parameters: Option<String>,
    created_at: i64,
    started_at: Option<i64>,
    trace_parent: Option<String>,
    #[diesel(select_expression = workflow_versions::definition)]
    definition: String,
}

impl ClaimedRow {
    pub(crate) fn read(&self, files: Vec<RunFile>) -> QueryResult<ClaimedRun> {
        let gone =
            || Error::DeserializationError("the payload of an unfinished run is gone".into());
        Ok(ClaimedRun {
            id: codec::read_id(&self.id)?,
            state: read_state(&self.status, self.attempt)?,
            organization: codec::read_id(&self.organization_id)?,
            trigger: self.trigger.read()?,
            started_at: codec::read_micros(self.started_at.unwrap_or(self.created_at))?,
            lost: self.lost,
            definition: codec::read_json(&self.definition)?,
            input: codec::read_json(self.input.as_deref().ok_or_else(gone)?)?,
            parameters: codec::read_json_object(self.parameters.as_deref().ok_or_else(gone)?)?,
            files,
            per_file: self.per_file,
            timeout_seconds: codec::read_unsigned(self.timeout_seconds)?,
            // Without it a run is as good as with it.
            trace: self.trace_parent.as_deref().and_then(|parent| parent.parse().ok()),
        })
    }
}

/// What a move changes; what is `None` stays. A run without a worker has no lease, and no move leads to one that has.
#[derive(AsChangeset)]
#[diesel(table_name = executions)]
pub(crate) struct MoveRow {
    status: &'static str,
    attempt: i32,
    lease_expires_at: Option<Option<i64>>,
    finished_at: Option<i64>,
    result: Option<String>,
    failure_code: Option<&'static str>,
    failure_step: Option<String>,
    failure_reason: Option<String>,
}

impl MoveRow {
    pub(crate) fn of(run_move: &RunMove) -> Self {
        let RunState { status, attempt } = run_move.to;
        let (result, failure) = match &run_move.end {
            None => (None, None),
            Some(RunEnd::Result(result)) => (Some(result.to_string()), None),
            Some(RunEnd::Failure(failure)) => (None, Some(failure)),
        };
        Self {
            status: status.as_str(),
            attempt,
            lease_expires_at: Some(None),
            finished_at: status.is_finished().then(|| codec::micros(run_move.at)),
            result,
            failure_code: failure.map(|failure| failure.code.as_str()),
            failure_step: failure.and_then(|failure| failure.step.clone()),
            failure_reason: failure.map(|failure| codec::printable(&failure.reason)),
        }
    }
}

/// What a run needs: the deployment, the current version of its workflow, and the key that asks.
#[derive(Queryable, Selectable)]
#[diesel(table_name = keys)]
pub(crate) struct RunnableRow {
    #[diesel(embed)]
    deployment: DeploymentRow,
    #[diesel(select_expression = workflow_versions::id)]
    version: String,
    #[diesel(select_expression = workflow_versions::definition)]
    definition: String,
    #[diesel(select_expression = organizations::max_concurrent)]
    organization_limit: Option<i32>,
    #[diesel(select_expression = organizations::active_platform_slot)]
    active_slot: Option<i16>,
    #[diesel(select_expression = keys::slot)]
    key_slot: Option<i16>,
    #[diesel(select_expression = keys::is_active)]
    key_is_active: Option<bool>,
    #[diesel(select_expression = keys::revoked_at)]
    key_revoked_at: Option<i64>,
    #[diesel(select_expression = keys::expires_at)]
    key_expires_at: Option<i64>,
}

impl RunnableRow {
    pub(crate) fn read(self) -> QueryResult<Runnable> {
        let deployment = self.deployment.read()?;
        let key = Key {
            // A platform key is active by its slot, which one that was deleted has lost.
            is_active: self
                .key_is_active
                .unwrap_or(self.key_slot.is_some() && self.key_slot == self.active_slot),
            owner_is_active: deployment.is_active,
            revoked_at: self.key_revoked_at.map(codec::read_micros).transpose()?,
            expires_at: self.key_expires_at.map(codec::read_micros).transpose()?,
            ..Key::new(deployment.id)
        };
        let version = codec::read_id(&self.version)?;
        let definition = codec::read_json(&self.definition)?;
        let organization_limit = self.organization_limit.map(codec::read_unsigned).transpose()?;
        Ok(Runnable { deployment, version, definition, organization_limit, key })
    }
}

fn read_state(status: &str, attempt: i32) -> QueryResult<RunState> {
    Ok(RunState { status: codec::read_name(status, "status", Status::parse)?, attempt })
}
