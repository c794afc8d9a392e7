//! `/v1/whoami` and `/v1/organizations`: what a credential stands for.

use access_domain::SeeSelf;
use actix_web::{get, web};
use api_types::{ListView, OrganizationView, WhoamiView};
use auth_actix::{Caller, Identity};
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(whoami).service(list_organizations);
}

/// Who is calling
#[utoipa::path(tag = "identity", responses((status = 200, body = WhoamiView)))]
#[get("/v1/whoami")]
async fn whoami(who: Caller<SeeSelf>) -> web::Json<WhoamiView> {
    web::Json(who.granted.who().into())
}

/// The caller's organizations
///
/// Those a person belongs to, or the one that a key belongs to.
#[utoipa::path(tag = "identity", responses((status = 200, body = ListView<OrganizationView>)))]
#[get("/v1/organizations")]
async fn list_organizations(identity: Identity) -> web::Json<ListView<OrganizationView>> {
    let items = identity.organizations().into_iter().map(Into::into).collect();
    web::Json(ListView { items, next_cursor: None })
}
