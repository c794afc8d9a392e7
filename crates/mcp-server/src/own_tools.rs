//! The tools that the server has beside deployments: to find these, and to look after what their calls started. Keys are not
//! managed here.

use std::{sync::Arc, time::Duration};

use access_domain::{Fault, FaultCode, PageRequest};
use auth_actix::ApiError;
use deployments_domain::{Deployment, ExecutionError, ExecutionId, MAX_TOOL_WAIT, input_schema};
use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{call::Caller, told};

/// How many deployments are told of at once.
pub(crate) const PAGE: u32 = 50;

/// One of the server's own tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnTool {
    ListDeployments,
    GetExecution,
    GetResult,
    CancelExecution,
}

/// The run that a call is about, and how long it may be waited for.
#[derive(Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) execution: ExecutionId,
    pub(crate) wait: Duration,
}

impl OwnTool {
    pub(crate) const ALL: [Self; 4] =
        [Self::ListDeployments, Self::GetExecution, Self::GetResult, Self::CancelExecution];

    fn name(self) -> &'static str {
        match self {
            Self::ListDeployments => "keywright_list_deployments",
            Self::GetExecution => "keywright_get_execution",
            Self::GetResult => "keywright_get_result",
            Self::CancelExecution => "keywright_cancel_execution",
        }
    }

    /// The tool of a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// The tool as agents are told of it.
    pub(crate) fn told(self) -> Tool {
        let description = match self {
            Self::ListDeployments => {
                "Lists the deployed workflows that can be called, each by the tool of its api_name, with what it takes."
            }
            Self::GetExecution => {
                "Tells where an execution stands: its status, progress and failure."
            }
            Self::GetResult => {
                "Returns the result of an execution, or where it stands. With wait_seconds, waits so long for its end."
            }
            Self::CancelExecution => {
                "Cancels an execution that has not ended. What its steps did already stays done."
            }
        };
        let hints = ToolAnnotations::new().open_world(false).idempotent(true);
        let hints = match self {
            Self::ListDeployments | Self::GetExecution | Self::GetResult => hints.read_only(true),
            Self::CancelExecution => hints.read_only(false).destructive(true),
        };
        Tool::new(self.name(), description, Arc::new(self.schema())).with_annotations(hints)
    }

    fn schema(self) -> Map<String, Value> {
        let id = json!({
            "type": "string", "format": "uuid", "description": "The execution_id that a call was answered with.",
        });
        let (properties, required) = match self {
            Self::ListDeployments => {
                let cursor = "The next_cursor of the page before.";
                (json!({"cursor": {"type": "string", "description": cursor}}), json!([]))
            }
            Self::GetExecution | Self::CancelExecution => {
                (json!({"execution_id": id}), json!(["execution_id"]))
            }
            Self::GetResult => {
                let most = MAX_TOOL_WAIT.as_secs();
                let wait = json!({"type": "integer", "minimum": 0, "maximum": most, "default": 0});
                (json!({"execution_id": id, "wait_seconds": wait}), json!(["execution_id"]))
            }
        };
        let mut schema = Map::new();
        schema.insert("type".into(), json!("object"));
        schema.insert("properties".into(), properties);
        schema.insert("required".into(), required);
        schema.insert("additionalProperties".into(), json!(false));
        schema
    }

    /// Everything that is wrong with arguments, but for their values.
    fn check(self, arguments: &Map<String, Value>) -> Result<(), ApiError> {
        let schema = self.schema();
        let known =
            |name: &str| schema.get("properties").is_some_and(|all| all.get(name).is_some());
        let unknown = arguments.keys().filter(|name| !known(name)).map(|name| {
            let pointer = format!("/{}", access_domain::pointer_segment(name));
            Fault::new(pointer, FaultCode::UnknownField, "this tool has no such argument")
        });
        invalid(unknown.collect())
    }

    /// What a call is about that is about an execution.
    ///
    /// # Errors
    /// What is wrong with the arguments.
    pub(crate) fn wanted(self, arguments: &Map<String, Value>) -> Result<Wanted, ApiError> {
        self.check(arguments)?;
        let id = arguments.get("execution_id").and_then(Value::as_str);
        let Some(id) = id.and_then(|id| Uuid::try_parse(id).ok()) else {
            let detail = "must be the execution_id that a call was answered with";
            return Err(wrong("/execution_id", detail));
        };
        let seconds = match arguments.get("wait_seconds") {
            None | Some(Value::Null) => 0,
            Some(given) => given
                .as_u64()
                .filter(|seconds| *seconds <= MAX_TOOL_WAIT.as_secs())
                .ok_or_else(|| wrong("/wait_seconds", "must be from 0 to 300 seconds"))?,
        };
        Ok(Wanted { execution: id.into(), wait: Duration::from_secs(seconds) })
    }
}

