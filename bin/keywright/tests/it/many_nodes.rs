//! Several servers over one PostgreSQL: what one of them is told, all of them hold to.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::{app::Caller, databases::Database};

use crate::{
    process::{Process, Settings},
    proxy::Proxy,
};

/// What is promised of a revocation.
const WITHIN: Duration = Duration::from_secs(1);
const TRIALS: usize = 200;
const VERIFY: &str = "/v1/keys/verify";

/// Servers over one database, and one organization's platform key.
struct Given {
    servers: Vec<Process>,
    platform_key: String,
}

impl Given {
    fn servers(settings: &[Settings]) -> Self {
        let serve = |settings: &Settings| settings.serve(&["--no-worker", "--migrate"]);
        let servers: Vec<_> = settings.iter().map(serve).collect();
        let (platform_key, _) = settings[0].given_organization("acme");
        Self { servers, platform_key }
    }

    fn at(&self, server: usize) -> Caller {
        Caller::new(&self.servers[server].base).bearer(&self.platform_key)
    }

    async fn key(&self, server: usize) -> Value {
        let name = format!("key {:?}", Instant::now());
        self.at(server).post("/v1/api-keys", json!({"name": name})).await.created()
    }

    /// What this server says of the key; `None`, where it cannot say.
    async fn verdict(&self, server: usize, key: &Value) -> Option<String> {
        let answer = self.at(server).post(VERIFY, json!({"key": key["key"]})).await;
        match answer.status {
            200 => Some(answer.json()["code"].as_str().expect("a code").to_owned()),
            503 => None,
            // Never that the caller's own key is wrong, for one.
            other => panic!("{other}: {}", answer.text),
        }
    }

    async fn revoke(&self, server: usize, key: &Value, query: &str) -> Value {
        let path = format!("/v1/api-keys/{}/revoke{query}", key["id"].as_str().expect("an id"));
        self.at(server).post_nothing(&path).await.ok()
    }
}

fn postgres(servers: usize) -> (Database, Given) {
    let database = Database::postgres();
    let given = Given::servers(&vec![Settings::over(&database); servers]);
    (database, given)
}

#[actix_web::test]
async fn a_key_that_is_revoked_at_one_of_three_servers_is_refused_by_all_within_a_second() {
    let (_database, given) = postgres(3);
    let mut slowest = Duration::ZERO;
    for trial in 0..TRIALS {
        let key = given.key(trial % 3).await;
        // Each has it in memory.
        for server in 0..3 {
            assert_eq!(given.verdict(server, &key).await.as_deref(), Some("VALID"));
        }
        given.revoke(trial % 3, &key, "").await;
        let answered = Instant::now();
        // By turns, as behind a load balancer, until nobody lets it in any more.
        let mut refused = [false; 3];
        while refused.contains(&false) {
            for (server, refused) in refused.iter_mut().enumerate() {
                let asked = answered.elapsed();
                let verdict = given.verdict(server, &key).await;
                assert!(!*refused || verdict.as_deref() == Some("REVOKED"), "it came back");
                *refused = verdict.as_deref() == Some("REVOKED");
                if !*refused {
                    assert!(asked < WITHIN, "server {server} said {verdict:?} after {asked:?}");
                    slowest = slowest.max(asked);
                }
            }
        }
    }
    println!("the last yes was asked for {slowest:?} after the revocation was answered");
}

#[actix_web::test]
async fn who_waits_for_all_servers_hears_who_knows_and_who_does_not() {
    let database = Database::postgres();
    let settings = Settings::over(&database).with("KEYS__MAX_STALENESS_MS", 1000);
    let mut given = Given::servers(&vec![settings; 3]);
    let names = |told: &Value, member: &str| told[member].as_array().expect("names").len();
    let key = given.key(0).await;
    given.verdict(2, &key).await;
    let told = given.revoke(0, &key, "?wait=all").await;
    assert_eq!((names(&told, "acknowledged"), names(&told, "missing")), (3, 0), "{told}");
    assert_eq!(told["id"], key["id"]);
    assert_eq!(given.verdict(2, &key).await.as_deref(), Some("REVOKED"), "at once");

    // One that stops in good order is waited for no more, one that died is missed.
    assert!(given.servers.remove(2).terminate().success());
    given.servers.remove(1).kill();
    let key = given.key(0).await;
    let told = given.revoke(0, &key, "?wait=all").await;
    assert_eq!((names(&told, "acknowledged"), names(&told, "missing")), (1, 1), "{told}");
    let path = format!("/v1/api-keys/{}/revoke?wait=some", key["id"].as_str().expect("an id"));
    given.at(0).post_nothing(&path).await.refused(400, "invalid_parameter");
    let told = given.revoke(0, &given.key(0).await, "").await;
    assert_eq!((&told["acknowledged"], &told["missing"]), (&Value::Null, &Value::Null));
}

#[actix_web::test]
async fn a_server_that_hears_nothing_says_yes_no_longer_than_it_may() {
    const CEILING: Duration = Duration::from_secs(2);
    let database = Database::postgres();
    let wire = Proxy::to_postgres(database.url());
    let near = Settings::over(&database).with("KEYS__MAX_STALENESS_MS", CEILING.as_millis());
    let far = near.clone().without("DATABASE__URL").with("DATABASE__URL", &wire.url);
    let given = Given::servers(&[near, far]);
    let keys = [given.key(0).await, given.key(0).await];
    for key in &keys {
        assert_eq!(given.verdict(1, key).await.as_deref(), Some("VALID"));
    }
    wire.cut();
    let cut = Instant::now();
    given.revoke(0, &keys[0], "").await;
    // What it remembers it goes on believing, and then it says that it does not know.
    loop {
        let asked = cut.elapsed();
        match given.verdict(1, &keys[0]).await.as_deref() {
            Some("VALID") => assert!(asked < CEILING, "yes after {asked:?}"),
            Some(other) => panic!("{other} from nowhere"),
            None => break,
        }
    }
    assert_eq!(given.verdict(1, &keys[1]).await, None);
    wire.mend();
    // Without a person.
    let verdict = async |key| loop {
        if let Some(verdict) = given.verdict(1, key).await {
            return verdict;
        }
        assert!(cut.elapsed() < Duration::from_secs(60), "it does not recover");
    };
    assert_eq!(
        (verdict(&keys[0]).await, verdict(&keys[1]).await),
        ("REVOKED".into(), "VALID".into())
    );
}
