//! Calling deployments: executions from their start to their result.

use serde_json::{Value, json};
use test_support::app::{GivenDeployment, TestApp};

on_both_databases!(
    a_call_is_accepted_carried_out_and_read_as_often_as_wanted,
    a_call_can_wait_for_its_result,
    any_json_value_is_an_input,
    numbers_are_handed_on_digit_by_digit,
    a_key_that_is_withdrawn_while_its_call_comes_in_starts_nothing,
    parameters_of_the_call_lie_over_those_of_the_deployment,
    a_failing_step_is_told_with_its_reason,
    a_run_that_takes_too_long_times_out,
    runs_that_time_out_leave_their_places_to_others,
    a_run_is_cancelled,
    a_run_keeps_the_version_it_was_accepted_with,
    a_key_sees_the_runs_it_started_unless_results_are_shared,
    a_deployment_has_only_so_many_unfinished_runs,
    what_is_wrong_with_a_call_is_told,
);

/// Runs until it is stopped: a filter without an end.
fn endless() -> Value {
    json!({"steps": [{"id": "endless", "tool": "transform", "filter": "def f: f; f"}]})
}

fn transform(filter: &str) -> Value {
    json!({"steps": [{"id": "shape", "tool": "transform", "filter": filter}]})
}

fn call(deployment: &GivenDeployment) -> String {
    format!("/deployment/{}/", deployment.id)
}

fn address(started: &Value, name: &str) -> String {
    started[name].as_str().expect("an address").to_owned()
}

async fn a_call_is_accepted_carried_out_and_read_as_often_as_wanted(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let caller = app.with(&deployment.key);
    let started = caller.post(&call(&deployment), json!({"total": 7})).await.accepted();
    let status = caller.get(&format!("{}?wait=20", address(&started, "status_api"))).await.ok();
    assert_eq!(status["status"], "COMPLETED");
    assert_eq!(status["progress"], json!({"steps_completed": 1, "steps_total": 1}));
    assert_eq!(status["error"], Value::Null);
    for _ in 0..3 {
        let result = caller.get(&address(&started, "result_api")).await.ok();
        assert_eq!(
            (&result["result"], &result["status"]),
            (&json!({"total": 7}), &json!("COMPLETED"))
        );
        assert_eq!(result["execution_id"], started["execution_id"]);
        assert!(result["metadata"]["finished_at"].is_string());
    }
}

async fn a_call_can_wait_for_its_result(app: TestApp) {
    let deployment =
        app.given_deployment_of("sum", transform("{sum: (.input | add)}"), json!({})).await;
    let caller = app.with(&deployment.key);
    let done = caller.post(&format!("{}?wait=20", call(&deployment)), json!([1, 2, 3])).await.ok();
    assert_eq!((&done["status"], &done["result"]), (&json!("COMPLETED"), &json!({"sum": 6})));
    let done =
        caller.post(&call(&deployment), json!({"input_data": [4], "timeout": 20})).await.ok();
    assert_eq!(done["result"], json!({"sum": 4}));
}

async fn any_json_value_is_an_input(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let caller = app.with(&deployment.key);
    let inputs = [
        json!(null),
        json!(true),
        json!(9_007_199_254_740_993_u64),
        json!("x\u{0}"),
        json!([]),
        json!({"parameters": 1}),
    ];
    for input in inputs {
        let done =
            caller.post(&format!("{}execute?wait=20", call(&deployment)), input.clone()).await.ok();
        assert_eq!(done["result"], input);
    }
}

async fn numbers_are_handed_on_digit_by_digit(app: TestApp) {
    let echo = app.given_deployment("echo").await;
    let shaped = app.given_deployment_of("shaped", transform(".input"), json!({})).await;
    // Filters know no zero below zero, and no number larger than a float can be.
    let odd = r#"{"big":18446744073709551616,"e":1e+400,"z":-0}"#;
    let long = r#"{"m":1.10,"n":12345678901234567890123}"#;
    for (deployment, numbers) in [(&echo, odd), (&echo, long), (&shaped, long)] {
        let address = format!("{}?wait=20", call(deployment));
        let caller = app.with(&deployment.key);
        let answer = caller.post_raw(&address, "application/json", numbers.into()).await;
        assert!(answer.text.contains(numbers), "{}", answer.text);
    }
}

