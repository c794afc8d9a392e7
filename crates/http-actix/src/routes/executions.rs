//! `/deployment/{handle}/…`: what callers of a deployment reach with its key.

use std::sync::Arc;

use access_domain::{CallBounds, Execute, Granted, Principal};
use actix_web::{HttpResponse, get, http::StatusCode, post, web};
use api_types::{ExecutionView, ResultView, StartedView};
use auth_actix::{ApiError, Caller, Done, RepeatableCaller};
use deployments_domain::Execution;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    App,
    body::{Body, CallBody},
    call_input::parse,
    parameters::{PathId, Query},
    result::{Ended, result},
    wait::until_finished,
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(execute)
        .service(execute_explicitly)
        .service(execution_status)
        .service(execution_result)
        .service(cancel_execution);
}

/// Start an execution
///
/// The body is any JSON value: the input, or an object with `input_data`; or a form
/// (`multipart/form-data`) with 1 to 32 `files`, `input_data` and `parameters` as JSON, `timeout`, and
/// further fields that become members of the input. Answers 202 once the execution is on disk, or 200
/// with its result if it completes within `wait` seconds.
#[utoipa::path(
    tag = "executions",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("handle" = String, Path), ("wait" = Option<u32>, Query),
        ("Idempotency-Key" = Option<String>, Header)
    ),
    request_body(content = Value, description = "The input, or an object with `input_data`: see the schema `ExecutionRequest`"),
    responses((status = 200, body = StartedView), (status = 202, body = StartedView))
)]
#[post("/deployment/{handle}")]
async fn execute(
    app: web::Data<App>,
    who: RepeatableCaller<Execute>,
    query: Query,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    start(&app, who, &query, body).await
}

/// Start an execution
///
/// The same as without `/execute`.
#[utoipa::path(
    tag = "executions",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("handle" = String, Path), ("wait" = Option<u32>, Query),
        ("Idempotency-Key" = Option<String>, Header)
    ),
    request_body(content = Value, description = "The input, or an object with `input_data`: see the schema `ExecutionRequest`"),
    responses((status = 200, body = StartedView), (status = 202, body = StartedView))
)]
#[post("/deployment/{handle}/execute")]
async fn execute_explicitly(
    app: web::Data<App>,
    who: RepeatableCaller<Execute>,
    query: Query,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    start(&app, who, &query, body).await
}

/// Where an execution stands
///
/// With `wait`, answers when it has ended, or after so many seconds.
#[utoipa::path(
    tag = "executions",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("handle" = String, Path),
        ("id" = Uuid, Path), ("wait" = Option<u32>, Query)
    ),
    responses((status = 200, body = ExecutionView))
)]
#[get("/deployment/{handle}/status/{id}")]
async fn execution_status(
    app: web::Data<App>,
    who: Caller<Execute>,
    id: PathId<Execution>,
    query: Query,
) -> Result<web::Json<ExecutionView>, ApiError> {
    let execution = until_finished(&app, &Arc::new(who.granted), *id, query.wait()?).await?;
    Ok(web::Json(execution.into()))
}

/// The result of an execution
///
/// As often as wanted, while it is kept. 202 with the status while there is none yet.
#[utoipa::path(
    tag = "executions",
    security(("bearer" = []), ("api_key" = [])),
    params(("handle" = String, Path), ("id" = Uuid, Path)),
    responses((status = 200, body = ResultView), (status = 202, body = ExecutionView))
)]
#[get("/deployment/{handle}/result/{id}")]
async fn execution_result(
    app: web::Data<App>,
    who: Caller<Execute>,
    id: PathId<Execution>,
) -> Result<HttpResponse, ApiError> {
    match result(&app, &Arc::new(who.granted), *id).await? {
        Ended::With(execution, result) => {
            Ok(HttpResponse::Ok().json(ResultView::new(&execution, result)))
        }
        Ended::NotYet(execution) => {
            Ok(HttpResponse::Accepted().json(ExecutionView::from(execution)))
        }
    }
}

/// Cancel an execution
#[utoipa::path(
    tag = "executions",
    security(("bearer" = []), ("api_key" = [])),
    params(("handle" = String, Path), ("id" = Uuid, Path)),
    responses((status = 202, body = ExecutionView))
)]
#[post("/deployment/{handle}/cancel/{id}")]
async fn cancel_execution(
    app: web::Data<App>,
    who: Caller<Execute>,
    id: PathId<Execution>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    body.nothing().await?;
    let execution = app.run(move |uc| uc.executions.cancel(&who.granted, *id)).await?;
    Ok(HttpResponse::Accepted().json(ExecutionView::from(execution)))
}

async fn start(
    app: &App,
    who: RepeatableCaller<Execute>,
    query: &Query,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let wait_of_query = query.wait()?;
    let body = read(app, &who.granted, body).await?;
    let (granted, attempt) = who.with_body(body.identity()).await?;
    let (run, wait_of_body) = parse(body).await?;
    let wait = wait_of_query.max(wait_of_body);
    let granted = Arc::new(granted);
    let starter = Arc::clone(&granted);
    let start = app.run(move |uc| uc.executions.start(&starter, run));
    let accepted = match attempt.once(start).await? {
        Done::Now(execution) => execution,
        Done::Before(record) => {
            let asker = Arc::clone(&granted);
            app.run(move |uc| uc.executions.status(&asker, record.made.into())).await?
        }
    };
    let (deployment, base) = (granted.permission().deployment, &*app.settings.base_url);
    if wait.is_zero() {
        return Ok(
            HttpResponse::Accepted().json(StartedView::new(&accepted, deployment, None, base))
        );
    }
    until_finished(app, &granted, accepted.id, wait).await?;
    let (status, view) = match result(app, &granted, accepted.id).await? {
        Ended::With(execution, result) => {
            (StatusCode::OK, StartedView::new(&execution, deployment, Some(result), base))
        }
        Ended::NotYet(execution) => {
            (StatusCode::ACCEPTED, StartedView::new(&execution, deployment, None, base))
        }
    };
    Ok(HttpResponse::build(status).json(view))
}

/// The body of a call, within what the called deployment takes.
pub(super) async fn read(
    app: &App,
    granted: &Granted<Execute>,
    body: Body,
) -> Result<CallBody, ApiError> {
    let bounds = match granted.who() {
        Principal::DeploymentKey { bounds, .. } => *bounds,
        Principal::User { .. }
        | Principal::PlatformKey { .. }
        | Principal::OrganizationKey { .. } => CallBounds::default(),
    };
    let max_body_bytes = bounds.max_body_bytes.and_then(|most| usize::try_from(most).ok());
    let max_file_bytes = bounds.max_file_bytes.map_or(u64::MAX, u64::from);
    body.at_most(max_body_bytes.unwrap_or(usize::MAX)).read_call(app, max_file_bytes).await
}
