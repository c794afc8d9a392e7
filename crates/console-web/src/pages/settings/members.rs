//! Who belongs to the organization, and as what.

use access_domain::{
    LeaveOrganization, Made, ManageMembers, Member, PageRequest, ReadOrganization, Role, UserId,
};
use actix_web::{HttpResponse, get, post, web};
use api_types::{ProblemError, Refusal};
use auth_actix::ApiError;
use deployments_domain::UseCases;
use maud::{Markup, html};
use uuid::Uuid;

use super::{framed, invitations, not_done};
use crate::{
    Console,
    layout::SettingsTab,
    pages::{flash, path_id, refused, see_other, shown},
    parts::{Button, Filled, Flash, Question, Table, Tone, badge, heading, pager, panel, time},
    typed::{Typed, faults_of},
    viewer::{Place, Viewer},
    visitor::{Sender, Visitor},
};

pub(super) const PATH: &str = "/settings/members";
pub(super) const TAB: SettingsTab = SettingsTab::Members;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(list).service(change_role).service(ask_to_remove).service(remove);
}

/// What the page shows beside what was just done.
pub(super) struct People {
    members: Vec<Member>,
    next: Option<Uuid>,
    invitations: Vec<access_domain::Invitation>,
}

impl People {
    pub(super) fn find(
        uc: &UseCases,
        reads: &access_domain::Granted<ReadOrganization>,
        page: PageRequest,
    ) -> Result<Self, Refusal> {
        let members = uc.members.list(reads, page)?;
        let invitations = uc.invitations.list(reads, PageRequest { after: None, limit: 200 })?;
        Ok(Self { members: members.items, next: members.next, invitations: invitations.items })
    }
}

#[get("/{org_id}/settings/members")]
async fn list(
    console: web::Data<Console>,
    visitor: Visitor<ManageMembers>,
) -> Result<HttpResponse, ApiError> {
    let reads = visitor.also::<ReadOrganization>()?;
    let Visitor { viewer, place, query, .. } = visitor;
    let wanted = query.page()?;
    let people = console.run(move |uc| People::find(uc, &reads, wanted)).await?;
    let done = flash(
        &query,
        &[
            ("role", "The role is changed; it holds from their next click on."),
            ("invited", "The invitation is on its way by mail. Its link is good for 72 hours."),
            ("withdrawn", "The invitation is withdrawn: its link leads nowhere any more."),
        ],
    );
    let shows = Shows { people: &people, filled: &Filled::blank(), faults: &[], query: &query };
    Ok(shown(whole(&viewer, &place, &shows, done)))
}

#[post("/{org_id}/settings/members/{user_id}/role")]
async fn change_role(
    console: web::Data<Console>,
    sender: Sender<ManageMembers>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id: UserId = path_id(visitor.request(), "user_id")?;
    let reads = visitor.also::<ReadOrganization>()?;
    let Visitor { granted, viewer, place, query, .. } = visitor;
    let (role, is_own) = (typed.text("role").to_owned(), granted.who().actor() == id.uuid());
    let change = move |uc: &UseCases| -> Result<_, Refusal> {
        match uc.members.change_role(&granted, id, &role) {
            Ok(member) => Ok(Ok(member.role)),
            Err(error) => {
                let page = PageRequest { after: None, limit: 50 };
                Ok(Err((Refusal::from(error), People::find(uc, &reads, page)?)))
            }
        }
    };
    match console.run(change).await? {
        // Whoever is no administrator any more does not see this page.
        Ok(Role::User) if is_own => Ok(see_other(place.href("/workflows"))),
        Ok(_) => Ok(see_other(place.href(&format!("{PATH}?done=role")))),
        Err((refusal, people)) => {
            let (status, faults) = faults_of(refusal.into())?;
            let shows =
                Shows { people: &people, filled: &Filled::blank(), faults: &faults, query: &query };
            Ok(refused(status, whole(&viewer, &place, &shows, None)))
        }
    }
}

#[get("/{org_id}/settings/members/{user_id}/remove")]
async fn ask_to_remove(
    console: web::Data<Console>,
    visitor: Visitor<LeaveOrganization>,
) -> Result<HttpResponse, ApiError> {
    let whom = Whom::find(&console, &visitor).await?;
    let Visitor { viewer, place, .. } = visitor;
    Ok(shown(whom.question(&viewer, &place, &Filled::blank())))
}

#[post("/{org_id}/settings/members/{user_id}/remove")]
async fn remove(
    console: web::Data<Console>,
    sender: Sender<LeaveOrganization>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let whom = Whom::find(&console, &visitor).await?;
    let Visitor { granted, viewer, place, .. } = visitor;
    match console.run(move |uc| uc.members.remove(&granted)).await {
        Ok(_) if whom.is_own => Ok(see_other("/account?done=left")),
        Ok(removed) => Ok(shown(gone(&viewer, &place, &whom.name, removed.made))),
        Err(error) => {
            let (status, faults) = faults_of(error)?;
            Ok(refused(status, whom.question(&viewer, &place, &typed.refused(faults))))
        }
    }
}

