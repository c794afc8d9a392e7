//! Bodies that are none, and what every answer has in common.

use serde_json::json;
use test_support::app::TestApp;

on_both_databases!(
    a_body_must_be_json_of_the_right_media_type,
    a_body_that_is_too_large_is_refused,
    strangers_hear_nothing_of_the_body,
    a_sane_request_id_is_kept,
    addresses_work_with_and_without_a_trailing_slash,
    an_unknown_method_and_an_unknown_address_are_told_apart,
    the_server_says_that_it_is_alive_and_ready,
);

const WORKFLOWS: &str = "/unstract/acme/api/v2/workflow/";
const JSON: &str = "application/json";

async fn a_body_must_be_json_of_the_right_media_type(app: TestApp) {
    let platform = app.platform();
    for body in ["", "{", "{\"name\": \"\\ud800\"}", "nonsense"] {
        platform.post_raw(WORKFLOWS, JSON, body.into()).await.refused(400, "malformed_json");
    }
    platform.post_raw(WORKFLOWS, JSON, vec![0xff, 0xfe]).await.refused(400, "malformed_json");
    let deep = "[".repeat(100_000).into_bytes();
    platform
        .post_raw(WORKFLOWS, JSON, deep[..60_000].to_vec())
        .await
        .refused(400, "malformed_json");
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
        let refused = platform.post_raw(WORKFLOWS, media_type, b"{}".to_vec()).await;
        refused.refused(415, "unsupported_media_type");
    }
    for body in [&b"[]"[..], b"7", br#"["w", "", "TASK", {}]"#] {
        platform.post_raw(WORKFLOWS, JSON, body.to_vec()).await.refused(422, "invalid_type");
    }
    let body = json!({"name": "w", "definition": {"steps": [{"id": "a", "tool": "passthrough"}]}})
        .to_string();
    platform.post_raw(WORKFLOWS, "Application/JSON; charset=utf-8", body.into()).await.created();
}

async fn a_body_that_is_too_large_is_refused(app: TestApp) {
    let body = format!("\"{}\"", "x".repeat(70 * 1024));
    app.platform().post_raw(WORKFLOWS, JSON, body.into()).await.refused(413, "body_too_large");
}

async fn strangers_hear_nothing_of_the_body(app: TestApp) {
    let (body, id) = (b"{".to_vec(), "not-an-id");
    app.stranger().post_raw(WORKFLOWS, "text/plain", body).await.refused(401, "missing_credential");
    app.stranger().get(&format!("{WORKFLOWS}{id}/")).await.refused(401, "missing_credential");
    app.stranger().get(&format!("{WORKFLOWS}?limit=x")).await.refused(401, "missing_credential");
}

async fn a_sane_request_id_is_kept(app: TestApp) {
    let named = app.stranger().header("x-request-id", "my-id.7").get("/v1/whoami").await;
    assert_eq!(named.refused(401, "missing_credential")["request_id"], "my-id.7");
    for insane in ["has space", &"x".repeat(129)] {
        let renamed = app.stranger().header("x-request-id", insane).get("/healthz").await;
        assert_ne!(renamed.header("x-request-id"), insane);
        assert!(!renamed.header("x-request-id").is_empty());
    }
}

async fn addresses_work_with_and_without_a_trailing_slash(app: TestApp) {
    for path in [
        "/v1/whoami",
        "/v1/whoami/",
        "/unstract/acme/api/v2/workflow",
        "/unstract/acme/api/v2/workflow/",
    ] {
        app.platform().get(path).await.ok();
    }
}

async fn an_unknown_method_and_an_unknown_address_are_told_apart(app: TestApp) {
    app.stranger().get("/nowhere").await.refused(404, "not_found");
    let refused = app.platform().delete(WORKFLOWS).await;
    refused.refused(405, "method_not_allowed");
    assert_eq!(refused.header("allow"), "GET, POST");
}

async fn the_server_says_that_it_is_alive_and_ready(app: TestApp) {
    assert_eq!(app.stranger().get("/healthz").await.text, "alive\n");
    assert_eq!(app.stranger().get("/readyz").await.text, "ready\n");
}
