//! Keys of the organization: their whole life, and what is wrong with those that are not made.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::app::TestApp;

on_both_databases!(
    a_key_is_made_shown_once_and_told_by_its_hint,
    each_format_works_in_every_header,
    keys_are_listed_and_filtered,
    a_name_is_unique_and_never_changes,
    a_key_does_what_its_scopes_say_and_no_more,
    a_key_with_admin_does_what_a_platform_key_does_but_for_platform_keys,
    a_key_dies_to_the_second,
    a_key_is_switched_revoked_and_deleted,
    a_rotation_leaves_the_old_secret_its_grace,
    a_rotation_within_the_grace_must_be_forced,
    a_rotation_begins_the_term_anew,
    an_allowlist_holds_for_the_callers_address,
    every_fault_of_a_key_is_told_with_its_place,
    a_changed_character_of_a_checksummed_key_is_refused,
);

const KEYS: &str = "/v1/api-keys";

async fn make(app: &TestApp, body: Value) -> Value {
    app.platform().post(KEYS, body).await.created()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}"))
}

fn path(key: &Value) -> String {
    format!("{KEYS}/{}", text(key, "id"))
}

async fn a_key_is_made_shown_once_and_told_by_its_hint(app: TestApp) {
    let wanted = json!({
        "name": "production-key", "description": "for the shop", "scopes": ["orders:read"],
        "expires_in_days": 90, "rate_limit_per_minute": 1000, "ip_allowlist": ["127.0.0.0/8"],
        "metadata": {"team": "shop"}
    });
    let made = make(&app, wanted).await;
    let key = text(&made, "key");
    assert!(key.starts_with("kw_live_") && key.len() == 46, "{key}");
    assert_eq!(made["expires_at"], "2027-02-19T00:00:00.000Z");
    assert_eq!(made["metadata"], json!({"team": "shop"}));
    assert_eq!(text(&made, "hint"), format!("kw_live_…{}", &key[42..]));
    let told = app.platform().get(&path(&made)).await;
    assert!(!told.text.contains(key), "a key is shown once");
    let mut expected = made.clone();
    expected.as_object_mut().unwrap().remove("key");
    assert_eq!(told.ok(), expected);
    let whoami = app.with(key).get("/v1/whoami").await.ok();
    let kind = (&whoami["kind"], &whoami["key_name"], &whoami["scopes"]);
    let scopes = json!(["orders:read"]);
    assert_eq!(kind, (&json!("organization_key"), &json!("production-key"), &scopes));
}

async fn each_format_works_in_every_header(app: TestApp) {
    let test = json!({"name": "test", "env": "test"});
    let short = json!({"name": "short", "format": "prefix_secret"});
    for (wanted, start, length) in [(test, "kw_test_", 46), (short, "", 41)] {
        let made = make(&app, wanted).await;
        let key = text(&made, "key");
        assert!(key.starts_with(start) && key.len() == length, "{key}");
        for (header, value) in [
            ("authorization", format!("Bearer {key}")),
            ("authorization", format!("Api-Key {key}")),
            ("api-key", key.to_owned()),
        ] {
            app.stranger().header(header, value).get("/v1/whoami").await.ok();
        }
    }
}

