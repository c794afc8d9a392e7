//! Keys that other systems made, imported by their hashes: they go on working, and nothing else does.

use std::time::Duration;

use keys_core::BareHash;
use serde_json::{Value, json};
use test_support::app::TestApp;

on_both_databases!(
    keys_of_the_real_packages_work_after_import_and_with_one_changed_character_do_not,
    a_uuid_of_unstracts_opens_the_deployment_that_it_was_imported_onto,
    an_import_may_be_repeated,
    a_bad_row_fails_alone_with_its_place,
    a_thousand_rows_are_imported_at_once_and_no_more,
    where_two_organizations_imported_a_key_the_caller_says_which_is_meant,
    an_imported_key_is_revoked_dated_and_bound_like_any_other,
    the_first_use_makes_a_key_one_of_ours,
    few_guesses_at_a_salted_hash_may_go_wrong,
);

const IMPORT: &str = "/v1/api-keys/import";
const KEY: &str = "sk_gupc2S3jei4jUAU4MIvP3A";
/// Keys that the real packages made, with what those keep of them.
const VECTORS: &str = include_str!("../../../../crates/test-support/vectors/imported_keys.json");

/// The vectors of an algorithm that begins so.
fn vectors(algorithm: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    all.into_iter().filter(|row| text(row, "algorithm").starts_with(algorithm)).collect()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}"))
}

/// The row of a vector, as it is exported.
fn row(vector: &Value, name: &str) -> Value {
    let member = |name: &str| vector[name].clone();
    json!({
        "hash": member("hash"), "algorithm": member("algorithm"), "encoding": member("encoding"),
        "prefix": member("prefix"), "name": name
    })
}

/// The row of a key under SHA-256.
fn sha256(key: &str, name: &str) -> Value {
    let digits: Vec<String> =
        BareHash::sha256(key).as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"hash": digits.concat(), "algorithm": "sha256", "name": name})
}

async fn import(app: &TestApp, rows: Vec<Value>) -> Value {
    app.platform().post(IMPORT, json!({"keys": rows})).await.ok()
}

/// Imports one row, which succeeds; returns the path of its key.
async fn imported(app: &TestApp, row: Value) -> String {
    let view = import(app, vec![row]).await;
    assert_eq!(view["imported"], 1, "{view}");
    format!("/v1/api-keys/{}", text(&view["results"][0], "key_id"))
}

fn with_a_typo(key: &str) -> String {
    let (rest, last) = key.split_at(key.len() - 1);
    format!("{rest}{}", if last == "a" { "b" } else { "a" })
}

async fn keys_of_the_real_packages_work_after_import_and_with_one_changed_character_do_not(
    app: TestApp,
) {
    let vectors = vectors("");
    let name = |place: usize| format!("key {place}");
    let rows = vectors.iter().enumerate().map(|(place, vector)| row(vector, &name(place)));
    let view = import(&app, rows.collect()).await;
    assert_eq!((&view["imported"], &view["failed"]), (&json!(13), &json!(0)), "{view}");
    for (place, vector) in vectors.iter().enumerate() {
        let key = text(vector, "key");
        let whoami = app.with(key).get("/v1/whoami").await.ok();
        assert_eq!(
            (&whoami["kind"], &whoami["key_name"]),
            (&json!("organization_key"), &json!(name(place)))
        );
        let typo = app.with(&with_a_typo(key)).get("/v1/whoami").await;
        typo.refused(401, "invalid_credential");
    }
}

async fn a_uuid_of_unstracts_opens_the_deployment_that_it_was_imported_onto(app: TestApp) {
    let deployment = app.given_deployment("orders").await;
    let uuid = "384a4fab-d4ad-4df3-a43b-eec835f70ed5";
    let mut row = sha256(uuid, "for the shop");
    row["deployment"] = json!(deployment.id);
    let view = import(&app, vec![row.clone()]).await;
    let path = format!("/deployment/{}/?wait=30", deployment.id);
    let run = app.with(uuid).post(&path, json!({"a": 1})).await.ok();
    assert_eq!(run["status"], "COMPLETED");
    let typo = app.with("384a4fab-d4ad-4df3-a43b-eec835f70ed6").post(&path, json!({})).await;
    typo.refused(401, "invalid_credential");
    let id = text(&view["results"][0], "key_id");
    let keys = format!("/unstract/acme/api/v2/api-deployment/{}/keys/{id}", deployment.id);
    let told = app.platform().get(&keys).await.ok();
    assert_eq!(told["description"], "for the shop");
    app.platform().get(&format!("/v1/api-keys/{id}")).await.refused(404, "not_found");
}

