//! What a webhook was told, and what became of it.

use access_domain::{
    Delivery, DeliveryDetail, DeliveryEntry, DeliveryFilter, DeliveryId, DeliveryState, EventType,
    ManageWebhooks, Page, PageRequest, WebhookId,
};
use actix_web::{HttpResponse, get, post, web};
use api_types::ProblemError;
use auth_actix::ApiError;
use maud::{Markup, html};

use super::{
    chosen, framed,
    webhooks::{PATH, TAB},
};
use crate::{
    Console,
    pages::{path_id, see_other, shown},
    parts::{
        Button, Choice, Field, FilterBar, Table, Tone, badge, breadcrumbs, code_block, definitions,
        duration_ms, heading, pager, time, time_or,
    },
    typed::Typed,
    viewer::{Place, Viewer},
    visitor::{Sender, Visitor},
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(look).service(replay);
}

/// Which deliveries are asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) filter: DeliveryFilter,
    pub(super) page: PageRequest,
}

impl Asked {
    /// What is asked for, or what is wrong with its filters.
    pub(super) fn read(query: &Typed) -> Result<Result<Self, Vec<ProblemError>>, ApiError> {
        let mut faults = Vec::new();
        let state = chosen(query, "state", DeliveryState::parse, &mut faults);
        let kind = chosen(query, "event", EventType::parse, &mut faults);
        let asked = Self { filter: DeliveryFilter { state, kind }, page: query.page()? };
        Ok(if faults.is_empty() { Ok(asked) } else { Err(faults) })
    }
}

#[get("/{org_id}/settings/webhooks/{id}/deliveries/{delivery_id}")]
async fn look(
    console: web::Data<Console>,
    visitor: Visitor<ManageWebhooks>,
) -> Result<HttpResponse, ApiError> {
    let (webhook, id) = ids(&visitor)?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let detail = console.run(move |uc| uc.webhooks.delivery(&granted, webhook, id)).await?;
    Ok(shown(one(&viewer, &place, webhook, &detail)))
}

#[post("/{org_id}/settings/webhooks/{id}/deliveries/{delivery_id}/replay")]
async fn replay(
    console: web::Data<Console>,
    sender: Sender<ManageWebhooks>,
) -> Result<HttpResponse, ApiError> {
    let (webhook, id) = ids(&sender.visitor)?;
    let Visitor { granted, place, .. } = sender.visitor;
    console.run(move |uc| uc.webhooks.replay(&granted, webhook, id)).await?;
    Ok(see_other(place.href(&format!("{PATH}/{webhook}?done=replayed#deliveries"))))
}

fn ids(visitor: &Visitor<ManageWebhooks>) -> Result<(WebhookId, DeliveryId), ApiError> {
    Ok((path_id(visitor.request(), "id")?, path_id(visitor.request(), "delivery_id")?))
}

/// The section of a webhook's page.
pub(super) fn list(
    viewer: &Viewer,
    place: &Place,
    webhook: WebhookId,
    found: &Page<Delivery>,
    query: &Typed,
) -> Markup {
    let at = place.href(&format!("{PATH}/{webhook}"));
    let (state, event) = (query.text("state"), query.text("event"));
    let cursor = query.given("cursor");
    let next = found.next.map(|next| next.to_string());
    let is_all = state.is_empty() && event.is_empty() && cursor.is_none();
    html! {
        section #deliveries aria-labelledby="deliveries-title" {
            h2 #deliveries-title { "Deliveries" }
            @if found.items.is_empty() && is_all {
                p { "It was told of nothing yet. “Send a test” tells it something now." }
            } @else {
                (filters(&at).render(&query.filled()))
                @if found.items.is_empty() { p { "No delivery is like that." } }
                @else { (table(viewer, &at, &found.items)) }
                (pager(&at, &[("state", state), ("event", event)], cursor, next.as_deref()))
            }
        }
    }
}

/// The section, where the filters name what there is not: nothing is listed rather than everything.
pub(super) fn unread(
    place: &Place,
    webhook: WebhookId,
    query: &Typed,
    faults: Vec<ProblemError>,
) -> Markup {
    let at = place.href(&format!("{PATH}/{webhook}"));
    html! {
        section #deliveries aria-labelledby="deliveries-title" {
            h2 #deliveries-title { "Deliveries" }
            (filters(&at).render(&query.refused(faults)))
        }
    }
}

