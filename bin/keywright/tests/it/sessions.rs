//! People logging in and out.

use std::time::Duration;

use serde_json::json;
use test_support::app::{PASSWORD, TestApp};

on_both_databases!(
    a_log_in_tells_who_and_where,
    a_wrong_password_and_an_unknown_user_are_answered_alike,
    an_unsafe_request_needs_the_csrf_token,
    a_session_ends_when_it_is_logged_out,
    a_session_ends_after_twelve_idle_hours,
    a_user_of_one_organization_cannot_enter_another,
);

const WORKFLOWS: &str = "/unstract/acme/api/v2/workflow/";

async fn a_log_in_tells_who_and_where(app: TestApp) {
    let body = json!({"username": "acme-admin", "password": PASSWORD});
    let answer = app.stranger().post("/v1/session", body).await;
    let session = answer.ok();
    assert_eq!(session["user"]["username"], "acme-admin");
    assert_eq!(
        (&session["organizations"][0]["slug"], &session["organizations"][0]["role"]),
        (&json!("acme"), &json!("admin"))
    );
    let cookie = answer.header("set-cookie");
    for attribute in ["kw_session=", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let admin = app.admin().await;
    let again = admin.get("/v1/session").await.ok();
    assert_eq!(again["user"], session["user"]);
    let whoami = admin.get("/v1/whoami").await.ok();
    assert_eq!(
        (&whoami["kind"], &whoami["organization"]["slug"]),
        (&json!("user"), &json!("acme"))
    );
    let organizations = admin.get("/v1/organizations").await.ok();
    assert_eq!(organizations["items"][0]["slug"], "acme");
}

async fn a_wrong_password_and_an_unknown_user_are_answered_alike(app: TestApp) {
    let log_in = async |username: &str, password: &str| {
        let answer = app
            .stranger()
            .post("/v1/session", json!({"username": username, "password": password}))
            .await;
        answer.refused(401, "invalid_credential");
        assert_eq!(answer.header("set-cookie"), "");
        answer.without_request_id()
    };
    let wrong = log_in("acme-admin", "correct horse batterz").await;
    assert_eq!(wrong, log_in("nobody", PASSWORD).await);
    assert_eq!(wrong, log_in("no such name!", PASSWORD).await);
    assert_eq!(wrong, log_in("acme-admin", &"x".repeat(5000)).await);
}

async fn an_unsafe_request_needs_the_csrf_token(app: TestApp) {
    let body = json!({"username": "acme-admin", "password": PASSWORD});
    let answer = app.stranger().post("/v1/session", body).await;
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let token = answer.ok()["csrf_token"].as_str().unwrap().to_owned();
    let forged = app.stranger().header("cookie", cookie);
    let workflow =
        json!({"name": "w", "definition": {"steps": [{"id": "a", "tool": "passthrough"}]}});
    forged.get(WORKFLOWS).await.ok();
    forged.post(WORKFLOWS, workflow.clone()).await.refused(403, "csrf_token_required");
    let wrong = forged.clone().header("x-csrf-token", "x");
    wrong.post(WORKFLOWS, workflow.clone()).await.refused(403, "csrf_token_required");
    forged.delete("/v1/session").await.refused(403, "csrf_token_required");
    forged.header("x-csrf-token", token).post(WORKFLOWS, workflow).await.created();
}

async fn a_session_ends_when_it_is_logged_out(app: TestApp) {
    let body = json!({"username": "acme-admin", "password": PASSWORD});
    let answer = app.stranger().post("/v1/session", body).await;
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let kept = app.stranger().header("cookie", cookie);
    let token = answer.ok()["csrf_token"].as_str().unwrap().to_owned();
    let ended = kept.clone().header("x-csrf-token", token).delete("/v1/session").await;
    ended.no_content();
    assert!(ended.header("set-cookie").contains("Max-Age=0"));
    kept.get("/v1/session").await.refused(401, "invalid_credential");
}

async fn a_session_ends_after_twelve_idle_hours(app: TestApp) {
    let admin = app.admin().await;
    app.clock.advance(Duration::from_secs(11 * 3600));
    admin.get("/v1/session").await.ok();
    app.clock.advance(Duration::from_secs(11 * 3600));
    admin.get("/v1/session").await.ok();
    app.clock.advance(Duration::from_secs(12 * 3600));
    admin.get("/v1/session").await.refused(401, "invalid_credential");
}

async fn a_user_of_one_organization_cannot_enter_another(app: TestApp) {
    app.given_organization("other");
    let admin = app.admin().await;
    let theirs = admin.get("/unstract/other/api/v2/workflow/").await;
    theirs.refused(404, "not_found");
    assert_eq!(
        theirs.without_request_id(),
        admin.get("/unstract/nowhere/api/v2/workflow/").await.without_request_id()
    );
    let named = admin.header("x-organization-id", "other");
    named.get("/v1/whoami").await.refused(403, "organization_mismatch");
}
