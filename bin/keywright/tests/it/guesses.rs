//! Guessing keys: it is throttled, those who have one do not notice, and nothing is written.

use std::time::Duration;

use serde_json::json;
use test_support::app::TestApp;

on_both_databases!(sixty_wrong_keys_a_minute_are_the_most, one_wrong_key_again_and_again_is_one);

fn wrong(number: usize) -> String {
    format!("unst_{number:043}")
}

async fn whoami(app: &TestApp, key: &str) -> u16 {
    app.with(key).get("/v1/whoami").await.status
}

async fn sixty_wrong_keys_a_minute_are_the_most(app: TestApp) {
    let unseen = app.platform().post("/v1/api-keys", json!({"name": "unseen"})).await.created();
    let unseen = unseen["key"].as_str().unwrap();
    let before = app.contents();
    for number in 0..60 {
        assert_eq!(whoami(&app, &wrong(number)).await, 401);
    }
    for number in 60..100 {
        let answer = app.with(&wrong(number)).get("/v1/whoami").await;
        answer.refused(429, "too_many_bad_credentials");
        assert_eq!(answer.header("retry-after"), "1");
        app.platform().get("/v1/whoami").await.ok();
    }
    app.with(unseen).get("/v1/whoami").await.ok();
    assert_eq!(app.contents(), before, "a wrong key writes nothing");
    let elsewhere = app.from_another_address().bearer(&wrong(1000));
    elsewhere.get("/v1/whoami").await.refused(401, "invalid_credential");
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(whoami(&app, &wrong(2000)).await, 401);
}

async fn one_wrong_key_again_and_again_is_one(app: TestApp) {
    for _ in 0..100 {
        assert_eq!(whoami(&app, &wrong(1)).await, 401);
    }
    assert_eq!(whoami(&app, &wrong(2)).await, 401);
}
