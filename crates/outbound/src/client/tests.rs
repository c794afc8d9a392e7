//! Against a server on this machine, which the tests' client alone may call.

use std::{net::IpAddr, time::Duration};

use super::*;
use crate::{
    Resolve, Resolving,
    server::{Reply, TestServer, text},
};

/// Names lead where the test says.
struct Names(Vec<(&'static str, &'static str)>);

impl Resolve for Names {
    fn resolve(&self, host: &str) -> Resolving {
        let found = self.0.iter().filter(|(name, _)| *name == host);
        let found: Vec<IpAddr> = found.map(|(_, to)| to.parse().unwrap()).collect();
        Box::pin(async move { Ok(found) })
    }
}

/// A client to whom the tests' own server is open, and nothing else that is special.
fn client() -> HttpClient {
    HttpClient::new(NetworkPolicy::guarded(vec!["127.0.0.1".parse().unwrap()]))
}

fn guarded() -> HttpClient {
    HttpClient::new(NetworkPolicy::guarded(Vec::new()))
}

fn get(url: &str) -> HttpCall {
    HttpCall { url: url.into(), timeout: Duration::from_secs(10), ..HttpCall::default() }
}

#[track_caller]
fn told(answered: Result<HttpAnswer, OutboundError>) -> String {
    answered.expect_err("a refusal").to_string()
}

#[tokio::test]
async fn a_call_is_sent_and_its_answer_read() {
    let server = TestServer::start(vec![text("404 Not Found", "X-A: 1\r\n", "no such")]).await;
    let headers = vec![("X-Trace".into(), "7".into()), ("user-agent".into(), "mine".into())];
    let call = HttpCall {
        method: "POST".into(),
        headers,
        body: b"hello".into(),
        ..get(&server.url("/a%20b?q=1#here"))
    };
    let answer = client().send(call).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (404, b"no such".as_slice()));
    assert!(answer.headers.contains(&("x-a".into(), "1".into())), "{:?}", answer.headers);
    let heard = server.heard().concat();
    assert!(heard.starts_with("post /a%20b?q=1 http/1.1\r\n"), "{heard}");
    for line in ["x-trace: 7", "user-agent: mine", "accept-encoding: identity", "\r\n\r\nhello"] {
        assert!(heard.contains(line), "{heard}");
    }
}

#[tokio::test]
async fn addresses_that_are_nobodys_business_are_not_called() {
    let server = TestServer::start(vec![text("200 OK", "", "reached")]).await;
    let port = server.address.port();
    for host in ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]"] {
        let refused = told(guarded().send(get(&format!("http://{host}:{port}/"))).await);
        assert!(refused.ends_with("is not an address that workflows may call"), "{refused}");
    }
    let refused = told(guarded().send(get(&format!("http://localhost:{port}/"))).await);
    assert_eq!(refused, "localhost is not an address that workflows may call");
    let refused = told(guarded().send(get("http://169.254.169.254/latest/meta-data/")).await);
    assert_eq!(refused, "169.254.169.254 is not an address that workflows may call");
    assert!(server.heard().is_empty());
}

#[tokio::test]
async fn a_name_is_judged_by_where_it_leads_and_connected_to_there() {
    let server = TestServer::start(vec![text("200 OK", "", "reached")]).await;
    let names = Names(vec![
        ("inner.test", "127.0.0.1"),
        ("cloud.test", "169.254.169.254"),
        ("both.test", "169.254.169.254"),
        ("both.test", "127.0.0.1"),
    ]);
    let policy = NetworkPolicy::guarded(vec!["127.0.0.0/8".parse().unwrap()]);
    let client = HttpClient::new(policy.with_resolver(Arc::new(names)));
    let at = |host: &str| get(&format!("http://{host}:{}/", server.address.port()));
    assert_eq!(client.send(at("inner.test")).await.unwrap().body, b"reached");
    let heard = server.heard().concat();
    assert!(heard.contains("host: inner.test:"), "{heard}");
    // Of several addresses, those that may be called are left.
    assert_eq!(client.send(at("both.test")).await.unwrap().body, b"reached");
    let refused = told(client.send(at("cloud.test")).await);
    assert_eq!(refused, "cloud.test is not an address that workflows may call");
    assert_eq!(told(client.send(at("gone.test")).await), "the name gone.test cannot be resolved");
}

#[tokio::test]
async fn each_redirect_is_judged_anew() {
    for (to, reason) in [
        (
            "http://169.254.169.254/latest",
            "169.254.169.254 is not an address that workflows may call",
        ),
        ("http://[::1]/", "[::1] is not an address that workflows may call"),
        (
            "http://me:pw@example.test/",
            "the address must be an http:// or https:// URL without a user name or password",
        ),
        (
            "file:///etc/passwd",
            "the address must be an http:// or https:// URL without a user name or password",
        ),
    ] {
        let moved = text("302 Found", &format!("location: {to}\r\n"), "");
        let server = TestServer::start(vec![moved]).await;
        assert_eq!(told(client().send(get(&server.url("/"))).await), reason);
    }
}

