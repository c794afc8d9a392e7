//! API deployments in the console, by its forms.

use std::process::Command;

use serde_json::{Value, json};
use test_support::app::{Caller, TestApp};

const DEPLOYMENTS: &str = "/acme/deployments";

on_both_databases!(
    a_workflow_is_deployed_by_a_short_form_and_its_first_key_is_shown_once,
    what_was_typed_is_kept_beside_what_is_wrong_with_it,
    terms_are_changed_by_a_form,
    a_question_names_how_much_would_break,
    whoever_it_is_shared_with_looks_and_changes_nothing,
    a_user_deploys_where_the_organization_lets_them,
    a_form_without_its_token_is_not_believed,
    what_curl_is_told_to_do_works_as_it_is_pasted,
    lists_are_searched_and_teach_the_next_step,
);

async fn given_workflow(caller: &Caller, name: &str) -> String {
    let workflow =
        json!({"name": name, "definition": {"steps": [{"id": "a", "tool": "passthrough"}]}});
    let made = caller.post("/unstract/acme/api/v2/workflow/", workflow).await.created();
    made["id"].as_str().unwrap().to_owned()
}

/// What stands in the form of a new deployment, with its name.
fn form<'a>(workflow: &'a str, api_name: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("workflow", workflow),
        ("api_name", api_name),
        ("rate_limit_per_minute", "100"),
        ("max_concurrent", "20"),
        ("timeout_seconds", "300"),
        ("max_body_bytes", "10485760"),
        ("max_file_bytes", "104857600"),
    ]
}

/// The same with another value.
fn with<'a>(form: &[(&'a str, &'a str)], name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let others = form.iter().filter(|(field, _)| *field != name).copied();
    others.chain([(name, value)]).collect()
}

async fn read(app: &TestApp, id: &str) -> Value {
    app.platform().get(&format!("/unstract/acme/api/v2/api-deployment/{id}/")).await.ok()
}

async fn a_workflow_is_deployed_by_a_short_form_and_its_first_key_is_shown_once(app: TestApp) {
    let admin = app.admin().await;
    let workflow = given_workflow(&admin, "Invoice totals (2)").await;
    let page = admin.look(&format!("{DEPLOYMENTS}/new?workflow={workflow}")).await;
    assert!(page.shown(200).contains("value=\"invoice-totals-2\""), "a name is proposed");
    let made = admin.fill_in(&format!("{DEPLOYMENTS}/new"), &form(&workflow, "invoices")).await;
    made.shown(200);
    let key = made.secret();
    let listed = app.platform().get("/unstract/acme/api/v2/api-deployment/").await.ok();
    let id = listed["items"][0]["id"].as_str().unwrap();
    let called = app.with(&key).post(&format!("/deployment/{id}/?wait=30"), json!({"a": 1})).await;
    assert_eq!(called.ok()["result"], json!({"a": 1}));
    for path in ["", &format!("/{id}"), &format!("/{id}/keys"), &format!("/{id}/settings")] {
        let page = admin.look(&format!("{DEPLOYMENTS}{path}")).await;
        assert!(!page.shown(200).contains(&key), "a key is shown once: {path}");
    }
    app.stop().await;
}

async fn what_was_typed_is_kept_beside_what_is_wrong_with_it(app: TestApp) {
    let admin = app.admin().await;
    let (workflow, new) = (given_workflow(&admin, "w").await, format!("{DEPLOYMENTS}/new"));
    let good = form(&workflow, "good");
    for (name, value, kept) in [
        ("api_name", "no spaces, \"please\"", "no spaces, &quot;please&quot;"),
        ("timeout_seconds", "an hour", "an hour"),
        ("max_concurrent", "0", "0"),
    ] {
        let answer = admin.fill_in(&new, &with(&good, name, value)).await;
        answer.faulty(422, name, kept);
        assert!(answer.shown(422).contains("value=\"10485760\""), "the others are kept as well");
    }
    let schema = with(&good, "input_schema", "{\"type\": \"nothing\"}");
    let answer = admin.fill_in(&new, &schema).await;
    assert!(answer.shown(422).contains("form-input_schema-fault"), "{answer:?}");
    admin.fill_in(&new, &good).await.secret();
    admin.fill_in(&new, &good).await.faulty(409, "api_name", "good");
    app.stop().await;
}

