//! Ends against real services: a PostgreSQL, a server that speaks S3, and an HTTP server.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use deployments_domain::Format;
use serde_json::json;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use super::*;
use crate::server::{Reply, TestServer};

fn ends(own: Option<String>) -> Ends {
    Ends::new(NetworkPolicy::guarded(vec!["127.0.0.0/8".parse().unwrap()]), None, own)
}

fn run() -> RunName<'static> {
    RunName { organization: Uuid::nil().into(), execution: "run1" }
}

fn source(place: Place, format: Format) -> Source {
    Source { place, format, secret: None, is_ordered: true, concurrency: 1, max_failures: None }
}

fn destination(place: Place, format: Format, key: Option<&str>) -> Destination {
    Destination { place, format, secret: None, key: key.map(str::to_owned), batch: 1 }
}

async fn read_all(mut source: Box<dyn RecordSource>) -> Vec<Result<Value, String>> {
    let mut records = Vec::new();
    while let Some(record) = source.next().await.unwrap() {
        records.push(record.value);
    }
    records
}

fn outcomes(values: &[Value]) -> Vec<Outcome> {
    let numbered = values.iter().zip(1..);
    numbered.map(|(value, record)| Outcome { record, value: value.clone() }).collect()
}

/// A database of its own on the PostgreSQL of the tests; none where there is none.
async fn database() -> (Client, String) {
    let url = std::env::var("KEYWRIGHT_TEST_POSTGRES_URL")
        .expect("run `.ci/test`, which starts a PostgreSQL");
    let (admin, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let nanos = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let name = format!("etl_{}_{nanos}", std::process::id());
    admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let mut url = url::Url::parse(&url).unwrap();
    url.set_path(&name);
    url.set_query(None);
    let (client, connection) = tokio_postgres::connect(url.as_str(), NoTls).await.unwrap();
    tokio::spawn(connection);
    (client, url.to_string())
}

fn rows(url: &str, wanted: &str) -> Place {
    Place::Postgres { url: url.into(), wanted: wanted.into() }
}

#[tokio::test]
async fn rows_are_read_and_written_by_their_key() {
    let (client, url) = database().await;
    let table = "CREATE TABLE orders (id int PRIMARY KEY, note text CHECK (note <> 'bad'), n int DEFAULT 7);
        INSERT INTO orders (id, note) SELECT i, 'n' || i FROM generate_series(1, 450) AS i";
    client.batch_execute(table).await.unwrap();
    let query = source(rows(&url, "SELECT id, note FROM orders ORDER BY id;"), Format::Json);
    let read = read_all(ends(None).open_source(run(), &query, None, None).await.unwrap()).await;
    assert_eq!(read.len(), 450);
    assert_eq!(read[449], Ok(json!({"id": 450, "note": "n450"})));
    let after = Mark { object: None, index: 448 };
    let rest = ends(None).open_source(run(), &query, None, Some(after)).await.unwrap();
    assert_eq!(read_all(rest).await.len(), 2);

    let table = destination(rows(&url, "public.orders"), Format::Json, Some("id"));
    let mut sink = ends(None).open_destination(run(), &table, None).await.unwrap();
    let written = outcomes(&[
        json!({"id": 1, "note": "changed"}),
        json!({"id": 500, "note": "new"}),
        json!({"id": 501, "note": "bad"}),
        json!({"note": "without"}),
        json!({"id": 502, "colour": "red"}),
        json!({"id": 500, "note": "newer"}),
    ]);
    let reasons = sink.write(written).await.unwrap();
    let failed: Vec<bool> = reasons.iter().map(Option::is_some).collect();
    assert_eq!(failed, [false, false, true, true, true, false], "{reasons:?}");
    let noted = client.query("SELECT note FROM orders WHERE id IN (1, 500) ORDER BY id", &[]).await;
    let noted: Vec<String> = noted.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(noted, ["changed", "newer"]);
}

#[tokio::test]
async fn a_query_cannot_write() {
    let (client, url) = database().await;
    client.batch_execute("CREATE TABLE t (a int)").await.unwrap();
    for query in [
        "INSERT INTO t VALUES (1) RETURNING a",
        "SELECT 1) AS source) AS records; COMMIT; DROP TABLE t; --",
    ] {
        let opened = ends(None)
            .open_source(run(), &source(rows(&url, query), Format::Json), None, None)
            .await;
        assert!(opened.is_err(), "{query}");
    }
    client.query("SELECT * FROM t", &[]).await.unwrap();
}

#[tokio::test]
async fn keywrights_own_database_is_refused_however_it_is_reached() {
    let (client, url) = database().await;
    let query = source(rows(&url, "SELECT 1 AS one"), Format::Json);
    let refused = ends(Some(url.clone())).open_source(run(), &query, None, None).await;
    assert!(refused.err().unwrap().to_string().contains("own database"));
    let tables = "CREATE TABLE __diesel_schema_migrations (); CREATE TABLE workflow_versions ();
        CREATE TABLE execution_steps ()";
    client.batch_execute(tables).await.unwrap();
    let refused = ends(None).open_source(run(), &query, None, None).await;
    assert!(refused.err().unwrap().to_string().contains("own database"));
    let guarded = Ends::new(NetworkPolicy::guarded(Vec::new()), None, None);
    let refused = guarded.open_source(run(), &query, None, None).await;
    assert!(refused.err().unwrap().to_string().contains("may call"));
}

/// A server that speaks S3, as it is published.
struct S3Server {
    child: Child,
    endpoint: String,
}

impl S3Server {
    async fn start() -> Self {
        let python = std::env::var("KEYWRIGHT_TEST_PYTHON")
            .expect("run `.ci/test`, which fetches a server that speaks S3");
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let serve =
            format!("from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])");
        let child = Command::new(python)
            .args(["-c", &serve])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, endpoint: format!("http://127.0.0.1:{port}") };
        let client = ends(None).client;
        let make = |method: &str, path: &str| crate::HttpCall {
            method: method.into(),
            url: format!("{}{path}", server.endpoint),
            timeout: Duration::from_secs(5),
            ..Default::default()
        };
        let began = std::time::Instant::now();
        while client.send(make("PUT", "/orders")).await.is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "the server does not start");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        server
    }

    fn place(&self, prefix: &str) -> Place {
        Place::S3 {
            bucket: "orders".into(),
            prefix: prefix.into(),
            endpoint: Some(self.endpoint.clone()),
            region: "us-east-1".into(),
        }
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

#[tokio::test]
async fn objects_are_written_and_read_by_the_protocol_of_s3() {
    let server = S3Server::start().await;
    let ends = ends(None);
    let secret = Some("AKIAEXAMPLE:secret/with+signs");
    for (format, values) in [
        (Format::Ndjson, [json!({"id": 1}), json!({"id": 2})]),
        (Format::Json, [json!({"id": 1}), json!({"id": 2})]),
        (Format::Csv, [json!({"id": "1"}), json!({"id": "2"})]),
    ] {
        let name = format.as_str();
        let together = destination(server.place(&format!("{name}/out/")), format, None);
        let mut sink = ends.open_destination(run(), &together, secret).await.unwrap();
        assert_eq!(sink.write(outcomes(&values)).await.unwrap(), [None, None]);
        for location in [format!("{name}/out/"), format!("{name}/out/run1/part-*")] {
            let source = source(server.place(&location), format);
            let read = ends.open_source(run(), &source, secret, None).await.unwrap();
            assert_eq!(read_all(read).await, values.clone().map(Ok), "{location}");
        }
        // Begun anew, nothing of before is left.
        sink.begin_anew().await.unwrap();
        let source = source(server.place(&format!("{name}/out/")), format);
        let read = ends.open_source(run(), &source, secret, None).await.unwrap();
        assert!(read_all(read).await.is_empty());
    }
    let keyed = destination(server.place("named/"), Format::Text, Some("name"));
    let mut sink = ends.open_destination(run(), &keyed, secret).await.unwrap();
    for text in ["one", "two"] {
        let value = json!({"name": "a/b.txt", "text": text});
        assert_eq!(sink.write(outcomes(&[value])).await.unwrap(), [None]);
    }
    let one = source(server.place("named/"), Format::Text);
    let read = read_all(ends.open_source(run(), &one, secret, None).await.unwrap()).await;
    assert_eq!(read, [Ok(json!({"name": "a%2Fb.txt", "text": "two"}))]);
    let missing = source(server.place("nothing.json"), Format::Json);
    let missing = ends.open_source(run(), &missing, secret, None).await.err().unwrap();
    assert_eq!(missing.to_string(), "there is no object 'nothing.json' in the bucket 'orders'");
}

fn reply(status: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Text(format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))
}

