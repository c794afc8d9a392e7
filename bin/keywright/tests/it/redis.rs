//! Several servers over one Redis, as real processes: limits hold for all of them together, and what holds while
//! Redis is away is what was set.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::{app::Caller, databases::Database, redis_server::RedisServer};

use crate::{
    metrics::metrics,
    process::{Process, Settings},
};

const PATIENCE: Duration = Duration::from_secs(20);
/// Calls a minute: one comes back each second.
const LIMIT: u32 = 60;

struct Nodes {
    redis: RedisServer,
    platform_key: String,
    servers: Vec<Process>,
    _database: Database,
}

impl Nodes {
    /// So many servers over one PostgreSQL and one Redis that has answered all of them.
    async fn start(count: usize, policy: &str) -> Self {
        let (database, redis) = (Database::postgres(), RedisServer::start());
        let settings = Settings::over(&database)
            .with("REDIS__URL", redis.url())
            .with("REDIS__ON_LIMITER_FAILURE", policy)
            .with("SERVER__ADMIN_LISTEN", "127.0.0.1:0")
            .with("LOG__LEVEL", "info");
        settings.json(&["migrate", "run", "--json"]);
        let (platform_key, _) = settings.given_organization("acme");
        let servers: Vec<_> = (0..count).map(|_| settings.serve(&["--no-worker"])).collect();
        let nodes = Self { redis, platform_key, servers, _database: database };
        for server in &nodes.servers {
            wait_for(server, "keywright_redis_up 1").await;
        }
        nodes
    }

    fn platform(&self, server: usize) -> Caller {
        Caller::new(&self.servers[server].base).bearer(&self.platform_key)
    }

    /// A key that may be used so often.
    async fn key(&self, name: &str) -> String {
        let terms = json!({"name": name, "rate_limit_per_minute": LIMIT});
        let made = self.platform(0).post("/v1/api-keys", terms).await.created();
        made["key"].as_str().expect("a key").to_owned()
    }

    /// Has every server verify the key, all at the same time; how many calls passed, and what may have come back.
    async fn spend(&self, key: &str, calls: u32) -> (u32, u32) {
        let (began, count) = (Instant::now(), u32::try_from(self.servers.len()).unwrap());
        let running: Vec<_> = (0..self.servers.len())
            .map(|server| {
                let (platform, question) = (self.platform(server), json!({"key": key}));
                actix_web::rt::spawn(async move {
                    let mut passed = 0;
                    for _ in 0..calls / count {
                        let answer = platform.post("/v1/keys/verify", question.clone()).await.ok();
                        assert!(
                            ["VALID", "RATE_LIMITED"].map(Value::from).contains(&answer["code"])
                        );
                        passed += u32::from(answer["code"] == "VALID");
                    }
                    passed
                })
            })
            .collect();
        let mut passed = 0;
        for one in running {
            passed += one.await.expect("it ends");
        }
        (passed, u32::try_from(began.elapsed().as_secs()).unwrap() + 1)
    }
}

async fn wait_for(server: &Process, line: &str) {
    let until = Instant::now() + PATIENCE;
    while !metrics(server).await.lines().any(|told| told == line) {
        assert!(Instant::now() < until, "{line}");
    }
}

#[actix_web::test]
async fn servers_together_let_through_what_the_limit_says() {
    let nodes = Nodes::start(3, "deny").await;
    for calls in [LIMIT * 9 / 10, LIMIT * 12 / 10, LIMIT * 2] {
        let key = nodes.key(&format!("key-{calls}")).await;
        let (passed, back) = nodes.spend(&key, calls).await;
        let (least, most) = (calls.min(LIMIT), calls.min(LIMIT + back));
        assert!((least..=most).contains(&passed), "{passed} of {calls}");
    }
}