fn filters(at: &str) -> FilterBar {
    let any = || Choice::new("", "Any");
    let states = DeliveryState::ALL.map(|state| Choice::new(state.as_str(), word(state).0));
    let events = EventType::ALL.map(|kind| Choice::new(kind.as_str(), kind.as_str()));
    FilterBar::new(at)
        .field(Field::select("state", "State", [any()].into_iter().chain(states).collect()))
        .field(Field::select("event", "Event", [any()].into_iter().chain(events).collect()))
}

fn word(state: DeliveryState) -> (&'static str, Tone) {
    match state {
        DeliveryState::Pending => ("On its way", Tone::Busy),
        DeliveryState::Delivered => ("Delivered", Tone::Good),
        DeliveryState::Dead => ("Given up", Tone::Bad),
    }
}

fn state_of(delivery: &Delivery) -> Markup {
    let (word, tone) = word(delivery.state);
    badge(word, tone)
}

fn table(viewer: &Viewer, at: &str, all: &[Delivery]) -> Markup {
    let table = Table::new("Deliveries")
        .text("Event")
        .text("State")
        .numbers("Tries")
        .text("Made")
        .text("Next try")
        .buttons();
    let row = |table: Table, one: &Delivery| {
        let here = format!("{at}/deliveries/{}", one.id);
        let again = Button::post("Replay", format!("{here}/replay"), &viewer.csrf);
        table.row(vec![
            html! { a href=(here) { (one.kind.as_str()) } },
            state_of(one),
            html! { (one.log.attempts().count()) },
            time(one.created_at),
            time_or(one.next_attempt_at, "–"),
            html! { (again.about(format!("{} of {}", one.kind.as_str(), one.created_at.format("%H:%M:%S")))) },
        ])
    };
    let table = all.iter().fold(table, row);
    html! { (table) }
}

fn one(viewer: &Viewer, place: &Place, webhook: WebhookId, detail: &DeliveryDetail) -> Markup {
    let DeliveryDetail { delivery, data } = detail;
    let at = place.href(&format!("{PATH}/{webhook}"));
    let here = format!("{at}/deliveries/{}", delivery.id);
    let again = Button::post("Replay", format!("{here}/replay"), &viewer.csrf);
    let pretty = serde_json::from_str::<serde_json::Value>(data)
        .and_then(|data| serde_json::to_string_pretty(&data))
        .unwrap_or_else(|_| data.clone());
    let body = html! {
        (breadcrumbs(&[("Webhooks", place.href(PATH)), ("Webhook", at)], delivery.kind.as_str()))
        (heading(delivery.kind.as_str(), html! { (again) }))
        (definitions(vec![
            ("State", state_of(delivery)),
            ("Event", html! { code { (delivery.event.uuid()) } }),
            ("Made", time(delivery.created_at)),
            ("Next try", time_or(delivery.next_attempt_at, "none")),
            ("Ended", time_or(delivery.finished_at, "not yet")),
        ]))
        h2 { "Tries" }
        @if delivery.log.entries().is_empty() { p { "It was not tried yet." } }
        @else { (tries(delivery)) }
        (code_block("What is told", &pretty))
    };
    framed(viewer, "Delivery", TAB, None, body)
}

fn tries(delivery: &Delivery) -> Markup {
    let table = Table::new("Tries").text("When").text("Answer").numbers("Took");
    let table = delivery.log.entries().iter().fold(table, |table, entry| {
        table.row(match entry {
            DeliveryEntry::Attempt(attempt) => vec![
                time(attempt.at),
                html! {
                    @if let Some(status) = attempt.status { (status) " " }
                    @if let Some(error) = &attempt.error { (error) }
                },
                html! { (duration_ms(attempt.duration_ms.into())) },
            ],
            DeliveryEntry::Replayed { at } => vec![time(*at), html! { "replayed" }, html! { "–" }],
        })
    });
    html! { (table) }
}
