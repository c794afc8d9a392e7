//! A deployment as a collection for Postman (format 2.1.0). Its key is a variable that its holder fills in.

use deployments_domain::Documented;
use serde_json::{Value, json};

use super::path;

const FORMAT: &str = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";
/// What stands for the server where its own address is not known to it.
const UNKNOWN_SERVER: &str = "http://127.0.0.1:8080";

/// What runs after the first request, so that the others are about the execution that it started.
const REMEMBER: [&str; 8] = [
    "pm.test('the execution was accepted', function () {",
    "    pm.expect(pm.response.code).to.be.oneOf([200, 202]);",
    "});",
    "// Failed while it was waited for, an execution is named by the address of its status.",
    "var answer = pm.response.json();",
    "var found = /status\\/([0-9a-f-]{36})/.exec(answer.instance || '');",
    "var id = answer.execution_id || (found && found[1]);",
    "if (id) { pm.collectionVariables.set('execution_id', id); }",
];

/// The collection, for the server at `base` (empty: where that is, its reader must say).
pub(crate) fn collection(documented: &Documented, base: &str) -> Value {
    let deployment = &documented.deployment;
    let root = path(deployment.id);
    let input = documented.example.clone().unwrap_or_default();
    let body = serde_json::to_string_pretty(&json!({ "input_data": input })).unwrap_or_default();
    let of_execution = |what: &str| format!("{root}{what}/{{{{execution_id}}}}/");
    let server = if base.is_empty() { UNKNOWN_SERVER } else { base };
    let variable = |name: &str, value: &str, description: &str| json!({"key": name, "value": value, "type": "string", "description": description});
    json!({
        "info": {
            "_postman_id": deployment.id.uuid().to_string(),
            "name": deployment.api_name,
            "description": deployment.description,
            "schema": FORMAT,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{api_key}}", "type": "string"}]},
        "variable": [
            variable("base_url", server, "The address of the server, without a slash at its end."),
            variable("api_key", "", "A key of the deployment. Keep it in the current value, which is not shared."),
            variable("execution_id", "", "Set by the request that starts an execution."),
        ],
        "item": [
            {
                "name": "Start an execution",
                "event": [{"listen": "test", "script": {"type": "text/javascript", "exec": REMEMBER}}],
                "request": {
                    "method": "POST",
                    "header": [{"key": "Content-Type", "value": "application/json"}],
                    "body": {"mode": "raw", "raw": body, "options": {"raw": {"language": "json"}}},
                    "url": url(&root, Some(("wait", "10"))),
                },
            },
            request("Where it stands", "GET", &of_execution("status"), Some(("wait", "10"))),
            request("Its result", "GET", &of_execution("result"), None),
            request("Cancel it", "POST", &of_execution("cancel"), None),
        ],
    })
}

fn request(name: &str, method: &str, path: &str, query: Option<(&str, &str)>) -> Value {
    json!({"name": name, "request": {"method": method, "header": [], "url": url(path, query)}})
}

fn url(path: &str, query: Option<(&str, &str)>) -> Value {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let asked = query.map(|(key, value)| format!("?{key}={value}")).unwrap_or_default();
    let query: Vec<Value> =
        query.into_iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    json!({
        "raw": format!("{{{{base_url}}}}{path}{asked}"),
        "host": ["{{base_url}}"],
        "path": segments,
        "query": query,
    })
}
