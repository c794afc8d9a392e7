//! The OpenAPI document of one deployment: its addresses alone, with its own schema, bounds and examples.

use std::{collections::BTreeSet, sync::LazyLock};

use api_types::{ErrorCode, Problem};
use deployments_domain::{Deployment, Documented, redacted};
use keys_core::RateLimit;
use serde_json::{Map, Value, json};

use super::{path, schema::embedded};
use crate::{openapi, parameters::MAX_WAIT_SECONDS};

const SCHEMAS: &str = "#/components/schemas/";
/// An id for examples; nobody's.
const EXECUTION: &str = "0190e45f-ceea-767f-ab9c-0d1e2f3a4b5c";

/// What can go wrong with a call, beside what every request may meet.
const OF_EXECUTE: &[ErrorCode] = &[
    ErrorCode::MalformedJson,
    ErrorCode::BodyTooLarge,
    ErrorCode::UnsupportedMediaType,
    ErrorCode::InputInvalid,
    ErrorCode::InvalidType,
    ErrorCode::UnknownField,
    ErrorCode::InvalidValue,
    ErrorCode::ExecutionFailed,
    ErrorCode::ExecutionStopped,
    ErrorCode::IdempotencyKeyReused,
    ErrorCode::IdempotencyInProgress,
    ErrorCode::TooManyExecutions,
];
const OF_STATUS: &[ErrorCode] = &[];
const OF_RESULT: &[ErrorCode] =
    &[ErrorCode::ExecutionFailed, ErrorCode::ExecutionStopped, ErrorCode::ResultExpired];
const OF_CANCEL: &[ErrorCode] = &[ErrorCode::ExecutionFinished];
const OF_EVERYTHING: &[ErrorCode] = &[
    ErrorCode::InvalidParameter,
    ErrorCode::AmbiguousCredentials,
    ErrorCode::MissingCredential,
    ErrorCode::InvalidCredential,
    ErrorCode::KeyRevoked,
    ErrorCode::KeyExpired,
    ErrorCode::KeyInactive,
    ErrorCode::DeploymentInactive,
    ErrorCode::IpNotAllowed,
    ErrorCode::NotFound,
    ErrorCode::TooManyBadCredentials,
    ErrorCode::RateLimited,
    ErrorCode::Internal,
    ErrorCode::Unavailable,
];

/// The schemas of the server's own document, which the same bodies have here.
static SHARED: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let document = serde_json::to_value(openapi()).unwrap_or_default();
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    schemas.cloned().unwrap_or_default()
});

/// The document, for the server at `base` (empty: relative to the host), which takes bodies of `most_bytes`.
pub(crate) fn document(documented: &Documented, base: &str, most_bytes: usize) -> Value {
    let deployment = &documented.deployment;
    let title = if deployment.display_name.is_empty() {
        &deployment.api_name
    } else {
        &deployment.display_name
    };
    let server = if base.is_empty() { "/" } else { base };
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": deployment.modified_at.to_rfc3339(),
            "description": description(documented),
        },
        "servers": [{"url": server}],
        "security": [{"bearer": []}, {"api_key": []}],
        "paths": paths(documented),
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A key of this deployment."},
                "api_key": {"type": "apiKey", "in": "header", "name": "Api-Key", "description": "The same key in a header of its own."},
            },
            "schemas": schemas(deployment),
        },
        "x-keywright": {
            "deployment": deployment.id.uuid().to_string(),
            "api_name": deployment.api_name,
            "is_active": deployment.is_active,
            "default_parameters": redacted(Value::Object(deployment.default_parameters.clone())),
            "limits": limits(deployment, most_bytes),
            "example_input": documented.example,
            "has_example": documented.example.is_some(),
            "has_schema": deployment.input_schema.is_some(),
        },
    })
}

