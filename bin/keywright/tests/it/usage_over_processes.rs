//! Usage as real processes count it: every answered request once, whatever happens meanwhile.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};
use test_support::{app::Caller, databases::Database};

use crate::{
    process::{Process, Settings},
    proxy::Proxy,
};

/// Connections that call at the same time.
const CALLERS: usize = 16;
/// Answers after which the server is told to stop, while the calls go on.
const ENOUGH: u64 = 600;
/// Calls between two things that happen.
const OFTEN: u64 = 20;
const INFERENCE: &str = "/v1/inference";
const UNKNOWN: &str = "unst_kJ5-x_8aZ0kJ5-x_8aZ0kJ5-x_8aZ0kJ5-x_8aZ0k";

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// A key that is called with, and what its calls are counted as.
struct Called {
    id: String,
    caller: Caller,
    address: String,
}

/// What callers were answered: by key, status and code.
type Answers = BTreeMap<(String, u16, String), u64>;

/// Manages the organization, and knows how often it has called.
struct Manager {
    base: String,
    platform: Caller,
    calls: u64,
}

impl Manager {
    async fn make(&mut self, address: &str, body: Value) -> Value {
        self.calls += 1;
        self.platform.post(address, body).await.created()
    }

    async fn key(&mut self, name: &str, mut terms: Value) -> Called {
        terms["name"] = json!(name);
        terms["scopes"] = json!(["inference:write"]);
        let made = self.make("/v1/api-keys", terms).await;
        self.called(&made["id"], &made["key"], INFERENCE)
    }

    async fn deployment(&mut self) -> Called {
        let definition = json!({"steps": [{"id": "a", "tool": "passthrough"}]});
        let workflow = json!({"name": "w", "definition": definition});
        let workflow = self.make("/unstract/acme/api/v2/workflow/", workflow).await;
        let deployment = json!({"workflow": workflow["id"], "api_name": "api"});
        let made = self.make("/unstract/acme/api/v2/api-deployment/", deployment).await;
        let address = format!("{}?wait=10", text(&made["endpoint"]["execute"]));
        self.called(&made["key_id"], &made["api_key"], &address)
    }

    fn called(&self, id: &Value, key: &Value, address: &str) -> Called {
        let caller = Caller::new(&self.base).bearer(text(key));
        Called { id: text(id).to_owned(), caller, address: address.to_owned() }
    }
}

/// What is told of the last 24 buckets, all together.
async fn told(reader: &Caller, query: &str) -> BTreeMap<String, u64> {
    let told = reader.get(&format!("/v1/usage?{query}")).await.ok();
    let mut sums = BTreeMap::new();
    for item in told["items"].as_array().expect("items") {
        for name in ["requests", "succeeded", "failed", "rejected"] {
            *sums.entry(name.to_owned()).or_default() += item[name].as_u64().expect("a number");
        }
        for (code, count) in item["rejected_by"].as_object().expect("codes") {
            *sums.entry(code.clone()).or_default() += count.as_u64().expect("a number");
        }
    }
    sums
}

/// What must be told of those answers.
fn expected(answers: &Answers, key: Option<&str>) -> BTreeMap<String, u64> {
    let names = ["requests", "succeeded", "failed", "rejected"];
    let mut sums: BTreeMap<String, u64> = names.map(|name| (name.to_owned(), 0)).into();
    let mut add = |name: &str, count| *sums.entry(name.to_owned()).or_default() += count;
    for ((of, status, code), count) in answers {
        if of.is_empty() || key.is_some_and(|key| key != of) {
            continue;
        }
        add("requests", *count);
        match *status {
            200..=399 => add("succeeded", *count),
            500.. => add("failed", *count),
            _ if code == "execution_failed" || code == "execution_stopped" => add("failed", *count),
            _ => {
                add("rejected", *count);
                add(code, *count);
            }
        }
    }
    sums
}

