//! A deployment at a glance: where it is called and how, what it does, what ran last.

use std::time::Duration;

use access_domain::{
    DeploymentId, Granted, ManageDeployments, ManageWorkflows, PageRequest, ReadUsage,
};
use actix_web::{HttpResponse, get, rt::time::timeout, web};
use api_types::{EndpointView, Refusal};
use auth_actix::ApiError;
use deployments_domain::{Deployment, Execution, HistoryFilter, Shown, UsageBucket, UseCases};
use maud::{Markup, html};
use serde_json::Value;

use super::{Open, find, head, key_of, name_of, path_of, snippets};
use crate::{
    Console,
    layout::{Frame, Section, page},
    pages::{executions, flash, path_id, shown},
    parts::{
        Button, Table, Tone, copyable, count, definitions, notice, percent,
        snippets as shown_snippets, time,
    },
    viewer::{Place, Viewer},
    visitor::Visitor,
};

/// Of its executions, so many are shown.
const LAST: u32 = 5;
/// The page does without an example rather than wait longer for the check of one.
const EXAMPLE_WITHIN: Duration = Duration::from_secs(2);

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(look);
}

/// All that the page tells.
struct Overview {
    /// An input that its schema lets pass, where one was found in time.
    example: Option<Value>,
    shown: Shown<Deployment>,
    workflow: Option<String>,
    usage: Option<UsageBucket>,
    last: Vec<Execution>,
    endpoint: EndpointView,
}

#[get("/{org_id}/deployments/{id}")]
async fn look(
    console: web::Data<Console>,
    visitor: Visitor<ManageDeployments>,
) -> Result<HttpResponse, ApiError> {
    let id: DeploymentId = path_id(visitor.request(), "id")?;
    let endpoint = super::endpoints(&console, visitor.request(), id);
    let (counts, runs) = (visitor.also::<ReadUsage>()?, visitor.also::<ManageWorkflows>()?);
    let documents = visitor.also::<ManageDeployments>()?;
    let Visitor { granted, viewer, query, .. } = visitor;
    let load = move |uc: &UseCases| -> Result<Overview, Refusal> {
        let shown = find(uc, &granted, id)?;
        // Whoever sees a deployment need not see its workflow.
        let workflow = uc.workflows.get(&runs, shown.thing.workflow).ok();
        let filter = HistoryFilter { deployment: Some(id), ..HistoryFilter::default() };
        let last = PageRequest { after: None, limit: LAST };
        Ok(Overview {
            example: None,
            shown,
            workflow: workflow.map(|workflow| workflow.name),
            usage: uc.usage.of_deployments(&counts, &[id])?.remove(&id),
            last: uc.history.list(&runs, &filter, last)?.items,
            endpoint,
        })
    };
    let mut overview = console.run(load).await?;
    overview.example = example(&console, documents, &overview.shown.thing).await;
    let done = flash(
        &query,
        &[
            ("created", "It is deployed, and has a first key."),
            ("activated", "It is active: its keys open it."),
            ("deactivated", "It is inactive: its keys open nothing until it is activated again."),
        ],
    );
    let frame = Frame::new(name_of(&overview.shown.thing)).viewer(&viewer);
    let body = body(&viewer, &overview);
    Ok(shown(page(frame.section(Section::Deployments).flash(done), body)))
}

/// An input for `deployment`. Its check may be long in coming, or fail: then there is none, and the rest of the page is there, with
/// the way to switch the deployment off.
async fn example(
    console: &Console,
    granted: Granted<ManageDeployments>,
    deployment: &Deployment,
) -> Option<Value> {
    let (id, has_schema) = (deployment.id, deployment.input_schema.is_some());
    let find = move |uc: &UseCases| uc.deployments.documented(&granted, id);
    let documented = if has_schema {
        timeout(EXAMPLE_WITHIN, console.use_cases.run_with_check(find)).await.ok()?
    } else {
        console.run(find).await
    };
    documented.ok()?.example
}

