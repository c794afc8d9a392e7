//! From a PDF to a call of somebody else: five tools in a row, with real servers at either end.

use serde_json::{Value, json};
use test_support::{
    app::Caller,
    databases::Database,
    model_server::{MODEL, ModelServer},
};

use crate::{process::Settings, service::Service};

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
    let platform = Caller::new(&server.base).bearer(&platform_key);
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
    let workflow = json!({"name": "invoices", "definition": {"steps": steps, "output": output}});
    let workflow = platform.post("/unstract/acme/api/v2/workflow/", workflow).await.created();
    let deployment = json!({"workflow": workflow["id"], "api_name": "invoices"});
    let path = "/unstract/acme/api/v2/api-deployment/";
    let deployed = platform.post(path, deployment).await.created();
    let text = |name: &str| deployed[name].as_str().unwrap().to_owned();
    let caller = Caller::new(&server.base).bearer(&text("api_key"));
    let call = format!("/deployment/{}/?wait=30", text("id"));
    let answer = caller.post_form(&call, &[], &[("invoice.pdf", INVOICE)]).await.ok();
    let result = &answer["result"];
    assert_eq!(result["shape"], json!({"total": 1234.5, "currency": "EUR"}), "{answer}");
    let sent: Value = serde_json::from_str(result["sent"].as_str().unwrap()).unwrap();
    assert_eq!(sent, result["shape"]);
    assert!(result["text"].as_str().unwrap().contains("Invoice"), "{answer}");
    assert_eq!(service.calls()["/echo/hook"], 1);

    let usage = format!("/unstract/acme/api/v2/usage/?key_id={}", text("key_id"));
    let counted = platform.get(&usage).await.ok();
    let sum = |name: &str| {
        let items = counted["items"].as_array().unwrap();
        items.iter().map(|item| item[name].as_u64().unwrap_or_default()).sum::<u64>()
    };
    assert!(sum("prompt_tokens") > 5 && sum("completion_tokens") > 0, "{counted}");
}
