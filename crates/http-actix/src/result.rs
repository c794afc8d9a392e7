//! How the result of a run reads: as a value, as a status, or as the reason why there is none.

use std::sync::Arc;

use access_domain::{Execute, Granted};
use api_types::{Refusal, StartedView};
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
        RunResult::Failed(execution) => {
            let refusal = Refusal::execution_failed(execution.failure.clone());
            Err(ApiError::from(refusal).about(address(&execution)))
        }
        RunResult::Stopped(execution) => {
            Err(ApiError::from(Refusal::execution_stopped()).about(address(&execution)))
        }
        RunResult::Expired => Err(Refusal::result_expired().into()),
    }
}
