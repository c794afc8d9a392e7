//! `Idempotency-Key`: a request that is sent again is done once and answered again, by whichever
//! server, however many come at once, and without costing anything.

use std::time::{Duration, Instant};

use actix_web::rt::spawn;
use serde_json::{Value, json};
use test_support::{
    answer::Answer,
    app::{Caller, GivenDeployment, TestApp},
};

on_both_databases!(
    whatever_is_created_is_created_once_and_its_secret_is_shown_once,
    an_execution_is_started_once_and_waited_for_as_often_as_asked,
    an_execution_that_failed_answers_its_failure_again,
    the_key_in_the_address_and_the_id_mean_the_same_request,
    another_body_is_refused_and_told_nothing_of_the_first,
    another_key_address_caller_or_organization_makes_another_request,
    a_request_is_remembered_for_a_day,
    a_refused_request_is_judged_anew,
    an_answer_again_tells_how_things_are_now,
    what_was_deleted_since_is_not_found,
    an_answer_again_costs_nothing_and_comes_when_all_is_spent,
    of_many_at_once_one_is_done_and_all_have_one_answer,
    of_many_at_once_at_two_servers_one_is_done,
    a_request_waits_for_the_first_to_be_done,
    who_waits_for_an_end_holds_nobody_up,
    a_caller_who_hangs_up_holds_nobody_up,
    a_key_that_can_be_none_is_refused,
    a_body_is_no_larger_the_second_time,
);

const WORKFLOWS: &str = "/unstract/acme/api/v2/workflow/";
const DEPLOYMENTS: &str = "/unstract/acme/api/v2/api-deployment/";
const KEYS: &str = "/v1/api-keys";
const PLATFORM_KEYS: &str = "/unstract/acme/api/v2/platform-keys/";

fn with_key(caller: &Caller, key: &str) -> Caller {
    caller.clone().header("idempotency-key", key)
}

fn workflow(name: &str) -> Value {
    json!({"name": name, "definition": {"steps": [{"id": "echo", "tool": "passthrough"}]}})
}

fn is_replayed(answer: &Answer) -> bool {
    let told = answer.header("idempotency-replayed");
    assert!(["", "true"].contains(&told), "{answer:?}");
    !told.is_empty()
}

/// How many rows each of these tables has.
fn rows<const N: usize>(app: &TestApp, tables: [&str; N]) -> [usize; N] {
    let contents = app.contents();
    tables.map(|table| {
        let begin = format!("{table}: ");
        contents.iter().filter(|row| row.starts_with(&begin)).count()
    })
}

/// Where the deployment is called.
fn call(deployment: &GivenDeployment) -> String {
    format!("/deployment/{}/", deployment.id)
}

#[track_caller]
fn check_created_again(first: &Answer, again: &Answer, secret: Option<&str>) {
    let (mut first_body, again_body) = (first.created(), again.created());
    assert!(!is_replayed(first) && is_replayed(again), "{again:?}");
    if let Some(secret) = secret {
        assert!(first_body[secret].is_string(), "{first_body}");
        first_body[secret] = Value::Null;
    }
    assert_eq!(first_body, again_body);
}

async fn whatever_is_created_is_created_once_and_its_secret_is_shown_once(app: TestApp) {
    let (platform, admin) = (app.platform(), app.admin().await);
    let made = platform.post(WORKFLOWS, workflow("w")).await.created();
    let deployment = app.given_deployment("echo").await;
    let its_keys = format!("{DEPLOYMENTS}{}/keys/", deployment.id);
    let deploy = json!({"workflow": made["id"], "api_name": "orders"});
    let named = json!({"name": "shop", "scopes": ["orders:read"]});
    let count = || rows(&app, ["workflows", "deployments", "keys", "audit_entries"]);
    let before = count();
    for (caller, path, body, secret) in [
        (&platform, WORKFLOWS, workflow("again"), None),
        (&platform, DEPLOYMENTS, deploy, Some("api_key")),
        (&platform, &its_keys, json!({"description": "shop"}), Some("key")),
        (&admin, KEYS, named, Some("key")),
        (&admin, PLATFORM_KEYS, json!({"slot": 2}), Some("key")),
    ] {
        let caller = with_key(caller, "k");
        let first = caller.post(path, body.clone()).await;
        for path in [path, path.trim_end_matches('/')] {
            let again = caller.post(path, body.clone()).await;
            check_created_again(&first, &again, secret);
        }
    }
    // A deployment comes with a key, of which is noted as well.
    let [workflows, deployments, keys, noted] = before;
    assert_eq!(count(), [workflows + 1, deployments + 1, keys + 4, noted + 6]);
}

