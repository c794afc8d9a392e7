//! `/v1/session` and `/v1/sessions`: people log in and out, see where they are logged in, and change their password.

use std::time::Duration;

use access_domain::{
    Credentials, LoggedIn, PasswordRefusal, Session, SessionRecord, Sessions, StoreError,
    UserRecord,
};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use api_types::{ChangePassword, ErrorCode, ListView, LogIn, OwnSessionView, Refusal, SessionView};
use auth_actix::{ApiError, Identity, origin};
use deployments_domain::UseCases;
use keys_core::Secret;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    App,
    body::Body,
    parameters::{PathId, Query, list},
};

/// A log-in says little, and whoever logs in is a stranger still.
const MAX_BODY_BYTES: usize = 8 * 1024;
const BODY_DEADLINE: Duration = Duration::from_secs(10);

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(log_in)
        .service(get_session)
        .service(log_out)
        .service(change_password)
        .service(list_sessions)
        .service(end_session);
}

/// Log in
///
/// Sets the session's cookie, and one by which the browser is known when its user logs in again. Unsafe requests of the
/// session must carry `csrf_token` as `X-CSRF-Token`. A session whose cookie was sent along ends.
#[utoipa::path(tag = "sessions", security(()), request_body = LogIn, responses((status = 200, body = SessionView)))]
#[post("/v1/session")]
async fn log_in(
    app: web::Data<App>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let LogIn { username, password } = body.within(MAX_BODY_BYTES, BODY_DEADLINE).json().await?;
    let credentials = Credentials { username, password: Secret::new(password) };
    let arrival = app.passwords().arrival(&request);
    let begin = move |uc: &UseCases, user: UserRecord| {
        uc.sessions.begin(user.user.id, user.password_changed_at, &arrival)
    };
    Ok(begun(&app, app.with_password(&request, credentials, begin).await?))
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
    app.run(move |uc| uc.sessions.end(&record, record.session.id)).await?;
    Ok(without_cookie(&app))
}

/// Change one's own password
///
/// Ends every other session of the caller, wherever it is. The present one goes on under a new cookie and a new
/// `csrf_token`. A wrong `current` counts as a failed log-in.
#[utoipa::path(
    tag = "sessions", security(("session" = [])), request_body = ChangePassword,
    responses((status = 200, body = SessionView))
)]
#[post("/v1/session/password")]
async fn change_password(
    app: web::Data<App>,
    identity: Identity,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let (record, _) = session_of(identity)?;
    let ChangePassword { current, new } = body.within(MAX_BODY_BYTES, BODY_DEADLINE).json().await?;
    let (current, new) = (Secret::new(current), Secret::new(new));
    // Before the throttle: what is wrong with the new one is no guess at the old one.
    app.run({
        let faults = Sessions::check_change(&current, &new);
        move |_| faults
    })
    .await?;
    let username = record.user.username.as_str().to_owned();
    let (credentials, from) = (Credentials { username, password: current }, origin(&request));
    // What goes wrong once the old one is proved is no fault of the old one.
    let change = move |uc: &UseCases, user: UserRecord| -> Result<_, PasswordRefusal> {
        Ok(uc.sessions.change_password(&record, &user, &new, from))
    };
    let changed = app.with_password(&request, credentials, change).await.map_err(wrong_current)?;
    Ok(begun(&app, changed.map_err(Refusal::from)?))
}

/// One's own sessions
///
/// Newest first: each browser that is logged in as the caller, and where its log-in came from.
#[utoipa::path(
    tag = "sessions", security(("session" = [])),
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = ListView<OwnSessionView>))
)]
#[get("/v1/sessions")]
async fn list_sessions(
    app: web::Data<App>,
    identity: Identity,
    query: Query,
) -> Result<web::Json<ListView<OwnSessionView>>, ApiError> {
    let (record, _) = session_of(identity)?;
    let (page, present) = (query.page()?, record.session.id);
    let page = app.run(move |uc| uc.sessions.list(&record, page)).await?;
    Ok(web::Json(list(page, |session: Session| OwnSessionView::new(session, present))))
}

/// End one of one's own sessions
///
/// Ending the present one is logging out.
#[utoipa::path(
    tag = "sessions", security(("session" = [])), params(("id" = String, Path)),
    responses((status = 204))
)]
#[delete("/v1/sessions/{id}")]
async fn end_session(
    app: web::Data<App>,
    identity: Identity,
    id: PathId<Session>,
) -> Result<HttpResponse, ApiError> {
    let (record, _) = session_of(identity)?;
    let (id, present) = (*id, record.session.id);
    let was_there =
        app.run(move |uc| -> Result<bool, StoreError> { uc.sessions.end(&record, id) }).await?;
    match (was_there, id == present) {
        (true, true) => Ok(without_cookie(&app)),
        (true, false) => Ok(HttpResponse::NoContent().finish()),
        (false, _) => Err(ApiError::not_found()),
    }
}

pub(super) fn session_of(identity: Identity) -> Result<(SessionRecord, String), ApiError> {
    match identity {
        Identity::Session { record, csrf_token } => Ok((*record, csrf_token)),
        Identity::Key(_) => {
            Err(ApiError::new(ErrorCode::KeyKindNotAllowed, "a key has no session"))
        }
    }
}

/// Answers that a session was begun, or goes on under a new token, with its cookies.
pub(super) fn begun(app: &App, logged_in: LoggedIn) -> HttpResponse {
    let LoggedIn { record, token, csrf_token, device } = logged_in;
    let [session, device] = app.passwords().cookies(token, device);
    HttpResponse::Ok().cookie(session).cookie(device).json(view(record, csrf_token))
}

fn without_cookie(app: &App) -> HttpResponse {
    HttpResponse::NoContent().cookie(app.passwords().farewell()).finish()
}

/// The session is good, so that the answer must not look as if it were not.
fn wrong_current(error: ApiError) -> ApiError {
    if error.code() == ErrorCode::InvalidCredential {
        let detail = "this is not the present password";
        return ApiError::at(ErrorCode::InvalidValue, "/current", detail);
    }
    error
}

pub(super) fn view(record: SessionRecord, csrf_token: String) -> SessionView {
    let organizations = record.memberships.into_iter().map(Into::into).collect();
    SessionView { user: record.user.into(), organizations, csrf_token }
}
