//! Keys as credentials: how they travel, and every reason to refuse one.

use std::time::Duration;

use serde_json::json;
use test_support::app::TestApp;

on_both_databases!(
    a_key_travels_in_three_spellings,
    two_different_keys_are_ambiguous,
    what_is_no_key_is_refused_like_an_unknown_one,
    a_key_belongs_to_its_organization,
    a_second_key_works_and_the_first_can_be_switched_off,
    a_key_dies_at_its_expiry,
    a_deleted_key_is_revoked,
    an_inactive_deployment_says_so_to_its_keys,
    a_key_of_a_deleted_deployment_is_revoked,
    a_deployment_key_manages_nothing,
    a_key_in_the_url_must_be_in_a_header_too,
);

async fn a_key_travels_in_three_spellings(app: TestApp) {
    let key = app.given_deployment("echo").await.key;
    for (name, value) in [
        ("authorization", format!("Bearer {key}")),
        ("authorization", format!("bearer {key}")),
        ("authorization", format!("Api-Key {key}")),
        ("api-key", key.clone()),
    ] {
        let whoami = app.stranger().header(name, value).get("/v1/whoami").await.ok();
        assert_eq!(
            (&whoami["kind"], &whoami["key_name"]),
            (&json!("deployment_key"), &json!("First key of echo"))
        );
    }
}

async fn two_different_keys_are_ambiguous(app: TestApp) {
    let key = app.given_deployment("echo").await.key;
    app.platform()
        .header("api-key", key)
        .get("/v1/whoami")
        .await
        .refused(400, "ambiguous_credentials");
    app.platform().header("api-key", app.platform_key()).get("/v1/whoami").await.ok();
}

async fn what_is_no_key_is_refused_like_an_unknown_one(app: TestApp) {
    let unknown = app.with("8f14e45f-ceea-467f-ab9c-0d1e2f3a4b5c").get("/v1/whoami").await;
    unknown.refused(401, "invalid_credential");
    let long = "x".repeat(4000);
    for wrong in ["x", "unst_", "unst_\u{e9}", &long, "8f14e45f-ceea-467f-ab9c-0d1e2f3a4b5c8"] {
        let refused = app.stranger().header("api-key", wrong).get("/v1/whoami").await;
        assert_eq!(refused.without_request_id(), unknown.without_request_id());
    }
    app.stranger()
        .header("authorization", "Basic dTpw")
        .get("/v1/whoami")
        .await
        .refused(401, "invalid_credential");
    app.stranger().get("/v1/whoami").await.refused(401, "missing_credential");
}

async fn a_key_belongs_to_its_organization(app: TestApp) {
    app.given_organization("other");
    let whoami = app.platform().header("x-organization-id", "acme").get("/v1/whoami").await.ok();
    let id = whoami["organization"]["id"].as_str().unwrap();
    app.platform().header("x-organization-id", id).get("/v1/whoami").await.ok();
    app.platform().get(&format!("/unstract/{id}/api/v2/workflow/")).await.ok();
    let named = app.platform().header("x-organization-id", "other");
    named.get("/v1/whoami").await.refused(403, "organization_mismatch");
}

async fn a_second_key_works_and_the_first_can_be_switched_off(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let keys = format!("/unstract/acme/api/v2/api-deployment/{}/keys/", deployment.id);
    let second = app.platform().post(&keys, json!({"description": "second"})).await.created();
    let listed = app.platform().get(&keys).await.ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert!(!listed.to_string().contains(second["key"].as_str().unwrap()), "a key is shown once");
    let first = format!("{keys}{}/", deployment.key_id);
    let off = app.platform().patch(&first, json!({"is_active": false})).await.ok();
    assert_eq!(off["is_active"], false);
    app.with(&deployment.key).get("/v1/whoami").await.refused(401, "key_inactive");
    app.with(second["key"].as_str().unwrap()).get("/v1/whoami").await.ok();
    app.platform().patch(&first, json!({"is_active": true})).await.ok();
    app.with(&deployment.key).get("/v1/whoami").await.ok();
}

