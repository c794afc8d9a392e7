//! A deployment is switched on, switched off, or deleted; before the latter two it is said what breaks.

use access_domain::{DeploymentId, Granted, ManageDeployments, ReadUsage};
use actix_web::{HttpResponse, get, post, web};
use api_types::Refusal;
use auth_actix::ApiError;
use deployments_domain::{Deployment, DeploymentEdit, UseCases};
use maud::Markup;

use super::{PATH, name_of, path_of, requests, used_sentence};
use crate::{
    Console,
    layout::{Frame, Section, page},
    pages::{path_id, see_other, shown},
    parts::{Button, Filled, Question},
    viewer::{Place, Viewer},
    visitor::{Sender, Visitor},
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(activate)
        .service(ask_to_deactivate)
        .service(deactivate)
        .service(ask_to_delete)
        .service(delete);
}

#[post("/{org_id}/deployments/{id}/activate")]
async fn activate(
    console: web::Data<Console>,
    sender: Sender<ManageDeployments>,
) -> Result<HttpResponse, ApiError> {
    switch(&console, sender.visitor, true).await
}

#[get("/{org_id}/deployments/{id}/deactivate")]
async fn ask_to_deactivate(
    console: web::Data<Console>,
    visitor: Visitor<ManageDeployments>,
) -> Result<HttpResponse, ApiError> {
    let (viewer, place, deployment, used) = judged(&console, visitor).await?;
    let breaks = format!(
        "Calls are refused until it is activated again, with every one of its keys. {}",
        used_sentence(used)
    );
    Ok(shown(question(&viewer, &place, &deployment, "deactivate", "Deactivate", breaks)))
}

#[post("/{org_id}/deployments/{id}/deactivate")]
async fn deactivate(
    console: web::Data<Console>,
    sender: Sender<ManageDeployments>,
) -> Result<HttpResponse, ApiError> {
    switch(&console, sender.visitor, false).await
}

#[get("/{org_id}/deployments/{id}/delete")]
async fn ask_to_delete(
    console: web::Data<Console>,
    visitor: Visitor<ManageDeployments>,
) -> Result<HttpResponse, ApiError> {
    let (viewer, place, deployment, used) = judged(&console, visitor).await?;
    let breaks = format!(
        "Its address and all of its keys open nothing any more, for good. {} Executions that were accepted go on, and their \
         records stay; the workflow stays as it is.",
        used_sentence(used)
    );
    Ok(shown(question(&viewer, &place, &deployment, "delete", "Delete", breaks)))
}

#[post("/{org_id}/deployments/{id}/delete")]
async fn delete(
    console: web::Data<Console>,
    sender: Sender<ManageDeployments>,
) -> Result<HttpResponse, ApiError> {
    let id = deployment_id(&sender.visitor)?;
    let Visitor { granted, place, .. } = sender.visitor;
    console.run(move |uc| uc.deployments.delete(&granted, id)).await?;
    Ok(see_other(place.href(&format!("{PATH}?done=deleted"))))
}

fn deployment_id(visitor: &Visitor<ManageDeployments>) -> Result<DeploymentId, ApiError> {
    path_id(visitor.request(), "id")
}

async fn switch(
    console: &Console,
    visitor: Visitor<ManageDeployments>,
    is_active: bool,
) -> Result<HttpResponse, ApiError> {
    let id = deployment_id(&visitor)?;
    let Visitor { granted, place, .. } = visitor;
    let edit = DeploymentEdit { is_active: Some(is_active), ..DeploymentEdit::default() };
    console.use_cases.run_with_check(move |uc| uc.deployments.change(&granted, id, edit)).await?;
    let done = if is_active { "activated" } else { "deactivated" };
    Ok(see_other(place.href(&format!("{}?done={done}", path_of(id)))))
}

/// What a question is about, and how often it was called in the last day. Asked of whoever may do it alone.
async fn judged(
    console: &Console,
    visitor: Visitor<ManageDeployments>,
) -> Result<(Viewer, Place, Deployment, u64), ApiError> {
    let id = deployment_id(&visitor)?;
    let counts: Granted<ReadUsage> = visitor.also()?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let find = move |uc: &UseCases| -> Result<_, Refusal> {
        let deployment = uc.deployments.get(&granted, id)?;
        Ok((deployment, requests(uc, &counts, id)?))
    };
    let (deployment, used) = console.run(find).await?;
    Ok((viewer, place, deployment, used))
}

fn question(
    viewer: &Viewer,
    place: &Place,
    deployment: &Deployment,
    deed: &str,
    button: &str,
    breaks: String,
) -> Markup {
    let base = place.href(&path_of(deployment.id));
    let question = Question {
        title: format!("{button} “{}”?", name_of(deployment)),
        action: format!("{base}/{deed}"),
        csrf: viewer.csrf.clone(),
        back: base,
        button: Button::submit(button).danger(),
        breaks,
        fields: Vec::new(),
        reveals: false,
    };
    let frame = Frame::new(button).viewer(viewer).section(Section::Deployments);
    page(frame, question.render(&Filled::blank()))
}
