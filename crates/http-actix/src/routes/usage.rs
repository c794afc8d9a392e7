//! `/unstract/{org_id}/api/v2/usage/` and `/v1/usage`.

use access_domain::ReadUsage;
use actix_web::{HttpRequest, HttpResponse, get, web};
use api_types::{ListView, UsageShareView, UsageView};
use auth_actix::{ApiError, Caller};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{App, csv, parameters::Query};

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(list_usage).service(list_own_usage).service(break_usage_down);
}

/// How much was called
///
/// One item for each minute, hour or day in UTC, oldest first, empty ones included; without `from`, the
/// last 24. With `Accept: text/csv`, a table. Users with the role `user` must name a `deployment`.
#[utoipa::path(
    tag = "usage",
    params(
        ("org_id" = String, Path),
        ("deployment" = Option<Uuid>, Query), ("key_id" = Option<Uuid>, Query),
        ("from" = Option<String>, Query), ("to" = Option<String>, Query),
        ("bucket" = Option<String>, Query)
    ),
    responses((status = 200, content(
        (ListView<UsageView> = "application/json"),
        (String = "text/csv")
    )))
)]
#[get("/unstract/{org_id}/api/v2/usage")]
async fn list_usage(
    app: web::Data<App>,
    who: Caller<ReadUsage>,
    query: Query,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    answer(&app, who, &query, &request).await
}

/// How much was called
///
/// The same, of the organization that the caller is in. Needs the scope `analytics:read`.
#[utoipa::path(
    tag = "usage",
    params(
        ("deployment" = Option<Uuid>, Query), ("key_id" = Option<Uuid>, Query),
        ("from" = Option<String>, Query), ("to" = Option<String>, Query),
        ("bucket" = Option<String>, Query)
    ),
    responses((status = 200, content(
        (ListView<UsageView> = "application/json"),
        (String = "text/csv")
    )))
)]
#[get("/v1/usage")]
async fn list_own_usage(
    app: web::Data<App>,
    who: Caller<ReadUsage>,
    query: Query,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    answer(&app, who, &query, &request).await
}

/// What was called most
///
/// The deployments or keys that were used most from `from` to `to`, the most used first: by their requests, and by how often other
/// services asked about a key. Without `from`, over the last 24 minutes, hours or days. Users with the role `user` must name a
/// `deployment`.
#[utoipa::path(
    tag = "usage",
    params(
        ("org_id" = String, Path), ("by" = String, Query),
        ("deployment" = Option<Uuid>, Query),
        ("from" = Option<String>, Query), ("to" = Option<String>, Query),
        ("bucket" = Option<String>, Query), ("limit" = Option<u32>, Query)
    ),
    responses((status = 200, body = ListView<UsageShareView>))
)]
#[get("/unstract/{org_id}/api/v2/usage/breakdown")]
async fn break_usage_down(
    app: web::Data<App>,
    who: Caller<ReadUsage>,
    query: Query,
) -> Result<web::Json<ListView<UsageShareView>>, ApiError> {
    let wanted = query.breakdown()?;
    let shares = app.run(move |uc| uc.usage.breakdown(&who.granted, &wanted)).await?;
    let items = shares.into_iter().map(UsageShareView::from).collect();
    Ok(web::Json(ListView { items, next_cursor: None }))
}

async fn answer(
    app: &App,
    who: Caller<ReadUsage>,
    query: &Query,
    request: &HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let wanted = query.usage()?;
    let items = app.run(move |uc| uc.usage.read(&who.granted, &wanted)).await?;
    let items = items.into_iter().map(UsageView::from);
    if csv::is_wanted(request) {
        return Ok(csv::page(UsageView::COLUMNS, items.map(UsageView::cells), None));
    }
    Ok(HttpResponse::Ok().json(ListView { items: items.collect(), next_cursor: None }))
}
