//! The terms of a key as fields of a form, the same for a new key and for one that is changed.

use access_domain::{KeyDraft, KeyEdit, KeyShape, ManagedKey, TermDraft};
use auth_actix::ApiError;
use keys_core::{KeyEnvironment, RateLimit, Scope};

use crate::{
    pages::reading::Reading,
    parts::{Choice, Field, Filled, date_time_text},
    typed::Typed,
};

/// What the server's own scopes open.
fn known_scopes() -> Vec<Choice> {
    let meaning = |scope: &str| match scope {
        Scope::ADMIN => {
            "Everything that a platform key may, but platform keys and MCP. Includes every other scope."
        }
        "analytics:read" => "Read the usage of the whole organization.",
        "inference:read" => "List the models.",
        "inference:write" => "Ask models.",
        "keys:verify" => "Have keys verified, for services that check keys here.",
        _ => "",
    };
    Scope::RESERVED.iter().map(|scope| Choice::new(*scope, *scope).hint(meaning(scope))).collect()
}

pub(super) fn name() -> Field {
    Field::text("name", "Name")
        .hint("Whose it is, or what for. It never changes and is not used twice.")
        .required()
}

pub(super) fn description() -> Field {
    Field::text("description", "Description").hint("Whom it is for, or what.")
}

pub(super) fn scopes() -> Vec<Field> {
    vec![
        Field::ticks("scopes", "Scopes", known_scopes())
            .hint("What it may be used for. Give as little as will do."),
        Field::text("own_scopes", "Scopes of your own")
            .hint("For your own services, with commas between: orders:read, orders:write."),
    ]
}

pub(super) fn days() -> Field {
    Field::number("expires_in_days", "Lifetime in days").hint("Empty: until it is revoked.")
}

pub(super) fn limits() -> Vec<Field> {
    vec![
        Field::number("rate_limit_per_minute", "Requests a minute")
            .hint("Empty: no limit of its own."),
        Field::area("ip_allowlist", "Allowed networks", 2)
            .hint("One in a line, as 192.0.2.7 or 10.0.0.0/8. Empty: from anywhere."),
    ]
}

pub(super) fn end() -> Field {
    Field::date_time("expires_at", "Expires at (UTC)").hint("Empty: never.")
}

pub(super) fn looks() -> Vec<Field> {
    let shapes = vec![
        Choice::new("checksummed", "With a checksum")
            .hint("kw_live_…: typos and leaks are found without asking."),
        Choice::new("prefix_secret", "Prefix and secret")
            .hint("n58lzybi.1M2b…, as other systems make them."),
    ];
    let environments = vec![Choice::new("live", "live"), Choice::new("test", "test")];
    vec![
        Field::radios("format", "Format", shapes),
        Field::select("env", "Environment", environments).hint("A label in the key, nothing more."),
    ]
}

/// A new key's form before anything was typed.
pub(super) fn blank() -> Filled {
    Filled::blank().with("format", "checksummed").with("env", "live")
}

/// What stands in the fields for `key`.
pub(super) fn filled(key: &ManagedKey) -> Filled {
    let terms = &key.terms;
    let allowlist: Vec<String> = terms.allowlist.iter().map(ToString::to_string).collect();
    let limit = terms.rate_limit.map(RateLimit::calls).map(|calls| calls.to_string());
    let own = |scope: &&Scope| !Scope::RESERVED.contains(&scope.as_str());
    let own: Vec<&str> = terms.scopes.iter().filter(own).map(Scope::as_str).collect();
    let filled = Filled::blank()
        .with("description", &terms.description)
        .with("rate_limit_per_minute", limit.unwrap_or_default())
        .with("ip_allowlist", allowlist.join("\n"))
        .with("expires_at", terms.expires_at.map(date_time_text).unwrap_or_default())
        .with("own_scopes", own.join(", "));
    terms.scopes.iter().fold(filled, |filled, scope| filled.with("scopes", scope.as_str()))
}

fn read_scopes(reading: &Reading<'_>, typed: &Typed) -> Vec<String> {
    let known = typed.all("scopes").map(str::to_owned);
    known.chain(reading.list("own_scopes")).collect()
}

/// A new key as it was typed. Of a deployment's, name, scopes and looks are left as they are.
pub(super) fn draft(typed: &Typed) -> Result<KeyDraft, ApiError> {
    let mut reading = Reading::of(typed);
    let draft = KeyDraft {
        name: reading.text("name"),
        description: reading.text("description"),
        scopes: read_scopes(&reading, typed),
        term: TermDraft {
            expires_at: reading.instant("expires_at"),
            expires_in_days: reading.number("expires_in_days"),
        },
        rate_limit_per_minute: reading.number("rate_limit_per_minute"),
        ip_allowlist: reading.list("ip_allowlist"),
        metadata: "{}".into(),
        shape: match typed.text("format") {
            "prefix_secret" => KeyShape::PrefixSecret,
            _ => KeyShape::Checksummed,
        },
        environment: match typed.text("env") {
            "test" => KeyEnvironment::Test,
            _ => KeyEnvironment::Live,
        },
    };
    reading.done(draft)
}

/// What was changed of a key. Fields hold minutes: an end that reads as it did stays as it is, to the second.
pub(super) fn edit(typed: &Typed, key: &ManagedKey) -> Result<KeyEdit, ApiError> {
    let mut reading = Reading::of(typed);
    let was = key.terms.expires_at.map(date_time_text).unwrap_or_default();
    let expires_at = reading.instant("expires_at");
    let edit = KeyEdit {
        is_active: None,
        description: Some(reading.text("description")),
        scopes: key.deployment.is_none().then(|| read_scopes(&reading, typed)),
        expires_at: (typed.text("expires_at") != was).then_some(expires_at),
        rate_limit_per_minute: Some(reading.number("rate_limit_per_minute")),
        ip_allowlist: Some(reading.list("ip_allowlist")),
        metadata: None,
    };
    reading.done(edit)
}
