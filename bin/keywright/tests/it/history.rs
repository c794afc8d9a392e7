//! Executions as those see them who manage what they are runs of, and workflows that are tried out.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::app::{Caller, TestApp};

on_both_databases!(
    executions_are_listed_and_filtered_for_those_who_manage_them,
    an_execution_is_looked_into_without_its_secrets,
    a_workflow_is_tried_out_without_being_deployed,
    a_test_run_that_is_sent_again_is_one,
);

const EXECUTIONS: &str = "/unstract/acme/api/v2/executions/";

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

async fn given_workflow(caller: &Caller, filter: &str) -> String {
    let definition = json!({"steps": [{"id": "a", "tool": "transform", "filter": filter}]});
    let workflow = json!({"name": "tried", "definition": definition});
    let made = caller.post("/unstract/acme/api/v2/workflow/", workflow).await.created();
    text(&made["id"]).to_owned()
}

async fn executions_are_listed_and_filtered_for_those_who_manage_them(app: TestApp) {
    let echo = app.given_deployment("echo").await;
    let call = format!("/deployment/{}/?wait=10", echo.id);
    app.with(&echo.key).post(&call, json!(1)).await.ok();
    app.clock.advance(Duration::from_millis(2));
    let failing = json!({"steps": [{"id": "bad", "tool": "transform", "filter": "error(\"no\")"}]});
    let failing = app.given_deployment_of("failing", failing, json!({})).await;
    let call = format!("/deployment/{}/?wait=10", failing.id);
    app.with(&failing.key).post(&call, json!(1)).await.refused(422, "execution_failed");

    let admin = app.admin().await;
    let list = admin.get(EXECUTIONS).await.ok();
    let statuses: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|one| text(&one["status"])).collect();
    assert_eq!(statuses, ["ERROR", "COMPLETED"]);
    assert_eq!(list["items"][0]["error"]["code"], "step_failed");
    let record = &list["items"][1];
    assert_eq!((&record["trigger"], &record["deployment"]), (&json!("CALL"), &json!(echo.id)));
    assert_eq!(record["key_id"], echo.key_id);
    for (query, expected) in [
        (format!("deployment={}", echo.id), 1),
        (format!("key_id={}", failing.key_id), 1),
        ("status=ERROR".into(), 1),
        ("trigger=TEST".into(), 0),
        ("limit=1".into(), 1),
    ] {
        let some = app.platform().get(&format!("{EXECUTIONS}?{query}")).await.ok();
        assert_eq!(some["items"].as_array().unwrap().len(), expected, "{query}");
    }
    for query in ["status=DONE", "deployment=x", "trigger=x", "from=x"] {
        admin.get(&format!("{EXECUTIONS}?{query}")).await.refused(400, "invalid_parameter");
    }
    let csv =
        admin.clone().header("accept", "text/csv").get(&format!("{EXECUTIONS}?limit=1")).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert!(
        csv.text.starts_with("execution_id,workflow,trigger,") && csv.text.lines().count() == 2
    );
    assert!(!csv.header("x-next-cursor").is_empty());
}

async fn an_execution_is_looked_into_without_its_secrets(app: TestApp) {
    let echo = app.given_deployment("echo").await;
    // What is stored of an input is whole.
    let key = "unst_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let input = json!({"user": "ada", "db_passphrase": "hidden-1", "note": format!("use {key}")});
    let call = format!("/deployment/{}/?wait=10", echo.id);
    let called = app.with(&echo.key).post(&call, input).await.ok();
    let admin = app.admin().await;
    let one = format!("{EXECUTIONS}{}/", text(&called["execution_id"]));
    let bare = admin.get(&one).await.ok();
    assert_eq!(bare["steps"][0]["state"], "SUCCEEDED");
    assert!(bare.get("input").is_none() && bare["steps"][0].get("output").is_none());
    let whole = admin.get(&format!("{one}?include=input,outputs,result")).await;
    let expected = json!({"user": "ada", "db_passphrase": "[redacted]", "note": "use [redacted]"});
    let body = whole.ok();
    assert_eq!((&body["input"], &body["result"]), (&expected, &expected));
    assert_eq!(body["steps"][0]["output"], expected);
    assert!(!whole.text.contains("hidden-1") && !whole.text.contains(key));
    admin.get(&format!("{one}?include=all")).await.refused(400, "invalid_parameter");

    // A user sees what they made: nothing of it so far.
    let user = app.user().await;
    assert_eq!(user.get(EXECUTIONS).await.ok()["items"], json!([]));
    let hidden = user.get(&one).await;
    let absent = user.get(&format!("{EXECUTIONS}00000000-0000-7000-8000-000000000000/")).await;
    hidden.refused(404, "not_found");
    assert_eq!(hidden.without_request_id(), absent.without_request_id());
    app.with(&echo.key).get(&one).await.refused(403, "key_kind_not_allowed");
}

async fn a_workflow_is_tried_out_without_being_deployed(app: TestApp) {
    let user = app.user().await;
    let id = given_workflow(&user, "{sum: (.input.a + .input.b), p: .parameters}").await;
    let run = format!("/unstract/acme/api/v2/workflow/{id}/run/");
    let body = json!({"input_data": {"a": 1, "b": 2}, "parameters": {"x": true}, "timeout": 10});
    let ended = user.post(&run, body).await.ok();
    assert_eq!(ended["result"], json!({"sum": 3, "p": {"x": true}}));
    let record = user.get(text(&ended["status_api"])).await.ok();
    assert_eq!((&record["trigger"], &record["workflow"]), (&json!("TEST"), &json!(id)));
    assert!(record["started_by"].is_string() && record["deployment"].is_null());
    assert_eq!(user.get(text(&ended["result_api"])).await.ok()["result"], ended["result"]);
    let list = app.platform().get(&format!("{EXECUTIONS}?trigger=TEST&workflow={id}")).await.ok();
    assert_eq!(list["items"][0]["execution_id"], ended["execution_id"]);
    let cancel = format!("{EXECUTIONS}{}/cancel/", text(&ended["execution_id"]));
    app.platform().post_nothing(&cancel).await.refused(409, "execution_finished");

    let failing = given_workflow(&user, "error(\"no\")").await;
    let run = format!("/unstract/acme/api/v2/workflow/{failing}/run/?wait=10");
    let refused = user.post(&run, json!(1)).await.refused(422, "execution_failed");
    user.get(text(&refused["instance"])).await.ok();
    let others = given_workflow(&app.platform(), ".input").await;
    let run = format!("/unstract/acme/api/v2/workflow/{others}/run/");
    user.post(&run, json!(1)).await.refused(404, "not_found");
    app.platform().post(&run, json!(1)).await.accepted();
}

async fn a_test_run_that_is_sent_again_is_one(app: TestApp) {
    let id = given_workflow(&app.platform(), ".input").await;
    let run = format!("/unstract/acme/api/v2/workflow/{id}/run/?wait=10");
    let caller = app.platform().header("idempotency-key", "once");
    let first = caller.post(&run, json!({"a": 1})).await.ok();
    let again = caller.post(&run, json!({"a": 1})).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.ok(), first);
    let list = app.platform().get(EXECUTIONS).await.ok();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}
