//! What became of a call, as an agent is told: an object, once as it is and once as text. A refusal is the problem document of
//! the REST edge, with a sentence that says what to do.

use api_types::{ErrorCode, ExecutionView, Refusal, ResultView, StartedView};
use auth_actix::ApiError;
use deployments_domain::{Execution, RunResult};
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Value, json};

/// What is told of a run that goes on.
const GOES_ON: &str = "The execution goes on. Call keywright_get_result with this execution_id for its result, or \
                       keywright_cancel_execution to stop it.";

/// Something that was done.
pub(crate) fn done(told: Value) -> CallToolResult {
    CallToolResult::structured(told)
}

/// Where a run stands.
pub(crate) fn execution(execution: Execution) -> Value {
    let is_finished = execution.state.status.is_finished();
    let mut told = json!(ExecutionView::from(execution));
    if let (false, Some(members)) = (is_finished, told.as_object_mut()) {
        members.insert("next".into(), json!(GOES_ON));
    }
    told
}

/// What came of a run, or where it stands.
///
/// # Errors
/// Why there is no result and will be none.
pub(crate) fn result(result: RunResult) -> Result<Value, ApiError> {
    match result {
        RunResult::Completed(execution, result) => Ok(json!(ResultView::new(&execution, result))),
        RunResult::Unfinished(unfinished) => Ok(execution(unfinished)),
        RunResult::Failed(execution) => {
            let refusal = Refusal::execution_failed(execution.failure.clone());
            Err(about(refusal, &execution))
        }
        RunResult::Stopped(execution) => Err(about(Refusal::execution_stopped(), &execution)),
        RunResult::Expired => Err(Refusal::result_expired().into()),
    }
}

/// A refusal that is about an execution, with where its status is told.
fn about(refusal: Refusal, execution: &Execution) -> ApiError {
    let error = ApiError::from(refusal);
    match execution.trigger.deployment() {
        Some(deployment) => {
            error.about(StartedView::new(execution, deployment, None, "").status_api)
        }
        None => error,
    }
}

/// Something that was not done, in an answer to the request of this id.
pub(crate) fn refused(error: &ApiError, request_id: &str) -> CallToolResult {
    let problem = error.problem(request_id);
    let mut text = format!("{}: {}", problem.code, problem.detail);
    for fault in &problem.errors {
        match fault.attr.as_deref().filter(|pointer| !pointer.is_empty()) {
            Some(pointer) => text += &format!("\n{pointer}: {}", fault.detail),
            None if fault.detail == problem.detail => {}
            None => text += &format!("\n{}: {}", fault.code, fault.detail),
        }
    }
    if let Some(advice) = advice(error) {
        text += &format!("\n{advice}");
    }
    let mut told = CallToolResult::structured_error(json!(problem));
    told.content = vec![ContentBlock::text(text)];
    told
}

/// What to do about a refusal, where its detail does not say so already.
fn advice(error: &ApiError) -> Option<String> {
    if let Some(seconds) = error.refusal().retry_after {
        return Some(format!("Call again in {seconds} seconds."));
    }
    let is = |codes: &[ErrorCode]| codes.contains(&error.code());
    if is(&[ErrorCode::InputInvalid]) {
        return Some("Call again with arguments that obey the tool's schema.".into());
    }
    is(&[ErrorCode::TooManyExecutions, ErrorCode::Unavailable])
        .then(|| "Call again in a moment.".into())
}
