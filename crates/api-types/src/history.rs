//! Executions, for those who manage what they are runs of.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{FailureView, ProgressView, Time};

/// An execution of the organization.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExecutionRecordView {
    /// Its id.
    pub execution_id: Uuid,
    /// The workflow whose steps it takes.
    pub workflow: Uuid,
    /// What started it: `CALL`, `TEST` or `SCHEDULE`.
    pub trigger: String,
    /// The deployment that was called.
    pub deployment: Option<Uuid>,
    /// The key that called it.
    pub key_id: Option<Uuid>,
    /// The user or key that tries the workflow out.
    pub started_by: Option<Uuid>,
    /// `PENDING`, `EXECUTING`, `COMPLETED`, `ERROR` or `STOPPED`.
    pub status: String,
    /// When it was accepted.
    pub created_at: Time,
    /// When a worker first took it.
    pub started_at: Option<Time>,
    /// When it ended.
    pub finished_at: Option<Time>,
    /// From its start to its end, in milliseconds.
    pub execution_ms: Option<i64>,
    /// How far it is.
    pub progress: ProgressView,
    /// Why it failed, if it did.
    pub error: Option<FailureView>,
}

/// An execution with its steps, and with what was asked for beside them. Members whose names call them a secret are
/// `"[redacted]"`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExecutionDetailView {
    /// The record.
    #[serde(flatten)]
    pub record: ExecutionRecordView,
    /// Its steps, by item and position.
    pub steps: Vec<StepView>,
    /// Whether it has further steps, which are not told.
    pub has_more_steps: bool,
    /// What models read and wrote for the steps that are told.
    pub usage: RunUsageView,
    /// Whether input, outputs and result are still kept.
    pub has_payload: bool,
    /// What was sent, with `include=input`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::body::present"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Value>))]
    pub input: Option<Value>,
    /// The parameters, with `include=input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub parameters: Option<Map<String, Value>>,
    /// The result, with `include=result`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::body::present"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Value>))]
    pub result: Option<Value>,
}

/// One step of an execution.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StepView {
    /// Its id in the definition.
    pub id: String,
    /// Its place in the definition, from 0.
    pub position: i32,
    /// Which file or record it was taken for, from 0.
    pub item: i32,
    /// `BEGUN`, `SUCCEEDED`, `SKIPPED` or `FAILED`.
    pub state: String,
    /// When it began.
    pub started_at: Time,
    /// When it ended.
    pub finished_at: Option<Time>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// What models read and wrote for it.
    pub usage: RunUsageView,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// What was worth telling, oldest first.
    pub log: Vec<LogLineView>,
    /// What it put out, with `include=outputs`, as far as it is kept and not too much to tell.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::body::present"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Value>))]
    pub output: Option<Value>,
}

/// What models read and wrote.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunUsageView {
    /// Tokens that were read.
    pub prompt_tokens: u64,
    /// Tokens that were written.
    pub completion_tokens: u64,
    /// What it cost, in millionths of the operator's unit of money.
    pub cost_micros: u64,
}

/// Something worth telling of a step.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogLineView {
    /// When.
    pub at: Time,
    /// What.
    pub message: String,
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use access_domain::TokenUsage;
    use deployments_domain::{Execution, RunDetail, RunStep, StepState, Trigger};
    use uuid::Uuid;

    use super::{ExecutionDetailView, ExecutionRecordView, LogLineView, RunUsageView, StepView};
    use crate::{ExecutionView, Time};

    fn usage(tokens: TokenUsage) -> RunUsageView {
        RunUsageView {
            prompt_tokens: tokens.prompt_tokens,
            completion_tokens: tokens.completion_tokens,
            cost_micros: tokens.cost_micros,
        }
    }

    impl From<Execution> for ExecutionRecordView {
        fn from(execution: Execution) -> Self {
            let (workflow, trigger) = (execution.workflow.uuid(), execution.trigger);
            let view = ExecutionView::from(execution);
            Self {
                execution_id: view.execution_id,
                workflow,
                trigger: trigger.as_str().into(),
                deployment: trigger.deployment().map(|id| id.uuid()),
                key_id: trigger.key().map(|id| id.uuid()),
                started_by: match trigger {
                    Trigger::Test { by } => Some(by),
                    Trigger::Call { .. } | Trigger::Schedule => None,
                },
                status: view.status,
                created_at: view.created_at,
                started_at: view.started_at,
                finished_at: view.finished_at,
                execution_ms: view.execution_ms,
                progress: view.progress,
                error: view.error,
            }
        }
    }

    impl ExecutionRecordView {
        /// The columns of a table of executions.
        pub const COLUMNS: [&str; 15] = [
            "execution_id",
            "workflow",
            "trigger",
            "deployment",
            "key_id",
            "started_by",
            "status",
            "created_at",
            "started_at",
            "finished_at",
            "execution_ms",
            "steps_completed",
            "steps_total",
            "error_code",
            "error_reason",
        ];

        /// One line of that table.
        pub fn cells(self) -> [String; 15] {
            let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
            let time = |time: Option<Time>| time.map(|time| time.to_string()).unwrap_or_default();
            let (code, reason) =
                self.error.map(|error| (error.code, error.reason)).unwrap_or_default();
            [
                self.execution_id.to_string(),
                self.workflow.to_string(),
                self.trigger,
                id(self.deployment),
                id(self.key_id),
                id(self.started_by),
                self.status,
                self.created_at.to_string(),
                time(self.started_at),
                time(self.finished_at),
                self.execution_ms.map(|ms| ms.to_string()).unwrap_or_default(),
                self.progress.steps_completed.to_string(),
                self.progress.steps_total.to_string(),
                code,
                reason,
            ]
        }
    }

    impl From<RunStep> for StepView {
        fn from(RunStep { record, output }: RunStep) -> Self {
            let state = record.state.as_str().into();
            let took = record.finished_at.map(|end| end - record.started_at);
            Self {
                id: record.id,
                position: record.position,
                item: record.item,
                state,
                started_at: Time(record.started_at),
                finished_at: record.finished_at.map(Time),
                duration_ms: took.map(|took| took.num_milliseconds()),
                usage: usage(record.tokens),
                error: match record.state {
                    StepState::Failed(reason) => Some(reason),
                    StepState::Begun | StepState::Skipped | StepState::Succeeded(_) => None,
                },
                log: record
                    .log
                    .into_iter()
                    .map(|line| LogLineView { at: Time(line.at), message: line.message })
                    .collect(),
                output,
            }
        }
    }

    impl From<RunDetail> for ExecutionDetailView {
        fn from(detail: RunDetail) -> Self {
            let tokens = detail.tokens();
            Self {
                record: detail.execution.into(),
                steps: detail.steps.into_iter().map(Into::into).collect(),
                has_more_steps: detail.has_more_steps,
                usage: usage(tokens),
                has_payload: detail.has_payload,
                input: detail.input,
                parameters: detail.parameters,
                result: detail.result,
            }
        }
    }
}