async fn keys_are_listed_and_filtered(app: TestApp) {
    let first = make(&app, json!({"name": "first"})).await;
    app.clock.advance(Duration::from_millis(1));
    let admin = app.admin().await;
    let second = admin.post(KEYS, json!({"name": "second"})).await.created();
    app.platform().post(&format!("{}/revoke", path(&first)), json!({})).await.ok();
    let names = async |query: &str| {
        let listed = app.platform().get(&format!("{KEYS}?{query}")).await.ok();
        let items = listed["items"].as_array().unwrap().clone();
        items.iter().map(|key| text(key, "name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["second", "first"]);
    assert_eq!(names("name=first").await, ["first"]);
    assert_eq!(names("revoked=true").await, ["first"]);
    assert_eq!(names("revoked=false").await, ["second"]);
    let maker = text(&second, "created_by");
    assert_eq!(names(&format!("created_by={maker}")).await, ["second"]);
    let wrong = app.platform().get(&format!("{KEYS}?revoked=perhaps")).await;
    wrong.refused(400, "invalid_parameter");
    let page = app.platform().get(&format!("{KEYS}?limit=1")).await.ok();
    let next = format!("limit=1&cursor={}", text(&page, "next_cursor"));
    assert_eq!(names(&next).await, ["first"]);
}

async fn a_name_is_unique_and_never_changes(app: TestApp) {
    let made = make(&app, json!({"name": "one"})).await;
    let again = app.platform().post(KEYS, json!({"name": "one"})).await;
    assert_eq!(again.refused(409, "name_taken")["errors"][0]["attr"], "/name");
    let renamed = app.platform().patch(&path(&made), json!({"name": "two"})).await;
    renamed.refused(409, "name_immutable");
    app.platform().delete(&path(&made)).await.no_content();
    make(&app, json!({"name": "one"})).await;
}

async fn a_key_does_what_its_scopes_say_and_no_more(app: TestApp) {
    let made = make(&app, json!({"name": "narrow", "scopes": ["analytics:read"]})).await;
    let holder = app.with(text(&made, "key"));
    holder.get("/v1/whoami").await.ok();
    holder.get(KEYS).await.refused(403, "insufficient_scope");
    holder.get("/unstract/acme/api/v2/workflow/").await.refused(403, "insufficient_scope");
    let keys = "/unstract/acme/api/v2/platform-keys/";
    holder.get(keys).await.refused(403, "admin_required");
    let deployment = app.given_deployment("echo").await;
    let call = format!("/deployment/{}/", deployment.id);
    holder.post(&call, json!({})).await.refused(403, "deployment_key_required");
}

async fn a_key_with_admin_does_what_a_platform_key_does_but_for_platform_keys(app: TestApp) {
    let made = make(&app, json!({"name": "root", "scopes": ["admin"]})).await;
    let holder = app.with(text(&made, "key"));
    let narrow = json!({"name": "narrow", "scopes": ["orders:read", "inference:write"]});
    let child = holder.post(KEYS, narrow).await.created();
    assert_eq!(child["created_by"], made["id"]);
    holder.get("/unstract/acme/api/v2/workflow/").await.ok();
    let keys = "/unstract/acme/api/v2/platform-keys/";
    holder.get(keys).await.refused(403, "admin_required");
    let user = app.user().await;
    user.post(KEYS, json!({"name": "x"})).await.refused(403, "admin_required");
}

async fn a_key_dies_to_the_second(app: TestApp) {
    let end = json!({"name": "dated", "expires_at": "2026-11-21T00:00:10Z"});
    let made = make(&app, end).await;
    let holder = app.with(text(&made, "key"));
    app.clock.advance(Duration::from_micros(9_999_999));
    holder.get("/v1/whoami").await.ok();
    app.clock.advance(Duration::from_micros(1));
    holder.get("/v1/whoami").await.refused(401, "key_expired");
}

async fn a_key_is_switched_revoked_and_deleted(app: TestApp) {
    let made = make(&app, json!({"name": "one"})).await;
    let (platform, holder) = (app.platform(), app.with(text(&made, "key")));
    let off = platform.patch(&path(&made), json!({"is_active": false})).await.ok();
    assert_eq!(off["is_active"], false);
    holder.get("/v1/whoami").await.refused(401, "key_inactive");
    platform.patch(&path(&made), json!({"is_active": true})).await.ok();
    holder.get("/v1/whoami").await.ok();
    let revoke = format!("{}/revoke", path(&made));
    let revoked = platform.post(&revoke, json!({"reason": "it leaked"})).await.ok();
    assert_eq!(
        (text(&revoked, "revoked_reason"), revoked["is_active"] == true),
        ("it leaked", true)
    );
    holder.get("/v1/whoami").await.refused(401, "key_revoked");
    platform.post(&revoke, json!({})).await.refused(409, "key_revoked");
    let rotated = platform.post(&format!("{}/rotate", path(&made)), json!({})).await;
    rotated.refused(409, "key_revoked");
    platform.delete(&path(&made)).await.no_content();
    holder.get("/v1/whoami").await.refused(401, "key_revoked");
    platform.get(&path(&made)).await.refused(404, "not_found");
}

async fn a_rotation_leaves_the_old_secret_its_grace(app: TestApp) {
    let made = make(&app, json!({"name": "one"})).await;
    let rotate = format!("{}/rotate", path(&made));
    let rotated = app.platform().post(&rotate, json!({"grace_seconds": 60})).await.ok();
    assert_eq!(rotated["id"], made["id"]);
    let (old, new) = (text(&made, "key"), text(&rotated, "key"));
    assert_ne!(old, new);
    let secrets = rotated["secrets"].as_array().unwrap();
    let graces: Vec<_> = secrets.iter().map(|secret| secret["grace_until"].clone()).collect();
    assert_eq!(graces, [Value::Null, json!("2026-11-21T00:01:00.000Z")]);
    app.clock.advance(Duration::from_secs(59));
    for key in [old, new] {
        app.with(key).get("/v1/whoami").await.ok();
    }
    app.clock.advance(Duration::from_secs(1));
    app.with(old).get("/v1/whoami").await.refused(401, "key_expired");
    app.with(new).get("/v1/whoami").await.ok();
}

async fn a_rotation_within_the_grace_must_be_forced(app: TestApp) {
    let made = make(&app, json!({"name": "one"})).await;
    let rotate = format!("{}/rotate", path(&made));
    let second = app.platform().post_nothing(&rotate).await.ok();
    let refused = app.platform().post_nothing(&rotate).await.refused(409, "rotation_in_grace");
    assert!(text(&refused, "detail").contains("2026-11-22"), "{refused}");
    let third = app.platform().post(&rotate, json!({"force": true})).await.ok();
    let whoami = async |key: &Value| app.with(text(key, "key")).get("/v1/whoami").await;
    whoami(&made).await.refused(401, "invalid_credential");
    whoami(&second).await.ok();
    whoami(&third).await.ok();
    let at_once = json!({"force": true, "grace_seconds": 0});
    app.platform().post(&rotate, at_once).await.ok();
    whoami(&third).await.refused(401, "key_expired");
    let long = app.platform().post(&rotate, json!({"grace_seconds": 2_592_001})).await;
    assert_eq!(long.refused(422, "invalid_value")["errors"][0]["attr"], "/grace_seconds");
}

async fn a_rotation_begins_the_term_anew(app: TestApp) {
    let made = make(&app, json!({"name": "one", "expires_in_days": 10})).await;
    let rotate = format!("{}/rotate", path(&made));
    app.clock.advance(Duration::from_secs(9 * 24 * 3600));
    let far = json!({"grace_seconds": 5 * 24 * 3600});
    let rotated = app.platform().post(&rotate, far).await.ok();
    assert_eq!(rotated["expires_at"], "2026-12-10T00:00:00.000Z");
    // Not past the term that the old secret was made for.
    assert_eq!(rotated["secrets"][1]["grace_until"], "2026-12-01T00:00:00.000Z");
    let told = json!({"force": true, "expires_in_days": 1});
    let rotated = app.platform().post(&rotate, told).await.ok();
    assert_eq!(rotated["expires_at"], "2026-12-01T00:00:00.000Z");
    let forever = json!({"force": true, "expires_at": null});
    let rotated = app.platform().post(&rotate, forever).await.ok();
    assert_eq!(rotated["expires_at"], Value::Null);
}

async fn an_allowlist_holds_for_the_callers_address(app: TestApp) {
    let made = make(&app, json!({"name": "far", "ip_allowlist": ["192.0.2.0/24"]})).await;
    let holder = app.with(text(&made, "key"));
    holder.get("/v1/whoami").await.refused(403, "ip_not_allowed");
    let near = json!({"ip_allowlist": ["::ffff:127.0.0.1"]});
    let changed = app.platform().patch(&path(&made), near).await.ok();
    assert_eq!(changed["ip_allowlist"], json!(["127.0.0.1/32"]));
    holder.get("/v1/whoami").await.ok();
    app.platform().patch(&path(&made), json!({"ip_allowlist": null})).await.ok();
    holder.get("/v1/whoami").await.ok();
}

async fn every_fault_of_a_key_is_told_with_its_place(app: TestApp) {
    let refused = async |body: Value| {
        let answer = app.platform().post(KEYS, body).await;
        let problem = answer.json();
        assert_eq!(answer.status, 422, "{problem}");
        let errors = problem["errors"].as_array().unwrap().clone();
        errors.iter().map(|e| e["attr"].as_str().unwrap_or("").to_owned()).collect::<Vec<_>>()
    };
    let with = |member: &str, value: Value| json!({"name": "x", member: value});
    for (member, value, place) in [
        ("name", json!(""), "/name"),
        ("name", json!("x".repeat(101)), "/name"),
        ("name", json!("a\u{0}b"), "/name"),
        ("scopes", json!(["s".repeat(1000)]), "/scopes/0"),
        ("scopes", json!(["inference:all"]), "/scopes/0"),
        ("expires_at", json!("2026-11-20T00:00:00Z"), "/expires_at"),
        ("expires_at", json!("10000-01-01T00:00:00Z"), "/expires_at"),
        ("expires_in_days", json!(0), "/expires_in_days"),
        ("ip_allowlist", json!(["10.0.0.0/33"]), "/ip_allowlist/0"),
        ("rate_limit_per_minute", json!(0), "/rate_limit_per_minute"),
        ("rate_limit_per_minute", json!(-1), "/rate_limit_per_minute"),
        ("metadata", json!({"x": "y".repeat(5000)}), "/metadata"),
        ("metadata", json!([]), "/metadata"),
        ("format", json!("uuid"), "/format"),
        ("colour", json!("red"), "/colour"),
    ] {
        assert_eq!(refused(with(member, value.clone())).await, [place], "{member}: {value}");
    }
    let several = json!({"name": "", "scopes": ["A"], "ip_allowlist": ["x"]});
    assert_eq!(refused(several).await, ["/name", "/scopes/0", "/ip_allowlist/0"]);
    assert_eq!(app.platform().get(KEYS).await.ok()["items"], json!([]));
}

async fn a_changed_character_of_a_checksummed_key_is_refused(app: TestApp) {
    let made = make(&app, json!({"name": "one"})).await;
    let key = text(&made, "key");
    for place in [0, 3, 8, 20, 45] {
        let other = if &key[place..=place] == "x" { "y" } else { "x" };
        let changed = format!("{}{other}{}", &key[..place], &key[place + 1..]);
        app.with(&changed).get("/v1/whoami").await.refused(401, "invalid_credential");
    }
}
