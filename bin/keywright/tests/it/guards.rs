//! Services of others, guarded by a layer: they refuse and let in as `/v1/keys/verify` says, with a
//! store of their own and by a server.

mod doors;
mod remote;

use std::time::Duration;

use access_domain::Clock as _;
use keys_core::{Allowlist, Key, RateLimit, Scopes, Timestamp};
use serde_json::{Value, json};
use test_support::{app::TestApp, databases::Database};

use self::doors::{Door, Sent, Told};

const NOBODYS: &str = "unst_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// How long keys of the table that end are good, and secrets that were replaced.
const TERM: Duration = Duration::from_secs(3600);

/// A key, what is sent with a request, and what becomes of it.
struct Row {
    name: &'static str,
    /// With what the server makes the key.
    terms: Value,
    then: Then,
    /// The same facts in a store of one's own.
    own: fn(&mut Key<String>, start: Timestamp),
    shown: Shown,
    from: Option<&'static str>,
    /// Of so many calls the last is looked at.
    calls: usize,
    verdict: &'static str,
    refusal: Option<(u16, &'static str)>,
}

/// What is done with the key once it is made.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Nothing,
    Revoke,
    SwitchOff,
    /// And the older secret is shown.
    Rotate,
    /// It is a deployment's, which is switched off.
    StopDeployment,
}

/// What is sent.
#[derive(Clone, Copy, PartialEq)]
enum Shown {
    Key,
    /// By `Api-Key`, beside the same key by `Authorization`.
    KeyTwice,
    Unknown,
    Malformed,
    /// The key with another last letter, so that its checksum fails.
    Mistyped,
    /// No key, but a cookie and a password.
    Nothing,
    /// Another key beside it.
    Two,
}

