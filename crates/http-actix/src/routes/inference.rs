//! `/v1/inference` and `/v1/models`.

use access_domain::{Infer, ReadModels};
use actix_web::{HttpRequest, get, post, web};
use api_types::{AskModel, InferenceView, ListView, ModelView, Refusal};
use auth_actix::{ApiError, Caller, count_tokens};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{App, body::Body};

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(ask_model).service(list_models);
}

/// Ask a model
///
/// Needs the scope `inference:write`. The built-in model `echo` answers the prompt, or the last
/// message of the user; its tokens are words. Whatever other models answer is waited for; what they
/// count as read and written is this key's usage.
#[utoipa::path(
    tag = "models",
    request_body = AskModel,
    responses((status = 200, body = InferenceView))
)]
#[post("/v1/inference")]
async fn ask_model(
    app: web::Data<App>,
    request: HttpRequest,
    who: Caller<Infer>,
    body: Body,
) -> Result<web::Json<InferenceView>, ApiError> {
    let body: AskModel = body.json().await?;
    let asked = app.use_cases().inferences.ask(&who.granted, body.into());
    let asked = asked.map_err(Refusal::from)?;
    let answer = asked.wait().await.map_err(Refusal::from)?;
    count_tokens(&request, answer.completion.usage);
    Ok(web::Json(answer.into()))
}

/// The models
///
/// Every name that can be asked, in one page. Needs the scope `inference:read`.
#[utoipa::path(tag = "models", responses((status = 200, body = ListView<ModelView>)))]
#[get("/v1/models")]
async fn list_models(
    app: web::Data<App>,
    who: Caller<ReadModels>,
) -> web::Json<ListView<ModelView>> {
    let names = app.use_cases().inferences.list(&who.granted);
    web::Json(ListView { items: names.into_iter().map(Into::into).collect(), next_cursor: None })
}
