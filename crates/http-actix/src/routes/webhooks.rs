//! `/unstract/{org_id}/api/v2/webhooks/…`: who is told of events.

use std::sync::Arc;

use access_domain::{ManageWebhooks, Webhook};
use actix_web::{HttpResponse, delete, get, patch, post, put, web};
use api_types::{
    CreateWebhook, CreatedWebhookView, DeliveryDetailView, DeliveryView, ListView, PatchWebhook,
    RotateWebhook, WebhookView,
};
use auth_actix::{ApiError, Caller, Done, RepeatableCaller};
use deployments_domain::UseCases;
use keys_core::Secret;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    App,
    body::Body,
    parameters::{PathDeliveryId, PathId, Query, list},
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(list_webhooks)
        .service(create_webhook)
        .service(get_webhook)
        .service(put_webhook)
        .service(patch_webhook)
        .service(delete_webhook)
        .service(rotate_webhook)
        .service(test_webhook)
        .service(list_deliveries)
        .service(get_delivery)
        .service(replay_delivery);
}

/// The organization's webhooks
#[utoipa::path(
    tag = "webhooks",
    params(
        ("org_id" = String, Path),
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = ListView<WebhookView>))
)]
#[get("/unstract/{org_id}/api/v2/webhooks")]
async fn list_webhooks(
    app: web::Data<App>,
    who: Caller<ManageWebhooks>,
    query: Query,
) -> Result<web::Json<ListView<WebhookView>>, ApiError> {
    let page = query.page()?;
    let page = app.run(move |uc| uc.webhooks.list(&who.granted, page)).await?;
    Ok(web::Json(list(page, Into::into)))
}

/// Make a webhook
///
/// Its secret, which verifies what it is told, is shown this once.
#[utoipa::path(
    tag = "webhooks",
    params(("org_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = CreateWebhook,
    responses((status = 201, body = CreatedWebhookView))
)]
#[post("/unstract/{org_id}/api/v2/webhooks")]
async fn create_webhook(
    app: web::Data<App>,
    who: RepeatableCaller<ManageWebhooks>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let body = body.read().await?;
    let (granted, attempt) = who.with_body(body.bytes()).await?;
    let granted = Arc::new(granted);
    let maker = Arc::clone(&granted);
    let make = async {
        let draft: CreateWebhook = body.json().await?;
        app.run(move |uc| uc.webhooks.create(&maker, draft.into())).await
    };
    let (webhook, secret) = match attempt.once(make).await? {
        Done::Now((webhook, secret)) => (webhook, Some(secret)),
        Done::Before(record) => {
            let found = app.run(move |uc| uc.webhooks.get(&granted, record.made.into())).await?;
            (found, None)
        }
    };
    Ok(HttpResponse::Created().json(with_secret(webhook, secret)))
}

/// One webhook
#[utoipa::path(
    tag = "webhooks",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    responses((status = 200, body = WebhookView))
)]
#[get("/unstract/{org_id}/api/v2/webhooks/{id}")]
async fn get_webhook(
    app: web::Data<App>,
    who: Caller<ManageWebhooks>,
    id: PathId<Webhook>,
) -> Result<web::Json<WebhookView>, ApiError> {
    let webhook = app.run(move |uc| uc.webhooks.get(&who.granted, *id)).await?;
    Ok(web::Json(webhook.into()))
}

/// Replace a webhook
///
/// Its secret stays.
#[utoipa::path(
    tag = "webhooks",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    request_body = CreateWebhook,
    responses((status = 200, body = WebhookView))
)]
#[put("/unstract/{org_id}/api/v2/webhooks/{id}")]
async fn put_webhook(
    app: web::Data<App>,
    who: Caller<ManageWebhooks>,
    id: PathId<Webhook>,
    body: Body,
) -> Result<web::Json<WebhookView>, ApiError> {
    let draft: access_domain::WebhookDraft = body.json::<CreateWebhook>().await?.into();
    let edit = draft.into();
    let webhook = app.run(move |uc| uc.webhooks.change(&who.granted, *id, &edit)).await?;
    Ok(web::Json(webhook.into()))
}

/// Change a webhook
///
/// One that the server switched off is switched on again by `{"is_active": true}`.
#[utoipa::path(
    tag = "webhooks",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    request_body = PatchWebhook,
    responses((status = 200, body = WebhookView))
)]
#[patch("/unstract/{org_id}/api/v2/webhooks/{id}")]
async fn patch_webhook(
    app: web::Data<App>,
    who: Caller<ManageWebhooks>,
    id: PathId<Webhook>,
    body: Body,
) -> Result<web::Json<WebhookView>, ApiError> {
    let edit = body.json::<PatchWebhook>().await?.into();
    let webhook = app.run(move |uc| uc.webhooks.change(&who.granted, *id, &edit)).await?;
    Ok(web::Json(webhook.into()))
}

