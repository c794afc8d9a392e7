//! A key's own limit: it holds for the key's own calls, and every answer tells what is left of it.

use std::{cell::Cell, rc::Rc, time::Duration};

use actix_web::rt::spawn;
use serde_json::{Value, json};
use test_support::{
    answer::Answer,
    app::{Caller, TestApp},
};

on_both_databases!(
    a_key_may_be_used_as_often_as_its_limit_says,
    a_limit_is_told_on_refusals_too,
    who_may_not_do_a_thing_spends_nothing_on_it,
    a_rotation_keeps_the_limit_and_what_was_spent,
    a_changed_limit_holds_at_once,
    callers_without_a_limit_hear_of_none,
    under_load_exactly_as_many_pass_as_the_limit_says,
);

async fn limited(app: &TestApp, calls: u32) -> Value {
    let draft =
        json!({"name": "limited", "rate_limit_per_minute": calls, "scopes": ["keys:verify"]});
    app.platform().post("/v1/api-keys", draft).await.created()
}

fn key(made: &Value) -> &str {
    made["key"].as_str().unwrap()
}

/// Limit, what is left of it, and in how many seconds all of it is there again, as both kinds of
/// headers tell them.
#[track_caller]
fn told(answer: &Answer) -> (u32, u32, u32) {
    let number = |name: &str| answer.header(name).parse::<u32>().expect(name);
    let (limit, remaining, reset) =
        (number("x-ratelimit-limit"), number("x-ratelimit-remaining"), number("x-ratelimit-reset"));
    assert_eq!(answer.header("ratelimit-policy"), format!("\"key\";q={limit};w=60"));
    assert_eq!(answer.header("ratelimit"), format!("\"key\";r={remaining};t={reset}"));
    (limit, remaining, reset)
}

async fn a_key_may_be_used_as_often_as_its_limit_says(app: TestApp) {
    let made = limited(&app, 7).await;
    let holder = app.with(key(&made));
    // One of seven is forgotten in 60/7 seconds, rounded up.
    for (remaining, reset) in [(6, 9), (5, 18), (4, 26), (3, 35), (2, 43), (1, 52), (0, 60)] {
        let answer = holder.get("/v1/whoami").await;
        answer.ok();
        assert_eq!(told(&answer), (7, remaining, reset));
    }
    let refused = holder.get("/v1/whoami").await;
    refused.refused(429, "rate_limited");
    assert_eq!((told(&refused), refused.header("retry-after")), ((7, 0, 60), "9"));
    app.clock.advance(Duration::from_millis(8571));
    holder.get("/v1/organizations").await.refused(429, "rate_limited");
    app.clock.advance(Duration::from_millis(1));
    holder.get("/v1/organizations").await.ok();
    holder.get("/v1/organizations").await.refused(429, "rate_limited");
}

async fn a_limit_is_told_on_refusals_too(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let path = format!(
        "/unstract/acme/api/v2/api-deployment/{}/keys/{}/",
        deployment.id, deployment.key_id
    );
    app.platform().patch(&path, json!({"rate_limit_per_minute": 10})).await.ok();
    let call = format!("/deployment/{}/", deployment.id);
    let answer = app.with(&deployment.key).post_raw(&call, "text/plain", b"x".to_vec()).await;
    answer.refused(415, "unsupported_media_type");
    assert_eq!(told(&answer), (10, 9, 6));
}

async fn who_may_not_do_a_thing_spends_nothing_on_it(app: TestApp) {
    let made = limited(&app, 1).await;
    let holder = app.with(key(&made));
    let refused = holder.get("/v1/api-keys").await;
    refused.refused(403, "insufficient_scope");
    assert_eq!(refused.header("ratelimit"), "");
    holder.get("/v1/whoami").await.ok();
}

async fn a_rotation_keeps_the_limit_and_what_was_spent(app: TestApp) {
    let made = limited(&app, 2).await;
    app.with(key(&made)).get("/v1/whoami").await.ok();
    let path = format!("/v1/api-keys/{}/rotate", made["id"].as_str().unwrap());
    let rotated = app.platform().post(&path, json!({})).await.ok();
    app.with(key(&rotated)).get("/v1/whoami").await.ok();
    app.with(key(&rotated)).get("/v1/whoami").await.refused(429, "rate_limited");
    app.with(key(&made)).get("/v1/whoami").await.refused(429, "rate_limited");
}

async fn a_changed_limit_holds_at_once(app: TestApp) {
    let made = limited(&app, 1).await;
    let holder = app.with(key(&made));
    holder.get("/v1/whoami").await.ok();
    holder.get("/v1/whoami").await.refused(429, "rate_limited");
    let path = format!("/v1/api-keys/{}", made["id"].as_str().unwrap());
    app.platform().patch(&path, json!({"rate_limit_per_minute": null})).await.ok();
    let answer = holder.get("/v1/whoami").await;
    answer.ok();
    assert_eq!(answer.header("ratelimit"), "");
}

async fn callers_without_a_limit_hear_of_none(app: TestApp) {
    for caller in [app.platform(), app.admin().await] {
        let answer = caller.get("/v1/whoami").await;
        answer.ok();
        assert!(answer.headers.keys().all(|name| !name.as_str().contains("ratelimit")));
    }
}

async fn under_load_exactly_as_many_pass_as_the_limit_says(app: TestApp) {
    const CONNECTIONS: usize = 64;
    const REQUESTS: usize = 2_000;
    let made = limited(&app, 100).await;
    let holders: Vec<_> = (0..CONNECTIONS).map(|_| app.with(key(&made))).collect();
    holders[0].get("/v1/whoami").await.ok();
    let before = app.contents();
    let (left, passed) = (Rc::new(Cell::new(REQUESTS - 1)), Rc::new(Cell::new(1)));
    let call = |holder: Caller| {
        let (left, passed) = (Rc::clone(&left), Rc::clone(&passed));
        spawn(async move {
            while left.get() > 0 {
                left.set(left.get() - 1);
                let answer = holder.get("/v1/whoami").await;
                if answer.status == 200 {
                    passed.set(passed.get() + 1);
                } else {
                    answer.refused(429, "rate_limited");
                    assert_eq!(answer.header("retry-after"), "1", "600 ms, rounded up");
                }
            }
        })
    };
    let calling: Vec<_> = holders.iter().cloned().map(call).collect();
    for calls in calling {
        calls.await.unwrap();
    }
    assert_eq!(passed.get(), 100);
    assert_eq!(app.contents(), before, "no refusal is written down");
    // What was told is true: after it, as many pass as have grown back, and no more.
    app.clock.advance(Duration::from_secs(1));
    holders[1].get("/v1/whoami").await.ok();
    holders[2].get("/v1/whoami").await.refused(429, "rate_limited");
}