async fn terms_are_changed_by_a_form(app: TestApp) {
    let (admin, deployment) = (app.admin().await, app.given_deployment("echo").await);
    let settings = format!("{DEPLOYMENTS}/{}/settings", deployment.id);
    assert!(admin.look(&settings).await.shown(200).contains("value=\"echo\""));
    let terms = [
        ("api_name", "echo"),
        ("display_name", "Echo <1>"),
        ("rate_limit_per_minute", ""),
        ("max_concurrent", ""),
        ("timeout_seconds", "7"),
        ("max_body_bytes", "1,024"),
        ("max_file_bytes", "2048"),
        ("ip_allowlist", "10.0.0.0/8\r\n127.0.0.1"),
        ("input_schema", "{\"type\": \"object\"}"),
        ("default_parameters", "{\"a\": 1}"),
        ("shared_results", "true"),
    ];
    let saved = admin.fill_in(&settings, &terms).await;
    assert!(saved.shown(200).contains("Saved") && saved.text.contains("Echo &lt;1&gt;"));
    let after = read(&app, &deployment.id).await;
    let expected = json!({
        "display_name": "Echo <1>", "rate_limit_per_minute": null, "max_concurrent": null, "timeout_seconds": 7,
        "max_body_bytes": 1024, "max_file_bytes": 2048, "ip_allowlist": ["10.0.0.0/8", "127.0.0.1/32"],
        "input_schema": {"type": "object"}, "default_parameters": {"a": 1}, "shared_results": true, "is_active": true
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&after[name], value, "{name}");
    }
    let wrong = admin.fill_in(&settings, &with(&terms, "default_parameters", "[1]")).await;
    assert!(wrong.shown(422).contains("form-default_parameters-fault"), "{wrong:?}");
    assert_eq!(read(&app, &deployment.id).await, after, "a refused form changes nothing");
    app.stop().await;
}

async fn a_question_names_how_much_would_break(app: TestApp) {
    let (admin, deployment) = (app.admin().await, app.given_deployment("echo").await);
    let (page, call) =
        (format!("{DEPLOYMENTS}/{}", deployment.id), format!("/deployment/{}/", deployment.id));
    for _ in 0..2 {
        app.with(&deployment.key).post(&format!("{call}?wait=30"), json!({})).await.ok();
    }
    for deed in ["deactivate", "delete"] {
        let question = admin.look(&format!("{page}/{deed}")).await;
        assert!(question.shown(200).contains("used 2 times in the last day"), "{question:?}");
    }
    admin.fill_in(&format!("{page}/deactivate"), &[]).await.shown(200);
    app.with(&deployment.key).post(&call, json!({})).await.refused(401, "deployment_inactive");
    admin.fill_in(&format!("{page}/activate"), &[]).await.shown(200);
    app.with(&deployment.key).post(&format!("{call}?wait=30"), json!({})).await.ok();
    admin.fill_in(&format!("{page}/delete"), &[]).await.shown(200);
    app.with(&deployment.key).post(&call, json!({})).await.refused(401, "key_revoked");
    admin.look(&page).await.shown(404);
    app.stop().await;
}

async fn whoever_it_is_shared_with_looks_and_changes_nothing(app: TestApp) {
    let (admin, user) = (app.admin().await, app.user().await);
    let deployment = app.given_deployment("echo").await;
    let page = format!("{DEPLOYMENTS}/{}", deployment.id);
    for path in ["", "/keys", "/settings", "/share", "/delete"] {
        user.look(&format!("{page}{path}")).await.shown(404);
    }
    admin.fill_in(&format!("{page}/share"), &[("everyone", "true")]).await.shown(200);
    let seen = user.look(&page).await;
    assert!(seen.shown(200).contains("shared with you") && !seen.text.contains("Manage Keys"));
    let keys = user.look(&format!("{page}/keys")).await;
    assert!(keys.shown(200).contains("First key of echo") && !keys.text.contains(">Revoke<"));
    for path in ["/deactivate", "/delete", "/keys/new"] {
        user.fill_in(&format!("{page}{path}"), &[]).await.shown(403);
    }
    app.stop().await;
}

