//! From an empty database to a call that works, by clicks: the whole of the guide to deployment keys, with the real binary.

use std::process::Command;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use test_support::{browser::Browser, canary::Canary, databases::Database};

use super::log_in;
use crate::process::{Process, Settings};

/// So many clicks may it take to call an API with a key that was copied, once somebody is logged in.
const MAX_CLICKS: usize = 9;

/// A server over an empty database in which an organization was created, and its administrator's browser.
pub(super) struct Journey {
    pub(super) browser: Browser,
    pub(super) server: Process,
    _database: Database,
}

impl Journey {
    pub(super) async fn begin() -> Self {
        let database = Database::sqlite();
        let settings = Settings::over(&database);
        let (_, password) = settings.given_organization("acme");
        let server = settings.serve(&[]);
        let browser = Browser::start(&server.base).await;
        log_in(&browser, "acme", &password).await;
        Self { browser, server, _database: database }
    }

    /// Creates a workflow and deploys it, by clicks; returns its first key, which was copied.
    pub(super) async fn deploy(&self) -> String {
        let browser = &self.browser;
        browser.click("Create Workflow").await;
        browser.fill("Name", "Echo").await;
        browser.click("Save").await;
        browser.click("Deploy as API").await;
        browser.click("Deploy as API").await;
        let key = self.take_key().await;
        assert!(key.starts_with("unst_"), "{key}");
        key
    }

    /// Copies the key that is shown, and closes the dialog; from then on the page knows it no more.
    pub(super) async fn take_key(&self) -> String {
        let browser = &self.browser;
        browser.see("Copy it now.").await;
        browser.click("Copy the").await;
        let key = browser.clipboard().await;
        Canary::of(&self.server.base).keep(&key);
        browser.click("Done").await;
        browser.not_see("Copy it now.").await;
        assert!(!browser.remains().await.contains(&key), "it is nowhere after the dialog");
        key
    }

    /// What the deployment answers whoever calls it with `key`: the status, and the code of a refusal.
    async fn call(&self, address: &str, key: &str) -> (StatusCode, String) {
        let sent = Client::new().post(address).bearer_auth(key).json(&json!({"a": 1})).send();
        let answer = sent.await.expect("an answer");
        let (status, body) = (answer.status(), answer.json::<Value>().await.expect("JSON"));
        (status, body["code"].as_str().unwrap_or_default().to_owned())
    }
}

/// Runs what a page gives to paste, as whoever pastes it does; what it printed.
fn paste(snippet: &str) -> Value {
    let printed = Command::new("sh").args(["-c", snippet]).output().expect("a shell").stdout;
    serde_json::from_slice(&printed)
        .unwrap_or_else(|_| panic!("{snippet}\n\n{}", String::from_utf8_lossy(&printed)))
}

#[actix_web::test]
async fn a_working_call_is_less_than_ten_clicks_away() {
    let journey = Journey::begin().await;
    let browser = &journey.browser;
    browser.see("No workflows yet").await;
    browser.count_clicks_anew();
    let key = journey.deploy().await;
    browser.click("Copy curl").await;
    let snippet = browser.clipboard().await;
    assert!(snippet.contains("YOUR_KEY") && !snippet.contains(&key), "{snippet}");
    let answer = paste(&snippet.replace("YOUR_KEY", &key));
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    assert!(browser.clicks() <= MAX_CLICKS, "{} clicks", browser.clicks());
    for language in ["Python", "JavaScript", "Rust"] {
        browser.click(language).await;
        browser.click(&format!("Copy {language}")).await;
        assert!(browser.clipboard().await.contains("YOUR_KEY"), "{language}");
    }
    browser.check_manners().await;
}

#[actix_web::test]
async fn what_is_done_under_manage_keys_holds_from_the_next_call_on() {
    let journey = Journey::begin().await;
    let browser = &journey.browser;
    let first = journey.deploy().await;
    browser.click("Copy the endpoint").await;
    let address = format!("{}?wait=20", browser.clipboard().await);
    let refused = |code: &str| (StatusCode::UNAUTHORIZED, code.to_owned());
    let passes = (StatusCode::OK, String::new());
    assert_eq!(journey.call(&address, &first).await, passes);

    browser.click("Manage Keys").await;
    browser.click("Create key").await;
    browser.fill("Description", "The shop").await;
    browser.click("Create key").await;
    let second = journey.take_key().await;
    assert_eq!(journey.call(&address, &second).await, passes);

    browser.click_in("The shop", "Deactivate").await;
    browser.click("Deactivate").await;
    browser.see("The key is inactive").await;
    assert_eq!(journey.call(&address, &second).await, refused("key_inactive"));
    browser.click_in("The shop", "Activate").await;
    browser.see("The key is active").await;
    assert_eq!(journey.call(&address, &second).await, passes);

    browser.click_in("The shop", "Rotate").await;
    browser.choose("Old secret keeps working for", "an hour").await;
    browser.click("Rotate").await;
    let third = journey.take_key().await;
    browser.see("works until").await;
    assert_eq!(journey.call(&address, &second).await, passes, "within its grace");
    assert_eq!(journey.call(&address, &third).await, passes);

    browser.click_in("The shop", "Revoke").await;
    browser.see("for good").await;
    browser.fill("Reason", "The shop is closed").await;
    browser.click("Revoke").await;
    browser.see("The key is revoked").await;
    assert_eq!(journey.call(&address, &third).await, refused("key_revoked"));
    assert_eq!(journey.call(&address, &second).await, refused("key_revoked"));
    assert_eq!(journey.call(&address, &first).await, passes, "the other one is another");

    browser.click_in("The shop", "Delete").await;
    browser.click("Delete").await;
    browser.see("The key is deleted").await;
    browser.not_see("The shop").await;
    browser.check_manners().await;
}
