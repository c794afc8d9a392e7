//! `/healthz`, `/readyz` and `/metrics`: for whoever keeps the server running.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, get, web};
use api_types::ErrorCode;
use auth_actix::ApiError;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::App;

/// How Prometheus knows what it reads.
pub const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(healthz).service(readyz).service(metrics);
}

/// The process is alive
#[utoipa::path(tag = "server", security(()), responses((status = 200, content_type = "text/plain", body = String)))]
#[get("/healthz")]
async fn healthz() -> &'static str {
    "alive\n"
}

/// Requests can be served
///
/// 503 while the database does not answer, a pepper that its keys need is missing here, Redis is away
/// without which nothing that is limited passes, or the server is about to stop.
#[utoipa::path(tag = "server", security(()), responses((status = 200, content_type = "text/plain", body = String)))]
#[get("/readyz")]
async fn readyz(app: web::Data<App>) -> Result<&'static str, ApiError> {
    if app.is_draining() {
        let stops = "the server is about to stop; ask another one";
        return Err(ApiError::new(ErrorCode::Unavailable, stops));
    }
    let readiness = Arc::clone(&app.readiness);
    app.run(move |_| readiness()).await?;
    Ok("ready\n")
}

/// What the server measures, for Prometheus
///
/// With the token of the setting `server.metrics_token`; where none is set, there is no such
/// address. The listener of `server.admin_listen` has the same without a token.
#[utoipa::path(
    tag = "server",
    security(("metrics_token" = [])),
    responses((status = 200, content_type = "text/plain", body = String))
)]
#[get("/metrics")]
async fn metrics(app: web::Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let door = app.metrics.as_ref().ok_or_else(ApiError::not_found)?;
    door.check(&request)?;
    app.observe();
    Ok(HttpResponse::Ok().content_type(METRICS_TYPE).body(door.read().await))
}
