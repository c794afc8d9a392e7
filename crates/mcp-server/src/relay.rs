//! A message between this server's framework and the SDK's transport, which speak of HTTP in types of two generations.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodySize, MessageBody},
    http::StatusCode,
};
use api_types::ErrorCode;
use auth_actix::ApiError;
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
};

use crate::agent::Agent;

/// What the protocol reads of a request's headers. No credential is handed on.
fn is_read(name: &str) -> bool {
    name == "content-type" || name.starts_with("mcp-")
}

/// Said for every client: many do not say that they take both, and a call that was let in is not refused for it.
const ACCEPTED: &str = "application/json, text/event-stream";

/// What is told of an answer's headers. Whether it may be kept is said for all answers alike.
const TOLD: [&str; 3] = ["allow", "content-type", "x-accel-buffering"];

/// Has the protocol answer a message.
///
/// # Errors
/// When the request cannot be told in the other types.
pub(crate) async fn relay(
    request: &HttpRequest,
    message: Bytes,
    agent: Agent,
) -> Result<HttpResponse, ApiError> {
    // Nothing is kept between requests, so that any server can answer each; what comes at once is plain JSON. Who may call by
    // which name was found out already, and how large a message may be.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .disable_allowed_hosts()
        .with_max_request_body_bytes(usize::MAX)
        .with_sse_retry(None);
    let sessions = Arc::new(NeverSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(agent.clone()), sessions, config);
    let mut to = http::Request::post("/").header("host", "localhost").header("accept", ACCEPTED);
    for (name, value) in request.headers().iter().filter(|(name, _)| is_read(name.as_str())) {
        to = to.header(name.as_str(), value.as_bytes());
    }
    let to = to.body(Full::new(message)).map_err(ApiError::internal)?;
    let (head, body) = service.handle(to).await.into_parts();
    let status = StatusCode::from_u16(head.status.as_u16()).map_err(ApiError::internal)?;
    let is_json = head.headers.get("content-type").is_some_and(|told| told == "application/json");
    if (status.is_client_error() || status.is_server_error()) && !is_json {
        let Ok(text) = body.collect().await;
        let text = String::from_utf8_lossy(&text.to_bytes()).into_owned();
        return Err(if status.is_client_error() {
            ApiError::new(ErrorCode::InvalidParameter, text)
        } else {
            ApiError::internal(text)
        });
    }
    let mut answer = HttpResponse::build(status);
    for (name, value) in head.headers.iter().filter(|(name, _)| TOLD.contains(&name.as_str())) {
        answer.insert_header((name.as_str(), value.as_bytes()));
    }
    Ok(answer.body(Relayed(body)))
}

struct Relayed(BoxBody<Bytes, Infallible>);

impl MessageBody for Relayed {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0.size_hint().exact().map_or(BodySize::Stream, BodySize::Sized)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let frame = Pin::new(&mut self.0).poll_frame(context);
        // After trailers, which nobody sends, nothing comes.
        frame.map(|frame| frame.and_then(|Ok(frame)| frame.into_data().ok()).map(Ok))
    }
}
