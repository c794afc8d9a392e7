//! "Deploy as API": a short form, and the first key.

use access_domain::{Granted, ManageDeployments, ManageWorkflows};
use actix_web::{HttpResponse, get, post, web};
use api_types::{EndpointView, Refusal};
use auth_actix::ApiError;
use deployments_domain::{Deployment, DeploymentDraft, DeploymentEdit, UseCases, WorkflowId};
use keys_core::Secret;
use maud::{Markup, html};
use serde_json::Value;

use super::{PATH, name_of, path_of, snippets, terms};
use crate::{
    Console,
    layout::{Frame, Section, page},
    pages::{reading::Reading, refused, shown},
    parts::{
        Button, Choice, Field, Filled, Form, SecretShown, breadcrumbs, code_block, empty, heading,
    },
    typed::{Typed, faults_of},
    viewer::Viewer,
    visitor::{Sender, Visitor},
};

/// Workflows that are offered where none was chosen before.
const MOST_OFFERED: u32 = 200;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(new).service(create);
}

#[get("/{org_id}/deployments/new")]
async fn new(
    console: web::Data<Console>,
    visitor: Visitor<ManageDeployments>,
) -> Result<HttpResponse, ApiError> {
    let reads = visitor.also::<ManageWorkflows>()?;
    let Visitor { viewer, query, .. } = visitor;
    let chosen = chosen(&query);
    let workflows = console.run(move |uc| offered(uc, &reads, chosen)).await?;
    let filled = terms::filled(&DeploymentEdit::defaults());
    let filled = match workflows.as_slice() {
        [only] => filled
            .with("workflow", only.0.uuid().to_string())
            .put("api_name", proposed_name(&only.1)),
        _ => filled,
    };
    Ok(shown(form(&viewer, &workflows, &filled)))
}

#[post("/{org_id}/deployments/new")]
async fn create(
    console: web::Data<Console>,
    sender: Sender<ManageDeployments>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let reads = visitor.also::<ManageWorkflows>()?;
    let origin = console.origin(visitor.request());
    let Visitor { granted, viewer, .. } = visitor;
    let created = async {
        let draft = draft(&typed)?;
        let make = move |uc: &UseCases| -> Result<_, Refusal> {
            let made = uc.deployments.create(&granted, draft)?;
            // The key is made: whatever else fails, it is shown.
            let documented = uc.deployments.documented(&granted, made.deployment.id);
            Ok((made, documented.ok().and_then(|documented| documented.example)))
        };
        console.use_cases.run_with_check(make).await
    };
    match created.await {
        Ok((made, example)) => {
            let page = first_key(&viewer, &made.deployment, made.secret, example, &origin);
            Ok(shown(page))
        }
        Err(error) => {
            let (status, faults) = faults_of(error)?;
            // Whoever could choose may choose again.
            let chosen = chosen(&typed).filter(|_| typed.is_ticked("is_settled"));
            let workflows = console.run(move |uc| offered(uc, &reads, chosen)).await?;
            Ok(refused(status, form(&viewer, &workflows, &typed.refused(faults))))
        }
    }
}

fn chosen(typed: &Typed) -> Option<WorkflowId> {
    typed.text("workflow").parse().ok()
}

/// The workflow that was chosen, or those that may be.
fn offered(
    uc: &UseCases,
    reads: &Granted<ManageWorkflows>,
    chosen: Option<WorkflowId>,
) -> Result<Vec<Named>, Refusal> {
    if let Some(id) = chosen {
        return Ok(vec![(id, uc.workflows.get(reads, id)?.name)]);
    }
    Ok(uc.workflows.names(reads, None, MOST_OFFERED)?)
}

type Named = (WorkflowId, String);

fn draft(typed: &Typed) -> Result<DeploymentDraft, ApiError> {
    let mut reading = Reading::of(typed);
    let terms = terms::read(&mut reading, typed);
    let Some(workflow) = chosen(typed) else {
        return Err(ApiError::at(
            api_types::ErrorCode::InvalidValue,
            "/workflow",
            "choose the workflow that is deployed",
        ));
    };
    let api_name = typed.text("api_name").to_owned();
    reading.done(DeploymentDraft { workflow, api_name, terms })
}

/// A name for programs out of one for people.
fn proposed_name(name: &str) -> String {
    let mut proposed = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            proposed.push(c.to_ascii_lowercase());
        } else if !proposed.is_empty() && !proposed.ends_with('-') {
            proposed.push('-');
        }
    }
    proposed.truncate(30);
    let proposed = proposed.trim_end_matches('-');
    if proposed.is_empty() { "api".into() } else { proposed.into() }
}

fn form(viewer: &Viewer, workflows: &[Named], filled: &Filled) -> Markup {
    let Some(place) = &viewer.here else { return html! {} };
    let back = place.href(PATH);
    let form = Form::post(format!("{back}/new"), &viewer.csrf);
    let form = match workflows {
        [(id, name)] => form
            .markup(html! { p { "The workflow " strong { (name) } " gets an address of its own, and a first key." } })
            .hidden("workflow", &id.uuid().to_string())
            .hidden("is_settled", "true"),
        many => {
            let choice = |(id, name): &Named| Choice::new(id.uuid().to_string(), name.as_str());
            form.field(Field::select("workflow", "Workflow", many.iter().map(choice).collect()))
        }
    };
    let mut names = terms::names().into_iter();
    let form = names.by_ref().take(1).fold(form, Form::field);
    let form = form
        .fold("More settings", names.chain(terms::terms(filled)).collect())
        .button(Button::submit("Deploy as API").primary())
        .back(back.clone())
        .reveals();
    let body = html! {
        (breadcrumbs(&[("API Deployments", back)], "New"))
        (heading("Deploy as API", html! {}))
        @if workflows.is_empty() {
            (empty(
                "There is no workflow to deploy yet",
                "A deployment runs a workflow. Create one first: its page has the button “Deploy as API”.",
                Some(Button::link("Create Workflow", place.href("/workflows/new")).primary()),
            ))
        } @else { (form.render(filled)) }
    };
    page(Frame::new("Deploy as API").viewer(viewer).section(Section::Deployments), body)
}

fn first_key(
    viewer: &Viewer,
    deployment: &Deployment,
    secret: Secret,
    example: Option<Value>,
    origin: &str,
) -> Markup {
    let Some(place) = &viewer.here else { return html! {} };
    let done = format!("{}?done=created", place.href(&path_of(deployment.id)));
    let endpoint = EndpointView::at(origin, deployment.id).execute;
    let secret = secret.reveal_once();
    let body = snippets::body(&example.unwrap_or(Value::Null));
    let title = format!("“{}” is deployed", name_of(deployment));
    let panel = SecretShown {
        title: &title,
        what: "the key",
        secret: &secret,
        text: "A lost key is not found again, but others are made under “Manage Keys”.",
        next: html! {
            p { "This is its first key. Paste this into a terminal to call it:" }
            (code_block("curl", &snippets::curl(&endpoint, &body, &secret)))
        },
        done: &done,
    };
    page(Frame::new("Deployed").viewer(viewer).section(Section::Deployments), panel.render())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_for_programs_is_proposed() {
        for (name, proposed) in [
            ("Invoice totals (v2)", "invoice-totals-v2"),
            ("  Ünïcode  ", "n-code"),
            ("日本", "api"),
            ("a_b", "a_b"),
            ("A workflow whose name is longer than that", "a-workflow-whose-name-is-longe"),
        ] {
            assert_eq!(proposed_name(name), proposed);
        }
    }
}
