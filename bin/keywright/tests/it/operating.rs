//! `docs/operating/`: that its page, its dashboard and its alerts name what a running server measures,
//! and that Prometheus understands what they ask.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use test_support::{databases::Database, redis_server::RedisServer};

use crate::{
    metrics::{metrics, promtool, start, use_everything},
    process::Process,
};

/// What comes a moment after the start.
const LATE: [&str; 3] = [
    "keywright_audit_broken_chains",
    "keywright_upkeep_failures_total",
    "keywright_upkeep_last_success_timestamp_seconds",
];

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../docs/operating", name].iter().collect()
}

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).expect("a file")
}

/// The metrics that a text names; of a histogram's parts, the histogram.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
    let names = words.filter(|word| word.starts_with("keywright_") || word.starts_with("process_"));
    names.map(|name| name.strip_suffix("_bucket").unwrap_or(name).to_owned()).collect()
}

/// The metrics that a server tells.
async fn measured(process: &Process) -> BTreeSet<String> {
    let begun = Instant::now();
    loop {
        let told = metrics(process).await;
        let kinds = told.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let names: BTreeSet<String> =
            kinds.filter_map(|kind| kind.split(' ').next()).map(str::to_owned).collect();
        if LATE.iter().all(|late| names.contains(*late)) {
            return names;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{names:#?}");
    }
}

async fn wait_for_redis(process: &Process) {
    while !metrics(process).await.contains("keywright_redis_up 1") {}
}

fn dashboard() -> Value {
    serde_json::from_str(&text("grafana-dashboard.json")).expect("JSON")
}

/// What the panels of the dashboard ask.
fn questions() -> Vec<String> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("panels").clone();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| target["expr"].as_str().expect("a question").to_owned()).collect()
}

#[actix_web::test]
async fn what_the_papers_name_is_measured_and_the_other_way_round() {
    let (database, redis) = (Database::sqlite(), RedisServer::start());
    let (process, platform_key) = start(&database, &[("REDIS__URL", &redis.url())]);
    wait_for_redis(&process).await;
    use_everything(&process, &platform_key).await;
    let measured = measured(&process).await;
    assert_eq!(named(&text("README.md")), measured);
    assert_eq!(named(&questions().join("\n")), measured);
    let alerts = named(&text("alerts.yml"));
    let unmeasured: Vec<_> = alerts.difference(&measured).collect();
    assert!(alerts.len() > 10 && unmeasured.is_empty(), "{unmeasured:?}");
}

#[test]
fn prometheus_understands_the_alerts_and_what_the_dashboard_asks() {
    let alerts = path("alerts.yml");
    let said = promtool(&["check", "rules", alerts.to_str().expect("a path")], "");
    assert!(said.contains("SUCCESS"), "{said}");
    let rules: Vec<_> = questions()
        .iter()
        .enumerate()
        .map(|(number, question)| {
            let question = question.replace("$__rate_interval", "5m");
            json!({"record": format!("question:{number}"), "expr": question})
        })
        .collect();
    assert!(rules.len() > 30, "{rules:#?}");
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("questions.yml");
    // JSON is YAML.
    let rules = json!({"groups": [{"name": "dashboard", "rules": rules}]});
    fs::write(&file, rules.to_string()).expect("written");
    let said = promtool(&["check", "rules", file.to_str().expect("a path")], "");
    assert!(said.contains("SUCCESS"), "{said}");
}

#[test]
fn the_dashboard_asks_the_source_that_is_chosen() {
    let dashboard = dashboard();
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    assert_eq!(
        (&variables[0]["name"], &variables[0]["type"]),
        (&json!("datasource"), &json!("datasource"))
    );
    let panels = dashboard["panels"].as_array().expect("panels");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel}");
    }
}
