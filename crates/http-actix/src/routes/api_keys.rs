//! `/v1/api-keys/…`: the keys of the organization.

use access_domain::{KeyDesk, ManageKeys};
use actix_web::{HttpResponse, delete, get, patch, post, web};
use api_types::{
    CreateApiKey, CreatedKeyView, ErrorCode, ImportApiKeys, ImportView, KeyView, ListView,
    PatchApiKey, RevokeKey, RevokedKeyView, RotateKey,
};
use auth_actix::{ApiError, Caller, RepeatableCaller};
use keys_core::KeyTag;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    App,
    body::Body,
    imports::{MAX_IMPORT_BYTES, Rows, import_keys},
    keys,
    parameters::{PathId, Query},
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(list_api_keys)
        .service(create_api_key)
        .service(import_api_keys)
        .service(get_api_key)
        .service(patch_api_key)
        .service(delete_api_key)
        .service(rotate_api_key)
        .service(revoke_api_key);
}

/// The keys of the organization
#[utoipa::path(
    tag = "API keys",
    params(
        ("name" = Option<String>, Query), ("created_by" = Option<Uuid>, Query),
        ("revoked" = Option<bool>, Query), ("search" = Option<String>, Query),
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = ListView<KeyView>))
)]
#[get("/v1/api-keys")]
async fn list_api_keys(
    app: web::Data<App>,
    who: Caller<ManageKeys>,
    query: Query,
) -> Result<web::Json<ListView<KeyView>>, ApiError> {
    keys::list_keys(&app, KeyDesk::of_organization(who.granted), &query).await
}

/// Make a key of the organization
///
/// The key is shown this once.
#[utoipa::path(
    tag = "API keys",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = CreateApiKey,
    responses((status = 201, body = CreatedKeyView))
)]
#[post("/v1/api-keys")]
async fn create_api_key(
    app: web::Data<App>,
    who: RepeatableCaller<ManageKeys>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let body = body.read().await?;
    let (granted, attempt) = who.with_body(body.bytes()).await?;
    let draft = body.json::<CreateApiKey>();
    keys::create_key(&app, KeyDesk::of_organization(granted), attempt, draft).await
}

/// Import keys of another system by their hashes
///
/// They go on working as they are. Each row is told what became of it: a bad one fails alone. What
/// was imported before is left as it is, so that an import may be repeated.
#[utoipa::path(
    tag = "API keys",
    request_body = ImportApiKeys,
    responses((status = 200, body = ImportView))
)]
#[post("/v1/api-keys/import")]
async fn import_api_keys(
    app: web::Data<App>,
    who: Caller<ManageKeys>,
    body: Body,
) -> Result<web::Json<ImportView>, ApiError> {
    let rows: Rows = body.up_to(MAX_IMPORT_BYTES).json().await?;
    import_keys(&app, who.granted, rows).await.map(web::Json)
}

/// One key of the organization
#[utoipa::path(
    tag = "API keys",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = KeyView))
)]
#[get("/v1/api-keys/{id}")]
async fn get_api_key(
    app: web::Data<App>,
    who: Caller<ManageKeys>,
    id: PathId<KeyTag>,
) -> Result<web::Json<KeyView>, ApiError> {
    keys::get_key(&app, KeyDesk::of_organization(who.granted), *id).await
}

/// Switch, describe, date, scope or limit a key
///
/// Its name never changes.
#[utoipa::path(
    tag = "API keys",
    params(("id" = Uuid, Path)),
    request_body = PatchApiKey,
    responses((status = 200, body = KeyView))
)]
#[patch("/v1/api-keys/{id}")]
async fn patch_api_key(
    app: web::Data<App>,
    who: Caller<ManageKeys>,
    id: PathId<KeyTag>,
    body: Body,
) -> Result<web::Json<KeyView>, ApiError> {
    let edit: PatchApiKey = body.json().await?;
    if edit.name.is_some() {
        let what = "the name of a key never changes; make another key";
        return Err(ApiError::at(ErrorCode::NameImmutable, "/name", what));
    }
    keys::change_key(&app, KeyDesk::of_organization(who.granted), *id, edit.into()).await
}

/// Delete a key
///
/// It opens nothing from now on; what was done with it stays in the audit.
#[utoipa::path(
    tag = "API keys",
    params(("id" = Uuid, Path)),
    responses((status = 204))
)]
#[delete("/v1/api-keys/{id}")]
async fn delete_api_key(
    app: web::Data<App>,
    who: Caller<ManageKeys>,
    id: PathId<KeyTag>,
) -> Result<HttpResponse, ApiError> {
    keys::delete_key(&app, KeyDesk::of_organization(who.granted), *id).await
}

/// Give a key a new secret
///
/// The present secret stays good until `grace_until`. The new one is shown this once.
#[utoipa::path(
    tag = "API keys",
    params(("id" = Uuid, Path)),
    request_body = Option<RotateKey>,
    responses((status = 200, body = CreatedKeyView))
)]
#[post("/v1/api-keys/{id}/rotate")]
async fn rotate_api_key(
    app: web::Data<App>,
    who: Caller<ManageKeys>,
    id: PathId<KeyTag>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let draft: RotateKey = body.optional_json().await?;
    keys::rotate_key(&app, KeyDesk::of_organization(who.granted), *id, draft.into()).await
}

/// Revoke a key, for good
///
/// With `wait=all`, answers when every server has heard of it, or tells which has not: at the latest when none of them answers by
/// what it remembers any more.
#[utoipa::path(
    tag = "API keys",
    params(("id" = Uuid, Path), ("wait" = Option<String>, Query)),
    request_body = Option<RevokeKey>,
    responses((status = 200, body = RevokedKeyView))
)]
#[post("/v1/api-keys/{id}/revoke")]
async fn revoke_api_key(
    app: web::Data<App>,
    who: Caller<ManageKeys>,
    id: PathId<KeyTag>,
    query: Query,
    body: Body,
) -> Result<web::Json<RevokedKeyView>, ApiError> {
    let everywhere = query.wait_for_all()?;
    let RevokeKey { reason } = body.optional_json().await?;
    let desk = KeyDesk::of_organization(who.granted);
    keys::revoke_key(&app, desk, *id, reason, everywhere).await
}