fn description(documented: &Documented) -> String {
    let mut text = documented.deployment.description.clone();
    let mut add = |paragraph: &str| {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(paragraph);
    };
    add(
        "Send the input as JSON with a key of this deployment. An execution is on disk once it is accepted; wait for its \
         result with `?wait=`, or ask for it later.",
    );
    match (&documented.deployment.input_schema, &documented.example) {
        (None, _) => add(
            "There is no schema for inputs: any JSON is accepted, and what becomes of it is up to the workflow.",
        ),
        (Some(_), Some(_)) => add("The example input obeys the schema `Input`."),
        (Some(_), None) => add(
            "No example is shown: none was found that obeys the schema `Input`. Whoever manages the deployment can give one \
             in the schema's `examples`.",
        ),
    }
    text
}

fn limits(deployment: &Deployment, most_bytes: usize) -> Value {
    let body = usize::try_from(deployment.max_body_bytes).unwrap_or(usize::MAX).min(most_bytes);
    json!({
        "timeout_seconds": deployment.timeout_seconds,
        "max_wait_seconds": MAX_WAIT_SECONDS,
        "max_body_bytes": body,
        "max_file_bytes": deployment.max_file_bytes,
        "max_concurrent": deployment.max_concurrent,
        "rate_limit_per_minute": deployment.rate_limit.map(RateLimit::calls),
        "is_limited_to_networks": deployment.allowlist.iter().next().is_some(),
        "shared_results": deployment.shared_results,
    })
}

fn schemas(deployment: &Deployment) -> Value {
    let input = match &deployment.input_schema {
        None => json!({"description": "Any JSON."}),
        Some(schema) => embedded(schema, "#/components/schemas/Input"),
    };
    let parameters = redacted(Value::Object(deployment.default_parameters.clone()));
    let request = json!({
        "type": "object",
        "required": ["input_data"],
        "additionalProperties": false,
        "description": "Any other JSON than an object with `input_data` is taken for the input itself.",
        "properties": {
            "input_data": {"$ref": format!("{SCHEMAS}Input")},
            "parameters": {"type": "object", "default": parameters, "description": "Go over the deployment's own."},
            "timeout": {"type": "integer", "minimum": 0, "maximum": MAX_WAIT_SECONDS,
                        "description": "How many seconds to wait for the result; beside `?wait=`, the longer of the two holds."},
        },
    });
    let mut schemas = Map::from_iter([("Input".into(), input), ("Request".into(), request)]);
    let mut wanted: BTreeSet<String> =
        ["StartedView", "ExecutionView", "ResultView", "Problem"].map(Into::into).into();
    while let Some(name) = wanted.pop_first() {
        let Some(schema) = SHARED.get(&name) else { continue };
        if !schemas.contains_key(&name) {
            referred(schema, &mut wanted);
            schemas.insert(name, schema.clone());
        }
    }
    Value::Object(schemas)
}

