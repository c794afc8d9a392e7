//! Deployed workflows as tools of agents, over HTTP as it goes over the wire: who gets in, what is offered, and that limits,
//! counts and refusals hold as they do for other calls.

use serde_json::{Value, json};
use test_support::{
    answer::Answer,
    app::{Caller, GivenDeployment, TestApp},
};

on_both_databases!(
    a_platform_key_has_a_tool_for_each_active_deployment,
    a_deployments_key_has_its_own_tool_at_either_address,
    a_call_is_answered_with_its_result_and_looked_after_by_the_servers_own_tools,
    an_input_that_is_no_object_is_one_argument,
    what_is_wrong_with_arguments_is_told_as_a_result,
    a_deployments_terms_hold_for_a_platform_key_too,
    calls_are_counted_once_and_refusals_are_noted,
    a_call_that_outlasts_its_wait_is_answered_with_where_it_stands,
    who_may_not_pass_hears_so_before_the_protocol,
    many_deployments_are_listed_in_pages,
);

const ACCEPT: &str = "application/json, text/event-stream";
const OWN: [&str; 4] = [
    "keywright_list_deployments",
    "keywright_get_execution",
    "keywright_get_result",
    "keywright_cancel_execution",
];

/// Somebody who speaks the protocol, in the version with `initialize`.
fn agent(caller: Caller) -> Caller {
    caller.header("accept", ACCEPT).header("mcp-protocol-version", "2025-11-25")
}

async fn ask(agent: &Caller, address: &str, method: &str, params: Value) -> Answer {
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    agent.post(address, message).await
}

/// What came of a call, be it done or refused.
async fn call(agent: &Caller, tool: &str, arguments: Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    ask(agent, "/mcp", "tools/call", params).await.ok()["result"].clone()
}

#[track_caller]
fn done(result: &Value) -> &Value {
    assert_eq!(result["isError"], false, "{result}");
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(text, result["structuredContent"]);
    &result["structuredContent"]
}

#[track_caller]
fn refused<'a>(result: &'a Value, code: &str) -> &'a Value {
    let problem = &result["structuredContent"];
    assert_eq!(
        (&result["isError"], problem["code"].as_str()),
        (&json!(true), Some(code)),
        "{result}"
    );
    assert!(result["content"][0]["text"].as_str().unwrap().starts_with(code), "{result}");
    problem
}

async fn tools(agent: &Caller, address: &str) -> Vec<Value> {
    let listed = ask(agent, address, "tools/list", json!({})).await.ok();
    listed["result"]["tools"].as_array().unwrap_or_else(|| panic!("{listed}")).clone()
}

fn names(tools: &[Value]) -> Vec<&str> {
    tools.iter().filter_map(|tool| tool["name"].as_str()).collect()
}

/// A workflow that waits for longer than any test.
fn slow() -> Value {
    json!({"steps": [{"id": "wait", "tool": "delay", "seconds": 250}]})
}

fn echo() -> Value {
    json!({"steps": [{"id": "echo", "tool": "passthrough"}]})
}

async fn switch(app: &TestApp, deployment: &GivenDeployment, terms: Value) {
    let path = format!("/unstract/acme/api/v2/api-deployment/{}/", deployment.id);
    app.platform().patch(&path, terms).await.ok();
}

async fn a_platform_key_has_a_tool_for_each_active_deployment(app: TestApp) {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    let terms =
        json!({"input_schema": schema, "description": "Counts.", "display_name": "Counter"});
    app.given_deployment_of("counter", echo(), terms).await;
    let off = app.given_deployment("off").await;
    switch(&app, &off, json!({"is_active": false})).await;
    let platform = agent(app.platform());
    let listed = tools(&platform, "/mcp").await;
    assert_eq!(names(&listed), [&["counter"], &OWN[..]].concat());
    assert_eq!(
        (&listed[0]["inputSchema"], &listed[0]["description"]),
        (&schema, &json!("Counts."))
    );
    assert_eq!(listed[0]["title"], "Counter");
    assert_eq!(listed[1]["annotations"]["readOnlyHint"], true);
    let all = call(&platform, "keywright_list_deployments", json!({})).await;
    assert_eq!(done(&all)["items"][0]["api_name"], "counter");
    assert_eq!(done(&all)["items"].as_array().unwrap().len(), 1);
    refused(&call(&platform, "off", json!({})).await, "deployment_inactive");
    let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let welcome = ask(&platform, "/mcp", "initialize", hello).await;
    assert_eq!(welcome.ok()["result"]["serverInfo"]["name"], "keywright");
    assert_eq!(welcome.header("mcp-session-id"), "", "nothing is kept between requests");
}