/// Who is to go.
struct Whom {
    id: UserId,
    name: String,
    is_own: bool,
}

impl Whom {
    async fn find(
        console: &Console,
        visitor: &Visitor<LeaveOrganization>,
    ) -> Result<Self, ApiError> {
        let id: UserId = path_id(visitor.request(), "user_id")?;
        if visitor.granted.who().actor() == id.uuid() {
            return Ok(Self { id, name: visitor.viewer.username.clone(), is_own: true });
        }
        let reads = visitor.also::<ReadOrganization>()?;
        // The page that begins with this very id: lists are ordered by them, downwards.
        let above = Uuid::from_u128(id.uuid().as_u128().saturating_add(1));
        let page = PageRequest { after: Some(above), limit: 1 };
        let found = console.run(move |uc| uc.members.list(&reads, page)).await?.items;
        let member = found.into_iter().find(|member| member.user.id == id);
        let member = member.ok_or_else(ApiError::not_found)?;
        Ok(Self { id, name: member.user.username.as_str().to_owned(), is_own: false })
    }

    fn question(&self, viewer: &Viewer, place: &Place, filled: &Filled) -> Markup {
        let stays = "Workflows, deployments and keys that were made stay with the organization and go on working.";
        let (title, button, breaks, back) = if self.is_own {
            (
                format!("Leave {}?", place.name),
                "Leave",
                format!(
                    "You see nothing of it any more, until an administrator invites you again. {stays}"
                ),
                "/account".to_owned(),
            )
        } else {
            (
                format!("Remove {} from {}?", self.name, place.name),
                "Remove",
                format!(
                    "They see nothing of it any more, from their next click on; their account stays. {stays}"
                ),
                place.href(PATH),
            )
        };
        let question = Question {
            title,
            action: place.href(&format!("{PATH}/{}/remove", self.id)),
            csrf: viewer.csrf.clone(),
            back,
            button: Button::submit(button).danger(),
            breaks,
            fields: Vec::new(),
            reveals: false,
        };
        framed(viewer, button, TAB, None, question.render(filled))
    }
}

/// What stays of somebody who was removed.
fn gone(viewer: &Viewer, place: &Place, name: &str, made: Made) -> Markup {
    let Made { workflows, deployments, keys } = made;
    let body = html! {
        p { "They see nothing of " (place.name) " any more. What they made stays with it:" }
        ul {
            li { (workflows) " workflows" }
            li { (deployments) " deployments" }
            li { (keys) " keys that work on; revoke those that they may have kept" }
        }
        div .buttons { (Button::link("Done", place.href(PATH)).primary()) }
    };
    framed(viewer, "Member removed", TAB, None, panel(&format!("{name} is removed"), body))
}

/// The members and the invitations, what was typed into the form below them, and what was refused.
pub(super) struct Shows<'a> {
    pub(super) people: &'a People,
    pub(super) filled: &'a Filled,
    pub(super) faults: &'a [ProblemError],
    pub(super) query: &'a Typed,
}

pub(super) fn whole(
    viewer: &Viewer,
    place: &Place,
    shows: &Shows<'_>,
    done: Option<Flash<'_>>,
) -> Markup {
    let People { members, next, invitations } = shows.people;
    let next = next.map(|next| next.to_string());
    let body = html! {
        (heading("Members", html! {}))
        (not_done(shows.faults))
        p {
            "An administrator may do everything in the organization; a user makes workflows of their own and what is shared with them, "
            "and sees neither settings nor keys of the organization."
        }
        (table(viewer, place, members))
        (pager(&place.href(PATH), &[], shows.query.given("cursor"), next.as_deref()))
        (invitations::section(viewer, place, invitations, shows.filled))
    };
    framed(viewer, "Members", TAB, done, body)
}

fn table(viewer: &Viewer, place: &Place, members: &[Member]) -> Markup {
    let table =
        Table::new("Members").text("Name").text("Mail").text("Role").text("Member since").buttons();
    let row = |table: Table, member: &Member| {
        let (id, name) = (member.user.id, member.user.username.as_str());
        let (label, role) = match member.role {
            Role::Admin => ("Make user", "user"),
            Role::User => ("Make administrator", "admin"),
        };
        let change = Button::post(label, place.href(&format!("{PATH}/{id}/role")), &viewer.csrf);
        let is_own = name == viewer.username;
        table.row(vec![
            html! { (name) @if is_own { " " span .quiet { "(you)" } } },
            html! {
                @match &member.user.email {
                    Some(email) => (email.as_str()),
                    None => span .quiet { "none" },
                }
            },
            match member.role {
                Role::Admin => badge("Administrator", Tone::Good),
                Role::User => badge("User", Tone::Neutral),
            },
            time(member.since),
            html! {
                (change.field("role", role).about(name))
                (Button::opens(if is_own { "Leave" } else { "Remove" }, place.href(&format!("{PATH}/{id}/remove"))).danger().about(name))
            },
        ])
    };
    let table = members.iter().fold(table, row);
    html! { (table) }
}
