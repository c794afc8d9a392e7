//! How much was called, as it is told.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::app::{Caller, GivenDeployment, TestApp};

on_both_databases!(
    every_answer_to_a_key_is_counted_as_what_it_was,
    people_and_unknown_keys_are_not_counted,
    a_deployment_tells_its_calls_and_how_its_runs_ended,
    a_run_that_came_to_nothing_is_a_failure_of_the_call_that_waited_for_it,
    a_cancelled_run_is_counted_for_the_key_that_started_it,
    what_models_read_and_wrote_is_counted,
    keys_that_are_asked_about_are_counted_apart,
    a_request_of_forward_authentication_is_one_of_the_keys,
    buckets_are_whole_dense_and_the_last_24_unless_told,
    minutes_are_summed_up_by_hour_and_day,
    what_cannot_be_asked_is_said,
    usage_is_told_as_a_table_too,
    usage_is_told_to_those_who_may_see_it,
    another_organization_sees_nothing_of_it,
    what_was_used_most_is_told_by_deployment_and_by_key,
    a_user_sees_what_was_used_most_of_a_deployment_that_they_see,
);

const USAGE: &str = "/unstract/acme/api/v2/usage/";
const BREAKDOWN: &str = "/unstract/acme/api/v2/usage/breakdown/";
const KEYS: &str = "/v1/api-keys";

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// A key of the organization with what else is said of it; its secret and its id.
async fn given_key(app: &TestApp, mut terms: Value) -> (String, String) {
    terms["name"] = json!(format!("key {}", next_number()));
    let made = app.admin().await.post(KEYS, terms).await.created();
    (text(&made["key"]).to_owned(), text(&made["id"]).to_owned())
}

/// Names need only differ.
fn next_number() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The last bucket, which must be the same before and after it was stored.
async fn last(app: &TestApp, query: &str) -> Value {
    let reader = app.admin().await;
    let read = async || {
        let mut told = reader.get(&format!("{USAGE}?{query}")).await.ok();
        told["items"].as_array_mut().and_then(Vec::pop).expect("a bucket")
    };
    let before = read().await;
    app.close_minute();
    assert_eq!(read().await, before);
    before
}

async fn call(
    app: &TestApp,
    deployed: &GivenDeployment,
    wait: u32,
) -> test_support::answer::Answer {
    let address = format!("/deployment/{}/?wait={wait}", deployed.id);
    app.with(&deployed.key).post(&address, json!({"order": 1})).await
}

async fn every_answer_to_a_key_is_counted_as_what_it_was(app: TestApp) {
    let (key, id) = given_key(&app, json!({"rate_limit_per_minute": 3})).await;
    let caller = app.with(&key);
    for _ in 0..3 {
        caller.get("/v1/whoami").await.ok();
    }
    for _ in 0..2 {
        caller.get("/v1/whoami").await.refused(429, "rate_limited");
    }
    caller.get("/v1/models").await.refused(403, "insufficient_scope");
    caller.get("/unstract/other/api/v2/usage/").await.refused(404, "not_found");
    caller
        .clone()
        .header("x-organization-id", "other")
        .get("/v1/whoami")
        .await
        .refused(403, "organization_mismatch");
    let address = format!("{KEYS}/{id}");
    app.admin().await.patch(&address, json!({"is_active": false})).await.ok();
    caller.get("/v1/whoami").await.refused(401, "key_inactive");
    let told = last(&app, &format!("key_id={id}")).await;
    let reasons = json!({
        "insufficient_scope": 1, "key_inactive": 1, "not_found": 1, "organization_mismatch": 1,
        "rate_limited": 2
    });
    let expected = json!({
        "start": "2026-11-21T00:00:00.000Z", "requests": 9, "succeeded": 3, "failed": 0,
        "rejected": 6, "rejected_by": reasons, "error_rate": 0.0, "prompt_tokens": 0,
        "completion_tokens": 0, "cost_micros": 0, "executions": {"completed": 0, "failed": 0, "stopped": 0},
        "verifications": 0, "verifications_refused": 0, "execution_ms": null
    });
    assert_eq!(told, expected);
    assert_eq!(last(&app, "").await, expected, "nobody else called");
}

