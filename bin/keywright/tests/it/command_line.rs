//! The command line: what it prints, and how it ends.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Output};

use serde_json::{Value, json};
use test_support::databases::Database;

use crate::process::Settings;

#[track_caller]
fn check(output: &Output, code: i32, complaint: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(
        stderr.contains(complaint) && stderr.trim_end().lines().count() == 1,
        "one line with '{complaint}': {stderr}"
    );
}

#[test]
fn a_wrong_setting_stops_the_start_with_one_line_that_names_it() {
    let database = Database::sqlite();
    let settings = Settings::over(&database);
    for (name, value, complaint) in [
        ("SERVER__LISTN", "127.0.0.1:1", "listn"),
        ("SERVER__LISTEN", "nowhere", "server.listen"),
        ("SERVER__TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/33", "server.trusted_proxies"),
        ("WORKER__SEATS", "many", "worker.seats"),
        ("WORKER__SEATS", "9999999999", "worker.seats"),
        ("DATABASE__URL", "mysql://x", "database.url"),
        ("DATABASE__URL", "postgres://x/y?sslmode=require", "postgres-tls"),
        ("SECRETS__PEPPER", "short", "secrets.pepper"),
        ("LOG__LEVEL", "so=so=so", "log.level"),
    ] {
        check(&settings.clone().with(name, value).run(&["serve"]), 3, complaint);
    }
    check(&settings.run(&["serve", "--config", "does-not-exist.toml"]), 3, "does-not-exist.toml");
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("torn.toml");
    fs::write(&file, "[secrets]\npepper = \"s3cret of the operator\n").expect("a file");
    let output = settings.run(&["serve", "--config", file.to_str().expect("UTF-8")]);
    check(&output, 3, "line 2");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("s3cret"), "{output:?}");
    let unset = Settings::of("postgres://127.0.0.1:1/none").with("SERVER__PUBLIC_URL", "ftp://x");
    check(&unset.run(&["serve"]), 3, "server.public_url");
}

