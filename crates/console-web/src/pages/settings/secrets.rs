//! Secrets of the organization: set here, used by workflows, read by nobody.

use access_domain::{ManageSecrets, OrganizationSecret, ReadOrganization, SecretName};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use api_types::Refusal;
use auth_actix::ApiError;
use deployments_domain::UseCases;
use keys_core::Secret;
use maud::{Markup, html};

use super::framed;
use crate::{
    Console,
    layout::SettingsTab,
    pages::{flash, refused, see_other, shown},
    parts::{
        Button, Field, Filled, Flash, Form, Question, Table, code_block, empty, heading, panel,
        time,
    },
    typed::{Typed, faults_of},
    viewer::{Place, Viewer},
    visitor::{Sender, Visitor},
};

const PATH: &str = "/settings/secrets";
const TAB: SettingsTab = SettingsTab::Secrets;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(list)
        .service(set)
        .service(ask_for_value)
        .service(replace)
        .service(ask_to_delete)
        .service(delete);
}

#[get("/{org_id}/settings/secrets")]
async fn list(
    console: web::Data<Console>,
    visitor: Visitor<ManageSecrets>,
) -> Result<HttpResponse, ApiError> {
    let reads = visitor.also::<ReadOrganization>()?;
    let Visitor { viewer, place, query, .. } = visitor;
    let secrets = console.run(move |uc| uc.secrets.list(&reads)).await?;
    let done =
        flash(&query, &[("set", "The secret is set."), ("deleted", "The secret is deleted.")]);
    Ok(shown(all(&viewer, &place, &secrets, &Filled::blank(), done)))
}

#[post("/{org_id}/settings/secrets")]
async fn set(
    console: web::Data<Console>,
    sender: Sender<ManageSecrets>,
) -> Result<HttpResponse, ApiError> {
    let reads = sender.visitor.also::<ReadOrganization>()?;
    let Sender { visitor: Visitor { granted, viewer, place, .. }, typed } = sender;
    let (name, value) = (typed.text("name").to_owned(), value(&typed));
    let put = move |uc: &UseCases| -> Result<_, Refusal> {
        match uc.secrets.set(&granted, &name, &value) {
            Ok(_) => Ok(None),
            Err(error) => Ok(Some((Refusal::from(error), uc.secrets.list(&reads)?))),
        }
    };
    match console.run(put).await? {
        None => Ok(see_other(place.href(&format!("{PATH}?done=set")))),
        Some((refusal, secrets)) => {
            let (status, faults) = faults_of(refusal.into())?;
            let filled = typed.refused(faults);
            Ok(refused(status, all(&viewer, &place, &secrets, &filled, None)))
        }
    }
}

#[get("/{org_id}/settings/secrets/{name}/replace")]
async fn ask_for_value(visitor: Visitor<ManageSecrets>) -> Result<HttpResponse, ApiError> {
    let name = name_in_path(visitor.request())?;
    Ok(shown(replacement(&visitor.viewer, &visitor.place, &name, &Filled::blank())))
}

#[post("/{org_id}/settings/secrets/{name}/replace")]
async fn replace(
    console: web::Data<Console>,
    sender: Sender<ManageSecrets>,
) -> Result<HttpResponse, ApiError> {
    let name = name_in_path(sender.visitor.request())?;
    let Sender { visitor: Visitor { granted, viewer, place, .. }, typed } = sender;
    let (named, value) = (name.clone(), value(&typed));
    match console.run(move |uc| uc.secrets.set(&granted, &named, &value)).await {
        Ok(_) => Ok(see_other(place.href(&format!("{PATH}?done=set")))),
        Err(error) => {
            let (status, faults) = faults_of(error)?;
            Ok(refused(status, replacement(&viewer, &place, &name, &typed.refused(faults))))
        }
    }
}

