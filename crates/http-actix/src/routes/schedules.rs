//! The schedule of a workflow.

use access_domain::ManageWorkflows;
use actix_web::{HttpResponse, delete, get, put, web};
use api_types::{PutSchedule, ScheduleView};
use auth_actix::{ApiError, Caller};
use deployments_domain::Workflow;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{App, body::Body, parameters::PathId};

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(get_schedule).service(put_schedule).service(delete_schedule);
}

/// Read the schedule of a workflow
#[utoipa::path(
    tag = "workflows",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    responses((status = 200, body = ScheduleView))
)]
#[get("/unstract/{org_id}/api/v2/workflow/{id}/schedule")]
async fn get_schedule(
    app: web::Data<App>,
    who: Caller<ManageWorkflows>,
    id: PathId<Workflow>,
) -> Result<web::Json<ScheduleView>, ApiError> {
    let schedule = app.run(move |uc| uc.schedules.get(&who.granted, *id)).await?;
    Ok(web::Json(schedule.into()))
}

/// Set the schedule of a workflow
///
/// In place of the one that it has. Each time that is due starts one execution of the current
/// version, unless the one before is not finished: then it is left out. Times that were missed while
/// no worker ran are made up for by one execution.
#[utoipa::path(
    tag = "workflows",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    request_body = PutSchedule,
    responses((status = 200, body = ScheduleView))
)]
#[put("/unstract/{org_id}/api/v2/workflow/{id}/schedule")]
async fn put_schedule(
    app: web::Data<App>,
    who: Caller<ManageWorkflows>,
    id: PathId<Workflow>,
    body: Body,
) -> Result<web::Json<ScheduleView>, ApiError> {
    let draft: PutSchedule = body.json().await?;
    let schedule = app.run(move |uc| uc.schedules.set(&who.granted, *id, draft.into())).await?;
    Ok(web::Json(schedule.into()))
}

/// Remove the schedule of a workflow
///
/// An execution that it started goes on.
#[utoipa::path(
    tag = "workflows",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    responses((status = 204))
)]
#[delete("/unstract/{org_id}/api/v2/workflow/{id}/schedule")]
async fn delete_schedule(
    app: web::Data<App>,
    who: Caller<ManageWorkflows>,
    id: PathId<Workflow>,
) -> Result<HttpResponse, ApiError> {
    app.run(move |uc| uc.schedules.remove(&who.granted, *id)).await?;
    Ok(HttpResponse::NoContent().finish())
}
