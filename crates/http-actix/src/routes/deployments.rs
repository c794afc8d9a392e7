//! `/unstract/{org_id}/api/v2/api-deployment/…`

use std::sync::Arc;

use access_domain::{ChangeError, DeploymentTag, ManageDeployments};
use actix_web::{HttpResponse, delete, get, patch, post, put, web};
use api_types::{
    CreateDeployment, CreatedDeploymentView, DeploymentView, ListView, PatchDeployment,
};
use auth_actix::{ApiError, Caller, Done, RepeatableCaller};
use deployments_domain::{Shown, UseCases};
use keys_core::Secret;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    App,
    body::Body,
    parameters::{PathId, Query, list},
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(list_deployments)
        .service(create_deployment)
        .service(get_deployment)
        .service(replace_deployment)
        .service(patch_deployment)
        .service(delete_deployment);
}

/// The deployments that the caller may see
#[utoipa::path(
    tag = "deployments",
    params(("org_id" = String, Path), ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query),
        ("created_by" = Option<Uuid>, Query), ("search" = Option<String>, Query)),
    responses((status = 200, body = ListView<DeploymentView>))
)]
#[get("/unstract/{org_id}/api/v2/api-deployment")]
async fn list_deployments(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    query: Query,
) -> Result<web::Json<ListView<DeploymentView>>, ApiError> {
    let (page, filter) = (query.page()?, query.list_filter()?);
    let list_them = move |uc: &UseCases| {
        let page = uc.deployments.list(&who.granted, &filter, page)?;
        uc.sharing.show_page(&who.granted, page)
    };
    let page = app.run(list_them).await?;
    Ok(web::Json(list(page, |deployment| DeploymentView::new(deployment, &app.settings.base_url))))
}

/// Deploy a workflow
///
/// The answer carries the deployment's first key, which is shown this once.
#[utoipa::path(
    tag = "deployments",
    params(("org_id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = CreateDeployment,
    responses((status = 201, body = CreatedDeploymentView))
)]
#[post("/unstract/{org_id}/api/v2/api-deployment")]
async fn create_deployment(
    app: web::Data<App>,
    who: RepeatableCaller<ManageDeployments>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let body = body.read().await?;
    let (granted, attempt) = who.with_body(body.bytes()).await?;
    let granted = Arc::new(granted);
    let maker = Arc::clone(&granted);
    let make = async {
        let draft: CreateDeployment = body.json().await?;
        app.run(move |uc| uc.deployments.create(&maker, draft.into())).await
    };
    let (deployment, key_id, secret) = match attempt.once(make).await? {
        Done::Now(created) => {
            (Shown::new(created.deployment), created.key.uuid(), Some(created.secret))
        }
        Done::Before(record) => {
            let first_key = record.made_along;
            let key = first_key.ok_or_else(|| ApiError::internal("the first key is not told"))?;
            let get = move |uc: &UseCases| {
                let deployment = uc.deployments.get(&granted, record.made.into())?;
                uc.sharing.show_one(&granted, deployment).map_err(ChangeError::Store)
            };
            (app.run(get).await?, key, None)
        }
    };
    Ok(HttpResponse::Created().json(CreatedDeploymentView {
        deployment: DeploymentView::new(deployment, &app.settings.base_url),
        key_id,
        api_key: secret.map(Secret::reveal_once),
    }))
}

/// One deployment
#[utoipa::path(
    tag = "deployments",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    responses((status = 200, body = DeploymentView))
)]
#[get("/unstract/{org_id}/api/v2/api-deployment/{id}")]
async fn get_deployment(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    id: PathId<DeploymentTag>,
) -> Result<web::Json<DeploymentView>, ApiError> {
    let get = move |uc: &UseCases| {
        let deployment = uc.deployments.get(&who.granted, *id)?;
        uc.sharing.show_one(&who.granted, deployment).map_err(ChangeError::Store)
    };
    let deployment = app.run(get).await?;
    Ok(web::Json(DeploymentView::new(deployment, &app.settings.base_url)))
}

/// Replace a deployment's terms
///
/// What is left out goes back to its default; keys and executions stay.
#[utoipa::path(
    tag = "deployments",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    request_body = CreateDeployment,
    responses((status = 200, body = DeploymentView))
)]
#[put("/unstract/{org_id}/api/v2/api-deployment/{id}")]
async fn replace_deployment(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    id: PathId<DeploymentTag>,
    body: Body,
) -> Result<web::Json<DeploymentView>, ApiError> {
    let draft: CreateDeployment = body.json().await?;
    let replace = move |uc: &UseCases| {
        let deployment = uc.deployments.replace(&who.granted, *id, draft.into())?;
        uc.sharing.show_one(&who.granted, deployment).map_err(ChangeError::Store)
    };
    let deployment = app.run(replace).await?;
    Ok(web::Json(DeploymentView::new(deployment, &app.settings.base_url)))
}

/// Change a deployment's terms
#[utoipa::path(
    tag = "deployments",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    request_body = PatchDeployment,
    responses((status = 200, body = DeploymentView))
)]
#[patch("/unstract/{org_id}/api/v2/api-deployment/{id}")]
async fn patch_deployment(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    id: PathId<DeploymentTag>,
    body: Body,
) -> Result<web::Json<DeploymentView>, ApiError> {
    let edit: PatchDeployment = body.json().await?;
    let change = move |uc: &UseCases| {
        let deployment = uc.deployments.change(&who.granted, *id, edit.into())?;
        uc.sharing.show_one(&who.granted, deployment).map_err(ChangeError::Store)
    };
    let deployment = app.run(change).await?;
    Ok(web::Json(DeploymentView::new(deployment, &app.settings.base_url)))
}

/// Delete a deployment
///
/// Its address and its keys open nothing from now on; executions that were accepted go on.
#[utoipa::path(tag = "deployments", params(("org_id" = String, Path), ("id" = Uuid, Path)), responses((status = 204)))]
#[delete("/unstract/{org_id}/api/v2/api-deployment/{id}")]
async fn delete_deployment(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    id: PathId<DeploymentTag>,
) -> Result<HttpResponse, ApiError> {
    app.run(move |uc| uc.deployments.delete(&who.granted, *id)).await?;
    Ok(HttpResponse::NoContent().finish())
}
