//! Forward authentication by real reverse proxies, as their pages in `docs/deploy/` set them up.

use serde_json::{Value, json};
use test_support::{app::Caller, databases::Database};

use crate::{
    process::{Process, Settings},
    proxy::Proxy,
    reverse_proxy::{Kind, ReverseProxy, start_backend},
};

/// What a client may send to pass for somebody; to many backends `_` is the same as `-`.
const FORGED: [&str; 6] = [
    "x-key-id",
    "x-organization-id",
    "x-key-scopes",
    "x_key_id",
    "x_organization_id",
    "x_key_scopes",
];

/// Each behaviour, behind each proxy.
macro_rules! behind_each {
    ($($behaviour:ident),* $(,)?) => {
        mod behind_nginx {
            $(#[actix_web::test]
            async fn $behaviour() {
                super::$behaviour(super::Kind::Nginx).await;
            })*
        }
        mod behind_caddy {
            $(#[actix_web::test]
            async fn $behaviour() {
                if super::Kind::Caddy.is_there() {
                    super::$behaviour(super::Kind::Caddy).await;
                }
            })*
        }
    };
}

behind_each!(
    the_backend_is_told_whose_key_it_was_and_not_the_key,
    what_a_client_says_of_itself_never_reaches_the_backend,
    refusals_reach_the_client_as_they_are,
    a_spent_limit_is_429_and_says_when_to_come_back,
    a_clients_query_does_not_change_who_may_pass,
    an_allowlist_sees_the_client_and_not_the_proxy,
    without_keywright_nobody_passes,
);

/// Keywright behind a reverse proxy, with an organization `acme`.
struct Scene {
    proxy: ReverseProxy,
    server: Process,
    settings: Settings,
    platform: Caller,
}

impl Scene {
    fn over(database: &str, kind: Kind) -> Self {
        let settings = Settings::of(database).with("SERVER__TRUSTED_PROXIES", "127.0.0.1");
        let server = settings.serve(&["--migrate"]);
        let (platform_key, _) = settings.given_organization("acme");
        let platform = Caller::new(&server.base).bearer(&platform_key);
        let keywright = server.base.strip_prefix("http://").expect("an address");
        let proxy = kind.start(keywright, &start_backend());
        Self { proxy, server, settings, platform }
    }

    /// A key with the scope that the pages ask for, and what else is wanted.
    async fn key(&self, name: &str, terms: Value) -> Value {
        let mut wanted = json!({"name": name, "scopes": ["orders:read"]});
        let members = wanted.as_object_mut().expect("an object");
        members.extend(terms.as_object().expect("an object").clone());
        self.platform.post("/v1/api-keys", wanted).await.created()
    }

    /// Somebody without a key, on another address than the proxy calls from.
    fn stranger(&self) -> Caller {
        Caller::new(&self.proxy.base).at("127.0.0.2".parse().expect("an address"))
    }

    fn holder(&self, key: &Value) -> Caller {
        self.stranger().bearer(text(key, "key"))
    }
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}"))
}

fn forging(caller: Caller) -> Caller {
    FORGED.iter().fold(caller, |caller, name| caller.header(name, "forged"))
}

async fn the_backend_is_told_whose_key_it_was_and_not_the_key(kind: Kind) {
    let database = Database::sqlite();
    let scene = Scene::over(database.url(), kind);
    let key = scene.key("orders", json!({"scopes": ["orders:read", "orders:write"]})).await;
    let whoami = Caller::new(&scene.server.base).bearer(text(&key, "key"));
    let organization = whoami.get("/v1/whoami").await.ok()["organization"]["id"].clone();
    for (header, value) in [
        ("authorization", format!("Bearer {}", text(&key, "key"))),
        ("authorization", format!("Api-Key {}", text(&key, "key"))),
        ("api-key", text(&key, "key").to_owned()),
    ] {
        let holder = scene.stranger().header(header, value);
        let seen = holder.post("/orders?page=2", json!({"total": 5})).await.ok();
        assert_eq!(seen["headers"]["x-key-id"], json!([key["id"]]), "{seen}");
        assert_eq!(seen["headers"]["x-organization-id"], json!([organization]), "{seen}");
        let scopes = seen["headers"]["x-key-scopes"][0].as_str().expect("scopes");
        assert!(scopes.contains("orders:read") && scopes.contains("orders:write"), "{seen}");
        assert!(!seen.to_string().contains(text(&key, "key")), "{seen}");
        let request = (&seen["method"], &seen["uri"], &seen["body"]);
        let sent = (&json!("POST"), &json!("/orders?page=2"), &json!("{\"total\":5}"));
        assert_eq!(request, sent, "the request itself is as it was sent");
    }
}

