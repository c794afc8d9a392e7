//! What a deployment bounds its calls by, whichever of its keys is used.

use serde_json::{Value, json};
use test_support::{answer::Answer, app::GivenDeployment, app::TestApp};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

on_both_databases!(
    all_keys_of_a_deployment_spend_its_limit_together,
    a_call_spends_the_limits_of_key_and_deployment_or_neither,
    a_changed_limit_of_a_deployment_holds_at_once,
    a_deployment_and_its_key_must_both_admit_the_address,
    a_body_is_read_up_to_the_deployments_bound_and_no_further,
    an_input_must_obey_the_schema,
    a_schema_that_is_none_is_pointed_at,
    a_schema_that_refers_to_itself_is_asked_like_any_other,
    a_schema_that_takes_too_much_is_refused_and_harms_nobody,
    an_organizations_bound_on_unfinished_runs_holds_over_all_deployments,
);

const DEPLOYMENTS: &str = "/unstract/acme/api/v2/api-deployment/";
const JSON: &str = "application/json";

fn echo() -> Value {
    json!({"steps": [{"id": "echo", "tool": "passthrough"}]})
}

async fn given(app: &TestApp, terms: Value) -> GivenDeployment {
    app.given_deployment_of("echo", echo(), terms).await
}

async fn call(app: &TestApp, deployment: &GivenDeployment, key: &str, input: Value) -> Answer {
    app.with(key).post(&format!("/deployment/{}/?wait=30", deployment.id), input).await
}

async fn another_key(app: &TestApp, deployment: &GivenDeployment, terms: Value) -> String {
    let keys = format!("{DEPLOYMENTS}{}/keys/", deployment.id);
    let made = app.platform().post(&keys, terms).await.created();
    made["key"].as_str().unwrap().to_owned()
}

fn told(answer: &Answer) -> (&str, &str) {
    (answer.header("ratelimit-policy"), answer.header("ratelimit"))
}

async fn all_keys_of_a_deployment_spend_its_limit_together(app: TestApp) {
    let deployment = given(&app, json!({"rate_limit_per_minute": 3})).await;
    let other = another_key(&app, &deployment, json!({})).await;
    let answer = call(&app, &deployment, &deployment.key, json!(1)).await;
    answer.ok();
    assert_eq!(told(&answer), ("\"deployment\";q=3;w=60", "\"deployment\";r=2;t=20"));
    call(&app, &deployment, &other, json!(1)).await.ok();
    call(&app, &deployment, &other, json!(1)).await.ok();
    for key in [&deployment.key, &other] {
        let refused = call(&app, &deployment, key, json!(1)).await;
        let problem = refused.refused(429, "rate_limited");
        assert!(problem["detail"].as_str().unwrap().contains("deployment"), "{problem}");
        assert_eq!(refused.header("retry-after"), "20");
        assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    }
    app.clock.advance(std::time::Duration::from_secs(20));
    call(&app, &deployment, &other, json!(1)).await.ok();
    call(&app, &deployment, &other, json!(1)).await.refused(429, "rate_limited");
}

async fn a_call_spends_the_limits_of_key_and_deployment_or_neither(app: TestApp) {
    let deployment = given(&app, json!({"rate_limit_per_minute": 3})).await;
    let narrow = another_key(&app, &deployment, json!({"rate_limit_per_minute": 1})).await;
    let answer = call(&app, &deployment, &narrow, json!(1)).await;
    answer.ok();
    assert_eq!(told(&answer), ("\"key\";q=1;w=60", "\"key\";r=0;t=60"), "the tighter of the two");
    for _ in 0..5 {
        call(&app, &deployment, &narrow, json!(1)).await.refused(429, "rate_limited");
    }
    // The refusals of the key have taken nothing from the deployment.
    let answer = call(&app, &deployment, &deployment.key, json!(1)).await;
    assert_eq!(told(&answer).1, "\"deployment\";r=1;t=40");
    call(&app, &deployment, &deployment.key, json!(1)).await.ok();
    // Nor do those of the deployment take from the key.
    let roomy = another_key(&app, &deployment, json!({"rate_limit_per_minute": 2})).await;
    for _ in 0..5 {
        let refused = call(&app, &deployment, &roomy, json!(1)).await;
        refused.refused(429, "rate_limited");
        assert_eq!(told(&refused).0, "\"deployment\";q=3;w=60");
    }
    app.clock.advance(std::time::Duration::from_secs(20));
    let answer = call(&app, &deployment, &roomy, json!(1)).await;
    answer.ok();
    assert_eq!(told(&answer).1, "\"deployment\";r=0;t=60");
    let verified = app.platform().post("/v1/keys/verify", json!({"key": roomy, "cost": 0})).await;
    assert_eq!(verified.ok()["ratelimit"]["remaining"], 1, "a verification asks the key's own");
}

