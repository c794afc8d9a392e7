//! Guessing passwords: it is throttled, whoever has logged in before does not notice, and the server goes on answering.

use std::{pin::pin, time::Duration};

use serde_json::json;
use test_support::{
    answer::Answer,
    app::{Caller, PASSWORD, TestApp},
    databases::Database,
};
use tokio::time::timeout;

on_both_databases!(
    ten_failures_at_a_name_are_the_most_whether_it_is_somebodys_or_not,
    thirty_failures_from_an_address_are_the_most,
    an_owner_logs_in_where_they_did_before_while_others_guess,
    a_password_that_was_changed_makes_browsers_unknown,
    log_ins_that_succeed_are_not_counted,
);

async fn log_in(caller: &Caller, username: &str, password: &str) -> Answer {
    caller.post("/v1/session", json!({"username": username, "password": password})).await
}

async fn guess(caller: &Caller, username: &str) -> u16 {
    log_in(caller, username, "a wrong password").await.status
}

/// The value of the cookie by which a browser is known.
fn device(answer: &Answer) -> String {
    let cookies =
        answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let device = cookies.into_iter().find(|cookie| cookie.starts_with("kw_device=")).unwrap();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=7776000"] {
        assert!(device.contains(attribute), "{device}");
    }
    device.split(';').next().unwrap().to_owned()
}

async fn ten_failures_at_a_name_are_the_most_whether_it_is_somebodys_or_not(app: TestApp) {
    let before = app.contents();
    let mut refusals = Vec::new();
    for username in ["acme-admin", "nobody"] {
        for _ in 0..10 {
            assert_eq!(guess(&app.stranger(), username).await, 401);
        }
        let refused = log_in(&app.from_another_address(), username, PASSWORD).await;
        refused.refused(429, "too_many_log_ins");
        assert_eq!(refused.header("retry-after"), "30");
        refusals.push(refused.without_request_id());
    }
    assert_eq!(refusals[0], refusals[1]);
    assert_eq!(app.contents(), before, "a wrong password writes nothing");
    app.clock.advance(Duration::from_secs(30));
    log_in(&app.stranger(), "acme-admin", PASSWORD).await.ok();
    assert_eq!(guess(&app.stranger(), "acme-admin").await, 401);
    assert_eq!(guess(&app.stranger(), "acme-admin").await, 429);
}

async fn thirty_failures_from_an_address_are_the_most(app: TestApp) {
    for number in 0..30 {
        assert_eq!(guess(&app.stranger(), &format!("user{number}")).await, 401);
    }
    assert_eq!(guess(&app.stranger(), "one-more").await, 429);
    log_in(&app.from_another_address(), "acme-admin", PASSWORD).await.ok();
    app.clock.advance(Duration::from_secs(2));
    log_in(&app.stranger(), "acme-admin", PASSWORD).await.ok();
}

async fn an_owner_logs_in_where_they_did_before_while_others_guess(app: TestApp) {
    let known = device(&log_in(&app.stranger(), "acme-admin", PASSWORD).await);
    app.given_organization("other");
    let of_other = device(&log_in(&app.stranger(), "other-admin", PASSWORD).await);
    while guess(&app.stranger(), "acme-admin").await == 401 {}
    let owner = app.stranger().header("cookie", known.clone());
    log_in(&owner, "acme-admin", PASSWORD).await.ok();
    for stranger in [of_other, known.replace("kw_device=A", "kw_device=B") + "A"] {
        let stranger = app.stranger().header("cookie", stranger);
        log_in(&stranger, "acme-admin", PASSWORD).await.refused(429, "too_many_log_ins");
    }
    // Whoever has the browser guesses no faster than anybody else.
    let guessed = async || guess(&owner, "acme-admin").await == 401;
    let mut count = 0;
    while guessed().await {
        count += 1;
    }
    assert_eq!(count, 10);
}

async fn a_password_that_was_changed_makes_browsers_unknown(app: TestApp) {
    let known = device(&log_in(&app.stranger(), "acme-admin", PASSWORD).await);
    let new = "another staple entirely";
    let body = json!({"current": PASSWORD, "new": new});
    let changed = app.admin().await.post("/v1/session/password", body).await;
    changed.ok();
    while guess(&app.stranger(), "acme-admin").await == 401 {}
    let before = app.stranger().header("cookie", known);
    log_in(&before, "acme-admin", new).await.refused(429, "too_many_log_ins");
    let after = app.stranger().header("cookie", device(&changed));
    log_in(&after, "acme-admin", new).await.ok();
}

async fn log_ins_that_succeed_are_not_counted(app: TestApp) {
    for _ in 0..40 {
        log_in(&app.stranger(), "acme-admin", PASSWORD).await.ok();
    }
    let admin = app.admin().await;
    let body = json!({"current": "not the present one", "new": "another staple entirely"});
    for _ in 0..10 {
        admin.post("/v1/session/password", body.clone()).await.refused(422, "invalid_value");
    }
    // They are guesses, too, in a browser that is known.
    admin.post("/v1/session/password", body).await.refused(429, "too_many_log_ins");
    log_in(&app.stranger(), "acme-admin", PASSWORD).await.ok();
}

/// Nobody's password is hashed here: whoever is in line stays there.
#[actix_web::test]
async fn a_full_line_sends_away_at_once_and_holds_up_nobody_else() {
    let database = Database::postgres();
    let app = TestApp::start_with(database, crate::KEYWRIGHT, |settings| {
        (settings.log_ins.at_once, settings.log_ins.in_line) = (0, 2);
    })
    .await;
    let other = app.another_server().await;
    let admin = app.stranger().towards(&other).log_in("acme-admin", PASSWORD).await;
    let admin = admin.towards(&app.base);
    let stranger = app.stranger();
    let (mut one, mut two, mut three) = (
        pin!(log_in(&stranger, "one", PASSWORD)),
        pin!(log_in(&stranger, "two", PASSWORD)),
        pin!(log_in(&stranger, "three", PASSWORD)),
    );
    // Two of the three are in line when one is sent away.
    let sent_away = tokio::select! {
        answer = &mut one => answer,
        answer = &mut two => answer,
        answer = &mut three => answer,
    };
    sent_away.refused(503, "unavailable");
    assert_ne!(sent_away.header("retry-after"), "");
    let body = json!({"current": PASSWORD, "new": "another staple entirely"});
    admin.post("/v1/session/password", body).await.refused(503, "unavailable");
    for _ in 0..20 {
        // It was never found out whether it is wrong.
        log_in(&app.stranger(), "acme-admin", "wrong").await.refused(503, "unavailable");
    }
    let answered = async {
        assert_eq!(app.stranger().get("/healthz").await.status, 200);
        admin.get("/v1/sessions").await.ok();
        let deployed = app.given_deployment("echo").await;
        let verified = json!({"key": deployed.key});
        app.platform().post("/v1/keys/verify", verified).await.ok();
        let address = format!("/deployment/{}/?wait=30", deployed.id);
        app.with(&deployed.key).post(&address, json!({"a": 1})).await.ok();
    };
    timeout(Duration::from_secs(30), answered).await.expect("answers");
}
