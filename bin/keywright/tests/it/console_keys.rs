//! Keys in the console: those of a deployment ("Manage Keys") and those of the organization ("API Keys"), by the same forms.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::app::TestApp;

on_both_databases!(
    a_key_is_made_rotated_switched_and_revoked_by_forms,
    what_was_typed_for_a_key_is_kept,
    a_key_of_the_organization_has_the_scopes_that_were_ticked,
    keys_of_the_organization_are_for_administrators,
    a_question_names_how_often_the_key_was_used,
    what_is_not_touched_of_a_key_stays,
    a_key_is_found_below_its_own_deployment_alone,
    a_filter_that_is_none_is_told_and_lists_nothing,
);

/// The keys of the list at `path` of the REST edge.
async fn listed(app: &TestApp, path: &str) -> Vec<Value> {
    app.platform().get(path).await.ok()["items"].as_array().unwrap().clone()
}

fn id_of<'a>(keys: &'a [Value], description: &str) -> &'a str {
    let made = keys.iter().find(|key| key["description"] == description).unwrap();
    made["id"].as_str().unwrap()
}

async fn a_key_is_made_rotated_switched_and_revoked_by_forms(app: TestApp) {
    let (admin, deployment) = (app.admin().await, app.given_deployment("echo").await);
    let keys = format!("/acme/deployments/{}/keys", deployment.id);
    let rest = format!("/unstract/acme/api/v2/api-deployment/{}/keys/", deployment.id);
    let call = format!("/deployment/{}/?wait=30", deployment.id);
    let fields = [("description", "For the <shop>"), ("expires_in_days", "30")];
    let first = admin.fill_in(&format!("{keys}/new"), &fields).await.secret();
    app.with(&first).post(&call, json!({})).await.ok();
    let list = admin.look(&keys).await;
    assert!(list.shown(200).contains("For the &lt;shop&gt;") && !list.text.contains(&first));
    assert!(
        list.text.contains(">Find by description<"),
        "keys of a deployment are searched by it: {list:?}"
    );
    assert!(
        admin.look(&format!("{keys}?done=created")).await.shown(200).contains("The key is made.")
    );
    // By its words: it was made in the same instant as the deployment's first one.
    let key = format!("{keys}/{}", id_of(&listed(&app, &rest).await, "For the <shop>"));
    // Which secret is the older one is told by when they were made.
    let later = || app.clock.advance(Duration::from_secs(1));

    later();
    let rotated = admin.fill_in(&format!("{key}/rotate"), &[("grace_seconds", "3600")]).await;
    let second = rotated.secret();
    assert!(rotated.text.contains("/keys?done=rotated\""), "{rotated:?}");
    assert!(rotated.text.contains("The old secret keeps working until <time"), "{rotated:?}");
    for secret in [&first, &second] {
        app.with(secret).post(&call, json!({})).await.ok();
    }
    assert!(admin.look(&keys).await.shown(200).contains("works until"));
    let again = admin.fill_in(&format!("{key}/rotate"), &[("grace_seconds", "0")]).await;
    assert!(again.shown(409).contains("name=\"force\""), "the way on is offered: {again:?}");
    let forced = [("grace_seconds", "0"), ("force", "true")];
    later();
    let third = admin.fill_in(&format!("{key}/rotate"), &forced).await.secret();
    later();
    app.with(&first).post(&call, json!({})).await.refused(401, "invalid_credential");
    app.with(&second).post(&call, json!({})).await.refused(401, "key_expired");

    admin.fill_in(&format!("{key}/deactivate"), &[]).await.shown(200);
    app.with(&third).post(&call, json!({})).await.refused(401, "key_inactive");
    admin.fill_in(&format!("{key}/activate"), &[]).await.shown(200);
    app.with(&third).post(&call, json!({})).await.ok();
    admin.fill_in(&format!("{key}/revoke"), &[("reason", "lost")]).await.shown(200);
    app.with(&third).post(&call, json!({})).await.refused(401, "key_revoked");
    let page = admin.look(&key).await;
    assert!(page.shown(200).contains("lost") && !page.text.contains(">Rotate<"), "{page:?}");
    admin.fill_in(&format!("{key}/revoke"), &[]).await.shown(409);
    admin.fill_in(&format!("{key}/delete"), &[]).await.shown(200);
    admin.look(&key).await.shown(404);
    app.stop().await;
}

