//! How the result of a run reads: as a value, as a status, or as the reason why there is none.

use std::sync::Arc;

use access_domain::{Execute, Granted};
use api_types::{ErrorCode, FailureView, ProblemError, StartedView};
use auth_actix::ApiError;
use deployments_domain::{Execution, ExecutionId, RunResult};
use serde_json::Value;

use crate::App;

/// What is no refusal about a result.
pub(crate) enum Ended {
    With(Execution, Value),
    NotYet(Execution),
}

pub(crate) async fn result(
    app: &App,
    granted: &Arc<Granted<Execute>>,
    id: ExecutionId,
) -> Result<Ended, ApiError> {
    let deployment = granted.permission().deployment;
    let granted = Arc::clone(granted);
    let result = app.run(move |uc| uc.executions.result(&granted, id)).await?;
    let base = &app.settings.base_url;
    ended(result, |execution| StartedView::new(execution, deployment, None, base).status_api)
}

/// The result of a run, whose status is told at `address`.
pub(crate) fn ended(
    result: RunResult,
    address: impl Fn(&Execution) -> String,
) -> Result<Ended, ApiError> {
    match result {
        RunResult::Completed(execution, result) => Ok(Ended::With(execution, result)),
        RunResult::Unfinished(execution) => Ok(Ended::NotYet(execution)),
        RunResult::Failed(execution) => Err(failed(address(&execution), execution)),
        RunResult::Stopped(execution) => {
            let stopped = ApiError::new(
                ErrorCode::ExecutionStopped,
                "the execution was cancelled: there is no result",
            );
            Err(stopped.about(address(&execution)))
        }
        RunResult::Expired => Err(ApiError::new(
            ErrorCode::ResultExpired,
            "the result is no longer kept; the execution's status still is",
        )),
    }
}

fn failed(address: String, execution: Execution) -> ApiError {
    let Some(failure) = execution.failure.map(FailureView::from) else {
        return ApiError::new(ErrorCode::ExecutionFailed, "the execution failed").about(address);
    };
    let detail = match failure.step {
        Some(step) => format!("step '{step}' failed: {}", failure.reason),
        None => failure.reason.clone(),
    };
    let error = ProblemError { code: failure.code, detail: failure.reason, attr: None };
    ApiError::new(ErrorCode::ExecutionFailed, detail).because(vec![error]).about(address)
}
