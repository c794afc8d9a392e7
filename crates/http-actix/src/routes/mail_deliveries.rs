//! `/unstract/{org_id}/api/v2/mail-deliveries/…`: what became of mail to members.

use access_domain::ManageMail;
use actix_web::{HttpResponse, get, post, web};
use api_types::{DeliveryDetailView, DeliveryView, ListView};
use auth_actix::{ApiError, Caller};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    App,
    parameters::{PathDeliveryId, Query, list},
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(list_mail_deliveries).service(get_mail_delivery).service(replay_mail_delivery);
}

/// What became of mail
///
/// To members and to those who were invited, newest first. For administrators alone: mail has
/// addresses of people.
#[utoipa::path(
    tag = "webhooks",
    security(("session" = [])),
    params(
        ("org_id" = String, Path),
        ("state" = Option<String>, Query), ("event" = Option<String>, Query),
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = ListView<DeliveryView>))
)]
#[get("/unstract/{org_id}/api/v2/mail-deliveries")]
async fn list_mail_deliveries(
    app: web::Data<App>,
    who: Caller<ManageMail>,
    query: Query,
) -> Result<web::Json<ListView<DeliveryView>>, ApiError> {
    let (filter, page) = (query.delivery_filter()?, query.page()?);
    let page = app.run(move |uc| uc.webhooks.mail_deliveries(&who.granted, filter, page)).await?;
    Ok(web::Json(list(page, Into::into)))
}

/// One mail
///
/// With each attempt and what it tells of.
#[utoipa::path(
    tag = "webhooks",
    security(("session" = [])),
    params(("org_id" = String, Path), ("delivery_id" = Uuid, Path)),
    responses((status = 200, body = DeliveryDetailView))
)]
#[get("/unstract/{org_id}/api/v2/mail-deliveries/{delivery_id}")]
async fn get_mail_delivery(
    app: web::Data<App>,
    who: Caller<ManageMail>,
    delivery: PathDeliveryId,
) -> Result<web::Json<DeliveryDetailView>, ApiError> {
    let found = app.run(move |uc| uc.webhooks.mail_delivery(&who.granted, *delivery)).await?;
    Ok(web::Json(found.into()))
}

/// Send a mail again
///
/// At once, and as often as at first.
#[utoipa::path(
    tag = "webhooks",
    security(("session" = [])),
    params(("org_id" = String, Path), ("delivery_id" = Uuid, Path)),
    responses((status = 202, body = DeliveryView))
)]
#[post("/unstract/{org_id}/api/v2/mail-deliveries/{delivery_id}/replay")]
async fn replay_mail_delivery(
    app: web::Data<App>,
    who: Caller<ManageMail>,
    delivery: PathDeliveryId,
) -> Result<HttpResponse, ApiError> {
    let delivery = app.run(move |uc| uc.webhooks.replay_mail(&who.granted, *delivery)).await?;
    Ok(HttpResponse::Accepted().json(DeliveryView::from(delivery)))
}
