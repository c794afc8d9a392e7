//! Who did what, on what, from where and when.

use access_domain::{Action, AuditEntry, AuditFilter, ReadAudit};
use actix_web::{HttpResponse, get, web};
use api_types::{AuditEntryView, ErrorCode, ProblemError, Time};
use auth_actix::ApiError;
use maud::{Markup, html};

use super::{refused, settings::chosen, shown};
use crate::{
    Console,
    layout::{Frame, Section, page},
    parts::{Button, Choice, Field, FilterBar, Table, heading, href, pager, read_date_time, time},
    typed::Typed,
    viewer::Place,
    visitor::Visitor,
};

const PATH: &str = "/audit";
/// What the filters are called, in addresses too.
const FILTERS: [&str; 5] = ["action", "actor", "search", "from", "to"];

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(list);
}

#[get("/{org_id}/audit")]
async fn list(
    console: web::Data<Console>,
    visitor: Visitor<ReadAudit>,
) -> Result<HttpResponse, ApiError> {
    let Visitor { granted, viewer, place, query, .. } = visitor;
    let wanted = query.page()?;
    let frame = Frame::new("Audit").viewer(&viewer).section(Section::Audit);
    let filter = match read(&query) {
        Ok(filter) => filter,
        Err(faults) => {
            let body = html! {
                (heading("Audit", html! {}))
                (filters(&place).render(&query.refused(faults)))
            };
            return Ok(refused(400, page(frame, body)));
        }
    };
    let link = csv(&place, &query, &filter);
    let found = console.run(move |uc| uc.audit.list(&granted, &filter, wanted)).await?;
    let set: Vec<(&str, &str)> = FILTERS.iter().map(|name| (*name, query.text(name))).collect();
    let next = found.next.map(|next| next.to_string());
    let body = html! {
        (heading("Audit", html! { (Button::link("Download as CSV", link)) }))
        p {
            "Every change of keys, members, settings and what is deployed, and every refusal of somebody who is known, newest first. "
            "Entries are sealed one after the other, so that none can be taken out unseen."
        }
        (filters(&place).render(&query.filled()))
        @if found.items.is_empty() { p { "Nothing that was done is like that." } }
        @else { (table(&place, found.items)) }
        (pager(&place.href(PATH), &set, query.given("cursor"), next.as_deref()))
    };
    Ok(shown(page(frame, body)))
}

fn read(query: &Typed) -> Result<AuditFilter, Vec<ProblemError>> {
    let mut faults = Vec::new();
    let action = chosen(query, "action", Action::parse, &mut faults);
    let mut fault = |name: &str, detail: String| {
        let error = ApiError::at(ErrorCode::InvalidParameter, format!("/{name}"), detail);
        faults.extend(error.into_errors());
    };
    let mut instant = |name: &str| {
        let text = query.given(name)?;
        let read = read_date_time(text);
        if read.is_none() {
            fault(name, "must be a day and a time, as 2026-12-31T23:59".into());
        }
        read
    };
    let (from, to) = (instant("from"), instant("to"));
    let search = query.search().unwrap_or_else(|error| {
        fault("search", error.refusal().detail.clone());
        None
    });
    let filter =
        AuditFilter { action, actor: query.given("actor").map(str::to_owned), from, to, search };
    if faults.is_empty() { Ok(filter) } else { Err(faults) }
}

/// The same entries as a table, as the REST edge gives it: this page of them and what follows, as many as it tells at once.
fn csv(place: &Place, query: &Typed, filter: &AuditFilter) -> String {
    let time =
        |at: Option<keys_core::Timestamp>| at.map(|at| Time(at).to_string()).unwrap_or_default();
    href(
        &format!("/unstract/{}/api/v2/audit/", place.slug),
        &[
            ("format", "csv"),
            ("limit", "200"),
            ("action", query.text("action")),
            ("actor", query.text("actor")),
            ("search", query.text("search")),
            ("from", &time(filter.from)),
            ("to", &time(filter.to)),
            ("cursor", query.text("cursor")),
        ],
    )
}

fn filters(place: &Place) -> FilterBar {
    let any = [Choice::new("", "Anything")];
    let actions = Action::ALL.map(|action| Choice::new(action.as_str(), action.as_str()));
    FilterBar::new(place.href(PATH))
        .field(Field::select("action", "What was done", any.into_iter().chain(actions).collect()))
        .field(Field::text("actor", "By").placeholder("name or id"))
        .field(Field::search("search", "On"))
        .field(Field::date_time("from", "From (UTC)"))
        .field(Field::date_time("to", "Before (UTC)"))
}

fn table(place: &Place, entries: Vec<AuditEntry>) -> Markup {
    let table = Table::new("What was done")
        .text("When")
        .text("Who")
        .text("What")
        .text("On what")
        .text("From where");
    let row = |table: Table, entry: AuditEntry| {
        let entry = AuditEntryView::from(entry);
        let about = about(place, &entry);
        table.row(vec![
            time(entry.at.0),
            html! {
                (if entry.actor.name.is_empty() { "the server's machine" } else { entry.actor.name.as_str() })
                br; span .quiet { (words(&entry.actor.kind)) }
            },
            html! {
                (entry.action)
                @if entry.occurrences > 1 { " " span .quiet { "× " (entry.occurrences) } }
                @if let Some(reason) = &entry.reason { br; span .quiet { (reason) } }
            },
            html! {
                @if let Some(href) = about { a href=(href) { (named(&entry)) } } @else { (named(&entry)) }
                br; span .quiet { (words(&entry.subject.kind)) }
            },
            html! {
                (entry.address.as_deref().unwrap_or("–"))
                @if let Some(id) = &entry.request_id { br; span .quiet { "request " code { (id) } } }
            },
        ])
    };
    let table = entries.into_iter().fold(table, row);
    html! { (table) }
}

fn named(entry: &AuditEntryView) -> &str {
    if entry.subject.name.is_empty() { "without a name" } else { &entry.subject.name }
}

fn words(kind: &str) -> String {
    kind.replace('_', " ")
}

/// Where that is which an entry is about; it may be gone.
fn about(place: &Place, entry: &AuditEntryView) -> Option<String> {
    let id = entry.subject.id.as_deref().unwrap_or_default();
    let path = match entry.subject.kind.as_str() {
        "workflow" => format!("/workflows/{id}"),
        "deployment" => format!("/deployments/{id}"),
        "organization_key" => format!("/api-keys/{id}"),
        "webhook" => format!("/settings/webhooks/{id}"),
        "platform_key" => "/settings/platform".into(),
        "secret" => "/settings/secrets".into(),
        "organization" => "/settings/organization".into(),
        "user" | "invitation" => "/settings/members".into(),
        _ => return None,
    };
    Some(place.href(&path))
}
