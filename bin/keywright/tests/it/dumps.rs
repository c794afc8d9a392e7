//! What earlier versions left: their databases as `migrations/dumps/` has them, brought up to this version's schema, and moved
//! from SQLite to PostgreSQL. Whatever worked before works afterwards, keys above all.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use test_support::{app::Caller, databases::Database};

use crate::process::Settings;

/// A database as an earlier version left it.
struct Dump {
    /// The last migration that it has.
    name: String,
    sql: String,
    /// What its holders kept: keys, a password, the pepper.
    kept: Value,
}

fn directory() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../migrations/dumps"].iter().collect()
}

/// All there are of one kind of database, oldest first.
fn dumps(kind: &str) -> Vec<Dump> {
    let read = |file: String| {
        let path = directory().join(&file);
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{file}: {error}"))
    };
    let files = fs::read_dir(directory()).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let names = files.filter_map(|file| file.strip_suffix(".json").map(str::to_owned));
    let dump = |name: String| {
        let kept: Value = serde_json::from_str(&read(format!("{name}.json"))).unwrap();
        Dump { sql: read(format!("{name}.{kind}.sql")), kept: kept[kind].clone(), name }
    };
    let mut dumps: Vec<Dump> = names.map(dump).collect();
    dumps.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(!dumps.is_empty());
    dumps
}

impl Dump {
    fn text(&self, name: &str) -> &str {
        self.kept[name].as_str().unwrap_or_else(|| panic!("{}: {name}", self.name))
    }

    /// What its servers are told; what can be kept is not old enough to be deleted.
    fn settings(&self, database: &Database) -> Settings {
        Settings::over(database)
            .with("SECRETS__PEPPER", self.text("pepper"))
            .with("SECRETS__ENCRYPTION_KEY", self.text("encryption_key"))
            .with("WORKER__RECORD_DAYS", 36_500)
            .with("WORKER__RESULT_HOURS", 8_784)
            .with("AUDIT__RETENTION_DAYS", 36_500)
    }

    /// Everything that worked when it was made.
    async fn check(&self, settings: &Settings) {
        let server = settings.serve(&["--migrate"]);
        let platform = Caller::new(&server.base).bearer(self.text("platform_key"));
        let keys = self.kept["keys"].as_object().unwrap();
        for (name, key) in keys {
            let asked = json!({"key": key, "ip": "127.0.0.1"});
            let told = platform.post("/v1/keys/verify", asked).await.ok();
            let expected: &[&str] = match name.as_str() {
                "revoked" => &["REVOKED"],
                // Its successor was made with a grace, which ends some day.
                "checksummed" => &["VALID", "EXPIRED", "NOT_FOUND"],
                _ => &["VALID"],
            };
            let code = told["code"].as_str().unwrap();
            assert!(expected.contains(&code), "{} {name}: {told}", self.name);
        }
        let holder = Caller::new(&server.base).bearer(keys["deployment"].as_str().unwrap());
        let deployment = format!("/deployment/{}", self.text("deployment"));
        let called = holder.post(&format!("{deployment}/?wait=30"), json!({"n": 3})).await.ok();
        assert_eq!(called["status"], "COMPLETED", "{called}");
        let result = holder.get(&format!("{deployment}/result/{}/", self.text("execution"))).await;
        // Results are kept for a year at most.
        match result.status {
            410 => drop(result.refused(410, "result_expired")),
            _ => assert_eq!(result.ok()["result"], json!({"n": 1})),
        }
        // Accepted by the version of then, carried out by this one.
        let status = format!("{deployment}/status/{}/?wait=30", self.text("waiting"));
        let waited = holder.get(&status).await.ok();
        assert_eq!(waited["status"], "COMPLETED", "{waited}");
        let log_in = json!({"username": self.text("username"), "password": self.text("password")});
        let log_in = Caller::new(&server.base).post("/v1/session", log_in).await.ok();
        assert_eq!(log_in["user"]["username"], self.text("username"));
        let managed = format!("/unstract/{}/api/v2", self.text("slug"));
        let workflows = platform.get(&format!("{managed}/workflow/")).await.ok();
        assert_eq!(workflows["items"].as_array().unwrap().len(), 3, "{workflows}");
        assert!(server.terminate().success());
        let audit = settings.run(&["audit", "verify"]);
        assert!(audit.status.success(), "{audit:?}");
    }
}

async fn are_upgraded_and_go_on(kind: &str, database: fn() -> Database) {
    for dump in dumps(kind) {
        let database = database();
        database.execute(&dump.sql);
        dump.check(&dump.settings(&database)).await;
    }
}

#[actix_web::test]
async fn databases_of_earlier_versions_are_upgraded_and_go_on_on_sqlite() {
    are_upgraded_and_go_on("sqlite", Database::sqlite).await;
}

#[actix_web::test]
async fn databases_of_earlier_versions_are_upgraded_and_go_on_on_postgres() {
    are_upgraded_and_go_on("postgres", Database::postgres).await;
}

/// The latest has something in every table of its time.
#[actix_web::test]
async fn what_is_transferred_goes_on_with_the_same_keys() {
    let dump = dumps("sqlite").pop().unwrap();
    let (from, to) = (Database::sqlite(), Database::postgres());
    from.execute(&dump.sql);
    let settings = dump.settings(&to);
    let transfer = ["transfer", "--json", "--from", from.url(), "--to", to.url()];
    // A dump of the present schema has nothing to be migrated.
    let mut told = settings.run(&transfer);
    if told.status.code() == Some(4) {
        assert!(String::from_utf8_lossy(&told.stderr).contains("lacks migrations"), "{told:?}");
        assert!(dump.settings(&from).run(&["migrate", "run"]).status.success());
        told = settings.run(&transfer);
    }
    assert!(told.status.success(), "{told:?}");
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let tables = told["tables"].as_object().unwrap();
    for (name, rows) in tables {
        assert!(rows.as_u64() > Some(0) || !dump.sql.contains(&format!("INSERT INTO \"{name}\"")));
    }
    let rows: u64 = tables.values().filter_map(Value::as_u64).sum();
    assert_eq!(told["rows"], rows);
    dump.check(&settings).await;
    let refused = settings.run(&transfer);
    assert_eq!(refused.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the target is not empty"));
}

#[test]
fn a_transfer_that_is_asked_for_wrongly_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("missing.db").display());
    let settings = Settings::of(&url);
    let code = |arguments: &[&str]| settings.run(arguments).status.code();
    assert_eq!(code(&["transfer", "--from", &url]), Some(2));
    assert_eq!(code(&["transfer", "--from", &url, "--to", &url]), Some(2));
    let to = "postgres://127.0.0.1:1/nowhere";
    assert_eq!(code(&["transfer", "--from", &url, "--to", to]), Some(4));
    let missing = directory.path().join("address").display().to_string();
    assert_eq!(code(&["transfer", "--from", &url, "--to-file", &missing]), Some(3));
    // The password is nobody's business, whatever went wrong.
    fs::write(directory.path().join("missing.db"), "").unwrap();
    assert!(settings.run(&["migrate", "run"]).status.success());
    fs::write(&missing, "postgres://u:hunter2@127.0.0.1:1/nowhere\n").unwrap();
    let refused = settings.run(&["transfer", "--from", &url, "--to-file", &missing]);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(4) && !told.contains("hunter2"), "{told}");
}
