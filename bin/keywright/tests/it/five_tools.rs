//! From a PDF to a call of somebody else: five tools in a row, with real servers at either end.

use std::time::Duration;

use api_types::{CreateDeployment, CreateWorkflow};
use client_rust::{Call, UsageFilter};
use serde_json::{Value, json};
use test_support::{
    databases::Database,
    model_server::{MODEL, ModelServer},
};

use crate::{
    process::Settings,
    sdk::{client, kept},
    service::Service,
};

const INVOICE: &[u8] = include_bytes!("../documents/invoice.pdf");

#[actix_web::test]
async fn a_pdf_becomes_a_call_over_sqlite() {
    a_pdf_becomes_a_call(Database::sqlite()).await;
}

#[actix_web::test]
async fn a_pdf_becomes_a_call_over_postgres() {
    a_pdf_becomes_a_call(Database::postgres()).await;
}

async fn a_pdf_becomes_a_call(database: Database) {
    let (model, service) =
        (ModelServer::start(&[], r#"{"amount": 1234.5, "currency": "EUR"}"#), Service::start());
    let settings = Settings::over(&database)
        .with("OUTBOUND__ALLOWED_NETWORKS", "127.0.0.0/8")
        .with("MODELS__READER__BASE_URL", &model.base_url)
        .with("MODELS__READER__API_KEY", "any")
        .with("MODELS__READER__UPSTREAM_MODEL", MODEL)
        .with("MODELS__READER__PROMPT_PRICE", "10");
    let server = settings.serve(&["--migrate"]);
    let (platform_key, _) = settings.given_organization("acme");
    let platform = client(&server.base, &platform_key);
    let schema = json!({"required": ["total"], "properties": {"total": {"type": "number"}}});
    let steps = json!([
        {"id": "text", "tool": "extract_text", "from": "files"},
        {"id": "ask", "tool": "llm", "model": "reader", "system": "Return JSON only.", "response_format": "json",
         "prompt": "Find the total in: {{ steps.text.output }}", "max_tokens": 500},
        {"id": "shape", "tool": "transform", "filter": ".steps.ask.output | {total: .amount, currency}"},
        {"id": "hold", "tool": "validate", "schema": schema},
        {"id": "notify", "tool": "http_request", "method": "POST", "url": format!("{}/echo/hook", service.base),
         "body": "{{ steps.shape.output | tojson }}", "retry": {"attempts": 3}, "when": ".steps.shape.output.total > 100"}
    ]);
    let output = "{shape: .steps.shape.output, sent: .steps.notify.output.body.body, text: .steps.text.output}";
    let acme = platform.organization("acme");
    let draft = CreateWorkflow::new("invoices", json!({"steps": steps, "output": output}));
    let workflow = acme.workflows().create(&draft).await.unwrap();
    let draft = CreateDeployment::new(workflow.id, "invoices");
    let deployed = acme.deployments().create(&draft).await.unwrap();
    let caller = client(&server.base, &kept(&server.base, deployed.api_key));
    let call = Call::new(json!({})).file("invoice.pdf", INVOICE);
    let deployment = caller.deployment(deployed.deployment.id);
    let result = deployment.run(&call, Duration::from_secs(60)).await.unwrap().result;
    assert_eq!(result["shape"], json!({"total": 1234.5, "currency": "EUR"}), "{result}");
    let sent: Value = serde_json::from_str(result["sent"].as_str().unwrap()).unwrap();
    assert_eq!(sent, result["shape"]);
    assert!(result["text"].as_str().unwrap().contains("Invoice"), "{result}");
    assert_eq!(service.calls()["/echo/hook"], 1);

    let filter = UsageFilter { key_id: Some(deployed.key_id), ..UsageFilter::default() };
    let counted = platform.usage(&filter).await.unwrap();
    assert!(counted.iter().map(|item| item.prompt_tokens).sum::<u64>() > 5, "{counted:?}");
    assert!(counted.iter().map(|item| item.completion_tokens).sum::<u64>() > 0, "{counted:?}");
}
