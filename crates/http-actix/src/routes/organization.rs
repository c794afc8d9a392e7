//! `/unstract/{org_id}/api/v2/organization/`

use access_domain::{ManageOrganization, ReadOrganization};
use actix_web::{get, patch, web};
use api_types::{OrganizationSettingsView, PatchOrganization};
use auth_actix::{ApiError, Caller};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{App, body::Body};

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(get_organization).service(patch_organization);
}

/// The organization's settings
#[utoipa::path(
    tag = "organization",
    params(("org_id" = String, Path)),
    responses((status = 200, body = OrganizationSettingsView))
)]
#[get("/unstract/{org_id}/api/v2/organization")]
async fn get_organization(
    app: web::Data<App>,
    who: Caller<ReadOrganization>,
) -> Result<web::Json<OrganizationSettingsView>, ApiError> {
    let settings = app.run(move |uc| uc.organization_settings.get(&who.granted)).await?;
    Ok(web::Json(settings.into()))
}

/// Change the organization's settings
///
/// How keys look holds for those that are made afterwards; keys of every form stay good.
#[utoipa::path(
    tag = "organization",
    security(("session" = [])),
    params(("org_id" = String, Path)),
    request_body = PatchOrganization,
    responses((status = 200, body = OrganizationSettingsView))
)]
#[patch("/unstract/{org_id}/api/v2/organization")]
async fn patch_organization(
    app: web::Data<App>,
    who: Caller<ManageOrganization>,
    body: Body,
) -> Result<web::Json<OrganizationSettingsView>, ApiError> {
    let edit = body.json::<PatchOrganization>().await?.into();
    let changed = app.run(move |uc| uc.organization_settings.change(&who.granted, &edit)).await?;
    Ok(web::Json(changed.into()))
}
