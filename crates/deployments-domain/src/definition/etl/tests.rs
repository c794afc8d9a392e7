//! What an end may say, and what is told of one that says something else.

use serde_json::json;

use super::*;

fn parse(definition: &Value) -> Result<(Option<Source>, Option<Destination>), Vec<Fault>> {
    let mut faults = Vec::new();
    let mut members = Members::of(&mut faults, definition, "", "a definition").unwrap();
    let ends = parse_ends(&mut members);
    if faults.is_empty() { Ok(ends) } else { Err(faults) }
}

#[track_caller]
fn check(definition: &Value, expected: &[(&str, FaultCode)]) {
    let faults = parse(definition).err().unwrap_or_default();
    let found: Vec<_> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
    assert_eq!(found, expected, "{faults:?}");
}

fn files() -> Value {
    json!({"kind": "files", "location": "in/*.csv", "format": "csv"})
}

fn rows() -> Value {
    json!({"kind": "postgres", "location": "postgres://ada@db.example/sales", "table": "orders", "key": "id"})
}

#[test]
fn both_ends_are_read_with_their_defaults() {
    let (source, destination) = parse(&json!({"source": files(), "destination": rows()})).unwrap();
    let source = source.unwrap();
    assert_eq!(source.place, Place::Files { path: "in/*.csv".into() });
    assert_eq!((source.format, source.is_ordered), (Format::Csv, true));
    assert_eq!((source.concurrency, source.max_failures), (DEFAULT_CONCURRENCY, None));
    let destination = destination.unwrap();
    assert_eq!(destination.key.as_deref(), Some("id"));
    assert_eq!(destination.batch, MAX_BATCH);
}

#[test]
fn a_task_has_neither_end_and_an_etl_workflow_both() {
    assert_eq!(parse(&json!({})).unwrap(), (None, None));
    check(&json!({"source": files()}), &[("/destination", FaultCode::MissingField)]);
    check(&json!({"destination": rows()}), &[("/source", FaultCode::MissingField)]);
}

#[test]
fn what_a_kind_needs_is_asked_for_and_what_it_does_not_know_is_refused() {
    let destination = rows();
    let with = |source| json!({"source": source, "destination": destination});
    check(&with(json!(7)), &[("/source", FaultCode::InvalidValue)]);
    check(
        &with(json!({})),
        &[("/source/kind", FaultCode::MissingField), ("/source/format", FaultCode::MissingField)],
    );
    check(
        &with(json!({"kind": "ftp", "format": "xml", "location": "x"})),
        &[("/source/kind", FaultCode::InvalidValue), ("/source/format", FaultCode::InvalidValue)],
    );
    check(
        &with(json!({"kind": "files", "format": "json", "location": "a", "query": "x"})),
        &[("/source/query", FaultCode::UnknownField)],
    );
    check(
        &with(json!({"kind": "postgres", "location": "postgres://ada@db/sales"})),
        &[("/source/query", FaultCode::MissingField)],
    );
    check(
        &with(json!({"kind": "files", "format": "json", "location": "a", "concurrency": 17})),
        &[("/source/concurrency", FaultCode::InvalidValue)],
    );
}

#[test]
fn a_path_leads_nowhere_but_down() {
    let with = |location: &str| {
        json!({
            "source": {"kind": "files", "format": "json", "location": location},
            "destination": rows()
        })
    };
    for bad in ["/etc/passwd", "../up", "a/../../b", "a//b", ".", "a/*/b", "*/*", "a\\b"] {
        check(&with(bad), &[("/source/location", FaultCode::InvalidValue)]);
    }
    for good in ["a", "a/", "a/b.json", "a/*.json", "*"] {
        check(&with(good), &[]);
    }
    let starred = json!({"source": files(), "destination": {"kind": "files", "format": "json", "location": "out/*"}});
    check(&starred, &[("/destination/location", FaultCode::InvalidValue)]);
}

#[test]
fn no_password_stands_in_an_address() {
    let http = json!({"kind": "http", "format": "json", "location": "https://u:p@example.com/"});
    let rows = json!({"kind": "postgres", "location": "postgres://u:p@db/x", "table": "t"});
    check(
        &json!({"source": http, "destination": rows}),
        &[
            ("/source/location", FaultCode::InvalidValue),
            ("/destination/location", FaultCode::InvalidValue),
        ],
    );
    let secret = json!({"kind": "files", "format": "csv", "location": "a", "secret": "hunter 2"});
    check(
        &json!({"source": secret, "destination": self::rows()}),
        &[("/source/secret", FaultCode::InvalidValue)],
    );
}

#[test]
fn a_postgres_address_says_how_it_is_secured_and_nothing_else() {
    let with = |location: &str| json!({"source": files(), "destination": {"kind": "postgres", "location": location, "table": "t"}});
    check(&with("postgres://u@db:5433/x?sslmode=require"), &[]);
    for bad in [
        "postgres://db/x",
        "postgres://u@db",
        "postgres://u@/x",
        "mysql://u@db/x",
        "postgres://u@db/x?sslmode=allow",
        "postgres://u@db/x?hostaddr=127.0.0.1",
    ] {
        check(&with(bad), &[("/destination/location", FaultCode::InvalidValue)]);
    }
}

#[test]
fn a_bucket_and_its_prefix_are_read_from_one_address() {
    let s3 = json!({"kind": "s3", "format": "ndjson", "location": "s3://orders/2024/", "endpoint": "https://minio.example"});
    let (source, _) = parse(&json!({"source": s3, "destination": rows()})).unwrap();
    assert_eq!(
        source.unwrap().place,
        Place::S3 {
            bucket: "orders".into(),
            prefix: "2024/".into(),
            endpoint: Some("https://minio.example".into()),
            region: "us-east-1".into(),
        }
    );
    let bad = json!({"kind": "s3", "format": "ndjson", "location": "orders/2024"});
    check(
        &json!({"source": bad, "destination": rows()}),
        &[("/source/location", FaultCode::InvalidValue)],
    );
}

#[test]
fn contents_that_cannot_stand_beside_each_other_are_named_by_a_key() {
    let with = |destination| json!({"source": files(), "destination": destination});
    check(
        &with(json!({"kind": "files", "format": "binary", "location": "out"})),
        &[("/destination/key", FaultCode::MissingField)],
    );
    check(
        &with(json!({"kind": "files", "format": "binary", "location": "out", "key": "name"})),
        &[],
    );
    check(
        &with(
            json!({"kind": "http", "format": "text", "location": "http://a.example", "batch": 2}),
        ),
        &[("/destination/batch", FaultCode::InvalidValue)],
    );
}

#[test]
fn headers_that_belong_to_the_connection_are_refused() {
    let http = json!({
        "kind": "http", "format": "json", "location": "http://a.example",
        "headers": {"X-A": "b", "Host": "c", "x y": "d", "X-B": "e\n"}, "secret_header": "a b"
    });
    check(
        &json!({"source": files(), "destination": http}),
        &[
            ("/destination/headers/Host", FaultCode::InvalidValue),
            ("/destination/headers/x y", FaultCode::InvalidValue),
            ("/destination/headers/X-B", FaultCode::InvalidValue),
            ("/destination/secret_header", FaultCode::InvalidValue),
        ],
    );
}