/// A page of the deployments that the caller may call.
///
/// # Errors
/// What is wrong with the arguments, or that storage failed.
pub(crate) async fn list_deployments(
    caller: &Caller,
    arguments: &Map<String, Value>,
) -> Result<Value, ApiError> {
    OwnTool::ListDeployments.check(arguments)?;
    let after = match arguments.get("cursor") {
        None | Some(Value::Null) => None,
        Some(cursor) => {
            let read = cursor.as_str().and_then(|text| Uuid::try_parse(text).ok());
            Some(read.ok_or_else(|| wrong("/cursor", "must be the next_cursor of a page"))?)
        }
    };
    let granted = Arc::clone(&caller.granted);
    let page = PageRequest { after, limit: PAGE };
    let found = caller.mcp.run(move |uc| uc.tools.list(&granted, page)).await?;
    let items: Vec<Value> = found.items.iter().map(deployment).collect();
    Ok(json!({"items": items, "next_cursor": found.next.map(|next| next.to_string())}))
}

/// A deployment, for whoever may call it.
fn deployment(deployment: &Deployment) -> Value {
    json!({
        "api_name": deployment.api_name,
        "display_name": deployment.display_name,
        "description": deployment.description,
        "timeout_seconds": deployment.timeout_seconds,
        "input_schema": input_schema(deployment),
    })
}

/// A deployment as a tool of its own.
pub(crate) fn tool(deployment: &Deployment) -> Tool {
    let name = deployment.api_name.clone();
    let is_named = !deployment.display_name.is_empty();
    let description = match (deployment.description.as_str(), is_named) {
        ("", true) => deployment.display_name.clone(),
        ("", false) => format!("Runs the deployed workflow {name}."),
        (described, _) => described.to_owned(),
    };
    let tool = Tool::new(name, description, Arc::new(input_schema(deployment)));
    if is_named { tool.with_title(deployment.display_name.clone()) } else { tool }
}

/// Does what a call of one of these tools asks for, other than waiting.
///
/// # Errors
/// When it is not done.
pub(crate) async fn look_after(
    tool: OwnTool,
    caller: &Caller,
    id: ExecutionId,
) -> Result<Value, ApiError> {
    let granted = Arc::clone(&caller.granted);
    let mcp = &caller.mcp;
    match tool {
        OwnTool::GetExecution => {
            Ok(told::execution(mcp.run(move |uc| uc.tools.status(&granted, id)).await?))
        }
        OwnTool::CancelExecution => {
            Ok(told::execution(mcp.run(move |uc| uc.tools.cancel(&granted, id)).await?))
        }
        OwnTool::GetResult | OwnTool::ListDeployments => {
            told::result(mcp.run(move |uc| uc.tools.result(&granted, id)).await?)
        }
    }
}

fn wrong(pointer: &str, detail: &str) -> ApiError {
    let faults = vec![Fault::invalid(pointer, detail)];
    api_types::Refusal::from(ExecutionError::InputInvalid { faults }).into()
}

fn invalid(faults: Vec<Fault>) -> Result<(), ApiError> {
    if faults.is_empty() {
        return Ok(());
    }
    Err(api_types::Refusal::from(ExecutionError::InputInvalid { faults }).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(arguments: Value, expected: Option<Duration>) {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let wanted = OwnTool::GetResult.wanted(&arguments);
        assert_eq!(wanted.ok().map(|wanted| wanted.wait), expected, "{arguments:?}");
    }

    #[test]
    fn an_execution_is_named_by_its_id_and_waited_for_no_longer_than_a_call_is() {
        let id = "0190e45f-ceea-767f-ab9c-0d1e2f3a4b5c";
        check(json!({"execution_id": id}), Some(Duration::ZERO));
        check(json!({"execution_id": id, "wait_seconds": 300}), Some(MAX_TOOL_WAIT));
        for wait in [json!(301), json!(-1), json!(1.5), json!("1")] {
            check(json!({"execution_id": id, "wait_seconds": wait}), None);
        }
        for other in [json!({}), json!({"execution_id": 7}), json!({"execution_id": id, "x": 1})] {
            check(other, None);
        }
    }

    #[test]
    fn every_own_tool_is_found_by_the_name_that_it_is_told_by() {
        for tool in OwnTool::ALL {
            assert_eq!(OwnTool::named(&tool.told().name), Some(tool));
            assert!(tool.told().name.starts_with("keywright_"), "no deployment is called so");
        }
        assert_eq!(OwnTool::named("keywright_delete_everything"), None);
    }
}
