//! Platform keys over HTTP.

use serde_json::{Value, json};
use test_support::app::TestApp;

const KEYS: &str = "/unstract/acme/api/v2/platform-keys/";

on_both_databases!(
    an_organization_begins_with_key_one_active,
    there_are_never_more_than_two,
    a_new_key_is_active_only_if_none_is_or_if_asked,
    activating_one_deactivates_the_other,
    a_refreshed_key_keeps_its_place_and_loses_its_old_secret,
    a_platform_key_refreshes_itself_alone,
    a_deleted_key_leaves_its_slot_empty,
    fifty_activations_at_once_leave_exactly_one_active,
    only_an_administrator_manages_them,
);

async fn keys(app: &TestApp) -> [Value; 2] {
    let listed = app.admin().await.get(KEYS).await.ok();
    let items = listed["items"].as_array().expect("items").clone();
    items.try_into().expect("always two")
}

fn active(keys: &[Value; 2]) -> [bool; 2] {
    keys.each_ref().map(|key| key["is_active"] == true)
}

fn path(key: &Value) -> String {
    format!("{KEYS}{}/", key["id"].as_str().expect("an id"))
}

async fn an_organization_begins_with_key_one_active(app: TestApp) {
    let [one, two] = keys(&app).await;
    assert_eq!(
        (&one["slot"], &one["key_name"], &one["is_active"]),
        (&json!(1), &json!("Key #1"), &json!(true))
    );
    assert_eq!(two, json!({"slot": 2, "id": null}));
    let end = &app.platform_key()[app.platform_key().len() - 4..];
    assert_eq!(one["hint"], format!("…{end}"));
    assert!(one.get("key").is_none(), "a key is shown once");
}

async fn there_are_never_more_than_two(app: TestApp) {
    let admin = app.admin().await;
    admin.post(KEYS, json!({"slot": 1})).await.refused(409, "platform_key_slot_taken");
    let two = admin.post(KEYS, json!({"slot": 2})).await.created();
    assert_eq!(
        (&two["slot"], &two["key_name"], &two["is_active"]),
        (&json!(2), &json!("Key #2"), &json!(false))
    );
    admin.post_nothing(KEYS).await.refused(409, "platform_key_limit");
    admin.post(KEYS, json!({"slot": 3})).await.refused(422, "invalid_value");
    let refresh = format!("{}refresh/", path(&keys(&app).await[0]));
    admin.post(&refresh, json!({"revoke": true})).await.refused(422, "unknown_field");
}

async fn a_new_key_is_active_only_if_none_is_or_if_asked(app: TestApp) {
    let admin = app.admin().await;
    let two = admin.post(KEYS, json!({"activate": true})).await.created();
    assert_eq!(active(&keys(&app).await), [false, true]);
    admin.delete(&path(&two)).await.no_content();
    assert_eq!(active(&keys(&app).await), [false, false]);
    admin.post_nothing(KEYS).await.created();
    assert_eq!(active(&keys(&app).await), [false, true]);
}

async fn activating_one_deactivates_the_other(app: TestApp) {
    let admin = app.admin().await;
    let two = admin.post_nothing(KEYS).await.created();
    let secret = two["key"].as_str().unwrap();
    app.with(secret).get("/v1/whoami").await.refused(401, "key_inactive");
    admin.patch(&path(&two), json!({"is_active": true})).await.ok();
    assert_eq!(active(&keys(&app).await), [false, true]);
    app.with(secret).get("/v1/whoami").await.ok();
    app.platform().get("/v1/whoami").await.refused(401, "key_inactive");
    admin.patch(&path(&keys(&app).await[0]), json!({"is_active": false})).await.ok();
    assert_eq!(
        active(&keys(&app).await),
        [false, true],
        "switching an inactive one off changes nothing"
    );
    admin.patch(&path(&two), json!({"is_active": false})).await.ok();
    assert_eq!(active(&keys(&app).await), [false, false]);
}

async fn a_refreshed_key_keeps_its_place_and_loses_its_old_secret(app: TestApp) {
    let admin = app.admin().await;
    let [one, _] = keys(&app).await;
    let refreshed = admin.post_nothing(&format!("{}refresh/", path(&one))).await.ok();
    assert_eq!((&refreshed["id"], &refreshed["is_active"]), (&one["id"], &json!(true)));
    assert_ne!(refreshed["fingerprint"], one["fingerprint"]);
    app.platform().get("/v1/whoami").await.refused(401, "invalid_credential");
    let whoami = app.with(refreshed["key"].as_str().unwrap()).get("/v1/whoami").await.ok();
    assert_eq!((&whoami["kind"], &whoami["key_name"]), (&json!("platform_key"), &json!("Key #1")));
}

async fn a_platform_key_refreshes_itself_alone(app: TestApp) {
    let two = app.admin().await.post_nothing(KEYS).await.created();
    let [one, _] = keys(&app).await;
    let refresh = |key: &Value| format!("{}refresh/", path(key));
    app.platform().post_nothing(&refresh(&two)).await.refused(403, "admin_required");
    app.platform().post_nothing(&refresh(&one)).await.ok();
    app.platform().get("/v1/whoami").await.refused(401, "invalid_credential");
}

async fn a_deleted_key_leaves_its_slot_empty(app: TestApp) {
    let admin = app.admin().await;
    let [one, _] = keys(&app).await;
    admin.delete(&path(&one)).await.no_content();
    assert_eq!(keys(&app).await[0], json!({"slot": 1, "id": null}));
    app.platform().get("/v1/whoami").await.refused(401, "invalid_credential");
    admin.delete(&path(&one)).await.refused(404, "not_found");
    admin.patch(&path(&one), json!({"is_active": true})).await.refused(404, "not_found");
    assert_eq!(admin.post_nothing(KEYS).await.created()["slot"], 1);
}

async fn fifty_activations_at_once_leave_exactly_one_active(app: TestApp) {
    let admin = app.admin().await;
    admin.post_nothing(KEYS).await.created();
    let both = keys(&app).await.map(|key| path(&key));
    let activations = (0..50).map(|turn| {
        let (admin, path) = (admin.clone(), both[turn % 2].clone());
        actix_web::rt::spawn(
            async move { admin.patch(&path, json!({"is_active": true})).await.ok() },
        )
    });
    let activations: Vec<_> = activations.collect();
    for activation in activations {
        assert_eq!(activation.await.expect("an answer")["is_active"], true);
    }
    assert_eq!(active(&keys(&app).await).into_iter().filter(|active| *active).count(), 1);
}

async fn only_an_administrator_manages_them(app: TestApp) {
    let [one, _] = keys(&app).await;
    let deployment = app.given_deployment("echo").await;
    for caller in [app.platform(), app.with(&deployment.key)] {
        caller.get(KEYS).await.refused(403, "admin_required");
        caller.post_nothing(KEYS).await.refused(403, "admin_required");
        caller.patch(&path(&one), json!({"is_active": false})).await.refused(403, "admin_required");
        caller.delete(&path(&one)).await.refused(403, "admin_required");
    }
    app.with(&deployment.key)
        .post_nothing(&format!("{}refresh/", path(&one)))
        .await
        .refused(403, "admin_required");
    app.stranger().get(KEYS).await.refused(401, "missing_credential");
}