async fn an_execution_is_started_once_and_waited_for_as_often_as_asked(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let path = call(&deployment);
    let holder = with_key(&app.with(&deployment.key), "k");
    let first = holder.post(&path, json!({"a": 1})).await;
    let id = first.accepted()["execution_id"].clone();
    assert!(!is_replayed(&first));
    let waited = holder.post(&format!("{path}?wait=20"), json!({"a": 1})).await;
    assert_eq!((&waited.ok()["execution_id"], is_replayed(&waited)), (&id, true));
    assert_eq!(waited.json()["result"], json!({"a": 1}));
    let again = holder.post(&path, json!({"a": 1})).await;
    assert_eq!((&again.accepted()["execution_id"], is_replayed(&again)), (&id, true));
    assert_eq!(again.json()["status"], "COMPLETED");
    assert_eq!(rows(&app, ["executions"]), [1]);
}

async fn an_execution_that_failed_answers_its_failure_again(app: TestApp) {
    let fails = json!({"steps": [{"id": "s", "tool": "transform", "filter": "error(\"no\")"}]});
    let deployment = app.given_deployment_of("fails", fails, json!({})).await;
    let path = format!("{}?wait=20", call(&deployment));
    let holder = with_key(&app.with(&deployment.key), "k");
    let first = holder.post(&path, json!(1)).await;
    let first_problem = first.refused(422, "execution_failed");
    assert!(!is_replayed(&first), "it was accepted, and failed afterwards");
    let again = holder.post(&path, json!(1)).await;
    assert_eq!(again.refused(422, "execution_failed")["instance"], first_problem["instance"]);
    assert!(is_replayed(&again));
    assert_eq!(rows(&app, ["executions"]), [1]);
}

async fn the_key_in_the_address_and_the_id_mean_the_same_request(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let holder = with_key(&app.with(&deployment.key), "k");
    let first = holder.post(&call(&deployment), json!(1)).await.accepted();
    let again = holder.post(&format!("/deployment/{}", deployment.key), json!(1)).await;
    assert_eq!(again.accepted()["execution_id"], first["execution_id"]);
    assert!(is_replayed(&again));
}

async fn another_body_is_refused_and_told_nothing_of_the_first(app: TestApp) {
    let caller = with_key(&app.platform(), "k");
    let made = caller.post(WORKFLOWS, workflow("one")).await.created();
    for other in [workflow("two"), json!({}), json!(null)] {
        let refused = caller.post(WORKFLOWS, other).await;
        refused.refused(422, "idempotency_key_reused");
        assert!(!is_replayed(&refused));
        assert!(!refused.text.contains(made["id"].as_str().unwrap()), "{}", refused.text);
    }
    // The same to JSON is not the same.
    let spaced = workflow("one").to_string() + " ";
    let refused = caller.post_raw(WORKFLOWS, "application/json", spaced.into_bytes()).await;
    refused.refused(422, "idempotency_key_reused");
}

async fn another_key_address_caller_or_organization_makes_another_request(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let another = app.given_deployment("another").await;
    let path = call(&deployment);
    let second_key = format!("{DEPLOYMENTS}{}/keys/", deployment.id);
    let second_key = app.platform().post(&second_key, json!({})).await.created();
    let holder = app.with(&deployment.key);
    let second_holder = app.with(second_key["key"].as_str().unwrap());
    let mut ids = Vec::new();
    for (caller, path) in [
        (with_key(&holder, "k"), path.clone()),
        (with_key(&holder, "j"), path.clone()),
        (with_key(&holder, "k"), format!("{path}execute")),
        (with_key(&second_holder, "k"), path.clone()),
        (with_key(&app.with(&another.key), "k"), call(&another)),
        (holder.clone(), path.clone()),
        (holder.clone(), path.clone()),
    ] {
        let answer = caller.post(&path, json!(1)).await;
        assert!(!is_replayed(&answer), "{answer:?}");
        ids.push(answer.accepted()["execution_id"].to_string());
    }
    assert_eq!(rows(&app, ["executions"]), [ids.len()]);
    let other = app.with(&app.given_organization("other"));
    for (caller, slug) in [(app.platform(), "acme"), (app.admin().await, "acme"), (other, "other")]
    {
        let path = format!("/unstract/{slug}/api/v2/workflow/");
        let answer = with_key(&caller, "k").post(&path, workflow("w")).await;
        assert!(!is_replayed(&answer), "{answer:?}");
        ids.push(answer.created()["id"].to_string());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10);
}

