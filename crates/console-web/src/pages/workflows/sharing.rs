//! With whom a workflow is shared.

use access_domain::{ManageWorkflows, User};
use actix_web::{HttpResponse, get, post, web};
use api_types::Refusal;
use auth_actix::ApiError;
use deployments_domain::{Shown, UseCases, Workflow, WorkflowId};
use maud::{Markup, html};

use super::{Open, editor, head, path_of};
use crate::{
    Console,
    layout::{Frame, Section, page},
    pages::{flash, path_id, refused, see_other, sharing, shown},
    parts::{Filled, Flash},
    typed::faults_of,
    viewer::Viewer,
    visitor::{Sender, Visitor},
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(look).service(share);
}

#[get("/{org_id}/workflows/{id}/share")]
async fn look(
    console: web::Data<Console>,
    visitor: Visitor<ManageWorkflows>,
) -> Result<HttpResponse, ApiError> {
    let id: WorkflowId = path_id(visitor.request(), "id")?;
    let reads = visitor.reads_members()?;
    let Visitor { granted, viewer, query, .. } = visitor;
    let find = move |uc: &UseCases| -> Result<_, Refusal> {
        let workflow = editor::find(uc, &granted, id)?;
        let shared = uc.sharing.of_workflow(&granted, id)?;
        let offered = sharing::offered(uc, &granted, reads.as_ref(), &shared)?;
        Ok((workflow, shared, offered))
    };
    let (workflow, shared, offered) = console.run(find).await?;
    let done = flash(&query, &[("shared", "Saved: whoever is ticked sees it from now on.")]);
    Ok(shown(form(&viewer, &workflow, &offered, &sharing::stored(&shared), done)))
}

#[post("/{org_id}/workflows/{id}/share")]
async fn share(
    console: web::Data<Console>,
    sender: Sender<ManageWorkflows>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id: WorkflowId = path_id(visitor.request(), "id")?;
    let reads = visitor.reads_members()?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let draft = sharing::draft(&typed);
    let save = move |uc: &UseCases| -> Result<_, Refusal> {
        let workflow = editor::find(uc, &granted, id)?;
        let shared = uc.sharing.of_workflow(&granted, id)?;
        let saved = uc.sharing.share_workflow(&granted, id, &draft).map_err(Refusal::from);
        Ok((workflow, saved, sharing::offered(uc, &granted, reads.as_ref(), &shared)?))
    };
    let (workflow, saved, offered) = console.run(save).await?;
    match saved {
        Ok(_) => Ok(see_other(place.href(&format!("{}/share?done=shared", path_of(id))))),
        Err(refusal) => {
            let (status, faults) = faults_of(refusal.into())?;
            let filled = typed.refused(faults);
            Ok(refused(status, form(&viewer, &workflow, &offered, &filled, None)))
        }
    }
}

fn form(
    viewer: &Viewer,
    workflow: &Shown<Workflow>,
    offered: &[User],
    filled: &Filled,
    done: Option<Flash<'_>>,
) -> Markup {
    let Some(place) = &viewer.here else { return html! {} };
    let here = place.href(&format!("{}/share", path_of(workflow.thing.id)));
    let body = html! {
        (head(place, workflow, Open::Sharing))
        p { "Who it is shared with sees it, tries it out and deploys it. Changing it stays with its owner and administrators." }
        (sharing::form(&here, &viewer.csrf, offered, workflow.thing.created_by, filled))
    };
    let title = format!("Sharing · {}", workflow.thing.name);
    page(Frame::new(&title).viewer(viewer).section(Section::Workflows).flash(done), body)
}
