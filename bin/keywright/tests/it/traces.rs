//! Traces: a caller's trace is taken over, told in the log, sent to a collector, and handed on to the
//! run that a request starts, whichever process carries it out.

use std::{
    sync::mpsc::{self, Receiver, Sender},
    time::{Duration, Instant},
};

use actix_web::{App, HttpResponse, HttpServer, rt, web};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value as AnyValue,
    trace::v1::Span,
};
use prost::Message as _;
use serde_json::{Value, json};
use test_support::{app::Caller, databases::Database};

use crate::process::{Process, Settings};

const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const WITH_RUN: &str = "POST /deployment/{handle}";

/// A collector; every span that it was sent.
struct Collector {
    address: String,
    bodies: Receiver<Vec<u8>>,
}

impl Collector {
    fn start() -> Self {
        let (body_to, bodies) = mpsc::channel::<Vec<u8>>();
        let take = async |body: web::Bytes, to: web::Data<Sender<Vec<u8>>>| {
            to.send(body.to_vec()).expect("the test listens");
            HttpResponse::Ok().content_type("application/x-protobuf").finish()
        };
        let server = HttpServer::new(move || {
            let to = web::Data::new(body_to.clone());
            App::new().app_data(to).route("/v1/traces", web::post().to(take))
        });
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0));
        let server = server.expect("a free port");
        let address = format!("http://{}", server.addrs()[0]);
        rt::spawn(server.run());
        Self { address, bodies }
    }

    /// What was sent so far, by processes that have ended.
    fn spans(&self, secrets: &[&str]) -> Vec<Span> {
        let mut spans = Vec::new();
        for body in self.bodies.try_iter() {
            let text = String::from_utf8_lossy(&body);
            assert!(secrets.iter().all(|secret| !text.contains(secret)), "{text}");
            let sent = ExportTraceServiceRequest::decode(&*body).expect("spans");
            for resource in sent.resource_spans {
                let of = resource.resource.expect("a resource").attributes;
                assert!(of.iter().any(|fact| fact.key == "service.name"), "{of:?}");
                spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        spans
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn fact(span: &Span, name: &str) -> String {
    let fact = span.attributes.iter().find(|fact| fact.key == name);
    match fact.and_then(|fact| fact.value.clone()).and_then(|value| value.value) {
        Some(AnyValue::StringValue(text)) => text,
        Some(AnyValue::IntValue(number)) => number.to_string(),
        other => panic!("{name} of {span:?} is {other:?}"),
    }
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in {spans:#?}");
    found[0]
}

/// Deploys a workflow and calls it as a part of [`PARENT`]; the answer, and the keys that were used.
async fn call(process: &Process, platform_key: &str) -> (Value, Vec<String>) {
    let stranger = Caller::new(&process.base);
    let platform = stranger.clone().bearer(platform_key);
    let definition = json!({"steps": [{"id": "a", "tool": "passthrough"}]});
    let workflow = json!({"name": "w", "definition": definition});
    let workflow = platform.post("/unstract/acme/api/v2/workflow/", workflow).await.created();
    let deployment = json!({"workflow": workflow["id"], "api_name": "echo"});
    let deployed = platform.post("/unstract/acme/api/v2/api-deployment/", deployment).await;
    let deployed = deployed.created();
    let key = deployed["api_key"].as_str().expect("a key").to_owned();
    let address = format!("/deployment/{}/?wait=20", deployed["id"].as_str().expect("an id"));
    let caller = stranger.bearer(&key).header("traceparent", PARENT);
    let answer = caller.post(&address, json!({"secret": "not for collectors"})).await.ok();
    caller.get(&format!("/v1/{key}")).await.refused(404, "not_found");
    (answer, vec![key, platform_key.to_owned(), "not for collectors".into()])
}

fn check(collector: &Collector, answer: &Value, secrets: &[String]) {
    let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
    let spans = collector.spans(&secrets);
    let request = named(&spans, WITH_RUN);
    assert_eq!(hexadecimal(&request.trace_id), TRACE_ID);
    assert_eq!(hexadecimal(&request.parent_span_id), "b7ad6b7169203331");
    assert_eq!(fact(request, "http.route"), "/deployment/{handle}");
    assert_eq!(fact(request, "http.response.status_code"), "200");
    let run = named(&spans, "execution");
    assert_eq!(run.trace_id, request.trace_id);
    assert_eq!(run.parent_span_id, request.span_id);
    assert_eq!(fact(run, "keywright.execution_id"), answer["execution_id"]);
    assert_eq!(fact(run, "keywright.outcome"), "completed");
    assert_eq!(fact(named(&spans, "GET"), "url.path"), "/v1/:key");
    let of_its_own = named(&spans, "POST /unstract/{org_id}/api/v2/workflow");
    assert_ne!(of_its_own.trace_id, request.trace_id);
}

#[actix_web::test]
async fn a_request_and_its_run_belong_to_the_trace_of_the_caller() {
    let (database, collector) = (Database::sqlite(), Collector::start());
    let settings = Settings::over(&database).with("TRACING__OTLP_ENDPOINT", &collector.address);
    let (platform_key, _) = settings.given_organization("acme");
    let process = settings.serve(&[]);
    let (answer, secrets) = call(&process, &platform_key).await;
    let logged = web::block(move || process.terminate_and_read()).await.expect("it ended");
    check(&collector, &answer, &secrets);
    let answered = logged.iter().find(|line| line.contains("/deployment/")).expect("a line");
    let line: Value = serde_json::from_str(answered).expect("JSON");
    assert_eq!(line["fields"]["trace_id"], TRACE_ID, "{answered}");
}

#[actix_web::test]
async fn a_run_keeps_its_trace_in_another_process() {
    for database in [Database::sqlite(), Database::postgres()] {
        let collector = Collector::start();
        let settings = Settings::over(&database).with("TRACING__OTLP_ENDPOINT", &collector.address);
        settings.run(&["migrate", "run"]);
        let (platform_key, _) = settings.given_organization("acme");
        let (process, worker) = (settings.serve(&["--no-worker"]), settings.work());
        let (answer, secrets) = call(&process, &platform_key).await;
        let ended = web::block(move || (process.terminate(), worker.terminate())).await;
        let (served, worked) = ended.expect("they ended");
        assert!(served.success() && worked.success());
        check(&collector, &answer, &secrets);
    }
}

#[actix_web::test]
async fn a_collector_that_is_away_delays_nobody() {
    let database = Database::sqlite();
    // Taken and not listened on: whoever connects waits.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", silent.local_addr().expect("its address"));
    let settings = Settings::over(&database).with("TRACING__OTLP_ENDPOINT", address);
    let (platform_key, _) = settings.given_organization("acme");
    let process = settings.serve(&[]);
    let begun = Instant::now();
    call(&process, &platform_key).await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let begun = Instant::now();
    let ended = web::block(move || process.terminate()).await.expect("it ended");
    assert!(ended.success());
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
}

#[actix_web::test]
async fn without_a_collector_the_trace_is_told_in_the_log() {
    let database = Database::sqlite();
    let process = Settings::over(&database).serve(&[]);
    let stranger = Caller::new(&process.base);
    let of_a_trace = stranger.clone().header("traceparent", PARENT);
    of_a_trace.header("x-request-id", "in-a-trace").get("/healthz").await;
    let of_none = stranger.header("traceparent", PARENT.to_uppercase());
    of_none.header("x-request-id", "in-none").get("/healthz").await;
    let logged = web::block(move || process.terminate_and_read()).await.expect("it ended");
    let answered = |id: &str| {
        let lines = logged.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut lines = lines.map(|line| line["fields"].clone());
        lines
            .find(|line| line["message"] == "answered" && line["request_id"] == id)
            .expect("a line")
    };
    assert_eq!(answered("in-a-trace")["trace_id"], TRACE_ID);
    assert_eq!(answered("in-none").get("trace_id"), None);
}
