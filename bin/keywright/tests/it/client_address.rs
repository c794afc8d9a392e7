//! Where requests come from, with proxies in front and without: only who is trusted is believed.

use serde_json::json;
use test_support::{app::Caller, databases::Database};

use crate::process::{Process, Settings};

/// A server that trusts `proxies`, and who holds a key that is good from 198.51.100.0/24 alone. It
/// calls over loopback, as a proxy on the same machine does.
async fn start(proxies: &str) -> (Process, Caller, Database) {
    let database = Database::sqlite();
    let settings = Settings::over(&database).with("SERVER__TRUSTED_PROXIES", proxies);
    let server = settings.serve(&[]);
    let (platform_key, _) = settings.given_organization("acme");
    let platform = Caller::new(&server.base).bearer(&platform_key);
    let wanted = json!({"name": "far", "ip_allowlist": ["198.51.100.0/24"]});
    let made = platform.post("/v1/api-keys", wanted).await.created();
    let holder = Caller::new(&server.base).bearer(made["key"].as_str().expect("a key"));
    (server, holder, database)
}

async fn status(holder: &Caller, lines: &[&str]) -> u16 {
    let caller = lines
        .iter()
        .fold(holder.clone(), |caller, line| caller.header("x-forwarded-for", line.to_owned()));
    caller.get("/v1/whoami").await.status
}

#[actix_web::test]
async fn the_client_behind_a_trusted_proxy_is_judged_by_its_own_address() {
    let (_server, holder, _database) = start("127.0.0.1, 10.0.0.0/8").await;
    assert_eq!(status(&holder, &["198.51.100.7"]).await, 200);
    assert_eq!(status(&holder, &["198.51.100.7, 10.1.2.3"]).await, 200);
    assert_eq!(status(&holder, &["192.0.2.1"]).await, 403);
    assert_eq!(status(&holder, &["198.51.100.7, 192.0.2.1"]).await, 403, "the left is forged");
    assert_eq!(status(&holder, &["198.51.100.7", "192.0.2.1"]).await, 403, "the first is forged");
    assert_eq!(status(&holder, &["198.51.100.7, unknown"]).await, 403);
    assert_eq!(status(&holder, &[]).await, 403);
    let forwarded = holder.header("forwarded", "for=198.51.100.7");
    assert_eq!(status(&forwarded, &[]).await, 403, "RFC 7239 is not read");
}

#[actix_web::test]
async fn a_header_from_a_peer_that_is_not_trusted_is_ignored() {
    let (_server, holder, _database) = start("192.0.2.0/24").await;
    assert_eq!(status(&holder, &["198.51.100.7"]).await, 403);
    let (_server, holder, _database) = start("").await;
    assert_eq!(status(&holder, &["198.51.100.7"]).await, 403);
}
