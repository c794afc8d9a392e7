//! The SDK for Rust, against a real server: what its documentation promises of each call.

use std::{sync::Arc, time::Duration};

use api_types::{
    CreateApiKey, CreateDeployment, CreateDeploymentKey, CreateWorkflow, ErrorCode, PatchApiKey,
    PatchDeployment, RotateKey, VerifyKey, WithdrawPlatformKey,
};
use client_rust::{Call, Client, KeyFilter, ListFilter, Retry, Share, UsageFilter, Uuid, Verifier};
use serde_json::{Value, json};
use test_support::{app::TestApp, canary::Canary};

on_both_databases!(
    a_client_finds_out_who_it_is_and_is_told_what_is_wrong,
    a_workflow_is_deployed_changed_and_withdrawn,
    lists_are_read_page_by_page,
    a_key_is_made_changed_rotated_revoked_and_deleted,
    a_run_is_started_awaited_and_read,
    a_run_that_fails_says_why,
    files_are_sent_and_read,
    keys_are_verified_alone_and_by_the_hundred,
    a_verifier_remembers_until_the_key_changes,
    usage_is_told_and_a_platform_key_refreshes_itself,
);

/// A client that tells of the first failure.
pub(crate) fn client(base: &str, key: &str) -> Client {
    Client::builder(base).key(key).retry(Retry::NEVER).build().unwrap()
}

fn platform(app: &TestApp) -> Client {
    client(&app.base, app.platform_key())
}

/// A secret that an answer of the server at `base` showed, which is to stand nowhere else.
pub(crate) fn kept(base: &str, secret: Option<String>) -> String {
    let secret = secret.expect("it is shown this once");
    Canary::of(base).keep(&secret);
    secret
}

fn echo() -> Value {
    json!({"steps": [{"id": "echo", "tool": "passthrough"}]})
}

/// A deployment, and a client with its first key.
async fn deployed(app: &TestApp, definition: Value) -> (Uuid, Client) {
    let acme = platform(app).organization("acme");
    let workflow = acme.workflows().create(&CreateWorkflow::new("w", definition)).await.unwrap();
    let draft = CreateDeployment::new(workflow.id, "api");
    let made = acme.deployments().create(&draft).await.unwrap();
    let key = kept(&app.base, made.api_key);
    (made.deployment.id, client(&app.base, &key))
}

async fn a_client_finds_out_who_it_is_and_is_told_what_is_wrong(app: TestApp) {
    let platform = platform(&app);
    let who = platform.whoami().await.unwrap();
    assert_eq!((who.kind.as_str(), who.organization.slug.as_str()), ("platform_key", "acme"));
    let error = platform.with_key("unst_unknown").unwrap().whoami().await.unwrap_err();
    assert!(error.is(ErrorCode::InvalidCredential), "{error:?}");
    let named = platform.with_request_id("sdk-7").unwrap();
    let error = named.organization("acme").deployments().get(Uuid::nil()).await.unwrap_err();
    assert!(error.is(ErrorCode::NotFound), "{error:?}");
    assert_eq!(error.request_id(), Some("sdk-7"));
    let draft = CreateApiKey { scopes: vec!["No Scope".into()], ..CreateApiKey::new("") };
    let error = platform.api_keys().create(&draft).await.map(drop).unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!((problem.status, problem.code.as_str()), (422, "validation_failed"));
    let places: Vec<_> = problem.faults.iter().filter_map(|one| one.pointer.as_deref()).collect();
    assert!(places.contains(&"/name") && places.contains(&"/scopes/0"), "{problem:?}");
}