async fn what_was_typed_for_a_key_is_kept(app: TestApp) {
    let (admin, deployment) = (app.admin().await, app.given_deployment("echo").await);
    let new = format!("/acme/deployments/{}/keys/new", deployment.id);
    let typed = [("description", "mine"), ("expires_in_days", "soon")];
    let answer = admin.fill_in(&new, &typed).await;
    answer.faulty(422, "expires_in_days", "soon");
    assert!(answer.text.contains("value=\"mine\""), "{answer:?}");
    for (name, value) in [("expires_in_days", "0"), ("rate_limit_per_minute", "0")] {
        admin.fill_in(&new, &[(name, value)]).await.faulty(422, name, value);
    }
    let network = admin.fill_in(&new, &[("ip_allowlist", "nowhere")]).await;
    assert!(network.shown(422).contains("form-ip_allowlist-fault"), "{network:?}");
    let organization = "/acme/api-keys/new";
    let scope = [("name", "ci"), ("own_scopes", "Orders")];
    let wrong = admin.fill_in(organization, &scope).await;
    assert!(wrong.shown(422).contains("value=\"Orders\""), "{wrong:?}");
    admin.fill_in(organization, &[("name", "ci")]).await.secret();
    admin.fill_in(organization, &[("name", "ci")]).await.faulty(409, "name", "ci");
    app.stop().await;
}

async fn a_key_of_the_organization_has_the_scopes_that_were_ticked(app: TestApp) {
    let admin = app.admin().await;
    let fields = [
        ("name", "ci"),
        ("scopes", "analytics:read"),
        ("scopes", "keys:verify"),
        ("own_scopes", "orders:read, orders:write"),
        ("env", "test"),
        ("format", "checksummed"),
    ];
    let key = admin.fill_in("/acme/api-keys/new", &fields).await.secret();
    assert!(key.starts_with("kw_test_"), "{key}");
    let whoami = app.with(&key).get("/v1/whoami").await.ok();
    let scopes = json!(["analytics:read", "keys:verify", "orders:read", "orders:write"]);
    assert_eq!(whoami["scopes"], scopes);
    let id = listed(&app, "/v1/api-keys").await[0]["id"].as_str().unwrap().to_owned();
    let page = format!("/acme/api-keys/{id}");
    assert!(admin.look(&page).await.shown(200).contains("orders:write"));
    let edit = [("description", "d"), ("own_scopes", "orders:read")];
    admin.fill_in(&format!("{page}/edit"), &edit).await.shown(200);
    let whoami = app.with(&key).get("/v1/whoami").await.ok();
    assert_eq!(whoami["scopes"], json!(["orders:read"]));
    app.stop().await;
}

async fn keys_of_the_organization_are_for_administrators(app: TestApp) {
    let (admin, user) = (app.admin().await, app.user().await);
    admin.fill_in("/acme/api-keys/new", &[("name", "ci")]).await.secret();
    let id = listed(&app, "/v1/api-keys").await[0]["id"].as_str().unwrap().to_owned();
    for path in ["", "/new", &format!("/{id}"), &format!("/{id}/revoke")] {
        let refused = user.look(&format!("/acme/api-keys{path}")).await;
        assert!(refused.shown(403).contains("admin_required"), "{refused:?}");
    }
    user.fill_in(&format!("/acme/api-keys/{id}/delete"), &[]).await.shown(403);
    assert_eq!(listed(&app, "/v1/api-keys").await.len(), 1);
    app.stop().await;
}

