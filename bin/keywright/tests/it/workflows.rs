//! Workflows over HTTP.

use serde_json::{Value, json};
use test_support::app::TestApp;

const WORKFLOWS: &str = "/unstract/acme/api/v2/workflow/";

on_both_databases!(
    a_workflow_is_created_read_changed_and_deleted,
    a_changed_definition_is_a_new_version,
    every_fault_of_a_definition_is_told_with_its_pointer,
    a_filter_that_does_not_compile_is_refused,
    a_workflow_with_deployments_cannot_be_deleted,
    workflows_are_listed_in_pages,
    what_lists_hold_is_searched_by_name,
    a_user_sees_only_their_organizations_workflows,
);

fn echo() -> Value {
    json!({"name": "w", "definition": {"steps": [{"id": "echo", "tool": "passthrough"}]}})
}

fn path(workflow: &Value) -> String {
    format!("{WORKFLOWS}{}/", workflow["id"].as_str().unwrap())
}

async fn a_workflow_is_created_read_changed_and_deleted(app: TestApp) {
    let platform = app.platform();
    let created = platform.post(WORKFLOWS, echo()).await.created();
    assert_eq!((&created["version"], &created["workflow_type"]), (&json!(1), &json!("TASK")));
    assert_eq!(platform.get(&path(&created)).await.ok(), created);
    let renamed =
        platform.patch(&path(&created), json!({"name": "v", "description": "d"})).await.ok();
    assert_eq!((&renamed["name"], &renamed["version"]), (&json!("v"), &json!(1)));
    let cleared = platform.patch(&path(&created), json!({"description": null})).await.ok();
    assert_eq!((&cleared["name"], &cleared["description"]), (&json!("v"), &json!("")));
    let replaced = platform.put(&path(&created), echo()).await.ok();
    assert_eq!(replaced["name"], "w");
    platform.delete(&path(&created)).await.no_content();
    platform.get(&path(&created)).await.refused(404, "not_found");
    platform.delete(&path(&created)).await.refused(404, "not_found");
}

async fn a_changed_definition_is_a_new_version(app: TestApp) {
    let platform = app.platform();
    let created = platform.post(WORKFLOWS, echo()).await.created();
    let definition = json!({"steps": [{"id": "other", "tool": "passthrough"}]});
    let changed = platform.patch(&path(&created), json!({"definition": definition})).await.ok();
    assert_eq!((&changed["version"], &changed["definition"]), (&json!(2), &definition));
    let same = platform.patch(&path(&created), json!({"definition": definition})).await.ok();
    assert_eq!(same["version"], 2);
}

async fn every_fault_of_a_definition_is_told_with_its_pointer(app: TestApp) {
    let steps = json!([{"id": "a", "tool": "magic"}, {"id": "a", "tool": "passthrough", "x": 1}]);
    let body = json!({"name": "", "workflow_type": "CRON", "definition": {"steps": steps}});
    let faults = app.platform().post(WORKFLOWS, body).await.faults("validation_failed");
    let expected = [
        ("/name", "invalid_value"),
        ("/workflow_type", "invalid_value"),
        ("/definition/steps/0/tool", "unknown_tool"),
        ("/definition/steps/1/x", "unknown_field"),
    ];
    assert_eq!(faults, expected.map(|(at, code)| (at.to_owned(), code.to_owned())));
}

async fn a_filter_that_does_not_compile_is_refused(app: TestApp) {
    let steps = json!([{"id": "a", "tool": "transform", "filter": ".input | nonsense("}]);
    let body = json!({"name": "w", "definition": {"steps": steps, "output": "."}});
    let faults = app.platform().post(WORKFLOWS, body).await.faults("invalid_filter");
    assert_eq!(faults, [("/definition/steps/0/filter".to_owned(), "invalid_filter".to_owned())]);
    let workflow = app.platform().post(WORKFLOWS, echo()).await.created();
    let check = format!("{}validate/", path(&workflow));
    let definition = json!({"steps": [{"id": "a", "tool": "transform", "filter": "("}]});
    let verdict = app.platform().post(&check, json!({"definition": definition})).await.ok();
    assert_eq!(
        (&verdict["valid"], &verdict["errors"][0]["code"]),
        (&json!(false), &json!("invalid_filter"))
    );
    assert_eq!(
        app.platform().post_nothing(&check).await.ok(),
        json!({"valid": true, "errors": []})
    );
}

