//! The two platform keys, of which at most one is active.

use std::collections::BTreeMap;

use access_domain::{ManagePlatformKeys, PlatformKey, ReadUsage, RefreshPlatformKey};
use actix_web::{HttpResponse, get, post, web};
use api_types::{ErrorCode, Refusal};
use auth_actix::ApiError;
use deployments_domain::{UsageBucket, UseCases};
use keys_core::{KeyId, PlatformKeys, Secret, Slot};
use maud::{Markup, Render as _, html};

use super::{framed, not_done, used};
use crate::{
    Console,
    layout::SettingsTab,
    pages::{flash, path_id, refused, see_other, shown},
    parts::{
        Button, Field, Filled, Flash, Question, SecretShown, Table, Tone, badge, code_block, count,
        heading, time, time_or,
    },
    typed::faults_of,
    viewer::{Place, Viewer},
    visitor::{Sender, Visitor},
};

const PATH: &str = "/settings/platform";
const TAB: SettingsTab = SettingsTab::Platform;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(look)
        .service(generate)
        .service(ask_to_refresh)
        .service(refresh)
        .service(ask_to_switch)
        .service(switch)
        .service(ask_to_delete)
        .service(delete);
}

type Uses = BTreeMap<KeyId, UsageBucket>;

/// What the page shows.
struct Slots {
    keys: PlatformKeys<PlatformKey>,
    uses: Uses,
}

impl Slots {
    fn find(
        uc: &UseCases,
        granted: &access_domain::Granted<ManagePlatformKeys>,
        reads: &access_domain::Granted<ReadUsage>,
    ) -> Result<Self, Refusal> {
        let keys = uc.platform_keys.list(granted)?;
        let ids: Vec<KeyId> =
            Slot::ALL.into_iter().filter_map(|slot| keys.get(slot)).map(|key| key.id).collect();
        let uses = uc.usage.of_keys(reads, None, &ids)?;
        Ok(Self { keys, uses })
    }

    fn named(&self, id: KeyId) -> Result<(Slot, &PlatformKey), ApiError> {
        let slot = self.keys.slot_of(|key| key.id == id);
        let found = slot.and_then(|slot| Some((slot, self.keys.get(slot)?)));
        found.ok_or_else(ApiError::not_found)
    }
}

#[get("/{org_id}/settings/platform")]
async fn look(
    console: web::Data<Console>,
    visitor: Visitor<ManagePlatformKeys>,
) -> Result<HttpResponse, ApiError> {
    let reads = visitor.also::<ReadUsage>()?;
    let Visitor { granted, viewer, place, query, .. } = visitor;
    let slots = console.run(move |uc| Slots::find(uc, &granted, &reads)).await?;
    let done = flash(
        &query,
        &[
            ("active", "The key is active, and the other one is not."),
            ("inactive", "The key is not active any more."),
            ("deleted", "The key is deleted."),
        ],
    );
    Ok(shown(both(&viewer, &place, &slots, done, &[])))
}

#[post("/{org_id}/settings/platform/generate")]
async fn generate(
    console: web::Data<Console>,
    sender: Sender<ManagePlatformKeys>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let reads = visitor.also::<ReadUsage>()?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let slot = typed.number::<i16>("slot")?.and_then(Slot::from_number);
    let slot = slot.ok_or_else(|| {
        ApiError::at(ErrorCode::InvalidValue, "/slot", "a platform key is Key #1 or Key #2")
    })?;
    let make = move |uc: &UseCases| -> Result<_, Refusal> {
        let made = uc.platform_keys.generate(&granted, Some(slot), None);
        match made {
            Ok((_, slot, secret)) => Ok(Ok((slot, secret))),
            Err(error) => Ok(Err((Refusal::from(error), Slots::find(uc, &granted, &reads)?))),
        }
    };
    match console.run(make).await? {
        Ok((slot, secret)) => Ok(shown(once(&viewer, &place, slot, "is generated", secret))),
        Err((refusal, slots)) => {
            let (status, faults) = faults_of(refusal.into())?;
            Ok(refused(status, both(&viewer, &place, &slots, None, &faults)))
        }
    }
}

#[get("/{org_id}/settings/platform/{id}/refresh")]
async fn ask_to_refresh(
    console: web::Data<Console>,
    visitor: Visitor<ManagePlatformKeys>,
) -> Result<HttpResponse, ApiError> {
    let id: KeyId = path_id(visitor.request(), "id")?;
    let reads = visitor.also::<ReadUsage>()?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let slots = console.run(move |uc| Slots::find(uc, &granted, &reads)).await?;
    let (slot, _) = slots.named(id)?;
    let question = Question {
        title: format!("Refresh {slot}?"),
        action: place.href(&format!("{PATH}/{id}/refresh")),
        csrf: viewer.csrf.clone(),
        back: place.href(PATH),
        button: Button::submit("Refresh").danger(),
        breaks: format!(
            "It gets a new secret, and the present one is refused from then on: whatever uses it stops working until it has the new \
             one. {}",
            used(slots.uses.get(&id))
        ),
        fields: vec![revoke_made()],
        reveals: true,
    };
    Ok(shown(framed(
        &viewer,
        "Refresh a platform key",
        TAB,
        None,
        question.render(&Filled::blank()),
    )))
}

