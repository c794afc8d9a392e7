//! ETL workflows and schedules as real processes carry them out: in sight while they run, killed in
//! the middle of it, and by two servers over one database.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};
use test_support::{app::Caller, databases::Database};

use crate::process::Settings;

const MANAGED: &str = "/unstract/acme/api/v2";
const RECORDS: u64 = 150;

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn settings(database: &Database, files: &Path) -> Settings {
    Settings::over(database)
        .with("ETL__DIRECTORY", files.display())
        .with("OUTBOUND__ALLOWED_NETWORKS", "127.0.0.0/8")
        .with("WORKER__LEASE_SECONDS", 1)
}

/// The directory of the only organization.
async fn directory(files: &Path, platform: &Caller) -> std::path::PathBuf {
    let who = platform.get("/v1/whoami").await.ok();
    let directory = files.join(text(&who["organization"]["id"]));
    fs::create_dir_all(directory.join("in")).unwrap();
    directory
}

async fn goes_on_after_a_crash(database: Database) {
    let files = tempfile::tempdir().unwrap();
    let settings = settings(&database, files.path());
    assert!(settings.run(&["migrate", "run"]).status.success());
    let (platform_key, _) = settings.given_organization("acme");
    let first = settings.serve(&[]);
    let platform = Caller::new(&first.base).bearer(&platform_key);
    let directory = directory(files.path(), &platform).await;
    for (name, from) in [("a", 1), ("b", RECORDS / 2 + 1)] {
        let lines: String =
            (from..from + RECORDS / 2).map(|id| format!("{{\"id\": {id}}}\n")).collect();
        fs::write(directory.join("in").join(format!("{name}.ndjson")), lines).unwrap();
    }
    let workflow = json!({"name": "copy", "workflow_type": "ETL", "definition": {
        "steps": [{"id": "pause", "tool": "delay", "seconds": 0.08}],
        "source": {"kind": "files", "location": "in/*.ndjson", "format": "ndjson", "concurrency": 4},
        "destination": {"kind": "files", "location": "out", "format": "json", "key": "id", "batch": 5}
    }});
    let workflow = platform.post(&format!("{MANAGED}/workflow/"), workflow).await.created();
    let deployment = json!({"workflow": workflow["id"], "api_name": "copy"});
    let made = platform.post(&format!("{MANAGED}/api-deployment/"), deployment).await.created();
    assert_eq!(made["deployment_type"], "ETL");
    let (id, key) = (text(&made["id"]), text(&made["api_key"]));
    let caller = Caller::new(&first.base).bearer(key);
    let begun = caller.post(&format!("/deployment/{id}/"), json!({})).await.accepted();
    let execution = text(&begun["execution_id"]);
    let status = format!("/deployment/{id}/status/{execution}/");
    // In sight while it goes on.
    loop {
        let told = caller.get(&format!("{status}?wait=1")).await.ok();
        assert!(["PENDING", "EXECUTING"].contains(&text(&told["status"])), "{told}");
        if told["progress"]["records"]["written"].as_u64().unwrap_or_default() >= 10 {
            break;
        }
    }
    first.kill();
    let second = settings.serve(&[]);
    let caller = Caller::new(&second.base).bearer(key);
    let told = loop {
        let told = caller.get(&format!("{status}?wait=10")).await.ok();
        if !["PENDING", "EXECUTING"].contains(&text(&told["status"])) {
            break told;
        }
    };
    let whole = json!({"read": RECORDS, "written": RECORDS, "failed": 0});
    assert_eq!(told["progress"]["records"], whole, "{told}");
    let result = caller.get(&format!("/deployment/{id}/result/{execution}/")).await.ok();
    let report = json!({"read": RECORDS, "written": RECORDS, "failed": 0, "failures": []});
    assert_eq!(result["result"], report);
    let written = fs::read_dir(directory.join("out")).unwrap();
    let names: BTreeSet<String> =
        written.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let expected: BTreeSet<String> = (1..=RECORDS).map(|id| format!("{id}.json")).collect();
    assert_eq!(names, expected);
}

async fn a_due_time_starts_one_execution(database: Database) {
    let files = tempfile::tempdir().unwrap();
    let settings = settings(&database, files.path());
    assert!(settings.run(&["migrate", "run"]).status.success());
    let (platform_key, _) = settings.given_organization("acme");
    let servers = [settings.serve(&[]), settings.serve(&[])];
    let platform = Caller::new(&servers[0].base).bearer(&platform_key);
    let definition = json!({"steps": [{"id": "a", "tool": "passthrough"}]});
    let workflow = json!({"name": "nightly", "definition": definition});
    let workflow = platform.post(&format!("{MANAGED}/workflow/"), workflow).await.created();
    let schedule = format!("{MANAGED}/workflow/{}/schedule/", text(&workflow["id"]));
    platform.get(&schedule).await.refused(404, "not_found");
    let faults = platform.put(&schedule, json!({"cron": "* * *", "timezone": "Mars"})).await;
    assert_eq!(faults.faults("validation_failed").len(), 2);
    let set = platform.put(&schedule, json!({"cron": "0 0 1 1 *", "input": 7})).await.ok();
    assert_eq!((&set["last_run_at"], &set["timeout_seconds"]), (&Value::Null, &json!(3600)));
    // Its time comes for both servers at once.
    database.execute("UPDATE schedules SET next_run_at = 0");
    let told = loop {
        let told = platform.get(&schedule).await.ok();
        if told["last_execution_id"].is_string() {
            break told;
        }
    };
    assert_eq!(told["next_run_at"], set["next_run_at"]);
    // Carried out, and the only one.
    let executions = loop {
        let told = platform.get(&format!("{MANAGED}/executions/")).await.ok();
        if told["items"][0]["status"] == "COMPLETED" {
            break told;
        }
    };
    for server in servers {
        assert!(server.terminate().success());
    }
    let items = executions["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!(items[0]["execution_id"], told["last_execution_id"], "{items:?}");
    let third = settings.serve(&["--no-worker"]);
    let platform = Caller::new(&third.base).bearer(&platform_key);
    platform.delete(&schedule).await.no_content();
    platform.delete(&schedule).await.refused(404, "not_found");
    let noted = platform.get(&format!("{MANAGED}/audit/")).await.ok();
    let actions: Vec<&str> =
        noted["items"].as_array().unwrap().iter().map(|entry| text(&entry["action"])).collect();
    assert_eq!(actions[..2], ["schedule.removed", "schedule.set"]);
}

mod on_sqlite {
    use test_support::databases::Database;

    #[actix_web::test]
    async fn goes_on_after_a_crash() {
        super::goes_on_after_a_crash(Database::sqlite()).await;
    }

    #[actix_web::test]
    async fn a_due_time_starts_one_execution() {
        super::a_due_time_starts_one_execution(Database::sqlite()).await;
    }
}

mod on_postgres {
    use test_support::databases::Database;

    #[actix_web::test]
    async fn goes_on_after_a_crash() {
        super::goes_on_after_a_crash(Database::postgres()).await;
    }

    #[actix_web::test]
    async fn a_due_time_starts_one_execution() {
        super::a_due_time_starts_one_execution(Database::postgres()).await;
    }
}
