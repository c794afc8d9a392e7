//! Runs between the use cases, storage and the runtime: what each hands to the other.

use std::time::Duration;

use access_domain::{DeploymentId, OrganizationId, Repeatable, TokenUsage, TraceContext};
use keys_core::{Key, Timestamp};
use serde_json::{Map, Value};

use crate::{Deployment, ExecutionId, Failure, RunFile, RunState, Trigger, VersionId, WorkflowId};

/// What is needed to accept a run of a deployment.
#[derive(Debug, Clone)]
pub struct Runnable {
    /// The deployment.
    pub deployment: Deployment,
    /// The current version of its workflow.
    pub version: VersionId,
    /// That version's definition.
    pub definition: Value,
    /// How many runs of the whole organization may be unfinished at once.
    pub organization_limit: Option<u32>,
    /// The key that asks, as it is now: between its authentication and the end of a body that
    /// comes slowly, it may have been withdrawn. Its scopes and networks are not asked again.
    pub key: Key<DeploymentId>,
}

/// How many runs may be unfinished at once; no bound without a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunLimits {
    /// Of the deployment.
    pub deployment: Option<u32>,
    /// Of the organization, of all its deployments together.
    pub organization: Option<u32>,
}

/// For how long what there is of finished runs is kept, where an organization wants nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Inputs, results and outputs.
    pub results: Duration,
    /// Their records.
    pub records: Duration,
}

/// A run that is about to be accepted.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its id.
    pub id: ExecutionId,
    /// The tenant.
    pub organization: OrganizationId,
    /// The workflow.
    pub workflow: WorkflowId,
    /// The version that it keeps, whatever becomes of the workflow.
    pub version: VersionId,
    /// What starts it.
    pub trigger: Trigger,
    /// [`RunState::ACCEPTED`], or claimed already by this node.
    pub state: RunState,
    /// How long this node's claim holds, where it is claimed.
    pub lease: Duration,
    /// What the caller sent.
    pub input: Value,
    /// The parameters of the run.
    pub parameters: Map<String, Value>,
    /// The files that came with it, in their order.
    pub files: Vec<RunFile>,
    /// Whether the steps run once for each file instead of once over all of them.
    pub per_file: bool,
    /// How long it may take.
    pub timeout_seconds: u32,
    /// How many steps it has.
    pub steps_total: i32,
    /// The trace of the request that started it.
    pub trace: Option<TraceContext>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// The request that starts it, where it may be sent again: the run is remembered as what it made.
    pub repeatable: Option<Repeatable>,
}

/// A run in a worker's hands.
#[derive(Debug, Clone)]
pub struct ClaimedRun {
    /// Its id.
    pub id: ExecutionId,
    /// Executing, at the attempt that each write of this worker must name.
    pub state: RunState,
    /// The tenant.
    pub organization: OrganizationId,
    /// What started it.
    pub trigger: Trigger,
    /// When it was started first.
    pub started_at: Timestamp,
    /// How many workers lost it before: their leases ran out.
    pub lost: i32,
    /// What to do.
    pub definition: Value,
    /// What the caller sent.
    pub input: Value,
    /// The parameters of the run.
    pub parameters: Map<String, Value>,
    /// The files that came with it, in their order.
    pub files: Vec<RunFile>,
    /// Whether the steps run once for each file instead of once over all of them.
    pub per_file: bool,
    /// How long it may take, in seconds from now on.
    pub timeout_seconds: u32,
    /// The trace that it belongs to: what it calls is told of it.
    pub trace: Option<TraceContext>,
}

/// One step of a run, as far as it got.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRecord {
    /// Which of the run's items it was taken for, from 0: files or records; 0 where there is only one.
    pub item: i32,
    /// Its place in the definition, from 0.
    pub position: i32,
    /// Its id in the definition.
    pub id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended, if it did.
    pub finished_at: Option<Timestamp>,
    /// How it went.
    pub state: StepState,
    /// What models read and wrote for it.
    pub tokens: TokenUsage,
    /// What is worth telling of it, oldest first.
    pub log: Vec<LogLine>,
}

/// How a step went.
#[derive(Debug, Clone, PartialEq)]
pub enum StepState {
    /// It has begun. Only noted of steps that must not be done twice.
    Begun,
    /// It has an output.
    Succeeded(Value),
    /// Its condition did not hold.
    Skipped,
    /// It has none, for this reason.
    Failed(String),
}

impl StepState {
    /// The name in storage and on the wire.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Begun => "BEGUN",
            Self::Succeeded(_) => "SUCCEEDED",
            Self::Skipped => "SKIPPED",
            Self::Failed(_) => "FAILED",
        }
    }

    /// The output, if there is one.
    pub fn output(&self) -> Option<&Value> {
        match self {
            Self::Succeeded(output) => Some(output),
            Self::Begun | Self::Skipped | Self::Failed(_) => None,
        }
    }
}

/// Something worth telling of a step, for whoever looks into a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// What.
    pub message: String,
}

/// What a run ended with.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEnd {
    /// A result.
    Result(Value),
    /// A failure.
    Failure(Failure),
}

/// A move that `execution::next` allowed, to be saved where the run still is in `from`.
#[derive(Debug, Clone)]
pub struct RunMove {
    /// The run.
    pub id: ExecutionId,
    /// The state that it was allowed in.
    pub from: RunState,
    /// The state that it leads to.
    pub to: RunState,
    /// When.
    pub at: Timestamp,
    /// What the run ended with, where a worker ended it.
    pub end: Option<RunEnd>,
    /// The steps that ended since some were last saved.
    pub steps: Vec<StepRecord>,
}