async fn people_and_unknown_keys_are_not_counted(app: TestApp) {
    let admin = app.admin().await;
    admin.get("/v1/whoami").await.ok();
    let unknown = "unst_kJ5-x_8aZ0kJ5-x_8aZ0kJ5-x_8aZ0kJ5-x_8aZ0k";
    app.with(unknown).get("/v1/whoami").await.refused(401, "invalid_credential");
    app.with("no key").get("/v1/whoami").await.refused(401, "invalid_credential");
    app.stranger().get("/v1/whoami").await.refused(401, "missing_credential");
    assert_eq!(last(&app, "").await["requests"], 0);
    app.platform().get("/v1/whoami").await.ok();
    assert_eq!(last(&app, "").await["requests"], 1);
}

async fn a_deployment_tells_its_calls_and_how_its_runs_ended(app: TestApp) {
    let deployed = app.given_deployment("orders").await;
    let other = app.given_deployment("other").await;
    for _ in 0..3 {
        call(&app, &deployed, 10).await.ok();
    }
    call(&app, &other, 10).await.ok();
    app.with(&other.key)
        .get(&format!("/deployment/{}/status/{}/", deployed.id, other.id))
        .await
        .refused(404, "not_found");
    let told = last(&app, &format!("deployment={}", deployed.id)).await;
    assert_eq!((&told["requests"], &told["succeeded"]), (&json!(3), &json!(3)));
    assert_eq!(told["executions"], json!({"completed": 3, "failed": 0, "stopped": 0}));
    assert_eq!(told["execution_ms"], json!({"p50": 0, "p95": 0, "p99": 0, "mean": 0.0}));
    let told = last(&app, &format!("deployment={}", other.id)).await;
    assert_eq!((&told["requests"], &told["rejected_by"]), (&json!(2), &json!({"not_found": 1})));
    // Setting both up was done by the platform key.
    let told = last(&app, "").await;
    assert_eq!((&told["requests"], &told["executions"]["completed"]), (&json!(9), &json!(4)));
    let of_key = |key: &str| format!("deployment={}&key_id={key}", deployed.id);
    let told = last(&app, &of_key(&deployed.key_id)).await;
    assert_eq!((&told["requests"], &told["executions"]["completed"]), (&json!(3), &json!(3)));
    assert_eq!(told["execution_ms"], json!(null), "told of the deployment alone");
    assert_eq!(last(&app, &of_key(&other.key_id)).await["requests"], 0);
}

async fn a_run_that_came_to_nothing_is_a_failure_of_the_call_that_waited_for_it(app: TestApp) {
    let failing = json!({"steps": [{"id": "f", "tool": "transform", "filter": "error(\"no\")"}]});
    let deployed = app.given_deployment_of("orders", failing, json!({})).await;
    call(&app, &deployed, 10).await.refused(422, "execution_failed");
    let told = last(&app, &format!("deployment={}", deployed.id)).await;
    assert_eq!((&told["requests"], &told["failed"]), (&json!(1), &json!(1)));
    assert_eq!((&told["error_rate"], &told["rejected"]), (&json!(1.0), &json!(0)));
    assert_eq!(told["executions"], json!({"completed": 0, "failed": 1, "stopped": 0}));
}

async fn a_cancelled_run_is_counted_for_the_key_that_started_it(app: TestApp) {
    let endless = json!({"steps": [{"id": "f", "tool": "transform", "filter": "def f: f; f"}]});
    let shared = json!({"shared_results": true});
    let deployed = app.given_deployment_of("orders", endless, shared).await;
    let keys = format!("/unstract/acme/api/v2/api-deployment/{}/keys/", deployed.id);
    let second = app.platform().post(&keys, json!({})).await.created();
    let started = call(&app, &deployed, 0).await.accepted();
    let cancel = text(&started["status_api"]).replace("/status/", "/cancel/");
    app.with(text(&second["key"])).post_nothing(&cancel).await.accepted();
    let stopped = json!({"completed": 0, "failed": 0, "stopped": 1});
    let told = last(&app, &format!("deployment={}", deployed.id)).await;
    assert_eq!((&told["executions"], &told["execution_ms"]), (&stopped, &json!(null)));
    let told = last(&app, &format!("key_id={}", deployed.key_id)).await;
    assert_eq!((&told["executions"], &told["requests"]), (&stopped, &json!(1)));
    let told = last(&app, &format!("key_id={}", text(&second["id"]))).await;
    assert_eq!((&told["executions"]["stopped"], &told["requests"]), (&json!(0), &json!(1)));
}

