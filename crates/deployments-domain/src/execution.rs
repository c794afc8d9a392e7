//! One run of a workflow, as a state machine. How it is carried out is the runtime's business.

use access_domain::{Consumer, DeploymentId, OrganizationId};
use keys_core::{Id, KeyId, Timestamp};
use uuid::Uuid;

use crate::{RecordCounts, WorkflowId};

/// The id of an execution.
pub type ExecutionId = Id<Execution>;

/// A run that this many workers lost is given up: it may be what kills them. Being handed back is
/// no loss.
pub const MAX_LOST: i32 = 5;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Accepted and on disk; nobody carries it out yet.
    Pending,
    /// A worker holds it.
    Executing,
    /// It has a result.
    Completed,
    /// It failed.
    Error,
    /// It was cancelled.
    Stopped,
}

impl Status {
    /// Every one there is.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Executing, Self::Completed, Self::Error, Self::Stopped];

    /// The name in storage and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Executing => "EXECUTING",
            Self::Completed => "COMPLETED",
            Self::Error => "ERROR",
            Self::Stopped => "STOPPED",
        }
    }

    /// The status of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether it will never change again.
    pub fn is_finished(self) -> bool {
        match self {
            Self::Pending | Self::Executing => false,
            Self::Completed | Self::Error | Self::Stopped => true,
        }
    }
}

/// The part of a run that its state machine moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunState {
    /// Where it stands.
    pub status: Status,
    /// How often a worker took it. A write of an older attempt is refused.
    pub attempt: i32,
}

impl RunState {
    /// Accepted, and nobody's yet.
    pub const ACCEPTED: Self = Self { status: Status::Pending, attempt: 0 };
}

/// What can happen to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A worker takes it: a pending one, or one whose worker's lease ran out.
    Claim,
    /// Its worker hands it back unfinished.
    Release,
    /// Its steps ended well.
    Succeed,
    /// A step failed, or a limit was reached.
    Fail,
    /// Its caller no longer wants it.
    Cancel,
}

/// Why an event does not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RunRefusal {
    /// A finished run does not move.
    #[error("the execution is finished")]
    Finished,
    /// Only a worker that holds a run ends it or hands it back.
    #[error("no worker holds the execution")]
    NotExecuting,
}

/// The state after `event`. Storage saves what this says, and saves it only where the run still is
/// in `state`.
///
/// # Errors
/// When the event does not apply.
pub fn next(state: RunState, event: Event) -> Result<RunState, RunRefusal> {
    let RunState { status, attempt } = state;
    if status.is_finished() {
        return Err(RunRefusal::Finished);
    }
    let executing = status == Status::Executing;
    let status = match event {
        Event::Claim => return Ok(RunState { status: Status::Executing, attempt: attempt + 1 }),
        Event::Cancel => Status::Stopped,
        Event::Release if executing => Status::Pending,
        Event::Succeed if executing => Status::Completed,
        Event::Fail if executing => Status::Error,
        Event::Release | Event::Succeed | Event::Fail => return Err(RunRefusal::NotExecuting),
    };
    Ok(RunState { status, attempt })
}

/// What started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// A call of a deployment.
    Call {
        /// The deployment.
        deployment: DeploymentId,
        /// The key that called.
        key: KeyId,
    },
    /// Somebody who tries the workflow out.
    Test {
        /// The user or key.
        by: Uuid,
    },
    /// The workflow's schedule.
    Schedule,
}

impl Trigger {
    /// The name in storage and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Call { .. } => "CALL",
            Self::Test { .. } => "TEST",
            Self::Schedule => "SCHEDULE",
        }
    }

    /// The deployment, where one was called.
    pub fn deployment(self) -> Option<DeploymentId> {
        match self {
            Self::Call { deployment, .. } => Some(deployment),
            Self::Test { .. } | Self::Schedule => None,
        }
    }

    /// The deployment's key, where one called.
    pub fn key(self) -> Option<KeyId> {
        match self {
            Self::Call { key, .. } => Some(key),
            Self::Test { .. } | Self::Schedule => None,
        }
    }

    /// For whom the run is counted.
    pub fn consumer(self, organization: OrganizationId) -> Consumer {
        Consumer { organization, key: self.key(), deployment: self.deployment() }
    }
}

/// Why a run ended in [`Status::Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind, stable for programs.
    pub code: FailureCode,
    /// The step that failed, if one did.
    pub step: Option<String>,
    /// What happened, for the caller.
    pub reason: String,
}

/// The kinds of [`Failure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureCode {
    /// A step, or the filter that shapes the result, failed.
    StepFailed,
    /// The run took longer than its deployment allows.
    TimedOut,
    /// The result is larger than the server keeps.
    ResultTooLarge,
    /// Too many workers that took the run died or were silent for too long.
    WorkerLost,
    /// A step was under way when its worker was lost, and must not be done twice.
    Interrupted,
}

impl FailureCode {
    /// Every one there is.
    pub const ALL: [Self; 5] = [
        Self::StepFailed,
        Self::TimedOut,
        Self::ResultTooLarge,
        Self::WorkerLost,
        Self::Interrupted,
    ];

    /// The name in storage and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StepFailed => "step_failed",
            Self::TimedOut => "timed_out",
            Self::ResultTooLarge => "result_too_large",
            Self::WorkerLost => "worker_lost",
            Self::Interrupted => "interrupted",
        }
    }

    /// The code of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Steps that ended.
    pub steps_completed: i32,
    /// Steps there are.
    pub steps_total: i32,
    /// The records that a run of an ETL workflow has come through.
    pub records: Option<RecordCounts>,
}

/// What is told of a run beside its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// The workflow whose steps it takes.
    pub workflow: WorkflowId,
    /// What started it.
    pub trigger: Trigger,
    /// Where it stands.
    pub state: RunState,
    /// How far it is.
    pub progress: Progress,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When a worker first took it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: Status, expected: [Result<(Status, i32), RunRefusal>; 5]) {
        let events = [Event::Claim, Event::Release, Event::Succeed, Event::Fail, Event::Cancel];
        let moved = events.map(|event| {
            next(RunState { status, attempt: 3 }, event).map(|to| (to.status, to.attempt))
        });
        assert_eq!(moved, expected);
    }

    #[test]
    fn a_pending_run_is_claimed_or_cancelled() {
        let no = Err(RunRefusal::NotExecuting);
        check(Status::Pending, [Ok((Status::Executing, 4)), no, no, no, Ok((Status::Stopped, 3))]);
    }

    #[test]
    fn an_executing_run_ends_or_changes_hands() {
        let ends = [Status::Pending, Status::Completed, Status::Error, Status::Stopped]
            .map(|status| Ok((status, 3)));
        let [released, succeeded, failed, cancelled] = ends;
        check(
            Status::Executing,
            [Ok((Status::Executing, 4)), released, succeeded, failed, cancelled],
        );
    }

    #[test]
    fn a_finished_run_never_moves() {
        for status in [Status::Completed, Status::Error, Status::Stopped] {
            check(status, [Err(RunRefusal::Finished); 5]);
        }
    }

    #[test]
    fn names_are_read_back() {
        assert!(Status::ALL.iter().all(|status| Status::parse(status.as_str()) == Some(*status)));
        assert!(
            FailureCode::ALL.iter().all(|code| FailureCode::parse(code.as_str()) == Some(*code))
        );
    }
}
