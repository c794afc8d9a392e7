//! What is noted of what callers do, and who may read it.

use serde_json::{Value, json};
use test_support::{
    app::{Caller, TestApp},
    databases::Database,
};

use crate::process::Settings;

const AUDIT: &str = "/unstract/acme/api/v2/audit/";
/// Ids ascend with time, and within one moment are in no order.
const MOMENT: std::time::Duration = std::time::Duration::from_secs(1);
const KEYS: &str = "/unstract/acme/api/v2/platform-keys/";

on_both_databases!(
    every_kind_of_change_leaves_its_entry,
    an_entry_tells_who_what_on_what_from_where_and_in_which_request,
    no_secret_is_noted,
    refusals_of_known_callers_are_counted_and_unknown_ones_leave_nothing,
    a_right_key_that_is_refused_is_noted,
    only_who_administers_the_organization_reads_it,
    entries_are_filtered_and_paged,
    entries_are_a_table_for_those_who_ask_for_one,
);

/// All entries, oldest first.
async fn entries(app: &TestApp) -> Vec<Value> {
    let listed = app.platform().get(&format!("{AUDIT}?limit=200")).await.ok();
    let mut items = listed["items"].as_array().expect("items").clone();
    items.reverse();
    items
}

fn text<'a>(entry: &'a Value, name: &str) -> &'a str {
    entry[name].as_str().unwrap_or_else(|| panic!("{name} in {entry}"))
}

/// Changes everything that can be changed.
async fn change_everything(app: &TestApp) {
    let (platform, admin) = (app.platform(), app.admin().await);
    let deployed = app.given_deployment("orders").await;
    let workflow = entries(app).await.into_iter().find(|one| one["action"] == "workflow.created");
    let workflow = workflow.expect("an entry")["subject"]["id"].as_str().expect("an id").to_owned();
    let workflow = format!("/unstract/acme/api/v2/workflow/{workflow}/");
    platform.patch(&workflow, json!({"name": "renamed"})).await.ok();
    let deployment = format!("/unstract/acme/api/v2/api-deployment/{}/", deployed.id);
    platform.patch(&deployment, json!({"display_name": "Orders"})).await.ok();
    let keys = format!("{deployment}keys/");
    let key = platform.post(&keys, json!({"description": "shop"})).await.created();
    let key = format!("{keys}{}/", text(&key, "id"));
    platform.patch(&key, json!({"description": "the shop"})).await.ok();
    platform.post_nothing(&format!("{key}rotate/")).await.ok();
    platform.post(&format!("{key}revoke/"), json!({"reason": "leaked"})).await.ok();
    platform.delete(&key).await.no_content();
    platform.delete(&deployment).await.no_content();
    platform.delete(&workflow).await.no_content();
    let own = platform.post("/v1/api-keys", json!({"name": "billing"})).await.created();
    platform.delete(&format!("/v1/api-keys/{}", text(&own, "id"))).await.no_content();
    let second = admin.post_nothing(KEYS).await.created();
    let second = format!("{KEYS}{}/", text(&second, "id"));
    admin.post_nothing(&format!("{second}refresh/")).await.ok();
    admin.patch(&second, json!({"is_active": true})).await.ok();
    admin.patch(&second, json!({"is_active": false})).await.ok();
    admin.delete(&second).await.no_content();
}

async fn every_kind_of_change_leaves_its_entry(app: TestApp) {
    change_everything(&app).await;
    let listed = app.admin().await.get(&format!("{AUDIT}?limit=200")).await.ok();
    let items = listed["items"].as_array().expect("items").clone();
    let mut seen: Vec<[&str; 4]> = items
        .iter()
        .map(|one| {
            let (actor, subject) = (&one["actor"], &one["subject"]);
            [text(one, "action"), text(subject, "kind"), text(subject, "name"), text(actor, "name")]
        })
        .collect();
    seen.sort_unstable();
    let (platform, admin) = ("Key #1", "acme-admin");
    let mut expected = vec![
        ["organization.created", "organization", "acme", ""],
        ["workflow.created", "workflow", "orders", platform],
        ["workflow.changed", "workflow", "renamed", platform],
        ["workflow.deleted", "workflow", "renamed", platform],
        ["deployment.created", "deployment", "orders", platform],
        ["deployment.changed", "deployment", "orders", platform],
        ["deployment.deleted", "deployment", "orders", platform],
        ["key.created", "deployment_key", "First key of orders", platform],
        ["key.created", "deployment_key", "shop", platform],
        ["key.changed", "deployment_key", "the shop", platform],
        ["key.rotated", "deployment_key", "the shop", platform],
        ["key.revoked", "deployment_key", "the shop", platform],
        ["key.deleted", "deployment_key", "the shop", platform],
        ["key.created", "organization_key", "billing", platform],
        ["key.deleted", "organization_key", "billing", platform],
        ["platform_key.created", "platform_key", "Key #2", admin],
        ["platform_key.refreshed", "platform_key", "Key #2", admin],
        ["platform_key.activated", "platform_key", "Key #2", admin],
        ["platform_key.deactivated", "platform_key", "Key #2", admin],
        ["platform_key.deleted", "platform_key", "Key #2", admin],
    ];
    expected.sort_unstable();
    assert_eq!(seen, expected);
}

