//! Verification: what another system hears about the keys that it was shown.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::app::{Caller, TestApp};

on_both_databases!(
    a_good_key_is_told_with_what_it_is,
    every_kind_of_key_is_verified,
    the_first_rule_that_refuses_is_told,
    a_key_is_valid_before_its_end_and_not_at_it,
    both_secrets_are_verified_until_the_grace_is_over,
    another_organizations_key_is_like_none_at_all,
    what_can_be_no_key_is_not_found_and_not_looked_up,
    it_spends_the_keys_limit_and_not_the_callers,
    a_cost_is_spent_as_a_whole,
    all_that_is_wrong_with_a_question_is_told,
    an_explanation_tells_every_rule_and_spends_nothing,
    explanations_are_for_administrators_and_limited,
    a_batch_answers_in_order_and_spends_in_order,
    a_hundred_keys_cost_one_read,
    a_batch_has_at_most_a_hundred_keys,
);

const NOBODYS: &str = "8f14e45f-ceea-467f-ab9c-0d1e2f3a4b5c";
const CODES: [&str; 8] = [
    "NOT_FOUND",
    "REVOKED",
    "EXPIRED",
    "INACTIVE",
    "DEPLOYMENT_INACTIVE",
    "INSUFFICIENT_SCOPE",
    "IP_NOT_ALLOWED",
    "RATE_LIMITED",
];

async fn made(app: &TestApp, terms: Value) -> Value {
    let mut draft = json!({"name": "tested"});
    draft.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
    app.platform().post("/v1/api-keys", draft).await.created()
}