impl Row {
    fn of(name: &'static str, verdict: &'static str, refusal: Option<(u16, &'static str)>) -> Self {
        Self {
            name,
            terms: json!({}),
            then: Then::Nothing,
            own: |_, _| {},
            shown: Shown::Key,
            from: Some("192.0.2.7"),
            calls: 1,
            verdict,
            refusal,
        }
    }
}

/// Each verdict, each way not to have one, and for what limits and lists are what they let in.
#[expect(clippy::too_many_lines, reason = "a table with a row for each case")]
fn rows(end: &str) -> Vec<Row> {
    let allowlist = |key: &mut Key<String>, _: Timestamp| {
        key.allowlist = Allowlist::new(vec!["192.0.2.0/24".parse().unwrap()]).unwrap();
    };
    let limit = |key: &mut Key<String>, _: Timestamp| key.rate_limit = RateLimit::per_minute(2);
    let end_of = |key: &mut Key<String>, start: Timestamp| key.expires_at = Some(start + TERM);
    let unknown = Some((401, "invalid_credential"));
    let not_there = Some((403, "ip_not_allowed"));
    vec![
        Row::of("valid", "VALID", None),
        Row { shown: Shown::KeyTwice, ..Row::of("twice", "VALID", None) },
        Row { shown: Shown::Unknown, ..Row::of("unknown", "NOT_FOUND", unknown) },
        Row { shown: Shown::Malformed, ..Row::of("malformed", "NOT_FOUND", unknown) },
        Row { shown: Shown::Mistyped, ..Row::of("mistyped", "NOT_FOUND", unknown) },
        Row {
            then: Then::Revoke,
            own: |key, start| key.revoked_at = Some(start),
            ..Row::of("revoked", "REVOKED", Some((401, "key_revoked")))
        },
        Row {
            terms: json!({"expires_at": end}),
            own: end_of,
            ..Row::of("expired", "EXPIRED", Some((401, "key_expired")))
        },
        Row {
            then: Then::Rotate,
            own: |key, start| key.grace_until = Some(start + TERM),
            ..Row::of("grace-over", "EXPIRED", Some((401, "key_expired")))
        },
        Row {
            then: Then::SwitchOff,
            own: |key, _| key.is_active = false,
            ..Row::of("inactive", "INACTIVE", Some((401, "key_inactive")))
        },
        Row {
            then: Then::StopDeployment,
            own: |key, _| key.owner_is_active = false,
            ..Row::of("stopped", "DEPLOYMENT_INACTIVE", Some((401, "deployment_inactive")))
        },
        Row {
            terms: json!({"scopes": ["orders:write"]}),
            own: |key, _| key.scopes = Scopes::new(["orders:write".parse().unwrap()]).unwrap(),
            ..Row::of("scopeless", "INSUFFICIENT_SCOPE", Some((403, "insufficient_scope")))
        },
        Row {
            terms: json!({"ip_allowlist": ["192.0.2.0/24"]}),
            own: allowlist,
            ..Row::of("within", "VALID", None)
        },
        Row {
            terms: json!({"ip_allowlist": ["192.0.2.0/24"]}),
            own: allowlist,
            from: Some("198.51.100.1"),
            ..Row::of("elsewhere", "IP_NOT_ALLOWED", not_there)
        },
        Row {
            terms: json!({"ip_allowlist": ["192.0.2.0/24"]}),
            own: allowlist,
            from: None,
            ..Row::of("nowhere", "IP_NOT_ALLOWED", not_there)
        },
        Row {
            terms: json!({"rate_limit_per_minute": 2}),
            own: limit,
            calls: 2,
            ..Row::of("limited", "VALID", None)
        },
        Row {
            terms: json!({"rate_limit_per_minute": 2}),
            own: limit,
            calls: 3,
            ..Row::of("spent", "RATE_LIMITED", Some((429, "rate_limited")))
        },
        Row { shown: Shown::Nothing, ..Row::of("none", "", Some((401, "missing_credential"))) },
        Row { shown: Shown::Two, ..Row::of("two", "", Some((400, "ambiguous_credentials"))) },
    ]
}

/// A row's key as one door knows it, which has its own: some spend its limit.
struct Given {
    row: Row,
    plaintext: String,
}

async fn given(app: &TestApp, door: &str, row: Row) -> Given {
    let name = format!("{}-{door}", row.name);
    if row.then == Then::StopDeployment {
        let deployment = app.given_deployment(&name.replace(' ', "-")).await;
        let path = format!("/unstract/acme/api/v2/api-deployment/{}/", deployment.id);
        app.platform().patch(&path, json!({"is_active": false})).await.ok();
        return Given { row, plaintext: deployment.key };
    }
    let mut draft = json!({"name": name, "scopes": ["orders:read"]});
    draft.as_object_mut().unwrap().extend(row.terms.as_object().unwrap().clone());
    let made = app.platform().post("/v1/api-keys", draft).await.created();
    let path = format!("/v1/api-keys/{}", made["id"].as_str().unwrap());
    let platform = app.platform();
    match row.then {
        Then::Nothing | Then::StopDeployment => {}
        Then::Revoke => {
            platform.post(&format!("{path}/revoke"), json!({})).await.ok();
        }
        Then::SwitchOff => {
            platform.patch(&path, json!({"is_active": false})).await.ok();
        }
        Then::Rotate => {
            let grace = json!({"grace_seconds": TERM.as_secs()});
            platform.post(&format!("{path}/rotate"), grace).await.ok();
        }
    }
    Given { row, plaintext: made["key"].as_str().unwrap().to_owned() }
}

impl Given {
    /// What a request of this row carries.
    fn sent(&self) -> Sent {
        let key = self.shown();
        let bearer = ("authorization", format!("Bearer {key}"));
        let headers = match self.row.shown {
            Shown::Key | Shown::Unknown | Shown::Malformed | Shown::Mistyped => vec![bearer],
            Shown::KeyTwice => vec![("api-key", key), bearer],
            Shown::Two => vec![("api-key", NOBODYS.to_owned()), bearer],
            Shown::Nothing => vec![("cookie", "kw_session=x".to_owned())],
        };
        Sent { headers, from: self.row.from }
    }

    fn shown(&self) -> String {
        match self.row.shown {
            Shown::Key | Shown::KeyTwice | Shown::Two | Shown::Nothing => self.plaintext.clone(),
            Shown::Unknown => NOBODYS.to_owned(),
            Shown::Malformed => "no key of anybody".to_owned(),
            Shown::Mistyped => {
                let last = if self.plaintext.ends_with('0') { "1" } else { "0" };
                format!("{}{last}", &self.plaintext[..self.plaintext.len() - 1])
            }
        }
    }

