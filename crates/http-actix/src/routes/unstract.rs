//! `/deployment/api/{org_id}/{api_name}` and `/api/v1/unstract/…`: what Unstract's own clients call,
//! unmodified.

use std::sync::Arc;

use access_domain::{Execute, Granted, ManageDeployments, Principal, ReadOrganization};
use actix_web::{HttpResponse, get, http::StatusCode, post, web};
use api_types::{
    ErrorCode, UnstractAnswer, UnstractMessage, UnstractPage, UnstractStatus, UnstractWhoami,
};
use auth_actix::{ApiError, Caller, Done, RepeatableCaller};
use deployments_domain::{Execution, ExecutionId, FileOutcomes, Status};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::executions::read;
use crate::{
    App,
    body::Body,
    parameters::Query,
    unstract::{UnstractCall, Wanted, parse, status},
    unstract_list::page,
    wait::until_finished,
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(execute_for_unstract)
        .service(status_for_unstract)
        .service(whoami_for_unstract)
        .service(list_for_unstract);
}

/// Start an execution over files, as Unstract's client does
///
/// The steps run once for each file. `timeout` holds the request; without it the answer comes once the
/// execution is on disk. Also `include_metadata`, `include_metrics`, `tags` (one), `custom_data`.
#[utoipa::path(
    tag = "unstract",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("org_id" = String, Path), ("api_name" = String, Path),
        ("Idempotency-Key" = Option<String>, Header)
    ),
    request_body(content = serde_json::Value, content_type = "multipart/form-data", description = "`files`, 1 to 32, and fields"),
    responses((status = 200, body = UnstractAnswer), (status = 422, body = UnstractAnswer))
)]
#[post("/deployment/api/{org_id}/{api_name}")]
async fn execute_for_unstract(
    app: web::Data<App>,
    who: RepeatableCaller<Execute>,
    path: web::Path<(String, String)>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let body = read(&app, &who.granted, body).await?;
    let (granted, attempt) = who.with_body(body.identity()).await?;
    let UnstractCall { run, wait, wanted } = parse(body).await?;
    let granted = Arc::new(granted);
    let starter = Arc::clone(&granted);
    let start = app.run(move |uc| uc.executions.start(&starter, run));
    let id = match attempt.once(start).await? {
        Done::Now(execution) => execution.id,
        Done::Before(record) => record.made.into(),
    };
    let execution = until_finished(&app, &granted, id, wait).await?;
    let UnstractStatus { status: execution_status, message: result, error } =
        told(&app, &granted, &execution, wanted).await?;
    let (organization, api_name) = path.into_inner();
    let message = UnstractMessage {
        execution_id: execution.id.uuid(),
        execution_status,
        status_api: format!("/deployment/api/{organization}/{api_name}/?execution_id={id}"),
        error,
        result,
    };
    Ok(HttpResponse::build(status_code(&execution)).json(UnstractAnswer { message }))
}

/// Where an execution stands, with its result, as Unstract's client reads it
///
/// As often as wanted. 200 while it is not finished, too; 422 when it failed or was cancelled.
#[utoipa::path(
    tag = "unstract",
    security(("bearer" = []), ("api_key" = [])),
    params(
        ("org_id" = String, Path), ("api_name" = String, Path), ("execution_id" = Uuid, Query),
        ("include_metadata" = Option<bool>, Query), ("include_metrics" = Option<bool>, Query)
    ),
    responses((status = 200, body = UnstractStatus), (status = 422, body = UnstractStatus))
)]
#[get("/deployment/api/{org_id}/{api_name}")]
async fn status_for_unstract(
    app: web::Data<App>,
    who: Caller<Execute>,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let wanted = Wanted::of(&query)?;
    let id = query.once("execution_id")?.and_then(|id| Uuid::try_parse(id).ok());
    let id: ExecutionId = id
        .ok_or_else(|| {
            ApiError::new(
                ErrorCode::InvalidParameter,
                "'execution_id' must be the id of an execution",
            )
        })?
        .into();
    let granted = Arc::new(who.granted);
    let asker = Arc::clone(&granted);
    let execution = app.run(move |uc| uc.executions.status(&asker, id)).await?;
    let told = told(&app, &granted, &execution, wanted).await?;
    Ok(HttpResponse::build(status_code(&execution)).json(told))
}

/// Whose key it is, as Unstract's platform client asks it
#[utoipa::path(tag = "unstract", responses((status = 200, body = UnstractWhoami)))]
#[get("/api/v1/unstract/whoami")]
async fn whoami_for_unstract(
    app: web::Data<App>,
    who: Caller<ReadOrganization>,
) -> Result<web::Json<UnstractWhoami>, ApiError> {
    let organization_id = who.granted.who().organization().slug.clone();
    let key_name = match who.granted.who() {
        Principal::PlatformKey { slot, .. } => slot.to_string(),
        Principal::User { username, .. } => username.to_string(),
        Principal::DeploymentKey { name, .. } | Principal::OrganizationKey { name, .. } => {
            name.clone()
        }
    };
    let settings = app.run(move |uc| uc.organization_settings.get(&who.granted)).await?;
    let permission = "full_access".into();
    let organization_name = settings.name;
    Ok(web::Json(UnstractWhoami { organization_id, organization_name, permission, key_name }))
}

/// The deployments that the caller may see, as Unstract's platform client lists them
#[utoipa::path(
    tag = "unstract",
    params(
        ("org_id" = String, Path), ("page" = Option<u32>, Query), ("page_size" = Option<u32>, Query),
        ("api_name" = Option<String>, Query), ("search" = Option<String>, Query),
        ("workflow" = Option<Uuid>, Query)
    ),
    responses((status = 200, body = UnstractPage))
)]
#[get("/api/v1/unstract/{org_id}/api/deployment")]
async fn list_for_unstract(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    query: Query,
) -> Result<web::Json<UnstractPage>, ApiError> {
    page(&app, who.granted, &query).await.map(web::Json)
}

async fn told(
    app: &App,
    granted: &Arc<Granted<Execute>>,
    execution: &Execution,
    wanted: Wanted,
) -> Result<UnstractStatus, ApiError> {
    let (asker, asked) = (Arc::clone(granted), execution.clone());
    let outcomes = app.run(move |uc| uc.executions.file_outcomes(&asker, &asked)).await?;
    let files = match outcomes {
        FileOutcomes::None => None,
        FileOutcomes::Of(files) => Some(files),
        FileOutcomes::Expired => {
            let detail = "the result is no longer kept; the execution's status still is";
            return Err(ApiError::new(ErrorCode::ResultExpired, detail));
        }
    };
    Ok(status(execution, files, &granted.who().organization().slug, wanted))
}

fn status_code(execution: &Execution) -> StatusCode {
    match execution.state.status {
        Status::Pending | Status::Executing | Status::Completed => StatusCode::OK,
        Status::Error | Status::Stopped => StatusCode::UNPROCESSABLE_ENTITY,
    }
}
