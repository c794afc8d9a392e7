//! `/unstract/{org_id}/api/v2/platform-keys/…`

use std::sync::Arc;

use access_domain::{ManagePlatformKeys, PlatformKey, RefreshPlatformKey};
use actix_web::{HttpResponse, delete, get, patch, post, web};
use api_types::{
    CreatePlatformKey, CreatedPlatformKeyView, ErrorCode, PatchPlatformKey, PlatformKeyView,
    PlatformKeysView, WithdrawPlatformKey,
};
use auth_actix::{ApiError, Caller, Done, RepeatableCaller};
use keys_core::{KeyTag, PlatformKeys, Secret, Slot};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{App, body::Body, parameters::PathId};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(list_platform_keys)
        .service(generate_platform_key)
        .service(refresh_platform_key)
        .service(patch_platform_key)
        .service(delete_platform_key);
}

/// Both platform keys
#[utoipa::path(
    tag = "platform keys",
    security(("session" = [])),
    params(("org_id" = String, Path)),
    responses((status = 200, body = PlatformKeysView))
)]
#[get("/unstract/{org_id}/api/v2/platform-keys")]
async fn list_platform_keys(
    app: web::Data<App>,
    who: Caller<ManagePlatformKeys>,
) -> Result<web::Json<PlatformKeysView>, ApiError> {
    let keys = app.run(move |uc| uc.platform_keys.list(&who.granted)).await?;
    Ok(web::Json((&keys).into()))
}

/// Generate a platform key
///
/// There are at most two, and at most one of them is active. The key is shown this once.
#[utoipa::path(
    tag = "platform keys",
    security(("session" = [])),
    params(("org_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Option<CreatePlatformKey>,
    responses((status = 201, body = CreatedPlatformKeyView))
)]
#[post("/unstract/{org_id}/api/v2/platform-keys")]
async fn generate_platform_key(
    app: web::Data<App>,
    who: RepeatableCaller<ManagePlatformKeys>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let body = body.read_optional().await?;
    let (granted, attempt) = who.with_body(body.bytes()).await?;
    let granted = Arc::new(granted);
    let maker = Arc::clone(&granted);
    let make = async {
        let CreatePlatformKey { slot, activate } = body.optional_json().await?;
        let slot = slot.map(parse_slot).transpose()?;
        app.run(move |uc| uc.platform_keys.generate(&maker, slot, activate)).await
    };
    let (keys, slot, secret) = match attempt.once(make).await? {
        Done::Now((keys, slot, secret)) => (keys, slot, Some(secret)),
        Done::Before(record) => {
            let keys = app.run(move |uc| uc.platform_keys.list(&granted)).await?;
            let slot = keys.slot_of(|key| key.id.uuid() == record.made);
            let slot = slot.ok_or_else(ApiError::not_found)?;
            (keys, slot, None)
        }
    };
    Ok(HttpResponse::Created().json(created(&keys, slot, secret)))
}

/// Give a platform key a new secret
///
/// The old secret dies at once; the key stays as active as it was. A platform key may refresh itself.
#[utoipa::path(
    tag = "platform keys",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    request_body = Option<WithdrawPlatformKey>,
    responses((status = 200, body = CreatedPlatformKeyView))
)]
#[post("/unstract/{org_id}/api/v2/platform-keys/{id}/refresh")]
async fn refresh_platform_key(
    app: web::Data<App>,
    who: Caller<RefreshPlatformKey>,
    id: PathId<KeyTag>,
    body: Body,
) -> Result<web::Json<CreatedPlatformKeyView>, ApiError> {
    let WithdrawPlatformKey { revoke_made } = body.optional_json().await?;
    let refreshed =
        app.run(move |uc| uc.platform_keys.refresh(&who.granted, *id, revoke_made)).await;
    let (keys, slot, secret) = refreshed?;
    Ok(web::Json(created(&keys, slot, Some(secret))))
}

/// Switch a platform key on or off
///
/// Switching one on switches the other off.
#[utoipa::path(
    tag = "platform keys",
    security(("session" = [])),
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    request_body = PatchPlatformKey,
    responses((status = 200, body = PlatformKeyView))
)]
#[patch("/unstract/{org_id}/api/v2/platform-keys/{id}")]
async fn patch_platform_key(
    app: web::Data<App>,
    who: Caller<ManagePlatformKeys>,
    id: PathId<KeyTag>,
    body: Body,
) -> Result<web::Json<PlatformKeyView>, ApiError> {
    let PatchPlatformKey { is_active } = body.json().await?;
    let (keys, slot) =
        app.run(move |uc| uc.platform_keys.set_active(&who.granted, *id, is_active)).await?;
    Ok(web::Json(PlatformKeyView::of(&keys, slot)))
}

/// Delete a platform key
///
/// Deleting the active one leaves none active.
#[utoipa::path(
    tag = "platform keys",
    security(("session" = [])),
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    request_body = Option<WithdrawPlatformKey>,
    responses((status = 204))
)]
#[delete("/unstract/{org_id}/api/v2/platform-keys/{id}")]
async fn delete_platform_key(
    app: web::Data<App>,
    who: Caller<ManagePlatformKeys>,
    id: PathId<KeyTag>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let WithdrawPlatformKey { revoke_made } = body.optional_json().await?;
    app.run(move |uc| uc.platform_keys.delete(&who.granted, *id, revoke_made)).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn parse_slot(number: i16) -> Result<Slot, ApiError> {
    Slot::from_number(number)
        .ok_or_else(|| ApiError::at(ErrorCode::InvalidValue, "/slot", "must be 1 or 2"))
}

fn created(
    keys: &PlatformKeys<PlatformKey>,
    slot: Slot,
    secret: Option<Secret>,
) -> CreatedPlatformKeyView {
    let key = secret.map(Secret::reveal_once);
    CreatedPlatformKeyView { record: PlatformKeyView::of(keys, slot), key }
}
