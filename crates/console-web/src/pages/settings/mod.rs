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

use actix_web::web;
use deployments_domain::UsageBucket;
use maud::{Markup, html};

use crate::{
    layout::{Frame, Section, SettingsTab, page},
    parts::{Flash, Tone, count, notice},
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
    match usage.map_or(0, UsageBucket::uses) {
        0 => "It was not used in the last 24 hours.".into(),
        1 => "It was used once in the last 24 hours.".into(),
        times => format!("It was used {} times in the last 24 hours.", count(times)),
    }
}

/// What was refused and belongs to no field of a form.
fn not_done(faults: &[api_types::ProblemError]) -> Markup {
    html! {
        @for fault in faults {
            (notice(Tone::Bad, html! { p role="alert" { (crate::refused::sentence(&fault.detail)) } }))
        }
    }
}
