//! Members who share what they made.

use serde_json::{Value, json};
use test_support::app::{Caller, TestApp};

on_both_databases!(
    what_is_shared_is_seen_and_tried_and_deployed,
    what_is_shared_is_not_changed,
    a_shared_deployment_is_looked_into_and_its_keys_are_its_owners,
    administrators_and_platform_keys_share_what_is_anybodys,
    only_members_are_shared_with,
    sharing_is_noted,
    a_share_ends_with_the_membership,
    an_organization_may_let_only_administrators_deploy,
);

const MANAGE: &str = "/unstract/acme/api/v2";

/// Somebody who made something, and somebody who did not.
struct Two {
    owner: Caller,
    member: Caller,
    workflow: String,
    deployment: String,
    key: String,
}

async fn two(app: &TestApp) -> Two {
    let owner = app.given_member("owner", "user").await;
    let member = app.given_member("bea", "user").await;
    let workflow =
        json!({"name": "own", "definition": {"steps": [{"id": "a", "tool": "passthrough"}]}});
    let workflow = owner.post(&format!("{MANAGE}/workflow/"), workflow).await.created();
    let deployment = json!({"workflow": workflow["id"], "api_name": "own"});
    let deployed = owner.post(&format!("{MANAGE}/api-deployment/"), deployment).await.created();
    let address = |kind: &str, made: &Value| {
        format!("{MANAGE}/{kind}/{}/", made["id"].as_str().expect("an id"))
    };
    let deployment = address("api-deployment", &deployed);
    let key = format!("{deployment}keys/{}/", deployed["key_id"].as_str().expect("an id"));
    Two { workflow: address("workflow", &workflow), owner, member, deployment, key }
}

impl Two {
    async fn share(&self, what: &str) {
        let shared = json!({"users": ["bea"], "everyone": false});
        let shared = self.owner.put(&format!("{what}share/"), shared).await.ok();
        assert_eq!(shared, json!({"users": [self.member.user_id().await], "everyone": false}));
    }
}

async fn what_is_shared_is_seen_and_tried_and_deployed(app: TestApp) {
    let two = two(&app).await;
    let (owner, member) = (&two.owner, &two.member);
    let of_member = |kind: &'static str| async move {
        member.get(&format!("{MANAGE}/{kind}/")).await.ok()["items"].as_array().unwrap().len()
    };
    assert_eq!((of_member("workflow").await, of_member("api-deployment").await), (0, 0));
    member.get(&two.workflow).await.refused(404, "not_found");
    two.share(&two.workflow).await;
    assert_eq!((of_member("workflow").await, of_member("api-deployment").await), (1, 0));
    let seen = member.get(&two.workflow).await.ok();
    assert_eq!((&seen["name"], seen.get("shared")), (&json!("own"), None));
    let told = owner.get(&two.workflow).await.ok();
    assert_eq!(told["shared"], owner.get(&format!("{}share/", two.workflow)).await.ok());
    let listed = owner.get(&format!("{MANAGE}/workflow/")).await.ok();
    assert_eq!(listed["items"][0]["shared"], told["shared"]);

    let tried = member.post(&format!("{}run/?wait=30", two.workflow), json!({"a": 1})).await.ok();
    let run = tried["execution_id"].as_str().unwrap();
    member.get(&format!("{MANAGE}/executions/{run}/")).await.ok();
    owner.get(&format!("{MANAGE}/executions/{run}/")).await.ok();
    let deployment = json!({"workflow": seen["id"], "api_name": "theirs"});
    let theirs = member.post(&format!("{MANAGE}/api-deployment/"), deployment).await.created();
    assert_eq!(theirs["shared"], json!({"users": [], "everyone": false}));
    let theirs = format!("{MANAGE}/api-deployment/{}/", theirs["id"].as_str().unwrap());
    owner.get(&theirs).await.refused(404, "not_found");

    let nobody = json!({"users": [], "everyone": false});
    owner.put(&format!("{}share/", two.workflow), nobody).await.ok();
    member.get(&two.workflow).await.refused(404, "not_found");
    member.get(&theirs).await.ok();
}

