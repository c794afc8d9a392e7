//! What a running process measures: that it is told to those who may read it, that Prometheus finds
//! nothing to complain of, and that nothing which strangers choose makes it grow.

use std::{
    collections::BTreeSet,
    io::Write as _,
    process::{Command, Stdio},
};

use reqwest::{Client, Method};
use serde_json::json;
use test_support::{app::Caller, databases::Database};

use crate::process::{Process, Settings};

const TOKEN: &str = "a-token-of-tests-that-nobody-knows";

/// A number, and of which series it is the sum.
type Expected = (f64, &'static str, &'static [&'static str]);

/// What [`use_everything`] leaves behind.
const EXACTLY: &[Expected] = &[
    (
        2.0,
        "keywright_http_requests_total",
        &["route=\"/v1/keys/verify\"", "status=\"200\"", "method=\"POST\""],
    ),
    (2.0, "keywright_http_request_duration_seconds_count", &["route=\"/v1/keys/verify\""]),
    (1.0, "keywright_http_requests_total", &["route=\"unknown\"", "status=\"404\""]),
    (0.0, "keywright_http_requests_in_flight", &[]),
    (1.0, "keywright_verifications_total", &["at=\"verify\"", "code=\"VALID\""]),
    (1.0, "keywright_verifications_total", &["at=\"verify\"", "code=\"RATE_LIMITED\""]),
    (1.0, "keywright_verifications_total", &["at=\"forward_auth\"", "code=\"RATE_LIMITED\""]),
    (1.0, "keywright_unknown_keys_total", &[]),
    (1.0, "keywright_rate_limit_refusals_total", &["limit=\"key\""]),
    (1.0, "keywright_problems_total", &["code=\"not_found\""]),
    (1.0, "keywright_executions_total", &["status=\"COMPLETED\""]),
    (1.0, "keywright_execution_duration_seconds_count", &[]),
    (0.0, "keywright_executions_pending", &[]),
    (0.0, "keywright_oldest_pending_seconds", &[]),
    (8.0, "keywright_worker_seats", &[]),
    (1.0, "keywright_ready", &[]),
    (5.0, "keywright_cache_staleness_limit_seconds", &[]),
    (8.0, "keywright_database_connections_limit", &[]),
    (1.0, "keywright_limiter_mode", &["mode=\"memory\""]),
    (1.0, "keywright_build_info", &[env!("CARGO_PKG_VERSION")]),
];
const AT_LEAST: &[Expected] = &[
    (5.0, "keywright_verifications_total", &["at=\"caller\"", "code=\"VALID\""]),
    (1.0, "keywright_key_cache_hits_total", &[]),
    (1.0, "keywright_key_cache_misses_total", &[]),
    (3.0, "keywright_key_cache_entries", &["holds=\"keys\""]),
    (1.0, "keywright_database_connections", &[]),
    (1.0, "keywright_database_checkout_duration_seconds_count", &[]),
    (5.0, "keywright_database_writes_total", &[]),
    (0.01, "process_cpu_seconds_total", &[]),
];

/// A server that tells metrics on a listener of its own, with an organization `acme`.
pub(crate) fn start(database: &Database, further: &[(&str, &str)]) -> (Process, String) {
    let settings = Settings::over(database).with("SERVER__ADMIN_LISTEN", "127.0.0.1:0");
    let settings = further.iter().fold(settings, |with, (name, value)| with.with(name, value));
    settings.run(&["migrate", "run"]);
    let (platform_key, _) = settings.given_organization("acme");
    (settings.serve(&[]), platform_key)
}

pub(crate) async fn metrics(process: &Process) -> String {
    let answer = reqwest::get(format!("{}/metrics", process.admin)).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let media_type = answer.headers()["content-type"].to_str().expect("text").to_owned();
    assert!(media_type.starts_with("text/plain; version=0.0.4"), "{media_type}");
    answer.text().await.expect("text")
}

/// The sum of all series of a metric whose line has all of `parts`.
fn sum(metrics: &str, name: &str, parts: &[&str]) -> f64 {
    let lines = metrics.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
            && parts.iter().all(|part| line.contains(part))
    });
    lines
        .map(|line| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()))
        .map(Option::unwrap)
        .sum()
}

/// Every series, without its value.
fn series(metrics: &str) -> BTreeSet<String> {
    let lines = metrics.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').expect("a value").0.to_owned()).collect()
}

