//! Executions: the list with its filters, and each one with its steps, its log and its result, live while it runs.

mod one;
mod run;

use std::collections::BTreeMap;

use access_domain::{Granted, ManageDeployments, ManageWorkflows};
use actix_web::{HttpResponse, get, web};
use api_types::{ErrorCode, Refusal};
use auth_actix::ApiError;
use deployments_domain::{Execution, HistoryFilter, Status, Trigger, TriggerKind, UseCases};
use maud::{Markup, html};
use uuid::Uuid;

pub(super) use self::run::{pretty, run, wanted};
use super::shown;
use crate::{
    Console,
    layout::{Frame, Section, page},
    parts::{
        Choice, Field, FilterBar, Table, Tone, badge, duration_ms, empty, heading, pager,
        read_date_time, time,
    },
    typed::{Typed, faults_of},
    viewer::Place,
    visitor::Visitor,
};

const PATH: &str = "/executions";
/// Workflows and deployments that can be chosen by name.
const MOST_NAMED: u32 = 200;
/// The filters that stand in an address.
const FILTERS: [&str; 7] = ["status", "trigger", "from", "to", "deployment", "workflow", "key_id"];

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(list);
    one::routes(config);
}

#[get("/{org_id}/executions")]
async fn list(
    console: web::Data<Console>,
    visitor: Visitor<ManageWorkflows>,
) -> Result<HttpResponse, ApiError> {
    let deployments = visitor.also::<ManageDeployments>()?;
    let Visitor { granted, viewer, place, query, .. } = visitor;
    let (filter, filled) = match filter(&query) {
        Ok(filter) => (filter, query.filled()),
        // A filter that is none is told of, and filters nothing.
        Err(error) => (HistoryFilter::default(), query.refused(faults_of(error)?.1)),
    };
    let wanted = query.page()?;
    let find = move |uc: &UseCases| -> Result<_, Refusal> {
        let found = uc.history.list(&granted, &filter, wanted)?;
        let mut workflows: Vec<_> = found.items.iter().map(|one| one.workflow).collect();
        workflows.sort_by_key(|id| id.uuid());
        workflows.dedup();
        // One that was deleted has no name any more.
        let names = uc.workflows.names(&granted, Some(&workflows), MOST_NAMED)?;
        let names: BTreeMap<_, _> = names.into_iter().map(|(id, name)| (id.uuid(), name)).collect();
        let named = Named::find(uc, &granted, &deployments)?;
        Ok((found, names, named))
    };
    let (found, names, named) = console.run(find).await?;
    let path = place.href(PATH);
    let cursor = query.given("cursor").map(str::to_owned);
    let set: Vec<(&str, &str)> = FILTERS.iter().map(|name| (*name, query.text(name))).collect();
    let is_filtered = set.iter().any(|(_, value)| !value.is_empty());
    let body = html! {
        (heading("Executions", html! {}))
        @if found.items.is_empty() && !is_filtered && cursor.is_none() {
            (empty(
                "Nothing has run yet",
                "An execution is one run of a workflow: a call of an API deployment, a test run, or one that its schedule began. Try a \
                 workflow out, or call a deployment with a key of it.",
                Some(crate::parts::Button::link("Workflows", place.href("/workflows"))),
            ))
        } @else {
            (named.bar(&path, &query).render(&filled))
            @if found.items.is_empty() { p { "No execution is like that." } }
            @else { (table(&place, &found.items, &names, &named.deployments)) }
            (pager(&path, &set, cursor.as_deref(), found.next.map(|next| next.to_string()).as_deref()))
        }
    };
    let frame = Frame::new("Executions").viewer(&viewer).section(Section::Executions);
    Ok(shown(page(frame, body)))
}

/// What can be chosen to filter by: pairs of an id and a name.
struct Named {
    workflows: Vec<(String, String)>,
    deployments: Vec<(String, String)>,
}

impl Named {
    fn find(
        uc: &UseCases,
        granted: &Granted<ManageWorkflows>,
        deployments: &Granted<ManageDeployments>,
    ) -> Result<Self, Refusal> {
        let workflows = uc.workflows.names(granted, None, MOST_NAMED)?;
        let deployments = uc.deployments.names(deployments, MOST_NAMED)?;
        let workflows = workflows.into_iter().map(|(id, name)| (id.uuid().to_string(), name));
        let deployments = deployments.into_iter().map(|(id, name)| (id.uuid().to_string(), name));
        Ok(Self { workflows: workflows.collect(), deployments: deployments.collect() })
    }

    fn bar(&self, path: &str, query: &Typed) -> FilterBar {
        let any = || Choice::new("", "Any");
        let statuses =
            [Status::Pending, Status::Executing, Status::Completed, Status::Error, Status::Stopped];
        let statuses = statuses.map(|status| Choice::new(status.as_str(), words(status).0));
        let triggers = TriggerKind::ALL.map(|kind| Choice::new(kind.as_str(), started(kind)));
        let bar = FilterBar::new(path)
            .field(Field::select("status", "Status", [any()].into_iter().chain(statuses).collect()))
            .field(Field::select(
                "trigger",
                "Started by",
                [any()].into_iter().chain(triggers).collect(),
            ))
            .field(Field::select(
                "workflow",
                "Workflow",
                chosen(&self.workflows, query.text("workflow")),
            ))
            .field(Field::select(
                "deployment",
                "Deployment",
                chosen(&self.deployments, query.text("deployment")),
            ))
            .field(Field::date_time("from", "From (UTC)"))
            .field(Field::date_time("to", "To (UTC)"));
        // Nobody knows the ids of keys by heart: pages about keys lead here with one.
        if query.given("key_id").is_some() {
            bar.field(Field::text("key_id", "Key id"))
        } else {
            bar
        }
    }
}

