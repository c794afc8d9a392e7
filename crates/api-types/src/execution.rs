//! Executions, for callers of a deployment.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::Time;

/// The body of a call that is an object with `input_data`. Any other JSON value is the input itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExecutionRequest {
    /// The input.
    #[cfg_attr(feature = "openapi", schema(value_type = Value))]
    pub input_data: Value,
    /// Parameters, over the deployment's own.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub parameters: Map<String, Value>,
    /// How many seconds the request may wait for the result: 0 to 300. Beside `?wait=`, the longer of the two holds.
    #[serde(default)]
    pub timeout: Option<u32>,
}

/// An accepted execution: it is on disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StartedView {
    /// Its id.
    pub execution_id: Uuid,
    /// `PENDING`, `EXECUTING`, `COMPLETED`, `ERROR` or `STOPPED`.
    pub status: String,
    /// Where its status is told.
    pub status_api: String,
    /// Where its result is read.
    pub result_api: String,
    /// The result, where it completed while the request waited. A result may itself be `null`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::body::present"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Value>))]
    pub result: Option<Value>,
}

/// Where an execution stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExecutionView {
    /// Its id.
    pub execution_id: Uuid,
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

/// How far an execution is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProgressView {
    /// Steps that ended.
    pub steps_completed: i32,
    /// Steps there are.
    pub steps_total: i32,
    /// Of an ETL workflow: the records that it has come through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<RecordsView>,
}

/// How many records an execution of an ETL workflow has come through.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordsView {
    /// Records that were read from the source.
    pub read: u64,
    /// Records whose outcomes were written to the destination.
    pub written: u64,
    /// Records that failed.
    pub failed: u64,
}

/// Why an execution failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailureView {
    /// `step_failed`, `timed_out`, `result_too_large` or `worker_lost`.
    pub code: String,
    /// The id of the step that failed, if one did.
    pub step: Option<String>,
    /// What happened.
    pub reason: String,
}

/// The result of a completed execution.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResultView {
    /// The execution's id.
    pub execution_id: Uuid,
    /// `COMPLETED`.
    pub status: String,
    /// The result.
    #[cfg_attr(feature = "openapi", schema(value_type = Value))]
    pub result: Value,
    /// How it came about.
    pub metadata: MetadataView,
}

/// How a result came about.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MetadataView {
    /// When the execution was accepted.
    pub created_at: Time,
    /// When a worker first took it.
    pub started_at: Option<Time>,
    /// When it ended.
    pub finished_at: Option<Time>,
    /// From its start to its end, in milliseconds.
    pub execution_ms: Option<i64>,
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use access_domain::DeploymentId;
    use deployments_domain::{Execution, Failure};
    use serde_json::Value;

    use super::{
        ExecutionView, FailureView, MetadataView, ProgressView, RecordsView, ResultView,
        StartedView,
    };
    use crate::Time;

    impl From<Failure> for FailureView {
        fn from(failure: Failure) -> Self {
            Self { code: failure.code.as_str().into(), step: failure.step, reason: failure.reason }
        }
    }

    impl From<&Execution> for MetadataView {
        fn from(execution: &Execution) -> Self {
            let ran = execution.finished_at.zip(execution.started_at);
            Self {
                created_at: Time(execution.created_at),
                started_at: execution.started_at.map(Time),
                finished_at: execution.finished_at.map(Time),
                execution_ms: ran.map(|(end, start)| (end - start).num_milliseconds()),
            }
        }
    }

    impl From<Execution> for ExecutionView {
        fn from(execution: Execution) -> Self {
            let MetadataView { created_at, started_at, finished_at, execution_ms } =
                (&execution).into();
            Self {
                execution_id: execution.id.uuid(),
                status: execution.state.status.as_str().into(),
                created_at,
                started_at,
                finished_at,
                execution_ms,
                progress: ProgressView {
                    steps_completed: execution.progress.steps_completed,
                    steps_total: execution.progress.steps_total,
                    records: execution.progress.records.map(|counts| RecordsView {
                        read: counts.read,
                        written: counts.written,
                        failed: counts.failed,
                    }),
                },
                error: execution.failure.map(Into::into),
            }
        }
    }

    impl ResultView {
        /// The result of a completed execution.
        pub fn new(execution: &Execution, result: Value) -> Self {
            Self {
                execution_id: execution.id.uuid(),
                status: execution.state.status.as_str().into(),
                result,
                metadata: execution.into(),
            }
        }
    }

    impl StartedView {
        /// The answer to whoever tries a workflow out; `base` is where the organization is managed.
        pub fn among_all(execution: &Execution, result: Option<Value>, base: &str) -> Self {
            let address = format!("{base}/executions/{}/", execution.id);
            Self {
                execution_id: execution.id.uuid(),
                status: execution.state.status.as_str().into(),
                result_api: format!("{address}?include=result"),
                status_api: address,
                result,
            }
        }

        /// The answer to a call of `deployment`, on the server at `base`.
        pub fn new(
            execution: &Execution,
            deployment: DeploymentId,
            result: Option<Value>,
            base: &str,
        ) -> Self {
            let id = execution.id;
            Self {
                execution_id: id.uuid(),
                status: execution.state.status.as_str().into(),
                status_api: format!("{base}/deployment/{deployment}/status/{id}/"),
                result_api: format!("{base}/deployment/{deployment}/result/{id}/"),
                result,
            }
        }
    }
}
