//! The terms of a deployment, changed all at once.

use access_domain::{DeploymentId, ManageDeployments};
use actix_web::{HttpResponse, get, post, web};
use api_types::Refusal;
use auth_actix::ApiError;
use deployments_domain::{Deployment, Shown, UseCases};
use maud::{Markup, html};

use super::{Open, find, head, name_of, path_of, terms};
use crate::{
    Console,
    layout::{Frame, Section, page},
    pages::{flash, path_id, reading::Reading, refused, see_other, shown},
    parts::{Button, Filled, Flash, Form},
    typed::faults_of,
    viewer::Viewer,
    visitor::{Sender, Visitor},
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(look).service(save);
}

#[get("/{org_id}/deployments/{id}/settings")]
async fn look(
    console: web::Data<Console>,
    visitor: Visitor<ManageDeployments>,
) -> Result<HttpResponse, ApiError> {
    let id: DeploymentId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, query, .. } = visitor;
    let deployment = console.run(move |uc| find(uc, &granted, id)).await?;
    let done =
        flash(&query, &[("saved", "Saved: calls that come from now on are under these terms.")]);
    let filled = terms::filled(&terms::of(&deployment.thing));
    Ok(shown(form(&viewer, &deployment, &filled, done)))
}

#[post("/{org_id}/deployments/{id}/settings")]
async fn save(
    console: web::Data<Console>,
    sender: Sender<ManageDeployments>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id: DeploymentId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let mut reading = Reading::of(&typed);
    let edit = terms::read(&mut reading, &typed);
    let edit = reading.done(edit);
    let change = move |uc: &UseCases| -> Result<_, Refusal> {
        let deployment = find(uc, &granted, id)?;
        let changed = match edit {
            Ok(edit) => {
                let changed = uc.deployments.change(&granted, id, edit);
                changed.map(drop).map_err(|error| Refusal::from(error).into())
            }
            Err(error) => Err(error),
        };
        Ok((deployment, changed))
    };
    let (deployment, changed): (_, Result<(), ApiError>) =
        console.use_cases.run_with_check(change).await?;
    match changed {
        Ok(()) => Ok(see_other(place.href(&format!("{}/settings?done=saved", path_of(id))))),
        Err(error) => {
            let (status, faults) = faults_of(error)?;
            Ok(refused(status, form(&viewer, &deployment, &typed.refused(faults), None)))
        }
    }
}

fn form(
    viewer: &Viewer,
    shown: &Shown<Deployment>,
    filled: &Filled,
    done: Option<Flash<'_>>,
) -> Markup {
    let Some(place) = &viewer.here else { return html! {} };
    let base = place.href(&path_of(shown.thing.id));
    let fields = terms::names().into_iter().chain(terms::terms(filled));
    let form = fields.fold(Form::post(format!("{base}/settings"), &viewer.csrf), Form::field);
    let form = form.button(Button::submit("Save").primary());
    let body = html! {
        (head(place, shown, Open::Settings))
        @if shown.sharing.is_some() {
            (form.render(filled))
            p .buttons { (Button::opens("Delete", format!("{base}/delete")).danger()) }
        }
    };
    let title = format!("Settings · {}", name_of(&shown.thing));
    page(Frame::new(&title).viewer(viewer).section(Section::Deployments).flash(done), body)
}
