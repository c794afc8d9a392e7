//! API deployments: the list, and of each one its overview, settings and sharing. Its keys have a module of their own.

mod creation;
mod overview;
mod settings;
mod sharing;
mod snippets;
mod switch;
mod terms;

use std::collections::BTreeMap;

use access_domain::{DeploymentId, Granted, ListFilter, ManageDeployments, ReadUsage, SearchText};
use actix_web::{HttpRequest, HttpResponse, get, web};
use api_types::{EndpointView, ErrorCode, Refusal};
use auth_actix::ApiError;
use deployments_domain::{
    Deployment, Execution, Owned as _, Shown, Trigger, UsageBucket, UseCases,
};
use maud::{Markup, html};

use super::{flash, refused, shown};
use crate::{
    Console,
    layout::{Frame, Section, page},
    parts::{
        Button, Field, FilterBar, Tab, Table, Tone, badge, breadcrumbs, count, empty, heading,
        pager, percent, tabs,
    },
    typed::{Typed, faults_of},
    viewer::Place,
    visitor::Visitor,
};

const PATH: &str = "/deployments";

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(list);
    creation::routes(config);
    overview::routes(config);
    settings::routes(config);
    switch::routes(config);
    sharing::routes(config);
}

#[get("/{org_id}/deployments")]
async fn list(
    console: web::Data<Console>,
    visitor: Visitor<ManageDeployments>,
) -> Result<HttpResponse, ApiError> {
    let counts = visitor.also::<ReadUsage>()?;
    let Visitor { granted, viewer, place, query, .. } = visitor;
    let path = place.href(PATH);
    let bar = FilterBar::new(&path).field(Field::search("search", "Name"));
    let frame = Frame::new("API Deployments").viewer(&viewer).section(Section::Deployments);
    let filter = match search(&query) {
        Ok(search) => ListFilter { search, ..ListFilter::default() },
        Err(error) => {
            let (status, faults) = faults_of(error)?;
            let body = html! { (heading("API Deployments", html! {})) (bar.render(&query.refused(faults))) };
            return Ok(refused(status, page(frame, body)));
        }
    };
    let wanted = query.page()?;
    let actor = granted.who().actor();
    let find = move |uc: &UseCases| -> Result<_, Refusal> {
        let page = uc.deployments.list(&granted, &filter, wanted)?;
        let ids: Vec<DeploymentId> = page.items.iter().map(|one| one.id).collect();
        let used = uc.usage.of_deployments(&counts, &ids)?;
        Ok((page, used))
    };
    let (found, used) = console.run(find).await?;
    let cursor = query.given("cursor");
    let is_filtered = query.given("search").is_some();
    let next = found.next.map(|next| next.to_string());
    let body = html! {
        (heading("API Deployments", html! {
            @if !found.items.is_empty() { (Button::link("New deployment", format!("{path}/new"))) }
        }))
        @if found.items.is_empty() && !is_filtered && cursor.is_none() {
            (nothing(&place))
        } @else {
            (bar.render(&query.filled()))
            @if found.items.is_empty() { p { "No deployment's name has that in it." } }
            @else { (table(&place, &found.items, &used, actor)) }
            (pager(&path, &[("search", query.text("search"))], cursor, next.as_deref()))
        }
    };
    let done =
        flash(&query, &[("deleted", "The deployment is deleted: its keys open nothing any more.")]);
    Ok(shown(page(frame.flash(done), body)))
}

/// What a list is searched for.
pub(super) fn search(query: &Typed) -> Result<Option<SearchText>, ApiError> {
    let wrong = |error: access_domain::InvalidSearch| {
        ApiError::at(ErrorCode::InvalidParameter, "/search", error.to_string())
    };
    SearchText::parse(query.text("search")).map_err(wrong)
}

fn nothing(place: &Place) -> Markup {
    empty(
        "No API deployments yet",
        "A deployment gives a workflow an address of its own, with keys, limits and counts. Open a workflow and choose “Deploy as \
         API”: its first key comes with it.",
        Some(Button::link("Workflows", place.href("/workflows")).primary()),
    )
}

