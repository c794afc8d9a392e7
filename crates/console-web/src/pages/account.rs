//! What is one's own, in whichever organization: who one is, where one belongs, the password, the sessions.

use access_domain::{
    Credentials, LoggedIn, Membership, Page, PasswordRefusal, Session, SessionId, SessionRecord,
    Sessions, UserRecord,
};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use api_types::{ErrorCode, Refusal};
use auth_actix::{ApiError, origin};
use deployments_domain::UseCases;
use keys_core::Secret;
use maud::{Markup, html};

use super::{flash, path_id, refused, see_other, settings::role_badge, shown};
use crate::{
    Console,
    layout::{Frame, page},
    parts::{
        Button, Field, Filled, Flash, Form, Table, Tone, badge, definitions, heading, pager, time,
    },
    typed::faults_of,
    viewer::Viewer,
    visitor::{Person, PersonSends},
};

const PATH: &str = "/account";

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(look).service(change_password).service(end_session);
}

#[get("/account")]
async fn look(console: web::Data<Console>, person: Person) -> Result<HttpResponse, ApiError> {
    let Person { record, viewer, query } = person;
    let (wanted, own) = (query.page()?, record.clone());
    let sessions = console.run(move |uc| uc.sessions.list(&own, wanted)).await?;
    let done = flash(
        &query,
        &[
            ("password", "Your password is changed, and every other session of yours has ended."),
            ("ended", "The session has ended."),
            ("left", "You do not belong to the organization any more."),
        ],
    );
    let cursor = query.given("cursor").map(str::to_owned);
    Ok(shown(whole(&viewer, &record, &sessions, cursor.as_deref(), &Filled::blank(), done)))
}

#[post("/account/password")]
async fn change_password(
    console: web::Data<Console>,
    request: HttpRequest,
    sends: PersonSends,
) -> Result<HttpResponse, ApiError> {
    let PersonSends { person: Person { record, viewer, query }, typed } = sends;
    let (current, new) = (typed.raw("current"), typed.raw("new"));
    let again = if typed.raw("again") == new {
        Ok(())
    } else {
        let detail = "is not what was typed above";
        Err(ApiError::at(ErrorCode::InvalidValue, "/again", detail))
    };
    let changed = match again {
        Ok(()) => change(&console, &request, &record, current, new).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(LoggedIn { token, device, .. }) => {
            let mut answer = see_other(format!("{PATH}?done=password"));
            for cookie in console.passwords.cookies(token, device) {
                let added = answer.add_cookie(&cookie);
                added.map_err(|error| ApiError::internal(error.to_string()))?;
            }
            Ok(answer)
        }
        Err(error) => {
            let (status, faults) = faults_of(error)?;
            let (wanted, own) = (query.page()?, record.clone());
            let sessions = console.run(move |uc| uc.sessions.list(&own, wanted)).await?;
            // No field of this form comes back.
            let filled = Filled::refused(Vec::new(), faults);
            Ok(refused(status, whole(&viewer, &record, &sessions, None, &filled, None)))
        }
    }
}

/// The same as at the REST edge: what is wrong with the new one is told before the old one is asked for.
async fn change(
    console: &Console,
    request: &HttpRequest,
    record: &SessionRecord,
    current: &str,
    new: &str,
) -> Result<LoggedIn, ApiError> {
    let (current, new) = (Secret::new(current.to_owned()), Secret::new(new.to_owned()));
    Sessions::check_change(&current, &new).map_err(Refusal::from)?;
    let username = record.user.username.as_str().to_owned();
    let (credentials, from) = (Credentials { username, password: current }, origin(request));
    let (use_cases, record) = (console.use_cases.clone(), record.clone());
    let save = move |user: UserRecord| -> Result<_, PasswordRefusal> {
        Ok(use_cases.sessions.change_password(&record, &user, &new, from))
    };
    let changed = console.passwords.with_password(request, credentials, save).await;
    let changed = changed.map_err(|error| {
        if error.refusal().code == ErrorCode::InvalidCredential {
            let detail = "this is not your current password";
            return ApiError::at(ErrorCode::InvalidValue, "/current", detail);
        }
        error
    })?;
    Ok(changed.map_err(Refusal::from)?)
}

