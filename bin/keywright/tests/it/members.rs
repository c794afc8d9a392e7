//! The members of an organization: their roles, and how they go.

use actix_web::rt::spawn;
use serde_json::{Value, json};
use test_support::{
    answer::Answer,
    app::{Caller, PASSWORD, TestApp},
};

on_both_databases!(
    the_last_administrator_stays,
    of_two_administrators_who_go_at_once_one_stays,
    a_user_leaves_and_removes_nobody_else,
    what_a_removed_member_made_stays_and_is_listed,
    a_removed_member_is_locked_out_at_once,
    members_are_listed_for_those_who_may_know,
    what_is_done_to_members_is_noted,
);

const MANAGE: &str = "/unstract/acme/api/v2";
const MEMBERS: &str = "/unstract/acme/api/v2/members/";
const INVITATIONS: &str = "/unstract/acme/api/v2/invitations/";

/// Invites `email` into `acme`; what was answered.
async fn invite(admin: &Caller, email: &str, role: &str) -> Answer {
    admin.post(MEMBERS, json!({"email": email, "role": role})).await
}

async fn the_last_administrator_stays(app: TestApp) {
    let admin = app.admin().await;
    let own = format!("{MEMBERS}{}/", admin.user_id().await);
    let told = admin.delete(&own).await.refused(409, "last_admin");
    assert!(told["detail"].as_str().unwrap().contains("first"), "{told}");
    admin.patch(&own, json!({"role": "user"})).await.refused(409, "last_admin");
    admin.patch(&own, json!({"role": "admin"})).await.ok();
    let ada = app.given_member("ada", "admin").await;
    let theirs = format!("{MEMBERS}{}/", ada.user_id().await);
    admin.patch(&theirs, json!({"role": "owner"})).await.faults("invalid_value");
    assert_eq!(admin.patch(&own, json!({"role": "user"})).await.ok()["role"], "user");
    ada.delete(&theirs).await.refused(409, "last_admin");
    admin.delete(&own).await.ok();
    let nobody = format!("{MEMBERS}00000000-0000-7000-8000-000000000000/");
    ada.delete(&nobody).await.refused(404, "not_found");
    ada.patch(&nobody, json!({"role": "user"})).await.refused(404, "not_found");
    ada.delete(&format!("{MEMBERS}x/")).await.refused(404, "not_found");
}

async fn of_two_administrators_who_go_at_once_one_stays(app: TestApp) {
    let ada = app.given_member("ada", "admin").await;
    let admin = app.admin().await;
    let second = app.another_server().await;
    let own = [
        format!("{MEMBERS}{}/", admin.user_id().await),
        format!("{MEMBERS}{}/", ada.user_id().await),
    ];
    let first = {
        let (admin, own) = (admin.clone(), own[0].clone());
        spawn(async move { admin.delete(&own).await.status })
    };
    let other = {
        let (ada, own) = (ada.towards(&second), own[1].clone());
        spawn(async move { ada.delete(&own).await.status })
    };
    let mut statuses = [first.await.unwrap(), other.await.unwrap()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
}

async fn a_user_leaves_and_removes_nobody_else(app: TestApp) {
    let (ada, bob) = (app.given_member("ada", "user").await, app.given_member("bob", "user").await);
    let bobs = format!("{MEMBERS}{}/", bob.user_id().await);
    let own = format!("{MEMBERS}{}/", ada.user_id().await);
    ada.delete(&bobs).await.refused(403, "admin_required");
    ada.patch(&own, json!({"role": "admin"})).await.refused(403, "admin_required");
    ada.get(MEMBERS).await.refused(403, "admin_required");
    ada.get(INVITATIONS).await.refused(403, "admin_required");
    invite(&ada, "eve@acme.example", "admin").await.refused(403, "admin_required");
    let left = ada.delete(&own).await.ok();
    assert_eq!(left["made"], json!({"workflows": 0, "deployments": 0, "keys": 0}));
    // The account stays, and belongs nowhere.
    assert_eq!(ada.get("/v1/session").await.ok()["organizations"], json!([]));
    ada.get("/v1/whoami").await.refused(400, "organization_required");
    app.stranger().log_in("ada", PASSWORD).await;
    // Whoever left may come again.
    let created = invite(&app.admin().await, "ada@acme.example", "user").await.created();
    ada.post("/v1/invitations/accept", json!({"token": created["token"]})).await.ok();
    ada.get(&format!("{MANAGE}/workflow/")).await.ok();
}

async fn what_a_removed_member_made_stays_and_is_listed(app: TestApp) {
    let others = app.given_deployment("others").await;
    let ada = app.given_member("ada", "user").await;
    let id = ada.user_id().await;
    let workflow =
        json!({"name": "w", "definition": {"steps": [{"id": "a", "tool": "passthrough"}]}});
    let workflow = ada.post(&format!("{MANAGE}/workflow/"), workflow).await.created();
    let deployment = json!({"workflow": workflow["id"], "api_name": "adas"});
    let deployment = ada.post(&format!("{MANAGE}/api-deployment/"), deployment).await.created();
    let admin = app.admin().await;
    let removed = admin.delete(&format!("{MEMBERS}{id}/")).await.ok();
    assert_eq!(
        removed,
        json!({"user_id": id, "username": "ada",
        "made": {"workflows": 1, "deployments": 1, "keys": 1}})
    );
    for (list, made) in [("workflow", &workflow["id"]), ("api-deployment", &deployment["id"])] {
        let listed = admin.get(&format!("{MANAGE}/{list}/?created_by={id}")).await.ok();
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed}");
        assert_eq!(&listed["items"][0]["id"], made);
        admin
            .get(&format!("{MANAGE}/{list}/?created_by=x"))
            .await
            .refused(400, "invalid_parameter");
        let all = admin.get(&format!("{MANAGE}/{list}/")).await.ok();
        assert_eq!(all["items"].as_array().map(Vec::len), Some(2));
    }
    let keys = format!(
        "{MANAGE}/api-deployment/{}/keys/?created_by={id}",
        deployment["id"].as_str().unwrap()
    );
    assert_eq!(admin.get(&keys).await.ok()["items"].as_array().map(Vec::len), Some(1));
    // It goes on working.
    let call = format!("/deployment/{}/?wait=20", deployment["id"].as_str().unwrap());
    let key = deployment["api_key"].as_str().unwrap();
    app.with(key).post(&call, json!(1)).await.ok();
    drop(others);
}

