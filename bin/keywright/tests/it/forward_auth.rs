//! Forward authentication: what a reverse proxy hears about the requests that it is sent.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use test_support::{
    answer::Answer,
    app::{Caller, TestApp},
    databases::Database,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::KEYWRIGHT;

on_both_databases!(
    a_good_key_is_let_in_and_told,
    every_method_and_every_path_behind_it_is_answered_alike,
    without_a_good_key_nobody_is_let_in,
    of_several_organizations_one_must_be_named,
    another_organizations_key_is_no_credential,
    only_the_kinds_that_are_asked_for_are_let_in,
    a_key_must_have_the_scopes_that_are_needed,
    the_first_rule_that_refuses_is_told_to_the_holder,
    it_spends_the_limit_of_the_key,
    sessions_are_not_let_in,
    what_the_proxy_asks_must_make_sense,
    what_can_be_no_key_is_refused,
);

async fn made(app: &TestApp, terms: Value) -> Value {
    let mut draft = json!({"name": "visitor"});
    draft.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
    app.platform().post("/v1/api-keys", draft).await.created()
}

async fn visitor(app: &TestApp, terms: Value) -> Caller {
    app.with(made(app, terms).await["key"].as_str().unwrap())
}

#[track_caller]
fn let_in(answer: &Answer) {
    assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{answer:?}");
    assert!(!answer.header("x-key-id").is_empty(), "{answer:?}");
}

async fn a_good_key_is_let_in_and_told(app: TestApp) {
    let key = made(&app, json!({"scopes": ["orders:write", "orders:read"]})).await;
    let plaintext = key["key"].as_str().unwrap();
    let whoami = app.with(plaintext).get("/v1/whoami").await.ok();
    for (name, value) in [
        ("authorization", format!("Bearer {plaintext}")),
        ("authorization", format!("API-KEY {plaintext}")),
        ("api-key", plaintext.to_owned()),
    ] {
        let answer = app.stranger().header(name, value).get("/v1/auth").await;
        let_in(&answer);
        assert_eq!(answer.header("x-key-id"), key["id"].as_str().unwrap());
        let organization = whoami["organization"]["id"].as_str().unwrap();
        assert_eq!(answer.header("x-organization-id"), organization);
        assert_eq!(answer.header("x-key-scopes"), "orders:read orders:write");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let plain = app.platform().post("/v1/api-keys", json!({"name": "plain"})).await.created();
    let answer = app.with(plain["key"].as_str().unwrap()).get("/v1/auth").await;
    assert!(answer.headers.contains_key("x-key-scopes"), "empty, and there all the same");
}

async fn every_method_and_every_path_behind_it_is_answered_alike(app: TestApp) {
    let visitor = visitor(&app, json!({})).await;
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        for path in ["/v1/auth", "/v1/auth/", "/v1/auth/orders", "/v1/auth/orders/42/lines?a=1"] {
            let_in(&visitor.send(method.clone(), path, None).await);
            let refused = app.stranger().send(method.clone(), path, None).await;
            assert_eq!(refused.status, 401, "{method} {path}");
        }
    }
    let_in(&visitor.post("/v1/auth", json!({"what": "its client sent"})).await);
    visitor.get("/v1/authentication").await.refused(404, "not_found");
}

async fn without_a_good_key_nobody_is_let_in(app: TestApp) {
    app.stranger().get("/v1/auth").await.refused(401, "missing_credential");
    let unknown = app.with("8f14e45f-ceea-467f-ab9c-0d1e2f3a4b5c");
    unknown.get("/v1/auth").await.refused(401, "invalid_credential");
    let key = made(&app, json!({})).await;
    let two = app.with(key["key"].as_str().unwrap()).header("api-key", app.platform_key());
    two.get("/v1/auth").await.refused(400, "ambiguous_credentials");
}

async fn of_several_organizations_one_must_be_named(app: TestApp) {
    let key = made(&app, json!({})).await;
    let visitor = app.with(key["key"].as_str().unwrap());
    let_in(&visitor.get("/v1/auth").await);
    app.given_organization("other");
    // What was the only one is asked for again before long.
    app.clock.advance(Duration::from_secs(5));
    visitor.get("/v1/auth").await.refused(400, "organization_required");
    visitor.get("/v1/auth").await.refused(400, "organization_required");
    app.stranger().get("/v1/auth").await.refused(401, "missing_credential");
    let answer = visitor.get("/v1/auth?organization=acme").await;
    let_in(&answer);
    let by_id = format!("/v1/auth?organization={}", answer.header("x-organization-id"));
    let_in(&visitor.get(&by_id).await);
    // What stands behind the address may be the client's own: it chooses nothing.
    let clients = visitor.get("/v1/auth/orders?organization=acme&kinds=deployment").await;
    clients.refused(400, "organization_required");
    visitor.get("/v1/auth?organization=nobodys").await.refused(401, "invalid_credential");
}