async fn a_workflow_with_deployments_cannot_be_deleted(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let workflows = app.platform().get(WORKFLOWS).await.ok();
    let workflow = path(&workflows["items"][0]);
    app.platform().delete(&workflow).await.refused(409, "workflow_in_use");
    app.platform()
        .delete(&format!("/unstract/acme/api/v2/api-deployment/{}/", deployment.id))
        .await
        .no_content();
    app.platform().delete(&workflow).await.no_content();
}

async fn workflows_are_listed_in_pages(app: TestApp) {
    let platform = app.platform();
    for _ in 0..3 {
        app.clock.advance(std::time::Duration::from_secs(1));
        platform.post(WORKFLOWS, echo()).await.created();
    }
    let first = platform.get(&format!("{WORKFLOWS}?limit=2")).await.ok();
    let cursor = first["next_cursor"].as_str().expect("another page");
    let second = platform.get(&format!("{WORKFLOWS}?limit=2&cursor={cursor}")).await.ok();
    let ids = |page: &Value| -> Vec<String> {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!((ids(&first).len(), ids(&second).len()), (2, 1));
    let all: Vec<_> = [ids(&first), ids(&second)].concat();
    assert!(all.windows(2).all(|pair| pair[0] > pair[1]), "newest first, none twice: {all:?}");
    assert_eq!(second["next_cursor"], Value::Null);
    for query in ["limit=0", "limit=201", "limit=x", "cursor=x"] {
        platform.get(&format!("{WORKFLOWS}?{query}")).await.refused(400, "invalid_parameter");
    }
}

async fn what_lists_hold_is_searched_by_name(app: TestApp) {
    let platform = app.platform();
    let deployed = app.given_deployment("orders").await;
    for name in ["Bills", "Reports"] {
        let workflow = json!({"name": name, "definition": echo()["definition"]});
        platform.post(WORKFLOWS, workflow).await.created();
        platform.post("/v1/api-keys", json!({"name": name})).await.created();
    }
    let keys = format!("/unstract/acme/api/v2/api-deployment/{}/keys/", deployed.id);
    platform.post(&keys, json!({"description": "For bills"})).await.created();
    let lists = [
        (WORKFLOWS, "bill"),
        ("/unstract/acme/api/v2/api-deployment/", "ORDER"),
        (&keys, "BILL"),
        ("/v1/api-keys", "bill"),
    ];
    for (list, text) in lists {
        let found = platform.get(&format!("{list}?search={text}")).await.ok();
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{list}: {found}");
        let found = platform.get(&format!("{list}?search=%25")).await.ok();
        assert_eq!(found["items"].as_array().unwrap().len(), 0, "{list}: {found}");
        let long = "x".repeat(101);
        for search in [long.as_str(), "a%00"] {
            let refused = platform.get(&format!("{list}?search={search}")).await;
            refused.refused(400, "invalid_parameter");
        }
    }
    let audit = "/unstract/acme/api/v2/audit/?action=workflow.created&search=report";
    let found = app.admin().await.get(audit).await.ok();
    assert_eq!(found["items"][0]["subject"]["name"], "Reports", "{found}");
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
}

async fn a_user_sees_only_their_organizations_workflows(app: TestApp) {
    let other = app.with(&app.given_organization("other"));
    let theirs = app.platform().post(WORKFLOWS, echo()).await.created();
    let hidden = other
        .get(&format!("/unstract/other/api/v2/workflow/{}/", theirs["id"].as_str().unwrap()))
        .await;
    let absent =
        other.get("/unstract/other/api/v2/workflow/00000000-0000-7000-8000-000000000000/").await;
    hidden.refused(404, "not_found");
    assert_eq!(hidden.without_request_id(), absent.without_request_id());
    let foreign = other.get(WORKFLOWS).await;
    let nowhere = other.get("/unstract/nowhere/api/v2/workflow/").await;
    foreign.refused(404, "not_found");
    assert_eq!(foreign.without_request_id(), nowhere.without_request_id());
}
