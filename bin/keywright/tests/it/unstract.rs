//! Unstract's own client, as it is published, against real servers; and what it does not try.

use std::{io::Write as _, path::Path, process::Stdio, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{
    app::{Caller, TestApp},
    databases::Database,
    python,
};

use crate::process::{Process, Settings};

on_both_databases!(
    what_the_client_does_not_try_is_answered_all_the_same,
    the_platform_client_finds_out_who_it_is_and_what_is_deployed,
);

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/unstract/client.py");

/// A server with two deployments: one reads files, one fails.
struct Bench {
    server: Process,
    directory: TempDir,
    key: String,
    failing_key: String,
}

impl Bench {
    async fn start(database: &Database) -> Self {
        let directory = TempDir::new().unwrap();
        let settings = Settings::over(database)
            .with("FILES__DIRECTORY", directory.path().join("files").display());
        let migrated = settings.run(&["migrate", "run"]);
        assert!(migrated.status.success(), "{migrated:?}");
        let (platform_key, _) = settings.given_organization("acme");
        let server = settings.serve(&[]);
        let platform = Caller::new(&server.base).bearer(&platform_key);
        let key = deployed(&platform, "reader", reader()).await;
        let failing = json!([{"id": "no", "tool": "transform", "filter": "error(\"not today\")"}]);
        let failing_key = deployed(&platform, "failing", failing).await;
        for (name, content) in [("a.txt", "one"), ("b.txt", "three"), ("bad.txt", "x")] {
            std::fs::write(directory.path().join(name), content).unwrap();
        }
        Self { server, directory, key, failing_key }
    }

    /// What the client answers, each time it is asked.
    fn ask(&self, api: &str, key: &str, timeout: u32, files: &[&str]) -> Vec<Value> {
        let path = |name: &&str| self.directory.path().join(name).display().to_string();
        let job = json!({
            "api_url": format!("{}/deployment/api/acme/{api}/", self.server.base),
            "api_key": key,
            "api_timeout": timeout,
            "include_metadata": true,
            "files": files.iter().map(path).collect::<Vec<_>>(),
        });
        run(CLIENT.as_ref(), &job).as_array().unwrap().clone()
    }
}

fn run(script: &Path, job: &Value) -> Value {
    let mut python = std::process::Command::new(python::interpreter())
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(job.to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Puts out the text of a file and its name; fails for one of them.
fn reader() -> Value {
    json!([
        {"id": "text", "tool": "extract_text", "from": "files"},
        {"id": "shape", "tool": "transform", "filter":
            "if .files[0].name == \"bad.txt\" then error(\"this one is bad\") else {text: .steps.text.output, name: .files[0].name} end"}
    ])
}

async fn deployed(platform: &Caller, name: &str, steps: Value) -> String {
    let workflow = json!({"name": name, "definition": {"steps": steps}});
    let workflow = platform.post("/unstract/acme/api/v2/workflow/", workflow).await.created();
    let deployment = json!({"workflow": workflow["id"], "api_name": name});
    let made = platform.post("/unstract/acme/api/v2/api-deployment/", deployment).await.created();
    made["api_key"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn the_real_client_on_sqlite() {
    every_flow(Database::sqlite()).await;
}

#[actix_web::test]
async fn the_real_client_on_postgres() {
    every_flow(Database::postgres()).await;
}

async fn every_flow(database: Database) {
    let bench = Bench::start(&database).await;
    synchronous(&bench);
    by_polling(&bench);
    refused(&bench);
    failing(&bench);
    assert!(bench.server.terminate().success());
}

fn synchronous(bench: &Bench) {
    let answers = bench.ask("reader", &bench.key, 300, &["a.txt", "b.txt"]);
    let [answer] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!(answer["status_code"], 200);
    assert_eq!(
        (&answer["pending"], &answer["execution_status"]),
        (&json!(false), &json!("COMPLETED"))
    );
    let items = answer["extraction_result"].as_array().unwrap();
    let told = |item: &Value| {
        (item["file"].clone(), item["status"].clone(), item["result"]["output"].clone())
    };
    let expected = [("a.txt", "one"), ("b.txt", "three")]
        .map(|(name, text)| (json!(name), json!("Success"), json!({"name": name, "text": text})));
    assert_eq!(items.iter().map(told).collect::<Vec<_>>(), expected);
    let metadata = &items[0]["metadata"];
    assert_eq!(
        (&metadata["source_name"], &metadata["usage"]["total_tokens"]),
        (&json!("a.txt"), &json!(0))
    );
    assert_eq!(metadata["source_hash"].as_str().map(str::len), Some(64));
}

fn by_polling(bench: &Bench) {
    let answers = bench.ask("reader", &bench.key, 0, &["a.txt", "bad.txt"]);
    assert_eq!((&answers[0]["status_code"], &answers[0]["pending"]), (&json!(200), &json!(true)));
    let [.., last, again] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!(last["execution_status"], "COMPLETED", "one of two succeeded: {answers:?}");
    let items = last["extraction_result"].as_array().unwrap();
    assert_eq!((&items[0]["status"], &items[1]["status"]), (&json!("Success"), &json!("Failed")));
    let why = items[1]["error"].as_str().unwrap();
    assert!(why.contains("this one is bad"), "{why}");
    assert_eq!(last["extraction_result"], again["extraction_result"], "reads repeat");
}

fn refused(bench: &Bench) {
    let wrong = bench.ask("reader", "unst_wrong", 300, &["a.txt"]);
    assert_eq!(wrong[0]["status_code"], 401);
    let why = wrong[0]["error"].as_str().unwrap_or_default();
    assert!(!why.is_empty() && wrong[0]["pending"] == json!(false), "{wrong:?}");
    let elsewhere = bench.ask("nowhere", "unst_wrong", 300, &["a.txt"]);
    assert_eq!(wrong, elsewhere, "whether the API exists is nobody's business without a key");
    let unknown = bench.ask("nowhere", &bench.key, 300, &["a.txt"]);
    assert_eq!((&unknown[0]["status_code"], &unknown[0]["pending"]), (&json!(404), &json!(false)));
}

fn failing(bench: &Bench) {
    let answers = bench.ask("failing", &bench.failing_key, 300, &["a.txt"]);
    assert_eq!(answers[0]["status_code"], 422, "{answers:?}");
    assert_eq!(answers[0]["execution_status"], "ERROR");
    assert!(answers[0]["error"].as_str().unwrap().contains("not today"), "{answers:?}");
    let polled = bench.ask("failing", &bench.failing_key, 0, &["a.txt", "b.txt"]);
    let last = polled.last().unwrap();
    assert_eq!((&last["execution_status"], &last["pending"]), (&json!("ERROR"), &json!(false)));
    let items = last["extraction_result"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{polled:?}");
    assert!(items.iter().all(|item| item["status"] == "Failed"), "{polled:?}");
}

async fn what_the_client_does_not_try_is_answered_all_the_same(app: TestApp) {
    let steps = json!({"steps": [{"id": "names", "tool": "transform", "filter": "[.files[].name, .input, .parameters]"}]});
    let reader = app.given_deployment_of("reader", steps, json!({})).await;
    let caller = app.with(&reader.key);
    let address = "/deployment/api/acme/reader";
    let fields = [("timeout", "10"), ("tags", "t1"), ("custom_data", "{\"a\": 1}"), ("extra", "x")];
    let done = caller.post_form(address, &fields, &[("a.txt", b"a")]).await.ok();
    let message = &done["message"];
    let expected = json!([["a.txt"], {"extra": "x"}, {"tags": ["t1"], "custom_data": {"a": 1}}]);
    assert_eq!(message["result"][0]["result"]["output"][0], expected[0][0]);
    assert_eq!(message["result"][0]["result"]["output"][1], expected[1]);
    assert_eq!(message["result"][0]["result"]["output"][2], expected[2]);
    assert!(message["result"][0]["metadata"].get("usage").is_none(), "it was not asked for");

    let id = message["execution_id"].as_str().unwrap();
    let status = format!("{address}/?execution_id={id}&include_metadata=True");
    let told = caller.get(&status).await.ok();
    assert_eq!((&told["status"], &told["error"]), (&json!("COMPLETED"), &Value::Null));
    assert_eq!(told["message"][0]["metadata"]["usage"]["total_tokens"], 0);

    // Another deployment's key sees neither the deployment nor its runs.
    let other = app.with(&app.given_deployment("other").await.key);
    other.get(&status).await.refused(404, "not_found");
    other
        .get(&format!("/deployment/api/acme/other/?execution_id={id}"))
        .await
        .refused(404, "not_found");
    app.platform().get(&status).await.refused(403, "deployment_key_required");

    caller.get(address).await.refused(400, "invalid_parameter");
    caller.post_form(address, &[], &[]).await.refused(422, "missing_field");
    caller.post(address, json!({"timeout": 1})).await.refused(422, "missing_field");
    for field in [("presigned_urls", "https://x"), ("hitl_queue_name", "q")] {
        caller.post_form(address, &[field], &[("a", b"a")]).await.refused(422, "unknown_field");
    }
    caller
        .post_form(address, &[("timeout", "301")], &[("a", b"a")])
        .await
        .refused(422, "invalid_value");
}

async fn the_platform_client_finds_out_who_it_is_and_what_is_deployed(app: TestApp) {
    let who = app.platform().get("/api/v1/unstract/whoami/").await.ok();
    let expected = json!({
        "organization_id": "acme", "organization_name": "acme", "permission": "full_access",
        "key_name": "Key #1"
    });
    assert_eq!(who, expected);
    for name in ["one", "two", "three"] {
        app.given_deployment_of(
            name,
            json!({"steps": [{"id": "a", "tool": "passthrough"}]}),
            json!({"display_name": format!("Number {name}")}),
        )
        .await;
        app.clock.advance(Duration::from_secs(1));
    }
    let list = "/api/v1/unstract/acme/api/deployment/";
    let page = app.platform().get(&format!("{list}?page=2&page_size=2")).await.ok();
    assert_eq!((&page["count"], &page["next"]), (&json!(3), &Value::Null));
    assert_eq!(page["previous"], format!("{list}?page=1&page_size=2"));
    let row = &page["results"][0];
    assert_eq!(
        (&row["api_name"], &row["api_endpoint"]),
        (&json!("one"), &json!("deployment/api/acme/one/"))
    );
    assert_eq!((&row["workflow_name"], &row["run_count"]), (&json!("one"), &json!(0)));
    let found = app.platform().get(&format!("{list}?search=number%20T")).await.ok();
    assert_eq!(found["count"], 2);
    let found = app.platform().get(&format!("{list}?api_name=two")).await.ok();
    assert_eq!(found["results"][0]["api_name"], "two");
    app.platform().get(&format!("{list}?page=0")).await.refused(400, "invalid_parameter");
}
