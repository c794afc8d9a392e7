//! People logging in and out.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::{
    answer::Answer,
    app::{Caller, PASSWORD, TestApp},
};

on_both_databases!(
    a_log_in_tells_who_and_where,
    a_wrong_password_and_an_unknown_user_are_answered_alike,
    an_unsafe_request_needs_the_csrf_token,
    a_session_ends_when_it_is_logged_out,
    a_session_ends_after_twelve_idle_hours,
    a_user_of_one_organization_cannot_enter_another,
    people_see_where_they_are_logged_in_and_end_what_they_do_not_know,
    the_sessions_of_others_look_absent,
    a_planted_cookie_never_becomes_a_session,
    a_log_in_ends_the_session_that_came_along_with_it,
    a_page_of_another_site_logs_nobody_in,
    a_changed_password_ends_every_other_session_and_the_old_token_of_its_own,
    a_password_is_changed_by_whoever_knows_it_to_a_good_one,
    a_changed_password_is_noted_in_each_organization,
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

const NEW_PASSWORD: &str = "another staple entirely";

/// The pair of name and value of the cookie that holds the session.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

async fn log_in(caller: &Caller, password: &str) -> Answer {
    caller.post("/v1/session", json!({"username": "acme-admin", "password": password})).await
}

/// Somebody with the session of this answer.
fn holder(app: &TestApp, answer: &Answer) -> Caller {
    let token = answer.json()["csrf_token"].as_str().unwrap().to_owned();
    app.stranger().header("cookie", cookie(answer)).header("x-csrf-token", token)
}

async fn sessions(caller: &Caller) -> Vec<Value> {
    caller.get("/v1/sessions").await.ok()["items"].as_array().unwrap().clone()
}

async fn people_see_where_they_are_logged_in_and_end_what_they_do_not_know(app: TestApp) {
    let browser = app.stranger().header("user-agent", "Browser/1.0 (\u{fc})");
    let here = holder(&app, &log_in(&browser, PASSWORD).await);
    app.clock.advance(Duration::from_secs(60));
    let there = app.stranger().header("user-agent", "x".repeat(1000));
    let there = holder(&app, &log_in(&there, PASSWORD).await);
    let seen = sessions(&here).await;
    assert_eq!(seen.len(), 2);
    assert_eq!((&seen[0]["current"], &seen[1]["current"]), (&json!(false), &json!(true)));
    assert_eq!(seen[0]["user_agent"], "x".repeat(200));
    assert_eq!(seen[1]["user_agent"], "");
    assert_eq!(seen[1]["address"], "127.0.0.1");
    assert_eq!(seen[0]["created_at"], "2026-11-21T00:01:00.000Z");
    let page = here.get("/v1/sessions?limit=1").await.ok();
    let next = format!("/v1/sessions?cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(here.get(&next).await.ok()["items"][0]["id"], seen[1]["id"]);

    let other = format!("/v1/sessions/{}", seen[0]["id"].as_str().unwrap());
    let without = app.stranger().header("cookie", cookie(&log_in(&browser, PASSWORD).await));
    without.delete(&other).await.refused(403, "csrf_token_required");
    let ended = here.delete(&other).await;
    ended.no_content();
    assert_eq!(ended.header("set-cookie"), "");
    there.get("/v1/session").await.refused(401, "invalid_credential");
    here.delete(&other).await.refused(404, "not_found");
    let own = format!("/v1/sessions/{}", seen[1]["id"].as_str().unwrap());
    let ended = here.delete(&own).await;
    ended.no_content();
    assert!(ended.header("set-cookie").contains("Max-Age=0"));
    here.get("/v1/sessions").await.refused(401, "invalid_credential");
}

async fn the_sessions_of_others_look_absent(app: TestApp) {
    app.given_organization("other");
    let admin = app.admin().await;
    let stranger = app.stranger().log_in("other-admin", PASSWORD).await;
    let own = sessions(&admin).await;
    assert_eq!((own.len(), sessions(&stranger).await.len()), (1, 1));
    let address = format!("/v1/sessions/{}", own[0]["id"].as_str().unwrap());
    let hidden = stranger.delete(&address).await;
    hidden.refused(404, "not_found");
    let nobodys = stranger.delete("/v1/sessions/00000000-0000-7000-8000-000000000000").await;
    assert_eq!(hidden.without_request_id(), nobodys.without_request_id());
    admin.get("/v1/session").await.ok();
}

async fn a_planted_cookie_never_becomes_a_session(app: TestApp) {
    let planted = "kw_session=planted-by-somebody-else-0123456789abcdef";
    let victim = app.stranger().header("cookie", planted);
    let answer = log_in(&victim, PASSWORD).await;
    answer.ok();
    assert_ne!(cookie(&answer), planted);
    victim.get("/v1/session").await.refused(401, "invalid_credential");
    holder(&app, &answer).get("/v1/session").await.ok();
}

async fn a_log_in_ends_the_session_that_came_along_with_it(app: TestApp) {
    let before = log_in(&app.stranger(), PASSWORD).await;
    let browser = app.stranger().header("cookie", cookie(&before));
    log_in(&browser, "a wrong password").await.refused(401, "invalid_credential");
    browser.get("/v1/session").await.ok();
    let after = log_in(&browser, PASSWORD).await;
    assert_ne!(cookie(&before), cookie(&after));
    browser.get("/v1/session").await.refused(401, "invalid_credential");
    assert_eq!(sessions(&holder(&app, &after)).await.len(), 1);
}

async fn a_page_of_another_site_logs_nobody_in(app: TestApp) {
    let form = format!("username=acme-admin&password={}", PASSWORD.replace(' ', "+"));
    for kind in ["application/x-www-form-urlencoded", "text/plain"] {
        let answer = app.stranger().post_raw("/v1/session", kind, form.clone().into_bytes()).await;
        answer.refused(415, "unsupported_media_type");
    }
    let from = |name, value: &str| app.stranger().header(name, value);
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let answer = log_in(&from(name, value), PASSWORD).await;
        answer.refused(403, "cross_site_request");
        assert_eq!(answer.header("set-cookie"), "");
    }
    log_in(&from("sec-fetch-site", "same-origin"), PASSWORD).await.ok();
    log_in(&from("origin", &app.base), PASSWORD).await.ok();
}

async fn change(caller: &Caller, current: &str, new: &str) -> Answer {
    caller.post("/v1/session/password", json!({"current": current, "new": new})).await
}

async fn a_changed_password_ends_every_other_session_and_the_old_token_of_its_own(app: TestApp) {
    let here = holder(&app, &log_in(&app.stranger(), PASSWORD).await);
    let there = holder(&app, &log_in(&app.stranger(), PASSWORD).await);
    let is_current = |session: &&Value| session["current"] == json!(true);
    let id = sessions(&here).await.iter().find(is_current).unwrap()["id"].clone();
    let changed = change(&here, PASSWORD, NEW_PASSWORD).await;
    assert_eq!(changed.ok()["user"]["username"], "acme-admin");
    there.get("/v1/session").await.refused(401, "invalid_credential");
    here.get("/v1/session").await.refused(401, "invalid_credential");
    let here = holder(&app, &changed);
    let left = sessions(&here).await;
    assert_eq!((left.len(), &left[0]["id"], &left[0]["current"]), (1, &id, &json!(true)));
    log_in(&app.stranger(), PASSWORD).await.refused(401, "invalid_credential");
    log_in(&app.stranger(), NEW_PASSWORD).await.ok();
    here.delete("/v1/session").await.no_content();
}

async fn a_password_is_changed_by_whoever_knows_it_to_a_good_one(app: TestApp) {
    let answer = log_in(&app.stranger(), PASSWORD).await;
    let admin = holder(&app, &answer);
    let faults = |answer: Answer, code| answer.faults(code);
    let new = |code: &str| vec![("/new".to_owned(), code.to_owned())];
    assert_eq!(
        faults(change(&admin, PASSWORD, "too short").await, "invalid_value"),
        new("invalid_value")
    );
    assert_eq!(
        faults(change(&admin, PASSWORD, &"x".repeat(1025)).await, "invalid_value"),
        new("invalid_value")
    );
    assert_eq!(
        faults(change(&admin, PASSWORD, PASSWORD).await, "invalid_value"),
        new("invalid_value")
    );
    let wrong = change(&admin, "not the present one", NEW_PASSWORD).await;
    assert_eq!(
        faults(wrong, "invalid_value"),
        [("/current".to_owned(), "invalid_value".to_owned())]
    );
    let forged = app.stranger().header("cookie", cookie(&answer));
    change(&forged, PASSWORD, NEW_PASSWORD).await.refused(403, "csrf_token_required");
    let wrong = forged.header("x-csrf-token", "x");
    change(&wrong, PASSWORD, NEW_PASSWORD).await.refused(403, "csrf_token_required");
    change(&app.platform(), PASSWORD, NEW_PASSWORD).await.refused(403, "key_kind_not_allowed");
    log_in(&app.stranger(), PASSWORD).await.ok();
}

async fn a_changed_password_is_noted_in_each_organization(app: TestApp) {
    let admin = app.admin().await;
    change(&admin, PASSWORD, NEW_PASSWORD).await.ok();
    let audit = "/unstract/acme/api/v2/audit/?action=user.password_changed";
    let noted = app.platform().get(audit).await.ok();
    let entry = &noted["items"][0];
    assert_eq!(entry["actor"]["name"], "acme-admin", "{noted}");
    assert_eq!(entry["subject"]["kind"], "user");
}