async fn counted_under_load(database: Database) {
    let settings = Settings::over(&database).with("LOG__LEVEL", "info");
    settings.run(&["migrate", "run"]);
    let (platform_key, _) = settings.given_organization("acme");
    let server = settings.serve(&[]);
    let platform = Caller::new(&server.base).bearer(&platform_key);
    let mut manager = Manager { base: server.base.clone(), platform, calls: 0 };
    let mut keys = vec![
        manager.deployment().await,
        manager.key("free", json!({})).await,
        manager.key("limited", json!({"rate_limit_per_minute": 20})).await,
        manager.key("expired", json!({})).await,
        manager.key("switched off", json!({})).await,
    ];
    // Before the server has heard of either.
    database.execute(&format!("UPDATE keys SET expires_at = 1 WHERE id = '{}'", keys[3].id));
    database.execute(&format!("UPDATE keys SET is_active = false WHERE id = '{}'", keys[4].id));
    keys.push(manager.called(&json!(""), &json!(UNKNOWN), INFERENCE));
    let answers = call_until_stopped(&Arc::new(keys), server).await;

    let server = settings.serve(&["--no-worker"]);
    let reader = manager.platform.towards(&server.base);
    let mut all = expected(&answers, None);
    for name in ["requests", "succeeded"] {
        *all.entry(name.to_owned()).or_default() += manager.calls;
    }
    assert!(all["rejected"] > 0 && all["succeeded"] > 0, "{all:?}");
    for (readings, bucket) in ["day", "hour", "minute"].into_iter().enumerate() {
        let mut told = told(&reader, &format!("bucket={bucket}")).await;
        // Those that ask are counted by this server.
        for name in ["requests", "succeeded"] {
            *told.entry(name.to_owned()).or_default() -= readings as u64;
        }
        assert_eq!(told, all, "by {bucket}: {answers:?}");
    }
    let of_keys: BTreeSet<_> =
        answers.keys().map(|(key, ..)| key.clone()).filter(|key| !key.is_empty()).collect();
    assert_eq!(of_keys.len(), 5, "{answers:?}");
    for key in of_keys {
        let told = told(&reader, &format!("bucket=day&key_id={key}")).await;
        assert_eq!(told, expected(&answers, Some(&key)), "{answers:?}");
    }
}

/// Calls with all keys from many connections, and stops the server in the midst; what was answered.
async fn call_until_stopped(keys: &Arc<Vec<Called>>, server: Process) -> Answers {
    let (answer_to, mut answered) = tokio::sync::mpsc::unbounded_channel();
    for number in 0..CALLERS {
        let (keys, answer_to) = (keys.clone(), answer_to.clone());
        actix_web::rt::spawn(async move {
            for turn in number.. {
                let key = &keys[turn % keys.len()];
                let ask = json!({"model": "echo", "prompt": "one two"});
                // Nobody answers any more.
                let Ok(answer) = key.caller.try_post(&key.address, ask).await else { return };
                let is_refused = answer.status >= 400;
                let code = if is_refused { answer.json()["code"].take() } else { json!("") };
                let _ = answer_to.send((key.id.clone(), answer.status, text(&code).to_owned()));
            }
        });
    }
    drop(answer_to);
    let (mut answers, mut stopping) = (Answers::new(), Some(server));
    // Ends when no caller is answered any more.
    while let Some(answer) = answered.recv().await {
        *answers.entry(answer).or_default() += 1;
        if answers.values().sum::<u64>() == ENOUGH {
            let server = stopping.take().expect("it runs");
            let ended = actix_web::web::block(move || server.terminate()).await.expect("a thread");
            assert!(ended.success(), "{ended}");
        }
    }
    assert!(stopping.is_none(), "it was stopped, and did not end before: {answers:?}");
    answers
}

#[actix_web::test]
async fn every_answer_under_load_is_counted_once_and_stored_at_a_stop_on_sqlite() {
    counted_under_load(Database::sqlite()).await;
}

#[actix_web::test]
async fn every_answer_under_load_is_counted_once_and_stored_at_a_stop_on_postgres() {
    counted_under_load(Database::postgres()).await;
}

async fn call_often(key: &Called) {
    for _ in 0..OFTEN {
        key.caller.post(INFERENCE, json!({"model": "echo", "prompt": "one two"})).await.ok();
    }
}

#[actix_web::test]
async fn what_is_counted_while_the_database_is_away_is_stored_once_it_is_back() {
    let database = Database::postgres();
    let direct = Settings::over(&database).with("LOG__LEVEL", "info");
    direct.run(&["migrate", "run"]);
    let (platform_key, _) = direct.given_organization("acme");
    let proxy = Proxy::to_postgres(database.url());
    let through = Settings::of(&proxy.url).with("KEYS__MAX_STALENESS_MS", 60_000);
    let server = through.with("LOG__LEVEL", "info").serve(&[]);
    let platform = Caller::new(&server.base).bearer(&platform_key);
    let mut manager = Manager { base: server.base.clone(), platform, calls: 0 };
    let key = manager.key("shop", json!({})).await;
    let mut calls = 0;
    for _ in 0..3 {
        call_often(&key).await;
        proxy.cut();
        call_often(&key).await;
        server.wait_for_line("what was counted was not stored; it stays counted");
        call_often(&key).await;
        proxy.mend();
        // Each task finds out by itself.
        while server.wait_for_line("storage answers again")["fields"]["task"] != "usage" {}
        calls += 3 * OFTEN;
    }
    let ended = actix_web::web::block(move || server.terminate()).await.expect("a thread");
    assert!(ended.success(), "{ended}");
    let server = direct.serve(&["--no-worker"]);
    let reader = manager.platform.towards(&server.base);
    let all = told(&reader, "bucket=day").await;
    assert_eq!((all["requests"], all["succeeded"]), (calls + manager.calls, calls + manager.calls));
    let of_key = told(&reader, &format!("bucket=day&key_id={}", key.id)).await;
    assert_eq!((of_key["requests"], of_key["succeeded"]), (calls, calls));
}