async fn a_question_names_how_often_the_key_was_used(app: TestApp) {
    let (admin, deployment) = (app.admin().await, app.given_deployment("echo").await);
    let call = format!("/deployment/{}/?wait=30", deployment.id);
    for _ in 0..3 {
        app.with(&deployment.key).post(&call, json!({})).await.ok();
    }
    let key = format!("/acme/deployments/{}/keys/{}", deployment.id, deployment.key_id);
    for deed in ["rotate", "deactivate", "revoke", "delete"] {
        let question = admin.look(&format!("{key}/{deed}")).await;
        assert!(question.shown(200).contains("used 3 times in the last day"), "{deed}");
        assert!(question.text.contains("data-panel"), "a dialog shows it: {deed}");
    }
    app.stop().await;
}

async fn what_is_not_touched_of_a_key_stays(app: TestApp) {
    let (admin, deployment) = (app.admin().await, app.given_deployment("echo").await);
    let rest = format!(
        "/unstract/acme/api/v2/api-deployment/{}/keys/{}/",
        deployment.id, deployment.key_id
    );
    let edit = format!("/acme/deployments/{}/keys/{}/edit", deployment.id, deployment.key_id);
    let end = "2030-01-02T03:04:05.678Z";
    let before = json!({"expires_at": end, "ip_allowlist": ["127.0.0.0/8"], "is_active": false});
    app.platform().patch(&rest, before).await.ok();
    let fields = [
        ("description", "new"),
        ("expires_at", "2030-01-02T03:04"),
        ("ip_allowlist", "127.0.0.0/8"),
        ("rate_limit_per_minute", "9"),
    ];
    admin.fill_in(&edit, &fields).await.shown(200);
    let after = app.platform().get(&rest).await.ok();
    assert_eq!(after["expires_at"], end, "a field without seconds takes none away");
    assert_eq!((&after["is_active"], &after["description"]), (&json!(false), &json!("new")));
    assert_eq!(after["rate_limit_per_minute"], 9);
    admin.fill_in(&edit, &[("description", "new"), ("expires_at", "")]).await.shown(200);
    let lifted = app.platform().get(&rest).await.ok();
    assert_eq!((&lifted["expires_at"], &lifted["ip_allowlist"]), (&Value::Null, &json!([])));
    app.stop().await;
}

async fn a_key_is_found_below_its_own_deployment_alone(app: TestApp) {
    let admin = app.admin().await;
    let (one, other) = (app.given_deployment("one").await, app.given_deployment("other").await);
    for path in ["", "/rotate", "/revoke", "/delete", "/edit"] {
        let foreign = format!("/acme/deployments/{}/keys/{}{path}", other.id, one.key_id);
        admin.look(&foreign).await.shown(404);
    }
    admin.look(&format!("/acme/api-keys/{}", one.key_id)).await.shown(404);
    let revoke = format!("/acme/deployments/{}/keys/{}/revoke", other.id, one.key_id);
    admin.fill_in(&revoke, &[]).await.shown(404);
    let call = format!("/deployment/{}/?wait=30", one.id);
    app.with(&one.key).post(&call, json!({})).await.ok();
    app.stop().await;
}

async fn a_filter_that_is_none_is_told_and_lists_nothing(app: TestApp) {
    let (admin, deployment) = (app.admin().await, app.given_deployment("echo").await);
    let keys = format!("/acme/deployments/{}/keys", deployment.id);
    let long = "x".repeat(300);
    for (path, listed) in [
        (keys.as_str(), "First key of echo"),
        ("/acme/api-keys", "<tbody"),
        ("/acme/deployments", "<tbody"),
    ] {
        let wrong = admin.look(&format!("{path}?search={long}")).await;
        assert!(wrong.shown(400).contains("filter-search-fault"), "{path}: {wrong:?}");
        assert!(!wrong.text.contains(listed), "{path}: {wrong:?}");
    }
    let wrong = admin.look(&format!("{keys}?revoked=perhaps&search=echo")).await;
    assert!(wrong.shown(400).contains("filter-revoked-fault"), "{wrong:?}");
    assert!(
        wrong.text.contains("value=\"echo\"") && !wrong.text.contains("First key"),
        "{wrong:?}"
    );
    app.stop().await;
}