async fn what_is_shared_is_not_changed(app: TestApp) {
    let two = two(&app).await;
    let refusals = async |status: u16, code: &str| {
        let Two { member, workflow, deployment, .. } = &two;
        let cron = json!({"cron": "0 0 * * *", "input": {}});
        let nobody = json!({"users": [], "everyone": false});
        member.patch(workflow, json!({"name": "theirs"})).await.refused(status, code);
        member.delete(workflow).await.refused(status, code);
        member.put(&format!("{workflow}schedule/"), cron).await.refused(status, code);
        member.delete(&format!("{workflow}schedule/")).await.refused(status, code);
        member.put(&format!("{workflow}share/"), nobody.clone()).await.refused(status, code);
        member.get(&format!("{workflow}share/")).await.refused(status, code);
        member.patch(deployment, json!({"is_active": false})).await.refused(status, code);
        member.delete(deployment).await.refused(status, code);
        member.put(&format!("{deployment}share/"), nobody).await.refused(status, code);
        member.get(&format!("{deployment}share/")).await.refused(status, code);
    };
    refusals(404, "not_found").await;
    two.share(&two.workflow).await;
    two.share(&two.deployment).await;
    refusals(403, "owner_required").await;
    two.owner.delete(&two.deployment).await.no_content();
    two.owner.delete(&two.workflow).await.no_content();
    two.member.get(&two.workflow).await.refused(404, "not_found");
}

async fn a_shared_deployment_is_looked_into_and_its_keys_are_its_owners(app: TestApp) {
    let two = two(&app).await;
    let Two { member, deployment, key, owner, .. } = &two;
    let made = owner.post(&format!("{deployment}keys/"), json!({})).await.created();
    let id = owner.get(deployment).await.ok()["id"].as_str().unwrap().to_owned();
    let called = app.with(made["key"].as_str().unwrap());
    let run = called.post(&format!("/deployment/{id}/?wait=30"), json!({"a": 1})).await.ok();
    let run = format!("{MANAGE}/executions/{}/", run["execution_id"].as_str().unwrap());
    let usage = format!("{MANAGE}/usage/?deployment={id}");
    for hidden in [deployment, key, &run, &usage] {
        member.get(hidden).await.refused(404, "not_found");
    }
    two.share(deployment).await;
    for seen in [deployment, key, &run, &usage, &format!("/deployment/{id}/openapi.json")] {
        member.get(seen).await.ok();
    }
    let runs = member.get(&format!("{MANAGE}/executions/?deployment={id}")).await.ok();
    assert_eq!(runs["items"].as_array().unwrap().len(), 1);
    member.post_nothing(&format!("{run}cancel/")).await.refused(403, "owner_required");
    let keys = format!("{deployment}keys/");
    assert_eq!(member.get(&keys).await.ok()["items"].as_array().unwrap().len(), 2);
    member.post(&keys, json!({})).await.refused(403, "owner_required");
    member.patch(key, json!({"is_active": false})).await.refused(403, "owner_required");
    member.post(&format!("{key}rotate/"), json!({})).await.refused(403, "owner_required");
    member
        .post(&format!("{key}revoke/"), json!({"reason": "x"}))
        .await
        .refused(403, "owner_required");
    member.delete(key).await.refused(403, "owner_required");
    owner.delete(key).await.no_content();
}

async fn administrators_and_platform_keys_share_what_is_anybodys(app: TestApp) {
    let two = two(&app).await;
    let everyone = json!({"users": [], "everyone": true});
    let share = format!("{}share/", two.workflow);
    app.platform().put(&share, everyone.clone()).await.ok();
    two.member.get(&two.workflow).await.ok();
    let admin = app.admin().await;
    assert_eq!(admin.get(&two.workflow).await.ok()["shared"], everyone);
    admin.put(&share, json!({})).await.ok();
    two.member.get(&two.workflow).await.refused(404, "not_found");
    // A key is no member, but what it makes is shared as well.
    let made = json!({"name": "w", "definition": {"steps": [{"id": "a", "tool": "passthrough"}]}});
    let made = app.platform().post(&format!("{MANAGE}/workflow/"), made).await.created();
    let made = format!("{MANAGE}/workflow/{}/", made["id"].as_str().unwrap());
    admin.put(&format!("{made}share/"), everyone).await.ok();
    two.member.get(&made).await.ok();
    two.member.delete(&made).await.refused(403, "owner_required");
}

