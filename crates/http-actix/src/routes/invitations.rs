//! Invitations: `/unstract/{org_id}/api/v2/invitations/…` for those who make them, `/v1/invitations/…` and the page
//! `/invitations/` for those who have the link of one.

use std::time::Duration;

use access_domain::{
    Credentials, Invitation, InvitationId, LoggedIn, ManageMembers, Origin, ReadOrganization,
    UserRecord,
};
use actix_web::{FromRequest as _, HttpRequest, HttpResponse, delete, dev, get, post, web};
use api_types::{
    AcceptInvitation, ErrorCode, InvitationView, ListView, Refusal, SessionView, ShowInvitation,
    ShownInvitationView,
};
use auth_actix::{ApiError, Caller, Identity, origin, refuse_cross_site};
use deployments_domain::UseCases;
use keys_core::Secret;
use utoipa_actix_web::service_config::ServiceConfig;

use super::session::{begun, session_of, view};
use crate::{
    App,
    body::Body,
    invitation_page::page,
    parameters::{PathId, Query, list},
};

/// Whoever accepts says little, and is a stranger still.
const MAX_BODY_BYTES: usize = 8 * 1024;
const BODY_DEADLINE: Duration = Duration::from_secs(10);

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(list_invitations)
        .service(withdraw_invitation)
        .service(show_invitation)
        .service(accept_invitation)
        .service(invitation_page);
}

/// The open invitations of the organization
#[utoipa::path(
    tag = "members",
    params(("org_id" = String, Path), ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = ListView<InvitationView>))
)]
#[get("/unstract/{org_id}/api/v2/invitations")]
async fn list_invitations(
    app: web::Data<App>,
    who: Caller<ReadOrganization>,
    query: Query,
) -> Result<web::Json<ListView<InvitationView>>, ApiError> {
    let page = query.page()?;
    let page = app.run(move |uc| uc.invitations.list(&who.granted, page)).await?;
    Ok(web::Json(list(page, Into::into)))
}

/// Withdraw an invitation
///
/// Its link leads nowhere from now on.
#[utoipa::path(
    tag = "members",
    security(("session" = [])),
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    responses((status = 204))
)]
#[delete("/unstract/{org_id}/api/v2/invitations/{id}")]
async fn withdraw_invitation(
    app: web::Data<App>,
    who: Caller<ManageMembers>,
    id: PathId<Invitation>,
) -> Result<HttpResponse, ApiError> {
    app.run(move |uc| uc.invitations.withdraw(&who.granted, *id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What a link is an invitation to
///
/// For whoever has its token.
#[utoipa::path(
    tag = "members",
    security(()),
    request_body = ShowInvitation,
    responses((status = 200, body = ShownInvitationView))
)]
#[post("/v1/invitations/show")]
async fn show_invitation(
    app: web::Data<App>,
    request: HttpRequest,
    body: Body,
) -> Result<web::Json<ShownInvitationView>, ApiError> {
    let ShowInvitation { token } = body.within(MAX_BODY_BYTES, BODY_DEADLINE).json().await?;
    let id = read_token(&app, &origin(&request), &token)?;
    let shown = app.run(move |uc| uc.invitations.show(id)).await?;
    Ok(web::Json(shown.into()))
}

/// Accept an invitation
///
/// With `username` and `password`: as the user of that name, or as a new one if there is none. Without them: as the user of the
/// present session, whose CSRF token is needed. A token is good once. Answers as a log-in does, and begins a session where there
/// was none.
#[utoipa::path(
    tag = "members",
    security((), ("session" = [])),
    request_body = AcceptInvitation,
    responses((status = 200, body = SessionView))
)]
#[post("/v1/invitations/accept")]
async fn accept_invitation(
    app: web::Data<App>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let body: AcceptInvitation = body.within(MAX_BODY_BYTES, BODY_DEADLINE).json().await?;
    let AcceptInvitation { token, username, password } = body;
    let password = password.map(Secret::new);
    let from = origin(&request);
    let id = read_token(&app, &from, &token)?;
    match (username, password) {
        (Some(username), Some(password)) => {
            accept_with_password(&app, &request, id, Credentials { username, password }).await
        }
        (None, None) => {
            let identity = Identity::from_request(&request, &mut dev::Payload::None).await?;
            let (mut record, csrf_token) = session_of(identity)?;
            let user = record.user.clone();
            record.memberships = app.run(move |uc| uc.invitations.accept(id, user, from)).await?;
            Ok(HttpResponse::Ok().json(view(record, csrf_token)))
        }
        (username, _) => {
            let missing = if username.is_some() { "password" } else { "username" };
            let detail = format!("'{missing}' must be given, or neither with a session");
            Err(ApiError::at(ErrorCode::MissingField, format!("/{missing}"), detail))
        }
    }
}

/// The page of an invitation's link
///
/// The same for every invitation: what stands after the `#` of its address reaches no server before the page asks what it is an
/// invitation to.
#[utoipa::path(
    tag = "members",
    security(()),
    responses((status = 200, content_type = "text/html", body = String))
)]
#[get("/invitations")]
async fn invitation_page() -> HttpResponse {
    page()
}

async fn accept_with_password(
    app: &App,
    request: &HttpRequest,
    id: InvitationId,
    credentials: Credentials,
) -> Result<HttpResponse, ApiError> {
    let (from, arrival) = (origin(request), app.passwords().arrival(request));
    let username = credentials.username.clone();
    let is_account = app.run(move |uc| -> Result<bool, Refusal> {
        // Whoever comes too late hears so before a password is looked at.
        uc.invitations.show(id)?;
        Ok(uc.invitations.is_account(&username)?)
    });
    if is_account.await? {
        let join = move |uc: &UseCases, user: UserRecord| -> Result<LoggedIn, Refusal> {
            let (user, changed_at) = (user.user, user.password_changed_at);
            let user_id = user.id;
            uc.invitations.accept(id, user, from)?;
            Ok(uc.sessions.begin(user_id, changed_at, &arrival)?)
        };
        return Ok(begun(app, app.with_password(request, credentials, join).await?));
    }
    refuse_cross_site(request, &app.settings.base_url)?;
    // Counted as a log-in is: the hash costs as much, and an invitation that cannot be accepted stays open.
    let (tried, turn) =
        app.passwords().turn_to_hash(from.address, &credentials.username, None).await?;
    let make = move |uc: &UseCases| -> Result<LoggedIn, Refusal> {
        let _turn = turn;
        let Credentials { username, password } = credentials;
        let made = uc.invitations.accept_with_new_account(id, &username, &password, from);
        let user = match made {
            Ok(user) => user,
            Err(refused) => {
                tried.failed();
                return Err(refused.into());
            }
        };
        tried.succeeded();
        Ok(uc.sessions.begin(user, None, &arrival)?)
    };
    Ok(begun(app, app.run(make).await?))
}

/// The invitation that a token stands for. Wrong ones are counted as wrong keys are.
fn read_token(app: &App, from: &Origin, token: &str) -> Result<InvitationId, ApiError> {
    if let Some(id) = app.use_cases().invitations.read_token(token) {
        return Ok(id);
    }
    app.access.guesses.spend(from.address)?;
    let detail = "there is no such invitation; look whether the link is whole";
    Err(ApiError::new(ErrorCode::InvitationNotFound, detail))
}
