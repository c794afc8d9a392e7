//! `/unstract/{org_id}/api/v2/members/…`: who belongs to the organization, who is asked to, who goes.

use std::sync::Arc;

use access_domain::{CreatedInvitation, LeaveOrganization, ManageMembers, ReadOrganization, User};
use actix_web::{HttpResponse, delete, get, patch, post, web};
use api_types::{
    CreatedInvitationView, InviteMember, ListView, MemberView, PatchMember, RemovedMemberView,
};
use auth_actix::{ApiError, Caller, Done, RepeatableCaller};
use keys_core::Secret;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    App,
    body::Body,
    parameters::{PathUserId, Query, list},
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(list_members)
        .service(invite_member)
        .service(patch_member)
        .service(remove_member);
}

/// The members of the organization
#[utoipa::path(
    tag = "members",
    params(("org_id" = String, Path), ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = ListView<MemberView>))
)]
#[get("/unstract/{org_id}/api/v2/members")]
async fn list_members(
    app: web::Data<App>,
    who: Caller<ReadOrganization>,
    query: Query,
) -> Result<web::Json<ListView<MemberView>>, ApiError> {
    let page = query.page()?;
    let page = app.run(move |uc| uc.members.list(&who.granted, page)).await?;
    Ok(web::Json(list(page, Into::into)))
}

/// Invite somebody
///
/// Always makes an invitation, whether the address is known or not; one that is open for the same address is withdrawn. Where
/// this server sends mail, its link goes to the address and is not shown; otherwise it is shown this once, to be handed on. For
/// administrators alone: no key invites.
#[utoipa::path(
    tag = "members",
    security(("session" = [])),
    params(("org_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = InviteMember,
    responses((status = 201, body = CreatedInvitationView))
)]
#[post("/unstract/{org_id}/api/v2/members")]
async fn invite_member(
    app: web::Data<App>,
    who: RepeatableCaller<ManageMembers>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let body = body.read().await?;
    let (granted, attempt) = who.with_body(body.bytes()).await?;
    let granted = Arc::new(granted);
    let maker = Arc::clone(&granted);
    let make = async {
        let InviteMember { email, role } = body.json().await?;
        app.run(move |uc| uc.invitations.invite(&maker, &email, &role)).await
    };
    let created = match attempt.once(make).await? {
        Done::Now(created) => created,
        Done::Before(record) => {
            let id = record.made.into();
            let invitation = app.run(move |uc| uc.invitations.get(&granted, id)).await?;
            CreatedInvitation { invitation, token: None }
        }
    };
    let token = created.token.map(Secret::reveal_once);
    let base = &app.settings.base_url;
    let accept_url = token.as_ref().map(|token| format!("{base}/invitations/#{token}"));
    let record = created.invitation.into();
    Ok(HttpResponse::Created().json(CreatedInvitationView { record, token, accept_url }))
}

/// Change a member's role
///
/// It holds from their next request on. The last administrator stays one: `last_admin`.
#[utoipa::path(
    tag = "members",
    security(("session" = [])),
    params(("org_id" = String, Path), ("user_id" = Uuid, Path)),
    request_body = PatchMember,
    responses((status = 200, body = MemberView))
)]
#[patch("/unstract/{org_id}/api/v2/members/{user_id}")]
async fn patch_member(
    app: web::Data<App>,
    who: Caller<ManageMembers>,
    id: PathUserId<User>,
    body: Body,
) -> Result<web::Json<MemberView>, ApiError> {
    let PatchMember { role } = body.json().await?;
    let member = app.run(move |uc| uc.members.change_role(&who.granted, *id, &role)).await?;
    Ok(web::Json(member.into()))
}

/// Remove a member, or leave
///
/// An administrator removes anybody, and everybody may remove themselves; the last administrator stays: `last_admin`. What they
/// made stays with the organization and goes on working; how much it is, is told.
#[utoipa::path(
    tag = "members",
    security(("session" = [])),
    params(("org_id" = String, Path), ("user_id" = Uuid, Path)),
    responses((status = 200, body = RemovedMemberView))
)]
#[delete("/unstract/{org_id}/api/v2/members/{user_id}")]
async fn remove_member(
    app: web::Data<App>,
    who: Caller<LeaveOrganization>,
) -> Result<web::Json<RemovedMemberView>, ApiError> {
    let removed = app.run(move |uc| uc.members.remove(&who.granted)).await?;
    Ok(web::Json(removed.into()))
}