    fn facts(&self, start: Timestamp) -> Key<String> {
        let scopes = Scopes::new(["orders:read".parse().unwrap()]).unwrap();
        let mut key = Key { scopes, ..Key::new(self.row.name.to_owned()) };
        (self.row.own)(&mut key, start);
        key
    }
}

/// The last of a row's calls is answered as the row says.
async fn holds(door: &Door, given: &Given) {
    let mut told = door.call(given.sent()).await;
    for _ in 1..given.row.calls {
        told = door.call(given.sent()).await;
    }
    let what = format!("{} at {}: {told:?}", given.row.name, door.name);
    match given.row.refusal {
        None => {
            assert_eq!((told.status, told.code.as_str()), (200, ""), "{what}");
            assert_eq!(told.handler.as_deref(), Some("orders:read"), "{what}");
        }
        Some((status, code)) => {
            assert_eq!((told.status, told.code.as_str()), (status, code), "{what}");
            assert_eq!(told.handler, None, "the service was not asked: {what}");
            is_problem(&told, &what);
        }
    }
    if given.row.calls > 1 {
        assert_eq!(told.header("x-ratelimit-remaining"), "0", "{what}");
        assert_eq!(told.header("ratelimit-policy"), r#""key";q=2;w=60"#, "{what}");
        assert_eq!(told.header("ratelimit"), r#""key";r=0;t=60"#, "{what}");
    }
}

#[track_caller]
fn is_problem(told: &Told, what: &str) {
    assert_eq!(told.header("content-type"), "application/problem+json", "{what}");
    let authenticate = told.header("www-authenticate");
    assert_eq!(authenticate.is_empty(), told.status != 401, "{what}");
    let retry = match told.status {
        429 => "30",
        503 => "2",
        _ => "",
    };
    assert_eq!(told.header("retry-after"), retry, "{what}");
    assert_eq!(told.body["request_id"], "asked-by-a-test", "{what}");
    assert_eq!(told.body["status"], told.status, "{what}");
    assert_eq!(told.body["errors"][0]["code"], told.code.as_str(), "{what}");
}

#[actix_web::test]
async fn guarded_services_refuse_and_let_in_as_a_verification_says() {
    let app = crate::start(Database::sqlite()).await;
    let start = app.clock.now();
    let end = (start + TERM).to_rfc3339();
    let doors = doors::all(&app).await;
    let mut tables = Vec::new();
    for name in std::iter::once("verify").chain(doors.iter().map(|door| door.name)) {
        let mut table = Vec::new();
        for row in rows(&end) {
            table.push(given(&app, name, row).await);
        }
        tables.push(table);
    }
    for (door, table) in doors.iter().zip(&tables[1..]) {
        for given in table {
            door.know(&given.plaintext, given.facts(start));
        }
    }
    app.clock.advance(TERM);
    for given in &tables[0] {
        if !given.row.verdict.is_empty() {
            let mut told = verified(&app, given).await;
            for _ in 1..given.row.calls {
                told = verified(&app, given).await;
            }
            assert_eq!(told["code"], given.row.verdict, "{}: {told}", given.row.name);
        }
    }
    for (door, table) in doors.iter().zip(&tables[1..]) {
        for given in table {
            holds(door, given).await;
        }
    }
}

async fn verified(app: &TestApp, given: &Given) -> Value {
    let mut question = json!({"key": given.shown(), "scopes": ["orders:read"]});
    if let Some(from) = given.row.from {
        question["ip"] = from.into();
    }
    app.platform().post("/v1/keys/verify", question).await.ok()
}

#[actix_web::test]
async fn a_service_answers_503_when_nobody_can_say_what_a_key_is_worth() {
    for door in doors::without_anybody_to_ask().await {
        let sent = Sent { headers: vec![("api-key", NOBODYS.to_owned())], from: None };
        let told = door.call(sent).await;
        let what = format!("{}: {told:?}", door.name);
        assert_eq!((told.status, told.code.as_str()), (503, "unavailable"), "{what}");
        assert_eq!(told.handler, None, "{what}");
        is_problem(&told, &what);
        assert!(!told.body.to_string().contains("the table burnt down"), "{what}");
        let nothing = door.call(Sent { headers: Vec::new(), from: None }).await;
        assert_eq!(nothing.status, 401, "without a key nobody need be asked: {what}");
    }
}
