//! Who was asked to join, and asking somebody.

use access_domain::{Invitation, InvitationId, ManageMembers, PageRequest, ReadOrganization};
use actix_web::{HttpResponse, get, post, web};
use api_types::Refusal;
use auth_actix::ApiError;
use deployments_domain::UseCases;
use maud::{Markup, html};

use super::{
    framed,
    members::{PATH, People, Shows, TAB, whole},
    role_badge,
};
use crate::{
    Console,
    pages::{path_id, refused, see_other, shown},
    parts::{Button, Choice, Field, Filled, Form, Question, SecretShown, Table, time},
    typed::faults_of,
    viewer::{Place, Viewer},
    visitor::{Sender, Visitor},
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(invite).service(ask_to_withdraw).service(withdraw);
}

#[post("/{org_id}/settings/members/invite")]
async fn invite(
    console: web::Data<Console>,
    sender: Sender<ManageMembers>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let reads = visitor.also::<ReadOrganization>()?;
    let (origin, is_settled) = (console.origin(visitor.request()), console.has_public_url());
    let Visitor { granted, viewer, place, query, .. } = visitor;
    let (email, role) = (typed.text("email").to_owned(), typed.text("role").to_owned());
    let make = move |uc: &UseCases| -> Result<_, Refusal> {
        match uc.invitations.invite(&granted, &email, &role) {
            Ok(created) => Ok(Ok(created)),
            Err(error) => {
                let page = PageRequest { after: None, limit: 50 };
                Ok(Err((Refusal::from(error), People::find(uc, &reads, page)?)))
            }
        }
    };
    match console.run(make).await? {
        Ok(created) => match created.token {
            None => Ok(see_other(place.href(&format!("{PATH}?done=invited")))),
            Some(token) => {
                let link = format!("{origin}/invitations/#{}", token.reveal_once());
                Ok(shown(once(
                    &viewer,
                    &place,
                    created.invitation.email.as_str(),
                    &link,
                    is_settled,
                )))
            }
        },
        Err((refusal, people)) => {
            let (status, faults) = faults_of(refusal.into())?;
            let filled = typed.refused(faults);
            let shows = Shows { people: &people, filled: &filled, query: &query };
            Ok(refused(status, whole(&viewer, &place, &shows, None)))
        }
    }
}

#[get("/{org_id}/settings/members/invitations/{id}/withdraw")]
async fn ask_to_withdraw(
    console: web::Data<Console>,
    visitor: Visitor<ManageMembers>,
) -> Result<HttpResponse, ApiError> {
    let id: InvitationId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let invitation = console.run(move |uc| uc.invitations.get(&granted, id)).await?;
    let question = Question {
        title: format!("Withdraw the invitation of {}?", invitation.email.as_str()),
        action: place.href(&format!("{PATH}/invitations/{id}/withdraw")),
        csrf: viewer.csrf.clone(),
        back: place.href(PATH),
        button: Button::submit("Withdraw").danger(),
        breaks: "Its link leads nowhere from now on. You can invite the address again.".into(),
        fields: Vec::new(),
        reveals: false,
    };
    let body = question.render(&Filled::blank());
    Ok(shown(framed(&viewer, "Withdraw an invitation", TAB, None, body)))
}

#[post("/{org_id}/settings/members/invitations/{id}/withdraw")]
async fn withdraw(
    console: web::Data<Console>,
    sender: Sender<ManageMembers>,
) -> Result<HttpResponse, ApiError> {
    let id: InvitationId = path_id(sender.visitor.request(), "id")?;
    let Visitor { granted, place, .. } = sender.visitor;
    console.run(move |uc| uc.invitations.withdraw(&granted, id)).await?;
    Ok(see_other(place.href(&format!("{PATH}?done=withdrawn"))))
}

/// What stands below the members.
pub(super) fn section(
    viewer: &Viewer,
    place: &Place,
    open: &[Invitation],
    filled: &Filled,
) -> Markup {
    let roles = vec![Choice::new("user", "User"), Choice::new("admin", "Administrator")];
    let form = Form::post(place.href(&format!("{PATH}/invite")), &viewer.csrf)
        .field(Field::email("email", "Email address").required())
        .field(Field::select("role", "Role", roles))
        .button(Button::submit("Invite").primary())
        .reveals();
    html! {
        h2 { "Invitations" }
        @if open.is_empty() {
            p { "Nobody is invited at the moment. People join by a link, with the account that they have or a new one." }
        } @else { (table(place, open)) }
        h2 { "Invite somebody" }
        (form.render(filled))
    }
}

fn table(place: &Place, open: &[Invitation]) -> Markup {
    let table = Table::new("Open invitations")
        .text("Email address")
        .text("Role")
        .text("Invited by")
        .text("Link ends")
        .buttons();
    let row = |table: Table, one: &Invitation| {
        let email = one.email.as_str();
        let address = place.href(&format!("{PATH}/invitations/{}/withdraw", one.id));
        table.row(vec![
            html! { (email) },
            role_badge(one.role),
            html! { (one.created_by_name) },
            time(one.expires_at),
            html! { (Button::opens("Withdraw", address).danger().about(format!("the invitation of {email}"))) },
        ])
    };
    let table = open.iter().fold(table, row);
    html! { (table) }
}

/// The link, this once: this server sends no mail.
fn once(viewer: &Viewer, place: &Place, email: &str, link: &str, is_settled: bool) -> Markup {
    let done = place.href(PATH);
    let panel = SecretShown {
        title: "The invitation is made",
        what: "the link",
        secret: link,
        text: "Whoever has the link may join.",
        next: html! {
            p { "This server sends no mail: give the link to " strong { (email) } " yourself. It is good once, for 72 hours." }
            @if !is_settled {
                p {
                    "The address in it is the one this server listens on: replace its host by the one by which others reach it."
                }
            }
        },
        done: &done,
    };
    framed(viewer, "Invitation", TAB, None, panel.render())
}
