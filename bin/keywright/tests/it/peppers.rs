//! A pepper is swapped over two servers in the documented order, and nobody notices.

use serde_json::{Value, json};
use test_support::{app::Caller, databases::Database};

use crate::process::{Process, Settings};

// Without commas: they also stand in lists.
const OLD: &str = "the first pepper of tests with its bytes";
const NEW: &str = "another pepper of tests that is as long";

/// Everybody who must be let in, whatever server they ask.
struct Callers {
    keys: Vec<String>,
    session: Caller,
}

impl Callers {
    async fn are_let_in(&self, server: &Process) {
        for key in &self.keys {
            Caller::new(&server.base).bearer(key).get("/v1/whoami").await.ok();
        }
        self.session.clone().towards(&server.base).get("/v1/session").await.ok();
    }

    async fn get_a_key_from(&mut self, server: &Process) {
        let name = json!({"name": format!("key {}", self.keys.len())});
        let platform = Caller::new(&server.base).bearer(&self.keys[0]);
        let made = platform.post("/v1/api-keys", name).await.created();
        self.keys.push(made["key"].as_str().expect("a key").to_owned());
    }
}

fn pepper_finding(settings: &Settings) -> String {
    let output = settings.run(&["doctor", "--json"]);
    let findings: Value = serde_json::from_slice(&output.stdout).expect("findings");
    let findings = findings.as_array().expect("a list").iter();
    let pepper = findings.clone().find(|finding| finding["check"] == "pepper").expect("a finding");
    format!("{}: {}", pepper["status"].as_str().unwrap(), pepper["detail"].as_str().unwrap())
}

#[actix_web::test]
async fn a_pepper_is_swapped_over_two_servers_and_nobody_is_refused() {
    let database = Database::postgres();
    let old_alone = Settings::over(&database)
        .without("SECRETS__PEPPER")
        .with("SECRETS__PEPPER", OLD)
        .with("KEYS__MAX_STALENESS_MS", 0);
    let accepting = old_alone.clone().with("SECRETS__ACCEPTED_PEPPERS", NEW);
    let minting = old_alone
        .clone()
        .without("SECRETS__PEPPER")
        .with("SECRETS__PEPPER", NEW)
        .with("SECRETS__ACCEPTED_PEPPERS", OLD);
    let new_alone = minting.clone().without("SECRETS__ACCEPTED_PEPPERS");

    let [mut one, mut two] = [old_alone.serve(&["--migrate"]), old_alone.serve(&[])];
    let (platform_key, password) = old_alone.given_organization("acme");
    let session = Caller::new(&one.base).log_in("acme", &password).await;
    let mut callers = Callers { keys: vec![platform_key], session };
    callers.get_a_key_from(&one).await;
    callers.are_let_in(&two).await;

    for settings in [&accepting, &minting] {
        one = settings.serve(&[]);
        // In between, the two disagree about which pepper mints.
        callers.get_a_key_from(&one).await;
        callers.get_a_key_from(&two).await;
        for server in [&one, &two] {
            callers.are_let_in(server).await;
        }
        two = settings.serve(&[]);
        for server in [&one, &two] {
            callers.are_let_in(server).await;
        }
    }
    let status = Caller::new(&one.base).get("/readyz").await.status;
    assert_eq!(status, 200);

    // Keys move when they are used, some moments after the answer.
    let mut uses = 0;
    while pepper_finding(&minting) != "good: is the one that the stored keys need" {
        callers.are_let_in(&one).await;
        uses += 1;
        assert!(uses < 100, "{}", pepper_finding(&minting));
    }
    drop((one, two));
    let alone = new_alone.serve(&[]);
    for key in &callers.keys {
        Caller::new(&alone.base).bearer(key).get("/v1/whoami").await.ok();
    }
    let finding = pepper_finding(&old_alone);
    let count = format!("{} secrets under ", callers.keys.len());
    assert!(finding.starts_with("bad: ") && finding.contains(&count), "{finding}");
    let lacking = old_alone.serve(&[]);
    Caller::new(&lacking.base).get("/readyz").await.refused(503, "unavailable");
}
