//! Calls that bring files: what the steps see of them, what bounds them, and how long they are kept.

use std::{fs, path::Path};

use serde_json::{Value, json};
use test_support::app::{GivenDeployment, TestApp, form};

on_both_databases!(
    a_form_brings_files_and_fields,
    the_bounds_hold_while_files_arrive_and_nothing_is_left,
    a_form_that_is_none_says_so,
    the_same_form_is_done_once,
    text_is_extracted_and_a_run_may_go_over_its_files_one_by_one,
    a_file_that_means_harm_fails_for_itself_alone,
);

const INVOICE: &[u8] = include_bytes!("../documents/invoice.pdf");

fn seen() -> Value {
    json!({"steps": [{"id": "seen", "tool": "transform", "filter": "{input, parameters, files}"}]})
}

fn execute(deployment: &GivenDeployment) -> String {
    format!("/deployment/{}/execute?wait=20", deployment.id)
}

/// How many files lie in a directory and below it.
fn kept(directory: &Path) -> usize {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    let count = |entry: fs::DirEntry| if entry.path().is_dir() { kept(&entry.path()) } else { 1 };
    entries.map(|entry| count(entry.unwrap())).sum()
}

async fn a_form_brings_files_and_fields(app: TestApp) {
    let deployment = app.given_deployment_of("seen", seen(), json!({})).await;
    let caller = app.with(&deployment.key);
    let fields = [("input_data", "{\"a\": 1}"), ("parameters", "{\"p\": 2}"), ("customer", "7")];
    let large = vec![b'x'; 100_000];
    let files: [(&str, &[u8]); 3] =
        [("../invoice.pdf", INVOICE), ("a.csv", b"a,b\n"), ("large.txt", &large)];
    let done = caller.post_form(&execute(&deployment), &fields, &files).await.ok();
    let seen = &done["result"];
    assert_eq!(seen["input"], json!({"a": 1, "customer": "7"}));
    assert_eq!(seen["parameters"], json!({"p": 2}));
    let files = seen["files"].as_array().unwrap();
    let expected = json!({
        "name": "a.csv", "media_type": "text/csv", "size": 4,
        "sha256": "5be08c9684a1d25efcee09318204824278b08bbfb4aef973ffefd0b9d7478313"
    });
    assert_eq!(files[1], expected);
    assert_eq!(
        (&files[0]["name"], &files[0]["media_type"]),
        (&json!("invoice.pdf"), &json!("application/pdf"))
    );
    assert_eq!(
        (&files[2]["size"], &files[2]["media_type"]),
        (&json!(100_000), &json!("text/plain"))
    );
    assert_eq!(kept(app.files()), 3);

    // Without `input_data`, the fields are the input.
    let done = caller.post_form(&execute(&deployment), &fields[2..], &[("a", b"")]).await.ok();
    assert_eq!(done["result"]["input"], json!({"customer": "7"}));
    // A call without files has none.
    let done = caller.post(&execute(&deployment), json!({"a": 1})).await.ok();
    assert_eq!(done["result"]["files"], json!([]));
}

async fn the_bounds_hold_while_files_arrive_and_nothing_is_left(app: TestApp) {
    let terms = json!({"max_file_bytes": 50_000, "max_body_bytes": 1000, "max_concurrent": 1});
    let deployment = app.given_deployment_of("seen", seen(), terms).await;
    let (caller, address) = (app.with(&deployment.key), execute(&deployment));
    let file = vec![b'x'; 50_001];
    caller.post_form(&address, &[], &[("a", &file)]).await.refused(413, "body_too_large");
    let within = &file[..50_000];
    let many: Vec<_> = (0..22).map(|_| ("a", within)).collect();
    caller.post_form(&address, &[], &many).await.refused(413, "body_too_large");
    let text = "x".repeat(1001);
    caller.post_form(&address, &[("t", &text)], &[("a", b"")]).await.refused(413, "body_too_large");
    let many: Vec<_> = (0..33).map(|_| ("a", b"".as_slice())).collect();
    caller.post_form(&address, &[], &many).await.refused(422, "invalid_value");
    caller.post_form(&address, &[("a", "1")], &[]).await.refused(422, "missing_field");
    let twice = [("a", "1"), ("a", "2")];
    caller.post_form(&address, &twice, &[("a", b"")]).await.refused(422, "invalid_value");
    for (field, code, status) in [
        (("input_data", "{"), "malformed_json", 400),
        (("parameters", "[]"), "invalid_type", 422),
        (("timeout", "301"), "invalid_value", 422),
    ] {
        caller.post_form(&address, &[field], &[("a", within)]).await.refused(status, code);
    }
    assert_eq!(kept(app.files()), 0);
    caller.post_form(&address, &[], &[("a", within)]).await.ok();
    assert_eq!(kept(app.files()), 1);
    let both = json!({"max_file_bytes": 0});
    let edit = format!("/unstract/acme/api/v2/api-deployment/{}/", deployment.id);
    app.platform().patch(&edit, both).await.refused(422, "invalid_value");
}

