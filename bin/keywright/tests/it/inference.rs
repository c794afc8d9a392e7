//! Models, and the documents whose examples must work as they are printed.

use std::process::Command;

use actix_web::web;
use serde_json::{Value, json};
use test_support::app::TestApp;

on_both_databases!(
    the_examples_of_the_aiaas_guide_work_as_printed,
    the_examples_of_the_atfinity_guide_work_as_printed,
    echo_answers_and_counts_words,
    what_is_wrong_with_a_question_is_told_with_its_place,
    models_are_listed_with_what_they_mean,
    scopes_open_models_and_administrators_may_try_them,
);

const INFERENCE: &str = "/v1/inference";

/// As `creating-api-keys.md` prints them.
const CREATE: &str = r#"curl -X POST https://api.example.com/v1/api-keys \
  -H "Authorization: Bearer <your-token>" \
  -H "Content-Type: application/json" \
  -d '{
    "name": "production-key",
    "scopes": ["inference:read", "inference:write"],
    "expires_in_days": 90
  }'"#;
const INFER: &str = r#"curl -X POST https://api.example.com/v1/inference \
  -H "Authorization: Bearer <your-api-key>" \
  -H "Content-Type: application/json" \
  -d '{"model": "gpt-4", "prompt": "Hello"}'"#;

