//! What the steps of a workflow do for the callers of its deployment.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::app::TestApp;

use crate::service::Service;

const WORKFLOWS: &str = "/unstract/acme/api/v2/workflow/";

on_both_databases!(
    a_service_is_called_and_its_answer_comes_out,
    a_busy_service_is_asked_again_as_told,
    a_service_that_refuses_ends_the_run_unless_its_answer_is_wanted,
    a_step_is_cancelled_in_the_midst,
    what_is_wrong_with_a_step_is_told_with_its_pointer_when_it_is_saved,
    every_fault_of_every_step_is_told_at_once,
);

/// The answer to a call of a deployment of these steps that waits.
async fn called(app: &TestApp, definition: Value, input: Value) -> Value {
    let deployed = app.given_deployment_of("api", definition, json!({})).await;
    let call = format!("/deployment/{}/?wait=20", deployed.id);
    app.with(&deployed.key).post(&call, input).await.json()
}

async fn a_service_is_called_and_its_answer_comes_out(app: TestApp) {
    let service = Service::start();
    let steps = json!([
        {"id": "call", "tool": "http_request", "method": "POST",
         "url": format!("{}/echo/{{{{ input.name | urlencode }}}}?q=1", service.base),
         "headers": {"X-Unit": "{{ parameters.unit }}"},
         "body": {"total": "{{ input.total }}", "deep": [1, "{{ input.name }}"]}},
        {"id": "text", "tool": "http_request", "method": "PUT", "idempotent": true,
         "url": format!("{}/echo/text", service.base), "body": "{{ steps.call.output.status }} é"},
        {"id": "get", "tool": "http_request", "url": format!("{}/status/200", service.base)}
    ]);
    let output = "[.steps.call.output, .steps.text.output.body, .steps.get.output.body]";
    let input = json!({"input_data": {"name": "a&b c", "total": 7}, "parameters": {"unit": "EUR"}});
    let answer = called(&app, json!({"steps": steps, "output": output}), input).await;
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    let [posted, text, got] = answer["result"].as_array().unwrap().as_slice() else { panic!() };
    assert_eq!(
        (&posted["status"], &posted["headers"]["content-type"]),
        (&json!(200), &json!("application/json"))
    );
    let echo = &posted["body"];
    assert_eq!(
        (&echo["method"], &echo["path"], &echo["query"]),
        (&json!("POST"), &json!("/echo/a%26b%20c"), &json!("q=1"))
    );
    let sent: Value = serde_json::from_str(echo["body"].as_str().unwrap()).unwrap();
    assert_eq!(sent, json!({"total": "7", "deep": [1, "a&b c"]}));
    let headers = &echo["headers"];
    assert_eq!(
        (&headers["x-unit"], &headers["content-type"]),
        (&json!("EUR"), &json!("application/json"))
    );
    assert!(headers["user-agent"].as_str().unwrap().starts_with("keywright/"));
    assert_eq!(
        (&text["body"], &text["headers"]["content-type"]),
        (&json!("200 é"), &json!("text/plain; charset=utf-8"))
    );
    assert_eq!(got["path"], "/status/200");
}

async fn a_busy_service_is_asked_again_as_told(app: TestApp) {
    let service = Service::start();
    let step = json!({"id": "call", "tool": "http_request", "method": "POST", "body": "x",
        "url": format!("{}/busy-twice", service.base), "retry": {"attempts": 3, "delay_seconds": 0.01}});
    let answer = called(&app, json!({"steps": [step]}), json!(null)).await;
    assert_eq!(answer["result"]["body"], json!({"times": 3}), "{answer}");
    assert_eq!(service.calls()["/busy-twice"], 3);
}

async fn a_service_that_refuses_ends_the_run_unless_its_answer_is_wanted(app: TestApp) {
    let service = Service::start();
    let url = format!("{}/status/404", service.base);
    let retry = json!({"attempts": 5, "delay_seconds": 0});
    let step = |any: bool| json!({"id": "call", "tool": "http_request", "url": url, "any_status": any, "retry": retry});
    let steps = json!([step(true), {"id": "shape", "tool": "transform", "filter": ".steps.call.output.status"}]);
    let wanted = called(&app, json!({"steps": steps}), json!(null)).await;
    assert_eq!(wanted["result"], 404, "{wanted}");
    let deployed =
        app.given_deployment_of("other", json!({"steps": [step(false)]}), json!({})).await;
    let refused = app
        .with(&deployed.key)
        .post(&format!("/deployment/{}/?wait=20", deployed.id), json!(null))
        .await;
    let refused = refused.refused(422, "execution_failed");
    assert_eq!(refused["detail"], "step 'call' failed: the service answered with status 404");
    assert_eq!(service.calls()["/status/404"], 2, "another try would fail in the same way");
}

