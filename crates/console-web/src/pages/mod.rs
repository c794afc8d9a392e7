//! The pages, a module for each thing that they are about.

mod account;
mod audit;
mod deployments;
mod executions;
mod home;
mod keys;
mod log_in;
mod reading;
mod settings;
mod sharing;
mod usage;
mod workflows;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, http::header::LOCATION, web};
use auth_actix::ApiError;
use maud::Markup;

use crate::{assets, parts::Flash, parts::Tone, typed::Typed};

/// Every address of the console.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.service(asset);
    log_in::routes(config);
    workflows::routes(config);
    account::routes(config);
    audit::routes(config);
    settings::routes(config);
    deployments::routes(config);
    keys::routes(config);
    executions::routes(config);
    usage::routes(config);
    // Last: an organization is whatever is nothing else.
    home::routes(config);
}

#[actix_web::get("/assets/{name}")]
async fn asset(name: web::Path<String>) -> Result<HttpResponse, ApiError> {
    assets::answer(&name).ok_or_else(ApiError::not_found)
}

pub(crate) async fn no_such_page() -> Result<HttpResponse, ApiError> {
    Err(ApiError::not_found())
}

/// A page as an answer.
fn shown(page: Markup) -> HttpResponse {
    answer(StatusCode::OK, page)
}

/// The page of a form that was refused.
fn refused(status: u16, page: Markup) -> HttpResponse {
    answer(StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY), page)
}

fn answer(status: StatusCode, page: Markup) -> HttpResponse {
    HttpResponse::build(status).content_type("text/html; charset=utf-8").body(page.into_string())
}

/// The id at `name` in the address. What is none names nothing.
fn path_id<I: std::str::FromStr>(request: &HttpRequest, name: &str) -> Result<I, ApiError> {
    let text = request.match_info().get(name).unwrap_or_default();
    text.parse().map_err(|_| ApiError::not_found())
}

/// What was done is done: the browser asks for `address`, and a reload does it no second time.
fn see_other(address: impl Into<String>) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, address.into())).finish()
}

/// What `?done=` in the address stands for, of the words that a page knows: nothing of an address is ever shown itself.
fn flash<'a>(query: &Typed, known: &[(&str, &'a str)]) -> Option<Flash<'a>> {
    let done = query.text("done");
    let (_, text) = known.iter().find(|(word, _)| *word == done)?;
    Some(Flash { text, tone: Tone::Good })
}
