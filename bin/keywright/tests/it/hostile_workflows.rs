//! Workflows that mean harm, or come upon it: each ends with a plain reason and within its bounds, and
//! the server goes on as if nothing had been.

use serde_json::{Value, json};
use test_support::{app::Caller, databases::Database};

use crate::{
    process::{Process, Settings},
    service::Service,
};

/// Far less than what they would take: a debug build begins with some 60 MiB.
const MAX_RESIDENT_KIB: u64 = 400 << 10;

const TOO_MUCH: &str = "the filter used more memory or stack than it may";

struct Bench {
    server: Process,
    platform: Caller,
    deployed: usize,
}

impl Bench {
    fn start(settings: &Settings) -> Self {
        let (platform_key, _) = settings.given_organization("acme");
        let server = settings.serve(&[]);
        let platform = Caller::new(&server.base).bearer(&platform_key);
        Self { server, platform, deployed: 0 }
    }

    /// How a run of this one step ends: its code and reason.
    async fn failed(&mut self, step: Value) -> (String, String) {
        let definition = json!({"steps": [step]});
        let workflow = json!({"name": "w", "definition": definition});
        let path = "/unstract/acme/api/v2/workflow/";
        let workflow = self.platform.post(path, workflow).await.created();
        self.deployed += 1;
        let api_name = format!("api{}", self.deployed);
        let terms = json!({"workflow": workflow["id"], "api_name": api_name, "timeout_seconds": 5});
        let path = "/unstract/acme/api/v2/api-deployment/";
        let deployed = self.platform.post(path, terms).await.created();
        let caller = Caller::new(&self.server.base).bearer(deployed["api_key"].as_str().unwrap());
        let call = format!("/deployment/{}/?wait=30", deployed["id"].as_str().unwrap());
        let told = caller.post(&call, json!({"url": "x"})).await.refused(422, "execution_failed");
        let error = &told["errors"][0];
        (error["code"].as_str().unwrap().into(), error["detail"].as_str().unwrap().into())
    }

    #[track_caller]
    fn memory_is_bounded(&self) {
        let peak = self.server.peak_resident_kib();
        assert!(peak < MAX_RESIDENT_KIB, "{peak} KiB");
    }
}

fn get(url: &str) -> Value {
    json!({"id": "call", "tool": "http_request", "url": url})
}

#[actix_web::test]
async fn what_is_inside_is_not_called() {
    let database = Database::sqlite();
    let service = Service::start();
    let mut bench = Bench::start(&Settings::over(&database));
    let port = service.base.rsplit(':').next().unwrap();
    for (url, host) in [
        (format!("http://127.0.0.1:{port}/x"), "127.0.0.1"),
        (format!("http://localhost:{port}/x"), "localhost"),
        (format!("http://[::ffff:127.0.0.1]:{port}/x"), "[::ffff:7f00:1]"),
        (format!("http://2130706433:{port}/x"), "127.0.0.1"),
        ("http://169.254.169.254/latest/meta-data/".to_owned(), "169.254.169.254"),
        ("http://10.0.0.1/".to_owned(), "10.0.0.1"),
    ] {
        let (code, reason) = bench.failed(get(&url)).await;
        assert_eq!(code, "step_failed");
        assert!(reason.starts_with(host), "{url}: {reason}");
        assert!(reason.ends_with("is not an address that workflows may call"), "{reason}");
    }
    let (_, reason) = bench.failed(get("file:///etc/passwd")).await;
    assert!(reason.starts_with("the address must be an http:// or https:// URL"), "{reason}");
    assert!(service.calls().is_empty());
}

#[actix_web::test]
async fn a_redirect_leads_nowhere_that_must_not_be_called_and_too_much_is_not_read() {
    let database = Database::sqlite();
    let service = Service::start();
    let allowed = Settings::over(&database).with("OUTBOUND__ALLOWED_NETWORKS", "127.0.0.0/8");
    let mut bench = Bench::start(&allowed);
    let to = "http://169.254.169.254/latest/meta-data/";
    let (_, reason) = bench.failed(get(&format!("{}/redirect?to={to}", service.base))).await;
    assert_eq!(reason, "169.254.169.254 is not an address that workflows may call");
    let round = format!("{}/redirect?to=/redirect", service.base);
    let (_, reason) = bench.failed(get(&round)).await;
    assert!(reason.contains("redirect"), "{reason}");
    let (_, reason) = bench.failed(get(&format!("{}/too-much", service.base))).await;
    assert!(reason.contains("has more than 10485760 bytes"), "{reason}");
    let (code, reason) = bench.failed(get(&format!("{}/slow", service.base))).await;
    assert_eq!(
        (code.as_str(), reason.as_str()),
        ("timed_out", "the execution did not finish within 5 seconds")
    );
    bench.memory_is_bounded();
}

#[actix_web::test]
async fn no_filter_and_no_template_takes_the_server_with_it() {
    let database = Database::sqlite();
    let mut bench = Bench::start(&Settings::over(&database));
    let filter = |filter: &str| json!({"id": "s", "tool": "transform", "filter": filter});
    let (code, _) = bench.failed(filter("def f: f; f")).await;
    assert_eq!(code, "timed_out");
    let (code, reason) = bench.failed(filter("\"a\" * 10000000000")).await;
    assert_eq!((code.as_str(), reason.as_str()), ("step_failed", TOO_MUCH));
    let (code, reason) = bench.failed(filter("def f: 1 + f; f")).await;
    assert_eq!((code.as_str(), reason.as_str()), ("step_failed", TOO_MUCH));
    let template =
        "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}";
    let (code, reason) =
        bench.failed(json!({"id": "s", "tool": "template", "template": template})).await;
    assert_eq!(code, "step_failed");
    assert!(reason.contains("the template"), "{reason}");
    let (code, _) = bench.failed(json!({"id": "s", "tool": "delay", "seconds": 80000})).await;
    assert_eq!(code, "timed_out");
    bench.memory_is_bounded();
}
