//! `/unstract/{org_id}/api/v2/api-deployment/{id}/keys/…`

use access_domain::{DeploymentTag, ManageDeployments};
use actix_web::{HttpResponse, delete, get, patch, post, web};
use api_types::{
    CreateDeploymentKey, CreatedDeploymentKeyView, DeploymentKeyView, ListView, PatchDeploymentKey,
};
use auth_actix::{ApiError, Caller};
use keys_core::KeyTag;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    App,
    body::Body,
    parameters::{PathId, PathKeyId, Query, list},
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(list_deployment_keys)
        .service(create_deployment_key)
        .service(get_deployment_key)
        .service(patch_deployment_key)
        .service(delete_deployment_key);
}

/// The keys of a deployment
#[utoipa::path(
    tag = "deployment keys",
    params(
        ("org_id" = String, Path), ("id" = Uuid, Path),
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = ListView<DeploymentKeyView>))
)]
#[get("/unstract/{org_id}/api/v2/api-deployment/{id}/keys")]
async fn list_deployment_keys(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    deployment: PathId<DeploymentTag>,
    query: Query,
) -> Result<web::Json<ListView<DeploymentKeyView>>, ApiError> {
    let page = query.page()?;
    let page = app.run(move |uc| uc.deployment_keys.list(&who.granted, *deployment, page)).await?;
    Ok(web::Json(list(page, Into::into)))
}

/// Make a key for a deployment
///
/// The key is shown this once.
#[utoipa::path(
    tag = "deployment keys",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    request_body = Option<CreateDeploymentKey>,
    responses((status = 201, body = CreatedDeploymentKeyView))
)]
#[post("/unstract/{org_id}/api/v2/api-deployment/{id}/keys")]
async fn create_deployment_key(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    deployment: PathId<DeploymentTag>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let draft: CreateDeploymentKey = body.optional_json().await?;
    let created =
        app.run(move |uc| uc.deployment_keys.create(&who.granted, *deployment, draft.into())).await;
    let (key, secret) = created?;
    Ok(HttpResponse::Created()
        .json(CreatedDeploymentKeyView { record: key.into(), key: secret.reveal_once() }))
}

/// One key of a deployment
#[utoipa::path(
    tag = "deployment keys",
    params(("org_id" = String, Path), ("id" = Uuid, Path), ("key_id" = Uuid, Path)),
    responses((status = 200, body = DeploymentKeyView))
)]
#[get("/unstract/{org_id}/api/v2/api-deployment/{id}/keys/{key_id}")]
async fn get_deployment_key(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    deployment: PathId<DeploymentTag>,
    id: PathKeyId<KeyTag>,
) -> Result<web::Json<DeploymentKeyView>, ApiError> {
    let key = app.run(move |uc| uc.deployment_keys.get(&who.granted, *deployment, *id)).await?;
    Ok(web::Json(key.into()))
}

/// Switch, rename or date a key
#[utoipa::path(
    tag = "deployment keys",
    params(("org_id" = String, Path), ("id" = Uuid, Path), ("key_id" = Uuid, Path)),
    request_body = PatchDeploymentKey,
    responses((status = 200, body = DeploymentKeyView))
)]
#[patch("/unstract/{org_id}/api/v2/api-deployment/{id}/keys/{key_id}")]
async fn patch_deployment_key(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    deployment: PathId<DeploymentTag>,
    id: PathKeyId<KeyTag>,
    body: Body,
) -> Result<web::Json<DeploymentKeyView>, ApiError> {
    let edit: PatchDeploymentKey = body.json().await?;
    let key = app
        .run(move |uc| uc.deployment_keys.change(&who.granted, *deployment, *id, edit.into()))
        .await?;
    Ok(web::Json(key.into()))
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
    app.run(move |uc| uc.deployment_keys.delete(&who.granted, *deployment, *id)).await?;
    Ok(HttpResponse::NoContent().finish())
}
