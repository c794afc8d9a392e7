//! What a deployment tells of itself: its page, its OpenAPI document, its collection for Postman.

use serde_json::{Value, json};
use test_support::{app::TestApp, databases::Database};

on_both_databases!(
    the_document_is_for_the_keys_of_the_deployment_and_for_those_who_manage_it,
    the_example_of_the_document_is_accepted_as_it_stands,
);

const NOBODYS: &str = "00000000-0000-7000-8000-000000000000";

fn invoice() -> Value {
    json!({
        "type": "object", "required": ["number", "lines"], "additionalProperties": false,
        "$defs": {"line": {"type": "object", "required": ["price"], "properties": {"price": {"type": "number", "exclusiveMinimum": 0}}}},
        "properties": {
            "number": {"type": "string", "minLength": 3, "description": "As printed."},
            "currency": {"enum": ["EUR", "USD"]},
            "due": {"type": "string", "format": "date"},
            "lines": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/line"}}
        }
    })
}

fn passing() -> Value {
    json!({"steps": [{"id": "echo", "tool": "passthrough"}]})
}

async fn the_document_is_for_the_keys_of_the_deployment_and_for_those_who_manage_it(app: TestApp) {
    let terms = json!({"input_schema": invoice(), "display_name": "Invoices", "description": "Adds up.",
        "default_parameters": {"currency": "EUR", "api_token": "hidden"}, "max_body_bytes": 2048, "timeout_seconds": 7});
    let own = app.given_deployment_of("invoices", passing(), terms).await;
    let other = app.given_deployment("other").await;
    let address = format!("/deployment/{}/openapi.json", own.id);
    let document = app.with(&own.key).get(&address).await.ok();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["title"], "Invoices");
    assert!(document["info"]["description"].as_str().unwrap().starts_with("Adds up."));
    let input = &document["components"]["schemas"]["Input"];
    assert_eq!(
        input["properties"]["lines"]["items"]["$ref"],
        "#/components/schemas/Input/$defs/line"
    );
    let own_words = &document["x-keywright"];
    let limits = json!({"timeout_seconds": 7, "max_wait_seconds": 300, "max_body_bytes": 2048,
        "max_file_bytes": 104_857_600, "max_concurrent": 20,
        "rate_limit_per_minute": 100, "is_limited_to_networks": false, "shared_results": false});
    for (name, value) in limits.as_object().unwrap() {
        assert_eq!(&own_words["limits"][name], value, "{name}");
    }
    assert_eq!(
        own_words["default_parameters"],
        json!({"currency": "EUR", "api_token": "[redacted]"})
    );
    assert!(document["paths"].as_object().unwrap().len() >= 4);
    every_reference_leads_somewhere(&document);

    // Whoever manages the deployment reads the same.
    assert_eq!(app.platform().get(&address).await.ok(), document);
    assert_eq!(app.admin().await.get(&address).await.ok(), document);
    app.with(&other.key).get(&address).await.refused(404, "not_found");
    let foreign = app.with(&app.given_organization("another"));
    let hidden = foreign.get(&address).await;
    hidden.refused(404, "not_found");
    let absent = foreign.get(&format!("/deployment/{NOBODYS}/openapi.json")).await;
    assert_eq!(hidden.without_request_id(), absent.without_request_id());
    let narrow = json!({"name": "narrow", "scopes": ["orders:read"]});
    let narrow = app.platform().post("/v1/api-keys", narrow).await.created();
    let narrow = app.with(narrow["key"].as_str().unwrap());
    narrow.get(&address).await.refused(403, "deployment_key_required");
    // A user sees what they made.
    app.user().await.get(&address).await.refused(404, "not_found");
    let by_key = app.with(&own.key).get(&format!("/deployment/{}/openapi.json", own.key)).await;
    assert_eq!(by_key.ok(), document);
    assert!(!by_key.header("deprecation").is_empty());
    let switched = format!("/unstract/acme/api/v2/api-deployment/{}/", own.id);
    app.platform().patch(&switched, json!({"is_active": false})).await.ok();
    app.with(&own.key).get(&address).await.refused(401, "deployment_inactive");
    assert_eq!(app.platform().get(&address).await.ok()["x-keywright"]["is_active"], false);
}

