//! Workflows: the list, the editor, test runs, sharing and schedules.

mod editor;
mod lines;
mod schedule;
mod sharing;
mod trial;

use access_domain::{ListFilter, ManageWorkflows};
use actix_web::{HttpResponse, get, web};
use auth_actix::ApiError;
use deployments_domain::{Owned as _, Shown, UseCases, Workflow, WorkflowId, WorkflowType};
use maud::{Markup, html};

use super::{flash, shown};
use crate::{
    Console,
    layout::{Frame, Section, page},
    parts::{Button, Field, FilterBar, Tab, Table, empty, heading, pager, tabs, time},
    viewer::Place,
    visitor::Visitor,
};

const PATH: &str = "/workflows";

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(list);
    editor::routes(config);
    trial::routes(config);
    sharing::routes(config);
    schedule::routes(config);
}

#[get("/{org_id}/workflows")]
async fn list(
    console: web::Data<Console>,
    visitor: Visitor<ManageWorkflows>,
) -> Result<HttpResponse, ApiError> {
    let Visitor { granted, viewer, place, query, .. } = visitor;
    let (wanted, search) = (query.page()?, query.text("search").to_owned());
    let filter = ListFilter { search: query.search()?, created_by: None };
    let cursor = query.given("cursor").map(str::to_owned);
    let actor = granted.who().actor();
    let list_them = move |uc: &UseCases| {
        let page = uc.workflows.list(&granted, &filter, wanted)?;
        uc.sharing.show_page(&granted, page)
    };
    let found = console.run(list_them).await?;
    let path = place.href(PATH);
    let create = || Button::link("Create Workflow", place.href("/workflows/new")).primary();
    let body = html! {
        (heading("Workflows", html! { (create()) }))
        @if found.items.is_empty() && search.is_empty() && cursor.is_none() {
            (empty(
                "No workflows yet",
                "A workflow is a list of steps that turns one JSON input into one output. Create one, try it out, and deploy it as \
                 an API with keys of its own.",
                Some(create()),
            ))
        } @else {
            (FilterBar::new(&path).field(Field::search("search", "Name")).render(&query.filled()))
            @if found.items.is_empty() { p { "No workflow's name has that in it." } }
            @else { (table(&place, &found.items, actor)) }
            (pager(&path, &[("search", &search)], cursor.as_deref(), found.next.map(|next| next.to_string()).as_deref()))
        }
    };
    let done = flash(&query, &[("deleted", "The workflow is deleted.")]);
    let frame = Frame::new("Workflows").viewer(&viewer).section(Section::Workflows).flash(done);
    Ok(shown(page(frame, body)))
}

fn table(place: &Place, workflows: &[Shown<Workflow>], actor: uuid::Uuid) -> Markup {
    let table = Table::new("Workflows")
        .text("Name")
        .text("Type")
        .numbers("Version")
        .text("Changed")
        .buttons();
    let row = |table: Table, one: &Shown<Workflow>| {
        let workflow = &one.thing;
        let href = place.href(&path_of(workflow.id));
        table.row(vec![
            html! {
                a href=(href) { (workflow.name) }
                @if workflow.owner() != actor && !place.is_admin() { " " span .quiet { "shared with you" } }
            },
            html! { (kind(workflow.workflow_type)) },
            html! { (workflow.version_number) },
            time(workflow.modified_at),
            html! {
                (Button::link("Deploy as API", deploy(place, workflow.id)).about(&workflow.name))
            },
        ])
    };
    let table = workflows.iter().fold(table, row);
    html! { (table) }
}

/// Below the organization.
fn path_of(id: WorkflowId) -> String {
    format!("{PATH}/{}", id.uuid())
}

/// Where a workflow becomes an API.
fn deploy(place: &Place, id: WorkflowId) -> String {
    place.href(&format!("/deployments/new?workflow={}", id.uuid()))
}

fn kind(workflow_type: WorkflowType) -> &'static str {
    match workflow_type {
        WorkflowType::Task => "Task",
        WorkflowType::Etl => "ETL",
    }
}

/// The pages about one workflow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Definition,
    TestRun,
    Schedule,
    Sharing,
}

/// What stands above each page about one workflow: to whom it is shared with, less is offered.
fn head(place: &Place, shown: &Shown<Workflow>, open: Open) -> Markup {
    let workflow = &shown.thing;
    let base = place.href(&path_of(workflow.id));
    let tab = |label, path: &str, which| Tab::new(label, format!("{base}{path}"), which == open);
    let mut all =
        vec![tab("Definition", "", Open::Definition), tab("Test run", "/run", Open::TestRun)];
    if shown.sharing.is_some() {
        all.push(tab("Schedule", "/schedule", Open::Schedule));
        all.push(tab("Sharing", "/share", Open::Sharing));
    }
    html! {
        (crate::parts::breadcrumbs(&[("Workflows", place.href(PATH))], &workflow.name))
        (heading(&workflow.name, html! {
            (Button::link("Deploy as API", deploy(place, workflow.id)).primary())
        }))
        (tabs("Workflow", &all))
    }
}
