//! When keys were last used, told of each of their secrets.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::{
    app::{Caller, TestApp},
    databases::Database,
};

use crate::process::Settings;

on_both_databases!(
    the_last_use_is_told_of_each_secret_at_once_and_after_it_was_stored,
    a_refused_key_is_not_in_use,
    a_deployment_key_tells_its_last_use_too,
    what_is_verified_or_let_in_by_a_proxy_is_in_use,
);

const KEYS: &str = "/v1/api-keys";

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// The last use of each secret, the present one first, and that of the key.
async fn last_uses(manager: &Caller, address: &str) -> (Vec<Value>, Value) {
    let key = manager.get(address).await.ok();
    let secrets = key["secrets"].as_array().expect("secrets");
    let of_each = secrets.iter().map(|secret| secret["last_used_at"].clone()).collect();
    (of_each, key["last_used_at"].clone())
}

async fn the_last_use_is_told_of_each_secret_at_once_and_after_it_was_stored(app: TestApp) {
    let manager = app.admin().await;
    let made = manager.post(KEYS, json!({"name": "shop"})).await.created();
    let address = format!("{KEYS}/{}", text(&made["id"]));
    let told = async || last_uses(&manager, &address).await;
    assert_eq!(told().await, (vec![json!(null)], json!(null)));

    let old = app.with(text(&made["key"]));
    app.clock.advance(Duration::from_secs(60));
    old.get("/v1/whoami").await.ok();
    let first = json!("2026-11-21T00:01:00.000Z");
    assert_eq!(told().await, (vec![first.clone()], first.clone()));
    app.close_minute();
    assert_eq!(told().await, (vec![first.clone()], first.clone()));

    let rotated = manager.post(&format!("{address}/rotate"), json!({})).await.ok();
    assert_eq!(rotated["secrets"][1]["last_used_at"], first);
    app.clock.advance(Duration::from_secs(60));
    old.get("/v1/whoami").await.ok();
    let second = json!("2026-11-21T00:02:00.000Z");
    assert_eq!(told().await, (vec![json!(null), second.clone()], second.clone()));
    app.clock.advance(Duration::from_secs(60));
    app.with(text(&rotated["key"])).get("/v1/whoami").await.ok();
    let third = json!("2026-11-21T00:03:00.000Z");
    let both = (vec![third.clone(), second], third);
    assert_eq!(told().await, both);
    app.close_minute();
    assert_eq!(told().await, both);
    let listed = manager.get(KEYS).await.ok();
    assert_eq!(listed["items"][0]["last_used_at"], both.1);
}

async fn a_refused_key_is_not_in_use(app: TestApp) {
    let manager = app.admin().await;
    let made = manager.post(KEYS, json!({"name": "shop"})).await.created();
    let address = format!("{KEYS}/{}", text(&made["id"]));
    manager.patch(&address, json!({"is_active": false})).await.ok();
    app.with(text(&made["key"])).get("/v1/whoami").await.refused(401, "key_inactive");
    app.close_minute();
    assert_eq!(last_uses(&manager, &address).await, (vec![json!(null)], json!(null)));
}

async fn a_deployment_key_tells_its_last_use_too(app: TestApp) {
    let deployed = app.given_deployment("orders").await;
    let call = format!("/deployment/{}/?wait=10", deployed.id);
    app.with(&deployed.key).post(&call, json!(1)).await.ok();
    let address =
        format!("/unstract/acme/api/v2/api-deployment/{}/keys/{}", deployed.id, deployed.key_id);
    let now = json!("2026-11-21T00:00:00.000Z");
    assert_eq!(last_uses(&app.platform(), &address).await, (vec![now.clone()], now));
}

async fn what_is_verified_or_let_in_by_a_proxy_is_in_use(app: TestApp) {
    let manager = app.admin().await;
    let made = manager.post(KEYS, json!({"name": "shop"})).await.created();
    let (address, key) = (format!("{KEYS}/{}", text(&made["id"])), text(&made["key"]));
    let told = async || last_uses(&manager, &address).await.1;
    let verify = async |body| app.platform().post("/v1/keys/verify", body).await.ok();
    verify(json!({"key": key, "scopes": ["orders:read"]})).await;
    verify(json!({"key": key, "explain": true})).await;
    assert_eq!(told().await, json!(null));
    verify(json!({"key": key})).await;
    assert_eq!(told().await, "2026-11-21T00:00:00.000Z");
    app.clock.advance(Duration::from_secs(60));
    app.with(key).get("/v1/auth?organization=acme").await;
    assert_eq!(told().await, "2026-11-21T00:01:00.000Z");
}

#[actix_web::test]
async fn a_stop_in_good_order_stores_the_last_uses() {
    for database in [Database::sqlite(), Database::postgres()] {
        let settings = Settings::over(&database);
        settings.run(&["migrate", "run"]);
        let (platform_key, _) = settings.given_organization("acme");
        let server = settings.serve(&[]);
        let manager = Caller::new(&server.base).bearer(&platform_key);
        let made = manager.post(KEYS, json!({"name": "shop"})).await.created();
        let address = format!("{KEYS}/{}", text(&made["id"]));
        Caller::new(&server.base).bearer(text(&made["key"])).get("/v1/whoami").await.ok();
        let before = last_uses(&manager, &address).await;
        assert!(before.1.is_string(), "{before:?}");
        assert!(server.terminate().success());
        let server = settings.serve(&[]);
        let manager = Caller::new(&server.base).bearer(&platform_key);
        assert_eq!(last_uses(&manager, &address).await, before);
    }
}
