//! `/unstract/{org_id}/api/v2/api-deployment/{id}/keys/…`

use access_domain::{DeploymentTag, ManageDeployments};
use actix_web::{HttpResponse, delete, get, patch, post, web};
use api_types::{CreateKey, CreatedKeyView, ErrorCode, KeyView, ListView, PatchKey, Time};
use auth_actix::{ApiError, Caller};
use deployments_domain::Term;
use keys_core::KeyTag;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    App,
    app::UseCases,
    body::Body,
    parameters::{PathId, PathKeyId, Query, list},
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(list_keys)
        .service(create_key)
        .service(get_key)
        .service(patch_key)
        .service(delete_key);
}

/// The keys of a deployment
#[utoipa::path(
    tag = "deployment keys",
    params(
        ("org_id" = String, Path), ("id" = Uuid, Path),
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = ListView<KeyView>))
)]
#[get("/unstract/{org_id}/api/v2/api-deployment/{id}/keys")]
async fn list_keys(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    deployment: PathId<DeploymentTag>,
    query: Query,
) -> Result<web::Json<ListView<KeyView>>, ApiError> {
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
    request_body = Option<CreateKey>,
    responses((status = 201, body = CreatedKeyView))
)]
#[post("/unstract/{org_id}/api/v2/api-deployment/{id}/keys")]
async fn create_key(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    deployment: PathId<DeploymentTag>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let body: CreateKey = body.optional_json().await?;
    let term = term(&body)?;
    let create = move |uc: &UseCases| {
        uc.deployment_keys.create(&who.granted, *deployment, body.description, term)
    };
    let (key, secret) = app.run(create).await?;
    Ok(HttpResponse::Created()
        .json(CreatedKeyView { record: key.into(), key: secret.reveal_once() }))
}

/// One key of a deployment
#[utoipa::path(
    tag = "deployment keys",
    params(("org_id" = String, Path), ("id" = Uuid, Path), ("key_id" = Uuid, Path)),
    responses((status = 200, body = KeyView))
)]
#[get("/unstract/{org_id}/api/v2/api-deployment/{id}/keys/{key_id}")]
async fn get_key(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    deployment: PathId<DeploymentTag>,
    id: PathKeyId<KeyTag>,
) -> Result<web::Json<KeyView>, ApiError> {
    let key = app.run(move |uc| uc.deployment_keys.get(&who.granted, *deployment, *id)).await?;
    Ok(web::Json(key.into()))
}

/// Switch, rename or date a key
#[utoipa::path(
    tag = "deployment keys",
    params(("org_id" = String, Path), ("id" = Uuid, Path), ("key_id" = Uuid, Path)),
    request_body = PatchKey,
    responses((status = 200, body = KeyView))
)]
#[patch("/unstract/{org_id}/api/v2/api-deployment/{id}/keys/{key_id}")]
async fn patch_key(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    deployment: PathId<DeploymentTag>,
    id: PathKeyId<KeyTag>,
    body: Body,
) -> Result<web::Json<KeyView>, ApiError> {
    let edit: PatchKey = body.json().await?;
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
async fn delete_key(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    deployment: PathId<DeploymentTag>,
    id: PathKeyId<KeyTag>,
) -> Result<HttpResponse, ApiError> {
    app.run(move |uc| uc.deployment_keys.delete(&who.granted, *deployment, *id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn term(body: &CreateKey) -> Result<Term, ApiError> {
    match (body.expires_in_days, body.expires_at) {
        (None, None) => Ok(Term::Unlimited),
        (Some(days), None) => Ok(Term::Days(days)),
        (None, Some(Time(at))) => Ok(Term::Until(at)),
        (Some(_), Some(_)) => {
            let detail = "give 'expires_at' or 'expires_in_days', not both";
            Err(ApiError::at(ErrorCode::InvalidValue, "/expires_in_days", detail))
        }
    }
}
