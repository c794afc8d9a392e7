//! The documents that the server and the repository carry.

use std::{collections::BTreeSet, fs};

use access_domain::RESERVED_SLUGS;
use serde_json::Value;
use test_support::databases::Database;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

#[test]
fn the_committed_openapi_document_is_the_servers() {
    let mut current = http_actix::openapi().to_pretty_json().expect("a document");
    current.push('\n');
    if std::env::var_os("KEYWRIGHT_UPDATE").is_some() {
        fs::write(COMMITTED, &current).expect("docs/openapi.json can be written");
    }
    let committed = fs::read_to_string(COMMITTED).unwrap_or_default();
    assert!(committed == current, "docs/openapi.json is stale: run 'just openapi' and commit it");
}

#[test]
fn first_path_segments_are_reserved_as_slugs() {
    let document = serde_json::to_value(http_actix::openapi()).expect("a document");
    let paths = document["paths"].as_object().expect("paths").keys();
    let mut first: BTreeSet<_> =
        paths.map(|path| path.split('/').nth(1).unwrap().to_owned()).collect();
    // Served beside the API's own routes.
    first.insert("docs".into());
    first.extend(console_web::ADDRESSES.map(str::to_owned));
    first.extend(mcp_server::ADDRESSES.map(str::to_owned));
    let reserved: BTreeSet<_> = RESERVED_SLUGS.iter().map(ToString::to_string).collect();
    assert_eq!(first, reserved);
}

#[test]
fn every_operation_is_described_and_may_answer_with_a_problem() {
    let document = serde_json::to_value(http_actix::openapi()).expect("a document");
    assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(operation["responses"]["default"].is_object(), "{method} {path}");
            let responses = operation["responses"].as_object().expect("responses").values();
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            for described in responses.chain(parameters) {
                let description = described["description"].as_str().unwrap_or_default();
                assert!(!description.is_empty(), "{method} {path}: {described}");
            }
        }
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_and_every_list_names_its_items() {
    let document = serde_json::to_value(http_actix::openapi()).expect("a document");
    let mut names = BTreeSet::new();
    for item in document["paths"].as_object().expect("paths").values() {
        for operation in item.as_object().expect("operations").values() {
            let name = operation["operationId"].as_str().expect("a name");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert!(names.insert(name.to_owned()), "{name} is there twice");
        }
    }
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let lists: Vec<_> = schemas.keys().filter_map(|name| name.strip_prefix("ListView_")).collect();
    assert!(lists.len() > 10, "{lists:?}");
    for item in lists {
        let told = &schemas[&format!("ListView_{item}")]["properties"]["items"]["items"];
        assert_eq!(told["$ref"], format!("#/components/schemas/{item}"));
        assert!(schemas.contains_key(item), "{item}");
    }
}

#[actix_web::test]
async fn the_server_serves_its_documentation_from_itself() {
    let app = crate::start(Database::sqlite()).await;
    let served: Value = app.stranger().get("/openapi.json").await.ok();
    assert_eq!(served, serde_json::to_value(http_actix::openapi()).unwrap());
    let page = app.stranger().get("/docs/").await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text.contains("swagger-ui"), "{}", page.text);
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    for asset in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        let answer = app.stranger().get(&format!("/docs/{asset}")).await;
        assert_eq!(answer.status, 200, "{asset}");
    }
    let codes = app.stranger().get("/docs/errors").await;
    assert!(codes.text.contains("id=\"platform_key_limit\""));
}
