//! A key for each deployment, made with one click: the way in for those who look for keys among the settings.

use access_domain::{DeploymentId, KeyDesk, KeyDraft, ListFilter, ManageDeployments};
use actix_web::{HttpResponse, get, post, web};
use api_types::Refusal;
use auth_actix::ApiError;
use deployments_domain::{Deployment, Owned as _, Shown, UseCases};
use maud::{Markup, html};

use super::framed;
use crate::{
    Console,
    layout::SettingsTab,
    pages::{path_id, shown},
    parts::{Button, Field, FilterBar, SecretShown, Table, Tone, badge, empty, heading, pager},
    viewer::{Place, Viewer},
    visitor::{Sender, Visitor},
};

const PATH: &str = "/settings/api-keys";
const TAB: SettingsTab = SettingsTab::ApiKeys;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(list).service(generate);
}

#[get("/{org_id}/settings/api-keys")]
async fn list(
    console: web::Data<Console>,
    visitor: Visitor<ManageDeployments>,
) -> Result<HttpResponse, ApiError> {
    let Visitor { granted, viewer, place, query, .. } = visitor;
    let (wanted, search) = (query.page()?, query.text("search").to_owned());
    let filter = ListFilter { search: query.search()?, created_by: None };
    let cursor = query.given("cursor").map(str::to_owned);
    let actor = granted.who().actor();
    let list_them = move |uc: &UseCases| {
        let page = uc.deployments.list(&granted, &filter, wanted)?;
        uc.sharing.show_page(&granted, page)
    };
    let found = console.run(list_them).await?;
    let path = place.href(PATH);
    let next = found.next.map(|next| next.to_string());
    let workflows = Button::link("Go to Workflows", place.href("/workflows")).primary();
    let body = html! {
        (heading("API Keys", html! {}))
        p {
            "Each deployed API has keys of its own, as many as you like: one for each client is best. "
            @if place.is_admin() {
                "Keys for the whole organization are " a href=(place.href("/api-keys")) { "API Keys" }
                " in the menu, and " a href=(place.href("/settings/platform")) { "platform keys" } "."
            }
        }
        @if found.items.is_empty() && search.is_empty() && cursor.is_none() {
            (empty(
                "Nothing is deployed yet",
                "A key opens a deployed workflow. Create a workflow, choose “Deploy as API”, and its first key is made with it.",
                Some(workflows),
            ))
        } @else {
            (FilterBar::new(&path).field(Field::search("search", "Name")).render(&query.filled()))
            @if found.items.is_empty() { p { "No deployment's name has that in it." } }
            @else { (table(&viewer, &place, &found.items, actor)) }
            (pager(&path, &[("search", &search)], cursor.as_deref(), next.as_deref()))
        }
    };
    Ok(shown(framed(&viewer, "API Keys", TAB, None, body)))
}

#[post("/{org_id}/settings/api-keys/{id}/generate")]
async fn generate(
    console: web::Data<Console>,
    sender: Sender<ManageDeployments>,
) -> Result<HttpResponse, ApiError> {
    let id: DeploymentId = path_id(sender.visitor.request(), "id")?;
    let again = sender.visitor.also::<ManageDeployments>()?;
    let Visitor { granted, viewer, place, .. } = sender.visitor;
    let make = move |uc: &UseCases| -> Result<_, Refusal> {
        let deployment = uc.deployments.get(&granted, id)?;
        let desk = KeyDesk::of_deployment(again, id);
        let draft = KeyDraft { description: "Made in the settings".into(), ..KeyDraft::default() };
        let (_, secret) = uc.keys.create(&desk, &draft)?;
        Ok((deployment, secret))
    };
    let (deployment, secret) = console.run(make).await?;
    let (secret, done) = (secret.reveal_once(), place.href(PATH));
    let name = name_of(&deployment);
    let panel = SecretShown {
        title: &format!("A key for {name}"),
        what: "the key",
        secret: &secret,
        text: "Whoever has it may call this deployment.",
        next: html! {
            p {
                "How it is used stands on the page of the deployment: "
                a href=(place.href(&format!("/deployments/{id}"))) { (name) } "."
            }
        },
        done: &done,
    };
    Ok(shown(framed(&viewer, "API key", TAB, None, panel.render())))
}

fn table(viewer: &Viewer, place: &Place, all: &[Shown<Deployment>], actor: uuid::Uuid) -> Markup {
    let table =
        Table::new("Deployments and their keys").text("Deployment").text("Status").buttons();
    let row = |table: Table, one: &Shown<Deployment>| {
        let deployment = &one.thing;
        let (id, name) = (deployment.id, name_of(deployment));
        let may_change = place.is_admin() || deployment.owner() == actor;
        let button =
            Button::post("Generate", place.href(&format!("{PATH}/{id}/generate")), &viewer.csrf);
        table.row(vec![
            html! {
                a href=(place.href(&format!("/deployments/{id}"))) { (name) }
                @if name != deployment.api_name { br; span .quiet { (deployment.api_name) } }
            },
            if deployment.is_active { badge("Active", Tone::Good) } else { badge("Inactive", Tone::Neutral) },
            html! {
                @if may_change {
                    (button.reveals().about(format!("a key for {name}")))
                    (Button::link("Manage Keys", place.href(&format!("/deployments/{id}/keys"))).about(name))
                }
            },
        ])
    };
    let table = all.iter().fold(table, row);
    html! { (table) }
}

fn name_of(deployment: &Deployment) -> &str {
    if deployment.display_name.is_empty() { &deployment.api_name } else { &deployment.display_name }
}