/// All that have names here, and what is chosen already even if it has none.
fn chosen(named: &[(String, String)], id: &str) -> Vec<Choice> {
    let unnamed = !id.is_empty() && named.iter().all(|(known, _)| known != id);
    let all = named.iter().map(|(id, name)| Choice::new(id, name));
    let extra = unnamed.then(|| Choice::new(id, id));
    [Choice::new("", "Any")].into_iter().chain(all).chain(extra).collect()
}

fn filter(query: &Typed) -> Result<HistoryFilter, ApiError> {
    let wrong = |name: &str, detail: &str| {
        ApiError::at(ErrorCode::InvalidParameter, format!("/{name}"), detail)
    };
    let id = |name: &str| wrong(name, "must be an id");
    let instant = |name: &str| {
        let read =
            |text| read_date_time(text).ok_or_else(|| wrong(name, "must be a date and a time"));
        query.given(name).map(read).transpose()
    };
    let status = |name: &str| Status::parse(name).ok_or_else(|| wrong("status", "is none"));
    let trigger = |name: &str| TriggerKind::parse(name).ok_or_else(|| wrong("trigger", "is none"));
    Ok(HistoryFilter {
        deployment: query
            .given("deployment")
            .map(str::parse)
            .transpose()
            .map_err(|_| id("deployment"))?,
        workflow: query
            .given("workflow")
            .map(str::parse)
            .transpose()
            .map_err(|_| id("workflow"))?,
        key: query.given("key_id").map(str::parse).transpose().map_err(|_| id("key_id"))?,
        status: query.given("status").map(status).transpose()?,
        trigger: query.given("trigger").map(trigger).transpose()?,
        from: instant("from")?,
        to: instant("to")?,
    })
}

fn table(
    place: &Place,
    executions: &[Execution],
    names: &BTreeMap<Uuid, String>,
    deployments: &[(String, String)],
) -> Markup {
    let table = Table::new("Executions")
        .text("Accepted")
        .text("Workflow")
        .text("Deployment")
        .text("Status")
        .text("Started by")
        .numbers("Took");
    let row = |table: Table, one: &Execution| {
        let workflow = one.workflow.uuid();
        table.row(vec![
            html! { a href=(place.href(&format!("{PATH}/{}", one.id.uuid()))) { (time(one.created_at)) } },
            html! {
                @if let Some(name) = names.get(&workflow) {
                    a href=(place.href(&format!("/workflows/{workflow}"))) { (name) }
                } @else { span .quiet { "not seen by you, or deleted" } }
            },
            deployment(place, one.trigger, deployments),
            status(one.state.status),
            html! { (started(kind(one.trigger))) },
            took(one),
        ])
    };
    let table = executions.iter().fold(table, row);
    html! { (table) }
}

/// The deployment that was called, by name as far as names are here.
fn deployment(place: &Place, trigger: Trigger, named: &[(String, String)]) -> Markup {
    let called = match trigger {
        Trigger::Call { deployment, .. } => Some(deployment.uuid().to_string()),
        Trigger::Test { .. } | Trigger::Schedule => None,
    };
    let name = called.as_ref().and_then(|id| named.iter().find(|(known, _)| known == id));
    html! {
        @if let Some((id, name)) = name { a href=(place.href(&format!("/deployments/{id}"))) { (name) } }
        @else { span .quiet { "–" } }
    }
}

fn kind(trigger: Trigger) -> TriggerKind {
    match trigger {
        Trigger::Call { .. } => TriggerKind::Call,
        Trigger::Test { .. } => TriggerKind::Test,
        Trigger::Schedule => TriggerKind::Schedule,
    }
}

fn started(kind: TriggerKind) -> &'static str {
    match kind {
        TriggerKind::Call => "Call",
        TriggerKind::Test => "Test run",
        TriggerKind::Schedule => "Schedule",
    }
}

fn words(status: Status) -> (&'static str, Tone) {
    match status {
        Status::Pending => ("Pending", Tone::Neutral),
        Status::Executing => ("Executing", Tone::Busy),
        Status::Completed => ("Completed", Tone::Good),
        Status::Error => ("Error", Tone::Bad),
        Status::Stopped => ("Stopped", Tone::Warning),
    }
}

/// Where an execution stands.
pub(super) fn status(status: Status) -> Markup {
    let (word, tone) = words(status);
    badge(word, tone)
}

fn took(execution: &Execution) -> Markup {
    let span = execution.started_at.zip(execution.finished_at);
    let took = span.map(|(began, ended)| ended.signed_duration_since(began).num_milliseconds());
    html! { @if let Some(took) = took { (duration_ms(took.max(0).unsigned_abs())) } @else { span .quiet { "–" } } }
}
