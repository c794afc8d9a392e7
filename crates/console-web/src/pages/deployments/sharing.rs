//! With whom a deployment is shared.

use access_domain::{DeploymentId, ManageDeployments, User};
use actix_web::{HttpResponse, get, post, web};
use api_types::Refusal;
use auth_actix::ApiError;
use deployments_domain::{Deployment, Shown, UseCases};
use maud::{Markup, html};

use super::{Open, find, head, name_of, path_of};
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

#[get("/{org_id}/deployments/{id}/share")]
async fn look(
    console: web::Data<Console>,
    visitor: Visitor<ManageDeployments>,
) -> Result<HttpResponse, ApiError> {
    let id: DeploymentId = path_id(visitor.request(), "id")?;
    let reads = visitor.reads_members()?;
    let Visitor { granted, viewer, query, .. } = visitor;
    let load = move |uc: &UseCases| -> Result<_, Refusal> {
        let deployment = find(uc, &granted, id)?;
        let shared = uc.sharing.of_deployment(&granted, id)?;
        let offered = sharing::offered(uc, &granted, reads.as_ref(), &shared)?;
        Ok((deployment, shared, offered))
    };
    let (deployment, shared, offered) = console.run(load).await?;
    let done = flash(&query, &[("shared", "Saved: whoever is ticked sees it from now on.")]);
    Ok(shown(form(&viewer, &deployment, &offered, &sharing::stored(&shared), done)))
}

#[post("/{org_id}/deployments/{id}/share")]
async fn share(
    console: web::Data<Console>,
    sender: Sender<ManageDeployments>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id: DeploymentId = path_id(visitor.request(), "id")?;
    let reads = visitor.reads_members()?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let draft = sharing::draft(&typed);
    let save = move |uc: &UseCases| -> Result<_, Refusal> {
        let deployment = find(uc, &granted, id)?;
        let shared = uc.sharing.of_deployment(&granted, id)?;
        let saved = uc.sharing.share_deployment(&granted, id, &draft).map_err(Refusal::from);
        Ok((deployment, saved, sharing::offered(uc, &granted, reads.as_ref(), &shared)?))
    };
    let (deployment, saved, offered) = console.run(save).await?;
    match saved {
        Ok(_) => Ok(see_other(place.href(&format!("{}/share?done=shared", path_of(id))))),
        Err(refusal) => {
            let (status, faults) = faults_of(refusal.into())?;
            let filled = typed.refused(faults);
            Ok(refused(status, form(&viewer, &deployment, &offered, &filled, None)))
        }
    }
}

fn form(
    viewer: &Viewer,
    shown: &Shown<Deployment>,
    offered: &[User],
    filled: &Filled,
    done: Option<Flash<'_>>,
) -> Markup {
    let Some(place) = &viewer.here else { return html! {} };
    let here = place.href(&format!("{}/share", path_of(shown.thing.id)));
    let body = html! {
        (head(place, shown, Open::Sharing))
        p { "Whoever it is shared with sees it and how it is called. Changing it and handing out its keys stays with its owner and administrators." }
        (sharing::form(&here, &viewer.csrf, offered, shown.thing.created_by, filled))
    };
    let title = format!("Sharing · {}", name_of(&shown.thing));
    page(Frame::new(&title).viewer(viewer).section(Section::Deployments).flash(done), body)
}