async fn a_removed_member_is_locked_out_at_once(app: TestApp) {
    app.given_organization("other");
    let ada = app.given_member("ada", "admin").await;
    let elsewhere = ada.clone().towards(&app.another_server().await);
    for caller in [&ada, &elsewhere] {
        caller.get(MEMBERS).await.ok();
    }
    let address = format!("{MEMBERS}{}/", ada.user_id().await);
    app.admin().await.delete(&address).await.ok();
    for caller in [&ada, &elsewhere] {
        caller.get(MEMBERS).await.refused(404, "not_found");
        invite(caller, "eve@acme.example", "admin").await.refused(404, "not_found");
        let named = caller.clone().header("x-organization-id", "acme");
        named.get("/v1/whoami").await.refused(403, "organization_mismatch");
    }
}

async fn members_are_listed_for_those_who_may_know(app: TestApp) {
    app.given_member("ada", "user").await;
    let listed = app.admin().await.get(MEMBERS).await.ok();
    let of = |member: &Value| {
        [member["username"].clone(), member["role"].clone(), member["since"].clone()]
    };
    let rows: Vec<_> = listed["items"].as_array().unwrap().iter().map(of).collect();
    assert_eq!(rows.len(), 2);
    assert!(rows.contains(&["acme-admin", "admin", "2026-11-21T00:00:00.000Z"].map(Value::from)));
    assert!(rows.contains(&["ada", "user", "2026-11-21T00:00:00.000Z"].map(Value::from)));
    let first = app.platform().get(&format!("{MEMBERS}?limit=1")).await.ok();
    let next = format!("{MEMBERS}?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    let second = app.platform().get(&next).await.ok();
    assert_eq!(second["next_cursor"], Value::Null);
    assert_ne!(first["items"], second["items"]);
    let scopes = json!({"name": "root", "scopes": ["admin"]});
    let key = app.platform().post("/v1/api-keys", scopes).await.created();
    let root = app.with(key["key"].as_str().unwrap());
    root.get(MEMBERS).await.ok();
    root.get(INVITATIONS).await.ok();
    for key in [app.platform(), root] {
        invite(&key, "eve@acme.example", "user").await.refused(403, "admin_required");
        let one = format!("{MEMBERS}{}/", listed["items"][0]["user_id"].as_str().unwrap());
        key.patch(&one, json!({"role": "user"})).await.refused(403, "admin_required");
        key.delete(&one).await.refused(403, "admin_required");
    }
}

async fn what_is_done_to_members_is_noted(app: TestApp) {
    let admin = app.admin().await;
    let ada = app.given_member("ada", "user").await;
    let address = format!("{MEMBERS}{}/", ada.user_id().await);
    admin.patch(&address, json!({"role": "admin"})).await.ok();
    admin.patch(&address, json!({"role": "admin"})).await.ok();
    let bob = app.given_member("bob", "user").await;
    bob.delete(&format!("{MEMBERS}{}/", bob.user_id().await)).await.ok();
    admin.delete(&address).await.ok();
    invite(&admin, "eve@acme.example", "user").await.created();
    let open = invite(&admin, "eve@acme.example", "user").await.created();
    admin.delete(&format!("{INVITATIONS}{}/", open["id"].as_str().unwrap())).await.no_content();
    let listed = admin.get(&format!("{MANAGE}/audit/")).await.ok();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |entry: &Value| {
        [&entry["action"], &entry["actor"]["name"], &entry["subject"]["name"]].map(text)
    };
    let mut told: Vec<_> = listed["items"].as_array().unwrap().iter().map(of).collect();
    told.sort();
    let expected = [
        ["invitation.withdrawn", "acme-admin", "eve@acme.example"],
        ["invitation.withdrawn", "acme-admin", "eve@acme.example"],
        ["member.invited", "acme-admin", "ada@acme.example"],
        ["member.invited", "acme-admin", "bob@acme.example"],
        ["member.invited", "acme-admin", "eve@acme.example"],
        ["member.invited", "acme-admin", "eve@acme.example"],
        ["member.joined", "ada", "ada"],
        ["member.joined", "bob", "bob"],
        ["member.left", "bob", "bob"],
        ["member.removed", "acme-admin", "ada"],
        ["member.role_changed", "acme-admin", "ada"],
        ["organization.created", "", "acme"],
    ];
    assert_eq!(told, expected.map(|row| row.map(str::to_owned)));
}