#[post("/account/sessions/{id}/end")]
async fn end_session(
    console: web::Data<Console>,
    request: HttpRequest,
    sends: PersonSends,
) -> Result<HttpResponse, ApiError> {
    let id: SessionId = path_id(&request, "id")?;
    let record = sends.person.record;
    let is_present = record.session.id == id;
    let was_there = console.run(move |uc: &UseCases| uc.sessions.end(&record, id)).await?;
    if !was_there {
        return Err(ApiError::not_found());
    }
    if !is_present {
        return Ok(see_other(format!("{PATH}?done=ended")));
    }
    let mut answer = see_other("/log-in");
    let farewell = console.passwords.farewell();
    answer.add_cookie(&farewell).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(answer)
}

fn whole(
    viewer: &Viewer,
    record: &SessionRecord,
    sessions: &Page<Session>,
    cursor: Option<&str>,
    filled: &Filled,
    done: Option<Flash<'_>>,
) -> Markup {
    let user = &record.user;
    let form = Form::post(format!("{PATH}/password"), &viewer.csrf)
        .field(
            Field::password("current", "Current password")
                .required()
                .autocomplete("current-password"),
        )
        .field(
            Field::password("new", "New password")
                .hint("At least 12 characters. A few words that nobody would guess are best.")
                .required()
                .autocomplete("new-password"),
        )
        .field(
            Field::password("again", "Repeat the new password")
                .required()
                .autocomplete("new-password"),
        )
        .button(Button::submit("Change password").primary());
    let next = sessions.next.map(|next| next.to_string());
    let body = html! {
        (heading("Account", html! {}))
        (definitions(vec![
            ("User name", html! { (user.username.as_str()) }),
            ("Email address", html! {
                @match &user.email {
                    Some(email) => (email.as_str()),
                    None => span .quiet { "none" },
                }
            }),
            ("Account since", time(user.created_at)),
        ]))
        h2 { "Organizations" }
        @if record.memberships.is_empty() {
            p { "You belong to no organization. An administrator of one invites you; their link leads you in." }
        } @else { (organizations(record)) }
        h2 { "Password" }
        p { "Changing it ends every other session of yours, wherever it is." }
        (form.render(filled))
        h2 { "Sessions" }
        p { "Each browser that is logged in as you. End those that you do not know, then change your password." }
        (own_sessions(viewer, record, &sessions.items))
        (pager(PATH, &[], cursor, next.as_deref()))
    };
    page(Frame::new("Account").viewer(viewer).flash(done), body)
}

fn organizations(record: &SessionRecord) -> Markup {
    let table = Table::new("Organizations").text("Name").text("Role").buttons();
    let row = |table: Table, membership: &Membership| {
        let Membership { organization, name, role } = membership;
        let slug = &organization.slug;
        let leave = format!("/{slug}/settings/members/{}/remove", record.user.id);
        table.row(vec![
            html! { a href={ "/" (slug) "/workflows" } { (name) } " " span .quiet { (slug) } },
            role_badge(*role),
            html! { (Button::opens("Leave", leave).danger().about(name)) },
        ])
    };
    let table = record.memberships.iter().fold(table, row);
    html! { (table) }
}

fn own_sessions(viewer: &Viewer, record: &SessionRecord, all: &[Session]) -> Markup {
    let table = Table::new("Sessions")
        .text("Browser")
        .text("From")
        .text("Began")
        .text("Last used")
        .buttons();
    let row = |table: Table, session: &Session| {
        let is_present = session.id == record.session.id;
        let end = Button::post("End", format!("{PATH}/sessions/{}/end", session.id), &viewer.csrf);
        let browser =
            if session.user_agent.is_empty() { "unknown" } else { session.user_agent.as_str() };
        table.row(vec![
            html! {
                @if is_present { (badge("This one", Tone::Good)) " " }
                span .agent { (browser) }
            },
            html! { (session.address.map_or_else(|| "unknown".to_owned(), |address| address.to_string())) },
            time(session.created_at),
            time(session.last_used_at),
            html! {
                @if is_present { (end.about("this session")) }
                @else { (end.about(format!("the session that began {}", session.created_at.format("%-d %b %Y, %H:%M UTC")))) }
            },
        ])
    };
    let table = all.iter().fold(table, row);
    html! { (table) }
}
