//! `/unstract/{org_id}/api/v2/api-deployment/{id}/keys/…`

use access_domain::{DeploymentTag, KeyDesk, ManageDeployments};
use actix_web::{HttpResponse, delete, get, patch, post, web};
use api_types::{
    CreateDeploymentKey, CreatedKeyView, KeyView, ListView, PatchDeploymentKey, RevokeKey,
    RevokedKeyView, RotateKey,
};
use auth_actix::{ApiError, Caller, RepeatableCaller};
use keys_core::KeyTag;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    App,
    body::Body,
    keys,
    parameters::{PathId, PathKeyId, Query},
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(list_deployment_keys)
        .service(create_deployment_key)
        .service(get_deployment_key)
        .service(patch_deployment_key)
        .service(delete_deployment_key)
        .service(rotate_deployment_key)
        .service(revoke_deployment_key);
}

/// The keys of a deployment
#[utoipa::path(
    tag = "deployment keys",
    params(
        ("org_id" = String, Path), ("id" = Uuid, Path),
        ("created_by" = Option<Uuid>, Query), ("revoked" = Option<bool>, Query), ("search" = Option<String>, Query),
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = ListView<KeyView>))
)]
#[get("/unstract/{org_id}/api/v2/api-deployment/{id}/keys")]
async fn list_deployment_keys(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    deployment: PathId<DeploymentTag>,
    query: Query,
) -> Result<web::Json<ListView<KeyView>>, ApiError> {
    keys::list_keys(&app, KeyDesk::of_deployment(who.granted, *deployment), &query).await
}

/// Make a key for a deployment
///
/// The key is shown this once.
#[utoipa::path(
    tag = "deployment keys",
    params(
        ("org_id" = String, Path), ("id" = Uuid, Path),
        ("Idempotency-Key" = Option<String>, Header)
    ),
    request_body = Option<CreateDeploymentKey>,
    responses((status = 201, body = CreatedKeyView))
)]
#[post("/unstract/{org_id}/api/v2/api-deployment/{id}/keys")]
async fn create_deployment_key(
    app: web::Data<App>,
    who: RepeatableCaller<ManageDeployments>,
    deployment: PathId<DeploymentTag>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let body = body.read_optional().await?;
    let (granted, attempt) = who.with_body(body.bytes()).await?;
    let desk = KeyDesk::of_deployment(granted, *deployment);
    keys::create_key(&app, desk, attempt, body.optional_json::<CreateDeploymentKey>()).await
}

/// One key of a deployment
#[utoipa::path(
    tag = "deployment keys",
    params(("org_id" = String, Path), ("id" = Uuid, Path), ("key_id" = Uuid, Path)),
    responses((status = 200, body = KeyView))
)]
#[get("/unstract/{org_id}/api/v2/api-deployment/{id}/keys/{key_id}")]
async fn get_deployment_key(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    deployment: PathId<DeploymentTag>,
    id: PathKeyId<KeyTag>,
) -> Result<web::Json<KeyView>, ApiError> {
    keys::get_key(&app, KeyDesk::of_deployment(who.granted, *deployment), *id).await
}

/// Switch, describe, date or limit a key
#[utoipa::path(
    tag = "deployment keys",
    params(("org_id" = String, Path), ("id" = Uuid, Path), ("key_id" = Uuid, Path)),
    request_body = PatchDeploymentKey,
    responses((status = 200, body = KeyView))
)]
#[patch("/unstract/{org_id}/api/v2/api-deployment/{id}/keys/{key_id}")]
async fn patch_deployment_key(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    deployment: PathId<DeploymentTag>,
    id: PathKeyId<KeyTag>,
    body: Body,
) -> Result<web::Json<KeyView>, ApiError> {
    let edit: PatchDeploymentKey = body.json().await?;
    let desk = KeyDesk::of_deployment(who.granted, *deployment);
    keys::change_key(&app, desk, *id, edit.into()).await
}

/// Delete a key
///
/// It opens nothing from now on.
#[utoipa::path(
    tag = "deployment keys",
    params(("org_id" = String, Path), ("id" = Uuid, Path), ("key_id" = Uuid, Path)),
    responses((status = 204))
)]
#[delete("/unstract/{org_id}/api/v2/api-deployment/{id}/keys/{key_id}")]
async fn delete_deployment_key(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    deployment: PathId<DeploymentTag>,
    id: PathKeyId<KeyTag>,
) -> Result<HttpResponse, ApiError> {
    keys::delete_key(&app, KeyDesk::of_deployment(who.granted, *deployment), *id).await
}

/// Give a key a new secret
///
/// The present secret stays good until `grace_until`. The new one is shown this once.
#[utoipa::path(
    tag = "deployment keys",
    params(("org_id" = String, Path), ("id" = Uuid, Path), ("key_id" = Uuid, Path)),
    request_body = Option<RotateKey>,
    responses((status = 200, body = CreatedKeyView))
)]
#[post("/unstract/{org_id}/api/v2/api-deployment/{id}/keys/{key_id}/rotate")]
async fn rotate_deployment_key(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    deployment: PathId<DeploymentTag>,
    id: PathKeyId<KeyTag>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let draft: RotateKey = body.optional_json().await?;
    let desk = KeyDesk::of_deployment(who.granted, *deployment);
    keys::rotate_key(&app, desk, *id, draft.into()).await
}

/// Revoke a key, for good
///
/// With `wait=all`, answers when every server has heard of it, or tells which has not: at the latest when none of them answers by
/// what it remembers any more.
#[utoipa::path(
    tag = "deployment keys",
    params(("org_id" = String, Path), ("id" = Uuid, Path), ("key_id" = Uuid, Path), ("wait" = Option<String>, Query)),
    request_body = Option<RevokeKey>,
    responses((status = 200, body = RevokedKeyView))
)]
#[post("/unstract/{org_id}/api/v2/api-deployment/{id}/keys/{key_id}/revoke")]
async fn revoke_deployment_key(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    deployment: PathId<DeploymentTag>,
    id: PathKeyId<KeyTag>,
    query: Query,
    body: Body,
) -> Result<web::Json<RevokedKeyView>, ApiError> {
    let everywhere = query.wait_for_all()?;
    let RevokeKey { reason } = body.optional_json().await?;
    let desk = KeyDesk::of_deployment(who.granted, *deployment);
    keys::revoke_key(&app, desk, *id, reason, everywhere).await
}