async fn an_entry_tells_who_what_on_what_from_where_and_in_which_request(app: TestApp) {
    let admin = app.admin().await.header("x-request-id", "the-request");
    let made = admin.post("/v1/api-keys", json!({"name": "billing"})).await.created();
    let revoke = format!("/v1/api-keys/{}/revoke", text(&made, "id"));
    admin.post(&revoke, json!({"reason": "no longer needed"})).await.ok();
    let who = admin.get("/v1/session").await.ok();
    let listed = admin.get(&format!("{AUDIT}?action=key.revoked")).await.ok();
    let mut entry = listed["items"][0].clone();
    assert!(entry["id"].as_str().is_some_and(|id| id.len() == 36), "{entry}");
    entry.as_object_mut().expect("an object").remove("id");
    let expected = json!({
        "at": "2026-11-21T00:00:00.000Z",
        "action": "key.revoked",
        "actor": {"kind": "user", "id": who["user"]["id"], "name": "acme-admin"},
        "subject": {"kind": "organization_key", "id": made["id"], "name": "billing"},
        "reason": "no longer needed",
        "occurrences": 1,
        "address": "127.0.0.1",
        "request_id": "the-request",
    });
    assert_eq!(entry, expected);
}

async fn no_secret_is_noted(app: TestApp) {
    let platform = app.platform();
    let deployed = app.given_deployment("orders").await;
    let key = platform.post("/v1/api-keys", json!({"name": "billing"})).await.created();
    let rotated = format!("/v1/api-keys/{}/rotate", text(&key, "id"));
    let rotated = platform.post_nothing(&rotated).await.ok();
    app.with(&deployed.key).get(AUDIT).await.refused(403, "key_kind_not_allowed");
    app.with(&deployed.key).get(&format!("/deployment/{}/status/x", deployed.key)).await;
    app.note_refusals();
    let all = platform.get(&format!("{AUDIT}?limit=200")).await.text;
    for secret in [app.platform_key(), &deployed.key, text(&key, "key"), text(&rotated, "key")] {
        assert!(!all.contains(secret) && !all.contains(&secret[secret.len() - 12..]), "{all}");
    }
}

async fn refusals_of_known_callers_are_counted_and_unknown_ones_leave_nothing(app: TestApp) {
    let deployed = app.given_deployment("orders").await;
    for _ in 0..3 {
        app.with(&deployed.key).get(KEYS).await.refused(403, "admin_required");
    }
    app.with(&deployed.key).get(AUDIT).await.refused(403, "key_kind_not_allowed");
    // A use case may refuse what the permission allows.
    let two = app.admin().await.post_nothing(KEYS).await.created();
    let other = format!("{KEYS}{}/refresh/", text(&two, "id"));
    app.platform().post_nothing(&other).await.refused(403, "admin_required");
    // Somebody who asks for what another organization has.
    let foreign = app.given_organization("other");
    app.with(&foreign).get(AUDIT).await.refused(404, "not_found");
    for stranger in [app.stranger(), app.with("unst_unknown"), app.with(&"x".repeat(40))] {
        assert_eq!(stranger.get(KEYS).await.status, 401);
    }
    app.platform().get("/unstract/acme/api/v2/workflow/00000000-0000-7000-8000-000000000000").await;
    app.note_refusals();
    let new = entries(&app).await;
    let mut refused: Vec<_> = new
        .iter()
        .filter(|one| one["action"] == "refused")
        .map(|one| {
            let operation = &one["subject"]["name"];
            (text(one, "reason"), operation.as_str().expect("a name"), one["occurrences"].clone())
        })
        .collect();
    refused.sort_by_key(|row| (row.0, row.1));
    let keys = "/unstract/{org_id}/api/v2/platform-keys";
    assert_eq!(
        refused,
        [
            ("admin_required", format!("GET {keys}").as_str(), json!(3)),
            ("admin_required", format!("POST {keys}/{{id}}/refresh").as_str(), json!(1)),
            ("key_kind_not_allowed", "GET /unstract/{org_id}/api/v2/audit", json!(1)),
        ]
    );
    let by_key = new.iter().find(|one| one["reason"] == "key_kind_not_allowed").expect("an entry");
    assert_eq!(by_key["actor"]["kind"], "deployment_key");
    assert_eq!(
        (&by_key["actor"]["id"], &by_key["address"]),
        (&json!(deployed.key_id), &json!("127.0.0.1"))
    );
    let listed = app.with(&foreign).get("/unstract/other/api/v2/audit/?action=refused").await.ok();
    assert_eq!(listed["items"][0]["reason"], "not_found");
}

