//! Secrets of an organization: set, used by its workflows, told to nobody.

use serde_json::json;
use test_support::{
    app::{Caller, TestApp},
    databases::Database,
};

use crate::process::Settings;

on_both_databases!(
    a_secret_is_set_listed_by_its_name_and_deleted,
    secrets_are_set_by_administrators_alone,
    what_is_wrong_with_a_secret_is_told_without_its_value,
    a_workflow_uses_a_secret_and_tells_it_to_nobody,
);

const SECRETS: &str = "/unstract/acme/api/v2/secrets/";
const VALUE: &str = "tok-8Qm2ZxR7vLpW4nKd";

async fn a_secret_is_set_listed_by_its_name_and_deleted(app: TestApp) {
    let admin = app.admin().await;
    let token = format!("{SECRETS}CRM_TOKEN/");
    let set = admin.put(&token, json!({"value": VALUE})).await.ok();
    assert_eq!((&set["name"], &set["set_by_name"]), (&json!("CRM_TOKEN"), &json!("acme-admin")));
    let again = admin.put(&token, json!({"value": "another"})).await.ok();
    assert_eq!(again, set);
    admin.put(&format!("{SECRETS}A/"), json!({"value": "a"})).await.ok();
    let listed = app.platform().get(SECRETS).await.ok();
    let names: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["A", "CRM_TOKEN"]);
    assert_eq!(admin.delete(&token).await.status, 204);
    admin.delete(&token).await.refused(404, "not_found");
    admin.delete(&format!("{SECRETS}crm/")).await.refused(404, "not_found");
    let audit = app.platform().get("/unstract/acme/api/v2/audit/?action=secret.set").await.ok();
    let mut noted: Vec<_> = audit["items"].as_array().unwrap().iter().collect();
    noted.sort_by_key(|entry| entry["subject"]["name"].as_str());
    let noted: Vec<_> = noted.iter().map(|entry| &entry["subject"]["name"]).collect();
    assert_eq!(noted, ["A", "CRM_TOKEN", "CRM_TOKEN"]);
    let log = app.contents().join("\n");
    assert!(!log.contains(VALUE) && !log.contains("another"));
}

async fn secrets_are_set_by_administrators_alone(app: TestApp) {
    let made = json!({"name": "all", "scopes": ["admin"]});
    let made = app.platform().post("/v1/api-keys", made).await.created();
    let mighty = app.with(made["key"].as_str().unwrap());
    let (token, value) = (format!("{SECRETS}T/"), json!({"value": VALUE}));
    for key in [&app.platform(), &mighty] {
        key.put(&token, value.clone()).await.refused(403, "admin_required");
        key.delete(&token).await.refused(403, "admin_required");
        key.get(SECRETS).await.ok();
    }
    let user = app.user().await;
    user.put(&token, value).await.refused(403, "admin_required");
    user.get(SECRETS).await.refused(403, "admin_required");
}

async fn what_is_wrong_with_a_secret_is_told_without_its_value(app: TestApp) {
    let admin = app.admin().await;
    let at = |name: &str| format!("{SECRETS}{name}/");
    let refused = admin.put(&at("crm"), json!({"value": VALUE})).await;
    let refused = refused.refused(422, "invalid_value");
    assert_eq!(refused["errors"][0]["attr"], "/name");
    admin.put(&at("A"), json!({"value": ""})).await.refused(422, "invalid_value");
    admin.put(&at("A"), json!({"value": 7})).await.refused(422, "invalid_type");
    admin.put(&at("A"), json!({})).await.refused(422, "missing_field");
    let twice = json!({"value": VALUE, "note": VALUE});
    admin.put(&at("A"), twice).await.refused(422, "unknown_field");
    assert_eq!(app.platform().get(SECRETS).await.ok()["items"], json!([]));
}

async fn a_workflow_uses_a_secret_and_tells_it_to_nobody(app: TestApp) {
    let admin = app.admin().await;
    admin.put(&format!("{SECRETS}CRM_TOKEN/"), json!({"value": VALUE})).await.ok();
    let step =
        json!({"id": "a", "tool": "template", "template": "Bearer {{ secrets.CRM_TOKEN }}!"});
    let definition = json!({"steps": [step]});
    let deployed = app.given_deployment_of("uses", definition, json!({})).await;
    let run = format!("/deployment/{}/?wait=20", deployed.id);
    let answer = app.with(&deployed.key).post(&run, json!({})).await.ok();
    assert!(!answer.to_string().contains(VALUE), "{answer}");
    let told = answer["result"].as_str().expect("a text");
    assert!(told.starts_with("Bearer ") && told.ends_with('!'), "{told}");
    assert!(!app.contents().join("\n").contains(VALUE));
    admin.delete(&format!("{SECRETS}CRM_TOKEN/")).await;
    let failed = app.with(&deployed.key).post(&run, json!({})).await;
    failed.refused(422, "execution_failed");
}

#[actix_web::test]
async fn a_lost_key_is_told_and_an_older_one_still_opens() {
    let database = Database::sqlite();
    let old = "an encryption key of before so long";
    let new = "an encryption key of today so long.";
    let base = Settings::over(&database);
    let (_, password) = base.given_organization("acme");
    let before = base.clone().with("SECRETS__ENCRYPTION_KEY", old);
    let server = before.serve(&[]);
    let admin = Caller::new(&server.base).log_in("acme", &password).await;
    admin.put(&format!("{SECRETS}T/"), json!({"value": VALUE})).await.ok();
    let lines = server.terminate_and_read();
    assert!(!lines.iter().any(|line| line.contains(VALUE) || line.contains(old)));

    let checked = |settings: &Settings| {
        let output = settings.run(&["doctor", "--json"]);
        let findings: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let mut found = findings.as_array().expect("findings").iter();
        found.find(|finding| finding["check"] == "encryption key").expect("a finding").clone()
    };
    let lost = base.clone().with("SECRETS__ENCRYPTION_KEY", new);
    assert_eq!(checked(&lost)["status"], "bad");
    let server = lost.serve(&[]);
    Caller::new(&server.base).get("/readyz").await.refused(503, "unavailable");
    drop(server);
    let rotated = lost.with("SECRETS__ACCEPTED_ENCRYPTION_KEYS", old);
    assert_eq!(checked(&rotated)["status"], "good");
    let server = rotated.serve(&[]);
    assert_eq!(Caller::new(&server.base).get("/readyz").await.status, 200);
}
