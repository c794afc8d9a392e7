//! Runs between the use cases, storage and the runtime: what each hands to the other.

use std::time::Duration;

use access_domain::{Consumer, DeploymentId, OrganizationId, Repeatable, TraceContext};
use keys_core::{Key, KeyId, Timestamp};
use serde_json::{Map, Value};

use crate::{Deployment, ExecutionId, Failure, RunState, VersionId};

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

/// A run that is about to be accepted.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its id.
    pub id: ExecutionId,
    /// The tenant.
    pub organization: OrganizationId,
    /// The deployment.
    pub deployment: DeploymentId,
    /// The version that it keeps, whatever becomes of the workflow.
    pub version: VersionId,
    /// The key that started it.
    pub key: KeyId,
    /// [`RunState::ACCEPTED`], or claimed already by this node.
    pub state: RunState,
    /// How long this node's claim holds, where it is claimed.
    pub lease: Duration,
    /// What the caller sent.
    pub input: Value,
    /// The parameters of the run.
    pub parameters: Map<String, Value>,
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
    /// The key that started it, for which it is counted.
    pub consumer: Consumer,
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
    /// How long it may take, in seconds from now on.
    pub timeout_seconds: u32,
    /// The trace that it belongs to: what it calls is told of it.
    pub trace: Option<TraceContext>,
}

/// One finished step of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRecord {
    /// Its place in the definition, from 0.
    pub position: i32,
    /// Its id in the definition.
    pub id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Its output, or the reason why there is none.
    pub outcome: Result<Value, String>,
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
    /// The steps that ended since the last move.
    pub steps: Vec<StepRecord>,
}