async fn a_workflow_is_deployed_changed_and_withdrawn(app: TestApp) {
    let acme = platform(&app).organization("acme");
    let (workflows, deployments) = (acme.workflows(), acme.deployments());
    let workflow = workflows.create(&CreateWorkflow::new("w", echo())).await.unwrap();
    let draft = CreateDeployment {
        timeout_seconds: Some(60),
        max_concurrent: Some(None),
        ..CreateDeployment::new(workflow.id, "api")
    };
    let made = deployments.create(&draft).await.unwrap();
    kept(&app.base, made.api_key);
    let id = made.deployment.id;
    assert_eq!((made.deployment.timeout_seconds, made.deployment.max_concurrent), (60, None));
    let change = PatchDeployment { is_active: Some(false), ..PatchDeployment::default() };
    assert!(!deployments.change(id, &change).await.unwrap().is_active);
    assert!(deployments.replace(id, &draft).await.unwrap().is_active);
    let error = deployments.create(&draft).await.map(drop).unwrap_err();
    assert!(error.is(ErrorCode::ApiNameTaken), "{error:?}");
    assert!(workflows.validate(workflow.id, None).await.unwrap().valid);
    let run = workflows.run(workflow.id, &json!([1]), Duration::from_secs(30)).await.unwrap();
    assert_eq!(run.result, Some(json!([1])));
    let error = workflows.delete(workflow.id).await.unwrap_err();
    assert!(error.is(ErrorCode::WorkflowInUse), "{error:?}");
    deployments.delete(id).await.unwrap();
    workflows.delete(workflow.id).await.unwrap();
    assert!(workflows.get(workflow.id).await.unwrap_err().is(ErrorCode::NotFound));
}

async fn lists_are_read_page_by_page(app: TestApp) {
    let workflows = platform(&app).organization("acme").workflows();
    for number in 0..5 {
        let draft = CreateWorkflow::new(format!("number {number}"), echo());
        workflows.create(&draft).await.unwrap();
    }
    assert_eq!(workflows.list().page_size(2).all().await.unwrap().len(), 5);
    let mut pages = workflows.list().page_size(2);
    let first = pages.next().await.unwrap().unwrap();
    let rest_of_page = pages.next_page().await.unwrap().unwrap();
    assert_eq!(rest_of_page.len(), 1);
    assert_ne!(first.id, rest_of_page[0].id);
    let cursor = pages.cursor().unwrap().to_owned();
    let later = workflows.list().page_size(200).from_cursor(cursor).all().await.unwrap();
    assert_eq!(later.len(), 3);
    let filter = ListFilter { search: Some("NUMBER 3".into()), ..ListFilter::default() };
    let found = workflows.find(&filter).all().await.unwrap();
    assert_eq!(found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["number 3"]);
    let error = workflows.list().page_size(201).all().await.unwrap_err();
    assert!(error.is(ErrorCode::InvalidParameter), "{error:?}");
}

async fn a_key_is_made_changed_rotated_revoked_and_deleted(app: TestApp) {
    let keys = platform(&app).api_keys();
    let draft = CreateApiKey {
        scopes: vec!["orders:read".into()],
        metadata: json!({"price": 1.50}).as_object().unwrap().clone(),
        ..CreateApiKey::new("orders")
    };
    let made = keys.create(&draft).await.unwrap();
    let (id, secret) = (made.record.id, kept(&app.base, made.key));
    assert_eq!(made.record.metadata["price"].to_string(), "1.5");
    assert_eq!(client(&app.base, &secret).whoami().await.unwrap().scopes, ["orders:read"]);
    let error = keys.create(&draft).await.map(drop).unwrap_err();
    assert!(error.is(ErrorCode::NameTaken), "{error:?}");
    let change = PatchApiKey { rate_limit_per_minute: Some(Some(7)), ..PatchApiKey::default() };
    assert_eq!(keys.change(id, &change).await.unwrap().rate_limit_per_minute, Some(7));
    let rotated = keys.rotate(id, &RotateKey::default()).await.unwrap();
    assert_eq!(rotated.record.secrets.len(), 2);
    let newer = kept(&app.base, rotated.key);
    let error = keys.rotate(id, &RotateKey::default()).await.map(drop).unwrap_err();
    assert!(error.is(ErrorCode::RotationInGrace), "{error:?}");
    keys.revoke(id, "leaked").await.unwrap();
    assert!(keys.revoke(id, "again").await.unwrap_err().is(ErrorCode::KeyRevoked));
    let error = client(&app.base, &newer).whoami().await.unwrap_err();
    assert!(error.is(ErrorCode::KeyRevoked), "{error:?}");
    let revoked = KeyFilter { revoked: Some(true), ..KeyFilter::default() };
    assert_eq!(keys.find(&revoked).all().await.unwrap()[0].id, id);
    keys.delete(id).await.unwrap();
    assert!(keys.get(id).await.unwrap_err().is(ErrorCode::NotFound));
}

