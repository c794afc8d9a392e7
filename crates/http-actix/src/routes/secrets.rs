//! `/unstract/{org_id}/api/v2/secrets/…`: values come in, and none goes out.

use access_domain::{ManageSecrets, ReadOrganization};
use actix_web::{HttpResponse, delete, get, put, web};
use api_types::{ListView, PutSecret, SecretView};
use auth_actix::{ApiError, Caller};
use keys_core::Secret;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{App, body::Body};

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(list_secrets).service(put_secret).service(delete_secret);
}

/// The organization's secrets
///
/// Their names, in one page; never a value.
#[utoipa::path(
    tag = "secrets",
    params(("org_id" = String, Path)),
    responses((status = 200, body = ListView<SecretView>))
)]
#[get("/unstract/{org_id}/api/v2/secrets")]
async fn list_secrets(
    app: web::Data<App>,
    who: Caller<ReadOrganization>,
) -> Result<web::Json<ListView<SecretView>>, ApiError> {
    let secrets = app.run(move |uc| uc.secrets.list(&who.granted)).await?;
    let items = secrets.into_iter().map(Into::into).collect();
    Ok(web::Json(ListView { items, next_cursor: None }))
}

/// Set a secret
///
/// New, or in place of the value that it had. Workflows use it as `{{ secrets.NAME }}`; nobody reads it
/// again. For administrators alone: no key sets secrets.
#[utoipa::path(
    tag = "secrets",
    security(("session" = [])),
    params(("org_id" = String, Path), ("name" = String, Path)),
    request_body = PutSecret,
    responses((status = 200, body = SecretView))
)]
#[put("/unstract/{org_id}/api/v2/secrets/{name}")]
async fn put_secret(
    app: web::Data<App>,
    who: Caller<ManageSecrets>,
    path: web::Path<(String, String)>,
    body: Body,
) -> Result<web::Json<SecretView>, ApiError> {
    let (_, name) = path.into_inner();
    let value = Secret::new(body.json::<PutSecret>().await?.value);
    let set = app.run(move |uc| uc.secrets.set(&who.granted, &name, &value)).await?;
    Ok(web::Json(set.into()))
}

/// Delete a secret
///
/// Steps that name it fail from then on.
#[utoipa::path(
    tag = "secrets",
    security(("session" = [])),
    params(("org_id" = String, Path), ("name" = String, Path)),
    responses((status = 204))
)]
#[delete("/unstract/{org_id}/api/v2/secrets/{name}")]
async fn delete_secret(
    app: web::Data<App>,
    who: Caller<ManageSecrets>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (_, name) = path.into_inner();
    app.run(move |uc| uc.secrets.delete(&who.granted, &name)).await?;
    Ok(HttpResponse::NoContent().finish())
}
