//! What a service that remembers verifications hears of changes.

use actix_web::rt;
use serde_json::{Value, json};
use test_support::app::{Caller, TestApp};

on_both_databases!(
    a_service_hears_which_keys_have_changed_since,
    whoever_waits_is_told_at_once,
    what_another_server_changes_is_told_too,
    whoever_waits_in_vain_is_told_so,
    a_caller_from_another_past_forgets_everything,
    what_is_no_number_is_refused,
);

const CHANGES: &str = "/v1/keys/changes";

async fn made(app: &TestApp, draft: Value) -> Value {
    app.platform().post("/v1/api-keys", draft).await.created()
}

async fn verifier(app: &TestApp) -> Caller {
    let made = made(app, json!({"name": "verifier", "scopes": ["keys:verify"]})).await;
    app.with(made["key"].as_str().unwrap())
}

/// From where the service goes on.
async fn now(service: &Caller) -> u64 {
    let told = service.get(CHANGES).await.ok();
    assert_eq!((&told["items"], &told["reset"]), (&json!([]), &json!(false)));
    told["next"].as_u64().unwrap()
}

async fn revoke(app: &TestApp, key: &Value) {
    let path = format!("/v1/api-keys/{}/revoke", key["id"].as_str().unwrap());
    app.platform().post_nothing(&path).await.ok();
}

async fn a_service_hears_which_keys_have_changed_since(app: TestApp) {
    let service = verifier(&app).await;
    let [first, second] =
        [made(&app, json!({"name": "first"})).await, made(&app, json!({"name": "second"})).await];
    let since = now(&service).await;
    revoke(&app, &second).await;
    revoke(&app, &first).await;
    let told = service.get(&format!("{CHANGES}?since={since}")).await.ok();
    let expected = json!({
        "items": [second["id"], first["id"]], "next": since + 2, "reset": false,
        "max_age_ms": 86_400_000_u64 * 365
    });
    assert_eq!(told, expected);
    let told = service.get(&format!("{CHANGES}?since={}", since + 2)).await.ok();
    assert_eq!(told["items"], json!([]));
    // A platform key may ask, too.
    let told = app.platform().get(&format!("{CHANGES}?since={}", since + 1)).await.ok();
    assert_eq!(told["items"], json!([first["id"]]));
}

/// The answer of a request that is under way when `change` is made.
async fn heard_during(service: &Caller, since: u64, change: impl Future<Output = ()>) -> Value {
    let (service, path) = (service.clone(), format!("{CHANGES}?since={since}&wait=60"));
    let asking = rt::spawn(async move { service.get(&path).await.ok() });
    change.await;
    asking.await.unwrap()
}

async fn whoever_waits_is_told_at_once(app: TestApp) {
    let service = verifier(&app).await;
    let key = made(&app, json!({"name": "first"})).await;
    let told = heard_during(&service, now(&service).await, revoke(&app, &key)).await;
    assert_eq!(told["items"], json!([key["id"]]));
}

async fn what_another_server_changes_is_told_too(app: TestApp) {
    let service = verifier(&app).await;
    let key = made(&app, json!({"name": "first"})).await;
    let service = service.towards(&app.another_server().await);
    let verified = async || {
        let question = json!({"key": key["key"]});
        service.post("/v1/keys/verify", question).await.ok()["code"].clone()
    };
    assert_eq!(verified().await, "VALID");
    let told = heard_during(&service, now(&service).await, revoke(&app, &key)).await;
    assert_eq!(told["items"], json!([key["id"]]));
    // Whoever was told asks again, and is not answered by what this server remembers.
    assert_eq!(verified().await, "REVOKED");
}

async fn whoever_waits_in_vain_is_told_so(app: TestApp) {
    let service = verifier(&app).await;
    let since = now(&service).await;
    let told = service.get(&format!("{CHANGES}?since={since}&wait=1")).await.ok();
    assert_eq!((&told["items"], &told["next"]), (&json!([]), &json!(since)));
}

async fn a_caller_from_another_past_forgets_everything(app: TestApp) {
    let service = verifier(&app).await;
    let since = now(&service).await;
    let told = service.get(&format!("{CHANGES}?since={}&wait=60", since + 1)).await.ok();
    assert_eq!((&told["reset"], &told["next"]), (&json!(true), &json!(since)));
}

async fn what_is_no_number_is_refused(app: TestApp) {
    let service = verifier(&app).await;
    for query in ["since=-1", "since=x", "since=1&since=2", "since=0&wait=301"] {
        let refused = service.get(&format!("{CHANGES}?{query}")).await;
        refused.refused(400, "invalid_parameter");
    }
    let lacking = made(&app, json!({"name": "nothing"})).await;
    let lacking = app.with(lacking["key"].as_str().unwrap());
    lacking.get(CHANGES).await.refused(403, "insufficient_scope");
}