async fn a_changed_limit_of_a_deployment_holds_at_once(app: TestApp) {
    let deployment = given(&app, json!({"rate_limit_per_minute": 1})).await;
    call(&app, &deployment, &deployment.key, json!(1)).await.ok();
    call(&app, &deployment, &deployment.key, json!(1)).await.refused(429, "rate_limited");
    let path = format!("{DEPLOYMENTS}{}/", deployment.id);
    let lifted = json!({"rate_limit_per_minute": null});
    assert_eq!(
        app.platform().patch(&path, lifted).await.ok()["rate_limit_per_minute"],
        Value::Null
    );
    let answer = call(&app, &deployment, &deployment.key, json!(1)).await;
    answer.ok();
    assert_eq!(told(&answer), ("", ""));
}

async fn a_deployment_and_its_key_must_both_admit_the_address(app: TestApp) {
    let deployment = given(&app, json!({"ip_allowlist": ["127.0.0.0/8"]})).await;
    call(&app, &deployment, &deployment.key, json!(1)).await.ok();
    let elsewhere = another_key(&app, &deployment, json!({"ip_allowlist": ["10.0.0.0/8"]})).await;
    call(&app, &deployment, &elsewhere, json!(1)).await.refused(403, "ip_not_allowed");
    let path = format!("{DEPLOYMENTS}{}/", deployment.id);
    app.platform().patch(&path, json!({"ip_allowlist": ["10.0.0.0/8"]})).await.ok();
    let refused = call(&app, &deployment, &deployment.key, json!(1)).await;
    refused.refused(403, "ip_not_allowed");
    assert_eq!(told(&refused), ("", ""), "the address comes before the limit");
    let asked = json!({"key": deployment.key, "ip": "10.1.1.1"});
    assert_eq!(app.platform().post("/v1/keys/verify", asked).await.ok()["code"], "VALID");
    let asked = json!({"key": deployment.key, "ip": "127.0.0.1"});
    assert_eq!(app.platform().post("/v1/keys/verify", asked).await.ok()["code"], "IP_NOT_ALLOWED");
    app.platform().patch(&path, json!({"ip_allowlist": null})).await.ok();
    call(&app, &deployment, &deployment.key, json!(1)).await.ok();
}

async fn a_body_is_read_up_to_the_deployments_bound_and_no_further(app: TestApp) {
    let deployment = given(&app, json!({"max_body_bytes": 1000})).await;
    let path = format!("/deployment/{}/", deployment.id);
    let of = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2)).into_bytes();
    let holder = app.with(&deployment.key);
    holder.post_raw(&path, JSON, of(1000)).await.accepted();
    let refused = holder.post_raw(&path, JSON, of(1001)).await;
    let problem = refused.refused(413, "body_too_large");
    assert!(problem["detail"].as_str().unwrap().contains("1000 bytes"), "{problem}");
    // Far more is announced than is ever sent: the answer does not wait for it.
    let address = app.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: {JSON}\r\ntransfer-encoding: chunked\r\n\r\n7d0\r\n{}\r\n",
        deployment.key,
        "1".repeat(2000)
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
    // The server's own bound holds as well.
    let deployment =
        app.given_deployment_of("wide", echo(), json!({"max_body_bytes": 1 << 30})).await;
    let path = format!("/deployment/{}/", deployment.id);
    let refused = app.with(&deployment.key).post_raw(&path, JSON, of(70 * 1024)).await;
    refused.refused(413, "body_too_large");
}

async fn an_input_must_obey_the_schema(app: TestApp) {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object", "required": ["total"],
        "properties": {"total": {"$ref": "#/$defs/amount"}, "lines": {"items": {"type": "string"}}},
        "$defs": {"amount": {"type": "integer", "minimum": 0}}
    });
    let deployment = given(&app, json!({ "input_schema": schema })).await;
    let sent = |input: Value| call(&app, &deployment, &deployment.key, input);
    let good = json!({"total": 1, "lines": ["a"]});
    assert_eq!(sent(good.clone()).await.ok()["result"], good);
    assert_eq!(sent(json!({"input_data": good})).await.ok()["result"], good);
    let pointers = |problem: Value| -> Vec<String> {
        let errors = problem["errors"].as_array().unwrap().iter();
        errors
            .map(|error| {
                assert_eq!(error["code"], "input_invalid");
                error["attr"].as_str().unwrap().to_owned()
            })
            .collect()
    };
    let bad = json!({"total": -1, "lines": ["a", 2, 3]});
    let mut all = pointers(sent(bad.clone()).await.refused(422, "input_invalid"));
    all.sort();
    assert_eq!(all, ["/lines/1", "/lines/2", "/total"]);
    let wrapped = sent(json!({"input_data": bad})).await.refused(422, "input_invalid");
    assert!(pointers(wrapped).contains(&"/input_data/lines/1".to_owned()));
    assert_eq!(pointers(sent(json!([])).await.refused(422, "input_invalid")), [""]);
    let many = json!({"total": 1, "lines": vec![0; 5000]});
    assert_eq!(pointers(sent(many).await.refused(422, "input_invalid")).len(), 100);
    let path = format!("{DEPLOYMENTS}{}/", deployment.id);
    app.platform().patch(&path, json!({"input_schema": null})).await.ok();
    sent(json!([])).await.ok();
}