async fn a_request_is_remembered_for_a_day(app: TestApp) {
    let caller = with_key(&app.platform(), "k");
    let first = caller.post(WORKFLOWS, workflow("w")).await;
    app.clock.advance(Duration::from_secs(24 * 3600) - Duration::from_micros(1));
    check_created_again(&first, &caller.post(WORKFLOWS, workflow("w")).await, None);
    app.clock.advance(Duration::from_micros(1));
    let anew = caller.post(WORKFLOWS, workflow("another")).await;
    assert_ne!(anew.created()["id"], first.json()["id"]);
    check_created_again(&anew, &caller.post(WORKFLOWS, workflow("another")).await, None);
}

async fn a_refused_request_is_judged_anew(app: TestApp) {
    let (platform, caller) = (app.platform(), with_key(&app.platform(), "k"));
    let taken = platform.post(KEYS, json!({"name": "shop"})).await.created();
    let wanted = || json!({"name": "shop"});
    for _ in 0..2 {
        let refused = caller.post(KEYS, wanted()).await;
        refused.refused(409, "name_taken");
        assert!(!is_replayed(&refused));
    }
    platform.delete(&format!("{KEYS}/{}", taken["id"].as_str().unwrap())).await.no_content();
    let made = caller.post(KEYS, wanted()).await;
    check_created_again(&made, &caller.post(KEYS, wanted()).await, Some("key"));
    // Only what was done is remembered: a body that was refused may be mended.
    let caller = with_key(&platform, "j");
    caller.post(KEYS, json!({"nam": "x"})).await.refused(422, "unknown_field");
    caller.post(KEYS, json!({"name": "x"})).await.created();
}

async fn an_answer_again_tells_how_things_are_now(app: TestApp) {
    let caller = with_key(&app.platform(), "k");
    let made = caller.post(WORKFLOWS, workflow("w")).await.created();
    let path = format!("{WORKFLOWS}{}/", made["id"].as_str().unwrap());
    app.platform().patch(&path, json!({"name": "renamed"})).await.ok();
    let again = caller.post(WORKFLOWS, workflow("w")).await.created();
    assert_eq!((&again["id"], again["name"].as_str()), (&made["id"], Some("renamed")));
}

async fn what_was_deleted_since_is_not_found(app: TestApp) {
    let (platform, admin) = (app.platform(), app.admin().await);
    let bodies = [
        (&platform, WORKFLOWS, workflow("w")),
        (&platform, "/v1/api-keys/", json!({"name": "k"})),
        (&admin, PLATFORM_KEYS, json!({})),
    ];
    for (caller, path, body) in bodies {
        let caller = with_key(caller, "k");
        let made = caller.post(path, body.clone()).await.created();
        let made = format!("{path}{}", made["id"].as_str().unwrap());
        caller.delete(&made).await.no_content();
        let again = caller.post(path, body).await;
        again.refused(404, "not_found");
        assert!(is_replayed(&again));
    }
}

async fn an_answer_again_costs_nothing_and_comes_when_all_is_spent(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let its_key = format!("{DEPLOYMENTS}{}/keys/{}/", deployment.id, deployment.key_id);
    app.platform().patch(&its_key, json!({"rate_limit_per_minute": 2})).await.ok();
    let (path, holder) = (call(&deployment), app.with(&deployment.key));
    let named = with_key(&holder, "k");
    let id = named.post(&path, json!(1)).await.accepted()["execution_id"].clone();
    for _ in 0..5 {
        assert_eq!(named.post(&path, json!(1)).await.accepted()["execution_id"], id);
        named.post(&path, json!(2)).await.refused(422, "idempotency_key_reused");
    }
    holder.post(&path, json!(1)).await.accepted();
    holder.post(&path, json!(1)).await.refused(429, "rate_limited");
    with_key(&holder, "j").post(&path, json!(1)).await.refused(429, "rate_limited");
    assert_eq!(named.post(&path, json!(1)).await.accepted()["execution_id"], id);
    named.post(&path, json!(2)).await.refused(422, "idempotency_key_reused");
    // A limit that refused a request has not remembered it.
    app.clock.advance(Duration::from_secs(30));
    let late = with_key(&holder, "j").post(&path, json!(1)).await;
    assert!(!is_replayed(&late));
    assert_ne!(late.accepted()["execution_id"], id);
}