fn service(url: String, method: &str) -> Place {
    Place::Http { url, method: method.into(), headers: Vec::new(), secret_header: None }
}

#[tokio::test]
async fn an_answer_is_read_as_records_in_every_format() {
    for (format, body, expected) in [
        (Format::Json, "[{\"a\":1},{\"a\":2}]", vec![json!({"a": 1}), json!({"a": 2})]),
        (Format::Ndjson, "{\"a\":1}\n{\"a\":2}\n", vec![json!({"a": 1}), json!({"a": 2})]),
        (Format::Csv, "a\n1\n", vec![json!({"a": "1"})]),
        (Format::Text, "hello", vec![json!({"name": "list", "text": "hello"})]),
    ] {
        // A server that is not able to at first is asked again.
        let server = TestServer::start(vec![reply("503 Busy", ""), reply("200 OK", body)]).await;
        let place = service(server.url("/list?page=1"), "GET");
        let read = ends(None).open_source(run(), &source(place, format), Some("tok"), None).await;
        let expected: Vec<_> = expected.into_iter().map(Ok).collect();
        assert_eq!(read_all(read.unwrap()).await, expected);
        assert!(server.heard()[1].contains("authorization: bearer tok"));
    }
    let server = TestServer::start(vec![reply("404 Not Found", "")]).await;
    let place = service(server.url("/"), "GET");
    let refused = ends(None).open_source(run(), &source(place, Format::Json), None, None).await;
    assert_eq!(refused.err().unwrap().to_string(), "the source answered 404");
}

#[tokio::test]
async fn each_outcome_is_sent_under_a_name_that_a_rerun_gives_again() {
    let server = TestServer::start(vec![reply("200 OK", ""), reply("422 No", "")]).await;
    let place = service(server.url("/orders/{key}"), "PUT");
    let keyed = destination(place, Format::Json, Some("id"));
    let mut sink = ends(None).open_destination(run(), &keyed, None).await.unwrap();
    assert_eq!(sink.write(outcomes(&[json!({"id": "a/1"})])).await.unwrap(), [None]);
    let heard = server.heard().remove(0);
    assert!(heard.starts_with("put /orders/a%2f1 "), "{heard}");
    assert!(heard.contains("idempotency-key: run1:a%2f1"), "{heard}");
    let refused = sink.write(outcomes(&[json!({"id": 2}), json!({})])).await.unwrap();
    assert_eq!(refused[0].as_deref(), Some("the destination answered 422"));
    assert!(refused[1].is_some());
}
