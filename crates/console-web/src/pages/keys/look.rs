//! One key: everything that is told of it, and its terms to be changed.

use access_domain::{KeySecret, ManagedKey};
use actix_web::{HttpResponse, web};
use api_types::Refusal;
use auth_actix::ApiError;
use deployments_domain::UsageBucket;
use keys_core::{RateLimit, Timestamp};
use maud::{Markup, html};

use super::{Owned, Owner, Ring, ask, key_id, list::buttons, name_of, now, state, terms};
use crate::{
    Console,
    layout::page,
    pages::{flash, refused, see_other, shown},
    parts::{Button, Filled, Form, Table, ago, copyable, count, definitions, panel, time, time_or},
    typed::faults_of,
    visitor::{Sender, Visitor},
};

pub(super) async fn look<O: Owner>(
    console: web::Data<Console>,
    visitor: Visitor<O>,
) -> Result<HttpResponse, ApiError> {
    let id = key_id(&visitor)?;
    let ring = Ring::open(visitor)?;
    let query = ring.query.clone();
    let (owned, (key, used, now)) = ask(&console, ring, move |uc, ring, _| {
        let (key, used) = ring.key(uc, id)?;
        Ok((key, used, now(uc)))
    })
    .await?;
    let name = name_of(&key);
    let edit = html! {
        (state(&key, now))
        @if key.revoked.is_none() && owned.may_change() { (Button::opens("Edit", owned.href(id, "/edit"))) }
    };
    let body = html! {
        (owned.head_of(&key, edit))
        (facts(&owned, &key, &used))
        h2 { "Secrets" }
        (secrets(&key, now))
        div .buttons { (buttons(&owned, &key)) }
    };
    let done = flash(&query, &[("saved", "Saved.")]);
    Ok(shown(page(owned.frame(&name).flash(done), body)))
}

pub(super) async fn edit<O: Owner>(
    console: web::Data<Console>,
    visitor: Visitor<O>,
) -> Result<HttpResponse, ApiError> {
    let id = key_id(&visitor)?;
    let (owned, key) =
        ask(&console, Ring::open(visitor)?, move |uc, ring, _| Ok(uc.keys.get(&ring.desk, id)?))
            .await?;
    Ok(shown(form(&owned, &key, &terms::filled(&key))))
}

pub(super) async fn save<O: Owner>(
    console: web::Data<Console>,
    sender: Sender<O>,
) -> Result<HttpResponse, ApiError> {
    let Sender { visitor, typed } = sender;
    let id = key_id(&visitor)?;
    let text = typed.clone();
    let (owned, (key, saved)) = ask(&console, Ring::open(visitor)?, move |uc, ring, _| {
        let key = uc.keys.get(&ring.desk, id)?;
        let saved = terms::edit(&text, &key).and_then(|edit| {
            let changed = uc.keys.change(&ring.desk, id, &edit);
            changed.map(drop).map_err(|error| Refusal::from(error).into())
        });
        Ok((key, saved))
    })
    .await?;
    match saved {
        Ok(()) => Ok(see_other(owned.href(id, "?done=saved"))),
        Err(error) => {
            let (status, faults) = faults_of(error)?;
            Ok(refused(status, form(&owned, &key, &typed.refused(faults))))
        }
    }
}

fn form(owned: &Owned, key: &ManagedKey, filled: &Filled) -> Markup {
    let form = Form::post(owned.href(key.id, "/edit"), owned.csrf()).field(terms::description());
    let scopes = if key.deployment.is_none() { terms::scopes() } else { Vec::new() };
    let fields = scopes.into_iter().chain([terms::end()]).chain(terms::limits());
    let form = fields.fold(form, Form::field).button(Button::submit("Save").primary());
    let title = format!("Edit “{}”", name_of(key));
    owned.page(&title, panel(&title, form.back(owned.href(key.id, "")).render(filled)))
}

fn facts(owned: &Owned, key: &ManagedKey, used: &UsageBucket) -> Markup {
    let terms = &key.terms;
    let id = key.id.uuid().to_string();
    let usage = match &owned.deployment {
        Some(shown) => format!("/usage?deployment={}&key_id={id}", shown.thing.id.uuid()),
        None => format!("/usage?key_id={id}"),
    };
    let none = |word: &str| html! { span .quiet { (word) } };
    let mut facts = Vec::new();
    if let Some(revoked) = &key.revoked {
        facts.push((
            "Revoked",
            html! { (time(revoked.at)) @if !revoked.reason.is_empty() { ": " (revoked.reason) } },
        ));
    }
    if !key.name.is_empty() {
        facts.push(("Description", html! { (terms.description) }));
    }
    if key.deployment.is_none() {
        facts.push(("Scopes", scopes(key)));
    }
    facts.extend([
        ("Used", html! {
            (count(used.uses())) " times in the last day · "
            a href=(owned.place.href(&usage)) { "Usage" }
        }),
        ("Expires", time_or(terms.expires_at, "never")),
        ("Requests a minute", match terms.rate_limit.map(RateLimit::calls) {
            Some(calls) => html! { (count(calls.into())) },
            None => none("no limit of its own"),
        }),
        ("Allowed networks", if terms.allowlist.iter().next().is_none() {
            none("any")
        } else {
            html! { @for network in terms.allowlist.iter() { code { (network.to_string()) } " " } }
        }),
        ("Made", time(key.created_at)),
        ("Id", copyable(&id, "the id")),
    ]);
    definitions(facts)
}

fn scopes(key: &ManagedKey) -> Markup {
    html! {
        @if key.terms.scopes.is_empty() { span .quiet { "none: it opens nothing but services that ask for none" } }
        @for scope in key.terms.scopes.iter() { code { (scope.as_str()) } " " }
    }
}

fn secrets(key: &ManagedKey, now: Timestamp) -> Markup {
    let table = Table::new("Secrets")
        .text("Secret")
        .text("Fingerprint")
        .text("Made")
        .text("Last used")
        .text("Expires");
    let row = |table: Table, secret: &KeySecret| {
        table.row(vec![
            html! { code { (secret.hint) } },
            html! { code { (secret.fingerprint.as_str()) } },
            time(secret.created_at),
            html! { @if let Some(at) = secret.last_used_at { (ago(at, now)) } @else { span .quiet { "never" } } },
            time_or(secret.grace_until, "with the key"),
        ])
    };
    html! {
        @if key.secrets.is_empty() { p .quiet { "It was imported, and has not been used here yet." } }
        @else { (key.secrets.iter().fold(table, row)) }
    }
}
