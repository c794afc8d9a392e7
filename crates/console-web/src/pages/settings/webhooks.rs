//! Who is told of events: the list, and a new webhook.

use access_domain::{DisabledReason, EventType, ManageWebhooks, Webhook, WebhookDraft};
use actix_web::{HttpResponse, get, post, web};
use auth_actix::ApiError;
use keys_core::Secret;
use maud::{Markup, html};

use super::framed;
use crate::{
    Console,
    layout::SettingsTab,
    pages::{flash, refused, shown},
    parts::{
        Button, Choice, Field, Filled, Form, SecretShown, Table, Tone, badge, breadcrumbs, empty,
        heading, pager,
    },
    typed::{Typed, faults_of},
    viewer::{Place, Viewer},
    visitor::{Sender, Visitor},
};

pub(super) const PATH: &str = "/settings/webhooks";
pub(super) const TAB: SettingsTab = SettingsTab::Webhooks;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(list).service(new).service(create);
}

#[get("/{org_id}/settings/webhooks")]
async fn list(
    console: web::Data<Console>,
    visitor: Visitor<ManageWebhooks>,
) -> Result<HttpResponse, ApiError> {
    let Visitor { granted, viewer, place, query, .. } = visitor;
    let wanted = query.page()?;
    let found = console.run(move |uc| uc.webhooks.list(&granted, wanted)).await?;
    let (cursor, next) = (query.given("cursor"), found.next.map(|next| next.to_string()));
    let button = || Button::link("Create webhook", place.href(&format!("{PATH}/new"))).primary();
    let body = html! {
        (heading("Webhooks", html! { (button()) }))
        @if found.items.is_empty() && cursor.is_none() {
            (empty(
                "Nobody is told of anything yet",
                "A webhook is an address of yours that is called when something happens: a key is about to end, a limit is reached, an \
                 execution failed. What it is told is signed, and tried again until it arrives.",
                Some(button()),
            ))
        } @else { (table(&place, &found.items)) }
        (pager(&place.href(PATH), &[], cursor, next.as_deref()))
    };
    let done = flash(&query, &[("deleted", "The webhook is deleted.")]);
    Ok(shown(framed(&viewer, "Webhooks", TAB, done, body)))
}

#[get("/{org_id}/settings/webhooks/new")]
async fn new(visitor: Visitor<ManageWebhooks>) -> HttpResponse {
    shown(creation(&visitor.viewer, &visitor.place, &Filled::blank()))
}

#[post("/{org_id}/settings/webhooks/new")]
async fn create(
    console: web::Data<Console>,
    sender: Sender<ManageWebhooks>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor: Visitor { granted, viewer, place, .. }, typed } = sender;
    let draft = draft(&typed);
    match console.run(move |uc| uc.webhooks.create(&granted, draft)).await {
        Ok((webhook, secret)) => {
            Ok(shown(once(&viewer, &place, &webhook, "The webhook is made", secret)))
        }
        Err(error) => {
            let (status, faults) = faults_of(error)?;
            Ok(refused(status, creation(&viewer, &place, &typed.refused(faults))))
        }
    }
}

/// It hears of things at once; whether it goes on doing so is switched by a button of its own, which no form undoes that was opened
/// earlier.
pub(super) fn draft(typed: &Typed) -> WebhookDraft {
    WebhookDraft {
        url: typed.text("url").into(),
        description: typed.text("description").into(),
        events: typed.all("events").map(str::to_owned).collect(),
        is_active: true,
    }
}

/// What is asked of somebody who wants a webhook.
pub(super) fn fields(form: Form) -> Form {
    let all = [Choice::new("*", "Everything")
        .hint("All that stand below today. Tick what comes later when it is there.")];
    let known = EventType::ALL.into_iter().filter(|kind| kind.is_subscribable());
    let known = known.map(|kind| Choice::new(kind.as_str(), kind.as_str()).hint(meaning(kind)));
    form.field(
        Field::text("url", "Address")
            .hint("Called by POST with JSON. It must be reachable from this server.")
            .placeholder("https://example.com/keywright")
            .required(),
    )
    .field(Field::text("description", "Description").hint("What it is for."))
    .field(Field::ticks("events", "Events", all.into_iter().chain(known).collect()).required())
}

