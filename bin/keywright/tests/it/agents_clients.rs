//! Agents' clients as they are published, against real servers: the official one in Python, over HTTP and over standard input and
//! output, and the inspector's command line.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use serde_json::{Value, json};
use test_support::{app::Caller, databases::Database, python};

use crate::{
    KEYWRIGHT,
    process::{Process, Settings},
};

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/agents/client.py");
/// No client may take longer for one step.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with a deployment that answers at once and one that takes a moment.
struct Bench {
    server: Process,
    platform_key: String,
    key: String,
    /// Where that key is revoked.
    revoke: String,
}

impl Bench {
    async fn start(database: &Database) -> Self {
        let settings = Settings::over(database);
        let migrated = settings.run(&["migrate", "run"]);
        assert!(migrated.status.success(), "{migrated:?}");
        let (platform_key, _) = settings.given_organization("acme");
        let server = settings.serve(&[]);
        let platform = Caller::new(&server.base).bearer(&platform_key);
        let schema = json!({"type": "object", "properties": {"n": {"type": "number"}}});
        let echo = json!([{"id": "echo", "tool": "passthrough"}]);
        let made = deployed(&platform, "echo", echo, json!({"input_schema": schema})).await;
        let slow = json!([{"id": "wait", "tool": "delay", "seconds": 2}]);
        deployed(&platform, "slow", slow, json!({})).await;
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let revoke = format!(
            "/unstract/acme/api/v2/api-deployment/{}/keys/{}/revoke/",
            text("id"),
            text("key_id")
        );
        Self { server, platform_key, key: text("api_key"), revoke }
    }

    fn platform(&self) -> Caller {
        Caller::new(&self.server.base).bearer(&self.platform_key)
    }

    /// A client over HTTP.
    fn by_http(&self, path: &str, key: &str) -> Value {
        json!({"url": format!("{}{path}", self.server.base), "key": key})
    }

    /// A client that starts a process.
    fn by_process(&self, key: &str) -> Value {
        json!({
            "command": KEYWRIGHT, "arguments": ["mcp", "--url", self.server.base],
            "environment": {"KEYWRIGHT_API_KEY": key},
        })
    }
}

async fn deployed(platform: &Caller, name: &str, steps: Value, terms: Value) -> Value {
    let workflow = json!({"name": name, "definition": {"steps": steps}});
    let workflow = platform.post("/unstract/acme/api/v2/workflow/", workflow).await.created();
    let mut deployment = json!({"workflow": workflow["id"], "api_name": name});
    deployment.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
    platform.post("/unstract/acme/api/v2/api-deployment/", deployment).await.created()
}

/// The Python client, at its steps.
struct Client {
    child: Child,
    input: ChildStdin,
    answers: Receiver<Value>,
}

