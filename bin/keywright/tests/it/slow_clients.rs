//! Callers who send or read too slowly: they are cut off, and nobody else waits for them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::{app::Caller, databases::Database};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::process::{Process, Settings};

/// Far longer than the server lets anybody take here: how often the system looks whether somebody reads is its own affair.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server that waits for seconds, since what is sent at once may take one on a slow machine, and a deployment of this filter on it: its address and its key.
async fn start(filter: &str) -> (Process, String, String, Database) {
    let database = Database::sqlite();
    let settings = Settings::over(&database)
        .with("SERVER__HEAD_SECONDS", 5)
        .with("SERVER__BODY_SECONDS", 3)
        .with("LOG__LEVEL", "info");
    let server = settings.serve(&[]);
    let (platform_key, _) = settings.given_organization("acme");
    let platform = Caller::new(&server.base).bearer(&platform_key);
    let steps = json!({"steps": [{"id": "a", "tool": "transform", "filter": filter}]});
    let workflow = json!({"name": "w", "definition": steps});
    let path = "/unstract/acme/api/v2/workflow/";
    let workflow = platform.post(path, workflow).await.created();
    let deployment = json!({"workflow": workflow["id"], "api_name": "a"});
    let path = "/unstract/acme/api/v2/api-deployment/";
    let made = platform.post(path, deployment).await.created();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    (server, format!("/deployment/{}/", text(&made["id"])), text(&made["api_key"]), database)
}

/// Sends the beginning of a request, and hears all that the server has to say to it.
async fn told(server: &Process, beginning: &str) -> String {
    let address = server.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(beginning.as_bytes()).await.unwrap();
    let mut told = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut told)).await.expect("the end").unwrap();
    String::from_utf8(told).unwrap()
}

#[actix_web::test]
async fn whoever_sends_slowly_is_cut_off() {
    let (server, path, key, _database) = start(".input").await;
    let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\n");
    let answer = told(&server, &head).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    let body = "content-type: application/json\r\ncontent-length: 9\r\n\r\n[1,";
    let answer = told(&server, &format!("{head}connection: close\r\n{body}")).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{answer}");
}

#[actix_web::test]
#[cfg(target_os = "linux")]
async fn whoever_does_not_read_is_cut_off() {
    // Some seven million bytes: more than the system takes off the server's hands.
    let (server, path, key, _database) = start("[range(1000000)]").await;
    let holder = Caller::new(&server.base).bearer(&key);
    let started = holder.post(&format!("{path}?wait=60"), json!({})).await.ok();
    let result = started["result_api"].as_str().unwrap();
    let address = server.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET {result} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let began = Instant::now();
    while has_connection_to(stream.local_addr().unwrap().port()) {
        assert!(began.elapsed() < PATIENCE, "still connected");
        assert_eq!(holder.get("/healthz").await.text, "alive\n", "others are served");
    }
    let mut taken = Vec::new();
    let _ended = timeout(PATIENCE, stream.read_to_end(&mut taken)).await.expect("an end");
    assert!(taken.len() < 6_000_000, "the rest was never sent");
}

/// Whether the server's end of the connection is still there. Its caller is not told that it is not.
fn has_connection_to(port: u16) -> bool {
    let connections = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let remote = format!("0100007F:{port:04X}");
    connections.lines().any(|line| line.split_whitespace().nth(2) == Some(remote.as_str()))
}