fn table(
    place: &Place,
    deployments: &[Deployment],
    used: &BTreeMap<DeploymentId, UsageBucket>,
    actor: uuid::Uuid,
) -> Markup {
    let table = Table::new("API deployments")
        .text("Name")
        .text("Status")
        .text("Endpoint")
        .numbers("Requests, 24 h")
        .numbers("Errors")
        .buttons();
    let row = |table: Table, one: &Deployment| {
        let (href, usage) = (place.href(&path_of(one.id)), used.get(&one.id));
        let (requests, errors) =
            usage.map_or((0, 0.0), |usage| (usage.requests(), usage.error_rate()));
        let is_owner = place.is_admin() || one.owner() == actor;
        table.row(vec![
            html! {
                a href=(href) { (name_of(one)) }
                @if !one.display_name.is_empty() { br; span .quiet { (one.api_name) } }
                @if !is_owner { br; span .quiet { "shared with you" } }
            },
            status(one.is_active),
            html! { code { (EndpointView::at("", one.id).execute) } },
            html! { (count(requests)) },
            html! { @if requests == 0 { span .quiet { "–" } } @else { (percent(errors)) } },
            html! {
                @if is_owner { (Button::link("Manage Keys", format!("{href}/keys")).about(format!("of {}", name_of(one)))) }
            },
        ])
    };
    let table = deployments.iter().fold(table, row);
    html! { (table) }
}

/// What people call it.
pub(super) fn name_of(deployment: &Deployment) -> &str {
    if deployment.display_name.is_empty() { &deployment.api_name } else { &deployment.display_name }
}

pub(super) fn status(is_active: bool) -> Markup {
    if is_active { badge("Active", Tone::Good) } else { badge("Inactive", Tone::Neutral) }
}

/// Below the organization.
pub(super) fn path_of(id: DeploymentId) -> String {
    format!("{PATH}/{}", id.uuid())
}

/// The key that `execution` was called with, and the way to it for whoever manages the keys of its deployment.
pub(in crate::pages) fn key_of(place: &Place, execution: &Execution, may_manage: bool) -> Markup {
    match execution.trigger {
        Trigger::Call { deployment, key } => {
            let path = format!("{}/keys/{}", path_of(deployment), key.uuid());
            let id = html! { code { (key.uuid()) } };
            html! { @if may_manage { a href=(place.href(&path)) { (id) } } @else { (id) } }
        }
        Trigger::Test { .. } | Trigger::Schedule => html! { span .quiet { "–" } },
    }
}

/// The pages about one deployment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    Overview,
    Keys,
    Settings,
    Sharing,
}

/// What stands above each page about one deployment. Whoever it is shared with sees its overview alone.
pub(super) fn head(place: &Place, shown: &Shown<Deployment>, open: Open) -> Markup {
    let deployment = &shown.thing;
    let base = place.href(&path_of(deployment.id));
    let tab = |label, path: &str, which| Tab::new(label, format!("{base}{path}"), which == open);
    let all = [
        tab("Overview", "", Open::Overview),
        tab("Keys", "/keys", Open::Keys),
        tab("Settings", "/settings", Open::Settings),
        tab("Sharing", "/share", Open::Sharing),
    ];
    html! {
        (breadcrumbs(&[("API Deployments", place.href(PATH))], name_of(deployment)))
        (heading(name_of(deployment), html! {
            (status(deployment.is_active))
            @if shown.sharing.is_some() && open != Open::Keys {
                (Button::link("Manage Keys", format!("{base}/keys")).primary())
            }
        }))
        @if shown.sharing.is_some() { (tabs("Deployment", &all)) }
        @else { p .quiet { "It is shared with you: its owner and administrators change it and hand out its keys." } }
    }
}

/// A deployment that the viewer may see.
pub(super) fn find(
    uc: &UseCases,
    granted: &Granted<ManageDeployments>,
    id: DeploymentId,
) -> Result<Shown<Deployment>, Refusal> {
    let deployment = uc.deployments.get(granted, id)?;
    Ok(uc.sharing.show_one(granted, deployment)?)
}

/// How often it was used in the last day.
pub(super) fn requests(
    uc: &UseCases,
    counts: &Granted<ReadUsage>,
    id: DeploymentId,
) -> Result<u64, Refusal> {
    let used = uc.usage.of_deployments(counts, &[id])?;
    Ok(used.get(&id).map_or(0, UsageBucket::requests))
}

/// How much it is missed.
pub(super) fn used_sentence(used: u64) -> String {
    match used {
        0 => "It was not used in the last day.".into(),
        1 => "It was used once in the last day.".into(),
        used => format!("It was used {} times in the last day.", count(used)),
    }
}

/// Where a deployment is called.
pub(super) fn endpoints(
    console: &Console,
    request: &HttpRequest,
    id: DeploymentId,
) -> EndpointView {
    EndpointView::at(&console.origin(request), id)
}
