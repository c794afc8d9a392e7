//! What an operator does at the server's machine for people who are locked out: as real processes, whose
//! words are read as an operator reads them.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use test_support::{app::Caller, databases::Database, python};

use crate::{KEYWRIGHT, process::Settings};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[track_caller]
fn check(output: &Output, code: i32, complaint: &str) -> String {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(complaint), "'{complaint}' in: {stderr}");
    stderr
}

fn with_input(settings: &Settings, arguments: &[&str], input: &str) -> Output {
    let mut command = settings.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

/// Runs a command at a terminal where somebody types `answer` when they are asked; its exit code and
/// all that the terminal showed.
fn at_a_terminal(settings: &Settings, arguments: &[&str], answer: &str) -> (i32, String) {
    const TERMINAL: &str = r"
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[2], sys.argv[2:])
shown = b''
while b'[y/N]' not in shown:
    shown += os.read(terminal, 4096)
os.write(terminal, sys.argv[1].encode() + b'\n')
try:
    while more := os.read(terminal, 4096):
        shown += more
except OSError:
    pass
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
";
    let mut command = Command::new(python::interpreter());
    command.args(["-c", TERMINAL, answer, KEYWRIGHT]).args(arguments).env_clear();
    let output = command.envs(settings.environment()).output().expect("Python");
    (output.status.code().expect("a code"), text(&output.stdout))
}

async fn log_in(base: &str, username: &str, password: &str) -> u16 {
    let body = json!({"username": username, "password": password});
    Caller::new(base).post("/v1/session", body).await.status
}

async fn a_password_is_reset(database: Database) {
    let settings = Settings::over(&database);
    settings.run(&["migrate", "run"]);
    let (_, password) = settings.given_organization("acme");
    let server = settings.serve(&[]);
    let session = Caller::new(&server.base).log_in("acme", &password).await;
    session.get("/v1/whoami").await.ok();

    // Nobody is asked, so nothing is done.
    let told = check(&settings.run(&["user", "reset-password", "acme"]), 2, "say --yes");
    for part in ["The user 'acme'", "their one session ends", "They belong to acme (admin)."] {
        assert!(told.contains(part), "{told}");
    }
    session.get("/v1/whoami").await.ok();

    let output = settings.run(&["user", "reset-password", "acme", "--yes", "--json"]);
    assert!(text(&output.stderr).starts_with("The user 'acme' gets a new password"), "{output:?}");
    let reset: Value = serde_json::from_slice(&output.stdout).expect("JSON alone");
    assert_eq!((&reset["username"], &reset["sessions_ended"]), (&json!("acme"), &json!(1)));
    assert_eq!(reset["organizations"], json!([{"slug": "acme", "role": "admin"}]));
    let new = reset["password"].as_str().expect("a password");
    session.get("/v1/whoami").await.refused(401, "invalid_credential");
    assert_eq!(log_in(&server.base, "acme", &password).await, 401);
    let admin = Caller::new(&server.base).log_in("acme", new).await;

    let chosen = "chosen by the operator";
    let arguments = ["user", "reset-password", "acme", "--password-stdin", "--yes"];
    let output = with_input(&settings, &arguments, &format!("{chosen}\n"));
    assert!(output.status.success() && !text(&output.stdout).contains(chosen), "{output:?}");
    check(&with_input(&settings, &arguments, "short\n"), 1, "at least 12 characters");
    admin.get("/v1/whoami").await.refused(401, "invalid_credential");
    let admin = Caller::new(&server.base).log_in("acme", chosen).await;
    let noted = admin.get("/unstract/acme/api/v2/audit/?action=user.password_reset").await.ok();
    assert_eq!(noted["items"].as_array().map(Vec::len), Some(2), "{noted}");
    assert_eq!(noted["items"][0]["actor"]["kind"], "command_line");
    assert_eq!(noted["items"][0]["subject"]["name"], "acme");
}

#[actix_web::test]
async fn a_password_is_reset_on_sqlite() {
    a_password_is_reset(Database::sqlite()).await;
}

#[actix_web::test]
async fn a_password_is_reset_on_postgresql() {
    a_password_is_reset(Database::postgres()).await;
}

#[test]
fn whoever_is_asked_at_a_terminal_may_say_no() {
    let database = Database::sqlite();
    let settings = Settings::over(&database);
    settings.given_organization("acme");
    let arguments = ["user", "reset-password", "acme"];
    for answer in ["", "n", "what?"] {
        let (code, shown) = at_a_terminal(&settings, &arguments, answer);
        assert_eq!(code, 1, "{shown}");
        assert!(shown.contains("they have no session. They belong to acme (admin)."), "{shown}");
        assert!(shown.contains("nothing was changed") && !shown.contains("password  "), "{shown}");
    }
    let (code, shown) = at_a_terminal(&settings, &arguments, "y");
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("password  ") && shown.contains("shown this once"), "{shown}");
}