/// What a line that somebody pastes into a shell is answered.
async fn paste(app: &TestApp, line: &str, placeholder: &str, key: &str) -> Value {
    let line = line.replace("https://api.example.com", &app.base).replace(placeholder, key);
    let output = web::block(move || Command::new("sh").args(["-c", &line]).output());
    let output = output.await.expect("a thread").expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

async fn the_examples_of_the_aiaas_guide_work_as_printed(app: TestApp) {
    let created = paste(&app, CREATE, "<your-token>", app.platform_key()).await;
    assert_eq!(created["name"], "production-key");
    assert_eq!(created["scopes"], json!(["inference:read", "inference:write"]));
    assert_eq!(created["expires_at"], "2027-02-19T00:00:00.000Z");
    let answered = paste(&app, INFER, "<your-api-key>", created["key"].as_str().unwrap()).await;
    assert_eq!(answered["output"], "Hello", "{answered}");
    assert_eq!(answered["model"], "gpt-4");
    assert_eq!(answered["usage"], json!({"prompt_tokens": 1, "completion_tokens": 1}));
}

/// The guide shows a key of the form `8.32` in an `Authorization` header, and names `Api-Key` as
/// the header's own name.
async fn the_examples_of_the_atfinity_guide_work_as_printed(app: TestApp) {
    let wanted = json!({"name": "atfinity", "format": "prefix_secret"});
    let created = app.platform().post("/v1/api-keys", wanted).await.created();
    let key = created["key"].as_str().unwrap();
    assert_eq!(key.split('.').map(str::len).collect::<Vec<_>>(), [8, 32]);
    for (header, value) in [("authorization", format!("Api-Key {key}")), ("api-key", key.into())] {
        let whoami = app.stranger().header(header, value).get("/v1/whoami").await.ok();
        assert_eq!(whoami["key_name"], "atfinity", "{header}");
    }
}

async fn given_key(app: &TestApp, scopes: &[&str]) -> String {
    let wanted = json!({"name": scopes.join(" "), "scopes": scopes});
    let created = app.platform().post("/v1/api-keys", wanted).await.created();
    created["key"].as_str().unwrap().to_owned()
}

async fn echo_answers_and_counts_words(app: TestApp) {
    let caller = app.with(&given_key(&app, &["inference:write"]).await);
    let talk = json!([{"role": "system", "content": "be brief"},
        {"role": "user", "content": "one two three"}, {"role": "assistant", "content": "what?"}]);
    let question = json!({"model": "echo", "messages": talk, "max_tokens": 2});
    let answer = caller.post(INFERENCE, question.clone()).await.ok();
    assert_eq!(answer["output"], "one two");
    assert_eq!(answer["model"], "echo");
    assert_eq!(answer["usage"], json!({"prompt_tokens": 6, "completion_tokens": 2}));
    let again = caller.post(INFERENCE, question).await.ok();
    assert_ne!(answer["id"], again["id"]);
}

async fn what_is_wrong_with_a_question_is_told_with_its_place(app: TestApp) {
    let caller = app.with(&given_key(&app, &["inference:write"]).await);
    let refused = async |body: Value, status: u16, code: &str, attr: &str| {
        let refused = caller.post(INFERENCE, body.clone()).await.refused(status, code);
        assert_eq!(refused["errors"][0]["attr"], attr, "{body}");
    };
    let echo = |mut body: Value| {
        body["model"] = "echo".into();
        body
    };
    refused(json!({"prompt": "x"}), 422, "missing_field", "/model").await;
    refused(echo(json!({})), 422, "missing_field", "/prompt").await;
    refused(echo(json!({"prompt": null})), 422, "missing_field", "/prompt").await;
    refused(echo(json!({"prompt": ""})), 422, "invalid_value", "/prompt").await;
    refused(echo(json!({"prompt": 7})), 422, "invalid_type", "/prompt").await;
    let both = json!({"prompt": "x", "messages": []});
    refused(echo(both), 422, "invalid_value", "/messages").await;
    refused(echo(json!({"messages": []})), 422, "invalid_value", "/messages").await;
    let silent = json!({"messages": [{"role": "user"}]});
    refused(echo(silent), 422, "missing_field", "/messages/0/content").await;
    let tool = json!({"messages": [{"role": "tool", "content": "x"}]});
    refused(echo(tool), 422, "invalid_value", "/messages/0/role").await;
    let none = json!({"prompt": "x", "max_tokens": 0});
    refused(echo(none), 422, "invalid_value", "/max_tokens").await;
    let negative = json!({"prompt": "x", "max_tokens": -1});
    refused(echo(negative), 422, "invalid_type", "/max_tokens").await;
    let hot = json!({"prompt": "x", "temperature": 2.5});
    refused(echo(hot), 422, "invalid_value", "/temperature").await;
    let streamed = json!({"prompt": "x", "stream": true});
    refused(echo(streamed), 422, "unknown_field", "/stream").await;
    refused(json!({"model": "gpt-5", "prompt": "x"}), 404, "model_not_found", "/model").await;
    refused(json!({"model": "", "prompt": "x"}), 404, "model_not_found", "/model").await;
    let raw =
        async |media_type, body: &[u8]| caller.post_raw(INFERENCE, media_type, body.to_vec()).await;
    raw("application/json", b"{").await.refused(400, "malformed_json");
    raw("text/plain", b"{}").await.refused(415, "unsupported_media_type");
}

async fn models_are_listed_with_what_they_mean(app: TestApp) {
    let models = app.with(&given_key(&app, &["inference:read"]).await).get("/v1/models").await.ok();
    let items = json!([{"id": "echo"}, {"id": "gpt-4", "alias_of": "echo"}]);
    assert_eq!(models, json!({"items": items, "next_cursor": null}));
}

async fn scopes_open_models_and_administrators_may_try_them(app: TestApp) {
    let question = || json!({"model": "echo", "prompt": "x"});
    let reader = app.with(&given_key(&app, &["inference:read"]).await);
    reader.post(INFERENCE, question()).await.refused(403, "insufficient_scope");
    let writer = app.with(&given_key(&app, &["inference:write"]).await);
    writer.get("/v1/models").await.refused(403, "insufficient_scope");
    app.platform().post(INFERENCE, question()).await.refused(403, "key_kind_not_allowed");
    app.admin().await.post(INFERENCE, question()).await.ok();
    app.user().await.get("/v1/models").await.refused(403, "admin_required");
}
