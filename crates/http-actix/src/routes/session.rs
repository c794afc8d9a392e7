//! `/v1/session`: people log in and out.

use std::time::Duration;

use access_domain::{LoggedIn, SessionRecord, User};
use actix_web::{HttpResponse, delete, get, post, web};
use api_types::{ErrorCode, LogIn, SessionView};
use auth_actix::{ApiError, Identity};
use keys_core::Secret;
use utoipa_actix_web::service_config::ServiceConfig;

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
    let user = check_password(&app, username, Secret::new(password)).await?;
    let logged_in = app.run(move |uc| uc.sessions.begin(user.id)).await?;
    Ok(begun(&app, logged_in))
}

/// The user of that name, if the password is theirs: the one way in for whoever has no session yet.
pub(super) async fn check_password(
    app: &App,
    username: String,
    password: Secret,
) -> Result<User, ApiError> {
    let turn = app.log_ins.turn().await?;
    let check = move |uc: &UseCases| {
        // Goes with the hash, not with the request: a caller who hangs up must not free the place.
        let _turn = turn;
        uc.sessions.check_password(&username, &password)
    };
    app.run(check).await
}

/// Answers that a session was begun, with its cookie.
pub(super) fn begun(app: &App, logged_in: LoggedIn) -> HttpResponse {
    let cookie = app.cookie().write(logged_in.token.reveal_once());
    HttpResponse::Ok().cookie(cookie).json(view(logged_in.record, logged_in.csrf_token))
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

pub(super) fn view(record: SessionRecord, csrf_token: String) -> SessionView {
    let organizations = record.memberships.into_iter().map(Into::into).collect();
    SessionView { user: record.user.into(), organizations, csrf_token }
}