/// A service that may verify keys, and nothing else.
async fn verifier(app: &TestApp) -> Caller {
    let draft = json!({"name": "verifier", "scopes": ["keys:verify"]});
    let made = app.platform().post("/v1/api-keys", draft).await.created();
    app.with(text(&made, "key"))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

async fn verified(caller: &Caller, question: Value) -> Value {
    caller.post("/v1/keys/verify", question).await.ok()
}

async fn code(caller: &Caller, key: &str, terms: Value) -> String {
    let mut question = json!({"key": key});
    question.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
    let answer = verified(caller, question).await;
    assert_eq!(answer["valid"], answer["code"] == "VALID", "{answer}");
    text(&answer, "code").to_owned()
}

async fn a_good_key_is_told_with_what_it_is(app: TestApp) {
    let terms = json!({"scopes": ["orders:write", "orders:read"], "expires_in_days": 1});
    let key = made(&app, terms).await;
    let question = json!({"key": key["key"], "scopes": ["orders:read"]});
    let answer = verified(&verifier(&app).await, question).await;
    let whoami = app.platform().get("/v1/whoami").await.ok();
    let expected = json!({
        "valid": true, "code": "VALID", "key_id": key["id"],
        "organization_id": whoami["organization"]["id"], "name": "tested",
        "kind": "organization_key", "scopes": ["orders:read", "orders:write"],
        "expires_at": "2026-11-22T00:00:00.000Z", "ratelimit": null,
    });
    assert_eq!(answer, expected);
}

async fn every_kind_of_key_is_verified(app: TestApp) {
    let service = verifier(&app).await;
    let platform = verified(&service, json!({"key": app.platform_key()})).await;
    assert_eq!((text(&platform, "kind"), text(&platform, "name")), ("platform_key", "Key #1"));
    let deployment = app.given_deployment("echo").await;
    let of_deployment = verified(&service, json!({"key": deployment.key})).await;
    assert_eq!(text(&of_deployment, "kind"), "deployment_key");
    assert_eq!(text(&of_deployment, "key_id"), deployment.key_id);
    let key = made(&app, json!({"format": "prefix_secret"})).await;
    assert_eq!(code(&app.platform(), text(&key, "key"), json!({})).await, "VALID");
    assert_eq!(code(&app.admin().await, text(&key, "key"), json!({})).await, "VALID");
}

async fn the_first_rule_that_refuses_is_told(app: TestApp) {
    let service = verifier(&app).await;
    let terms = json!({
        "scopes": ["orders:read"], "ip_allowlist": ["10.0.0.0/8"], "rate_limit_per_minute": 1
    });
    let key = made(&app, terms).await;
    let (path, key) = (format!("/v1/api-keys/{}", text(&key, "id")), text(&key, "key"));
    let good = json!({"scopes": ["orders:read"], "ip": "10.1.2.3"});
    assert_eq!(code(&service, key, good.clone()).await, "VALID");
    assert_eq!(code(&service, key, good.clone()).await, "RATE_LIMITED");
    assert_eq!(code(&service, key, json!({"scopes": ["orders:read"]})).await, "IP_NOT_ALLOWED");
    let elsewhere = json!({"scopes": ["orders:read"], "ip": "2001:db8::1"});
    assert_eq!(code(&service, key, elsewhere).await, "IP_NOT_ALLOWED");
    let more = json!({"scopes": ["orders:read", "orders:write"], "ip": "10.1.2.3"});
    assert_eq!(code(&service, key, more).await, "INSUFFICIENT_SCOPE");
    app.platform().patch(&path, json!({"is_active": false})).await.ok();
    assert_eq!(code(&service, key, good.clone()).await, "INACTIVE");
    app.platform().post(&format!("{path}/revoke"), json!({"reason": "leaked"})).await.ok();
    assert_eq!(code(&service, key, good.clone()).await, "REVOKED");
    app.platform().delete(&path).await.no_content();
    assert_eq!(code(&service, key, good).await, "REVOKED");
    let deployment = app.given_deployment("echo").await;
    let path = format!("/unstract/acme/api/v2/api-deployment/{}/", deployment.id);
    app.platform().patch(&path, json!({"is_active": false})).await.ok();
    assert_eq!(code(&service, &deployment.key, json!({})).await, "DEPLOYMENT_INACTIVE");
}

async fn a_key_is_valid_before_its_end_and_not_at_it(app: TestApp) {
    let service = verifier(&app).await;
    let key = made(&app, json!({"expires_at": "2026-11-21T01:00:00Z"})).await;
    app.clock.advance(Duration::from_micros(3_599_999_999));
    assert_eq!(code(&service, text(&key, "key"), json!({})).await, "VALID");
    app.clock.advance(Duration::from_micros(1));
    assert_eq!(code(&service, text(&key, "key"), json!({})).await, "EXPIRED");
}

async fn both_secrets_are_verified_until_the_grace_is_over(app: TestApp) {
    let service = verifier(&app).await;
    let old = made(&app, json!({"rate_limit_per_minute": 3})).await;
    let path = format!("/v1/api-keys/{}/rotate", text(&old, "id"));
    let new = app.platform().post(&path, json!({"grace_seconds": 30})).await.ok();
    for (secret, end) in [
        (&old, json!("2026-11-21T00:00:30.000Z")),
        (&new, Value::Null),
        (&old, json!("2026-11-21T00:00:30.000Z")),
    ] {
        let told = verified(&service, json!({"key": secret["key"]})).await;
        assert_eq!((&told["code"], &told["expires_at"]), (&json!("VALID"), &end));
    }
    assert_eq!(code(&service, text(&new, "key"), json!({})).await, "RATE_LIMITED", "one limit");
    app.clock.advance(Duration::from_secs(30));
    assert_eq!(code(&service, text(&old, "key"), json!({})).await, "EXPIRED");
    assert_eq!(code(&service, text(&new, "key"), json!({})).await, "VALID");
}

async fn another_organizations_key_is_like_none_at_all(app: TestApp) {
    let service = verifier(&app).await;
    let foreign = app.given_organization("other");
    let draft = json!({"name": "theirs"});
    let theirs = app.with(&foreign).post("/v1/api-keys", draft).await.created();
    let unknown = verified(&service, json!({"key": NOBODYS})).await;
    let expected = json!({
        "valid": false, "code": "NOT_FOUND", "key_id": null, "organization_id": null,
        "name": null, "kind": null, "scopes": [], "expires_at": null, "ratelimit": null,
    });
    assert_eq!(unknown, expected);
    for key in [foreign.as_str(), text(&theirs, "key")] {
        assert_eq!(verified(&service, json!({"key": key})).await, unknown);
        let explained = verified(&app.platform(), json!({"key": key, "explain": true})).await;
        let nobodys = json!({"key": NOBODYS, "explain": true});
        assert_eq!(explained, verified(&app.platform(), nobodys).await);
    }
}

async fn what_can_be_no_key_is_not_found_and_not_looked_up(app: TestApp) {
    let key = made(&app, json!({})).await;
    let key = text(&key, "key");
    let mut mistyped = key.to_owned();
    let last = if mistyped.pop() == Some('a') { 'b' } else { 'a' };
    mistyped.push(last);
    app.platform().get("/v1/whoami").await.ok();
    let before = app.key_reads();
    app.platform().get("/v1/whoami").await.ok();
    let of_caller = app.key_reads() - before;
    let no_keys = [
        String::new(),
        "x".into(),
        "\0".repeat(40),
        format!(" {key}"),
        format!("{key} "),
        key.replace('_', " "),
        mistyped,
        "é".repeat(20),
        "x".repeat(40_000),
    ];
    for no_key in no_keys {
        let before = app.key_reads();
        assert_eq!(code(&app.platform(), &no_key, json!({})).await, "NOT_FOUND", "{no_key:?}");
        assert_eq!(app.key_reads() - before, of_caller, "{no_key:?}");
    }
    let large = json!({"key": "x".repeat(10 << 20)});
    let refused = app.platform().post("/v1/keys/verify", large).await;
    refused.refused(413, "body_too_large");
}

async fn it_spends_the_keys_limit_and_not_the_callers(app: TestApp) {
    let draft =
        json!({"name": "verifier", "scopes": ["keys:verify"], "rate_limit_per_minute": 100});
    let service = app.platform().post("/v1/api-keys", draft).await.created();
    let service = app.with(text(&service, "key"));
    let key = made(&app, json!({"rate_limit_per_minute": 10})).await;
    let question = json!({"key": key["key"], "cost": 4});
    let answer = service.post("/v1/keys/verify", question.clone()).await;
    assert_eq!(answer.ok()["ratelimit"], json!({"limit": 10, "remaining": 6, "reset": 24}));
    assert_eq!(answer.header("ratelimit"), "\"key\";r=99;t=1", "a call of its own, as any other");
    app.clock.advance(Duration::from_secs(6));
    let answer = verified(&service, question.clone()).await;
    assert_eq!(answer["ratelimit"], json!({"limit": 10, "remaining": 3, "reset": 42}));
    let refused = verified(&service, question).await;
    assert_eq!((&refused["valid"], text(&refused, "code")), (&json!(false), "RATE_LIMITED"));
    assert_eq!(refused["ratelimit"], json!({"limit": 10, "remaining": 3, "reset": 42}));
    let holder = app.with(text(&key, "key")).get("/v1/whoami").await;
    holder.ok();
    assert_eq!(holder.header("x-ratelimit-remaining"), "2", "its own calls spend the same limit");
}

async fn a_cost_is_spent_as_a_whole(app: TestApp) {
    let key = made(&app, json!({"rate_limit_per_minute": 10})).await;
    let key = text(&key, "key");
    assert_eq!(code(&app.platform(), key, json!({"cost": 11})).await, "RATE_LIMITED");
    assert_eq!(code(&app.platform(), key, json!({"cost": 10})).await, "VALID");
    assert_eq!(code(&app.platform(), key, json!({})).await, "RATE_LIMITED");
    assert_eq!(code(&app.platform(), key, json!({"cost": 0})).await, "VALID");
}

async fn all_that_is_wrong_with_a_question_is_told(app: TestApp) {
    let wrong = json!({
        "key": "x", "scopes": ["orders:read", "x".repeat(1000), "keys:everything"],
        "ip": "10.0.0.0/8", "cost": 1001
    });
    let faults = app.platform().post("/v1/keys/verify", wrong.clone()).await;
    let places = |faults: Vec<(String, String)>| -> Vec<String> {
        faults.into_iter().map(|(place, _)| place).collect()
    };
    let expected = ["/scopes/1", "/scopes/2", "/ip", "/cost"];
    assert_eq!(places(faults.faults("validation_failed")), expected);
    let batch = json!({"keys": [{"key": "x"}, wrong]});
    let faults = app.platform().post("/v1/keys/verify-batch", batch).await;
    let expected = expected.map(|place| format!("/keys/1{place}"));
    assert_eq!(places(faults.faults("validation_failed")), expected);
    for (question, code, place) in [
        (json!({}), "missing_field", "/key"),
        (json!({"key": 5}), "invalid_type", "/key"),
        (json!({"key": "x", "cost": -1}), "invalid_type", "/cost"),
        (json!({"key": "x", "scope": "a"}), "unknown_field", "/scope"),
        (json!({"key": "x", "ip": "127.0.0.1:80"}), "invalid_value", "/ip"),
    ] {
        let faults = app.platform().post("/v1/keys/verify", question).await.faults(code);
        assert_eq!(faults, [(place.to_owned(), code.to_owned())]);
    }
}

async fn an_explanation_tells_every_rule_and_spends_nothing(app: TestApp) {
    let terms = json!({"scopes": ["orders:read"], "rate_limit_per_minute": 5});
    let key = made(&app, terms).await;
    let question = json!({
        "key": key["key"], "scopes": ["orders:write", "orders:read"], "cost": 2, "explain": true
    });
    for _ in 0..4 {
        let explained = verified(&app.platform(), question.clone()).await;
        assert_eq!((&explained["dry_run"], explained.get("valid")), (&json!(true), None));
        assert_eq!(text(&explained, "code"), "INSUFFICIENT_SCOPE");
        assert_eq!(explained["ratelimit"], json!({"limit": 5, "remaining": 5, "reset": 0}));
        let rules = explained["rules"].as_array().unwrap();
        let codes: Vec<_> = rules.iter().map(|rule| text(rule, "code")).collect();
        assert_eq!(codes, CODES);
        let refusing: Vec<_> = rules.iter().filter(|rule| rule["allowed"] == false).collect();
        let expected = json!({
            "code": "INSUFFICIENT_SCOPE", "allowed": false, "found": "it lacks orders:write"
        });
        assert_eq!(refusing, [&expected]);
    }
    let unknown = verified(&app.platform(), json!({"key": NOBODYS, "explain": true})).await;
    let found = "the organization has no such key";
    let rules = json!([{"code": "NOT_FOUND", "allowed": false, "found": found}]);
    assert_eq!((text(&unknown, "code"), &unknown["rules"]), ("NOT_FOUND", &rules));
}

async fn explanations_are_for_administrators_and_limited(app: TestApp) {
    let question = json!({"key": NOBODYS, "explain": true});
    let service = verifier(&app).await;
    let refused = service.post("/v1/keys/verify", question.clone()).await;
    refused.refused(403, "insufficient_scope");
    let batch = |n: usize| json!({"keys": vec![question.clone(); n]});
    let path = "/v1/keys/verify-batch";
    service.post(path, batch(1)).await.refused(403, "insufficient_scope");
    app.platform().post(path, batch(61)).await.refused(422, "invalid_value");
    let answer = app.platform().post(path, batch(59)).await;
    assert_eq!(answer.ok()["results"].as_array().unwrap().len(), 59);
    assert_eq!(answer.header("ratelimit-policy"), "\"explain\";q=60;w=60");
    assert_eq!(answer.header("ratelimit"), "\"explain\";r=1;t=59");
    verified(&app.platform(), question.clone()).await;
    let refused = app.platform().post("/v1/keys/verify", question.clone()).await;
    refused.refused(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "1");
    verified(&app.platform(), json!({"key": NOBODYS})).await;
    verified(&app.admin().await, question).await;
}

async fn a_batch_answers_in_order_and_spends_in_order(app: TestApp) {
    let one = made(&app, json!({"rate_limit_per_minute": 2})).await;
    let two = app.platform().post("/v1/api-keys", json!({"name": "two"})).await.created();
    let keys = json!([
        {"key": one["key"]}, {"key": "x"}, {"key": two["key"]}, {"key": one["key"]},
        {"key": NOBODYS}, {"key": one["key"]}, {"key": two["key"], "scopes": ["a"]},
        {"key": one["key"], "explain": true},
    ]);
    let answer = app.platform().post("/v1/keys/verify-batch", json!({"keys": keys})).await.ok();
    let results = answer["results"].as_array().unwrap();
    let told: Vec<_> = results.iter().map(|result| text(result, "code")).collect();
    let expected = [
        "VALID",
        "NOT_FOUND",
        "VALID",
        "VALID",
        "NOT_FOUND",
        "RATE_LIMITED",
        "INSUFFICIENT_SCOPE",
        "RATE_LIMITED",
    ];
    assert_eq!(told, expected);
    assert_eq!(results[0]["ratelimit"]["remaining"], 1);
    assert_eq!(results[3]["ratelimit"]["remaining"], 0);
    let nothing = app.platform().post("/v1/keys/verify-batch", json!({"keys": []})).await.ok();
    assert_eq!(nothing, json!({"results": []}));
}

async fn a_hundred_keys_cost_one_read(app: TestApp) {
    let mut keys = Vec::new();
    for number in 0..100 {
        let draft = json!({"name": format!("key {number}")});
        keys.push(app.platform().post("/v1/api-keys", draft).await.created());
    }
    app.platform().get("/v1/whoami").await.ok();
    let before = app.key_reads();
    app.platform().get("/v1/whoami").await.ok();
    let of_caller = app.key_reads() - before;
    let question: Vec<_> = keys.iter().map(|key| json!({"key": key["key"]})).collect();
    let before = app.key_reads();
    let batch = json!({"keys": question});
    let answer = app.platform().post("/v1/keys/verify-batch", batch).await.ok();
    assert_eq!(app.key_reads() - before, of_caller + 1);
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 100);
    for (key, result) in keys.iter().zip(results) {
        assert_eq!((&result["valid"], &result["key_id"]), (&json!(true), &key["id"]));
    }
}

async fn a_batch_has_at_most_a_hundred_keys(app: TestApp) {
    let batch = |n: usize| json!({"keys": vec![json!({"key": NOBODYS}); n]});
    app.platform().post("/v1/keys/verify-batch", batch(100)).await.ok();
    let refused = app.platform().post("/v1/keys/verify-batch", batch(101)).await;
    assert_eq!(refused.faults("invalid_value"), [("/keys".to_owned(), "invalid_value".to_owned())]);
}