async fn a_deployments_key_has_its_own_tool_at_either_address(app: TestApp) {
    let own = app.given_deployment("own").await;
    let other = app.given_deployment("other").await;
    let caller = agent(app.with(&own.key));
    let address = "/deployment/api/acme/own/mcp";
    for address in ["/mcp", address, "/deployment/api/acme/own/mcp/"] {
        assert_eq!(names(&tools(&caller, address).await), [&["own"], &OWN[..]].concat());
    }
    let params = json!({"name": "own", "arguments": {"input": 7}});
    let told = ask(&caller, address, "tools/call", params).await.ok();
    assert_eq!(done(&told["result"])["result"], 7);
    let unknown = json!({"name": "other", "arguments": {}});
    let unknown = ask(&caller, "/mcp", "tools/call", unknown).await.ok();
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    for foreign in ["/deployment/api/acme/other/mcp", "/deployment/api/nowhere/own/mcp"] {
        ask(&caller, foreign, "tools/list", json!({})).await.refused(404, "not_found");
    }
    let run = call(&agent(app.with(&other.key)), "other", json!({"input": 1})).await;
    let id = done(&run)["execution_id"].clone();
    for tool in &OWN[1..] {
        refused(&call(&caller, tool, json!({"execution_id": id})).await, "not_found");
    }
    let platform = agent(app.platform());
    ask(&platform, address, "tools/list", json!({})).await.refused(403, "deployment_key_required");
}

async fn a_call_is_answered_with_its_result_and_looked_after_by_the_servers_own_tools(
    app: TestApp,
) {
    let echo = app.given_deployment("echo").await;
    let platform = agent(app.platform());
    let run = call(&platform, "echo", json!({"input": {"price": 1.50}})).await;
    assert_eq!(
        (&done(&run)["result"], &done(&run)["status"]),
        (&json!({"price": 1.50}), &json!("COMPLETED"))
    );
    let named = json!({"execution_id": done(&run)["execution_id"]});
    let stands = call(&platform, "keywright_get_execution", named.clone()).await;
    assert_eq!(
        (&done(&stands)["status"], &done(&stands)["progress"]["steps_completed"]),
        (&json!("COMPLETED"), &json!(1))
    );
    let again = call(&platform, "keywright_get_result", named.clone()).await;
    assert_eq!(done(&again), done(&run), "reads repeat");
    refused(
        &call(&platform, "keywright_cancel_execution", named.clone()).await,
        "execution_finished",
    );
    // Others' runs are told as whoever looks into them is told of them.
    let others = json!({"input": {"cvv": "hidden from others", "n": 1}});
    let others = call(&agent(app.with(&echo.key)), "echo", others).await;
    let others = json!({"execution_id": done(&others)["execution_id"]});
    let told = call(&platform, "keywright_get_result", others).await;
    assert_eq!(done(&told)["result"], json!({"cvv": "[redacted]", "n": 1}));
    let path =
        format!("/unstract/acme/api/v2/executions/{}/", named["execution_id"].as_str().unwrap());
    assert_eq!(app.platform().get(&path).await.ok()["trigger"], "CALL");
    let failing =
        json!({"steps": [{"id": "no", "tool": "transform", "filter": "error(\"not today\")"}]});
    app.given_deployment_of("failing", failing, json!({})).await;
    let failed = call(&platform, "failing", json!({})).await;
    refused(&failed, "execution_failed");
    assert!(failed["content"][0]["text"].as_str().unwrap().contains("not today"), "{failed}");
}

async fn an_input_that_is_no_object_is_one_argument(app: TestApp) {
    let schema = json!({"type": "array", "items": {"type": "integer"}});
    app.given_deployment_of("sum", echo(), json!({"input_schema": schema})).await;
    let platform = agent(app.platform());
    let listed = tools(&platform, "/mcp").await;
    assert_eq!(listed[0]["inputSchema"]["properties"]["input"], schema);
    let told = call(&platform, "sum", json!({"input": [1, 2]})).await;
    assert_eq!(done(&told)["result"], json!([1, 2]));
    let wrong = call(&platform, "sum", json!({"input": [1, "x"]})).await;
    assert_eq!(refused(&wrong, "input_invalid")["errors"][0]["attr"], "/input/1");
}

