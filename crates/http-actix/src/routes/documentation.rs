//! `/deployment/{handle}/docs/` and `…/openapi.json`, and the collection for Postman: how one deployment is called.

use access_domain::{DeploymentTag, ManageDeployments, ReadDocumentation};
use actix_web::{
    HttpResponse, get,
    http::header::{ContentDisposition, DispositionParam, DispositionType},
    web,
};
use auth_actix::{ApiError, Caller};
use serde_json::Value;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    App,
    deployment_docs::{collection, document, page},
    parameters::PathId,
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(documentation_page).service(deployment_document).service(postman_collection);
}

/// The documentation of a deployment, for people
///
/// The same page for every address, existing or not: it asks for a key of the deployment, which it keeps in its memory alone,
/// or goes by the session of a member, and shows the document beside it.
#[utoipa::path(
    tag = "executions",
    security(()),
    params(("handle" = String, Path)),
    responses((status = 200, content_type = "text/html", body = String))
)]
#[get("/deployment/{handle}/docs")]
async fn documentation_page() -> HttpResponse {
    page()
}

/// The documentation of a deployment, for programs
///
/// An OpenAPI 3.1 document of this deployment's addresses, with its own schema of inputs, its bounds, and an example that obeys
/// the schema, where one was found. For its keys, and for whoever manages it.
#[utoipa::path(
    tag = "executions",
    params(("handle" = String, Path)),
    responses((status = 200, content_type = "application/json", body = Object))
)]
#[get("/deployment/{handle}/openapi.json")]
async fn deployment_document(
    app: web::Data<App>,
    who: Caller<ReadDocumentation>,
) -> Result<web::Json<Value>, ApiError> {
    let documented = app.run(move |uc| uc.deployments.documentation(&who.granted)).await?;
    let settings = &app.settings;
    Ok(web::Json(document(&documented, &settings.base_url, settings.max_body_bytes)))
}

/// A deployment as a collection for Postman
///
/// With its addresses and an example; for its key there is a variable.
#[utoipa::path(
    tag = "deployments",
    params(("org_id" = String, Path), ("id" = Uuid, Path)),
    responses((status = 200, content_type = "application/json", body = Object))
)]
#[get("/unstract/{org_id}/api/v2/api-deployment/{id}/postman_collection")]
async fn postman_collection(
    app: web::Data<App>,
    who: Caller<ManageDeployments>,
    id: PathId<DeploymentTag>,
) -> Result<HttpResponse, ApiError> {
    let documented = app.run(move |uc| uc.deployments.documented(&who.granted, *id)).await?;
    let name = format!("{}.postman_collection.json", documented.deployment.api_name);
    let attachment = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name)],
    };
    let collection = collection(&documented, &app.settings.base_url);
    Ok(HttpResponse::Ok().insert_header(attachment).json(collection))
}