/// The answers to the same request, sent so many times at once by these callers in turn.
async fn at_once(times: usize, callers: &[Caller], path: &str, body: &Value) -> Vec<Answer> {
    let send = |number: usize| {
        let (caller, path) = (callers[number % callers.len()].clone(), path.to_owned());
        let body = body.clone();
        spawn(async move { caller.post(&path, body).await })
    };
    let sent: Vec<_> = (0..times).map(send).collect();
    let mut answers = Vec::new();
    for answer in sent {
        answers.push(answer.await.unwrap());
    }
    answers
}

/// All answers are of the status, with the one id; all but one say that they come again.
#[track_caller]
fn check_one(answers: &[Answer], status: u16, id: &str) {
    let strays: Vec<_> = answers.iter().filter(|answer| answer.status != status).collect();
    assert!(strays.is_empty(), "{strays:?}");
    let ids: Vec<_> = answers.iter().map(|answer| answer.json()[id].to_string()).collect();
    assert!(ids.iter().all(|other| *other == ids[0]), "{ids:?}");
    assert_eq!(answers.iter().filter(|answer| !is_replayed(answer)).count(), 1);
}

async fn of_many_at_once_one_is_done_and_all_have_one_answer(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let path = call(&deployment);
    let holder = [with_key(&app.with(&deployment.key), "k")];
    let [keys] = rows(&app, ["keys"]);
    check_one(&at_once(32, &holder, &path, &json!(1)).await, 202, "execution_id");
    let maker = [with_key(&app.platform(), "k")];
    check_one(&at_once(32, &maker, KEYS, &json!({"name": "shop"})).await, 201, "id");
    assert_eq!(rows(&app, ["executions", "keys"]), [1, keys + 1]);
}

async fn of_many_at_once_at_two_servers_one_is_done(app: TestApp) {
    let another = app.another_server().await;
    let deployment = app.given_deployment_of(
        "narrow",
        json!({"steps": [{"id": "echo", "tool": "passthrough"}]}),
        json!({"max_concurrent": 1}),
    );
    let deployment = deployment.await;
    let both = |caller: Caller| [with_key(&caller, "k").towards(&another), with_key(&caller, "k")];
    let holder = both(app.with(&deployment.key));
    let answers = at_once(32, &holder, &call(&deployment), &json!(1)).await;
    check_one(&answers, 202, "execution_id");
    // What the first has made is in the way of the second: a name, a name, the only slot.
    let made = app.platform().post(WORKFLOWS, workflow("w")).await.created();
    let deploy = json!({"workflow": made["id"], "api_name": "orders"});
    let count = || rows(&app, ["executions", "workflows", "deployments", "keys"]);
    let [executions, workflows, deployments, keys] = count();
    let (platform, admin) = (both(app.platform()), both(app.admin().await));
    for (callers, path, body) in [
        (&admin, PLATFORM_KEYS, json!({})),
        (&platform, KEYS, json!({"name": "shop"})),
        (&platform, DEPLOYMENTS, deploy),
        (&platform, WORKFLOWS, workflow("w")),
    ] {
        check_one(&at_once(32, callers, path, &body).await, 201, "id");
    }
    assert_eq!(executions, 1);
    assert_eq!(count(), [1, workflows + 1, deployments + 1, keys + 3]);
}

async fn a_request_waits_for_the_first_to_be_done(app: TestApp) {
    let body = workflow("w").to_string();
    let (first, second) = body.split_at(20);
    let caller = with_key(&app.platform(), "k");
    let (sender, receiver) = std::sync::mpsc::channel();
    let slow = caller.post_slowly(WORKFLOWS, first, second, async || {
        let caller = caller.clone();
        sender
            .send(spawn(async move { caller.post(WORKFLOWS, workflow("w")).await }))
            .expect("the test goes on");
        app.platform().get("/v1/whoami").await.ok();
    });
    let slow = slow.await;
    // Whichever of them the server took first.
    check_one(&[slow, receiver.recv().unwrap().await.unwrap()], 201, "id");
}