fn body(viewer: &Viewer, overview: &Overview) -> Markup {
    let Some(place) = &viewer.here else { return html! {} };
    let deployment = &overview.shown.thing;
    let docs = format!("/deployment/{}/docs/", deployment.id.uuid());
    html! {
        (head(place, &overview.shown, Open::Overview))
        @if !deployment.description.is_empty() { p { (deployment.description) } }
        @if !deployment.is_active {
            (notice(Tone::Warning, html! { p { "It is inactive: whoever calls it is told so, whatever their key." } }))
        }
        (figures(place, overview))
        section .card aria-labelledby="call" {
            h2 #call { "Call it" }
            (addresses(place, overview))
            @if let Some(example) = &overview.example {
                p { "Put a key of this deployment where it says " code { (snippets::KEY_PLACE) } "." }
                (shown_snippets(&snippets::all(&overview.endpoint.execute, example)))
            } @else {
                p .quiet { "There is no example now of an input that its schema lets pass: its documentation tells what it takes." }
            }
            p .buttons { (Button::link("Documentation", docs)) }
        }
        (last(place, overview))
        @if overview.shown.sharing.is_some() { (switches(viewer, place, deployment)) }
    }
}

fn figures(place: &Place, overview: &Overview) -> Markup {
    let none = UsageBucket::default();
    let usage = overview.usage.as_ref().unwrap_or(&none);
    let (requests, deployment) = (usage.requests(), &overview.shown.thing);
    html! {
        div .figures-row {
            div .figure { strong { (count(requests)) } span { "requests in 24 hours" } }
            div .figure {
                strong { @if requests == 0 { "–" } @else { (percent(usage.error_rate())) } }
                span { "of them failed" }
            }
            div .figure { strong { (count(usage.rejected())) } span { "refused" } }
            div .figure {
                strong { @if let Some(limit) = deployment.rate_limit { (count(limit.calls().into())) } @else { "∞" } }
                span { "requests a minute at most" }
            }
        }
        p { a href=(place.href(&format!("/usage?deployment={}", deployment.id.uuid()))) { "Usage of this deployment" } }
    }
}

fn addresses(place: &Place, overview: &Overview) -> Markup {
    let (deployment, endpoint) = (&overview.shown.thing, &overview.endpoint);
    let id = deployment.id.uuid().to_string();
    let origin = endpoint.execute.split("/deployment/").next().unwrap_or_default();
    let by_name = format!("{origin}/deployment/api/{}/{}/", place.slug, deployment.api_name);
    let workflow = place.href(&format!("/workflows/{}", deployment.workflow.uuid()));
    definitions(vec![
        (
            "Workflow",
            html! {
                @if let Some(name) = &overview.workflow { a href=(workflow) { (name) } }
                @else { span .quiet { "is not shared with you" } }
            },
        ),
        ("Endpoint", copyable(&endpoint.execute, "the endpoint")),
        ("Status", copyable(&endpoint.status, "the address of the status")),
        ("Result", copyable(&endpoint.result, "the address of the result")),
        ("Unstract client", copyable(&by_name, "the address for the Unstract client")),
        ("Id", copyable(&id, "the id")),
    ])
}

fn last(place: &Place, overview: &Overview) -> Markup {
    let (deployment, last) = (&overview.shown.thing, &overview.last);
    let may_manage = overview.shown.sharing.is_some();
    let table = Table::new("Last executions").text("Accepted").text("Status").text("Key");
    let row = |table: Table, one: &Execution| {
        table.row(vec![
            html! { a href=(place.href(&format!("/executions/{}", one.id.uuid()))) { (time(one.created_at)) } },
            executions::status(one.state.status),
            key_of(place, one, may_manage),
        ])
    };
    html! {
        section .stack aria-labelledby="last" {
            h2 #last { "Last executions" }
            @if last.is_empty() { p .quiet { "Nobody has called it yet." } }
            @else {
                (last.iter().fold(table, row))
                p { a href=(place.href(&format!("/executions?deployment={}", deployment.id.uuid()))) { "All of them" } }
            }
        }
    }
}

fn switches(viewer: &Viewer, place: &Place, deployment: &Deployment) -> Markup {
    let base = place.href(&path_of(deployment.id));
    html! {
        p .buttons {
            @if deployment.is_active {
                (Button::opens("Deactivate", format!("{base}/deactivate")).danger())
            } @else {
                (Button::post("Activate", format!("{base}/activate"), &viewer.csrf).primary())
            }
            (Button::opens("Delete", format!("{base}/delete")).danger())
        }
    }
}