/// Delete a webhook
///
/// With what is kept of its deliveries; what is on its way to it is not sent any more.
#[utoipa::path(
    tag = "webhooks",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    responses((status = 204))
)]
#[delete("/unstract/{org_id}/api/v2/webhooks/{id}")]
async fn delete_webhook(
    app: web::Data<App>,
    who: Caller<ManageWebhooks>,
    id: PathId<Webhook>,
) -> Result<HttpResponse, ApiError> {
    app.run(move |uc| uc.webhooks.delete(&who.granted, *id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Give a webhook a new secret
///
/// Deliveries are signed with both until the overlap is over; a secret from before the present one signs
/// no longer. The new one is shown this once.
#[utoipa::path(
    tag = "webhooks",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    request_body = Option<RotateWebhook>,
    responses((status = 200, body = CreatedWebhookView))
)]
#[post("/unstract/{org_id}/api/v2/webhooks/{id}/rotate")]
async fn rotate_webhook(
    app: web::Data<App>,
    who: Caller<ManageWebhooks>,
    id: PathId<Webhook>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let RotateWebhook { overlap_seconds } = body.optional_json().await?;
    let rotate = move |uc: &UseCases| uc.webhooks.rotate(&who.granted, *id, overlap_seconds);
    let (webhook, secret) = app.run(rotate).await?;
    Ok(HttpResponse::Ok().json(with_secret(webhook, Some(secret))))
}

/// Try a webhook out
///
/// It is told `webhook.test`, once and alone, whether it is active or not. What came of it is read from
/// its deliveries.
#[utoipa::path(
    tag = "webhooks",
    params(
        ("org_id" = String, Path), ("id" = Uuid, Path),
        ("Idempotency-Key" = Option<String>, Header)
    ),
    responses((status = 202, body = DeliveryView))
)]
#[post("/unstract/{org_id}/api/v2/webhooks/{id}/test")]
async fn test_webhook(
    app: web::Data<App>,
    who: RepeatableCaller<ManageWebhooks>,
    id: PathId<Webhook>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let body = body.read_optional().await?;
    let (granted, attempt) = who.with_body(body.bytes()).await?;
    let (granted, webhook) = (Arc::new(granted), *id);
    let maker = Arc::clone(&granted);
    let make = app.run(move |uc| uc.webhooks.test(&maker, webhook));
    let delivery = match attempt.once(make).await? {
        Done::Now(delivery) => delivery,
        Done::Before(record) => {
            let id = record.made.into();
            app.run(move |uc| uc.webhooks.delivery(&granted, webhook, id)).await?.delivery
        }
    };
    Ok(HttpResponse::Accepted().json(DeliveryView::from(delivery)))
}

/// What became of what a webhook was told
///
/// Newest first, for as long as the server keeps it.
#[utoipa::path(
    tag = "webhooks",
    params(
        ("org_id" = String, Path), ("id" = Uuid, Path),
        ("state" = Option<String>, Query), ("event" = Option<String>, Query),
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = ListView<DeliveryView>))
)]
#[get("/unstract/{org_id}/api/v2/webhooks/{id}/deliveries")]
async fn list_deliveries(
    app: web::Data<App>,
    who: Caller<ManageWebhooks>,
    id: PathId<Webhook>,
    query: Query,
) -> Result<web::Json<ListView<DeliveryView>>, ApiError> {
    let (filter, page) = (query.delivery_filter()?, query.page()?);
    let look = move |uc: &UseCases| uc.webhooks.deliveries(&who.granted, *id, filter, page);
    Ok(web::Json(list(app.run(look).await?, Into::into)))
}

/// One delivery
///
/// With each attempt and what was told.
#[utoipa::path(
    tag = "webhooks",
    params(("org_id" = String, Path), ("id" = Uuid, Path), ("delivery_id" = Uuid, Path)),
    responses((status = 200, body = DeliveryDetailView))
)]
#[get("/unstract/{org_id}/api/v2/webhooks/{id}/deliveries/{delivery_id}")]
async fn get_delivery(
    app: web::Data<App>,
    who: Caller<ManageWebhooks>,
    id: PathId<Webhook>,
    delivery: PathDeliveryId,
) -> Result<web::Json<DeliveryDetailView>, ApiError> {
    let look = move |uc: &UseCases| uc.webhooks.delivery(&who.granted, *id, *delivery);
    Ok(web::Json(app.run(look).await?.into()))
}

/// Replay a delivery
///
/// It is tried anew, at once and as often as at first, with the same `webhook-id`.
#[utoipa::path(
    tag = "webhooks",
    params(("org_id" = String, Path), ("id" = Uuid, Path), ("delivery_id" = Uuid, Path)),
    responses((status = 202, body = DeliveryView))
)]
#[post("/unstract/{org_id}/api/v2/webhooks/{id}/deliveries/{delivery_id}/replay")]
async fn replay_delivery(
    app: web::Data<App>,
    who: Caller<ManageWebhooks>,
    id: PathId<Webhook>,
    delivery: PathDeliveryId,
) -> Result<HttpResponse, ApiError> {
    let replay = move |uc: &UseCases| uc.webhooks.replay(&who.granted, *id, *delivery);
    let delivery = app.run(replay).await?;
    Ok(HttpResponse::Accepted().json(DeliveryView::from(delivery)))
}

fn with_secret(webhook: Webhook, secret: Option<Secret>) -> CreatedWebhookView {
    CreatedWebhookView { webhook: webhook.into(), secret: secret.map(Secret::reveal_once) }
}
