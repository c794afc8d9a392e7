//! The list of keys.

use std::collections::BTreeMap;

use access_domain::{KeyFilter, ManagedKey};
use actix_web::{HttpResponse, web};
use api_types::ErrorCode;
use auth_actix::ApiError;
use deployments_domain::UsageBucket;
use keys_core::{KeyId, Timestamp};
use maud::{Markup, html};

use super::{Owned, Owner, Ring, ask, name_of, now, state};
use crate::{
    Console,
    layout::page,
    pages::{deployments, flash, refused, shown},
    parts::{Button, Choice, Field, FilterBar, Table, ago, count, empty, pager, time_or},
    typed::{Typed, faults_of},
    visitor::Visitor,
};

/// What was done to a key, as the list tells it.
const DONE: [(&str, &str); 6] = [
    ("created", "The key is made."),
    ("activated", "The key is active."),
    ("deactivated", "The key is inactive: it opens nothing until it is activated again."),
    ("rotated", "The key has a new secret."),
    ("revoked", "The key is revoked, for good."),
    ("deleted", "The key is deleted."),
];

pub(super) async fn list<O: Owner>(
    console: web::Data<Console>,
    visitor: Visitor<O>,
) -> Result<HttpResponse, ApiError> {
    let ring = Ring::open(visitor)?;
    let query = ring.query.clone();
    let filter = match filter(&query) {
        Ok(filter) => filter,
        Err(error) => return wrong(&console, ring, error).await,
    };
    let wanted = query.page()?;
    let (owned, (found, used, now)) = ask(&console, ring, move |uc, ring, _| {
        let found = uc.keys.list(&ring.desk, &filter, wanted)?;
        let ids: Vec<KeyId> = found.items.iter().map(|key| key.id).collect();
        let used = uc.usage.of_keys(&ring.counts, ring.deployment_id(), &ids)?;
        Ok((found, used, now(uc)))
    })
    .await?;
    let base = &owned.base;
    let create = || Button::opens("Create key", format!("{base}/new")).primary();
    let cursor = query.given("cursor");
    let set = [("search", query.text("search")), ("revoked", query.text("revoked"))];
    let is_filtered = set.iter().any(|(_, value)| !value.is_empty());
    let next = found.next.map(|next| next.to_string());
    let body = html! {
        (owned.head(html! { @if owned.may_change() { (create()) } }))
        @if found.items.is_empty() && !is_filtered && cursor.is_none() {
            (nothing(&owned, owned.may_change().then(create)))
        } @else {
            (bar(&owned).render(&query.filled()))
            @if found.items.is_empty() { p { "No key is like that." } }
            @else { (table(&owned, &found.items, &used, now)) }
            (pager(base, &set, cursor, next.as_deref()))
        }
    };
    Ok(shown(page(owned.frame(title(&owned)).flash(flash(&query, &DONE)), body)))
}

fn title(owned: &Owned) -> &'static str {
    if owned.deployment.is_some() { "Manage Keys" } else { "API Keys" }
}

/// Which keys an address asks for.
fn filter(query: &Typed) -> Result<KeyFilter, ApiError> {
    let revoked = match query.text("revoked") {
        "" => None,
        "yes" => Some(true),
        "no" => Some(false),
        _ => {
            let detail = "is none of those";
            return Err(ApiError::at(ErrorCode::InvalidParameter, "/revoked", detail));
        }
    };
    Ok(KeyFilter { revoked, search: deployments::search(query)?, ..KeyFilter::default() })
}

/// The page of a filter that means nothing.
async fn wrong(console: &Console, ring: Ring, error: ApiError) -> Result<HttpResponse, ApiError> {
    let (status, faults) = faults_of(error)?;
    let filled = ring.query.refused(faults);
    let (owned, ()) = ask(console, ring, |_, _, _| Ok(())).await?;
    let body = html! { (owned.head(html! {})) (bar(&owned).render(&filled)) };
    Ok(refused(status, page(owned.frame(title(&owned)), body)))
}

fn nothing(owned: &Owned, create: Option<Button>) -> Markup {
    let text = if owned.deployment.is_some() {
        "Nobody can call this deployment until it has a key. Give each caller one of their own: it can then be rotated or revoked \
         without the others noticing."
    } else {
        "Keys of the organization stand alone: they open what their scopes say, such as models, verification, or services of your \
         own. A key that calls one deployment is made on that deployment's page."
    };
    empty("No keys yet", text, create)
}

fn bar(owned: &Owned) -> FilterBar {
    let states = vec![
        Choice::new("", "Any"),
        Choice::new("no", "Not revoked"),
        Choice::new("yes", "Revoked"),
    ];
    // Keys of a deployment have no names of their own.
    let searched = if owned.deployment.is_some() { "Find by description" } else { "Find by name" };
    FilterBar::new(&owned.base)
        .field(Field::search("search", searched))
        .field(Field::select("revoked", "State", states))
}

fn table(
    owned: &Owned,
    keys: &[ManagedKey],
    used: &BTreeMap<KeyId, UsageBucket>,
    now: Timestamp,
) -> Markup {
    let table = Table::new("Keys")
        .text("Key")
        .text("State")
        .text("Last used")
        .numbers("Uses, 24 h")
        .text("Expires")
        .buttons();
    let row = |table: Table, key: &ManagedKey| {
        let uses = used.get(&key.id).map_or(0, UsageBucket::uses);
        table.row(vec![
            html! {
                a href=(owned.href(key.id, "")) { (name_of(key)) }
                @for secret in &key.secrets {
                    br; code .quiet { (secret.hint) }
                    @if let Some(until) = secret.grace_until.filter(|until| *until > now && key.revoked.is_none()) {
                        " " span .quiet { "works until " (crate::parts::time(until)) }
                    }
                }
            },
            state(key, now),
            html! { @if let Some(at) = key.last_used_at() { (ago(at, now)) } @else { span .quiet { "never" } } },
            html! { (count(uses)) },
            time_or(key.terms.expires_at, "never"),
            buttons(owned, key),
        ])
    };
    let table = keys.iter().fold(table, row);
    html! { (table) }
}

/// What can be done with a key. A revoked one can only be deleted.
pub(super) fn buttons(owned: &Owned, key: &ManagedKey) -> Markup {
    let name = name_of(key);
    let at = |path: &str| owned.href(key.id, path);
    if !owned.may_change() {
        return html! {};
    }
    html! {
        @if key.revoked.is_none() {
            (Button::opens("Rotate", at("/rotate")).about(&name))
            @if key.terms.is_active { (Button::opens("Deactivate", at("/deactivate")).about(&name)) }
            @else { (Button::post("Activate", at("/activate"), owned.csrf()).about(&name)) }
            (Button::opens("Revoke", at("/revoke")).danger().about(&name))
        }
        (Button::opens("Delete", at("/delete")).danger().about(&name))
    }
}