async fn who_waits_for_an_end_holds_nobody_up(app: TestApp) {
    let endless = json!({"steps": [{"id": "s", "tool": "transform", "filter": "def f: f; f"}]});
    let deployment = app.given_deployment_of("endless", endless, json!({})).await;
    let (path, holder) = (call(&deployment), with_key(&app.with(&deployment.key), "k"));
    let waiting = {
        let (holder, path) = (holder.clone(), format!("{path}?wait=60"));
        spawn(async move { holder.post(&path, json!(1)).await })
    };
    let began = Instant::now();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(holder.post(&path, json!(1)).await.accepted()["execution_id"].clone());
    }
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let cancel = format!("{path}cancel/{}/", ids[0].as_str().unwrap());
    holder.post_nothing(&cancel).await.accepted();
    waiting.await.unwrap().refused(409, "execution_stopped");
    assert_eq!(rows(&app, ["executions"]), [1]);
}

async fn a_caller_who_hangs_up_holds_nobody_up(app: TestApp) {
    let caller = with_key(&app.platform(), "k");
    caller.post_and_hang_up(WORKFLOWS, "{").await;
    let began = Instant::now();
    let answer = caller.post(WORKFLOWS, workflow("w")).await;
    answer.created();
    assert!(!is_replayed(&answer));
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

async fn a_key_that_can_be_none_is_refused(app: TestApp) {
    let platform = app.platform();
    let long = "x".repeat(256);
    for key in ["", "two words", &long] {
        let refused = with_key(&platform, key).post(WORKFLOWS, workflow("w")).await;
        refused.refused(400, "invalid_parameter");
    }
    let twice = with_key(&with_key(&platform, "k"), "k").post(WORKFLOWS, workflow("w")).await;
    twice.refused(400, "invalid_parameter");
    // Whoever may not ask hears that first.
    let stranger = with_key(&app.stranger(), "").post(WORKFLOWS, workflow("w")).await;
    stranger.refused(401, "missing_credential");
    with_key(&platform, &long[1..]).post(WORKFLOWS, workflow("w")).await.created();
    // It has no meaning where nothing is made.
    with_key(&platform, "").get(WORKFLOWS).await.ok();
}

async fn a_body_is_no_larger_the_second_time(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let (path, holder) = (call(&deployment), with_key(&app.with(&deployment.key), "k"));
    holder.post(&path, json!(1)).await.accepted();
    let large = holder.post(&path, json!("x".repeat(70_000))).await;
    large.refused(413, "body_too_large");
    holder
        .post_raw(&path, "text/plain", b"1".to_vec())
        .await
        .refused(415, "unsupported_media_type");
}

/// What is answered again, and what says why it is not, in `docs/API.md`.
#[test]
fn every_address_that_creates_or_executes_takes_a_key() {
    let document = serde_json::to_value(http_actix::openapi()).expect("a document");
    let takes_key = |operation: &Value| {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let mut names = parameters.map(|parameter| parameter["name"].as_str());
        names.any(|name| name == Some("Idempotency-Key"))
    };
    let mut taking = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            if takes_key(operation) {
                assert_eq!(method, "post", "{path}");
                taking.push(path.as_str());
            }
        }
    }
    let expected = [
        "/deployment/api/{org_id}/{api_name}",
        "/deployment/{handle}",
        "/deployment/{handle}/execute",
        "/unstract/{org_id}/api/v2/api-deployment",
        "/unstract/{org_id}/api/v2/api-deployment/{id}/keys",
        "/unstract/{org_id}/api/v2/members",
        "/unstract/{org_id}/api/v2/platform-keys",
        "/unstract/{org_id}/api/v2/webhooks",
        "/unstract/{org_id}/api/v2/webhooks/{id}/test",
        "/unstract/{org_id}/api/v2/workflow",
        "/unstract/{org_id}/api/v2/workflow/{id}/run",
        "/v1/api-keys",
    ];
    taking.sort_unstable();
    assert_eq!(taking, expected);
}
