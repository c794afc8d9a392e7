//! Keys are remembered between requests, and no request is answered by what no longer holds. In these
//! servers nothing grows too old: only what storage tells can end what is remembered.

use actix_web::rt::spawn;
use serde_json::json;
use test_support::app::TestApp;

on_both_databases!(
    a_revoked_key_is_refused_by_the_very_next_request,
    whatever_stops_a_key_stops_the_very_next_request,
    a_key_that_was_tried_before_it_existed_is_not_unknown_for_ever,
    a_key_that_is_switched_off_while_many_use_it_stops_for_all,
);

const KEYS: &str = "/v1/api-keys";
const DEPLOYMENTS: &str = "/unstract/acme/api/v2/api-deployment/";

async fn make(app: &TestApp, name: &str) -> (String, String) {
    let made = app.platform().post(KEYS, json!({"name": name})).await.created();
    let text = |member: &str| made[member].as_str().expect(member).to_owned();
    (format!("{KEYS}/{}", text("id")), text("key"))
}

async fn a_revoked_key_is_refused_by_the_very_next_request(app: TestApp) {
    let (path, key) = make(&app, "k").await;
    for _ in 0..3 {
        app.with(&key).get("/v1/whoami").await.ok();
    }
    app.platform().post(&format!("{path}/revoke"), json!({"reason": "lost"})).await.ok();
    for _ in 0..3 {
        app.with(&key).get("/v1/whoami").await.refused(401, "key_revoked");
    }
}

async fn whatever_stops_a_key_stops_the_very_next_request(app: TestApp) {
    let (platform, given) = (app.platform(), app.given_deployment("echo").await);
    let caller = app.with(&given.key);
    let deployment = format!("{DEPLOYMENTS}{}/", given.id);
    let key = format!("{deployment}keys/{}/", given.key_id);
    let switch = |is_active: bool| json!({"is_active": is_active});
    caller.get("/v1/whoami").await.ok();
    platform.patch(&key, switch(false)).await.ok();
    caller.get("/v1/whoami").await.refused(401, "key_inactive");
    platform.patch(&key, switch(true)).await.ok();
    caller.get("/v1/whoami").await.ok();
    platform.patch(&deployment, switch(false)).await.ok();
    caller.get("/v1/whoami").await.refused(401, "deployment_inactive");
    platform.patch(&deployment, switch(true)).await.ok();
    caller.get("/v1/whoami").await.ok();
    let rotated = platform.post(&format!("{key}rotate/"), json!({"grace_seconds": 0})).await.ok();
    caller.get("/v1/whoami").await.refused(401, "key_expired");
    let caller = app.with(rotated["key"].as_str().unwrap());
    caller.get("/v1/whoami").await.ok();
    platform.delete(&deployment).await.no_content();
    caller.get("/v1/whoami").await.refused(401, "key_revoked");
}

async fn a_key_that_was_tried_before_it_existed_is_not_unknown_for_ever(app: TestApp) {
    // The slot's key is refreshed: the text of a key cannot be known before it exists, but what is
    // unknown now must not stay so by being asked for.
    let unknown = format!("unst_{}", "a".repeat(43));
    app.with(&unknown).get("/v1/whoami").await.refused(401, "invalid_credential");
    let (_, key) = make(&app, "k").await;
    app.with(&key).get("/v1/whoami").await.ok();
    app.with(&unknown).get("/v1/whoami").await.refused(401, "invalid_credential");
}

async fn a_key_that_is_switched_off_while_many_use_it_stops_for_all(app: TestApp) {
    for round in 0..5 {
        let (path, key) = make(&app, &format!("k{round}")).await;
        let use_it = || {
            let caller = app.with(&key);
            spawn(async move { caller.get("/v1/whoami").await.status })
        };
        // Loads are in flight while the key changes, and none of them may be remembered.
        let before: Vec<_> = (0..20).map(|_| use_it()).collect();
        app.platform().patch(&path, json!({"is_active": false})).await.ok();
        let after: Vec<_> = (0..20).map(|_| use_it()).collect();
        for used in before {
            assert!(matches!(used.await.unwrap(), 200 | 401));
        }
        for used in after {
            assert_eq!(used.await.unwrap(), 401, "the change was answered before");
        }
    }
}
