//! Where somebody begins.

use access_domain::SeeSelf;
use actix_web::{HttpResponse, get, web};
use auth_actix::ApiError;
use maud::html;

use super::{see_other, shown};
use crate::{
    layout::{Frame, page},
    parts::{Button, empty, heading},
    visitor::{Person, Visitor},
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(begin).service(organization);
}

#[get("/")]
async fn begin(person: Person) -> Result<HttpResponse, ApiError> {
    if let Some(first) = person.viewer.organizations.first() {
        return Ok(see_other(first.href("/workflows")));
    }
    let text = "An administrator of an organization invites you; their link leads you in.";
    let body = html! {
        (heading("Welcome", html! {}))
        (empty("You belong to no organization", text, Some(Button::link("Account", "/account"))))
    };
    Ok(shown(page(Frame::new("Welcome").viewer(&person.viewer), body)))
}

#[get("/{org_id}")]
async fn organization(visitor: Visitor<SeeSelf>) -> HttpResponse {
    see_other(visitor.place.href("/workflows"))
}