async fn a_key_that_is_withdrawn_while_its_call_comes_in_starts_nothing(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let key = format!(
        "/unstract/acme/api/v2/api-deployment/{}/keys/{}/",
        deployment.id, deployment.key_id
    );
    let (caller, path) = (app.with(&deployment.key), call(&deployment));
    let slow = caller.post_slowly(&path, r#"{"a":"#, "1}", async || {
        app.platform().delete(&key).await.no_content();
    });
    slow.await.refused(401, "key_revoked");
}

async fn parameters_of_the_call_lie_over_those_of_the_deployment(app: TestApp) {
    let terms = json!({"default_parameters": {"a": 1, "b": 1}});
    let deployment = app.given_deployment_of("p", transform(".parameters"), terms).await;
    let body = json!({"input_data": null, "parameters": {"b": 2}, "timeout": 20});
    let done = app.with(&deployment.key).post(&call(&deployment), body).await.ok();
    assert_eq!(done["result"], json!({"a": 1, "b": 2}));
}

async fn a_failing_step_is_told_with_its_reason(app: TestApp) {
    let deployment =
        app.given_deployment_of("fails", transform(r#"error("no total")"#), json!({})).await;
    let caller = app.with(&deployment.key);
    let started = caller.post(&call(&deployment), json!({})).await.accepted();
    let status = caller.get(&format!("{}?wait=20", address(&started, "status_api"))).await.ok();
    assert_eq!((&status["status"], &status["error"]["step"]), (&json!("ERROR"), &json!("shape")));
    let problem =
        caller.get(&address(&started, "result_api")).await.refused(422, "execution_failed");
    assert_eq!(problem["errors"][0]["code"], "step_failed");
    assert!(problem["errors"][0]["detail"].as_str().unwrap().contains("no total"), "{problem}");
    assert_eq!(problem["instance"], started["status_api"]);
    caller
        .post(&format!("{}?wait=20", call(&deployment)), json!({}))
        .await
        .refused(422, "execution_failed");
}

async fn a_run_that_takes_too_long_times_out(app: TestApp) {
    let deployment =
        app.given_deployment_of("slow", endless(), json!({"timeout_seconds": 1})).await;
    let answer =
        app.with(&deployment.key).post(&format!("{}?wait=20", call(&deployment)), json!({})).await;
    assert_eq!(answer.refused(422, "execution_failed")["errors"][0]["code"], "timed_out");
}

async fn runs_that_time_out_leave_their_places_to_others(app: TestApp) {
    let terms = json!({"timeout_seconds": 1, "max_concurrent": null});
    let deployment = app.given_deployment_of("slow", endless(), terms).await;
    let caller = app.with(&deployment.key);
    // Twice as many as the worker has seats.
    let mut last = json!(null);
    for _ in 0..16 {
        last = caller.post(&call(&deployment), json!({})).await.accepted();
    }
    let quick = app.given_deployment("quick").await;
    let path = format!("{}?wait=60", call(&quick));
    app.with(&quick.key).post(&path, json!("through")).await.ok();
    let path = format!("{}?wait=60", last["status_api"].as_str().unwrap());
    let status = caller.get(&path).await.ok();
    assert_eq!(
        (&status["status"], &status["error"]["code"]),
        (&json!("ERROR"), &json!("timed_out"))
    );
}

async fn a_run_is_cancelled(app: TestApp) {
    let deployment = app.given_deployment_of("slow", endless(), json!({})).await;
    let caller = app.with(&deployment.key);
    let started = caller.post(&call(&deployment), json!({})).await.accepted();
    let unfinished = caller.get(&address(&started, "result_api")).await.accepted();
    assert!(["PENDING", "EXECUTING"].contains(&unfinished["status"].as_str().unwrap()));
    let cancel =
        format!("{}cancel/{}/", call(&deployment), started["execution_id"].as_str().unwrap());
    assert_eq!(caller.post_nothing(&cancel).await.accepted()["status"], "STOPPED");
    caller.get(&address(&started, "result_api")).await.refused(409, "execution_stopped");
    caller.post_nothing(&cancel).await.refused(409, "execution_finished");
}

async fn a_run_keeps_the_version_it_was_accepted_with(app: TestApp) {
    let deployment = app.given_deployment_of("versions", transform("1"), json!({})).await;
    let workflows = app.platform().get("/unstract/acme/api/v2/workflow/").await.ok();
    let workflow = format!(
        "/unstract/acme/api/v2/workflow/{}/",
        workflows["items"][0]["id"].as_str().unwrap()
    );
    let caller = app.with(&deployment.key);
    let before = caller.post(&call(&deployment), json!({})).await.accepted();
    app.platform().patch(&workflow, json!({"definition": transform("2")})).await.ok();
    let after = caller.post(&format!("{}?wait=20", call(&deployment)), json!({})).await.ok();
    caller.get(&format!("{}?wait=20", address(&before, "status_api"))).await.ok();
    let first = caller.get(&address(&before, "result_api")).await.ok();
    assert_eq!((&first["result"], &after["result"]), (&json!(1), &json!(2)));
}

async fn a_key_sees_the_runs_it_started_unless_results_are_shared(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let path = format!("/unstract/acme/api/v2/api-deployment/{}/", deployment.id);
    let second = app.platform().post(&format!("{path}keys/"), json!({})).await.created();
    let (first, second) = (app.with(&deployment.key), app.with(second["key"].as_str().unwrap()));
    let started = first.post(&format!("{}?wait=20", call(&deployment)), json!(1)).await.ok();
    let hidden = second.get(&address(&started, "result_api")).await;
    hidden.refused(404, "not_found");
    let absent = second
        .get(&format!("{}result/00000000-0000-7000-8000-000000000000/", call(&deployment)))
        .await;
    assert_eq!(hidden.without_request_id(), absent.without_request_id());
    app.platform().patch(&path, json!({"shared_results": true})).await.ok();
    second.get(&address(&started, "result_api")).await.ok();
    let other = app.given_deployment("other").await;
    app.with(&other.key).get(&address(&started, "result_api")).await.refused(404, "not_found");
    app.platform()
        .get(&address(&started, "result_api"))
        .await
        .refused(403, "deployment_key_required");
}

async fn a_deployment_has_only_so_many_unfinished_runs(app: TestApp) {
    let deployment = app.given_deployment_of("slow", endless(), json!({"max_concurrent": 2})).await;
    let caller = app.with(&deployment.key);
    let first = caller.post(&call(&deployment), json!({})).await.accepted();
    caller.post(&call(&deployment), json!({})).await.accepted();
    let refused = caller.post(&call(&deployment), json!({})).await;
    refused.refused(429, "too_many_executions");
    assert!(refused.header("retry-after").parse::<u32>().is_ok());
    let cancel =
        format!("{}cancel/{}/", call(&deployment), first["execution_id"].as_str().unwrap());
    caller.post_nothing(&cancel).await.accepted();
    caller.post(&call(&deployment), json!({})).await.accepted();
}

async fn what_is_wrong_with_a_call_is_told(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let caller = app.with(&deployment.key);
    let address = call(&deployment);
    caller.post(&format!("{address}?wait=301"), json!({})).await.refused(400, "invalid_parameter");
    let faults = caller
        .post(&address, json!({"input_data": 1, "timeout": 301}))
        .await
        .faults("invalid_value");
    assert_eq!(faults[0].0, "/timeout");
    let faults = caller
        .post(&address, json!({"input_data": 1, "parameters": 2}))
        .await
        .faults("invalid_type");
    assert_eq!(faults[0].0, "/parameters");
    let faults =
        caller.post(&address, json!({"input_data": 1, "tags": []})).await.faults("unknown_field");
    assert_eq!(faults[0].0, "/tags");
    caller.get(&format!("{address}status/not-an-id/")).await.refused(404, "not_found");
    app.platform().post(&address, json!({})).await.refused(403, "deployment_key_required");
    caller
        .post("/deployment/00000000-0000-7000-8000-000000000000/", json!({}))
        .await
        .refused(404, "not_found");
    caller.post("/deployment/echo/", json!({})).await.refused(404, "not_found");
}