async fn what_models_read_and_wrote_is_counted(app: TestApp) {
    let (key, id) = given_key(&app, json!({"scopes": ["inference:write"]})).await;
    let ask = json!({"model": "echo", "prompt": "one two three"});
    for _ in 0..2 {
        app.with(&key).post("/v1/inference", ask.clone()).await.ok();
    }
    let unknown = json!({"model": "nobody", "prompt": "one"});
    app.with(&key).post("/v1/inference", unknown).await.refused(404, "model_not_found");
    for query in [format!("key_id={id}"), String::new()] {
        let told = last(&app, &query).await;
        assert_eq!((&told["prompt_tokens"], &told["completion_tokens"]), (&json!(6), &json!(6)));
        assert_eq!((&told["requests"], &told["succeeded"]), (&json!(3), &json!(2)));
    }
}

async fn keys_that_are_asked_about_are_counted_apart(app: TestApp) {
    let (key, id) = given_key(&app, json!({})).await;
    let verify = async |body| app.platform().post("/v1/keys/verify", body).await.ok();
    verify(json!({"key": key})).await;
    verify(json!({"key": key, "scopes": ["orders:read"]})).await;
    verify(json!({"key": key, "explain": true})).await;
    verify(json!({"key": "unst_unknown"})).await;
    let batch = json!({"keys": [{"key": key}, {"key": "unst_unknown"}, {"key": key}]});
    app.platform().post("/v1/keys/verify-batch", batch).await.ok();
    let told = last(&app, &format!("key_id={id}")).await;
    assert_eq!((&told["verifications"], &told["verifications_refused"]), (&json!(4), &json!(1)));
    assert_eq!(told["requests"], 0);
    let told = last(&app, "").await;
    assert_eq!((&told["verifications"], &told["requests"]), (&json!(4), &json!(5)));
}

async fn a_request_of_forward_authentication_is_one_of_the_keys(app: TestApp) {
    let (key, id) = given_key(&app, json!({})).await;
    let ask = async |query| app.with(&key).get(&format!("/v1/auth?organization=acme{query}")).await;
    assert_eq!(ask("").await.status, 200);
    ask("&scope=orders:read").await.refused(403, "insufficient_scope");
    let told = last(&app, &format!("key_id={id}")).await;
    assert_eq!((&told["succeeded"], &told["rejected"]), (&json!(1), &json!(1)));
}

async fn buckets_are_whole_dense_and_the_last_24_unless_told(app: TestApp) {
    app.clock.advance(Duration::from_secs(90 * 60));
    app.platform().get("/v1/whoami").await.ok();
    let reader = app.admin().await;
    for (query, first, last) in [
        ("", "2026-11-20T02:00:00.000Z", "2026-11-21T01:00:00.000Z"),
        ("bucket=minute", "2026-11-21T01:07:00.000Z", "2026-11-21T01:30:00.000Z"),
        ("bucket=day", "2026-10-29T00:00:00.000Z", "2026-11-21T00:00:00.000Z"),
    ] {
        let told = reader.get(&format!("{USAGE}?{query}")).await.ok();
        let items = told["items"].as_array().expect("items");
        assert_eq!((items.len(), &told["next_cursor"]), (24, &json!(null)));
        assert_eq!((&items[0]["start"], &items[0]["requests"]), (&json!(first), &json!(0)));
        assert_eq!((&items[23]["start"], &items[23]["requests"]), (&json!(last), &json!(1)));
    }
    let query = "bucket=minute&from=2026-11-21T02:29:30%2B01:00&to=2026-11-21T01:30:00.5Z";
    let told = reader.get(&format!("{USAGE}?{query}")).await.ok();
    let starts: Vec<_> = told["items"].as_array().expect("items").iter().collect();
    assert_eq!(starts.len(), 2);
    assert_eq!(
        (&starts[0]["start"], &starts[1]["requests"]),
        (&json!("2026-11-21T01:29:00.000Z"), &json!(1))
    );
}