async fn another_organizations_key_is_no_credential(app: TestApp) {
    let foreign = app.given_organization("other");
    let theirs = app.with(&foreign).post("/v1/api-keys", json!({"name": "theirs"})).await.created();
    let theirs = app.with(theirs["key"].as_str().unwrap());
    let_in(&theirs.get("/v1/auth?organization=other").await);
    let refused = theirs.get("/v1/auth?organization=acme").await;
    refused.refused(401, "invalid_credential");
    let unknown = app.with("8f14e45f-ceea-467f-ab9c-0d1e2f3a4b5c");
    let unknown = unknown.get("/v1/auth?organization=acme").await;
    assert_eq!(refused.without_request_id(), unknown.without_request_id());
    let named = theirs.header("x-organization-id", "acme");
    named.get("/v1/auth?organization=other").await.refused(403, "organization_mismatch");
}

async fn only_the_kinds_that_are_asked_for_are_let_in(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let of_deployment = app.with(&deployment.key);
    let of_organization = visitor(&app, json!({})).await;
    for kinds in ["", "?kinds=organization"] {
        let path = format!("/v1/auth{kinds}");
        of_deployment.get(&path).await.refused(403, "key_kind_not_allowed");
        let_in(&of_organization.get(&path).await);
    }
    for kinds in ["deployment", "organization,deployment"] {
        let path = format!("/v1/auth?kinds={kinds}");
        let answer = of_deployment.get(&path).await;
        let_in(&answer);
        assert_eq!(answer.header("x-key-id"), deployment.key_id);
        let_in(&of_organization.get(&path).await);
        app.platform().get(&path).await.refused(403, "key_kind_not_allowed");
    }
}

async fn a_key_must_have_the_scopes_that_are_needed(app: TestApp) {
    let visitor = visitor(&app, json!({"scopes": ["orders:read", "orders:write"]})).await;
    for query in [
        "scope=orders:read",
        "scope=orders:read%20orders:write",
        "scope=",
        "scope=orders:read&scope=orders:write",
    ] {
        let_in(&visitor.get(&format!("/v1/auth?{query}")).await);
    }
    for query in
        ["scope=admin", "scope=orders:read+bills:read", "scope=orders:read&scope=bills:read"]
    {
        let refused = visitor.get(&format!("/v1/auth?{query}")).await;
        refused.refused(403, "insufficient_scope");
    }
}

async fn the_first_rule_that_refuses_is_told_to_the_holder(app: TestApp) {
    let terms = json!({"expires_at": "2026-11-21T01:00:00Z", "ip_allowlist": ["127.0.0.0/8"]});
    let key = made(&app, terms).await;
    let visitor = app.with(key["key"].as_str().unwrap());
    let path = format!("/v1/api-keys/{}", key["id"].as_str().unwrap());
    let_in(&visitor.get("/v1/auth").await);
    app.platform().patch(&path, json!({"ip_allowlist": ["10.0.0.0/8"]})).await.ok();
    visitor.get("/v1/auth").await.refused(403, "ip_not_allowed");
    app.platform().patch(&path, json!({"is_active": false})).await.ok();
    visitor.get("/v1/auth").await.refused(401, "key_inactive");
    app.clock.advance(Duration::from_secs(3600));
    visitor.get("/v1/auth").await.refused(401, "key_expired");
    app.platform().post(&format!("{path}/revoke"), json!({})).await.ok();
    visitor.get("/v1/auth").await.refused(401, "key_revoked");
}

async fn it_spends_the_limit_of_the_key(app: TestApp) {
    let visitor = visitor(&app, json!({"rate_limit_per_minute": 2})).await;
    let answer = visitor.get("/v1/auth").await;
    let_in(&answer);
    assert_eq!(answer.header("ratelimit"), "\"key\";r=1;t=30");
    visitor.get("/v1/auth?scope=orders:read").await.refused(403, "insufficient_scope");
    let_in(&visitor.get("/v1/auth/orders").await);
    let refused = visitor.get("/v1/auth").await;
    refused.refused(429, "rate_limited");
    assert_eq!((refused.header("retry-after"), refused.header("x-key-id")), ("30", ""));
    app.clock.advance(Duration::from_secs(30));
    let_in(&visitor.get("/v1/auth").await);
}

async fn sessions_are_not_let_in(app: TestApp) {
    app.admin().await.get("/v1/auth").await.refused(401, "missing_credential");
    let key = made(&app, json!({})).await;
    let_in(&app.admin().await.bearer(key["key"].as_str().unwrap()).get("/v1/auth").await);
}

