//! `/v1/session`: people log in and out.

use std::time::Duration;

use actix_web::{HttpResponse, delete, get, post, web};
use api_types::{ErrorCode, LogIn, SessionView};
use auth_actix::{ApiError, Identity};
use keys_core::Secret;
use utoipa_actix_web::service_config::ServiceConfig;

use access_domain::SessionRecord;

use crate::{App, app::UseCases, body::Body};

/// A log-in says little, and whoever logs in is a stranger still.
const MAX_BODY_BYTES: usize = 8 * 1024;
const BODY_DEADLINE: Duration = Duration::from_secs(10);

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(log_in).service(get_session).service(log_out);
}

/// Log in
///
/// Sets the session's cookie. Unsafe requests of the session must carry `csrf_token` as `X-CSRF-Token`.
#[utoipa::path(tag = "sessions", security(()), request_body = LogIn, responses((status = 200, body = SessionView)))]
#[post("/v1/session")]
async fn log_in(app: web::Data<App>, body: Body) -> Result<HttpResponse, ApiError> {
    let LogIn { username, password } = body.within(MAX_BODY_BYTES, BODY_DEADLINE).json().await?;
    let password = Secret::new(password);
    let turn = app.log_ins.turn().await?;
    let log_in = move |uc: &UseCases| {
        // Goes with the hash, not with the request: a caller who hangs up must not free the place.
        let _turn = turn;
        uc.sessions.log_in(&username, &password)
    };
    let logged_in = app.run(log_in).await?;
    let cookie = app.cookie().write(logged_in.token.reveal_once());
    Ok(HttpResponse::Ok().cookie(cookie).json(view(logged_in.record, logged_in.csrf_token)))
}

/// The present session
#[utoipa::path(tag = "sessions", security(("session" = [])), responses((status = 200, body = SessionView)))]
#[get("/v1/session")]
async fn get_session(identity: Identity) -> Result<web::Json<SessionView>, ApiError> {
    let (record, csrf_token) = session_of(identity)?;
    Ok(web::Json(view(record, csrf_token)))
}

/// Log out
#[utoipa::path(tag = "sessions", security(("session" = [])), responses((status = 204)))]
#[delete("/v1/session")]
async fn log_out(app: web::Data<App>, identity: Identity) -> Result<HttpResponse, ApiError> {
    let (record, _) = session_of(identity)?;
    app.run(move |uc| uc.sessions.log_out(record.session.id)).await?;
    Ok(HttpResponse::NoContent().cookie(app.cookie().write(String::new())).finish())
}

fn session_of(identity: Identity) -> Result<(SessionRecord, String), ApiError> {
    match identity {
        Identity::Session { record, csrf_token } => Ok((*record, csrf_token)),
        Identity::Key(_) => {
            Err(ApiError::new(ErrorCode::KeyKindNotAllowed, "a key has no session"))
        }
    }
}

fn view(record: SessionRecord, csrf_token: String) -> SessionView {
    let organizations = record.memberships.into_iter().map(Into::into).collect();
    SessionView { user: record.user.into(), organizations, csrf_token }
}
