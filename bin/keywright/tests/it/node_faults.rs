//! One server or worker of several that stops in the midst of things and goes on later, or whose clock is wrong: what others did
//! meanwhile stands, and nobody is let in who must not be.

use std::time::{Duration, Instant};

use actix_web::rt;
use serde_json::{Value, json};
use test_support::{app::Caller, databases::Database};

use crate::{
    process::{Process, Settings},
    service::Service,
};

/// How old what a server remembers of keys may be.
const CEILING: Duration = Duration::from_secs(2);
const RUNS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(60);
const KEYS: &str = "/v1/api-keys";

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text: {value}")).to_owned()
}

/// Several servers over one database.
struct Given {
    settings: Settings,
    platform_key: String,
    _database: Database,
}

impl Given {
    fn over_postgres(prepare: impl FnOnce(Settings) -> Settings) -> Self {
        let database = Database::postgres();
        let settings = Settings::over(&database)
            .with("KEYS__MAX_STALENESS_MS", CEILING.as_millis())
            .with("OUTBOUND__ALLOWED_NETWORKS", "127.0.0.0/8")
            .with("DATABASE__POOL_SIZE", 4)
            .with("LOG__LEVEL", "info");
        let settings = prepare(settings);
        settings.json(&["migrate", "run", "--json"]);
        let (platform_key, _) = settings.given_organization("acme");
        Self { settings, platform_key, _database: database }
    }

    fn platform(&self, server: &Process) -> Caller {
        Caller::new(&server.base).bearer(&self.platform_key)
    }

    /// An organization key: its address, and its secret.
    async fn key(&self, server: &Process, name: &str) -> (String, String) {
        let made = self.platform(server).post(KEYS, json!({"name": name})).await.created();
        (format!("{KEYS}/{}", text(&made["id"])), text(&made["key"]))
    }

    /// A workflow of `steps` as an API: its address and its key.
    async fn deployed(&self, server: &Process, steps: Value) -> (String, String) {
        let (platform, acme) = (self.platform(server), "/unstract/acme/api/v2");
        let workflow = json!({"name": "w", "definition": {"steps": steps}});
        let workflow = platform.post(&format!("{acme}/workflow/"), workflow).await.created();
        let terms = json!({
            "workflow": workflow["id"],
            "api_name": "api",
            "max_concurrent": null,
            "rate_limit_per_minute": null
        });
        let made = platform.post(&format!("{acme}/api-deployment/"), terms).await.created();
        (format!("/deployment/{}", text(&made["id"])), text(&made["api_key"]))
    }
}

async fn start(caller: &Caller, path: &str, input: Value) -> String {
    text(&caller.post(&format!("{path}/"), input).await.accepted()["execution_id"])
}

/// The status of a run, once it is the wanted one.
async fn until_it_is(wanted: &str, caller: &Caller, path: &str, run: &str) -> Value {
    // Who waits is answered at the end, and not before.
    let wait = u8::from(wanted != "EXECUTING");
    let becomes = async {
        loop {
            let status = caller.get(&format!("{path}/status/{run}/?wait={wait}")).await.ok();
            if status["status"] == wanted {
                return status;
            }
            assert!(status["finished_at"].is_null(), "never {wanted}: {status}");
        }
    };
    let became = rt::time::timeout(PATIENCE, becomes).await;
    became.unwrap_or_else(|_| panic!("{run} never is {wanted}"))
}

/// The answer of `caller` to whether a key is good, once it is a refusal; until then it may only be a yes.
async fn until_refused(caller: &Caller, code: &str, since: Instant) {
    loop {
        let begun = since.elapsed();
        let answer = caller.get("/v1/whoami").await;
        if answer.status != 200 {
            answer.refused(401, code);
            return;
        }
        assert!(begun < CEILING, "a yes {begun:?} after the change");
    }
}

#[actix_web::test]
async fn a_server_that_is_paused_knows_nothing_any_more_when_it_is_woken() {
    let given = Given::over_postgres(|settings| settings);
    let servers = [given.settings.serve(&["--no-worker"]), given.settings.serve(&["--no-worker"])];
    let (path, key) = given.key(&servers[0], "visitor").await;
    let visitor = Caller::new(&servers[1].base).bearer(&key);
    visitor.get("/v1/whoami").await.ok();
    servers[1].pause();
    // Comes when it is paused already, and is answered when it is woken.
    let asked = visitor.clone();
    let asked = rt::spawn(async move { asked.get("/v1/whoami").await });
    let revoked = given.platform(&servers[0]);
    revoked.post(&format!("{path}/revoke"), json!({"reason": "lost"})).await.ok();
    let since = Instant::now();
    while since.elapsed() <= CEILING {
        rt::task::yield_now().await;
    }
    servers[1].wake();
    asked.await.expect("an answer").refused(401, "key_revoked");
    visitor.get("/v1/whoami").await.refused(401, "key_revoked");
    given.key(&servers[1], "another").await;
}

