//! What happens before the protocol: who calls, by which name and from where, how much they send, and what it spends. Whoever is
//! turned away here hears it as on the REST edge.

use std::{sync::Arc, time::Duration};

use access_domain::{CallTools, Principal};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{ALLOW, CONTENT_TYPE},
    web,
};
use api_types::{ErrorCode, Refusal};
use auth_actix::{ApiError, Blocking, UnspentCaller, Waiting, read_bounded, run_blocking};
use deployments_domain::UseCases;

use crate::{
    agent::Agent,
    call::{Caller, Planned},
    host,
    message::Message,
    relay::relay,
};

/// Larger messages are read off the event loop. In bytes.
const READ_IN_PLACE_BYTES: usize = 64 * 1024;

/// How this edge behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How callers reach this server, without a trailing slash; empty where that was not set.
    pub base_url: String,
    /// The largest message that is read, in bytes.
    pub max_body_bytes: usize,
    /// A message that takes longer to arrive is given up.
    pub body_timeout: Duration,
}

/// What this edge stands on, shared with the other edges of a server.
pub struct Mcp {
    use_cases: Arc<Blocking<UseCases>>,
    pub(crate) waiting: Arc<Waiting>,
    settings: Settings,
}

impl Mcp {
    /// The edge over what the others stand on.
    pub fn new(
        use_cases: Arc<Blocking<UseCases>>,
        waiting: Arc<Waiting>,
        settings: Settings,
    ) -> Self {
        Self { use_cases, waiting, settings }
    }

    /// The use cases, for what answers at once.
    pub(crate) fn use_cases(&self) -> &UseCases {
        &self.use_cases
    }

    /// Calls one use case off the event loop.
    pub(crate) async fn run<T, E>(
        &self,
        call: impl FnOnce(&UseCases) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        E: Into<Refusal>,
    {
        self.use_cases.run(call).await
    }
}

/// Puts the edge into an app that has the context of callers.
pub fn configure(mcp: web::Data<Mcp>) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        config.app_data(mcp);
        for address in ["/mcp", "/deployment/api/{org_id}/{api_name}/mcp"] {
            let resource = web::resource(address).route(web::post().to(answer));
            config.service(resource.default_service(web::to(no_such_method)));
        }
    }
}

/// There are no sessions to listen to or to end.
async fn no_such_method() -> HttpResponse {
    HttpResponse::MethodNotAllowed().insert_header((ALLOW, "POST")).finish()
}

async fn answer(
    request: HttpRequest,
    mcp: web::Data<Mcp>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    host::check(&request, &mcp.settings.base_url)?;
    let UnspentCaller { granted, quotas } = UnspentCaller::<CallTools>::of(&request).await?;
    require_json(&request)?;
    let limit = most_bytes(granted.who()).max(READ_IN_PLACE_BYTES).min(mcp.settings.max_body_bytes);
    let body = read_bounded(payload, limit, mcp.settings.body_timeout).await?;
    let size = body.len();
    let read = move || Ok::<_, ApiError>(Message::read(&body));
    let read = if size <= READ_IN_PLACE_BYTES { read()? } else { run_blocking(read).await? };
    let message = match read {
        Ok(message) => message,
        Err(fault) => return Ok(HttpResponse::BadRequest().json(fault)),
    };
    let caller = Caller { mcp: mcp.into_inner(), granted: Arc::new(granted), size };
    let planned = Planned::of(&request, &caller, quotas, message.call).await?;
    let agent = Agent::new(caller, planned);
    let answer = relay(&request, message.envelope, agent.clone()).await;
    agent.counted_alone(&request);
    answer
}

fn require_json(request: &HttpRequest) -> Result<(), ApiError> {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    if essence.trim().eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let detail = "send messages as application/json";
    Err(ApiError::new(ErrorCode::UnsupportedMediaType, detail))
}

/// Nobody sends more than they may call with. A call is held against the bound of its deployment when that is known; what is no
/// call must find room beside the smallest bound.
fn most_bytes(who: &Principal) -> usize {
    let bound = match who {
        Principal::DeploymentKey { bounds, .. } => bounds.max_body_bytes,
        Principal::User { .. }
        | Principal::PlatformKey { .. }
        | Principal::OrganizationKey { .. } => None,
    };
    bound.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX)
}