/// Lets promtool judge; what it says.
pub(crate) fn promtool(arguments: &[&str], input: &str) -> String {
    let started = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = started.expect("promtool on the PATH, as .ci/test puts it there");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

/// Uses everything that is measured at least once.
pub(crate) async fn use_everything(process: &Process, platform_key: &str) {
    let stranger = Caller::new(&process.base);
    let platform = stranger.clone().bearer(platform_key);
    let workflow =
        json!({"name": "w", "definition": {"steps": [{"id": "a", "tool": "passthrough"}]}});
    let workflow = platform.post("/unstract/acme/api/v2/workflow/", workflow).await.created();
    let deployment = json!({"workflow": workflow["id"], "api_name": "echo"});
    let deployment =
        platform.post("/unstract/acme/api/v2/api-deployment/", deployment).await.created();
    let id = deployment["id"].as_str().expect("an id");
    let key = deployment["api_key"].as_str().expect("a key");
    let caller = stranger.clone().bearer(key);
    caller.post(&format!("/deployment/{id}/?wait=10"), json!({"a": 1})).await.ok();
    let limited = json!({"name": "limited", "rate_limit_per_minute": 1});
    let limited = platform.post("/v1/api-keys", limited).await.created();
    let limited = limited["key"].as_str().expect("a key");
    for code in ["VALID", "RATE_LIMITED"] {
        let verified = platform.post("/v1/keys/verify", json!({"key": limited})).await.ok();
        assert_eq!(verified["code"], code);
    }
    stranger.clone().bearer(limited).get("/v1/auth").await.refused(429, "rate_limited");
    stranger
        .clone()
        .bearer("unst_unknown")
        .get("/v1/whoami")
        .await
        .refused(401, "invalid_credential");
    stranger.get("/nothing").await.refused(404, "not_found");
}

async fn everything_that_happens_is_measured(database: Database) {
    let (process, platform_key) = start(&database, &[]);
    use_everything(&process, &platform_key).await;
    let told = metrics(&process).await;
    let failed = EXACTLY.iter().filter(|(wanted, name, parts)| {
        let sum = sum(&told, name, parts);
        (sum - wanted).abs() > 1e-9
    });
    let too_low = AT_LEAST.iter().filter(|(least, name, parts)| sum(&told, name, parts) < *least);
    let failed: Vec<_> = failed.chain(too_low).collect();
    assert!(failed.is_empty(), "{failed:#?}\n{told}");
    assert_eq!(promtool(&["check", "metrics"], &told), "");
    let key = platform_key.as_str();
    assert!(!told.contains(key) && !told.contains("acme"), "no label names anybody");
    assert!(process.terminate().success());
}

async fn strangers_add_no_series(database: Database) {
    let (process, platform_key) = start(&database, &[]);
    use_everything(&process, &platform_key).await;
    let client = Client::new();
    let tries = async |from: usize| {
        for number in from..from + 40 {
            let method = Method::from_bytes(format!("M{number}").as_bytes()).expect("a method");
            let path = format!("{}/{number}/x{number}", process.base);
            client.request(method, &path).send().await.expect("an answer");
            client
                .get(&path)
                .bearer_auth(format!("unst_{number}"))
                .send()
                .await
                .expect("an answer");
            let known = format!("{}/deployment/{number}/status/{number}", process.base);
            client
                .get(&known)
                .bearer_auth(format!("unst_{number}"))
                .send()
                .await
                .expect("an answer");
            client.head(&path).send().await.expect("an answer");
        }
    };
    tries(0).await;
    let before = series(&metrics(&process).await);
    tries(1000).await;
    let after = metrics(&process).await;
    let added: Vec<_> = series(&after).difference(&before).cloned().collect();
    assert!(added.is_empty(), "{added:#?}");
    assert!(sum(&after, "keywright_unknown_keys_total", &[]) >= 80.0);
    let routes = |line: &&String| line.starts_with("keywright_http_requests_total{");
    let named: BTreeSet<_> = before.iter().filter(routes).collect();
    assert!(named.len() < 40, "{named:#?}");
}

mod on_sqlite {
    use test_support::databases::Database;

    #[actix_web::test]
    async fn everything_that_happens_is_measured() {
        super::everything_that_happens_is_measured(Database::sqlite()).await;
    }

    #[actix_web::test]
    async fn strangers_add_no_series() {
        super::strangers_add_no_series(Database::sqlite()).await;
    }
}

mod on_postgres {
    use test_support::databases::Database;

    #[actix_web::test]
    async fn everything_that_happens_is_measured() {
        super::everything_that_happens_is_measured(Database::postgres()).await;
    }
}

#[actix_web::test]
async fn whoever_has_the_token_reads_metrics_where_callers_are_answered() {
    let database = Database::sqlite();
    let settings = Settings::over(&database).with("SERVER__METRICS_TOKEN", TOKEN);
    let process = settings.serve(&[]);
    let stranger = Caller::new(&process.base);
    stranger.get("/metrics").await.refused(401, "missing_credential");
    stranger
        .clone()
        .bearer(&TOKEN.to_uppercase())
        .get("/metrics")
        .await
        .refused(401, "invalid_credential");
    let told = stranger.clone().bearer(TOKEN).get("/metrics").await;
    assert_eq!(told.status, 200);
    assert!(told.text.contains("\nkeywright_build_info{"), "{}", told.text);
    let shown = settings.json(&["config", "show", "--json"]).to_string();
    assert!(shown.contains("server.metrics_token") && !shown.contains(TOKEN), "{shown}");
    assert!(process.terminate_and_read().iter().all(|line| !line.contains(TOKEN)));
}

#[actix_web::test]
async fn without_a_token_there_is_no_such_address() {
    let database = Database::sqlite();
    let process = Settings::over(&database).serve(&[]);
    let stranger = Caller::new(&process.base);
    stranger.get("/metrics").await.refused(404, "not_found");
    stranger.bearer(TOKEN).get("/metrics").await.refused(404, "not_found");
}

#[test]
fn a_token_that_is_easily_guessed_stops_the_start() {
    let database = Database::sqlite();
    let output =
        Settings::over(&database).with("SERVER__METRICS_TOKEN", "too-short").run(&["serve"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("server.metrics_token") && !told.contains("too-short"), "{told}");
}

#[actix_web::test]
async fn a_worker_tells_metrics_and_health_too() {
    let database = Database::sqlite();
    let process = Settings::over(&database).with("SERVER__ADMIN_LISTEN", "127.0.0.1:0").work();
    for address in ["healthz", "readyz"] {
        let answer = reqwest::get(format!("{}/{address}", process.admin)).await;
        assert_eq!(answer.expect("an answer").status(), 200);
    }
    let told = metrics(&process).await;
    assert!((sum(&told, "keywright_worker_seats", &[]) - 8.0).abs() < 1e-9, "{told}");
    assert_eq!(promtool(&["check", "metrics"], &told), "");
    assert!(process.terminate().success());
}
