//! People of role `user`: what they make is theirs, and the rest is not.

use serde_json::json;
use test_support::app::TestApp;

on_both_databases!(
    a_user_sees_and_deploys_only_what_they_made,
    a_user_does_not_see_platform_keys,
    a_role_holds_from_the_next_request_on,
);

const MANAGE: &str = "/unstract/acme/api/v2";

async fn a_user_sees_and_deploys_only_what_they_made(app: TestApp) {
    let foreign = app.given_deployment("foreign").await;
    let foreign_workflow =
        app.platform().get(&format!("{MANAGE}/workflow/")).await.ok()["items"][0]["id"].clone();
    let user = app.user().await;
    assert_eq!(user.get(&format!("{MANAGE}/workflow/")).await.ok()["items"], json!([]));
    assert_eq!(user.get(&format!("{MANAGE}/api-deployment/")).await.ok()["items"], json!([]));
    let address = format!("{MANAGE}/api-deployment/{}/", foreign.id);
    user.get(&address).await.refused(404, "not_found");
    user.patch(&address, json!({"is_active": false})).await.refused(404, "not_found");
    user.delete(&address).await.refused(404, "not_found");
    user.get(&format!("{address}keys/")).await.refused(404, "not_found");
    user.post(&format!("{address}keys/"), json!({})).await.refused(404, "not_found");
    let theirs = json!({"workflow": foreign_workflow, "api_name": "theirs"});
    user.post(&format!("{MANAGE}/api-deployment/"), theirs).await.refused(422, "unknown_reference");

    let workflow =
        json!({"name": "own", "definition": {"steps": [{"id": "a", "tool": "passthrough"}]}});
    let workflow = user.post(&format!("{MANAGE}/workflow/"), workflow).await.created();
    let own = json!({"workflow": workflow["id"], "api_name": "own"});
    let own = user.post(&format!("{MANAGE}/api-deployment/"), own).await.created();
    let address = format!("{MANAGE}/api-deployment/{}/", own["id"].as_str().expect("an id"));
    user.post(&format!("{address}keys/"), json!({})).await.created();
    assert_eq!(app.platform().get(&address).await.ok()["created_by"], workflow["created_by"]);
}

async fn a_user_does_not_see_platform_keys(app: TestApp) {
    let keys = format!("{MANAGE}/platform-keys/");
    let listed = app.admin().await.get(&keys).await.ok();
    let one = format!("{keys}{}/", listed["items"][0]["id"].as_str().expect("an id"));
    let user = app.user().await;
    user.get(&keys).await.refused(403, "admin_required");
    user.post(&keys, json!({})).await.refused(403, "admin_required");
    user.post_nothing(&format!("{one}refresh/")).await.refused(403, "admin_required");
    user.patch(&one, json!({"is_active": false})).await.refused(403, "admin_required");
    user.delete(&one).await.refused(403, "admin_required");
}

async fn a_role_holds_from_the_next_request_on(app: TestApp) {
    let (admin, other) = (app.admin().await, app.given_member("ada", "admin").await);
    let keys = format!("{MANAGE}/platform-keys/");
    other.get(&keys).await.ok();
    let member = format!("{MANAGE}/members/{}/", other.user_id().await);
    admin.patch(&member, json!({"role": "user"})).await.ok();
    other.get(&keys).await.refused(403, "admin_required");
    admin.patch(&member, json!({"role": "admin"})).await.ok();
    other.get(&keys).await.ok();
}