async fn what_is_wrong_with_arguments_is_told_as_a_result(app: TestApp) {
    let schema =
        json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    let terms = json!({"input_schema": schema, "max_body_bytes": 1000});
    let counted = app.given_deployment_of("counter", echo(), terms).await;
    let platform = agent(app.platform());
    let wrong = call(&platform, "counter", json!({"n": "x"})).await;
    assert_eq!(refused(&wrong, "input_invalid")["errors"][0]["attr"], "/n");
    let long = json!({"n": 1, "text": "x".repeat(2000)});
    refused(&call(&platform, "counter", long.clone()).await, "body_too_large");
    refused(&call(&agent(app.with(&counted.key)), "counter", long).await, "body_too_large");
    // What can be no name is not asked for, and comes back as far as a name goes.
    for name in ["a\0b", &"x".repeat(5000)] {
        let unknown = ask(&platform, "/mcp", "tools/call", json!({"name": name})).await;
        assert!(unknown.text.contains("Unknown tool") && unknown.text.len() < 500, "{unknown:?}");
    }
    for arguments in
        [json!({}), json!({"execution_id": "x"}), json!({"execution_id": counted.id, "x": 1})]
    {
        refused(&call(&platform, "keywright_get_result", arguments).await, "input_invalid");
    }
    let params = json!({"name": "counter", "arguments": [1]});
    let fault = ask(&platform, "/mcp", "tools/call", params).await;
    assert_eq!((fault.status, &fault.json()["error"]["code"]), (400, &json!(-32602)));
    let batch = platform.post("/mcp", json!([{"jsonrpc": "2.0", "id": 1, "method": "ping"}])).await;
    assert_eq!((batch.status, &batch.json()["error"]["code"]), (400, &json!(-32600)));
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000)).into_bytes();
    let deep = platform.post_raw("/mcp", "application/json", deep).await;
    assert_eq!((deep.status, &deep.json()["error"]["code"]), (400, &json!(-32700)));
    platform
        .post_raw("/mcp", "text/plain", b"{}".to_vec())
        .await
        .refused(415, "unsupported_media_type");
    let unknown = ask(&platform, "/mcp", "keys/create", json!({})).await.json();
    assert_eq!(unknown["error"]["code"], -32601, "keys are not managed here: {unknown}");
    for method in ["get", "delete"] {
        let verb = method.to_uppercase().parse().unwrap();
        let answer = platform.send(verb, "/mcp", None).await;
        answer.refused(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), "POST");
    }
}

async fn a_deployments_terms_hold_for_a_platform_key_too(app: TestApp) {
    let limited =
        app.given_deployment_of("limited", echo(), json!({"rate_limit_per_minute": 2})).await;
    let platform = agent(app.platform());
    // Looking around is free; the deployment's limit is shared by whoever calls it.
    tools(&platform, "/mcp").await;
    let first = ask(&platform, "/mcp", "tools/call", json!({"name": "limited"})).await;
    assert_eq!(
        (first.header("x-ratelimit-limit"), first.header("x-ratelimit-remaining")),
        ("2", "1")
    );
    done(&call(&agent(app.with(&limited.key)), "limited", json!({})).await);
    let refusal = call(&platform, "limited", json!({})).await;
    refused(&refusal, "rate_limited");
    assert!(refusal["content"][0]["text"].as_str().unwrap().contains("Call again in"), "{refusal}");

    let fenced =
        app.given_deployment_of("fenced", echo(), json!({"ip_allowlist": ["10.0.0.0/8"]})).await;
    refused(&call(&platform, "fenced", json!({})).await, "ip_not_allowed");
    switch(&app, &fenced, json!({"ip_allowlist": ["127.0.0.0/8"]})).await;
    done(&call(&platform, "fenced", json!({})).await);

    let busy = app.given_deployment_of("busy", slow(), json!({"max_concurrent": 1})).await;
    let running =
        app.with(&busy.key).post(&format!("/deployment/{}/", busy.id), json!(1)).await.accepted();
    refused(&call(&platform, "busy", json!({})).await, "too_many_executions");
    let stopped = call(
        &platform,
        "keywright_cancel_execution",
        json!({"execution_id": running["execution_id"]}),
    )
    .await;
    assert_eq!(done(&stopped)["status"], "STOPPED");
    let gone =
        call(&platform, "keywright_get_result", json!({"execution_id": running["execution_id"]}))
            .await;
    refused(&gone, "execution_stopped");
}

async fn calls_are_counted_once_and_refusals_are_noted(app: TestApp) {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    let counter = app.given_deployment_of("counter", echo(), json!({"input_schema": schema})).await;
    let fenced =
        app.given_deployment_of("fenced", echo(), json!({"ip_allowlist": ["10.0.0.0/8"]})).await;
    let platform = agent(app.platform());
    done(&call(&platform, "counter", json!({"n": 1})).await);
    refused(&call(&platform, "counter", json!({"n": "x"})).await, "input_invalid");
    tools(&platform, "/mcp").await;
    refused(&call(&platform, "fenced", json!({})).await, "ip_not_allowed");
    let usage = |deployment: String| {
        let platform = app.platform();
        async move {
            let path = format!("/unstract/acme/api/v2/usage/?deployment={deployment}&bucket=hour");
            let told = platform.get(&path).await.ok();
            let item = told["items"].as_array().unwrap().iter().find(|item| item["requests"] != 0);
            item.map(|item| {
                [&item["succeeded"], &item["failed"], &item["rejected"]].map(Value::clone)
            })
        }
    };
    assert_eq!(usage(counter.id).await, Some([json!(1), json!(0), json!(1)]));
    assert_eq!(usage(fenced.id).await, Some([json!(0), json!(0), json!(1)]));
    app.note_refusals();
    let audit = app.platform().get("/unstract/acme/api/v2/audit/?action=refused").await;
    assert!(
        audit.text.contains("ip_not_allowed") && audit.text.contains("POST /mcp"),
        "{}",
        audit.text
    );
}