async fn a_schema_that_is_none_is_pointed_at(app: TestApp) {
    let deployment = given(&app, json!({})).await;
    let path = format!("{DEPLOYMENTS}{}/", deployment.id);
    for (schema, attr) in [
        (json!({"type": "text"}), "/input_schema/type"),
        (json!({"properties": {"a": {"minimum": "1"}}}), "/input_schema/properties/a/minimum"),
        (json!({"$ref": "http://127.0.0.1:1/x"}), "/input_schema"),
        (json!({"$ref": "file:///etc/hostname"}), "/input_schema"),
        (json!({"$schema": "http://json-schema.org/draft-07/schema#"}), "/input_schema/$schema"),
        (json!(7), "/input_schema"),
    ] {
        let refused = app.platform().patch(&path, json!({ "input_schema": schema })).await;
        assert_eq!(refused.refused(422, "invalid_value")["errors"][0]["attr"], attr, "{schema}");
    }
    let both = json!({"input_schema": {"type": "text"}, "max_body_bytes": 0});
    let faults = app.platform().patch(&path, both).await.faults("validation_failed");
    let pointers: Vec<&str> = faults.iter().map(|fault| fault.0.as_str()).collect();
    assert_eq!(pointers, ["/max_body_bytes", "/input_schema/type"]);
    assert_eq!(app.platform().get(&path).await.ok()["input_schema"], Value::Null);
}

async fn a_schema_that_refers_to_itself_is_asked_like_any_other(app: TestApp) {
    // The one says nothing but to look at itself; of the other, each level would be looked at thrice.
    let looping = json!({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"});
    let level = json!({"properties": {"a": {"$ref": "#/$defs/a"}}});
    let failing = json!({"allOf": [level, false]});
    let tripling =
        json!({"$defs": {"a": {"anyOf": [failing, failing, level]}}, "$ref": "#/$defs/a"});
    let deep = (0..100).fold(json!({}), |inner, _| json!({ "a": inner }));
    let deployment = given(&app, json!({})).await;
    let path = format!("{DEPLOYMENTS}{}/", deployment.id);
    for schema in [looping, tripling] {
        app.platform().patch(&path, json!({ "input_schema": schema })).await.ok();
        call(&app, &deployment, &deployment.key, deep.clone()).await.ok();
    }
}

async fn a_schema_that_takes_too_much_is_refused_and_harms_nobody(app: TestApp) {
    let deployment = given(&app, json!({})).await;
    let path = format!("{DEPLOYMENTS}{}/", deployment.id);
    let pattern = |n: usize| json!({ "pattern": format!("(?:[a-z]{{300}}){{{}}}", 200 + n) });
    let many: Vec<Value> = (0..1000).map(pattern).collect();
    let refused = app.platform().patch(&path, json!({"input_schema": {"allOf": many}})).await;
    let problem = refused.refused(422, "invalid_value");
    assert_eq!(problem["errors"][0]["attr"], "/input_schema");
    assert!(problem["detail"].as_str().unwrap().contains("more time or memory"), "{problem}");
    let good = json!({"input_schema": {"type": "integer"}});
    app.platform().patch(&path, good).await.ok();
    call(&app, &deployment, &deployment.key, json!(1)).await.ok();
    call(&app, &deployment, &deployment.key, json!("x")).await.refused(422, "input_invalid");
}

async fn an_organizations_bound_on_unfinished_runs_holds_over_all_deployments(app: TestApp) {
    let settings = "/unstract/acme/api/v2/organization/";
    let admin = app.admin().await;
    assert_eq!(admin.get(settings).await.ok()["max_concurrent"], Value::Null);
    admin.patch(settings, json!({"max_concurrent": 0})).await.refused(422, "invalid_value");
    assert_eq!(admin.patch(settings, json!({"max_concurrent": 2})).await.ok()["max_concurrent"], 2);
    let endless = json!({"steps": [{"id": "a", "tool": "transform", "filter": "def f: f; f"}]});
    let one = app.given_deployment_of("one", endless.clone(), json!({})).await;
    let two = app.given_deployment_of("two", endless, json!({})).await;
    let start = async |of: &GivenDeployment| {
        app.with(&of.key).post(&format!("/deployment/{}/", of.id), json!(1)).await
    };
    let first = start(&one).await.accepted();
    start(&two).await.accepted();
    for full in [&one, &two] {
        let refused = start(full).await;
        let problem = refused.refused(429, "too_many_executions");
        assert!(problem["detail"].as_str().unwrap().contains("organization"), "{problem}");
        assert_eq!(refused.header("retry-after"), "1");
    }
    let id = first["execution_id"].as_str().unwrap();
    let cancel = format!("/deployment/{}/cancel/{id}/", one.id);
    app.with(&one.key).post(&cancel, json!({})).await.accepted();
    start(&two).await.accepted();
    start(&one).await.refused(429, "too_many_executions");
    admin.patch(settings, json!({"max_concurrent": null})).await.ok();
    start(&one).await.accepted();
}
