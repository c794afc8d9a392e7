//! The demo, as somebody who has just cloned the project starts it.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
};

use serde_json::json;
use test_support::app::Caller;

use crate::process::Settings;

struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the demo and reads what it prints before it serves.
fn start(directory: &str) -> (Demo, String) {
    let arguments = ["demo", "--directory", directory, "--listen", "127.0.0.1:0"];
    let mut command = Settings::of("sqlite://must-not-be-used").command(&arguments);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the demo starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut printed = String::new();
    for line in lines.by_ref().map_while(Result::ok) {
        printed += &line;
        printed.push('\n');
        if line.starts_with("Serving until") {
            break;
        }
    }
    (Demo(child), printed)
}

fn value<'a>(printed: &'a str, label: &str) -> &'a str {
    let line = printed.lines().find(|line| line.trim_start().starts_with(label));
    let line = line.unwrap_or_else(|| panic!("no '{label}' in: {printed}"));
    line.rsplit("  ").next().expect("a value").trim()
}

#[actix_web::test]
async fn the_demo_deploys_calls_and_serves_and_keeps_its_secrets_to_the_first_start() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path().join("demo");
    let directory = directory.to_str().expect("UTF-8");
    let (demo, printed) = start(directory);
    assert!(printed.contains("\"hello\": \"world\""), "{printed}");
    let base = printed
        .lines()
        .find_map(|line| line.strip_prefix("The API is documented at "))
        .expect("an address");
    let base = base.trim_end_matches("/docs/");
    let call = printed.lines().find(|line| line.contains("?wait=10")).expect("a line to paste");
    let path =
        call.split('\'').nth(1).expect("an address").strip_prefix(base).expect("this server");
    let key = value(&printed, "deployment key");
    let answer = Caller::new(base).bearer(key).post(path, json!({"your": "data"})).await.ok();
    assert_eq!(answer["result"], json!({"your": "data"}));
    let (username, password) =
        value(&printed, "log-in").split_once(" / ").expect("name and password");
    Caller::new(base)
        .log_in(username, password)
        .await
        .get("/unstract/mock_org/api/v2/workflow/")
        .await
        .ok();
    let platform_key = value(&printed, "platform key");
    Caller::new(base)
        .bearer(platform_key)
        .get("/unstract/mock_org/api/v2/api-deployment/")
        .await
        .ok();
    let wanted = json!({"name": "models", "scopes": ["inference:write"]});
    let made = Caller::new(base).bearer(platform_key).post("/v1/api-keys", wanted).await.created();
    let infers = Caller::new(base).bearer(made["key"].as_str().expect("a key"));
    let question = json!({"model": "gpt-4", "prompt": "Hello"});
    assert_eq!(infers.post("/v1/inference", question).await.ok()["output"], "Hello");
    drop(demo);
    let (_demo, printed) = start(directory);
    // What it says to type does what it says, while it runs.
    let base = printed.lines().find_map(|line| line.strip_prefix("The API is documented at "));
    let base = base.expect("an address").trim_end_matches("/docs/");
    let command = printed.lines().find(|line| line.contains("user reset-password"));
    let shell = |command: &str| {
        let output = std::process::Command::new("sh").args(["-c", command]).output();
        String::from_utf8(output.expect("a shell").stdout).expect("UTF-8")
    };
    let reset = shell(&format!("{} --yes", command.expect("a line to paste").trim()));
    Caller::new(base).log_in("admin", value(&reset, "password")).await;
    let command = printed.lines().find(|line| line.contains("platform-key refresh"));
    let refreshed = shell(&format!("{} --yes", command.expect("a line to paste").trim()));
    assert!(refreshed.contains("(Key #1)"), "{refreshed}");
    assert!(
        printed.contains("begin anew") && !printed.contains(platform_key) && !printed.contains(key),
        "{printed}"
    );
}
