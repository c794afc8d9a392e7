//! `/healthz` and `/readyz`: for whoever keeps the server running.

use actix_web::{get, web};
use auth_actix::ApiError;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::App;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(healthz).service(readyz);
}

/// The process is alive
#[utoipa::path(tag = "server", security(()), responses((status = 200, content_type = "text/plain", body = String)))]
#[get("/healthz")]
async fn healthz() -> &'static str {
    "alive\n"
}

/// Requests can be served
///
/// 503 while the database does not answer, or a pepper that its keys need is missing here.
#[utoipa::path(tag = "server", security(()), responses((status = 200, content_type = "text/plain", body = String)))]
#[get("/readyz")]
async fn readyz(app: web::Data<App>) -> Result<&'static str, ApiError> {
    app.run(|uc| (uc.readiness)()).await?;
    Ok("ready\n")
}