async fn a_key_dies_at_its_expiry(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let keys = format!("/unstract/acme/api/v2/api-deployment/{}/keys/", deployment.id);
    let dated = app.platform().post(&keys, json!({"expires_in_days": 1})).await.created();
    assert_eq!(dated["expires_at"], "2026-11-22T00:00:00.000Z");
    let key = dated["key"].as_str().unwrap();
    app.clock.advance(Duration::from_secs(24 * 3600 - 1));
    app.with(key).get("/v1/whoami").await.ok();
    app.clock.advance(Duration::from_secs(1));
    app.with(key).get("/v1/whoami").await.refused(401, "key_expired");
    let path = format!("{keys}{}/", dated["id"].as_str().unwrap());
    app.platform().patch(&path, json!({"expires_at": null})).await.ok();
    app.with(key).get("/v1/whoami").await.ok();
    let past = json!({"expires_at": "2020-01-01T00:00:00Z"});
    let faults = app.platform().patch(&path, past.clone()).await.faults("invalid_value");
    assert_eq!(faults, [("/expires_at".to_owned(), "invalid_value".to_owned())]);
    app.platform().post(&keys, past).await.refused(422, "invalid_value");
    let both = json!({"expires_at": "2030-01-01T00:00:00Z", "expires_in_days": 1});
    app.platform().post(&keys, both).await.refused(422, "invalid_value");
    app.platform()
        .post(&keys, json!({"expires_at": "tomorrow"}))
        .await
        .refused(422, "invalid_type");
}

async fn a_deleted_key_is_revoked(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let path = format!(
        "/unstract/acme/api/v2/api-deployment/{}/keys/{}/",
        deployment.id, deployment.key_id
    );
    app.platform().get(&path).await.ok();
    app.platform().delete(&path).await.no_content();
    app.with(&deployment.key).get("/v1/whoami").await.refused(401, "key_revoked");
    app.platform().get(&path).await.refused(404, "not_found");
    app.platform().patch(&path, json!({"is_active": true})).await.refused(404, "not_found");
    app.platform().delete(&path).await.refused(404, "not_found");
}

async fn an_inactive_deployment_says_so_to_its_keys(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let path = format!("/unstract/acme/api/v2/api-deployment/{}/", deployment.id);
    app.platform().patch(&path, json!({"is_active": false})).await.ok();
    let call = format!("/deployment/{}/", deployment.id);
    app.with(&deployment.key).post(&call, json!({})).await.refused(401, "deployment_inactive");
}

async fn a_key_of_a_deleted_deployment_is_revoked(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    app.platform()
        .delete(&format!("/unstract/acme/api/v2/api-deployment/{}/", deployment.id))
        .await
        .no_content();
    app.with(&deployment.key).get("/v1/whoami").await.refused(401, "key_revoked");
}

async fn a_deployment_key_manages_nothing(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let holder = app.with(&deployment.key);
    for path in ["workflow/", "api-deployment/", &format!("api-deployment/{}/keys/", deployment.id)]
    {
        let refused = holder.get(&format!("/unstract/acme/api/v2/{path}")).await;
        refused.refused(403, "key_kind_not_allowed");
    }
    holder.get("/v1/session").await.refused(403, "key_kind_not_allowed");
}

async fn a_key_in_the_url_must_be_in_a_header_too(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let other = app.given_deployment("other").await;
    let path = format!("/deployment/{}/execute?wait=10", deployment.key);
    let answer = app.with(&deployment.key).post(&path, json!({"a": 1})).await;
    let body = answer.ok();
    assert_eq!(body["result"], json!({"a": 1}));
    assert!(!answer.text.contains(&deployment.key), "answers name the deployment by its id");
    assert!(answer.header("deprecation").starts_with('@'));
    assert_eq!(
        (answer.header("cache-control"), answer.header("referrer-policy")),
        ("no-store", "no-referrer")
    );
    let status = format!(
        "/deployment/{}/status/{}/",
        deployment.key,
        body["execution_id"].as_str().unwrap()
    );
    app.with(&deployment.key).get(&status).await.ok();
    app.stranger().post(&path, json!({})).await.refused(401, "missing_credential");
    app.with(&other.key).post(&path, json!({})).await.refused(401, "invalid_credential");
    app.platform().post(&path, json!({})).await.refused(401, "invalid_credential");
    app.with(&deployment.key).post("/deployment/:key/", json!({})).await.refused(404, "not_found");
}