async fn only_members_are_shared_with(app: TestApp) {
    app.given_organization("other");
    let two = two(&app).await;
    let share = format!("{}share/", two.workflow);
    let users = json!({"users": ["bea", "other-admin", "nobody"], "everyone": true});
    let refused = two.owner.put(&share, users).await;
    let at = |place: &str| (place.to_owned(), "unknown_reference".to_owned());
    assert_eq!(refused.faults("validation_failed"), [at("/users/1"), at("/users/2")]);
    two.member.get(&two.workflow).await.refused(404, "not_found");
    let wrong = two.owner.put(&share, json!({"users": "bea"})).await;
    wrong.refused(422, "invalid_type");
    two.owner.put(&share, json!({"people": []})).await.refused(422, "unknown_field");
    let stranger = app.stranger().log_in("other-admin", test_support::app::PASSWORD).await;
    let there = two.workflow.replace("/acme/", "/other/");
    stranger.put(&format!("{there}share/"), json!({})).await.refused(404, "not_found");
}

async fn sharing_is_noted(app: TestApp) {
    let two = two(&app).await;
    two.share(&two.workflow).await;
    two.share(&two.deployment).await;
    for (action, kind) in [("workflow.shared", "workflow"), ("deployment.shared", "deployment")] {
        let noted = app.platform().get(&format!("{MANAGE}/audit/?action={action}")).await.ok();
        let entry = &noted["items"][0];
        assert_eq!(
            (&entry["subject"]["kind"], &entry["subject"]["name"]),
            (&json!(kind), &json!("own"))
        );
        assert_eq!(entry["actor"]["name"], "owner");
    }
}

async fn a_share_ends_with_the_membership(app: TestApp) {
    let two = two(&app).await;
    two.share(&two.workflow).await;
    let id = two.member.user_id().await;
    app.admin().await.delete(&format!("{MANAGE}/members/{id}/")).await.ok();
    two.member.get(&two.workflow).await.refused(404, "not_found");
    let shared = two.owner.get(&format!("{}share/", two.workflow)).await.ok();
    assert_eq!(shared, json!({"users": [], "everyone": false}));
}

async fn an_organization_may_let_only_administrators_deploy(app: TestApp) {
    let two = two(&app).await;
    let admin = app.admin().await;
    let settings = format!("{MANAGE}/organization/");
    assert_eq!(admin.get(&settings).await.ok()["users_may_deploy"], true);
    let closed = admin.patch(&settings, json!({"users_may_deploy": false})).await.ok();
    assert_eq!(closed["users_may_deploy"], false);
    let workflow = two.owner.get(&two.workflow).await.ok()["id"].clone();
    let deploy = async |caller: &Caller, api_name: &str| {
        let deployment = json!({"workflow": workflow, "api_name": api_name});
        caller.post(&format!("{MANAGE}/api-deployment/"), deployment).await
    };
    let refused = deploy(&two.owner, "second").await.refused(403, "admin_required");
    assert!(refused["detail"].as_str().unwrap().contains("only its administrators deploy"));
    deploy(&admin, "second").await.created();
    deploy(&app.platform(), "third").await.created();
    two.owner.patch(&two.deployment, json!({"description": "still theirs"})).await.ok();
    two.owner.post(&format!("{}keys/", two.deployment), json!({})).await.created();
    admin.patch(&settings, json!({"users_may_deploy": true})).await.ok();
    deploy(&two.owner, "fourth").await.created();
}