async fn a_right_key_that_is_refused_is_noted(app: TestApp) {
    let key = app.platform().post("/v1/api-keys", json!({"name": "billing"})).await.created();
    let revoke = format!("/v1/api-keys/{}/revoke", text(&key, "id"));
    app.platform().post_nothing(&revoke).await.ok();
    app.clock.advance(MOMENT);
    for _ in 0..2 {
        app.with(text(&key, "key")).get("/v1/whoami").await.refused(401, "key_revoked");
    }
    app.note_refusals();
    let entry = entries(&app).await.pop().expect("an entry");
    assert_eq!((text(&entry, "action"), text(&entry, "reason")), ("refused", "key_revoked"));
    assert_eq!((&entry["actor"]["id"], &entry["occurrences"]), (&key["id"], &json!(2)));
    assert_eq!(entry["subject"]["name"], "GET /v1/whoami");
}

async fn only_who_administers_the_organization_reads_it(app: TestApp) {
    let deployed = app.given_deployment("orders").await;
    let key = |scope: &'static str| {
        let platform = app.platform();
        async move {
            let wanted = json!({"name": format!("with-{scope}"), "scopes": [scope]});
            platform.post("/v1/api-keys", wanted).await.created()
        }
    };
    let (weak, strong) = (key("orders:read").await, key("admin").await);
    app.with(&deployed.key).get(AUDIT).await.refused(403, "key_kind_not_allowed");
    app.with(text(&weak, "key")).get(AUDIT).await.refused(403, "insufficient_scope");
    app.stranger().get(AUDIT).await.refused(401, "missing_credential");
    app.with(text(&strong, "key")).get(AUDIT).await.ok();
    app.admin().await.get(AUDIT).await.ok();
    app.user().await.get(AUDIT).await.refused(403, "admin_required");
}

