//! Models that other servers answer for, as the configuration names them.

use serde_json::{Value, json};
use test_support::{
    app::Caller,
    databases::Database,
    model_server::{MODEL, ModelServer},
};

use crate::process::{Process, Settings};

const INFERENCE: &str = "/v1/inference";
const UPSTREAM_KEY: &str = "sk-3JdE0aWnQx5LrVt8";

fn settings(database: &Database, base_url: &str) -> Settings {
    Settings::over(database)
        .with("MODELS__GPT__BASE_URL", base_url)
        .with("MODELS__GPT__API_KEY", UPSTREAM_KEY)
        .with("MODELS__GPT__UPSTREAM_MODEL", MODEL)
        .with("MODELS__GPT__PROMPT_PRICE", "2.5")
        .with("MODELS__GPT__COMPLETION_PRICE", "10")
        .with("MODELS__GPT__TIMEOUT_SECONDS", "5")
        .with("MODELS__ALIASES__BEST", "gpt")
}

/// A server, and a key that may ask models and read usage.
async fn serve(settings: &Settings) -> (Process, Caller) {
    let (platform_key, _) = settings.given_organization("acme");
    let server = settings.serve(&[]);
    let platform = Caller::new(&server.base).bearer(&platform_key);
    let scopes = json!(["inference:read", "inference:write", "analytics:read"]);
    let made = platform.post("/v1/api-keys", json!({"name": "k", "scopes": scopes})).await;
    let made = made.created();
    let caller = Caller::new(&server.base).bearer(made["key"].as_str().expect("a key"));
    (server, caller)
}

#[actix_web::test]
async fn a_real_server_answers_and_each_key_is_metered() {
    let models = ModelServer::start(&[("What is the total?", "It is 42 euros")], "What?");
    let database = Database::sqlite();
    let settings = settings(&database, &models.base_url);
    let (server, caller) = serve(&settings).await;
    let names = caller.get("/v1/models").await.ok();
    let expected = json!([{"id": "best", "alias_of": "gpt"}, {"id": "echo"}, {"id": "gpt"}]);
    assert_eq!(names["items"], expected);

    let asked = json!({"model": "best", "prompt": "What is the total?", "temperature": 0});
    let answer = caller.post(INFERENCE, asked).await.ok();
    assert_eq!((&answer["output"], &answer["model"]), (&json!("It is 42 euros"), &json!("best")));
    let tokens = |name: &str| answer["usage"][name].as_u64().expect("a number");
    let (prompt, completion) = (tokens("prompt_tokens"), tokens("completion_tokens"));
    assert!(prompt >= 4 && completion == 4, "{answer}");

    let usage = caller.get("/v1/usage?bucket=day").await.ok();
    let told = |name: &str| -> u64 {
        let items = usage["items"].as_array().expect("items");
        items.iter().map(|item| item[name].as_u64().expect("a number")).sum()
    };
    assert_eq!(told("prompt_tokens"), prompt);
    assert_eq!(told("completion_tokens"), completion);
    assert_eq!(told("cost_micros"), (prompt * 5 + completion * 20).div_ceil(2));
    let lines = server.terminate_and_read();
    assert!(!lines.iter().any(|line| line.contains(UPSTREAM_KEY) || line.contains("42 euros")));
}

#[actix_web::test]
async fn a_model_that_cannot_be_asked_is_told_without_the_cause() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}/v1", listener.local_addr().expect("an address"))
    };
    let database = Database::sqlite();
    let settings = settings(&database, &gone).with("MODELS__GPT__RETRIES", "0");
    let (server, caller) = serve(&settings).await;
    let refused = caller.post(INFERENCE, json!({"model": "gpt", "prompt": "x"})).await;
    let refused = refused.refused(502, "model_failed");
    assert_eq!(refused["detail"], "the model cannot be asked now");
    let usage = caller.get("/v1/usage?bucket=day").await.ok();
    let failed: u64 = usage["items"].as_array().expect("items").iter().map(failures).sum();
    assert_eq!(failed, 1);
    let lines = server.terminate_and_read();
    assert!(lines.iter().any(|line| line.contains("cannot be reached")), "{lines:#?}");
}

fn failures(item: &Value) -> u64 {
    item["failed"].as_u64().expect("a number")
}

#[test]
fn the_doctor_misses_the_key_of_a_model_and_warns_of_wide_networks() {
    let database = Database::sqlite();
    let settings = Settings::over(&database)
        .with("MODELS__GPT__BASE_URL", "https://models.example/v1")
        .with("MODELS__GPT__API_KEY_FILE", "/nowhere/model.key")
        .with("OUTBOUND__ALLOWED_NETWORKS", "127.0.0.0/8");
    let output = settings.run(&["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let findings: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let of = |check: &str| {
        let mut found = findings.as_array().expect("findings").iter();
        found.find(|finding| finding["check"] == check).cloned().unwrap_or_default()
    };
    assert_eq!(of("models")["status"], "bad");
    let detail = of("models")["detail"].to_string();
    assert!(detail.contains("models.gpt.api_key_file: /nowhere/model.key"), "{detail}");
    assert_eq!(of("outbound")["status"], "warning");
    let shown = settings.run(&["config", "show"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("https://models.example/v1"));
}