async fn what_the_proxy_asks_must_make_sense(app: TestApp) {
    let visitor = visitor(&app, json!({})).await;
    for query in [
        "kinds=platform",
        "kinds=",
        "kinds=deployment,all",
        "kinds=deployment&kinds=deployment",
        "organization=acme&organization=other",
        "scope=Orders",
    ] {
        let path = format!("/v1/auth?{query}");
        visitor.get(&path).await.refused(400, "invalid_parameter");
        app.stranger().get(&path).await.refused(401, "missing_credential");
    }
}

/// Over a bare socket: no client would send most of this.
async fn what_can_be_no_key_is_refused(app: TestApp) {
    let key = made(&app, json!({})).await;
    let key = key["key"].as_str().unwrap();
    for (headers, status, code) in [
        (format!("authorization: Basic {key}"), 401, "invalid_credential"),
        (format!("authorization: {key}"), 401, "invalid_credential"),
        (format!("authorization: Bearer {} {}", &key[..9], &key[9..]), 401, "invalid_credential"),
        (format!("authorization: Bearer{key}"), 401, "invalid_credential"),
        (format!("api-key: Bearer {key}"), 401, "invalid_credential"),
        ("api-key:".to_owned(), 401, "invalid_credential"),
        (format!("api-key: {}", "%00".repeat(40)), 401, "invalid_credential"),
        (format!("api-key: {}", "x".repeat(60_000)), 401, "invalid_credential"),
        (format!("api-key: {key}\r\napi-key: {key}2"), 400, "ambiguous_credentials"),
        (format!("api-key: {key}\r\napi-key: {key}"), 200, ""),
        (format!("api-key: {}", "\0".repeat(40)), 400, ""),
        (format!("api-key: {}", "x".repeat(10 << 20)), 431, ""),
    ] {
        let answer = raw(&app, &headers).await;
        let shown = headers.chars().take(60).collect::<String>();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{shown}: {answer}");
        assert!(answer.contains(code), "{shown}: {answer}");
    }
    let_in(&app.with(key).get("/v1/auth").await);
}

/// The answer to `GET /v1/auth` with these headers. A server that reads no further hangs up while
/// the rest is on its way.
async fn raw(app: &TestApp, headers: &str) -> String {
    let address = app.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let (mut read, mut write) = stream.split();
    let request = format!(
        "GET /v1/auth HTTP/1.1\r\nhost: {address}\r\n{headers}\r\nconnection: close\r\n\r\n"
    );
    let mut answer = vec![0; 4096];
    let sending = async {
        let _ = write.write_all(request.as_bytes()).await;
    };
    let reading = async {
        let mut length = 0;
        while let Ok(more @ 1..) = read.read(&mut answer[length..]).await {
            length += more;
        }
        length
    };
    let ((), length) = tokio::join!(sending, reading);
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[actix_web::test]
async fn the_setting_says_whose_keys_are_let_in() {
    let set = |settings: &mut http_actix::Settings| {
        settings.forward_auth_organization = Some("acme".into());
    };
    let app = TestApp::start_with(Database::sqlite(), KEYWRIGHT, set).await;
    let foreign = app.given_organization("other");
    let theirs = app.with(&foreign).post("/v1/api-keys", json!({"name": "theirs"})).await.created();
    let theirs = app.with(theirs["key"].as_str().unwrap());
    let ours = visitor(&app, json!({})).await;
    let_in(&ours.get("/v1/auth").await);
    let_in(&ours.get("/v1/auth/orders").await);
    theirs.get("/v1/auth").await.refused(401, "invalid_credential");
    let_in(&theirs.get("/v1/auth?organization=other").await);
    // Proxies that put a request's path behind the address put its query there as well.
    theirs.get("/v1/auth/orders?organization=other").await.refused(401, "invalid_credential");
    let deployment = app.given_deployment("echo").await;
    let of_deployment = app.with(&deployment.key);
    let refused = of_deployment.get("/v1/auth/orders?kinds=deployment").await;
    refused.refused(403, "key_kind_not_allowed");
    let refused = ours.get("/v1/auth/orders?scope=orders:read").await;
    refused.refused(403, "insufficient_scope");
}

#[actix_web::test]
async fn the_only_organization_is_not_read_for_each_request() {
    let app = crate::start(Database::sqlite()).await;
    let visitor = visitor(&app, json!({})).await;
    let_in(&visitor.get("/v1/auth").await);
    app.given_organization("other");
    // Within its seconds, what was read is what is known.
    let_in(&visitor.get("/v1/auth").await);
}