async fn entries_are_filtered_and_paged(app: TestApp) {
    app.given_deployment("orders").await;
    app.clock.advance(60 * MOMENT);
    app.admin().await.post("/v1/api-keys", json!({"name": "billing"})).await.created();
    let platform = app.platform();
    let count = async |query: &str| {
        let listed = platform.get(&format!("{AUDIT}?{query}")).await.ok();
        listed["items"].as_array().expect("items").len()
    };
    assert_eq!(count("").await, 5);
    assert_eq!(count("action=key.created").await, 2);
    assert_eq!(count("action=key.created&actor=acme-admin").await, 1);
    let id = entries(&app).await.pop().expect("an entry")["actor"]["id"].clone();
    assert_eq!(count(&format!("actor={}", id.as_str().expect("an id"))).await, 1);
    assert_eq!(count("from=2026-11-21T00:01:00Z").await, 1);
    assert_eq!(count("to=2026-11-21T00:01:00Z").await, 4);
    assert_eq!(count("from=2026-11-21T00:00:00Z&to=2026-11-21T01:01:00%2B01:00").await, 4);
    for query in ["action=nothing", "from=yesterday", "to=1", "limit=0", "cursor=x"] {
        platform.get(&format!("{AUDIT}?{query}")).await.refused(400, "invalid_parameter");
    }
    let first = platform.get(&format!("{AUDIT}?limit=3")).await.ok();
    let cursor = text(&first, "next_cursor");
    let second = platform.get(&format!("{AUDIT}?limit=3&cursor={cursor}")).await.ok();
    assert_eq!(second["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(second["next_cursor"], Value::Null);
}

async fn entries_are_a_table_for_those_who_ask_for_one(app: TestApp) {
    let name = "=HYPERLINK(\"http://evil.example\",\"a\")";
    let workflow =
        json!({"name": name, "definition": {"steps": [{"id": "a", "tool": "passthrough"}]}});
    app.clock.advance(MOMENT);
    app.platform().post("/unstract/acme/api/v2/workflow/", workflow).await.created();
    let caller = app.platform().header("accept", "text/csv");
    let answer = caller.get(&format!("{AUDIT}?limit=1")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/csv; charset=utf-8"));
    let lines: Vec<&str> = answer.text.split("\r\n").collect();
    assert!(lines[0].starts_with("id,at,action,actor_kind,"), "{lines:?}");
    assert!(
        lines[1].contains(",2026-11-21T00:00:01.000Z,workflow.created,platform_key,"),
        "{lines:?}"
    );
    let guarded = "\"'=HYPERLINK(\"\"http://evil.example\"\",\"\"a\"\")\"";
    assert!(lines[1].contains(guarded), "{lines:?}");
    let cursor = answer.header("x-next-cursor");
    let rest = caller.get(&format!("{AUDIT}?cursor={cursor}")).await;
    assert!(rest.text.contains("organization.created") && rest.header("x-next-cursor").is_empty());
}

/// A server, with something done on it, and stopped again: everything is sealed then.
async fn served(database: &Database) -> Settings {
    let settings = Settings::over(database);
    let (key, _) = settings.given_organization("acme");
    let server = settings.serve(&["--migrate"]);
    let platform = Caller::new(&server.base).bearer(&key);
    for name in ["a", "b", "c"] {
        platform.post("/v1/api-keys", json!({"name": name})).await.created();
    }
    platform.get(KEYS).await.refused(403, "admin_required");
    server.terminate_and_read();
    settings
}

#[actix_web::test]
async fn a_stopped_server_leaves_everything_sealed_and_verify_tells_it() {
    for database in [Database::sqlite(), Database::postgres()] {
        drop(database.open());
        let settings = served(&database).await;
        let report = settings.json(&["audit", "verify", "--json"]);
        assert_eq!((&report["verified"], &report["broken"]), (&json!(5), &Value::Null));
        let chain = &report["organizations"][0];
        assert_eq!((&chain["organization"], &chain["unsealed"]), (&json!("acme"), &json!(0)));
        assert_eq!(chain["head"]["seq"], 5);
        let output = settings.run(&["audit", "verify", "--organization", "acme"]);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(stdout, "acme: 5 entries verified, 0 not sealed yet\n");
        let nobody = settings.run(&["audit", "verify", "--organization", "nobody"]);
        assert_eq!(nobody.status.code(), Some(1));
    }
}

#[actix_web::test]
async fn verify_ends_with_one_at_the_first_break_and_names_the_place() {
    for database in [Database::sqlite(), Database::postgres()] {
        drop(database.open());
        let settings = served(&database).await;
        database.execute("UPDATE audit_entries SET subject_name = 'x' WHERE seq = 3");
        let output = settings.run(&["audit", "verify", "--json"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let broken = &report["broken"];
        assert_eq!((&broken["organization"], &broken["seq"]), (&json!("acme"), &json!(3)));
        assert_eq!((&broken["kind"], text(broken, "entry_id").len()), (&json!("row changed"), 36));
        database.execute("DELETE FROM audit_entries WHERE seq >= 2");
        let output = settings.run(&["audit", "verify"]);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(
            (output.status.code(), stdout.as_str()),
            (Some(1), "acme: broken at 2: tail cut\n")
        );
    }
}

#[test]
fn verify_makes_no_database_and_needs_the_pepper() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("keywright.db");
    let settings = Settings::of(&format!("sqlite://{}", path.to_str().expect("UTF-8")));
    assert_eq!(settings.run(&["audit", "verify"]).status.code(), Some(4));
    assert!(!path.exists());
    settings.given_organization("acme");
    let bare = settings.without("SECRETS__PEPPER");
    assert_eq!(bare.run(&["audit", "verify"]).status.code(), Some(3));
    assert!(!path.with_extension("pepper").exists());
}
