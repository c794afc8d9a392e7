//! `/unstract/{org_id}/api/v2/workflow/…`

use std::sync::Arc;

use access_domain::{ChangeError, ManageWorkflows};
use actix_web::{HttpResponse, delete, get, patch, post, put, web};
use api_types::{
    CreateWorkflow, ListView, PatchWorkflow, ValidateWorkflow, ValidationView, WorkflowView,
};
use auth_actix::{ApiError, Caller, Done, RepeatableCaller};
use deployments_domain::{Shown, UseCases, Workflow, WorkflowDraft};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    App,
    body::Body,
    parameters::{PathId, Query, list},
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(list_workflows)
        .service(create_workflow)
        .service(get_workflow)
        .service(replace_workflow)
        .service(patch_workflow)
        .service(delete_workflow)
        .service(validate_workflow);
}

/// The workflows that the caller may see
#[utoipa::path(
    tag = "workflows",
    params(("org_id" = String, Path), ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query),
        ("created_by" = Option<Uuid>, Query), ("search" = Option<String>, Query)),
    responses((status = 200, body = ListView<WorkflowView>))
)]
#[get("/unstract/{org_id}/api/v2/workflow")]
async fn list_workflows(
    app: web::Data<App>,
    who: Caller<ManageWorkflows>,
    query: Query,
) -> Result<web::Json<ListView<WorkflowView>>, ApiError> {
    let (page, filter) = (query.page()?, query.list_filter()?);
    let list_them = move |uc: &UseCases| {
        let page = uc.workflows.list(&who.granted, &filter, page)?;
        uc.sharing.show_page(&who.granted, page)
    };
    let page = app.run(list_them).await?;
    Ok(web::Json(list(page, Into::into)))
}

/// Create a workflow
///
/// The definition is checked as a whole; every fault is told with its pointer.
#[utoipa::path(
    tag = "workflows",
    params(("org_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = CreateWorkflow,
    responses((status = 201, body = WorkflowView))
)]
#[post("/unstract/{org_id}/api/v2/workflow")]
async fn create_workflow(
    app: web::Data<App>,
    who: RepeatableCaller<ManageWorkflows>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let body = body.read().await?;
    let (granted, attempt) = who.with_body(body.bytes()).await?;
    let granted = Arc::new(granted);
    let maker = Arc::clone(&granted);
    let make = async {
        let draft: CreateWorkflow = body.json().await?;
        app.run_with_check(move |uc| uc.workflows.create(&maker, draft.into())).await
    };
    let workflow = match attempt.once(make).await? {
        Done::Now(workflow) => Shown::new(workflow),
        Done::Before(record) => {
            let get = move |uc: &UseCases| {
                let workflow = uc.workflows.get(&granted, record.made.into())?;
                uc.sharing.show_one(&granted, workflow).map_err(ChangeError::Store)
            };
            app.run(get).await?
        }
    };
    Ok(HttpResponse::Created().json(WorkflowView::from(workflow)))
}

/// One workflow
#[utoipa::path(
    tag = "workflows",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    responses((status = 200, body = WorkflowView))
)]
#[get("/unstract/{org_id}/api/v2/workflow/{id}")]
async fn get_workflow(
    app: web::Data<App>,
    who: Caller<ManageWorkflows>,
    id: PathId<Workflow>,
) -> Result<web::Json<WorkflowView>, ApiError> {
    let get = move |uc: &UseCases| {
        let workflow = uc.workflows.get(&who.granted, *id)?;
        uc.sharing.show_one(&who.granted, workflow).map_err(ChangeError::Store)
    };
    let workflow = app.run(get).await?;
    Ok(web::Json(workflow.into()))
}

/// Replace a workflow
#[utoipa::path(
    tag = "workflows",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    request_body = CreateWorkflow,
    responses((status = 200, body = WorkflowView))
)]
#[put("/unstract/{org_id}/api/v2/workflow/{id}")]
async fn replace_workflow(
    app: web::Data<App>,
    who: Caller<ManageWorkflows>,
    id: PathId<Workflow>,
    body: Body,
) -> Result<web::Json<WorkflowView>, ApiError> {
    let draft = WorkflowDraft::from(body.json::<CreateWorkflow>().await?);
    let replace = move |uc: &UseCases| {
        let workflow = uc.workflows.change(&who.granted, *id, draft.into())?;
        uc.sharing.show_one(&who.granted, workflow).map_err(ChangeError::Store)
    };
    let workflow = app.run_with_check(replace).await?;
    Ok(web::Json(workflow.into()))
}

/// Change a workflow
///
/// A different definition becomes a new version; executions that were accepted keep theirs.
#[utoipa::path(
    tag = "workflows",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    request_body = PatchWorkflow,
    responses((status = 200, body = WorkflowView))
)]
#[patch("/unstract/{org_id}/api/v2/workflow/{id}")]
async fn patch_workflow(
    app: web::Data<App>,
    who: Caller<ManageWorkflows>,
    id: PathId<Workflow>,
    body: Body,
) -> Result<web::Json<WorkflowView>, ApiError> {
    let edit: PatchWorkflow = body.json().await?;
    let change = move |uc: &UseCases| {
        let workflow = uc.workflows.change(&who.granted, *id, edit.into())?;
        uc.sharing.show_one(&who.granted, workflow).map_err(ChangeError::Store)
    };
    let workflow = app.run_with_check(change).await?;
    Ok(web::Json(workflow.into()))
}

/// Delete a workflow
///
/// Refused with `workflow_in_use` while deployments stand on it.
#[utoipa::path(tag = "workflows", params(("org_id" = String, Path), ("id" = Uuid, Path)), responses((status = 204)))]
#[delete("/unstract/{org_id}/api/v2/workflow/{id}")]
async fn delete_workflow(
    app: web::Data<App>,
    who: Caller<ManageWorkflows>,
    id: PathId<Workflow>,
) -> Result<HttpResponse, ApiError> {
    app.run(move |uc| uc.workflows.delete(&who.granted, *id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Check a definition
///
/// The one that is sent, or the saved one. Nothing is saved.
#[utoipa::path(
    tag = "workflows",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    request_body = Option<ValidateWorkflow>,
    responses((status = 200, body = ValidationView))
)]
#[post("/unstract/{org_id}/api/v2/workflow/{id}/validate")]
async fn validate_workflow(
    app: web::Data<App>,
    who: Caller<ManageWorkflows>,
    id: PathId<Workflow>,
    body: Body,
) -> Result<web::Json<ValidationView>, ApiError> {
    let ValidateWorkflow { definition } = body.optional_json().await?;
    let faults =
        app.run_with_check(move |uc| uc.workflows.validate(&who.granted, *id, definition)).await?;
    Ok(web::Json(faults.into()))
}
