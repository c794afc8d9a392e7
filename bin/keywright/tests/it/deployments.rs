//! Deployments over HTTP.

use serde_json::{Value, json};
use test_support::app::TestApp;

const DEPLOYMENTS: &str = "/unstract/acme/api/v2/api-deployment/";

on_both_databases!(
    a_deployment_is_made_with_its_first_key,
    terms_are_changed_replaced_and_cleared,
    an_api_name_is_unique_until_its_deployment_is_deleted,
    everything_wrong_with_a_deployment_is_told_at_once,
    a_workflow_of_others_cannot_be_deployed,
    fields_without_meaning_are_refused,
);

fn path(id: &Value) -> String {
    format!("{DEPLOYMENTS}{}/", id.as_str().unwrap())
}

async fn given_workflow(app: &TestApp) -> Value {
    let workflow =
        json!({"name": "w", "definition": {"steps": [{"id": "a", "tool": "passthrough"}]}});
    app.platform().post("/unstract/acme/api/v2/workflow/", workflow).await.created()["id"].clone()
}

async fn a_deployment_is_made_with_its_first_key(app: TestApp) {
    let workflow = given_workflow(&app).await;
    let created = app
        .platform()
        .post(DEPLOYMENTS, json!({"workflow": workflow, "api_name": "echo"}))
        .await
        .created();
    let id = created["id"].as_str().unwrap();
    assert_eq!(created["endpoint"]["execute"], format!("/deployment/{id}/"));
    let key = created["api_key"].as_str().unwrap();
    assert!(key.starts_with("unst_") && key.len() == 48, "{key}");
    let expected = json!({
        "is_active": true, "timeout_seconds": 300, "max_concurrent": 20, "shared_results": false,
        "default_parameters": {}, "deployment_type": "TASK"
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&created[name], value, "{name}");
    }
    let read = app.platform().get(&path(&created["id"])).await.ok();
    assert!(read.get("api_key").is_none(), "a key is shown once");
    let listed = app.platform().get(DEPLOYMENTS).await.ok();
    assert_eq!(listed["items"], json!([read]));
    let keys = app.platform().get(&format!("{}keys/", path(&created["id"]))).await.ok();
    assert_eq!(keys["items"][0]["id"], created["key_id"]);
}

async fn terms_are_changed_replaced_and_cleared(app: TestApp) {
    let workflow = given_workflow(&app).await;
    let terms = json!({
        "workflow": workflow, "api_name": "echo", "description": "d", "max_concurrent": null,
        "default_parameters": {"p": 1}, "timeout_seconds": 5, "shared_results": true
    });
    let created = app.platform().post(DEPLOYMENTS, terms).await.created();
    assert_eq!(
        (&created["max_concurrent"], &created["timeout_seconds"]),
        (&Value::Null, &json!(5))
    );
    let patch = json!({"description": null, "default_parameters": null, "max_concurrent": 3});
    let patched = app.platform().patch(&path(&created["id"]), patch).await.ok();
    assert_eq!((&patched["description"], &patched["default_parameters"]), (&json!(""), &json!({})));
    assert_eq!((&patched["max_concurrent"], &patched["timeout_seconds"]), (&json!(3), &json!(5)));
    let replacement = json!({"workflow": workflow, "api_name": "renamed"});
    let replaced = app.platform().put(&path(&created["id"]), replacement).await.ok();
    assert_eq!(
        (&replaced["api_name"], &replaced["timeout_seconds"]),
        (&json!("renamed"), &json!(300))
    );
    assert_eq!(
        (&replaced["max_concurrent"], &replaced["shared_results"]),
        (&json!(20), &json!(false))
    );
    app.with(created["api_key"].as_str().unwrap()).get("/v1/whoami").await.ok();
}

async fn an_api_name_is_unique_until_its_deployment_is_deleted(app: TestApp) {
    let first = app.given_deployment("echo").await;
    let other = app.given_deployment("other").await;
    let workflow = given_workflow(&app).await;
    let again = json!({"workflow": workflow, "api_name": "echo"});
    app.platform().post(DEPLOYMENTS, again.clone()).await.refused(409, "api_name_taken");
    let rename = format!("{DEPLOYMENTS}{}/", other.id);
    app.platform().patch(&rename, json!({"api_name": "echo"})).await.refused(409, "api_name_taken");
    app.platform().delete(&format!("{DEPLOYMENTS}{}/", first.id)).await.no_content();
    app.platform().post(DEPLOYMENTS, again).await.created();
}

async fn everything_wrong_with_a_deployment_is_told_at_once(app: TestApp) {
    let workflow = given_workflow(&app).await;
    let body = json!({"workflow": workflow, "api_name": "a b", "timeout_seconds": 0, "deployment_type": "CRON"});
    let faults = app.platform().post(DEPLOYMENTS, body).await.faults("validation_failed");
    let places: Vec<_> = faults.iter().map(|(at, _)| at.as_str()).collect();
    assert_eq!(places, ["/api_name", "/deployment_type", "/timeout_seconds"]);
}

async fn a_workflow_of_others_cannot_be_deployed(app: TestApp) {
    let other = app.with(&app.given_organization("other"));
    let workflow = given_workflow(&app).await;
    let body = json!({"workflow": workflow, "api_name": "theirs"});
    let faults = other
        .post("/unstract/other/api/v2/api-deployment/", body)
        .await
        .faults("unknown_reference");
    assert_eq!(faults, [("/workflow".to_owned(), "unknown_reference".to_owned())]);
    let own = app.given_deployment("echo").await;
    let hidden = other.get(&format!("/unstract/other/api/v2/api-deployment/{}/", own.id)).await;
    hidden.refused(404, "not_found");
    let keys = other.get(&format!("/unstract/other/api/v2/api-deployment/{}/keys/", own.id)).await;
    assert_eq!(hidden.without_request_id(), keys.without_request_id());
}

async fn fields_without_meaning_are_refused(app: TestApp) {
    let workflow = given_workflow(&app).await;
    let body = json!({"workflow": workflow, "api_name": "a", "is_activ": true});
    let faults = app.platform().post(DEPLOYMENTS, body).await.faults("unknown_field");
    assert_eq!(faults, [("/is_activ".to_owned(), "unknown_field".to_owned())]);
    let faults = app
        .platform()
        .post(DEPLOYMENTS, json!({"workflow": workflow}))
        .await
        .faults("missing_field");
    assert_eq!(faults, [("/api_name".to_owned(), "missing_field".to_owned())]);
}