fn meaning(kind: EventType) -> &'static str {
    match kind {
        EventType::KeyCreated => "A key was made or imported.",
        EventType::KeyRotated => "A key has a new secret.",
        EventType::KeyRevoked => "A key was revoked or deleted.",
        EventType::KeyExpiring => "A key ends soon.",
        EventType::KeyExpired => "A key has ended.",
        EventType::KeyLimitReached => "A key has used up its rate.",
        EventType::ExecutionCompleted => "An execution ended with a result.",
        EventType::ExecutionFailed => "An execution failed.",
        EventType::MemberInvited => "Somebody was invited.",
        EventType::WebhookDisabled => "A webhook was switched off, since nothing arrives there.",
        EventType::WebhookTest => "Somebody tries a webhook out.",
    }
}

fn creation(viewer: &Viewer, place: &Place, filled: &Filled) -> Markup {
    let form = Form::post(place.href(&format!("{PATH}/new")), &viewer.csrf);
    let form = fields(form)
        .button(Button::submit("Create webhook").primary())
        .back(place.href(PATH))
        .reveals();
    let body = html! {
        (breadcrumbs(&[("Webhooks", place.href(PATH))], "New"))
        (heading("Create a webhook", html! {}))
        (form.render(filled))
    };
    framed(viewer, "Create a webhook", TAB, None, body)
}

fn table(place: &Place, webhooks: &[Webhook]) -> Markup {
    let table = Table::new("Webhooks").text("Address").text("Status").text("Events");
    let row = |table: Table, webhook: &Webhook| {
        table.row(vec![
            html! {
                a href=(place.href(&format!("{PATH}/{}", webhook.id))) { (webhook.url) }
                @if !webhook.description.is_empty() { br; span .quiet { (webhook.description) } }
            },
            state(webhook),
            html! { (events(webhook)) },
        ])
    };
    let table = webhooks.iter().fold(table, row);
    html! { (table) }
}

fn events(webhook: &Webhook) -> String {
    let all = EventType::ALL.into_iter().filter(|kind| kind.is_subscribable()).count();
    match webhook.events.as_slice() {
        events if events.len() == all => "all".into(),
        [one] => one.as_str().into(),
        [first, others @ ..] => format!("{} and {} more", first.as_str(), others.len()),
        [] => "none".into(),
    }
}

/// Whether it is told of anything, and if not, why.
pub(super) fn state(webhook: &Webhook) -> Markup {
    match (webhook.is_active, webhook.disabled) {
        (true, _) if webhook.failing_since.is_some() => badge("Failing", Tone::Warning),
        (true, _) => badge("Active", Tone::Good),
        (false, Some(DisabledReason::Failing)) => badge("Switched off: nothing arrived", Tone::Bad),
        (false, Some(DisabledReason::Gone)) => badge("Switched off: answered “gone”", Tone::Bad),
        (false, None) => badge("Inactive", Tone::Neutral),
    }
}

/// What a webhook signs with, this once.
pub(super) fn once(
    viewer: &Viewer,
    place: &Place,
    webhook: &Webhook,
    title: &str,
    secret: Secret,
) -> Markup {
    let secret = secret.reveal_once();
    let done = place.href(&format!("{PATH}/{}", webhook.id));
    let panel = SecretShown {
        title,
        what: "the signing secret",
        secret: &secret,
        text: "Whoever has it can write what your receiver believes to be from here.",
        next: html! {
            p {
                "Give it to what receives the calls: it checks the header " code { "webhook-signature" }
                " with it, as the Standard Webhooks libraries of most languages do."
            }
        },
        done: &done,
    };
    framed(viewer, "Signing secret", TAB, None, panel.render())
}