#[post("/{org_id}/settings/platform/{id}/refresh")]
async fn refresh(
    console: web::Data<Console>,
    sender: Sender<RefreshPlatformKey>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id: KeyId = path_id(visitor.request(), "id")?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let revoke_made = typed.is_ticked("revoke_made");
    let refresh = move |uc: &UseCases| uc.platform_keys.refresh(&granted, id, revoke_made);
    let (_, slot, secret) = console.run(refresh).await?;
    Ok(shown(once(&viewer, &place, slot, "has a new secret", secret)))
}

/// Turning the switch of a key, where a key in use is lost by it.
#[get("/{org_id}/settings/platform/{id}/active")]
async fn ask_to_switch(
    console: web::Data<Console>,
    visitor: Visitor<ManagePlatformKeys>,
) -> Result<HttpResponse, ApiError> {
    let id: KeyId = path_id(visitor.request(), "id")?;
    let reads = visitor.also::<ReadUsage>()?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let slots = console.run(move |uc| Slots::find(uc, &granted, &reads)).await?;
    let (slot, _) = slots.named(id)?;
    let is_active = slots.keys.active() == Some(slot);
    let (deed, title) = if is_active {
        ("Deactivate", format!("Deactivate {slot}?"))
    } else {
        ("Activate", format!("Make {slot} the active key?"))
    };
    let breaks = match slots.keys.active() {
        None => format!("{slot} is accepted from then on."),
        Some(lost) => {
            let lost_key = slots.keys.get(lost).and_then(|key| slots.uses.get(&key.id));
            let then = if is_active {
                "No platform key is active then, until you switch one on."
            } else {
                "Whatever uses it needs the other key first."
            };
            format!("{lost} opens nothing from then on. {} {then}", used(lost_key))
        }
    };
    let button = Button::submit(deed).field("is_active", (!is_active).to_string());
    let question = Question {
        title,
        action: place.href(&format!("{PATH}/{id}/active")),
        csrf: viewer.csrf.clone(),
        back: place.href(PATH),
        button: button.danger(),
        breaks,
        fields: Vec::new(),
        reveals: false,
    };
    let body = question.render(&Filled::blank());
    Ok(shown(framed(&viewer, "Switch a platform key", TAB, None, body)))
}

#[post("/{org_id}/settings/platform/{id}/active")]
async fn switch(
    console: web::Data<Console>,
    sender: Sender<ManagePlatformKeys>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id: KeyId = path_id(visitor.request(), "id")?;
    let Visitor { granted, place, .. } = visitor;
    let is_active = typed.text("is_active") == "true";
    console.run(move |uc| uc.platform_keys.set_active(&granted, id, is_active)).await?;
    let done = if is_active { "active" } else { "inactive" };
    Ok(see_other(place.href(&format!("{PATH}?done={done}"))))
}

#[get("/{org_id}/settings/platform/{id}/delete")]
async fn ask_to_delete(
    console: web::Data<Console>,
    visitor: Visitor<ManagePlatformKeys>,
) -> Result<HttpResponse, ApiError> {
    let id: KeyId = path_id(visitor.request(), "id")?;
    let reads = visitor.also::<ReadUsage>()?;
    let Visitor { granted, viewer, place, .. } = visitor;
    let slots = console.run(move |uc| Slots::find(uc, &granted, &reads)).await?;
    let (slot, _) = slots.named(id)?;
    let none_left = if slots.keys.active() == Some(slot) {
        " No platform key is active then, until you switch the other one on or generate one."
    } else {
        ""
    };
    let question = Question {
        title: format!("Delete {slot}?"),
        action: place.href(&format!("{PATH}/{id}/delete")),
        csrf: viewer.csrf.clone(),
        back: place.href(PATH),
        button: Button::submit("Delete").danger(),
        breaks: format!(
            "Whatever uses it is refused from now on, for good.{none_left} {}",
            used(slots.uses.get(&id))
        ),
        fields: vec![revoke_made()],
        reveals: false,
    };
    Ok(shown(framed(
        &viewer,
        "Delete a platform key",
        TAB,
        None,
        question.render(&Filled::blank()),
    )))
}