impl Client {
    fn start(mut job: Value, mode: &str, steps: Value) -> Self {
        job["mode"] = json!(mode);
        job["steps"] = steps;
        let mut python = Command::new(python::interpreter());
        let python = python.arg(CLIENT).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = python.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        writeln!(input, "{job}").unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (to, answers) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let answer = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if to.send(answer).is_err() {
                    return;
                }
            }
        });
        Self { child, input, answers }
    }

    #[track_caller]
    fn next(&self) -> Value {
        self.answers.recv_timeout(PATIENCE).expect("an answer")
    }

    fn go_on(&mut self) {
        writeln!(self.input).unwrap();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn names(listed: &Value) -> Vec<&str> {
    let tools = listed.as_array().unwrap_or_else(|| panic!("{listed}"));
    tools
        .iter()
        .filter_map(|tool| tool[0].as_str())
        .filter(|name| !name.starts_with("keyw"))
        .collect()
}

#[actix_web::test]
async fn the_official_client_on_sqlite() {
    every_way(Database::sqlite()).await;
}

#[actix_web::test]
async fn the_official_client_on_postgres() {
    every_way(Database::postgres()).await;
}

async fn every_way(database: Database) {
    let bench = Bench::start(&database).await;
    let platform =
        [bench.by_http("/mcp", &bench.platform_key), bench.by_process(&bench.platform_key)];
    for job in platform {
        // As it speaks today, and as it spoke when there was an `initialize`.
        for mode in ["auto", "legacy"] {
            lists_and_calls(job.clone(), mode);
        }
    }
    let own = [
        bench.by_http("/mcp", &bench.key),
        bench.by_http("/deployment/api/acme/echo/mcp", &bench.key),
        bench.by_process(&bench.key),
    ];
    let steps =
        json!([["list"], ["call", "echo", {"n": 1}], ["pause"], ["call", "echo", {"n": 2}]]);
    let mut clients: Vec<_> =
        own.into_iter().map(|job| Client::start(job, "auto", steps.clone())).collect();
    for client in &clients {
        assert_eq!(names(&client.next()), ["echo"]);
        assert_eq!(client.next()["told"]["result"], json!({"n": 1}));
        assert_eq!(client.next(), "paused");
    }
    bench.platform().post(&bench.revoke, json!({"reason": "test"})).await.ok();
    for (place, client) in clients.iter_mut().enumerate() {
        client.go_on();
        let refused = client.next().to_string();
        // The bridge tells the reason; what the client makes of a 401 by HTTP is its own.
        assert!(place < 2 || refused.contains("key_revoked"), "{refused}");
        assert!(refused.contains("refused") || refused.contains("failed"), "{refused}");
        assert!(!refused.contains("told"), "{refused}");
    }
    drop(clients);
    let wrong = Client::start(bench.by_process("unst_wrong"), "auto", json!([["list"]])).next();
    assert!(wrong.to_string().contains("invalid_credential"), "{wrong}");
    assert!(bench.server.terminate().success());
}

fn lists_and_calls(job: Value, mode: &str) {
    let steps = json!([
        ["list"], ["call", "echo", {"n": 1.5}], ["call", "slow", {}], ["call", "echo", {"n": "x"}],
        ["call", "nothing", {}],
    ]);
    let client = Client::start(job, mode, steps);
    assert_eq!(names(&client.next()), ["slow", "echo"]);
    let echoed = client.next();
    assert_eq!(
        (&echoed["told"]["result"], &echoed["is_error"]),
        (&json!({"n": 1.5}), &json!(false))
    );
    let slow = client.next();
    assert_eq!(slow["told"]["status"], "COMPLETED", "{slow}");
    let progress = slow["progress"].as_array().unwrap_or_else(|| panic!("{slow}"));
    assert!(
        progress.iter().any(|one| one[2].as_str().is_some_and(|said| said.contains("EXECUTING"))),
        "{slow}"
    );
    let wrong = client.next();
    assert_eq!(
        (&wrong["told"]["code"], &wrong["is_error"]),
        (&json!("input_invalid"), &json!(true))
    );
    assert!(client.next()["refused"].as_str().unwrap().contains("Unknown tool"));
}

#[actix_web::test]
async fn the_inspectors_command_line_lists_and_calls() {
    let bench = Bench::start(&Database::sqlite()).await;
    let listed = inspect(&bench, &bench.platform_key, &["--method", "tools/list"]);
    assert!(
        listed["tools"].as_array().unwrap().iter().any(|tool| tool["name"] == "echo"),
        "{listed}"
    );
    let call = ["--method", "tools/call", "--tool-name", "echo", "--tool-arg", "n=7"];
    let called = inspect(&bench, &bench.key, &call);
    assert_eq!(called["structuredContent"]["result"], json!({"n": 7}), "{called}");
}

fn inspect(bench: &Bench, key: &str, arguments: &[&str]) -> Value {
    let program = |name: &str| env::var_os(name).expect("run tests by .ci/test");
    let url = format!("{}/mcp", bench.server.base);
    let header = format!("Authorization: Bearer {key}");
    let output = Command::new(program("KEYWRIGHT_TEST_NODE"))
        .arg(program("KEYWRIGHT_TEST_INSPECTOR"))
        .args(["--cli", &url, "--transport", "http", "--header", &header])
        .args(arguments)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&told).unwrap_or_else(|_| panic!("{output:?}"))
}

#[test]
fn the_bridge_says_what_it_lacks_and_answers_what_it_cannot_pass_on() {
    let bridge = |arguments: &[&str], key: &str, input: &str| {
        let mut command = Command::new(KEYWRIGHT);
        command.arg("mcp").args(arguments).env_clear().env("KEYWRIGHT_API_KEY", key);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let nobody = ["--url", "http://127.0.0.1:1"];
    let (code, out, err) = bridge(&nobody, "", "");
    assert!(
        code == Some(2) && out.is_empty() && err.contains("KEYWRIGHT_API_KEY"),
        "{code:?} {err}"
    );
    let (code, _, err) = bridge(&["--url", "keys.example"], "unst_x", "");
    assert!(code == Some(2) && err.contains("--url"), "{code:?} {err}");
    let (code, out, err) =
        bridge(&nobody, "unst_x", "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}\nnot json\n");
    assert_eq!(code, Some(0), "standard input ended");
    let told: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |id: Value| told.iter().find(|one| one["id"] == id).unwrap_or_else(|| panic!("{out}"));
    assert_eq!(of(Value::Null)["error"]["code"], -32700);
    assert_eq!(of(json!(9))["error"]["code"], -32000);
    assert!(err.contains("cannot be reached") && !err.contains("unst_x"), "{err}");
}
