//! One execution.

use access_domain::{Granted, ManageDeployments, ManageWorkflows};
use actix_web::{HttpResponse, get, post, web};
use api_types::Refusal;
use auth_actix::ApiError;
use deployments_domain::{ExecutionId, RunDetail, Trigger, UseCases};
use maud::{Markup, html};

use super::{
    PATH, kind, run,
    run::{pretty, wanted},
    started,
};
use crate::{
    Console,
    layout::{Frame, Section, page},
    pages::{deployments::key_of, flash, path_id, refused, see_other, shown},
    parts::{Button, Filled, Question, breadcrumbs, code_block, definitions, heading},
    typed::faults_of,
    viewer::{Place, Viewer},
    visitor::{Sender, Visitor},
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(look).service(ask_to_cancel).service(cancel);
}

#[get("/{org_id}/executions/{id}")]
async fn look(
    console: web::Data<Console>,
    visitor: Visitor<ManageWorkflows>,
) -> Result<HttpResponse, ApiError> {
    let id: ExecutionId = path_id(visitor.request(), "id")?;
    let deployments = visitor.also::<ManageDeployments>()?;
    let Visitor { granted, viewer, place, query, .. } = visitor;
    let (detail, of) = console.run(move |uc| find(uc, &granted, &deployments, id)).await?;
    let here = place.href(&format!("{PATH}/{}", id.uuid()));
    let title = "Execution";
    let body = html! {
        (breadcrumbs(&[("Executions", place.href(PATH))], &id.uuid().to_string()))
        (heading(title, html! {}))
        (definitions(of.facts(&place, &detail)))
        (run(&place, &detail, &here))
        @if let Some(input) = &detail.input {
            details { summary { "Input" } (code_block("Input", &pretty(input))) }
        }
        @if let Some(parameters) = detail.parameters.clone().filter(|parameters| !parameters.is_empty()) {
            details { summary { "Parameters" } (code_block("Parameters", &pretty(&parameters.into()))) }
        }
    };
    let done = flash(&query, &[("cancelled", "The execution is stopped.")]);
    let frame = Frame::new(title).viewer(&viewer).section(Section::Executions).flash(done);
    Ok(shown(page(frame, body)))
}

#[get("/{org_id}/executions/{id}/cancel")]
async fn ask_to_cancel(visitor: Visitor<ManageWorkflows>) -> Result<HttpResponse, ApiError> {
    let id: ExecutionId = path_id(visitor.request(), "id")?;
    Ok(shown(cancellation(&visitor.viewer, &visitor.place, id, &Filled::blank())))
}

#[post("/{org_id}/executions/{id}/cancel")]
async fn cancel(
    console: web::Data<Console>,
    sender: Sender<ManageWorkflows>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id: ExecutionId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, place, .. } = visitor;
    match console.run(move |uc| uc.history.cancel(&granted, id)).await {
        Ok(_) => Ok(see_other(place.href(&format!("{PATH}/{}?done=cancelled", id.uuid())))),
        Err(error) => {
            let (status, faults) = faults_of(error)?;
            Ok(refused(status, cancellation(&viewer, &place, id, &typed.refused(faults))))
        }
    }
}

/// What an execution is one of, by name, as far as that is there still.
struct Of {
    workflow: Option<String>,
    deployment: Option<String>,
}

impl Of {
    fn facts(self, place: &Place, detail: &RunDetail) -> Vec<(&'static str, Markup)> {
        let execution = &detail.execution;
        let workflow = html! {
            @if let Some(name) = self.workflow {
                a href=(place.href(&format!("/workflows/{}", execution.workflow.uuid()))) { (name) }
            } @else { span .quiet { "not seen by you, or deleted" } }
        };
        let mut facts = vec![
            ("Workflow", workflow),
            ("Started by", html! { (started(kind(execution.trigger))) }),
        ];
        if let Trigger::Call { deployment, .. } = execution.trigger {
            let sees_it = self.deployment.is_some();
            let href = place.href(&format!("/deployments/{}", deployment.uuid()));
            facts.push((
                "Deployment",
                html! {
                    @if let Some(name) = self.deployment { a href=(href) { (name) } }
                    @else { span .quiet { "not seen by you, or deleted" } }
                },
            ));
            facts.push(("Key", key_of(place, execution, sees_it)));
        }
        facts
    }
}

fn find(
    uc: &UseCases,
    granted: &Granted<ManageWorkflows>,
    deployments: &Granted<ManageDeployments>,
    id: ExecutionId,
) -> Result<(RunDetail, Of), Refusal> {
    let execution = uc.history.status(granted, id)?;
    let detail = uc.history.look_into(granted, id, wanted(&execution, false))?;
    let workflow = uc.workflows.get(granted, detail.execution.workflow).map(|one| one.name).ok();
    let deployment = match detail.execution.trigger {
        Trigger::Call { deployment, .. } => {
            uc.deployments.get(deployments, deployment).map(|one| one.api_name).ok()
        }
        Trigger::Test { .. } | Trigger::Schedule => None,
    };
    Ok((detail, Of { workflow, deployment }))
}

fn cancellation(viewer: &Viewer, place: &Place, id: ExecutionId, filled: &Filled) -> Markup {
    let here = place.href(&format!("{PATH}/{}", id.uuid()));
    let question = Question {
        title: "Cancel this execution?".into(),
        action: format!("{here}/cancel"),
        csrf: viewer.csrf.clone(),
        back: here,
        button: Button::submit("Stop it").danger(),
        breaks: "It is stopped in the middle of its steps, and has no result. What its steps have done elsewhere stays done.".into(),
        fields: Vec::new(),
        reveals: false,
    };
    let frame = Frame::new("Cancel an execution").viewer(viewer).section(Section::Executions);
    page(frame, question.render(filled))
}
