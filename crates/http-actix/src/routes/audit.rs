//! `/unstract/{org_id}/api/v2/audit/`

use access_domain::ReadAudit;
use actix_web::{HttpRequest, HttpResponse, get, web};
use api_types::{AuditEntryView, ListView};
use auth_actix::{ApiError, Caller};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    App, csv,
    parameters::{Query, list},
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(list_audit_entries);
}

/// What was done, by whom
///
/// Newest first. With `Accept: text/csv` the page is a table, and `X-Next-Cursor` names the next one.
#[utoipa::path(
    tag = "audit",
    params(
        ("org_id" = String, Path),
        ("action" = Option<String>, Query), ("actor" = Option<String>, Query),
        ("search" = Option<String>, Query), ("from" = Option<String>, Query), ("to" = Option<String>, Query),
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, content(
        (ListView<AuditEntryView> = "application/json"),
        (String = "text/csv")
    )))
)]
#[get("/unstract/{org_id}/api/v2/audit")]
async fn list_audit_entries(
    app: web::Data<App>,
    who: Caller<ReadAudit>,
    query: Query,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (filter, page) = (query.audit_filter()?, query.page()?);
    let page = app.run(move |uc| uc.audit.list(&who.granted, &filter, page)).await?;
    let ListView { items, next_cursor } = list(page, AuditEntryView::from);
    if !csv::is_wanted(&request) {
        return Ok(HttpResponse::Ok().json(ListView { items, next_cursor }));
    }
    let rows = items.into_iter().map(AuditEntryView::cells);
    Ok(csv::page(AuditEntryView::COLUMNS, rows, next_cursor))
}
