//! What happens within the protocol: an agent is told who serves it and which tools there are, and its call is carried out.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use access_domain::PageRequest;
use actix_web::HttpRequest;
use auth_actix::{ApiError, Pace};
use deployments_domain::{Deployment, ExecutionId, MAX_TOOL_WAIT, StartRun};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, ListToolsResult,
        PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig,
    },
    service::RequestContext,
};
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::select;
use uuid::Uuid;

use crate::{
    call::{Caller, Plan, Planned},
    own_tools::{OwnTool, PAGE, list_deployments, look_after, tool},
    progress::Progress,
    told,
};

const INSTRUCTIONS: &str = "Each deployed workflow is a tool by its name. A call is answered with the execution's result, or, \
                            where that takes longer, with an execution_id to call keywright_get_result with.";

/// One message's agent.
#[derive(Clone)]
pub(crate) struct Agent(Arc<Asking>);

struct Asking {
    caller: Caller,
    /// Taken when it is carried out.
    plan: Mutex<Option<Plan>>,
    call: auth_actix::AgentCall,
    /// Whether what becomes of it is counted by the call.
    is_begun: AtomicBool,
}

impl Agent {
    pub(crate) fn new(caller: Caller, Planned { plan, call }: Planned) -> Self {
        let (plan, is_begun) = (Mutex::new(plan), AtomicBool::new(false));
        Self(Arc::new(Asking { caller, plan, call, is_begun }))
    }

    /// After the answer has begun: a call that was carried out is counted by what becomes of it.
    pub(crate) fn counted_alone(&self, request: &HttpRequest) {
        if self.0.is_begun.load(Ordering::Relaxed) {
            self.0.call.counts_alone(request);
        }
    }

    fn take_plan(&self) -> Option<Plan> {
        self.0.is_begun.store(true, Ordering::Relaxed);
        self.0.plan.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn carry_out(
        &self,
        plan: Plan,
        context: &RequestContext<RoleServer>,
    ) -> Result<Value, ApiError> {
        match plan {
            Plan::Unknown(_) => Err(ApiError::not_found()),
            Plan::Refused(error) => Err(error),
            Plan::Own(OwnTool::ListDeployments, arguments) => {
                list_deployments(&self.0.caller, &arguments).await
            }
            Plan::Own(own, arguments) => self.look_after(own, &arguments, context).await,
            Plan::Run(deployment, run) => self.run(*deployment, run, context).await,
        }
    }

    async fn look_after(
        &self,
        own: OwnTool,
        arguments: &Map<String, Value>,
        context: &RequestContext<RoleServer>,
    ) -> Result<Value, ApiError> {
        let wanted = own.wanted(arguments)?;
        if !wanted.wait.is_zero() {
            select! {
                waited = self.wait(wanted.execution, wanted.wait, context) => waited?,
                () = context.ct.cancelled() => {}
            }
        }
        look_after(own, &self.0.caller, wanted.execution).await
    }

    /// Starts a run and waits for its end, as long as its deployment lets it take.
    async fn run(
        &self,
        deployment: Deployment,
        run: StartRun,
        context: &RequestContext<RoleServer>,
    ) -> Result<Value, ApiError> {
        let caller = &self.0.caller;
        let patience = Duration::from_secs(deployment.timeout_seconds.into()).min(MAX_TOOL_WAIT);
        let granted = Arc::clone(&caller.granted);
        let started = caller.mcp.run(move |uc| uc.tools.call(&granted, &deployment, run)).await?;
        select! {
            waited = self.wait(started.id, patience, context) => waited?,
            () = context.ct.cancelled() => return self.hang_up(started.id, context).await,
        }
        look_after(OwnTool::GetResult, caller, started.id).await
    }

    /// Returns when a run has ended, or nobody shall wait for it any longer.
    async fn wait(
        &self,
        id: ExecutionId,
        patience: Duration,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), ApiError> {
        let Caller { mcp, granted, .. } = &self.0.caller;
        let progress = Progress::of(context, patience).map(Arc::new);
        let watch = |notify| mcp.use_cases().tools.watch(granted, id, notify);
        let ask = || {
            let (mcp, granted, progress) = (Arc::clone(mcp), Arc::clone(granted), progress.clone());
            async move {
                let run = mcp.run(move |uc| uc.tools.status(&granted, id)).await?;
                if let Some(progress) = progress.filter(|_| !run.state.status.is_finished()) {
                    progress.tell(&run).await;
                }
                Ok(run)
            }
        };
        let over = |run: &deployments_domain::Execution| run.state.status.is_finished();
        mcp.waiting.until(patience, Pace::OF_WORK, watch, ask, over).await.map(drop)
    }

    /// Nobody listens any more. By the newer protocol that cancels what was called; by the older ones it says nothing, and the
    /// run goes on.
    async fn hang_up(
        &self,
        id: ExecutionId,
        context: &RequestContext<RoleServer>,
    ) -> Result<Value, ApiError> {
        let cancels = context
            .protocol_version()
            .is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str());
        let tool = if cancels { OwnTool::CancelExecution } else { OwnTool::GetExecution };
        look_after(tool, &self.0.caller, id).await
    }
}

impl ServerHandler for Agent {
    fn get_info(&self) -> ServerConfig {
        let server = Implementation::new("keywright", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(server)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let cursor = page.and_then(|page| page.cursor);
        let after = cursor.as_deref().map(Uuid::try_parse).transpose();
        let after =
            after.map_err(|_| ErrorData::invalid_params("there is no such cursor", None))?;
        let Caller { mcp, granted, .. } = &self.0.caller;
        let (asker, page) = (Arc::clone(granted), PageRequest { after, limit: PAGE });
        let found = mcp.run(move |uc| uc.tools.list(&asker, page)).await;
        let found = found.map_err(|error| {
            self.0.call.refused(&error);
            self.0.is_begun.store(true, Ordering::Relaxed);
            ErrorData::internal_error(error.to_string(), None)
        })?;
        let own = if after.is_none() { &OwnTool::ALL[..] } else { &[] };
        let tools = found.items.iter().map(tool).chain(own.iter().map(|own| own.told()));
        let mut told = ListToolsResult::with_all_items(tools.collect());
        told.next_cursor = found.next.map(|next| next.to_string());
        Ok(told)
    }

    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let call = &self.0.call;
        let Some(plan) = self.take_plan() else {
            return Err(ErrorData::internal_error("the call was read as none", None));
        };
        let unknown = if let Plan::Unknown(tool) = &plan { Some(tool.clone()) } else { None };
        let told: CallToolResult = match self.carry_out(plan, &context).await {
            Ok(told) => {
                call.succeeded();
                told::done(told)
            }
            Err(error) => {
                call.refused(&error);
                if let Some(tool) = unknown {
                    return Err(ErrorData::invalid_params(format!("Unknown tool: {tool}"), None));
                }
                told::refused(&error, call.request_id())
            }
        };
        Ok(told.into())
    }
}
