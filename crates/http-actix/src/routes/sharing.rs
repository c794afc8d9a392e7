//! `…/workflow/{id}/share` and `…/api-deployment/{id}/share`: who sees what somebody made.

use access_domain::{DeploymentTag, ManageDeployments, ManageWorkflows};
use actix_web::{get, put, web};
use api_types::{PutSharing, SharingView};
use auth_actix::{ApiError, Caller};
use deployments_domain::{UseCases, Workflow};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{App, body::Body, parameters::PathId};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(get_workflow_sharing)
        .service(share_workflow)
        .service(get_deployment_sharing)
        .service(share_deployment);
}

/// With whom a workflow is shared
#[utoipa::path(
    tag = "workflows",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    responses((status = 200, body = SharingView))
)]
#[get("/unstract/{org_id}/api/v2/workflow/{id}/share")]
async fn get_workflow_sharing(
    app: web::Data<App>,
    who: Caller<ManageWorkflows>,
    id: PathId<Workflow>,
) -> Result<web::Json<SharingView>, ApiError> {
    let sharing = app.run(move |uc| uc.sharing.of_workflow(&who.granted, *id)).await?;
    Ok(web::Json(sharing.into()))
}

/// Share a workflow
///
/// With whom is said as a whole: who is not named sees it no more. They read it and its executions, try it and deploy it;
/// changing it stays its owner's. What they deployed stays when it is no longer shared.
#[utoipa::path(
    tag = "workflows",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    request_body = PutSharing,
    responses((status = 200, body = SharingView))
)]
#[put("/unstract/{org_id}/api/v2/workflow/{id}/share")]
async fn share_workflow(
    app: web::Data<App>,
    who: Caller<ManageWorkflows>,
    id: PathId<Workflow>,
    body: Body,
) -> Result<web::Json<SharingView>, ApiError> {
    let draft = body.json::<PutSharing>().await?.into();
    let share = move |uc: &UseCases| uc.sharing.share_workflow(&who.granted, *id, &draft);
    Ok(web::Json(app.run(share).await?.into()))
}

/// With whom a deployment is shared
#[utoipa::path(
    tag = "deployments",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    responses((status = 200, body = SharingView))
)]
#[get("/unstract/{org_id}/api/v2/api-deployment/{id}/share")]
async fn get_deployment_sharing(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    id: PathId<DeploymentTag>,
) -> Result<web::Json<SharingView>, ApiError> {
    let sharing = app.run(move |uc| uc.sharing.of_deployment(&who.granted, *id)).await?;
    Ok(web::Json(sharing.into()))
}

/// Share a deployment
///
/// With whom is said as a whole: who is not named sees it no more. They read it, its executions, usage and documentation, and
/// the records of its keys; changing it, and its keys, stays its owner's.
#[utoipa::path(
    tag = "deployments",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    request_body = PutSharing,
    responses((status = 200, body = SharingView))
)]
#[put("/unstract/{org_id}/api/v2/api-deployment/{id}/share")]
async fn share_deployment(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    id: PathId<DeploymentTag>,
    body: Body,
) -> Result<web::Json<SharingView>, ApiError> {
    let draft = body.json::<PutSharing>().await?.into();
    let share = move |uc: &UseCases| uc.sharing.share_deployment(&who.granted, *id, &draft);
    Ok(web::Json(app.run(share).await?.into()))
}