#[tokio::test]
async fn redirects_are_followed_so_far_and_keep_secrets_at_home() {
    let elsewhere = TestServer::start(vec![text("200 OK", "", "here")]).await;
    let there = format!("location: {}\r\n", elsewhere.url("/new"));
    let server = TestServer::start(vec![text("307 Temporary Redirect", &there, "")]).await;
    let headers = vec![("X-Api-Key".into(), "s3cret".into()), ("accept".into(), "a/b".into())];
    let call = HttpCall {
        method: "PUT".into(),
        body: b"data".into(),
        headers,
        ..get(&server.url("/old"))
    };
    assert_eq!(client().send(call).await.unwrap().body, b"here");
    assert!(server.heard().concat().contains("x-api-key: s3cret"));
    let heard = elsewhere.heard().concat();
    assert!(heard.contains("put /new") && heard.ends_with("data"), "{heard}");
    assert!(heard.contains("accept: a/b") && !heard.contains("s3cret"), "{heard}");

    let server = TestServer::start(vec![text("302 Found", "location: /again\r\n", "")]).await;
    let refused = told(client().send(get(&server.url("/"))).await);
    assert_eq!(refused, "more than 5 redirects were answered");
    assert_eq!(server.heard().len(), 6);
    let call = HttpCall { max_redirects: 0, ..get(&server.url("/")) };
    assert_eq!(client().send(call).await.unwrap().status, 302);
    // Whoever may call anywhere is not led anywhere.
    let operator = HttpClient::new(NetworkPolicy::anywhere());
    assert_eq!(operator.send(get(&server.url("/"))).await.unwrap().status, 302);
}

#[tokio::test]
async fn an_answer_may_only_be_so_large() {
    let bounded = |url: &str| HttpCall { max_response_bytes: 1 << 20, ..get(url) };
    let gibibyte = "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n";
    let server = TestServer::start(vec![
        Reply::Endless(gibibyte.into()),
        Reply::Endless("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".into()),
    ])
    .await;
    for _ in 0..2 {
        let refused = told(client().send(bounded(&server.url("/"))).await);
        assert_eq!(refused, "the answer of 127.0.0.1 has more than 1048576 bytes");
    }
    let just = "x".repeat(1 << 20);
    let server = TestServer::start(vec![text("200 OK", "", &just)]).await;
    assert_eq!(client().send(bounded(&server.url("/"))).await.unwrap().body.len(), 1 << 20);
}

#[tokio::test]
async fn an_answer_is_waited_for_so_long() {
    let server = TestServer::start(vec![
        Reply::Silent(String::new()),
        Reply::Silent("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbegun".into()),
    ])
    .await;
    for _ in 0..2 {
        let call = HttpCall { timeout: Duration::from_millis(200), ..get(&server.url("/")) };
        let error = client().send(call).await.unwrap_err();
        assert_eq!(error.to_string(), "127.0.0.1 did not answer in time");
        assert!(error.is_transient());
    }
}

#[tokio::test]
async fn what_is_no_answer_is_told_without_what_lies_below() {
    let broken = Reply::Text("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".into());
    let server = TestServer::start(vec![broken, Reply::Text("SSH-2.0-OpenSSH\r\n".into())]).await;
    for _ in 0..2 {
        let refused = told(client().send(get(&server.url("/"))).await);
        assert_eq!(refused, "the answer of 127.0.0.1 broke off");
    }
    let plain = TestServer::start(vec![text("200 OK", "", "")]).await;
    let secure = plain.url("/").replace("http:", "https:");
    let refused = told(client().send(get(&secure)).await);
    assert_eq!(refused, "no secure connection to 127.0.0.1 can be made");
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    assert_eq!(told(client().send(get(&gone)).await), "127.0.0.1 cannot be reached");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_anything_is() {
    let no_url = "the address must be an http:// or https:// URL without a user name or password";
    for url in ["", "/path", "ftp://a.test/", "http://", "http://u@a.test/", "gopher://127.0.0.1/"]
    {
        assert_eq!(told(client().send(get(url)).await), no_url, "{url}");
    }
    let with = |name: &str, value: &str| HttpCall {
        headers: vec![(name.into(), value.into())],
        ..get("http://a.test/")
    };
    for (name, value) in [("Host", "b"), ("content-length", "1"), ("x y", "1"), ("x", "1\r\ny: 2")]
    {
        let refused = told(client().send(with(name, value)).await);
        assert_eq!(refused, format!("the header {name:?} cannot be sent"));
    }
    for method in ["CONNECT", "TRACE", "get", "GET / HTTP/1.1\r\n"] {
        let call = HttpCall { method: method.into(), ..get("http://a.test/") };
        assert!(told(client().send(call).await).starts_with("the method must be one of GET"));
    }
}

#[tokio::test]
async fn a_stream_hands_out_pieces() {
    let server = TestServer::start(vec![text("200 OK", "", "a\nb\n")]).await;
    let mut stream = client().open(get(&server.url("/"))).await.unwrap();
    let mut read = Vec::new();
    while let Some(chunk) = stream.chunk().await.unwrap() {
        read.extend_from_slice(&chunk);
    }
    assert_eq!((stream.status, read.as_slice()), (200, b"a\nb\n".as_slice()));
}
