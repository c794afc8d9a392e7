//! How the result of a run reads: as a value, as a status, or as the reason why there is none.

use std::sync::Arc;

use access_domain::{DeploymentId, Execute, Granted};
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
    match app.run(move |uc| uc.executions.result(&granted, id)).await? {
        RunResult::Completed(execution, result) => Ok(Ended::With(execution, result)),
        RunResult::Unfinished(execution) => Ok(Ended::NotYet(execution)),
        RunResult::Failed(execution) => Err(failed(app, deployment, execution)),
        RunResult::Stopped(execution) => {
            let stopped = ApiError::new(
                ErrorCode::ExecutionStopped,
                "the execution was cancelled: there is no result",
            );
            Err(stopped.about(status_address(app, deployment, &execution)))
        }
        RunResult::Expired => Err(ApiError::new(
            ErrorCode::ResultExpired,
            "the result is no longer kept; the execution's status still is",
        )),
    }
}

fn failed(app: &App, deployment: DeploymentId, execution: Execution) -> ApiError {
    let address = status_address(app, deployment, &execution);
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

fn status_address(app: &App, deployment: DeploymentId, execution: &Execution) -> String {
    StartedView::new(execution, deployment, None, &app.settings.base_url).status_api
}
