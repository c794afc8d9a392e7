//! What a message asks for, found out and let in before the protocol answers it. Refusals of a tool that is there are told as
//! its results.

use std::sync::Arc;

use access_domain::{AuthenticationError, CallTools, Granted, Quotas};
use actix_web::HttpRequest;
use api_types::ErrorCode;
use auth_actix::{AgentCall, ApiError, spend};
use deployments_domain::{Deployment, ExecutionError, StartRun, input_of};
use serde_json::{Map, Value};

use crate::{door::Mcp, message::Asked, own_tools::OwnTool};

/// Who sends a message, and how large it is.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) mcp: Arc<Mcp>,
    pub(crate) granted: Arc<Granted<CallTools>>,
    /// In bytes.
    pub(crate) size: usize,
}

/// What is to be done.
pub(crate) enum Plan {
    /// No tool of this name is there for the caller.
    Unknown(String),
    /// The tool is there, and the call is refused.
    Refused(ApiError),
    /// One of the server's own tools.
    Own(OwnTool, Map<String, Value>),
    /// A run of a deployment.
    Run(Box<Deployment>, StartRun),
}

/// What is to be done, with what counts it.
pub(crate) struct Planned {
    pub(crate) plan: Option<Plan>,
    pub(crate) call: AgentCall,
}

impl Planned {
    /// What a message asks for. Calls have spent what they spend when this returns.
    ///
    /// # Errors
    /// When nothing could be found out.
    pub(crate) async fn of(
        request: &HttpRequest,
        caller: &Caller,
        quotas: Quotas,
        asked: Option<Asked>,
    ) -> Result<Self, ApiError> {
        let who = caller.granted.who();
        let Some(Asked { tool, arguments }) = asked else {
            return Ok(Self { plan: None, call: AgentCall::of(request, who, None)? });
        };
        if let Some(own) = OwnTool::named(&tool) {
            let spent = spend(request, quotas, 1).await;
            let plan = spent.map_or_else(Plan::Refused, |()| Plan::Own(own, arguments));
            return Ok(Self { plan: Some(plan), call: AgentCall::of(request, who, None)? });
        }
        let (granted, name) = (Arc::clone(&caller.granted), tool.clone());
        let found = caller.mcp.run(move |uc| uc.tools.find(&granted, &name)).await?;
        let Some(deployment) = found else {
            let call = AgentCall::of(request, who, None)?;
            // As much as any name has, and no more comes back.
            let named = tool.chars().take(64).collect();
            return Ok(Self { plan: Some(Plan::Unknown(named)), call });
        };
        let call = AgentCall::of(request, who, Some(deployment.id))?;
        let let_in = let_in(request, caller, quotas, &deployment, arguments).await;
        let run = |run| Plan::Run(Box::new(deployment), run);
        Ok(Self { plan: Some(let_in.map_or_else(Plan::Refused, run)), call })
    }
}

/// In the order of checks of a call by REST.
async fn let_in(
    request: &HttpRequest,
    caller: &Caller,
    of_key: Quotas,
    deployment: &Deployment,
    arguments: Map<String, Value>,
) -> Result<StartRun, ApiError> {
    let tools = &caller.mcp.use_cases().tools;
    tools.admits(&caller.granted, deployment).map_err(AuthenticationError::Key)?;
    spend(request, tools.quotas(&caller.granted, of_key, deployment), 1).await?;
    let most = usize::try_from(deployment.max_body_bytes).unwrap_or(usize::MAX);
    if caller.size > most {
        let detail = format!("a call of this tool may have at most {most} bytes");
        return Err(ApiError::new(ErrorCode::BodyTooLarge, detail));
    }
    let read = input_of(deployment, arguments);
    read.map_err(|faults| api_types::Refusal::from(ExecutionError::InputInvalid { faults }).into())
}