async fn what_a_client_says_of_itself_never_reaches_the_backend(kind: Kind) {
    let database = Database::sqlite();
    let scene = Scene::over(database.url(), kind);
    let key = scene.key("orders", json!({})).await;
    let seen = forging(scene.holder(&key)).get("/orders").await.ok();
    assert!(!seen.to_string().contains("forged"), "{seen}");
    assert_eq!(seen["headers"]["x-key-id"], json!([key["id"]]), "{seen}");
    let seen = forging(scene.holder(&key)).get("/public/").await.ok();
    let lower = seen.to_string().to_lowercase();
    assert!(!lower.contains("forged") && !lower.contains("x-key"), "{seen}");
    assert!(!seen.to_string().contains(text(&key, "key")), "{seen}");
    assert_eq!(forging(scene.stranger()).get("/orders").await.status, 401);
}

async fn refusals_reach_the_client_as_they_are(kind: Kind) {
    let database = Database::sqlite();
    let scene = Scene::over(database.url(), kind);
    let missing = scene.stranger().get("/orders").await;
    assert!(missing.status == 401 && !missing.header("www-authenticate").is_empty(), "{missing:?}");
    let key = scene.key("orders", json!({})).await;
    let wrong = scene.stranger().bearer(&format!("{}x", text(&key, "key"))).get("/orders").await;
    assert!(wrong.status == 401 && !wrong.header("www-authenticate").is_empty(), "{wrong:?}");
    let other = scene.key("other", json!({"scopes": ["bills:read"]})).await;
    assert_eq!(scene.holder(&other).get("/orders").await.status, 403);
    let two = scene.holder(&key).header("api-key", text(&other, "key")).get("/orders").await;
    assert_eq!(two.status, 400, "{two:?}");
    let revoke = format!("/v1/api-keys/{}/revoke", text(&key, "id"));
    scene.platform.post(&revoke, json!({"reason": "leaked"})).await.ok();
    assert_eq!(scene.holder(&key).get("/orders").await.status, 401);
}

async fn a_spent_limit_is_429_and_says_when_to_come_back(kind: Kind) {
    let database = Database::sqlite();
    let scene = Scene::over(database.url(), kind);
    let key = scene.key("slow", json!({"rate_limit_per_minute": 1})).await;
    scene.holder(&key).get("/orders").await.ok();
    let spent = scene.holder(&key).get("/orders").await;
    let seconds: u64 = spent.header("retry-after").parse().expect("seconds");
    assert!(spent.status == 429 && (1..=60).contains(&seconds), "{spent:?}");
}

async fn a_clients_query_does_not_change_who_may_pass(kind: Kind) {
    let database = Database::sqlite();
    let scene = Scene::over(database.url(), kind);
    let (rival, _) = scene.settings.given_organization("rival");
    let wanted = json!({"name": "theirs", "scopes": ["orders:read"]});
    let rival = Caller::new(&scene.server.base).bearer(&rival);
    let theirs = rival.post("/v1/api-keys", wanted).await.created();
    let other = scene.key("other", json!({"scopes": ["bills:read"]})).await;
    let query = "organization=rival&scope=bills:read&kinds=deployment";
    for path in [format!("/orders?{query}"), format!("/?{query}"), format!("/orders%3F{query}")] {
        assert_eq!(scene.holder(&theirs).get(&path).await.status, 401, "{path}");
        assert_eq!(scene.holder(&other).get(&path).await.status, 403, "{path}");
    }
}

async fn an_allowlist_sees_the_client_and_not_the_proxy(kind: Kind) {
    let database = Database::sqlite();
    let scene = Scene::over(database.url(), kind);
    let near = scene.key("near", json!({"ip_allowlist": ["127.0.0.2"]})).await;
    scene.holder(&near).get("/orders").await.ok();
    for at in ["127.0.0.1", "127.0.0.3"] {
        let elsewhere = scene.holder(&near).at(at.parse().expect("an address"));
        assert_eq!(elsewhere.get("/orders").await.status, 403, "{at}");
        let forged =
            elsewhere.header("x-forwarded-for", "127.0.0.2").header("x-real-ip", "127.0.0.2");
        assert_eq!(forged.get("/orders").await.status, 403, "{at}");
    }
    let of_proxy = scene.key("of-proxy", json!({"ip_allowlist": ["127.0.0.1"]})).await;
    assert_eq!(scene.holder(&of_proxy).get("/orders").await.status, 403);
}

async fn without_keywright_nobody_passes(kind: Kind) {
    let database = Database::postgres();
    let wire = Proxy::to_postgres(database.url());
    let scene = Scene::over(&wire.url, kind);
    let (first, second) = (scene.key("a", json!({})).await, scene.key("b", json!({})).await);
    scene.holder(&first).get("/orders").await.ok();
    wire.cut();
    assert_eq!(scene.holder(&second).get("/orders").await.status, 503);
    wire.mend();
    let (holder, kind_of_silence) =
        (scene.holder(&first), if kind == Kind::Nginx { 503 } else { 502 });
    scene.server.kill();
    assert_eq!(holder.get("/orders").await.status, kind_of_silence);
    // The backend lives on.
    holder.get("/public/").await.ok();
}
