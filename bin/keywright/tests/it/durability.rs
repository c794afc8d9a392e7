//! A server that is killed again and again in the midst of its work: every run that it accepted ends,
//! and what must not be done twice is not.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use actix_web::rt::{self, time::sleep};
use serde_json::{Value, json};
use test_support::{app::Caller, databases::Database};
use tokio::sync::mpsc::unbounded_channel;

use crate::{
    process::{Process, Settings},
    service::Service,
};

const RUNS: usize = 200;
const KILLS: usize = 10;
/// A server that is busy with all that was left says so; whoever calls it comes again.
const UNAVAILABLE: u16 = 503;

#[actix_web::test]
async fn kills_at_any_moment_lose_no_run_and_repeat_no_step_over_sqlite() {
    kills_at_any_moment_lose_no_run_and_repeat_no_step(Database::sqlite()).await;
}

#[actix_web::test]
async fn kills_at_any_moment_lose_no_run_and_repeat_no_step_over_postgres() {
    kills_at_any_moment_lose_no_run_and_repeat_no_step(Database::postgres()).await;
}

#[actix_web::test]
async fn a_cancellation_reaches_a_worker_of_another_process_over_sqlite() {
    a_cancellation_reaches_a_worker_of_another_process(Database::sqlite()).await;
}

#[actix_web::test]
async fn a_cancellation_reaches_a_worker_of_another_process_over_postgres() {
    a_cancellation_reaches_a_worker_of_another_process(Database::postgres()).await;
}

async fn a_cancellation_reaches_a_worker_of_another_process(database: Database) {
    let service = Service::start();
    let settings = Settings::over(&database).with("OUTBOUND__ALLOWED_NETWORKS", "127.0.0.0/8");
    let server = settings.serve(&["--migrate", "--no-worker"]);
    let _worker = settings.work();
    let step = json!({"id": "s", "tool": "http_request", "url": format!("{}/slow", service.base)});
    let deployed = Deployed::of(&settings, &server, json!([step])).await;
    let (_, id) = deployed.call(&server, 1).await.unwrap();
    until(|| service.calls().contains_key("/slow")).await;
    let begun = Instant::now();
    let caller = Caller::new(&server.base).bearer(&deployed.key);
    caller.post_nothing(&format!("{}/cancel/{id}/", deployed.path)).await.accepted();
    until(|| service.calls().contains_key("left")).await;
    // Half a second is meant, on a machine that has time; without being told, the lease's thirty.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(deployed.status(&server, &id).await["status"], "STOPPED");
}

/// Waits until it is so; whoever runs tests ends this if it never is.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        sleep(Duration::from_millis(5)).await;
    }
}

async fn kills_at_any_moment_lose_no_run_and_repeat_no_step(database: Database) {
    let service = Service::start();
    let settings = Settings::over(&database)
        .with("WORKER__LEASE_SECONDS", 1)
        .with("OUTBOUND__ALLOWED_NETWORKS", "127.0.0.0/8")
        .with("LOG__LEVEL", "info");
    let mut server = settings.serve(&["--migrate"]);
    let deployed = Deployed::by(&settings, &server, &service).await;
    let mut accepted = BTreeMap::new();
    for turn in 0..KILLS {
        let (answer_to, mut answers) = unbounded_channel();
        for number in turn * RUNS / KILLS..(turn + 1) * RUNS / KILLS {
            let (call, answer_to) = (deployed.call(&server, number), answer_to.clone());
            rt::spawn(async move { call.await.map(|answer| answer_to.send(answer)) });
        }
        drop(answer_to);
        // Any moment will do: each turn another one, from before the first answer to the last.
        for _ in 0..turn * 2 {
            accepted.extend(answers.recv().await);
        }
        sleep(Duration::from_millis(u64::try_from(turn * 7 % 40).unwrap())).await;
        server.kill();
        while let Some(answer) = answers.recv().await {
            accepted.insert(answer.0, answer.1);
        }
        server = settings.serve(&[]);
    }
    assert!(accepted.len() > RUNS / 10, "hardly any of the calls was accepted: {}", accepted.len());
    let mut endings = BTreeMap::<String, usize>::new();
    for (number, id) in &accepted {
        let status = deployed.status(&server, id).await;
        let (ending, reason) = (&status["status"], &status["error"]["code"]);
        let calls = service.calls();
        let once = calls.get(&format!("/once/{number}")).copied().unwrap_or_default();
        match (ending.as_str().unwrap(), reason.as_str()) {
            ("COMPLETED", None) => {
                assert_eq!(once, 1, "{status}");
                assert!(calls[&format!("/often/{number}")] >= 1);
            }
            ("ERROR", Some("interrupted")) => assert!(once <= 1, "{status}"),
            other => panic!("{other:?}: {status}"),
        }
        *endings.entry(ending.to_string()).or_default() += 1;
    }
    let calls = service.calls();
    let twice = calls.iter().find(|(path, times)| path.starts_with("/once/") && **times > 1);
    assert_eq!(twice, None);
    let ids: BTreeSet<_> = accepted.values().collect();
    assert_eq!(ids.len(), accepted.len());
    assert!(endings.contains_key("\"COMPLETED\""), "{endings:?}");
}

struct Deployed {
    path: String,
    key: String,
}

impl Deployed {
    /// A workflow that calls once what may be called often, and once what may not.
    async fn by(settings: &Settings, server: &Process, service: &Service) -> Self {
        let call = |id: &str, is_idempotent: bool| {
            let url = format!("{}/{id}/{{{{ input }}}}", service.base);
            json!({"id": id, "tool": "http_request", "method": "POST", "url": url, "idempotent": is_idempotent})
        };
        let steps = json!([
            call("often", true),
            {"id": "shape", "tool": "transform", "filter": ".input"},
            call("once", false),
            {"id": "on", "tool": "passthrough"}
        ]);
        Self::of(settings, server, steps).await
    }

    async fn of(settings: &Settings, server: &Process, steps: Value) -> Self {
        let (platform_key, _) = settings.given_organization("acme");
        let platform = Caller::new(&server.base).bearer(&platform_key);
        let workflow = json!({"name": "w", "definition": {"steps": steps}});
        let workflow = platform.post("/unstract/acme/api/v2/workflow/", workflow).await.created();
        let terms = json!({"workflow": workflow["id"], "api_name": "api", "max_concurrent": null, "rate_limit_per_minute": null});
        let deployed =
            platform.post("/unstract/acme/api/v2/api-deployment/", terms).await.created();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            path: format!("/deployment/{}", text(&deployed["id"])),
            key: text(&deployed["api_key"]),
        }
    }

    /// A call of its own connection; the id of the run, if it was accepted.
    fn call(
        &self,
        server: &Process,
        number: usize,
    ) -> impl Future<Output = Option<(usize, String)>> + 'static {
        let caller = Caller::new(&server.base).bearer(&self.key);
        let path = format!("{}/", self.path);
        async move {
            let answer = caller.try_post(&path, json!(number)).await.ok()?;
            if answer.status == UNAVAILABLE {
                return None;
            }
            Some((number, answer.accepted()["execution_id"].as_str().unwrap().to_owned()))
        }
    }

    async fn status(&self, server: &Process, id: &str) -> Value {
        let caller = Caller::new(&server.base).bearer(&self.key);
        loop {
            let answer = caller.get(&format!("{}/status/{id}/?wait=60", self.path)).await;
            if answer.status != UNAVAILABLE {
                return answer.ok();
            }
        }
    }
}
