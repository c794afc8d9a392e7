//! Every route of the API, asked by those who must not be answered. A route that is added without a
//! place in this table makes the test red.

use reqwest::Method;
use serde_json::{Value, json};
use test_support::{app::Caller, databases::Database};

/// Status and code; 200 where there is none.
type Refusal = (u16, &'static str);

/// Routes that answer anybody.
const PUBLIC: [(&str, &str); 7] = [
    ("post", "/v1/session"),
    ("post", "/v1/invitations/show"),
    ("post", "/v1/invitations/accept"),
    ("get", "/invitations"),
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/deployment/{handle}/docs"),
];
/// What the first segments of a path, or of one method of it, tell of those who may not pass, beside "no credential": the
/// status and code for a deployment's key, for another organization's platform key, and for another
/// organization's key that has the scope `orders:read` alone. Under `/v1`, a caller is in their own.
const TABLE: [(&str, Refusal, Refusal, Refusal); 31] = [
    ("/mcp", PASSES, PASSES, KIND),
    ("/metrics", INVALID, INVALID, INVALID),
    ("/v1/session", KIND, KIND, KIND),
    ("/v1/api-keys", KIND, PASSES, SCOPE),
    ("/v1/keys/", KIND, PASSES, SCOPE),
    ("/v1/auth", UNNAMED, UNNAMED, UNNAMED),
    ("/v1/inference", KIND, KIND, SCOPE),
    ("/v1/models", KIND, KIND, SCOPE),
    ("/v1/usage", KIND, PASSES, SCOPE),
    ("/v1/", PASSES, PASSES, PASSES),
    ("patch /unstract/{org_id}/api/v2/organization", ADMIN, HIDDEN, HIDDEN),
    ("/unstract/{org_id}/api/v2/organization", KIND, HIDDEN, HIDDEN),
    ("/unstract/{org_id}/api/v2/platform-keys", ADMIN, HIDDEN, HIDDEN),
    ("get /unstract/{org_id}/api/v2/secrets", KIND, HIDDEN, HIDDEN),
    ("/unstract/{org_id}/api/v2/secrets", ADMIN, HIDDEN, HIDDEN),
    ("get /unstract/{org_id}/api/v2/members", KIND, HIDDEN, HIDDEN),
    ("/unstract/{org_id}/api/v2/members", ADMIN, HIDDEN, HIDDEN),
    ("get /unstract/{org_id}/api/v2/invitations", KIND, HIDDEN, HIDDEN),
    ("/unstract/{org_id}/api/v2/invitations", ADMIN, HIDDEN, HIDDEN),
    ("/unstract/{org_id}/api/v2/webhooks", KIND, HIDDEN, HIDDEN),
    ("/unstract/{org_id}/api/v2/mail-deliveries", ADMIN, HIDDEN, HIDDEN),
    ("/unstract/{org_id}/api/v2/audit", KIND, HIDDEN, HIDDEN),
    ("/unstract/{org_id}/api/v2/usage", KIND, HIDDEN, HIDDEN),
    ("/unstract/{org_id}/api/v2/executions", KIND, HIDDEN, HIDDEN),
    ("/unstract/{org_id}/api/v2/workflow", KIND, HIDDEN, HIDDEN),
    ("/unstract/{org_id}/api/v2/api-deployment", KIND, HIDDEN, HIDDEN),
    ("/deployment/{handle}/openapi.json", HIDDEN, HIDDEN, DEPLOYMENT_KEY),
    ("/deployment/api/", HIDDEN, HIDDEN, HIDDEN),
    ("/api/v1/unstract/whoami", KIND, PASSES, SCOPE),
    ("/api/v1/unstract/{org_id}", KIND, HIDDEN, HIDDEN),
    ("/deployment/{handle}", HIDDEN, DEPLOYMENT_KEY, DEPLOYMENT_KEY),
];
/// Is not refused for who they are.
const PASSES: Refusal = (200, "");
const ADMIN: Refusal = (403, "admin_required");
const DEPLOYMENT_KEY: Refusal = (403, "deployment_key_required");
const HIDDEN: Refusal = (404, "not_found");
const INVALID: Refusal = (401, "invalid_credential");
const KIND: Refusal = (403, "key_kind_not_allowed");
const UNNAMED: Refusal = (400, "organization_required");
const SCOPE: Refusal = (403, "insufficient_scope");
const NOBODYS: &str = "00000000-0000-7000-8000-000000000000";

#[actix_web::test]
async fn every_route_refuses_those_who_may_not_pass() {
    let app = crate::start(Database::sqlite()).await;
    let deployment_key = app.given_deployment("echo").await.key;
    let foreign_key = app.given_organization("other");
    let narrow = json!({"name": "narrow", "scopes": ["orders:read"]});
    let narrow = app.with(&foreign_key).post("/v1/api-keys", narrow).await.created();
    let narrow_key = narrow["key"].as_str().expect("a key");
    let mut tried = 0;
    for (method, path) in routes() {
        if PUBLIC.contains(&(method.as_str(), path.as_str())) {
            continue;
        }
        let operation = format!("{method} {path}");
        let begins = |start: &str| path.starts_with(start) || operation.starts_with(start);
        let row = TABLE.iter().find(|(start, ..)| begins(start));
        let (_, to_deployment_key, to_foreign_key, to_narrow_key) =
            row.unwrap_or_else(|| panic!("{path} stands in no row of the table"));
        check(&app.stranger(), &method, &path, (401, "missing_credential")).await;
        check(&app.with("unst_unknown"), &method, &path, (401, "invalid_credential")).await;
        check(&app.with(NOBODYS), &method, &path, (401, "invalid_credential")).await;
        check(&app.with(&deployment_key), &method, &path, *to_deployment_key).await;
        check(&app.with(&foreign_key), &method, &path, *to_foreign_key).await;
        check(&app.with(narrow_key), &method, &path, *to_narrow_key).await;
        tried += 1;
    }
    assert!(tried > 25, "only {tried} routes were found");
}

async fn check(caller: &Caller, method: &str, path: &str, (status, code): Refusal) {
    let address = path.replace("{org_id}", "acme").replace("{handle}", NOBODYS);
    let address = address.replace("{id}", NOBODYS).replace("{key_id}", NOBODYS);
    let address = address.replace("{user_id}", NOBODYS).replace("{delivery_id}", NOBODYS);
    let verb = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
    let body = (verb != Method::GET && verb != Method::DELETE).then(|| json!({}));
    let answer = caller.send(verb, &address, body).await;
    if (status, code) == PASSES {
        assert!(![401, 403].contains(&answer.status), "{method} {path}: {answer:?}");
    } else {
        answer.refused(status, code);
    }
}

/// Those of agents, who are told what they can do by their own protocol.
const OF_AGENTS: [&str; 2] = ["/mcp", "/deployment/api/{org_id}/{api_name}/mcp"];

/// Method and path of every operation, as the document lists them, and of agents'.
fn routes() -> Vec<(String, String)> {
    let document = serde_json::to_value(http_actix::openapi()).expect("a document");
    let paths = document["paths"].as_object().expect("paths").clone();
    let operations = |(path, item): (String, Value)| {
        let methods: Vec<_> = item.as_object().expect("operations").keys().cloned().collect();
        methods.into_iter().map(move |method| (method, path.clone()))
    };
    let of_agents = OF_AGENTS.map(|path| ("post".to_owned(), path.to_owned()));
    paths.into_iter().flat_map(operations).chain(of_agents).collect()
}
