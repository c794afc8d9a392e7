//! Usage in the console.

use serde_json::json;
use test_support::app::TestApp;

on_both_databases!(
    calls_are_drawn_and_told_by_deployment_and_by_key,
    a_user_names_a_deployment_that_they_may_see,
    what_cannot_be_asked_is_told_beside_the_filters,
);

async fn calls_are_drawn_and_told_by_deployment_and_by_key(app: TestApp) {
    let (admin, deployment) = (app.admin().await, app.given_deployment("echo").await);
    let call = format!("/deployment/{}/?wait=30", deployment.id);
    for _ in 0..3 {
        app.with(&deployment.key).post(&call, json!({})).await.ok();
    }
    app.with(&deployment.key).get(&format!("/deployment/{}/status/x/", deployment.id)).await;
    for range in ["", "?range=1h", "?range=7d", "?range=30d"] {
        let page = admin.look(&format!("/acme/usage{range}")).await;
        assert!(page.shown(200).contains("class=\"chart\""), "{range}: {page:?}");
        assert!(page.text.contains("First key of echo"), "{range}: {page:?}");
    }
    let sent = admin.look("/acme/usage?range=24h&from=2020-01-01T00:00&to=2020-01-01T01:00").await;
    assert!(sent.shown(200).contains("value=\"own\" selected"), "{sent:?}");
    assert!(!sent.text.contains("First key of echo") && !sent.text.contains("Key id"), "{sent:?}");
    let path = format!("/acme/usage?deployment={}&key_id={}", deployment.id, deployment.key_id);
    let narrowed = admin.look(&path).await;
    assert!(narrowed.shown(200).contains("data-label=\"succeeded\">3</td>"), "{narrowed:?}");
    let link = narrowed.text.split("href=\"").find(|text| text.contains("format=csv")).unwrap();
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    let table = admin.get(&link).await;
    assert!(table.header("content-type").starts_with("text/csv"), "{table:?}");
    let requests = |line: &str| line.split(',').nth(1).and_then(|cell| cell.parse::<u64>().ok());
    assert_eq!(table.text.lines().filter_map(requests).sum::<u64>(), 4, "{table:?}");
    app.stop().await;
}

async fn a_user_names_a_deployment_that_they_may_see(app: TestApp) {
    let (admin, user) = (app.admin().await, app.user().await);
    let deployment = app.given_deployment("echo").await;
    let none = user.look("/acme/usage").await;
    assert!(
        none.shown(200).contains("Nothing to count yet") && !none.text.contains("class=\"chart\"")
    );
    let named = format!("/acme/usage?deployment={}", deployment.id);
    user.look(&named).await.shown(404);
    let share = format!("/acme/deployments/{}/share", deployment.id);
    admin.fill_in(&share, &[("everyone", "true")]).await.shown(200);
    assert!(user.look("/acme/usage").await.shown(200).contains("Choose a deployment"));
    assert!(user.look(&named).await.shown(200).contains("Download as CSV"));
    app.stop().await;
}

async fn what_cannot_be_asked_is_told_beside_the_filters(app: TestApp) {
    let admin = app.admin().await;
    for (query, name) in
        [("range=1y", "range"), ("range=own", "from"), ("key_id=%3Cx%3E", "key_id")]
    {
        let page = admin.look(&format!("/acme/usage?{query}")).await;
        let fault = format!("id=\"filter-{name}-fault\"");
        assert!(page.shown(400).contains(&fault), "{query}: {page:?}");
        assert!(!page.text.contains("<x>"), "{page:?}");
    }
    let backwards = "from=2026-11-21T10:00&to=2026-11-20T10:00";
    assert!(admin.look(&format!("/acme/usage?{backwards}")).await.status >= 400);
    app.stop().await;
}