#[actix_web::test]
async fn with_each_server_by_itself_limits_go_on_and_are_shared_again_when_redis_is_back() {
    let mut nodes = Nodes::start(2, "local").await;
    let key = nodes.key("k").await;
    nodes.redis.stop();
    let (passed, back) = nodes.spend(&key, LIMIT * 4).await;
    assert!((LIMIT * 2..=(LIMIT + back) * 2).contains(&passed), "{passed}: the limit of each");
    for server in &nodes.servers {
        wait_for(server, "keywright_redis_up 0").await;
        let told = metrics(server).await;
        let by_itself = "keywright_limiter_fallback_decisions_total{policy=\"local\"}";
        assert!(told.lines().any(|line| line.starts_with(by_itself) && !line.ends_with(" 0")));
        // Taken out of service, it would serve nobody.
        assert_eq!(Caller::new(&server.base).get("/readyz").await.status, 200);
    }
    nodes.redis.start_again();
    for (number, server) in nodes.servers.iter().enumerate() {
        let until = Instant::now() + PATIENCE;
        let probe = nodes.key(&format!("probe-{number}")).await;
        while nodes.redis.command("DBSIZE").trim() == ":0" {
            nodes.platform(number).post("/v1/keys/verify", json!({"key": probe})).await.ok();
            assert!(Instant::now() < until, "it heals by itself");
        }
        wait_for(server, "keywright_redis_up 1").await;
        nodes.redis.command("FLUSHALL");
    }
    let key = nodes.key("another").await;
    let (passed, back) = nodes.spend(&key, LIMIT * 2).await;
    assert!((LIMIT..=LIMIT + back).contains(&passed), "{passed}: one limit for both");
}

#[actix_web::test]
async fn where_nothing_shall_pass_a_fault_is_no_refusal() {
    let nodes = Nodes::start(1, "deny").await;
    let key = nodes.key("k").await;
    let platform = nodes.platform(0);
    nodes.redis.pause();
    for _ in 0..3 {
        let answer = platform.post("/v1/keys/verify", json!({"key": key})).await;
        answer.refused(503, "unavailable");
        assert!(!answer.header("retry-after").is_empty());
    }
    platform.get("/v1/whoami").await.ok();
    wait_for(&nodes.servers[0], "keywright_ready 0").await;
    platform.get("/readyz").await.refused(503, "unavailable");
    nodes.redis.resume();
    wait_for(&nodes.servers[0], "keywright_ready 1").await;
    let until = Instant::now() + PATIENCE;
    while platform.post("/v1/keys/verify", json!({"key": key})).await.status != 200 {
        assert!(Instant::now() < until, "it heals by itself");
    }
}

#[actix_web::test]
async fn where_everything_shall_pass_it_does() {
    let mut nodes = Nodes::start(1, "allow").await;
    let key = nodes.key("k").await;
    nodes.redis.stop();
    assert_eq!(nodes.spend(&key, LIMIT * 2).await.0, LIMIT * 2);
}

#[test]
fn the_doctor_asks_redis() {
    let database = Database::sqlite();
    let redis = RedisServer::start();
    let settings = Settings::over(&database);
    settings.run(&["migrate", "run"]);
    let found = |settings: &Settings| {
        let told = settings.run(&["doctor", "--json"]).stdout;
        let told: Vec<Value> = serde_json::from_slice(&told).expect("JSON");
        let line = told.into_iter().find(|finding| finding["check"] == "redis");
        line.map(|line| (line["status"].clone(), line["detail"].as_str().unwrap().to_owned()))
    };
    assert_eq!(found(&settings), None);
    let (status, _) = found(&settings.clone().with("REDIS__URL", redis.url())).expect("a line");
    assert_eq!(status, "good");
    let nobody = settings.with("REDIS__URL", "redis://kw:open-sesame@127.0.0.1:1");
    let (status, detail) = found(&nobody).expect("a line");
    assert!(status == "bad" && !detail.contains("sesame"), "{detail}");
    let shown = String::from_utf8(nobody.run(&["config", "show"]).stdout).expect("text");
    assert!(shown.contains("redis://kw:…@127.0.0.1:1") && !shown.contains("sesame"), "{shown}");
}

#[test]
fn what_cannot_be_stops_the_start_in_one_line() {
    let database = Database::sqlite();
    for (name, value, complaint) in [
        ("REDIS__URL", "http://redis", "redis.url: must be an address"),
        ("REDIS__PREFIX", "a{b}", "redis.prefix: must be"),
        ("REDIS__TIMEOUT_MS", "0", "redis.timeout_ms: must be from 10 to 10000"),
        ("REDIS__ON_LIMITER_FAILURE", "perhaps", "perhaps"),
        ("REDIS__URL_FILE", "/nowhere", "redis.url and redis.url_file: give one of them"),
    ] {
        let settings = Settings::over(&database).with("REDIS__URL", "redis://127.0.0.1:1");
        let output = settings.without(name).with(name, value).run(&["serve"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(complaint), "{said}");
    }
}