async fn an_import_may_be_repeated(app: TestApp) {
    let (first, second) = (sha256(KEY, "first"), sha256("another key of theirs", "second"));
    let path = imported(&app, first.clone()).await;
    let view = import(&app, vec![first.clone(), second, first]).await;
    let outcomes = ["exists", "imported", "exists"];
    let results = view["results"].as_array().unwrap();
    assert_eq!(results.iter().map(|one| text(one, "outcome")).collect::<Vec<_>>(), outcomes);
    assert!(path.ends_with(text(&results[0], "key_id")));
    assert_eq!((&view["imported"], &view["exists"]), (&json!(1), &json!(2)));
    let listed = app.platform().get("/v1/api-keys").await.ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
}

async fn a_bad_row_fails_alone_with_its_place(app: TestApp) {
    let with = |member: &str, value: Value| {
        let mut row = sha256(KEY, "bad");
        row[member] = value;
        row
    };
    let salted = format!("pbkdf2_sha256$1$salt${}=", "A".repeat(43));
    let slow = json!({"hash": salted, "algorithm": "pbkdf2_sha256", "name": "slow"});
    let too_slow = salted.replacen("$1$", "$2000001$", 1);
    let too_slow =
        json!({"hash": too_slow, "algorithm": "pbkdf2_sha256", "name": "x", "prefix": "p"});
    let cases = [
        (json!(7), "invalid_type", ""),
        (json!({"algorithm": "sha256", "name": "x"}), "missing_field", "/hash"),
        (with("colour", json!("red")), "unknown_field", "/colour"),
        (with("hash", json!("00")), "invalid_value", "/hash"),
        (with("algorithm", json!("md5")), "invalid_type", "/algorithm"),
        (with("algorithm", json!("sha512")), "invalid_value", "/hash"),
        (with("encoding", json!("base64")), "invalid_value", "/hash"),
        (slow, "missing_field", "/prefix"),
        (too_slow, "invalid_value", "/hash"),
        (with("name", json!("")), "invalid_value", "/name"),
        (with("name", json!("taken")), "name_taken", "/name"),
        (with("scopes", json!(["ok", "NOT OK"])), "invalid_value", "/scopes/1"),
        (with("expires_at", json!("2020-01-01T00:00:00Z")), "invalid_value", "/expires_at"),
        (with("expires_at", json!("tomorrow")), "invalid_type", "/expires_at"),
        (with("deployment", json!("orders")), "invalid_type", "/deployment"),
        (with("deployment", json!(app.platform_key())), "unknown_reference", "/deployment"),
    ];
    imported(&app, sha256("another key of theirs", "taken")).await;
    let mut rows: Vec<Value> = cases.iter().map(|(row, ..)| row.clone()).collect();
    rows.push(sha256(KEY, "good"));
    let view = import(&app, rows).await;
    assert_eq!((&view["imported"], &view["failed"]), (&json!(1), &json!(cases.len())), "{view}");
    for (position, (_, code, pointer)) in cases.iter().enumerate() {
        let error = &view["results"][position]["errors"][0];
        let expected = (json!(code), json!(format!("/keys/{position}{pointer}")));
        assert_eq!((&error["code"], &error["attr"]), (&expected.0, &expected.1), "{error}");
    }
    app.with(KEY).get("/v1/whoami").await.ok();
    let answer = app.platform().post(IMPORT, json!({"keys": {}})).await;
    assert_eq!(answer.refused(422, "invalid_type")["errors"][0]["attr"], "/keys");
}

async fn a_thousand_rows_are_imported_at_once_and_no_more(app: TestApp) {
    let key = |number: usize| format!("one of a thousand, number {number}");
    let mut rows: Vec<Value> =
        (0..1000).map(|number| sha256(&key(number).replace(' ', "-"), &key(number))).collect();
    let view = import(&app, rows.clone()).await;
    assert_eq!(view["imported"], 1000);
    let last = app.with(&key(999).replace(' ', "-")).get("/v1/whoami").await.ok();
    assert_eq!(last["key_name"], key(999));
    assert_eq!(import(&app, rows.clone()).await["exists"], 1000);
    rows.push(sha256(KEY, "one too many"));
    let refused = app.platform().post(IMPORT, json!({"keys": rows})).await;
    assert_eq!(refused.refused(422, "invalid_value")["errors"][0]["attr"], "/keys");
    let padding = json!({"keys": [], "padding": "x".repeat(2 << 20)});
    app.platform().post(IMPORT, padding).await.refused(413, "body_too_large");
}