#[test]
fn what_an_operator_mistypes_is_told_plainly() {
    let database = Database::sqlite();
    let settings = Settings::over(&database);
    settings.given_organization("acme");
    check(&settings.run(&["user", "reset-password", "nobody"]), 1, "there is no user 'nobody'");
    check(&settings.run(&["user", "reset-password", "no body"]), 1, "there is no user 'no body'");
    let refresh = |organization, slot| {
        settings.run(&["platform-key", "refresh", "--organization", organization, "--slot", slot])
    };
    check(&refresh("other", "1"), 1, "there is no organization 'other'");
    check(&refresh("acme", "2"), 1, "'acme' has no platform key Key #2; Key #1 is there: --slot 1");
    check(&refresh("acme", "3"), 2, "3");
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("mistyped.db");
    let mistyped = Settings::of(&format!("sqlite://{}", path.to_str().expect("UTF-8")));
    check(&mistyped.run(&["user", "reset-password", "acme", "--yes"]), 4, "there is no database");
    assert!(!path.exists());
}

async fn a_platform_key_is_refreshed(database: Database) {
    let settings = Settings::over(&database);
    settings.run(&["migrate", "run"]);
    let (old, _) = settings.given_organization("acme");
    let refresh = ["platform-key", "refresh", "--organization", "acme", "--slot", "1"];
    let told = check(&settings.run(&refresh), 2, "say --yes");
    for part in ["Key #1 (", "active) of 'acme'", "not known to have been used"] {
        assert!(told.contains(part), "{told}");
    }
    let refreshed = settings.json(&[&refresh[..], &["--yes", "--json"]].concat());
    assert_eq!((&refreshed["slug"], &refreshed["slot"]), (&json!("acme"), &json!(1)));
    assert_eq!(refreshed["is_active"], true);
    let new = refreshed["platform_key"].as_str().expect("a key");
    let server = settings.serve(&[]);
    let with = |key: &str| Caller::new(&server.base).bearer(key);
    with(&old).get("/v1/whoami").await.refused(401, "invalid_credential");
    with(new).get("/v1/whoami").await.ok();
    let audit = "/unstract/acme/api/v2/audit/?action=platform_key.refreshed";
    let noted = with(new).get(audit).await.ok();
    assert_eq!(noted["items"][0]["actor"]["kind"], "command_line");
    assert_eq!(noted["items"][0]["subject"]["name"], "Key #1");
    server.terminate();
    let told = check(&settings.run(&refresh), 2, "say --yes");
    assert!(told.contains("it was last used at 20"), "{told}");
    let output = settings.run(&[&refresh[..], &["--yes"]].concat());
    assert!(text(&output.stdout).contains("shown this once"), "{output:?}");
}

#[actix_web::test]
async fn a_platform_key_is_refreshed_on_sqlite() {
    a_platform_key_is_refreshed(Database::sqlite()).await;
}

#[actix_web::test]
async fn a_platform_key_is_refreshed_on_postgresql() {
    a_platform_key_is_refreshed(Database::postgres()).await;
}

#[actix_web::test]
async fn organizations_are_listed_with_how_many_belong_to_them() {
    let database = Database::sqlite();
    let settings = Settings::over(&database);
    let listed = || text(&settings.run(&["organization", "list"]).stdout);
    assert_eq!(
        listed(),
        "There are no organizations yet; 'keywright organization create' makes one.\n"
    );
    assert_eq!(settings.json(&["organization", "list", "--json"]), json!([]));
    settings.given_organization("b");
    let (_, password) = settings.given_organization("acme");
    let server = settings.serve(&[]);
    let admin = Caller::new(&server.base).log_in("acme", &password).await;
    let body = json!({"email": "ada@acme.example", "role": "user"});
    let created = admin.post("/unstract/acme/api/v2/members/", body).await.created();
    let token = created["token"].as_str().expect("a token");
    Caller::new(&server.base).accept(token, "ada", &password).await.0.ok();
    let lines = listed();
    let words: Vec<Vec<&str>> =
        lines.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["SLUG", "MEMBERS", "ADMINS", "CREATED", "ID", "NAME"]);
    assert_eq!((&words[1][..3], &words[2][..3]), (&["acme", "2", "1"][..], &["b", "1", "1"][..]));
    assert_eq!(words[1][5], "acme");
    let rows = settings.json(&["organization", "list", "--json"]);
    assert_eq!(rows[0]["organization_id"], words[1][4]);
    assert_eq!((&rows[0]["members"], &rows[0]["admins"]), (&json!(2), &json!(1)));
    assert!(rows[0]["created_at"].as_str().expect("a time").starts_with(words[1][3]));
}