/// The names of the schemas that one refers to.
fn referred(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            let name = members.get("$ref").and_then(Value::as_str);
            names.extend(name.and_then(|name| name.strip_prefix(SCHEMAS)).map(Into::into));
            members.values().for_each(|value| referred(value, names));
        }
        Value::Array(items) => items.iter().for_each(|item| referred(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn paths(documented: &Documented) -> Value {
    let root = path(documented.deployment.id);
    let execution = json!({"name": "execution_id", "in": "path", "required": true,
        "description": "The `execution_id` that the call answered.", "schema": {"type": "string", "format": "uuid"}});
    let wait = json!({"name": "wait", "in": "query",
        "description": "How many seconds to wait for the execution to end.",
        "schema": {"type": "integer", "minimum": 0, "maximum": MAX_WAIT_SECONDS, "default": 0}});
    json!({
        &root: {"post": execute(documented, &wait)},
        format!("{root}status/{{execution_id}}/"): {"get": {
            "operationId": "status", "summary": "Where an execution stands",
            "parameters": [&execution, &wait],
            "responses": responses([("200", "Where it stands.", "ExecutionView", None)], OF_STATUS),
        }},
        format!("{root}result/{{execution_id}}/"): {"get": {
            "operationId": "result", "summary": "The result of an execution",
            "parameters": [&execution],
            "responses": responses([
                ("200", "The result.", "ResultView", None),
                ("202", "There is none yet.", "ExecutionView", None),
            ], OF_RESULT),
        }},
        format!("{root}cancel/{{execution_id}}/"): {"post": {
            "operationId": "cancel", "summary": "Cancel an execution",
            "parameters": [&execution],
            "responses": responses([("202", "It is stopped.", "ExecutionView", None)], OF_CANCEL),
        }},
    })
}

fn execute(documented: &Documented, wait: &Value) -> Value {
    let mut body = json!({"schema": {"$ref": format!("{SCHEMAS}Request")}});
    if let (Some(input), Some(members)) = (&documented.example, body.as_object_mut()) {
        members.insert("example".into(), json!({ "input_data": input }));
    }
    let root = path(documented.deployment.id);
    let started = json!({
        "execution_id": EXECUTION, "status": "PENDING",
        "status_api": format!("{root}status/{EXECUTION}/"), "result_api": format!("{root}result/{EXECUTION}/"),
    });
    let accepted = "Accepted, and on disk; it has not ended yet.";
    json!({
        "operationId": "execute", "summary": "Start an execution",
        "parameters": [wait, {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 255},
            "description": "For 24 hours, the same request with the same key is done once."}],
        "requestBody": {"required": true, "content": {"application/json": body, "multipart/form-data": {"schema": form()}}},
        "responses": responses([
            ("200", "It completed while the request waited.", "StartedView", None),
            ("202", accepted, "StartedView", Some(started)),
        ], OF_EXECUTE),
    })
}

/// A call that brings files.
fn form() -> Value {
    json!({
        "type": "object",
        "required": ["files"],
        "properties": {
            "files": {"type": "array", "minItems": 1, "maxItems": 32,
                      "items": {"type": "string", "contentMediaType": "application/octet-stream"}},
            "input_data": {"$ref": format!("{SCHEMAS}Input")},
            "parameters": {"type": "object"},
            "timeout": {"type": "integer", "minimum": 0, "maximum": MAX_WAIT_SECONDS},
        },
    })
}

/// What an operation answers: what it is for, and every refusal, with one example for each status.
fn responses<const N: usize>(
    good: [(&str, &str, &str, Option<Value>); N],
    bad: &[ErrorCode],
) -> Value {
    let mut responses = Map::new();
    for (status, description, schema, example) in good {
        let mut content = json!({"schema": {"$ref": format!("{SCHEMAS}{schema}")}});
        if let (Some(example), Some(members)) = (example, content.as_object_mut()) {
            members.insert("example".into(), example);
        }
        let response =
            json!({"description": description, "content": {"application/json": content}});
        responses.insert(status.into(), response);
    }
    let is_possible = |code: &&ErrorCode| bad.contains(code) || OF_EVERYTHING.contains(code);
    let codes: Vec<ErrorCode> = ErrorCode::ALL.iter().filter(is_possible).copied().collect();
    for status in codes.iter().map(|code| code.status()).collect::<BTreeSet<_>>() {
        responses.insert(status.to_string(), refusals(&codes, status));
    }
    Value::Object(responses)
}

fn refusals(codes: &[ErrorCode], status: u16) -> Value {
    let codes = codes.iter().filter(|code| code.status() == status);
    let said = codes.clone().map(|code| format!("`{}`: {}.", code.as_str(), code.title()));
    let examples = codes.map(|code| {
        let problem = Problem::new(*code, code.title(), EXECUTION);
        (code.as_str().to_owned(), json!({ "value": problem }))
    });
    let content = json!({
        "schema": {"$ref": format!("{SCHEMAS}Problem")},
        "examples": examples.collect::<Map<_, _>>(),
    });
    json!({
        "description": said.collect::<Vec<_>>().join(" "),
        "content": {"application/problem+json": content},
    })
}
