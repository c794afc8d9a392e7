//! The settings of an organization: what its administrators settle, and what members look up for their clients.

mod api_keys;
mod deliveries;
mod invitations;
mod members;
mod organization;
mod platform;
mod secrets;
mod webhook;
mod webhooks;

use access_domain::Role;
use actix_web::web;
use api_types::{ErrorCode, ProblemError};
use auth_actix::ApiError;
use deployments_domain::UsageBucket;
use maud::{Markup, html};

use crate::{
    layout::{Frame, Section, SettingsTab, page},
    pages::deployments::used_sentence,
    parts::{Flash, Tone, badge, notice},
    typed::Typed,
    viewer::Viewer,
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    platform::routes(config);
    api_keys::routes(config);
    organization::routes(config);
    members::routes(config);
    invitations::routes(config);
    webhooks::routes(config);
    webhook::routes(config);
    deliveries::routes(config);
    secrets::routes(config);
}

/// A page below one of the tabs.
fn framed(
    viewer: &Viewer,
    title: &str,
    tab: SettingsTab,
    done: Option<Flash<'_>>,
    body: Markup,
) -> Markup {
    page(Frame::new(title).viewer(viewer).section(Section::Settings(tab)).flash(done), body)
}

/// How often a key was used of late, for a question before something happens to it.
fn used(usage: Option<&UsageBucket>) -> String {
    used_sentence(usage.map_or(0, UsageBucket::uses))
}

/// What somebody is in an organization.
pub(super) fn role_badge(role: Role) -> Markup {
    match role {
        Role::Admin => badge("Administrator", Tone::Good),
        Role::User => badge("User", Tone::Neutral),
    }
}

/// What a filter of a list is set to; a name that stands for nothing is a fault, and no filter at all would be another list than the one
/// that was asked for.
pub(super) fn chosen<T>(
    query: &Typed,
    name: &str,
    parse: impl FnOnce(&str) -> Option<T>,
    faults: &mut Vec<ProblemError>,
) -> Option<T> {
    let text = query.given(name)?;
    let found = parse(text);
    if found.is_none() {
        let detail = "there is no such choice: take one of the list";
        let error = ApiError::at(ErrorCode::InvalidParameter, format!("/{name}"), detail);
        faults.extend(error.into_errors());
    }
    found
}

/// What was refused and belongs to no field of a form.
fn not_done(faults: &[ProblemError]) -> Markup {
    html! {
        @for fault in faults {
            (notice(Tone::Bad, html! { p role="alert" { (crate::refused::sentence(&fault.detail)) } }))
        }
    }
}