async fn a_form_that_is_none_says_so(app: TestApp) {
    let deployment = app.given_deployment_of("seen", seen(), json!({})).await;
    let (caller, address) = (app.with(&deployment.key), execute(&deployment));
    let (media_type, body) = form(&[], &[("a", b"content")]);
    let cut = body[..body.len() / 2].to_vec();
    let no_name = b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n".to_vec();
    let endless = [b"--b\r\nX: ".as_slice(), &vec![b'x'; 200_000]].concat();
    for (media_type, body) in [
        (media_type.as_str(), cut),
        ("multipart/form-data", body),
        ("multipart/form-data; boundary=b", no_name),
        ("multipart/form-data; boundary=b", endless),
    ] {
        caller.post_raw(&address, media_type, body).await.refused(400, "malformed_multipart");
    }
    let other = b"--b\r\nContent-Disposition: form-data; name=\"doc\"; filename=\"a\"\r\n\r\nx\r\n--b--\r\n";
    let answer = caller.post_raw(&address, "multipart/form-data; boundary=b", other.to_vec()).await;
    answer.refused(422, "unknown_field");
    assert_eq!(kept(app.files()), 0);
    // Elsewhere, forms are not taken.
    let (media_type, body) = form(&[("name", "w")], &[]);
    let answer =
        app.platform().post_raw("/unstract/acme/api/v2/workflow/", &media_type, body).await;
    answer.refused(415, "unsupported_media_type");
}

async fn the_same_form_is_done_once(app: TestApp) {
    let deployment = app.given_deployment_of("seen", seen(), json!({})).await;
    let caller = app.with(&deployment.key).header("idempotency-key", "k");
    let address = execute(&deployment);
    let first = caller.post_form(&address, &[("a", "1")], &[("a", b"content")]).await.ok();
    let again = caller.post_form(&address, &[("a", "1")], &[("a", b"content")]).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.ok()["execution_id"], first["execution_id"]);
    assert_eq!(kept(app.files()), 1);
    let other = caller.post_form(&address, &[("a", "1")], &[("a", b"other")]).await;
    other.refused(422, "idempotency_key_reused");
    assert_eq!(kept(app.files()), 1);
}

async fn text_is_extracted_and_a_run_may_go_over_its_files_one_by_one(app: TestApp) {
    let steps = json!([
        {"id": "text", "tool": "extract_text", "from": "files"},
        {"id": "shape", "tool": "transform", "filter":
            "if .files[0].name == \"bad\" then error(\"no\") else (.steps.text.output | gsub(\"\\\\s+\"; \" \")) end"}
    ]);
    let whole = app.given_deployment_of("whole", json!({"steps": steps}), json!({})).await;
    let each = json!({"steps": steps, "for_each": "files"});
    let each = app.given_deployment_of("each", each, json!({})).await;
    let files: [(&str, &[u8]); 2] =
        [("invoice.pdf", INVOICE), ("a.html", b"<p>Hello <b>you</b></p>")];
    let done = app.with(&whole.key).post_form(&execute(&whole), &[], &files).await.ok();
    let text = "Invoice 4711 Größe: XL Total: 119.00 EUR Thank you. Hello you";
    assert_eq!(done["result"].as_str().map(str::trim), Some(text));

    let caller = app.with(&each.key);
    let files = [files[0], files[1], ("bad", b"x".as_slice())];
    let done = caller.post_form(&execute(&each), &[], &files).await.ok();
    let items = done["result"].as_array().unwrap();
    let told = |item: &Value| (item["file"].clone(), item["status"].clone());
    let expected = [("invoice.pdf", "Success"), ("a.html", "Success"), ("bad", "Failed")]
        .map(|(name, status)| (json!(name), json!(status)));
    assert_eq!(items.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!(items[1]["result"].as_str().map(str::trim), Some("Hello you"));
    assert_eq!((&items[1]["error"], &items[2]["result"]), (&Value::Null, &Value::Null));
    assert_eq!(items[2]["error"], "step 'shape' failed: \"no\"");
    let id = done["execution_id"].as_str().unwrap();
    let status = caller.get(&format!("/deployment/{}/status/{id}/", each.id)).await.ok();
    assert_eq!(
        (&status["status"], &status["progress"]["steps_total"]),
        (&json!("COMPLETED"), &json!(6))
    );
    assert_eq!(status["progress"]["steps_completed"], 5);

    let all_bad = [("bad", b"x".as_slice()), ("bad", b"y".as_slice())];
    let failed = caller.post_form(&execute(&each), &[], &all_bad).await;
    failed.refused(422, "execution_failed");
    let none = caller.post(&execute(&each), json!({})).await;
    none.refused(422, "missing_field");
}

async fn a_file_that_means_harm_fails_for_itself_alone(app: TestApp) {
    let steps = json!({"for_each": "files", "steps": [{"id": "text", "tool": "extract_text", "from": "files"}]});
    let deployment = app.given_deployment_of("text", steps, json!({})).await;
    let bomb = crate::extraction::bomb();
    let files: [(&str, &[u8]); 3] =
        [("bomb.pdf", &bomb), ("a.txt", b"text"), ("b.png", b"\x89PNG\r\n\x1a\n")];
    let done = app.with(&deployment.key).post_form(&execute(&deployment), &[], &files).await.ok();
    let items = done["result"].as_array().unwrap();
    let died =
        "step 'text' failed: bomb.pdf: reading the file takes more memory or stack than it may";
    assert_eq!((&items[0]["error"], &items[1]["result"]), (&json!(died), &json!("text")));
    let picture = "step 'text' failed: b.png: there is no text to be extracted from image/png";
    assert_eq!(items[2]["error"], picture);
}