async fn a_user_deploys_where_the_organization_lets_them(app: TestApp) {
    let (admin, user) = (app.admin().await, app.user().await);
    let (workflow, new) = (given_workflow(&user, "mine").await, format!("{DEPLOYMENTS}/new"));
    user.fill_in(&new, &form(&workflow, "first")).await.secret();
    let theirs = given_workflow(&admin, "theirs").await;
    user.look(&format!("{new}?workflow={theirs}")).await.shown(404);
    let no = json!({"users_may_deploy": false});
    admin.patch("/unstract/acme/api/v2/organization/", no).await.ok();
    user.fill_in(&new, &form(&workflow, "second")).await.shown(403);
    app.stop().await;
}

async fn a_form_without_its_token_is_not_believed(app: TestApp) {
    let (admin, deployment) = (app.admin().await, app.given_deployment("echo").await);
    let delete = format!("{DEPLOYMENTS}/{}/delete", deployment.id);
    let form = "application/x-www-form-urlencoded";
    let admin = admin.header("accept", "text/html");
    admin.post_raw(&delete, form, b"csrf=guessed".to_vec()).await.shown(403);
    admin.post_raw(&delete, form, Vec::new()).await.shown(403);
    read(&app, &deployment.id).await;
    app.stop().await;
}

async fn what_curl_is_told_to_do_works_as_it_is_pasted(app: TestApp) {
    let schema = json!({
        "type": "object", "required": ["it's", "count"],
        "properties": {"it's": {"const": "a \"quoted\" $word"}, "count": {"type": "integer", "minimum": 3}}
    });
    let echo = json!({"steps": [{"id": "echo", "tool": "passthrough"}]});
    let deployment = app.given_deployment_of("echo", echo, json!({"input_schema": schema})).await;
    let page = app.admin().await.look(&format!("{DEPLOYMENTS}/{}", deployment.id)).await;
    page.shown(200);
    let snippets = page.copyable();
    let curl = snippets.iter().find(|text| text.starts_with("KEY=")).expect("a snippet for curl");
    let pasted = curl.replace("YOUR_KEY", &deployment.key);
    let ran = actix_web::web::block(move || Command::new("sh").args(["-c", &pasted]).output());
    let ran = ran.await.unwrap().unwrap();
    let answer: Value = serde_json::from_slice(&ran.stdout).expect("an answer");
    assert_eq!(answer["status"], "COMPLETED", "{curl}\n{answer}");
    assert_eq!(answer["result"], json!({"it's": "a \"quoted\" $word", "count": 3}), "{curl}");
    app.stop().await;
}

async fn lists_are_searched_and_teach_the_next_step(app: TestApp) {
    let admin = app.admin().await;
    let empty = admin.look(DEPLOYMENTS).await;
    assert!(empty.shown(200).contains("No API deployments yet"));
    assert!(empty.text.contains("href=\"/acme/workflows\""), "the next step");
    app.given_deployment("orders").await;
    app.given_deployment("invoices").await;
    let found = admin.look(&format!("{DEPLOYMENTS}?search=ORD")).await;
    assert!(found.shown(200).contains(">orders</a>") && !found.text.contains(">invoices</a>"));
    let none = admin.look(&format!("{DEPLOYMENTS}?search=%3Cb%3E")).await;
    assert!(none.shown(200).contains("value=\"&lt;b&gt;\""), "{none:?}");
    let long = "x".repeat(101);
    admin.look(&format!("{DEPLOYMENTS}?search={long}")).await.shown(400);
    admin.look(&format!("{DEPLOYMENTS}?cursor=nonsense")).await.shown(400);
    app.stop().await;
}