async fn minutes_are_summed_up_by_hour_and_day(app: TestApp) {
    let (key, id) = given_key(&app, json!({})).await;
    for _ in 0..5 {
        app.with(&key).get("/v1/whoami").await.ok();
        app.close_minute();
        app.clock.advance(Duration::from_secs(1000));
    }
    let reader = app.admin().await;
    for query in [String::new(), format!("&key_id={id}")] {
        let counted = async |bucket: &str, first: usize| {
            let told = reader.get(&format!("{USAGE}?bucket={bucket}{query}")).await.ok();
            let items = told["items"].as_array().expect("items").clone();
            let requests = items.iter().map(|item| item["requests"].as_u64().unwrap_or_default());
            requests.skip(24 - first).collect::<Vec<_>>()
        };
        assert_eq!(counted("hour", 2).await, [4, 1]);
        assert_eq!(counted("day", 2).await, [0, 5]);
        assert_eq!(counted("minute", 24).await.iter().sum::<u64>(), 1);
    }
}

async fn what_cannot_be_asked_is_said(app: TestApp) {
    let reader = app.admin().await;
    let check = async |query: &str, told: &str| {
        let refused = reader.get(&format!("{USAGE}?{query}")).await;
        let refused = refused.refused(400, "invalid_parameter");
        assert!(text(&refused["detail"]).contains(told), "{refused}");
    };
    check("bucket=week", "'bucket' must be 'minute', 'hour' or 'day'").await;
    check("deployment=orders", "'deployment' must be an id").await;
    check("key_id=1", "'key_id' must be an id").await;
    check("from=yesterday", "'from' must be an RFC 3339 time").await;
    check("from=2026-11-21T00:00:00Z&to=2026-11-21T00:00:00Z", "'from' must be before 'to'").await;
    check("from=2027-01-01T00:00:00Z", "'from' must be before 'to'").await;
    check("from=2026-01-01T00:00:00Z&bucket=minute", "at most 10000 are told").await;
    let unknown = "00000000-0000-7000-8000-000000000000";
    for name in ["deployment", "key_id"] {
        assert_eq!(last(&app, &format!("{name}={unknown}")).await["requests"], 0);
    }
}

async fn usage_is_told_as_a_table_too(app: TestApp) {
    let deployed = app.given_deployment("orders").await;
    call(&app, &deployed, 10).await.ok();
    app.with(&deployed.key).get("/v1/models").await.refused(403, "key_kind_not_allowed");
    let reader = app.admin().await.header("accept", "text/csv");
    let answer = reader.get(&format!("{USAGE}?deployment={}", deployed.id)).await;
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let lines: Vec<_> = answer.text.lines().collect();
    assert_eq!(lines.len(), 25);
    assert_eq!(
        lines[0],
        "start,requests,succeeded,failed,rejected,rejected_by,error_rate,prompt_tokens,\
         completion_tokens,cost_micros,executions_completed,executions_failed,executions_stopped,\
         verifications,verifications_refused,execution_ms_p50,execution_ms_p95,execution_ms_p99,\
         execution_ms_mean"
    );
    assert_eq!(lines[1], "2026-11-20T01:00:00.000Z,0,0,0,0,,0,0,0,0,0,0,0,0,0,,,,");
    let counted =
        "2026-11-21T00:00:00.000Z,2,1,0,1,key_kind_not_allowed:1,0,0,0,0,1,0,0,0,0,0,0,0,0";
    assert_eq!(lines[24], counted);
}

async fn usage_is_told_to_those_who_may_see_it(app: TestApp) {
    let foreign = app.given_deployment("foreign").await;
    let (narrow, _) = given_key(&app, json!({"scopes": ["orders:read"]})).await;
    let (analyst, _) = given_key(&app, json!({"scopes": ["analytics:read"]})).await;
    let (administrative, _) = given_key(&app, json!({"scopes": ["admin"]})).await;
    let refused = async |caller: Caller, code: &str| {
        caller.get("/v1/usage").await.refused(403, code);
        caller.get(USAGE).await.refused(403, code);
    };
    refused(app.with(&foreign.key), "key_kind_not_allowed").await;
    refused(app.with(&narrow), "insufficient_scope").await;
    for caller in [app.platform(), app.with(&analyst), app.with(&administrative), app.admin().await]
    {
        caller.get("/v1/usage").await.ok();
        caller.get(&format!("{USAGE}?deployment={}", foreign.id)).await.ok();
    }
    let user = app.user().await;
    refused(user.clone(), "admin_required").await;
    let hidden = format!("{USAGE}?deployment={}", foreign.id);
    user.get(&hidden).await.refused(404, "not_found");
    let workflow =
        json!({"name": "own", "definition": {"steps": [{"id": "a", "tool": "passthrough"}]}});
    let workflow = user.post("/unstract/acme/api/v2/workflow/", workflow).await.created();
    let own = json!({"workflow": workflow["id"], "api_name": "own"});
    let own = user.post("/unstract/acme/api/v2/api-deployment/", own).await.created();
    let own = text(&own["id"]);
    user.get(&format!("{USAGE}?deployment={own}")).await.ok();
    // A key of another deployment has no usage there.
    app.with(&foreign.key).get("/v1/whoami").await.ok();
    let query = format!("/v1/usage?deployment={own}&key_id={}", foreign.key_id);
    let told = user.get(&query).await.ok();
    assert_eq!(told["items"][23]["requests"], 0);
}

