//! What administrators settle for their organization.

use access_domain::OrganizationId;
use serde_json::{Value, json};
use test_support::app::TestApp;

on_both_databases!(
    administrators_change_what_administrative_keys_read,
    new_keys_look_as_it_was_settled_and_old_ones_stay_good,
    what_is_wrong_with_settings_is_told_with_its_place,
);

const SETTINGS: &str = "/unstract/acme/api/v2/organization/";

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

async fn administrators_change_what_administrative_keys_read(app: TestApp) {
    let admin = app.admin().await;
    let settings = app.platform().get(SETTINGS).await.ok();
    let expected = json!({"id": settings["id"], "slug": "acme", "name": "acme",
        "key_format": "token", "key_prefix": "kw", "max_concurrent": null,
        "result_hours": null, "record_days": null, "users_may_deploy": true,
        "notice_days": [14, 7, 1]});
    assert_eq!(settings, expected);
    assert_eq!(admin.get(SETTINGS).await.ok(), expected);
    let renamed = admin.patch(SETTINGS, json!({"name": "Acme Ltd"})).await.ok();
    assert_eq!(renamed["name"], "Acme Ltd");
    assert_eq!(app.platform().get(SETTINGS).await.ok(), renamed);

    let wanted = json!({"name": "boss", "scopes": ["admin"]});
    let made = app.platform().post("/v1/api-keys", wanted).await.created();
    let boss = app.with(text(&made["key"]));
    boss.get(SETTINGS).await.ok();
    boss.patch(SETTINGS, json!({})).await.refused(403, "admin_required");
    app.platform().patch(SETTINGS, json!({})).await.refused(403, "admin_required");
    let user = app.user().await;
    user.get(SETTINGS).await.refused(403, "admin_required");
    user.patch(SETTINGS, json!({})).await.refused(403, "admin_required");
}

async fn new_keys_look_as_it_was_settled_and_old_ones_stay_good(app: TestApp) {
    let admin = app.admin().await;
    let deployed = app.given_deployment("orders").await;
    let old = app.platform().post("/v1/api-keys", json!({"name": "old"})).await.created();
    let settled = json!({"key_format": "uuid", "key_prefix": "acme"});
    admin.patch(SETTINGS, settled).await.ok();

    let keys = format!("/unstract/acme/api/v2/api-deployment/{}/keys/", deployed.id);
    let uuid_key = app.platform().post(&keys, json!({})).await.created();
    let uuid = text(&uuid_key["key"]).strip_prefix("unst_").expect("the prefix");
    assert_eq!(uuid.parse::<OrganizationId>().expect("a UUID").to_string(), uuid);
    let second = app.given_deployment("invoices").await.key;
    assert_eq!(second.len(), "unst_".len() + 36);
    let new = app.platform().post("/v1/api-keys", json!({"name": "new"})).await.created();
    assert!(text(&new["key"]).starts_with("acme_live_"), "{}", new["hint"]);
    let rotated = format!("/v1/api-keys/{}/rotate", text(&old["id"]));
    let rotated = app.platform().post(&rotated, json!({})).await.ok();
    assert!(text(&rotated["key"]).starts_with("acme_live_"), "{}", rotated["hint"]);

    for key in [&old["key"], &new["key"], &rotated["key"], &uuid_key["key"]] {
        app.with(text(key)).get("/v1/whoami").await.ok();
    }
    let call = format!("/deployment/{}/?wait=10", deployed.id);
    app.with(&deployed.key).post(&call, json!(1)).await.ok();
    app.with(text(&uuid_key["key"])).post(&call, json!(1)).await.ok();
    let back = admin.patch(SETTINGS, json!({"key_format": "token"})).await.ok();
    assert_eq!((&back["key_format"], &back["key_prefix"]), (&json!("token"), &json!("acme")));
    app.with(text(&uuid_key["key"])).post(&call, json!(1)).await.ok();
}

async fn what_is_wrong_with_settings_is_told_with_its_place(app: TestApp) {
    let admin = app.admin().await;
    for (body, code, attr) in [
        (json!({"key_prefix": "unst"}), "invalid_value", "/key_prefix"),
        (json!({"key_prefix": "Kw"}), "invalid_value", "/key_prefix"),
        (json!({"key_format": "hex"}), "invalid_value", "/key_format"),
        (json!({"name": ""}), "invalid_value", "/name"),
        (json!({"name": "x".repeat(101)}), "invalid_value", "/name"),
        (json!({"name": null}), "invalid_type", "/name"),
        (json!({"slug": "other"}), "unknown_field", "/slug"),
        (json!({"result_hours": 8761}), "invalid_value", "/result_hours"),
        (json!({"record_days": 0}), "invalid_value", "/record_days"),
        (json!({"notice_days": [0]}), "invalid_value", "/notice_days"),
        (json!({"notice_days": null}), "invalid_type", "/notice_days"),
        (json!({"notice_days": 7}), "invalid_type", "/notice_days"),
    ] {
        let refused = admin.patch(SETTINGS, body.clone()).await.refused(422, code);
        assert_eq!(refused["errors"][0]["attr"], attr, "{body}");
    }
    let all = json!({"name": "", "key_format": "hex", "key_prefix": "unst"});
    admin.patch(SETTINGS, all).await.refused(422, "validation_failed");
    assert_eq!(admin.get(SETTINGS).await.ok()["name"], "acme");
}