async fn where_two_organizations_imported_a_key_the_caller_says_which_is_meant(app: TestApp) {
    let other = app.with(&app.given_organization("other"));
    imported(&app, sha256(KEY, "ours")).await;
    let theirs = other.post(IMPORT, json!({"keys": [sha256(KEY, "theirs")]})).await.ok();
    let whoami = async |organization: &str| {
        let caller = app.with(KEY).header("x-organization-id", organization);
        caller.get("/v1/whoami").await
    };
    app.with(KEY).get("/v1/whoami").await.refused(401, "invalid_credential");
    assert_eq!(whoami("other").await.ok()["key_name"], "theirs");
    assert_eq!(whoami("acme").await.ok()["key_name"], "ours");
    whoami("a-third").await.refused(401, "invalid_credential");
    let path = format!("/v1/api-keys/{}", text(&theirs["results"][0], "key_id"));
    other.delete(&path).await.no_content();
    assert_eq!(app.with(KEY).get("/v1/whoami").await.ok()["key_name"], "ours");
}

async fn an_imported_key_is_revoked_dated_and_bound_like_any_other(app: TestApp) {
    let whoami = async || app.with(KEY).get("/v1/whoami").await;
    let mut dated = sha256(KEY, "dated");
    dated["expires_at"] = json!("2026-11-21T00:01:00Z");
    let path = imported(&app, dated.clone()).await;
    let bound = |networks: Value| json!({"ip_allowlist": networks});
    app.platform().patch(&path, bound(json!(["10.0.0.0/8"]))).await.ok();
    whoami().await.refused(403, "ip_not_allowed");
    app.platform().patch(&path, bound(json!([]))).await.ok();
    app.clock.advance(Duration::from_secs(59));
    whoami().await.ok();
    app.clock.advance(Duration::from_secs(1));
    whoami().await.refused(401, "key_expired");
    app.platform().post(&format!("{path}/revoke"), json!({"reason": "left"})).await.ok();
    whoami().await.refused(401, "key_revoked");
    dated["expires_at"] = json!(null);
    assert_eq!(import(&app, vec![dated.clone()]).await["exists"], 1);
    app.platform().delete(&path).await.no_content();
    let again = import(&app, vec![dated]).await;
    assert_eq!(again["results"][0]["errors"][0]["code"], "key_revoked");
}

async fn the_first_use_makes_a_key_one_of_ours(app: TestApp) {
    let vector = vectors("sha512").remove(0);
    let (row, key) = (row(&vector, "theirs"), text(&vector, "key"));
    let path = imported(&app, row.clone()).await;
    let told = app.platform().get(&path).await.ok();
    let imported = json!({"algorithm": "sha512", "prefix": "7nBcufZT", "grace_until": null});
    assert_eq!((&told["imported"], &told["hint"]), (&imported, &json!(null)));
    app.with(key).get("/v1/whoami").await.ok();
    let told = loop {
        let told = app.platform().get(&path).await.ok();
        if told["imported"].is_null() {
            break told;
        }
    };
    assert_eq!(told["hint"], "7nBcufZT.…LOXn");
    assert_eq!(text(&told, "fingerprint").len(), 16);
    app.with(key).get("/v1/whoami").await.ok();
    app.with(&with_a_typo(key)).get("/v1/whoami").await.refused(401, "invalid_credential");
    assert_eq!(import(&app, vec![row]).await["exists"], 1);
}

async fn few_guesses_at_a_salted_hash_may_go_wrong(app: TestApp) {
    let vector = vectors("pbkdf2").pop().unwrap();
    let (key, prefix) = (text(&vector, "key"), text(&vector, "prefix"));
    imported(&app, row(&vector, "slow")).await;
    let guess = async |number: u32| {
        app.with(&format!("{prefix}.wrong-guess-{number}")).get("/v1/whoami").await
    };
    for number in 0..5 {
        guess(number).await.refused(401, "invalid_credential");
    }
    guess(5).await.refused(429, "too_many_bad_credentials");
    app.with(key).get("/v1/whoami").await.refused(429, "too_many_bad_credentials");
    guess(0).await.refused(401, "invalid_credential");
    app.clock.advance(Duration::from_secs(12));
    app.with(key).get("/v1/whoami").await.ok();
}