async fn a_call_that_outlasts_its_wait_is_answered_with_where_it_stands(app: TestApp) {
    app.given_deployment_of("slow", slow(), json!({"timeout_seconds": 1})).await;
    let platform = agent(app.platform());
    let params = json!({"name": "slow", "arguments": {}, "_meta": {"progressToken": "p"}});
    let answer = ask(&platform, "/mcp", "tools/call", params).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/event-stream"));
    let said: Vec<Value> = answer
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect();
    let [progress @ .., last] = said.as_slice() else { panic!("{}", answer.text) };
    assert!(!progress.is_empty(), "{said:?}");
    let seen: Vec<f64> =
        progress.iter().map(|one| one["params"]["progress"].as_f64().unwrap()).collect();
    assert!(progress.iter().all(|one| one["params"]["progressToken"] == "p"), "{said:?}");
    assert!(seen.is_sorted(), "{seen:?}");
    // Its run may have been ended for its time in the same moment.
    let told = &last["result"];
    if told["isError"] == false {
        assert_eq!(done(told)["status"], "EXECUTING");
        assert!(done(told)["next"].as_str().unwrap().contains("keywright_get_result"));
    } else {
        refused(told, "execution_failed");
    }
}

async fn who_may_not_pass_hears_so_before_the_protocol(app: TestApp) {
    let deployment = app.given_deployment("echo").await;
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let post = |caller: Caller| {
        let (caller, list) = (agent(caller), list.clone());
        async move { caller.post("/mcp", list).await }
    };
    post(app.stranger()).await.refused(401, "missing_credential");
    post(app.with("unst_unknown")).await.refused(401, "invalid_credential");
    let cookie_alone = post(app.admin().await).await;
    cookie_alone.refused(401, "missing_credential");
    let scopes = json!({"name": "all", "scopes": ["admin"]});
    let standing = app.platform().post("/v1/api-keys", scopes).await.created();
    let standing = app.with(standing["key"].as_str().unwrap());
    post(standing).await.refused(403, "key_kind_not_allowed");
    let foreign = app.given_organization("other");
    assert_eq!(names(&tools(&agent(app.with(&foreign)), "/mcp").await), OWN);
    let unknown =
        ask(&agent(app.with(&foreign)), "/mcp", "tools/call", json!({"name": "echo"})).await;
    assert_eq!(unknown.ok()["error"]["code"], -32602, "another organization's tools are none");

    post(app.platform().header("host", "evil.example")).await.refused(403, "host_not_allowed");
    post(app.platform().header("host", "localhost:1")).await.ok();
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        post(app.platform().header(name, value)).await.refused(403, "cross_site_request");
    }
    let revoke = format!(
        "/unstract/acme/api/v2/api-deployment/{}/keys/{}/revoke/",
        deployment.id, deployment.key_id
    );
    let own = agent(app.with(&deployment.key));
    done(&call(&own, "echo", json!({})).await);
    app.platform().post(&revoke, json!({"reason": "test"})).await.ok();
    ask(&own, "/mcp", "tools/call", json!({"name": "echo"})).await.refused(401, "key_revoked");
}

async fn many_deployments_are_listed_in_pages(app: TestApp) {
    for number in 0..52 {
        app.given_deployment(&format!("tool{number}")).await;
    }
    let platform = agent(app.platform());
    let first = ask(&platform, "/mcp", "tools/list", json!({})).await.ok()["result"].clone();
    assert_eq!(first["tools"].as_array().unwrap().len(), 50 + OWN.len());
    let rest =
        ask(&platform, "/mcp", "tools/list", json!({"cursor": first["nextCursor"]})).await.ok();
    let (first, rest) = (&first["tools"], &rest["result"]);
    let later = names(rest["tools"].as_array().unwrap());
    assert_eq!(later.len(), 2);
    assert!(names(first.as_array().unwrap()).iter().all(|name| !later.contains(name)), "{later:?}");
    assert_eq!(rest.get("nextCursor"), None);
    let wrong = ask(&platform, "/mcp", "tools/list", json!({"cursor": "x"})).await;
    assert_eq!(wrong.ok()["error"]["code"], -32602);
}