async fn another_organization_sees_nothing_of_it(app: TestApp) {
    let deployed = app.given_deployment("orders").await;
    call(&app, &deployed, 10).await.ok();
    let other = app.with(&app.given_organization("other"));
    other.get(USAGE).await.refused(404, "not_found");
    for query in
        ["", &format!("deployment={}", deployed.id), &format!("key_id={}", deployed.key_id)]
    {
        let told = other.get(&format!("/v1/usage?bucket=day&{query}")).await.ok();
        let requests = &told["items"][23]["requests"];
        assert!(requests.as_u64() <= Some(2), "its own at most: {told}");
        assert_eq!(told["items"][23]["executions"]["completed"], 0);
    }
}

/// Names, and how many requests each.
fn shares(told: &Value) -> Vec<(Option<&str>, u64)> {
    let items = told["items"].as_array().expect("shares").iter();
    items.map(|one| (one["name"].as_str(), one["requests"].as_u64().expect("requests"))).collect()
}

async fn what_was_used_most_is_told_by_deployment_and_by_key(app: TestApp) {
    let orders = app.given_deployment("orders").await;
    let bills = app.given_deployment("bills").await;
    let (key, key_id) = given_key(&app, json!({})).await;
    call(&app, &bills, 10).await.ok();
    for _ in 0..2 {
        call(&app, &orders, 10).await.ok();
    }
    for _ in 0..20 {
        app.with(&key).get("/v1/whoami").await.ok();
    }
    let reader = app.admin().await;
    for _ in 0..2 {
        let told = reader.get(&format!("{BREAKDOWN}?by=deployment")).await.ok();
        assert_eq!(shares(&told)[1..], [(Some("orders"), 2), (Some("bills"), 1)]);
        assert_eq!(told["items"][0]["id"], Value::Null);
        assert_eq!(told["items"][1]["id"], orders.id);
        assert_eq!(told["items"][1]["executions"]["completed"], 2);
        assert!(told["items"][1]["execution_ms"]["p95"].is_u64(), "{told}");
        let told = reader.get(&format!("{BREAKDOWN}?by=key&limit=1")).await.ok();
        assert_eq!((shares(&told).len(), shares(&told)[0].1), (1, 20));
        assert_eq!(told["items"][0]["id"], key_id);
        let of = format!("{BREAKDOWN}?by=key&deployment={}&bucket=day", orders.id);
        let told = reader.get(&of).await.ok();
        assert_eq!(told["items"][0]["id"], orders.key_id);
        assert_eq!(shares(&told)[0].1, 2);
        app.close_minute();
    }
    for query in ["", "by=else", "by=key&limit=0", "by=key&limit=101", "by=key&bucket=year"] {
        let refused = reader.get(&format!("{BREAKDOWN}?{query}")).await;
        refused.refused(400, "invalid_parameter");
    }
}

async fn a_user_sees_what_was_used_most_of_a_deployment_that_they_see(app: TestApp) {
    let deployed = app.given_deployment("orders").await;
    let user = app.user().await;
    let breakdown = format!("{BREAKDOWN}?by=key");
    user.get(&breakdown).await.refused(403, "admin_required");
    let of = format!("{breakdown}&deployment={}", deployed.id);
    user.get(&of).await.refused(404, "not_found");
    let share = format!("/unstract/acme/api/v2/api-deployment/{}/share/", deployed.id);
    app.admin().await.put(&share, json!({"users": [], "everyone": true})).await.ok();
    call(&app, &deployed, 10).await.ok();
    assert_eq!(shares(&user.get(&of).await.ok())[0].1, 1);
}