fn every_reference_leads_somewhere(document: &Value) {
    fn walk<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        found.extend(value.get("$ref").and_then(Value::as_str));
        let items = value.as_array().into_iter().flatten();
        let members = value.as_object().into_iter().flat_map(|members| members.values());
        items.chain(members).for_each(|inner| walk(inner, found));
    }
    let mut found = Vec::new();
    walk(document, &mut found);
    assert!(found.len() > 10, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a local reference");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

async fn the_example_of_the_document_is_accepted_as_it_stands(app: TestApp) {
    let tree = json!({"type": "object", "required": ["name"], "properties": {
        "name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}}});
    let either = json!({"oneOf": [{"type": "string", "pattern": "^[0-9]{4}$"}, {"type": "integer", "minimum": 2020}]});
    let pattern = json!({"type": "string", "pattern": "^[A-Z]{3}$"});
    let told = json!({"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["abc", "ABC"]});
    let merged = json!({"allOf": [{"required": ["a"], "properties": {"a": {"const": 1}}}, {"required": ["b"], "properties": {"b": {"format": "uuid", "type": "string"}}}]});
    for (number, (schema, has_example)) in [
        (invoice(), true),
        (tree, true),
        (either, true),
        (pattern, false),
        (told, true),
        (merged, true),
        (json!(true), true),
        (json!(false), false),
        (json!({"not": {"type": "object"}}), false),
        (Value::Null, true),
    ]
    .into_iter()
    .enumerate()
    {
        let terms = json!({ "input_schema": schema });
        let given = app.given_deployment_of(&format!("d{number}"), passing(), terms).await;
        let caller = app.with(&given.key);
        let document = caller.get(&format!("/deployment/{}/openapi.json", given.id)).await.ok();
        assert_eq!(document["x-keywright"]["has_example"], has_example, "{schema}");
        let path = format!("/deployment/{}/", given.id);
        let body = &document["paths"][&path]["post"]["requestBody"]["content"]["application/json"];
        let Some(example) = body.get("example").cloned() else {
            assert!(!has_example, "{schema}");
            let told = document["info"]["description"].as_str().unwrap();
            assert!(told.contains("No example is shown"), "{told}");
            continue;
        };
        let answer = caller.post(&format!("{path}?wait=10"), example.clone()).await.ok();
        assert_eq!(answer["result"], example["input_data"], "{schema}");
    }
}

#[actix_web::test]
async fn the_page_is_one_for_all_and_loads_nothing() {
    let app = crate::start(Database::sqlite()).await;
    let own = app.given_deployment("echo").await;
    let page = app.stranger().get(&format!("/deployment/{}/docs/", own.id)).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), "no-store");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    for handle in [NOBODYS, "nothing", &own.key] {
        let other = app.with(&own.key).get(&format!("/deployment/{handle}/docs")).await;
        assert_eq!((other.status, &other.text), (200, &page.text), "{handle}");
    }
    for outside in ["src=\"http", "href=\"http", "@import", "url("] {
        assert!(!page.text.contains(outside), "{outside}");
    }
    assert!(
        !page.text.contains("Storage") && !page.text.contains("/*style*/"),
        "the key is kept nowhere"
    );
}

#[actix_web::test]
async fn a_document_is_a_call_like_any_other() {
    let app = crate::start(Database::sqlite()).await;
    let terms = json!({"rate_limit_per_minute": 1});
    let own = app.given_deployment_of("echo", passing(), terms).await;
    let address = format!("/deployment/{}/openapi.json", own.id);
    app.with("unst_unknown").get(&address).await.refused(401, "invalid_credential");
    let first = app.with(&own.key).get(&address).await;
    first.ok();
    assert_eq!(first.header("x-ratelimit-remaining"), "0");
    app.with(&own.key).get(&address).await.refused(429, "rate_limited");
    // People and platform keys are under no limit of the deployment's.
    app.platform().get(&address).await.ok();
}

#[actix_web::test]
async fn a_collection_for_postman_has_a_variable_for_the_key() {
    let app = crate::start(Database::sqlite()).await;
    let own = app.given_deployment_of("inv", passing(), json!({"input_schema": invoice()})).await;
    let address = format!("/unstract/acme/api/v2/api-deployment/{}/postman_collection/", own.id);
    let answer = app.platform().get(&address).await;
    let collection = answer.ok();
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"inv.postman_collection.json\""
    );
    assert!(!answer.text.contains("unst_"), "no live key");
    assert_eq!(
        collection["info"]["schema"],
        "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    );
    let variables = collection["variable"].as_array().unwrap();
    let names: Vec<_> = variables.iter().map(|one| one["key"].as_str().unwrap()).collect();
    assert_eq!(names, ["base_url", "api_key", "execution_id"]);
    assert_eq!(collection["auth"]["bearer"][0]["value"], "{{api_key}}");
    let items = collection["item"].as_array().unwrap();
    let requests: Vec<_> = items.iter().map(|item| &item["request"]).collect();
    let methods: Vec<_> = requests.iter().map(|one| one["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["POST", "GET", "GET", "POST"]);
    for (request, tail) in requests.iter().zip(["", "status", "result", "cancel"]) {
        let url = &request["url"];
        let raw = url["raw"].as_str().unwrap();
        assert!(
            raw.starts_with(&format!("{{{{base_url}}}}/deployment/{}/{tail}", own.id)),
            "{raw}"
        );
        let segments: Vec<_> =
            url["path"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
        let path = raw.trim_start_matches("{{base_url}}/").split('?').next().unwrap();
        assert_eq!(segments.join("/"), path);
    }
    let script = items[0]["event"][0]["script"]["exec"].as_array().unwrap();
    assert!(script.iter().any(|line| line.as_str().unwrap().contains("'execution_id', id")));
    let body: Value = serde_json::from_str(requests[0]["body"]["raw"].as_str().unwrap()).unwrap();
    app.with(&own.key).post(&format!("/deployment/{}/?wait=10", own.id), body).await.ok();
    app.user().await.get(&address).await.refused(404, "not_found");
}
