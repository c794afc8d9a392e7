//! The console's pages about workflows and executions.

use serde_json::json;
use test_support::app::{Caller, TestApp};

on_both_databases!(
    a_definition_is_wrong_beside_the_lines_where_it_is,
    validating_saves_nothing_and_saving_makes_a_version,
    a_test_run_shows_what_came_of_it_here_and_among_the_executions,
    a_run_under_way_is_followed_and_can_be_stopped,
    a_workflow_that_is_deployed_is_not_deleted_by_its_page,
    what_is_shared_is_seen_and_not_changed,
    a_schedule_is_set_and_removed,
    pages_tell_a_browser_to_trust_nothing_but_them,
);

const ECHO: &str = r#"{"steps": [{"id": "echo", "tool": "passthrough"}]}"#;

/// What stands between the first `before` and the next `after`.
#[track_caller]
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("{before} is not in {text}")).1;
    rest.split_once(after).unwrap_or_else(|| panic!("{after} is not in {rest}")).0
}

/// The address of a workflow that was just made on its page.
async fn given_workflow(admin: &Caller, definition: &str) -> String {
    let fields = [("name", "Orders"), ("workflow_type", "TASK"), ("definition", definition)];
    let page = admin.fill_in("/acme/workflows/new", &fields).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text.contains("The workflow is created"), "{}", page.text);
    let id = between(&page.text, "/acme/deployments/new?workflow=", "\"");
    format!("/acme/workflows/{id}")
}

async fn a_definition_is_wrong_beside_the_lines_where_it_is(app: TestApp) {
    let admin = app.admin().await;
    let wrong =
        "{\n \"steps\": [\n  {\"id\": \"a\", \"tool\": \"<nope>\"},\n  {\"id\": \"b\"}\n ]\n}";
    let fields = [("name", "<Orders>"), ("workflow_type", "TASK"), ("definition", wrong)];
    let page = admin.fill_in("/acme/workflows/new", &fields).await;
    assert_eq!(page.status, 422, "{page:?}");
    // What was typed is kept, and is text.
    assert!(page.text.contains("value=\"&lt;Orders&gt;\""), "{}", page.text);
    assert!(page.text.contains("&quot;tool&quot;: &quot;&lt;nope&gt;&quot;"), "{}", page.text);
    assert!(
        page.text.contains(">Line 3</a>") && page.text.contains(">Line 4</a>"),
        "{}",
        page.text
    );
    let broken =
        [("name", "Orders"), ("workflow_type", "TASK"), ("definition", "{\n\"steps\": [}")];
    let page = admin.fill_in("/acme/workflows/new", &broken).await;
    assert_eq!(page.status, 400, "{page:?}");
    assert!(page.text.contains("not valid JSON (line 2, column"), "{}", page.text);
}

async fn validating_saves_nothing_and_saving_makes_a_version(app: TestApp) {
    let admin = app.admin().await;
    let here = given_workflow(&admin, ECHO).await;
    let another = r#"{"steps": [{"id": "other", "tool": "passthrough"}]}"#;
    let fields = |what| [("name", "Orders"), ("definition", another), ("do", what)];
    let checked = admin.fill_in(&here, &fields("validate")).await;
    assert!(checked.text.contains("Nothing was saved"), "{}", checked.text);
    assert!(checked.text.contains("&quot;other&quot;"), "{}", checked.text);
    let page = admin.look(&here).await;
    assert!(
        page.text.contains("Version 1,") && page.text.contains("&quot;echo&quot;"),
        "{}",
        page.text
    );
    let saved = admin.fill_in(&here, &fields("save")).await;
    assert!(saved.text.contains("Version 2,") && saved.text.contains("Saved."), "{}", saved.text);
}

async fn a_test_run_shows_what_came_of_it_here_and_among_the_executions(app: TestApp) {
    let admin = app.admin().await;
    let here = given_workflow(&admin, ECHO).await;
    let input = r#"{"marker": "<b>7c1f</b>"}"#;
    let run = admin.fill_in(&format!("{here}/run"), &[("input_data", input)]).await;
    assert_eq!(run.status, 200, "{run:?}");
    let id = between(&run.text, "/acme/executions/", "\"").to_owned();
    let mut page = admin.look(&format!("/acme/executions/{id}")).await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while page.text.contains("data-live=") {
        assert!(std::time::Instant::now() < deadline, "{}", page.text);
        page = admin.look(&format!("/acme/executions/{id}")).await;
    }
    assert!(
        page.text.contains("Completed") && page.text.contains("&lt;b&gt;7c1f&lt;/b&gt;"),
        "{}",
        page.text
    );
    let list = admin.look("/acme/executions?status=COMPLETED&trigger=TEST").await;
    assert!(list.text.contains(&id), "{}", list.text);
    let none = admin.look("/acme/executions?status=ERROR").await;
    assert!(none.text.contains("No execution is like that"), "{}", none.text);
    let nonsense = admin.look("/acme/executions?deployment=<x>&from=yesterday").await;
    assert_eq!(nonsense.status, 200);
    assert!(nonsense.text.contains("must be an id"), "{}", nonsense.text);
}