async fn a_run_is_started_awaited_and_read(app: TestApp) {
    let (id, caller) = deployed(&app, echo()).await;
    let deployment = caller.deployment(id);
    let patience = Duration::from_secs(30);
    let call = Call::new(json!({"price": 1.50, "list": [null]})).parameter("language", "en");
    let completed = deployment.run(&call, patience).await.unwrap();
    assert_eq!(completed.result, json!({"price": 1.50, "list": [null]}));
    let read = deployment.result(completed.execution_id).await.unwrap().unwrap();
    assert_eq!(read.result, completed.result);
    // Named by the caller, it is one execution however often it is called.
    let named = call.idempotency_key("order-7");
    let started = deployment.start(&named).await.unwrap();
    assert_eq!(deployment.start(&named).await.unwrap().execution_id, started.execution_id);
    assert!(deployment.wait(started.execution_id, patience).await.is_ok());
    let status = deployment.status(started.execution_id, Duration::ZERO).await.unwrap();
    assert_eq!(status.status, "COMPLETED");
    let error = deployment.cancel(started.execution_id).await.unwrap_err();
    assert!(error.is(ErrorCode::ExecutionFinished), "{error:?}");
    let history = platform(&app).organization("acme").executions();
    assert_eq!(history.list().all().await.unwrap().len(), 2);
}

async fn a_run_that_fails_says_why(app: TestApp) {
    let failing =
        json!({"steps": [{"id": "no", "tool": "transform", "filter": "error(\"not today\")"}]});
    let (id, caller) = deployed(&app, failing).await;
    let deployment = caller.deployment(id);
    let error = deployment.run(&Call::new(1), Duration::from_secs(30)).await.unwrap_err();
    assert!(error.is(ErrorCode::ExecutionFailed), "{error:?}");
    assert!(error.to_string().contains("not today"), "{error}");
    let started = deployment.start(&Call::new(2)).await.unwrap();
    let waited = deployment.wait(started.execution_id, Duration::from_secs(30)).await;
    assert!(waited.unwrap_err().is(ErrorCode::ExecutionFailed));
    // A platform key calls no deployment.
    let error = platform(&app).deployment(id).start(&Call::new(1)).await.unwrap_err();
    assert!(error.is(ErrorCode::DeploymentKeyRequired), "{error:?}");
}

async fn files_are_sent_and_read(app: TestApp) {
    let reads = json!({
        "steps": [{"id": "text", "tool": "extract_text", "from": "files"}],
        "output": "{text: .steps.text.output, input: .input}"
    });
    let (id, caller) = deployed(&app, reads).await;
    let call = Call::new(json!({"a": 1})).file("a \"b\".txt", "so it says");
    let completed = caller.deployment(id).run(&call, Duration::from_secs(30)).await.unwrap();
    assert!(completed.result["text"].to_string().contains("so it says"), "{completed:?}");
}

