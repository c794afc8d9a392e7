//! Who belongs to the organization, and as what.

use access_domain::{
    LeaveOrganization, Made, ManageMembers, Member, PageRequest, ReadOrganization, Role, UserId,
};
use actix_web::{HttpResponse, get, post, web};
use api_types::Refusal;
use auth_actix::ApiError;
use deployments_domain::UseCases;
use maud::{Markup, html};
use uuid::Uuid;

use super::{framed, invitations, role_badge};
use crate::{
    Console,
    layout::SettingsTab,
    pages::{flash, path_id, refused, see_other, shown},
    parts::{Button, Filled, Flash, Question, Table, heading, pager, panel, time},
    typed::{Typed, faults_of},
    viewer::{Place, Viewer},
    visitor::{Sender, Visitor},
};

pub(super) const PATH: &str = "/settings/members";
pub(super) const TAB: SettingsTab = SettingsTab::Members;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(list)
        .service(ask_to_change_role)
        .service(change_role)
        .service(ask_to_remove)
        .service(remove);
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
    let shows = Shows { people: &people, filled: &Filled::blank(), query: &query };
    Ok(shown(whole(&viewer, &place, &shows, done)))
}

#[get("/{org_id}/settings/members/{user_id}/role")]
async fn ask_to_change_role(
    console: web::Data<Console>,
    visitor: Visitor<ManageMembers>,
) -> Result<HttpResponse, ApiError> {
    let id: UserId = path_id(visitor.request(), "user_id")?;
    let reads = visitor.also::<ReadOrganization>()?;
    let Visitor { viewer, place, .. } = visitor;
    let member = console.run(move |uc| uc.members.get(&reads, id)).await?;
    let role = other_role(member.role);
    Ok(shown(promotion(&viewer, &place, &member, role, &Filled::blank())))
}

#[post("/{org_id}/settings/members/{user_id}/role")]
async fn change_role(
    console: web::Data<Console>,
    sender: Sender<ManageMembers>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id: UserId = path_id(visitor.request(), "user_id")?;
    let reads = visitor.also::<ReadOrganization>()?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let (role, is_own) = (typed.text("role").to_owned(), granted.who().actor() == id.uuid());
    let change = move |uc: &UseCases| -> Result<_, Refusal> {
        match uc.members.change_role(&granted, id, &role) {
            Ok(member) => Ok(Ok(member.role)),
            Err(error) => Ok(Err((Refusal::from(error), uc.members.get(&reads, id)?))),
        }
    };
    match console.run(change).await? {
        // Whoever is no administrator any more does not see this page.
        Ok(Role::User) if is_own => Ok(see_other(place.href("/workflows"))),
        Ok(_) => Ok(see_other(place.href(&format!("{PATH}?done=role")))),
        Err((refusal, member)) => {
            let (status, faults) = faults_of(refusal.into())?;
            let role = other_role(member.role);
            let filled = typed.refused(faults);
            Ok(refused(status, promotion(&viewer, &place, &member, role, &filled)))
        }
    }
}

fn other_role(role: Role) -> Role {
    match role {
        Role::Admin => Role::User,
        Role::User => Role::Admin,
    }
}

/// The question before somebody becomes something else, what it means for them.
fn promotion(
    viewer: &Viewer,
    place: &Place,
    member: &Member,
    role: Role,
    filled: &Filled,
) -> Markup {
    let name = member.user.username.as_str();
    let is_own = name == viewer.username;
    let (title, button, breaks) = match role {
        Role::Admin => (
            format!("Make {name} an administrator?"),
            "Make administrator",
            format!(
                "They may do everything in {} then, from their next click on: every workflow, deployment and key, the settings, who \
                 belongs to it, and take your own administration from you.",
                place.name
            ),
        ),
        Role::User if is_own => (
            "Make yourself a user?".to_owned(),
            "Make user",
            format!(
                "You lose the administration of {} yourself, at once: its settings, its keys and the workflows of others. Only another \
                 administrator can give it back to you. Invitations that you made are withdrawn.",
                place.name
            ),
        ),
        Role::User => (
            format!("Make {name} a user?"),
            "Make user",
            format!(
                "From their next click on they see neither the settings nor the keys of {}, and of workflows and deployments their own \
                 and what is shared with them. Invitations that they made are withdrawn.",
                place.name
            ),
        ),
    };
    let submit = Button::submit(button).field("role", role.as_str());
    let question = Question {
        title,
        action: place.href(&format!("{PATH}/{}/role", member.user.id)),
        csrf: viewer.csrf.clone(),
        back: place.href(PATH),
        button: if role == Role::User { submit.danger() } else { submit.primary() },
        breaks,
        fields: Vec::new(),
        reveals: false,
    };
    framed(viewer, button, TAB, None, question.render(filled))
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
        let member = console.run(move |uc| uc.members.get(&reads, id)).await?;
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

/// The members and the invitations, and what stands in the form below them.
pub(super) struct Shows<'a> {
    pub(super) people: &'a People,
    pub(super) filled: &'a Filled,
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
    let table = Table::new("Members")
        .text("Name")
        .text("Email address")
        .text("Role")
        .text("Member since")
        .buttons();
    let row = |table: Table, member: &Member| {
        let (id, name) = (member.user.id, member.user.username.as_str());
        let label = match member.role {
            Role::Admin => "Make user",
            Role::User => "Make administrator",
        };
        let change = Button::opens(label, place.href(&format!("{PATH}/{id}/role")));
        let is_own = name == viewer.username;
        table.row(vec![
            html! { (name) @if is_own { " " span .quiet { "(you)" } } },
            html! {
                @match &member.user.email {
                    Some(email) => (email.as_str()),
                    None => span .quiet { "none" },
                }
            },
            role_badge(member.role),
            time(member.since),
            html! {
                (change.about(name))
                (Button::opens(if is_own { "Leave" } else { "Remove" }, place.href(&format!("{PATH}/{id}/remove"))).danger().about(name))
            },
        ])
    };
    let table = members.iter().fold(table, row);
    html! { (table) }
}