async fn a_run_under_way_is_followed_and_can_be_stopped(app: TestApp) {
    let admin = app.admin().await;
    let slow = r#"{"steps": [{"id": "wait", "tool": "delay", "seconds": 60}]}"#;
    let here = given_workflow(&admin, slow).await;
    let run = admin.fill_in(&format!("{here}/run"), &[("input_data", "1")]).await;
    let id = between(&run.text, "/acme/executions/", "\"").to_owned();
    assert!(run.text.contains(&format!("data-live=\"{here}/run?execution={id}\"")), "{}", run.text);
    let cancel = format!("/acme/executions/{id}/cancel");
    let question = admin.look(&cancel).await;
    assert!(question.text.contains("has no result"), "{}", question.text);
    let stopped = admin.fill_in(&cancel, &[]).await;
    assert!(stopped.text.contains("The execution is stopped"), "{}", stopped.text);
    let again = admin.fill_in(&cancel, &[]).await;
    assert_eq!(again.status, 409, "{again:?}");
}

async fn a_workflow_that_is_deployed_is_not_deleted_by_its_page(app: TestApp) {
    let admin = app.admin().await;
    let here = given_workflow(&admin, ECHO).await;
    let id = here.rsplit('/').next().unwrap();
    let deploy = json!({"workflow": id, "api_name": "orders"});
    app.platform().post("/unstract/acme/api/v2/api-deployment/", deploy).await.created();
    let refused = admin.fill_in(&format!("{here}/delete"), &[]).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    let free = given_workflow(&admin, ECHO).await;
    let gone = admin.fill_in(&format!("{free}/delete"), &[]).await;
    assert!(gone.text.contains("The workflow is deleted"), "{}", gone.text);
    assert_eq!(admin.look(&free).await.status, 404);
}

async fn what_is_shared_is_seen_and_not_changed(app: TestApp) {
    let (admin, user) = (app.admin().await, app.user().await);
    let here = given_workflow(&admin, ECHO).await;
    assert_eq!(user.look(&here).await.status, 404);
    let share = format!("{here}/share");
    let id = user.user_id().await;
    let shared = admin.fill_in(&share, &[("users", &id)]).await;
    assert!(shared.text.contains("whoever is ticked sees it"), "{}", shared.text);
    let page = user.look(&here).await;
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains("shared with you") && !page.text.contains("name=\"definition\""),
        "{}",
        page.text
    );
    let fields = [("name", "Mine"), ("definition", ECHO)];
    assert_eq!(user.fill_in(&here, &fields).await.status, 403);
    assert_eq!(user.look(&share).await.status, 403);
}

async fn a_schedule_is_set_and_removed(app: TestApp) {
    let admin = app.admin().await;
    let here = format!("{}/schedule", given_workflow(&admin, ECHO).await);
    let wrong = admin.fill_in(&here, &[("cron", "at noon"), ("timeout_seconds", "soon")]).await;
    assert_eq!(wrong.status, 422, "{wrong:?}");
    assert!(wrong.text.contains("value=\"at noon\""), "{}", wrong.text);
    let set = admin.fill_in(&here, &[("cron", "0 3 * * *"), ("is_active", "true")]).await;
    assert!(set.text.contains("The schedule is saved"), "{}", set.text);
    assert!(set.text.contains("datetime=\"2026-11-21T03:00:00.000Z\""), "{}", set.text);
    let gone = admin.fill_in(&format!("{here}/remove"), &[]).await;
    assert!(gone.text.contains("The schedule is gone"), "{}", gone.text);
}

async fn pages_tell_a_browser_to_trust_nothing_but_them(app: TestApp) {
    let admin = app.admin().await;
    for path in ["/acme/workflows", "/acme/nothing", "/log-in"] {
        let page = admin.look(path).await;
        let policy = page.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{path}: {policy}"
        );
        assert_eq!(page.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert_eq!(page.header("referrer-policy"), "same-origin", "{path}");
    }
    // A program hears of an unknown address what it hears everywhere.
    let problem = app.stranger().get("/nowhere/at/all").await;
    assert_eq!(problem.header("content-type"), "application/problem+json", "{problem:?}");
}