#[test]
fn a_database_that_is_away_is_exit_code_four() {
    check(
        &Settings::of("postgres://keywright:s3cret@127.0.0.1:1/none").run(&["serve"]),
        4,
        "database",
    );
    let output =
        Settings::of("postgres://keywright:s3cret@127.0.0.1:1/none").run(&["migrate", "status"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("s3cret"), "{output:?}");
}

#[test]
fn wrong_usage_is_exit_code_two() {
    let database = Database::sqlite();
    for arguments in [&["serv"][..], &["organization", "create"], &["demo", "--listen", "x"]] {
        assert_eq!(
            Settings::over(&database).run(arguments).status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
    check(&Settings::over(&database).run(&["demo", "--listen", "0.0.0.0:0"]), 3, "loopback");
}

#[test]
fn every_command_has_help() {
    let settings = Settings::of("sqlite://unused");
    for command in [
        "demo",
        "serve",
        "worker",
        "migrate",
        "organization",
        "config",
        "doctor",
        "key",
        "user",
        "platform-key",
        "mcp",
    ] {
        let output = settings.run(&[command, "--help"]);
        assert!(output.status.success() && output.stdout.len() > 100, "{output:?}");
    }
}

#[test]
fn migrations_wait_for_the_operator_on_postgresql() {
    let database = Database::postgres();
    let settings = Settings::over(&database);
    let pending =
        settings.json(&["migrate", "status", "--json"])["pending"].as_array().expect("names").len();
    assert!(pending > 0);
    let output = settings.run(&["serve"]);
    check(&output, 4, "pending migrations: 2026-11-21-000001_foundation");
    assert_eq!(
        settings.json(&["migrate", "run", "--json"])["applied"].as_array().map(Vec::len),
        Some(pending)
    );
    assert_eq!(settings.json(&["migrate", "status", "--json"]), json!({"pending": []}));
    drop(settings.serve(&[]));
}

#[test]
fn a_server_migrates_postgresql_when_it_is_told_to() {
    drop(Settings::over(&Database::postgres()).serve(&["--migrate"]));
}

#[test]
fn an_organization_is_created_once_and_listed() {
    let database = Database::sqlite();
    let settings = Settings::over(&database);
    let create = |slug| {
        [
            "organization",
            "create",
            "--json",
            "--slug",
            slug,
            "--name",
            "N",
            "--admin-username",
            "boss",
        ]
        .map(str::to_owned)
    };
    let run = |arguments: &[String]| {
        settings.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let created: Value = serde_json::from_slice(&run(&create("acme")).stdout).expect("JSON");
    assert_eq!((&created["slug"], &created["admin"]["username"]), (&json!("acme"), &json!("boss")));
    assert!(created["admin"]["password"].as_str().is_some_and(|password| password.len() >= 20));
    assert_eq!(created["platform_key"].as_str().map(str::len), Some(36));
    check(&run(&create("acme")), 1, "taken");
    check(&run(&create("other")), 1, "--existing-user");
    check(&run(&create("v1")), 1, "address of the server");
    let second = run(&[&create("other")[..], &["--existing-user".to_owned()]].concat());
    let second: Value = serde_json::from_slice(&second.stdout).expect("JSON");
    assert_eq!(second["admin"], json!({"username": "boss", "password": null}));
    let listed = settings.json(&["organization", "list", "--json"]);
    let slugs: Vec<_> =
        listed.as_array().expect("a list").iter().map(|one| one["slug"].clone()).collect();
    assert_eq!(slugs, ["acme", "other"]);
}

#[test]
fn the_configuration_is_shown_with_its_sources_and_without_its_secrets() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("keywright.toml");
    fs::write(&file, "[worker]\nseats = 3\n").expect("a file");
    let settings = Settings::of("postgres://keywright:s3cret@db/kw");
    let output =
        settings.run(&["config", "show", "--json", "--config", file.to_str().expect("UTF-8")]);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(!text.contains("s3cret") && !text.contains("thirty-two"), "{text}");
    let rows: Value = serde_json::from_str(&text).expect("JSON");
    let row = |setting: &str| {
        let rows = rows.as_array().expect("rows");
        rows.iter()
            .find(|row| row["setting"] == setting)
            .unwrap_or_else(|| panic!("{setting} in {text}"))
            .clone()
    };
    assert_eq!(row("worker.seats")["value"], 3);
    assert!(row("worker.seats")["origin"].as_str().expect("text").ends_with("keywright.toml"));
    assert_eq!(row("worker.lease_seconds")["origin"], "default");
    assert_eq!(row("database.url")["value"], "postgres://keywright:…@db/kw");
    assert_eq!(row("database.url")["origin"], "the environment");
}

#[test]
fn the_doctor_finds_what_is_wrong() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("keywright.db");
    let url = format!("sqlite://{}", path.to_str().expect("UTF-8"));
    // Without a pepper of its own: the embedded default makes one.
    let settings = Settings::of(&url).without("SECRETS__PEPPER");
    let find = |settings: &Settings, check: &str| {
        let output = settings.run(&["doctor", "--json"]);
        let findings: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        let found = findings
            .as_array()
            .expect("findings")
            .iter()
            .filter(|finding| finding["check"] == check);
        let worst = found
            .map(|finding| finding["status"].as_str().expect("a status").to_owned())
            .max_by_key(|status| {
                ["good", "warning", "bad"].iter().position(|known| known == status)
            });
        (output.status.code(), worst.unwrap_or_default())
    };
    assert_eq!(find(&settings, "database"), (Some(0), "warning".into()));
    settings.given_organization("acme");
    for check in ["configuration", "database", "schema", "pepper", "file", "address", "sandbox"] {
        assert_eq!(find(&settings, check), (Some(0), "good".into()), "{check}");
    }
    let pepper = path.with_extension("pepper");
    assert_eq!(fs::metadata(&pepper).expect("a pepper").permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&pepper, fs::Permissions::from_mode(0o644)).expect("a mode");
    assert_eq!(find(&settings, "file"), (Some(1), "bad".into()));
    let other = settings.clone().with("SECRETS__PEPPER", "another pepper, of thirty-two bytes");
    assert_eq!(find(&other, "pepper"), (Some(1), "bad".into()));
    fs::remove_file(&pepper).expect("it is there");
    assert_eq!(find(&settings, "pepper"), (Some(1), "bad".into()));
    assert!(!pepper.exists(), "the doctor changes nothing");
    let exposed = settings.clone().with("SERVER__LISTEN", "0.0.0.0:8080");
    assert_eq!(find(&exposed, "address").1, "warning");
}
