//! Clients that standard generators make from `docs/openapi.json`: they are made, compiled and used against a real server.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{app::TestApp, databases::Database, python};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const SMOKE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

#[actix_web::test]
async fn the_python_client_is_made_and_works() {
    let app = crate::start(Database::sqlite()).await;
    let job = job(&app).await;
    let told = apart(move || {
        let (directory, client) = made("python-client", "client");
        let compiled = Command::new(python::interpreter())
            .args(["-W", "error", "-m", "compileall", "-q"])
            .arg(&client)
            .output();
        succeeded(compiled.unwrap());
        let mut smoke = Command::new(python::interpreter());
        smoke.arg(format!("{SMOKE}/smoke.py")).env("PYTHONPATH", &client);
        let told = talk(smoke, &job);
        drop(directory);
        told
    });
    assert_eq!(told.await, expected("python"));
}

#[actix_web::test]
async fn the_typescript_client_is_made_and_works() {
    let app = crate::start(Database::sqlite()).await;
    let job = job(&app).await;
    let told = apart(move || {
        let (directory, client) = made("typescript-client", "client");
        std::fs::copy(format!("{SMOKE}/smoke.ts"), client.join("smoke.ts")).unwrap();
        let options = ["--strict", "--target", "es2022", "--module", "nodenext", "--outDir", "out"];
        let compiled = Command::new("node")
            .arg(client.join("node_modules/typescript/bin/tsc"))
            .args(options)
            .arg("smoke.ts")
            .current_dir(&client)
            .output();
        succeeded(compiled.unwrap());
        let mut smoke = Command::new("node");
        smoke.arg(client.join("out/smoke.js")).arg(job.to_string());
        let told = talk(smoke, &job);
        drop(directory);
        told
    });
    assert_eq!(told.await, expected("typescript"));
}

/// What a client is told: a deployment, and keys.
async fn job(app: &TestApp) -> Value {
    let deployment = app.given_deployment("echo").await;
    json!({
        "base": app.base,
        "platform_key": app.platform_key(),
        "deployment": deployment.id,
        "key": deployment.key
    })
}

/// What it must find.
fn expected(name: &str) -> Value {
    json!({
        "kind": "platform_key",
        "deployments": ["echo"],
        "timeout_seconds": [300],
        "key": {"name": name, "scopes": ["orders:read"], "year": 2026},
        "status": "COMPLETED",
        "result": {"price": 1.5},
        "refusal": {"code": "name_taken", "status": 409}
    })
}

/// The server of a test goes on meanwhile.
async fn apart(work: impl FnOnce() -> Value + Send + 'static) -> Value {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// What the script makes, in a place of its own.
fn made(script: &str, name: &str) -> (TempDir, PathBuf) {
    let directory = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let client = directory.path().join(name);
    let made = Command::new(Path::new(ROOT).join(".ci").join(script)).arg(&client).output();
    succeeded(made.unwrap());
    (directory, client)
}

/// What a program says to a job on its standard input.
fn talk(mut program: Command, job: &Value) -> Value {
    let started = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = started.spawn().unwrap();
    // A program that takes its job otherwise may have closed it.
    let _ = child.stdin.take().unwrap().write_all(job.to_string().as_bytes());
    let output = succeeded(child.wait_with_output().unwrap());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn succeeded(output: std::process::Output) -> std::process::Output {
    let told = [&*output.stdout, &output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&told));
    output
}
