//! `/unstract/{org_id}/api/v2/executions/…`, and `…/workflow/{id}/run/`, which makes one.

use std::{sync::Arc, time::Duration};

use access_domain::ManageWorkflows;
use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};
use api_types::{
    ErrorCode, ExecutionDetailView, ExecutionRecordView, ExecutionRequest, ListView, StartedView,
};
use auth_actix::{ApiError, Caller, Done, RepeatableCaller};
use deployments_domain::{Execution, Workflow};
use serde_json::{Map, Value};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    App,
    body::{Body, object},
    csv,
    parameters::{MAX_WAIT_SECONDS, PathId, Query, list},
    result::{Ended, ended},
    wait::until_finished,
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(list_executions)
        .service(get_execution)
        .service(cancel_any_execution)
        .service(run_workflow);
}

/// The executions that the caller may see
///
/// Newest first. With `Accept: text/csv` the page is a table, and `X-Next-Cursor` names the next one.
#[utoipa::path(
    tag = "history",
    params(
        ("org_id" = String, Path),
        ("deployment" = Option<Uuid>, Query), ("workflow" = Option<Uuid>, Query),
        ("status" = Option<String>, Query), ("key_id" = Option<Uuid>, Query),
        ("trigger" = Option<String>, Query),
        ("from" = Option<String>, Query), ("to" = Option<String>, Query),
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, content(
        (ListView<ExecutionRecordView> = "application/json"),
        (String = "text/csv")
    )))
)]
#[get("/unstract/{org_id}/api/v2/executions")]
async fn list_executions(
    app: web::Data<App>,
    who: Caller<ManageWorkflows>,
    query: Query,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (filter, page) = (query.history()?, query.page()?);
    let page = app.run(move |uc| uc.history.list(&who.granted, &filter, page)).await?;
    let ListView { items, next_cursor } = list(page, ExecutionRecordView::from);
    if !csv::is_wanted(&request) {
        return Ok(HttpResponse::Ok().json(ListView { items, next_cursor }));
    }
    let rows = items.into_iter().map(ExecutionRecordView::cells);
    Ok(csv::page(ExecutionRecordView::COLUMNS, rows, next_cursor))
}

/// One execution, with its steps
///
/// `include` asks for more: `input`, `outputs` (of the steps) and `result`. What its name calls a secret is blanked.
#[utoipa::path(
    tag = "history",
    params(("org_id" = String, Path), ("id" = Uuid, Path), ("include" = Option<String>, Query)),
    responses((status = 200, body = ExecutionDetailView))
)]
#[get("/unstract/{org_id}/api/v2/executions/{id}")]
async fn get_execution(
    app: web::Data<App>,
    who: Caller<ManageWorkflows>,
    id: PathId<Execution>,
    query: Query,
) -> Result<web::Json<ExecutionDetailView>, ApiError> {
    let wanted = query.inclusion()?;
    let detail = app.run(move |uc| uc.history.look_into(&who.granted, *id, wanted)).await?;
    Ok(web::Json(detail.into()))
}

/// Cancel an execution, whoever started it
#[utoipa::path(
    tag = "history",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    responses((status = 202, body = ExecutionRecordView))
)]
#[post("/unstract/{org_id}/api/v2/executions/{id}/cancel")]
async fn cancel_any_execution(
    app: web::Data<App>,
    who: Caller<ManageWorkflows>,
    id: PathId<Execution>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    body.nothing().await?;
    let execution = app.run(move |uc| uc.history.cancel(&who.granted, *id)).await?;
    Ok(HttpResponse::Accepted().json(ExecutionRecordView::from(execution)))
}

/// Try a workflow out
///
/// Runs its current version once, whether it is deployed or not. The body is that of a call, and so is the answer; its links lead to
/// the execution among all of the organization's.
#[utoipa::path(
    tag = "workflows",
    params(
        ("org_id" = String, Path), ("id" = Uuid, Path), ("wait" = Option<u32>, Query),
        ("Idempotency-Key" = Option<String>, Header)
    ),
    request_body(content = Value, description = "The input, or an object with `input_data`: see the schema `ExecutionRequest`"),
    responses((status = 200, body = StartedView), (status = 202, body = StartedView))
)]
#[post("/unstract/{org_id}/api/v2/workflow/{id}/run")]
async fn run_workflow(
    app: web::Data<App>,
    who: RepeatableCaller<ManageWorkflows>,
    id: PathId<Workflow>,
    query: Query,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let wait_of_query = query.wait()?;
    let body = body.read().await?;
    let (granted, attempt) = who.with_body(body.bytes()).await?;
    let Sent { input, parameters, wait } = sent(body.any_json().await?)?;
    let wait = wait_of_query.max(wait);
    let granted = Arc::new(granted);
    let (starter, workflow) = (Arc::clone(&granted), *id);
    let start = app.run(move |uc| uc.history.try_out(&starter, workflow, input, parameters));
    let accepted = match attempt.once(start).await? {
        Done::Now(execution) => execution,
        Done::Before(record) => {
            let asker = Arc::clone(&granted);
            app.run(move |uc| uc.history.status(&asker, record.made.into())).await?
        }
    };
    let organization = granted.who().organization().slug.to_string();
    let base = format!("{}/unstract/{organization}/api/v2", app.settings.base_url);
    let view = |execution: &Execution, result| StartedView::among_all(execution, result, &base);
    if wait.is_zero() {
        return Ok(HttpResponse::Accepted().json(view(&accepted, None)));
    }
    until_finished(&app, &granted, accepted.id, wait).await?;
    let asker = Arc::clone(&granted);
    let result = app.run(move |uc| uc.history.result(&asker, accepted.id)).await?;
    let (status, view) = match ended(result, |execution| view(execution, None).status_api)? {
        Ended::With(execution, result) => (StatusCode::OK, view(&execution, Some(result))),
        Ended::NotYet(execution) => (StatusCode::ACCEPTED, view(&execution, None)),
    };
    Ok(HttpResponse::build(status).json(view))
}

struct Sent {
    input: Value,
    parameters: Map<String, Value>,
    wait: Duration,
}

fn sent(body: Value) -> Result<Sent, ApiError> {
    if body.get("input_data").is_none() {
        return Ok(Sent { input: body, parameters: Map::new(), wait: Duration::ZERO });
    }
    let ExecutionRequest { input_data, parameters, timeout } = object(body)?;
    let seconds = timeout.unwrap_or(0);
    if seconds > MAX_WAIT_SECONDS {
        let detail = format!("must be from 0 to {MAX_WAIT_SECONDS} seconds");
        return Err(ApiError::at(ErrorCode::InvalidValue, "/timeout", detail));
    }
    Ok(Sent { input: input_data, parameters, wait: Duration::from_secs(seconds.into()) })
}