#[actix_web::test]
async fn a_worker_that_is_paused_loses_its_run_and_changes_nothing_of_it_when_it_is_woken() {
    let given = Given::over_postgres(|settings| settings.with("WORKER__LEASE_SECONDS", 3));
    let server = given.settings.serve(&["--no-worker"]);
    // For the first worker it does not end: it is paused long before.
    let steps = json!([{"id": "long", "tool": "delay", "seconds": 4}]);
    let (path, key) = given.deployed(&server, steps).await;
    let caller = Caller::new(&server.base).bearer(&key);
    let paused = given.settings.work();
    let run = start(&caller, &path, json!(1)).await;
    until_it_is("EXECUTING", &caller, &path, &run).await;
    paused.pause();
    let other = given.settings.work();
    let ended = until_it_is("COMPLETED", &caller, &path, &run).await;
    let result = caller.get(&format!("{path}/result/{run}/")).await.ok();
    assert_eq!(other.terminate().code(), Some(0));
    paused.wake();
    // Goes on with what is there now: it alone is left to do it.
    let next = start(&caller, &path, json!(2)).await;
    until_it_is("COMPLETED", &caller, &path, &next).await;
    assert_eq!(caller.get(&format!("{path}/status/{run}/")).await.ok(), ended);
    assert_eq!(caller.get(&format!("{path}/result/{run}/")).await.ok(), result);
    let steps = |told: Value| told["steps"].as_array().map(Vec::len);
    let told = format!("/unstract/acme/api/v2/executions/{run}/");
    assert_eq!(steps(given.platform(&server).get(&told).await.ok()), Some(1));
    assert_eq!(paused.terminate().code(), Some(0));
}

#[actix_web::test]
async fn servers_whose_clocks_are_two_minutes_off_repeat_no_run_and_let_nobody_in_for_longer() {
    // Leases are shorter than the clocks are apart.
    let given = Given::over_postgres(|settings| settings);
    let service = Service::start();
    let servers = [
        given.settings.serve(&[]),
        given.settings.clone().with_clock_off_by("+120s").serve(&[]),
        given.settings.clone().with_clock_off_by("-120s").serve(&[]),
    ];
    let url = format!("{}/once/{{{{ input }}}}", service.base);
    let step = json!({"id": "once", "tool": "http_request", "method": "POST", "url": url});
    let (path, key) = given.deployed(&servers[0], json!([step])).await;
    let mut runs = Vec::new();
    for number in 0..RUNS {
        for (which, server) in servers.iter().enumerate() {
            let caller = Caller::new(&server.base).bearer(&key);
            runs.push(start(&caller, &path, json!(number * 10 + which)).await);
        }
    }
    for (number, run) in runs.iter().enumerate() {
        // Whoever tells of a run need not be who carried it out.
        let caller = Caller::new(&servers[number % 2 + 1].base).bearer(&key);
        until_it_is("COMPLETED", &caller, &path, run).await;
    }
    let calls = service.calls();
    assert_eq!(calls.len(), runs.len(), "{calls:?}");
    assert!(calls.values().all(|times| *times == 1), "{calls:?}");
    for (number, server) in servers.iter().enumerate() {
        keys_stop_everywhere(&given, server, &servers, number).await;
    }
}

/// A key that is made at one server is good at all of them, and what stops it there stops it everywhere.
async fn keys_stop_everywhere(given: &Given, at: &Process, servers: &[Process], number: usize) {
    let platform = given.platform(at);
    for (how, body, code) in [
        ("revoke", json!({"reason": "lost"}), "key_revoked"),
        ("rotate", json!({"grace_seconds": 0}), "key_expired"),
    ] {
        let (path, key) = given.key(at, &format!("{how} {number}")).await;
        let visitors: Vec<_> =
            servers.iter().map(|server| Caller::new(&server.base).bearer(&key)).collect();
        for visitor in &visitors {
            visitor.get("/v1/whoami").await.ok();
        }
        platform.post(&format!("{path}/{how}"), body).await.ok();
        let since = Instant::now();
        for visitor in &visitors {
            until_refused(visitor, code, since).await;
        }
    }
}