async fn a_step_is_cancelled_in_the_midst(app: TestApp) {
    let service = Service::start();
    let step =
        json!({"id": "call", "tool": "http_request", "url": format!("{}/slow", service.base)});
    let deployed = app.given_deployment_of("api", json!({"steps": [step]}), json!({})).await;
    let (caller, base) = (app.with(&deployed.key), format!("/deployment/{}", deployed.id));
    let started = caller.post(&format!("{base}/"), json!(null)).await.accepted();
    while service.calls().is_empty() {
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
    let id = started["execution_id"].as_str().unwrap();
    let begun = Instant::now();
    caller.post_nothing(&format!("{base}/cancel/{id}/")).await.accepted();
    let stopped = caller.get(&format!("{base}/status/{id}/?wait=20")).await.ok();
    assert_eq!(stopped["status"], "STOPPED");
    // At once is meant, on a machine that has time; the service takes a minute.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

async fn what_is_wrong_with_a_step_is_told_with_its_pointer_when_it_is_saved(app: TestApp) {
    let steps = json!([
        {"id": "a", "tool": "transform", "filter": ".steps.b.output"},
        {"id": "b", "tool": "template", "template": "{{ steps.b.output }} {{ steps.nobody.output }}"},
        {"id": "c", "tool": "template", "template": "{{ input"},
        {"id": "d", "tool": "validate", "schema": {"type": "text"}, "when": ".input |"},
        {"id": "e", "tool": "http_request", "url": "https://example.com/", "body": ["{% if %}"]}
    ]);
    let body = json!({"name": "w", "definition": {"steps": steps, "output": ".steps.f.output"}});
    let refused = app.platform().post(WORKFLOWS, body).await.refused(422, "validation_failed");
    let told: Vec<(&str, &str)> = refused["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| (fault["attr"].as_str().unwrap(), fault["code"].as_str().unwrap()))
        .collect();
    let expected = [
        ("/definition/steps/0/filter", "unknown_reference"),
        ("/definition/steps/1/template", "unknown_reference"),
        ("/definition/steps/1/template", "unknown_reference"),
        ("/definition/steps/2/template", "invalid_template"),
        ("/definition/steps/3/schema/type", "invalid_value"),
        ("/definition/steps/3/when", "invalid_filter"),
        ("/definition/steps/4/body/0", "invalid_template"),
        ("/definition/output", "unknown_reference"),
    ];
    assert_eq!(told, expected, "{refused}");
}

async fn every_fault_of_every_step_is_told_at_once(app: TestApp) {
    let steps = json!([
        {"id": "a", "tool": "http_request", "method": "BREW", "url": "", "headers": {"a b": "c", "d": 1}, "retry": {"attempts": 0, "more": 1}},
        {"id": "b", "tool": "llm", "prompt": "hi", "temperature": 3, "max_tokens": 0},
        {"id": "c", "tool": "delay"},
        {"id": "d", "tool": "delay", "seconds": -1, "on_error": "ignore", "timeout_seconds": "1"}
    ]);
    let body = json!({"name": "w", "definition": {"steps": steps, "for_each": "records"}});
    let faults = app.platform().post(WORKFLOWS, body).await.faults("validation_failed");
    let pointers: Vec<_> =
        faults.iter().map(|(at, _)| at.trim_start_matches("/definition/")).collect();
    for pointer in [
        "steps/0/method",
        "steps/0/url",
        "steps/0/headers/d",
        "steps/0/headers/a b",
        "steps/0/retry/attempts",
        "steps/0/retry/more",
        "steps/1/model",
        "steps/1/temperature",
        "steps/1/max_tokens",
        "steps/2/seconds",
        "steps/3/seconds",
        "steps/3/on_error",
        "steps/3/timeout_seconds",
        "for_each",
    ] {
        assert!(pointers.contains(&pointer), "{pointer} is not in {pointers:?}");
    }
}