#[get("/{org_id}/settings/secrets/{name}/delete")]
async fn ask_to_delete(visitor: Visitor<ManageSecrets>) -> Result<HttpResponse, ApiError> {
    let name = name_in_path(visitor.request())?;
    let Visitor { viewer, place, .. } = visitor;
    let question = Question {
        title: format!("Delete the secret {name}?"),
        action: place.href(&format!("{PATH}/{name}/delete")),
        csrf: viewer.csrf.clone(),
        back: place.href(PATH),
        button: Button::submit("Delete").danger(),
        breaks: format!(
            "Its value is gone for good. Steps of workflows that name {{{{ secrets.{name} }}}} fail from now on, and so do the \
             deployments that run them."
        ),
        fields: Vec::new(),
        reveals: false,
    };
    Ok(shown(framed(&viewer, "Delete a secret", TAB, None, question.render(&Filled::blank()))))
}

#[post("/{org_id}/settings/secrets/{name}/delete")]
async fn delete(
    console: web::Data<Console>,
    sender: Sender<ManageSecrets>,
) -> Result<HttpResponse, ApiError> {
    let name = name_in_path(sender.visitor.request())?;
    let Visitor { granted, place, .. } = sender.visitor;
    console.run(move |uc| uc.secrets.delete(&granted, &name)).await?;
    Ok(see_other(place.href(&format!("{PATH}?done=deleted"))))
}

/// What can be no name is not shown on a page either.
fn name_in_path(request: &HttpRequest) -> Result<String, ApiError> {
    let name = request.match_info().get("name").and_then(SecretName::parse);
    Ok(name.ok_or_else(ApiError::not_found)?.as_str().to_owned())
}

/// As it was typed: blanks belong to it.
fn value(typed: &Typed) -> Secret {
    Secret::new(typed.raw("value").to_owned())
}

fn value_field() -> Field {
    Field::password("value", "Value").hint("One line, up to 64 KiB. Nobody sees it again, you neither. Longer ones, as keys in PEM, are set by the API.").required()
}

fn all(
    viewer: &Viewer,
    place: &Place,
    secrets: &[OrganizationSecret],
    filled: &Filled,
    done: Option<Flash<'_>>,
) -> Markup {
    let form = Form::post(place.href(PATH), &viewer.csrf)
        .field(
            Field::text("name", "Name")
                .hint("Capital letters, digits and underscores, as PAYMENT_TOKEN. A name that is there gets a new value.")
                .required(),
        )
        .field(value_field())
        .button(Button::submit("Set secret").primary());
    let body = html! {
        (heading("Secrets", html! {}))
        p {
            "What steps of workflows need to know, and nobody else: tokens of other services, passwords of databases. A step names a "
            "secret, and its value goes where the step sends it; results and logs never show it."
        }
        (code_block("In a step", r#""headers": { "Authorization": "Bearer {{ secrets.PAYMENT_TOKEN }}" }"#))
        @if secrets.is_empty() {
            (empty("No secrets yet", "Set the first one below, then name it in a step of a workflow.", None))
        } @else { (table(place, secrets)) }
        h2 { "Set a secret" }
        (form.render(filled))
    };
    framed(viewer, "Secrets", TAB, done, body)
}

fn table(place: &Place, secrets: &[OrganizationSecret]) -> Markup {
    let table = Table::new("Secrets").text("Name").text("Set").text("By").buttons();
    let table = secrets.iter().fold(table, |table, secret| {
        let name = secret.name.as_str();
        let at = |deed: &str| place.href(&format!("{PATH}/{name}/{deed}"));
        table.row(vec![
            html! { code { (name) } },
            time(secret.set_at),
            html! { (secret.set_by_name) },
            html! {
                (Button::opens("Replace", at("replace")).about(name))
                (Button::opens("Delete", at("delete")).danger().about(name))
            },
        ])
    });
    html! { (table) }
}

fn replacement(viewer: &Viewer, place: &Place, name: &str, filled: &Filled) -> Markup {
    let form = Form::post(place.href(&format!("{PATH}/{name}/replace")), &viewer.csrf)
        .text("Executions that begin from now on use the new value.")
        .field(value_field())
        .button(Button::submit("Replace").primary())
        .back(place.href(PATH));
    let title = format!("Replace the value of {name}");
    framed(viewer, "Replace a secret", TAB, None, panel(&title, form.render(filled)))
}