#[post("/{org_id}/settings/platform/{id}/delete")]
async fn delete(
    console: web::Data<Console>,
    sender: Sender<ManagePlatformKeys>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id: KeyId = path_id(visitor.request(), "id")?;
    let Visitor { granted, place, .. } = visitor;
    let revoke_made = typed.is_ticked("revoke_made");
    console.run(move |uc| uc.platform_keys.delete(&granted, id, revoke_made)).await?;
    Ok(see_other(place.href(&format!("{PATH}?done=deleted"))))
}

fn revoke_made() -> Field {
    Field::tick("revoke_made", "Revoke every key that it made")
        .hint("If it leaked, whoever had it may have made keys with it.")
}

fn both(
    viewer: &Viewer,
    place: &Place,
    slots: &Slots,
    done: Option<Flash<'_>>,
    faults: &[api_types::ProblemError],
) -> Markup {
    let table = Table::new("Platform API keys")
        .text("Key")
        .text("Secret")
        .text("Active")
        .numbers("Used, 24 h")
        .text("Last used")
        .buttons();
    let table = Slot::ALL.into_iter().fold(table, |table, slot| {
        let cells = match slots.keys.get(slot) {
            Some(key) => filled(viewer, place, slots, slot, key),
            None => vacant(viewer, place, slot),
        };
        table.row(cells)
    });
    let headers =
        format!("Authorization: Bearer <platform key>\nX-Organization-Id: {}", place.slug);
    let body = html! {
        (heading("Platform Settings", html! {}))
        (not_done(faults))
        section aria-labelledby="platform-keys" {
            h2 #platform-keys { "Platform API Keys" }
            p {
                "A platform key speaks for the whole organization: for MCP servers, CI/CD pipelines and services that manage workflows, "
                "deployments and keys. There are two places, so that one can be replaced while the other is in use; one of them is "
                "active at a time. To call one deployment, use a key of that deployment instead."
            }
            (table)
            @if slots.keys.active().is_none() {
                p { (badge("None active", Tone::Warning)) " No platform key is accepted until one is switched on." }
            }
        }
        section aria-labelledby="platform-use" {
            h2 #platform-use { "How it is used" }
            (code_block("Headers of a request", &headers))
        }
    };
    framed(viewer, "Platform Settings", TAB, done, body)
}

fn filled(
    viewer: &Viewer,
    place: &Place,
    slots: &Slots,
    slot: Slot,
    key: &PlatformKey,
) -> Vec<Markup> {
    let at = |deed: &str| place.href(&format!("{PATH}/{}/{deed}", key.id));
    let (name, is_active) = (slot.to_string(), slots.keys.active() == Some(slot));
    let uses = slots.uses.get(&key.id).map_or(0, UsageBucket::uses);
    vec![
        html! { (name) },
        html! { code { (key.hint) } br; span .quiet { "since " (time(key.secret_created_at)) } },
        switch_of(at("active"), viewer, slots, is_active).about(&name).render(),
        html! { (count(uses)) },
        // When a key was used is stored a minute later at most.
        time_or(key.last_used_at, if uses == 0 { "never" } else { "just now" }),
        html! {
            (Button::opens("Refresh", at("refresh")).about(&name))
            (Button::opens("Delete", at("delete")).danger().about(&name))
        },
    ]
}

/// Where a key in use is lost by it, it asks.
fn switch_of(at: String, viewer: &Viewer, slots: &Slots, is_active: bool) -> Button {
    if slots.keys.active().is_some() {
        Button::asking_switch("Active", at, is_active)
    } else {
        Button::switch("Active", at, &viewer.csrf, "is_active", is_active)
    }
}

fn vacant(viewer: &Viewer, place: &Place, slot: Slot) -> Vec<Markup> {
    let button = Button::post("Generate", place.href(&format!("{PATH}/generate")), &viewer.csrf);
    let button = button.field("slot", slot.number().to_string()).reveals();
    vec![
        html! { (slot) },
        html! { span .quiet { "no key" } },
        html! { "–" },
        html! { "–" },
        html! { "–" },
        html! { (button.primary().about(slot.to_string())) },
    ]
}

/// The secret of a key, this once.
fn once(viewer: &Viewer, place: &Place, slot: Slot, what: &str, secret: Secret) -> Markup {
    let (secret, done) = (secret.reveal_once(), place.href(PATH));
    let panel = SecretShown {
        title: &format!("{slot} {what}"),
        what: "the platform key",
        secret: &secret,
        text: "Whoever has it may do nearly everything in this organization.",
        next: html! {
            p {
                "Send it as " code { "Authorization: Bearer …" } " with " code { "X-Organization-Id: " (place.slug) } "."
            }
        },
        done: &done,
    };
    framed(viewer, "Platform key", TAB, None, panel.render())
}