async fn keys_are_verified_alone_and_by_the_hundred(app: TestApp) {
    let platform = platform(&app);
    let draft = CreateApiKey { scopes: vec!["keys:verify".into()], ..CreateApiKey::new("service") };
    let service = kept(&app.base, platform.api_keys().create(&draft).await.unwrap().key);
    let shown = platform.api_keys().create(&CreateApiKey::new("shown")).await.unwrap();
    let (id, shown) = (shown.record.id, kept(&app.base, shown.key));
    let service = client(&app.base, &service);
    let verification = service.verify(&VerifyKey::new(&*shown)).await.unwrap();
    assert!(verification.is_valid());
    assert_eq!((verification.key_id, verification.name.as_deref()), (Some(id), Some("shown")));
    let wants = VerifyKey { scopes: vec!["orders:read".into()], ..VerifyKey::new(&*shown) };
    let unknown = VerifyKey::new("kw_live_unknown");
    let told = service.verify_batch(&[wants, unknown]).await.unwrap();
    let codes: Vec<_> = told.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(codes, ["INSUFFICIENT_SCOPE", "NOT_FOUND"]);
    let error = client(&app.base, &shown).verify(&VerifyKey::new("x")).await.unwrap_err();
    assert!(error.is(ErrorCode::InsufficientScope), "{error:?}");
}

async fn a_verifier_remembers_until_the_key_changes(app: TestApp) {
    let keys = platform(&app).api_keys();
    let made = keys.create(&CreateApiKey::new("shown")).await.unwrap();
    let (id, shown) = (made.record.id, kept(&app.base, made.key));
    let verifier = Verifier::start(platform(&app));
    let question = VerifyKey::new(shown);
    // As soon as the feed is heard, answers come from memory.
    let remembered = async {
        loop {
            let first = verifier.verify(&question).await.unwrap();
            assert!(first.is_valid());
            if Arc::ptr_eq(&first, &verifier.verify(&question).await.unwrap()) {
                break;
            }
        }
    };
    let patience = Duration::from_secs(20);
    tokio::time::timeout(patience, remembered).await.expect("answers are remembered");
    keys.revoke(id, "leaked").await.unwrap();
    // The news is on its way: the feed is told of it within moments.
    let forgotten = async {
        while verifier.verify(&question).await.unwrap().is_valid() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(patience, forgotten).await.expect("the revocation is heard");
    assert_eq!(verifier.verify(&question).await.unwrap().code, "REVOKED");
    drop(verifier);
    app.stop().await;
}

async fn usage_is_told_and_a_platform_key_refreshes_itself(app: TestApp) {
    let (id, caller) = deployed(&app, echo()).await;
    caller.deployment(id).run(&Call::new(1), Duration::from_secs(30)).await.unwrap();
    let platform = platform(&app);
    let filter = UsageFilter { deployment: Some(id), ..UsageFilter::default() };
    let usage = platform.usage(&filter).await.unwrap();
    assert!(usage.iter().map(|item| item.succeeded).sum::<u64>() >= 1, "{usage:?}");
    let acme = platform.organization("acme");
    let shares = acme.usage_shares(Share::Deployment, &UsageFilter::default(), None).await.unwrap();
    assert!(shares.iter().any(|share| share.id == Some(id)), "{shares:?}");
    let keys = acme.deployments().keys(id);
    let made = keys.create(&CreateDeploymentKey::default()).await.unwrap();
    kept(&app.base, made.key);
    assert_eq!(keys.list().all().await.unwrap().len(), 2);
    keys.delete(made.record.id).await.unwrap();
    let told = app.admin().await.get("/unstract/acme/api/v2/platform-keys/").await.ok();
    let own = told["items"][0]["id"].as_str().unwrap().parse().unwrap();
    let refreshed = acme.refresh_platform_key(own, &WithdrawPlatformKey::default()).await.unwrap();
    let newer = kept(&app.base, refreshed.key);
    assert!(platform.whoami().await.unwrap_err().is(ErrorCode::InvalidCredential));
    assert!(platform.with_key(newer).unwrap().whoami().await.is_ok());
}
