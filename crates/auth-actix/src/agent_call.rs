//! Calls of agents' tools: let in by the same door as others, and counted, noted and limited as others are, although what
//! becomes of them is told within an answer that says 200. Knows nothing of how it is told.

use std::sync::Arc;

use access_domain::{
    Actor, Call, CallLog, CallOutcome, CallTools, Consumer, DeploymentId, Granted, OrganizationId,
    Origin, Principal, Quotas, Refusal, RefusalLog, TokenUsage,
};
use actix_web::{HttpRequest, ResponseError as _, http::StatusCode};

use crate::{
    ApiError, FromCall,
    caller::{by_name, context_of, granted_to, origin},
    calls,
    request_context::{count_problem, log_chain},
};

/// A caller who was granted `P` and has spent nothing yet: what the request spends, its body tells.
pub struct UnspentCaller<P> {
    /// The proof, for use cases.
    pub granted: Granted<P>,
    /// What a call of theirs spends.
    pub quotas: Quotas,
}

impl<P: FromCall> UnspentCaller<P> {
    /// Who makes this request.
    ///
    /// # Errors
    /// When they are not known, or may not do this.
    pub async fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let (granted, quotas) = granted_to(request).await?;
        Ok(Self { granted, quotas })
    }
}

impl FromCall for CallTools {
    const KEYS_ALONE: bool = true;

    /// Anywhere, or at the address of a deployment, which is for its own keys.
    fn from_call(request: &HttpRequest, who: &Principal) -> Result<Self, ApiError> {
        if let Some(named) = request.match_info().get("api_name") {
            by_name(named, who)?;
        }
        Ok(Self)
    }
}

/// A call whose outcome the status of its answer does not tell. Whoever tells the outcome here has the request counted by it;
/// where nobody does, since the caller hung up, it is counted as little as other requests that nobody answered.
pub struct AgentCall {
    consumer: Option<Consumer>,
    calls: Arc<dyn CallLog>,
    refusals: Arc<dyn RefusalLog>,
    organization: OrganizationId,
    actor: Actor,
    operation: String,
    origin: Origin,
}

impl AgentCall {
    /// The call that a request of `who` makes, of `deployment` where it is to one.
    ///
    /// # Errors
    /// When the app has no context.
    pub fn of(
        request: &HttpRequest,
        who: &Principal,
        deployment: Option<DeploymentId>,
    ) -> Result<Self, ApiError> {
        let context = context_of(request)?;
        let consumer = calls::consumer(request);
        let pattern = request.match_pattern().unwrap_or_default();
        Ok(Self {
            consumer: consumer
                .map(|of_key| Consumer { deployment: deployment.or(of_key.deployment), ..of_key }),
            calls: Arc::clone(&context.calls),
            refusals: Arc::clone(&context.refusals),
            organization: who.organization().id,
            actor: Actor::of(who),
            operation: format!("{} {pattern}", request.method()),
            origin: origin(request),
        })
    }

    /// It was done.
    pub fn succeeded(&self) {
        self.count(CallOutcome::Succeeded);
    }

    /// It was refused, or came to nothing.
    pub fn refused(&self, error: &ApiError) {
        let status = error.status_code();
        count_problem(error.code());
        log_chain(error, self.request_id());
        self.count(calls::outcome(status, Some(error.code())));
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            self.refusals.note(Refusal {
                organization: self.organization,
                actor: self.actor.clone(),
                operation: self.operation.clone(),
                reason: error.code().as_str(),
                origin: self.origin.clone(),
            });
        }
    }

    /// The id of the request that it came by.
    pub fn request_id(&self) -> &str {
        self.origin.request_id.as_deref().unwrap_or_default()
    }

    /// The request that it came by is not counted once more by the status of its answer.
    pub fn counts_alone(&self, request: &HttpRequest) {
        calls::forget(request);
    }

    fn count(&self, outcome: CallOutcome) {
        if let Some(consumer) = self.consumer {
            self.calls.note(Call { consumer, outcome, tokens: TokenUsage::default() });
        }
    }
}
