//! Platform keys by clicks, as the document on them tells it, with the real binary; and a key for a deployment from the settings.

use reqwest::Client;

use super::journey::Journey;

impl Journey {
    /// The status of an answer to whoever manages by this platform key.
    async fn manage(&self, key: &str) -> u16 {
        let address = format!("{}/unstract/acme/api/v2/api-deployment/", self.server.base);
        let request = Client::new().get(address).header("Authorization", format!("Bearer {key}"));
        request
            .header("X-Organization-Id", "acme")
            .send()
            .await
            .expect("an answer")
            .status()
            .as_u16()
    }
}

#[actix_web::test]
async fn platform_keys_are_generated_switched_refreshed_and_deleted() {
    let journey = Journey::begin().await;
    let browser = &journey.browser;
    browser.click("Settings").await;
    browser.arrive("/acme/settings/platform").await;
    browser.see("Platform Settings").await;
    browser.see("Platform API Keys").await;

    // The first came with the organization, and is active.
    browser.click_in("Key #2", "Generate").await;
    let second = journey.take_key().await;
    assert_eq!((second.len(), second.matches('-').count()), (36, 4), "a UUID");
    assert_eq!(journey.manage(&second).await, 401, "only one is active");
    browser.click_in("Key #2", "Active").await;
    browser.see("Key #1 opens nothing from then on.").await;
    assert_eq!(journey.manage(&second).await, 401, "nothing is done before the answer");
    browser.click("Activate").await;
    browser.see("The key is active, and the other one is not.").await;
    assert_eq!(journey.manage(&second).await, 200);

    browser.click_in("Key #2", "Refresh").await;
    browser.see("Refresh Key #2?").await;
    browser.click("Refresh").await;
    let third = journey.take_key().await;
    assert_eq!(journey.manage(&second).await, 401, "the old one dies at once");
    assert_eq!(journey.manage(&third).await, 200, "it stays active");

    browser.click_in("Key #1", "Delete").await;
    browser.see("Delete Key #1?").await;
    browser.click("Delete").await;
    browser.see("The key is deleted.").await;
    browser.click_in("Key #1", "Generate").await;
    journey.take_key().await;
    browser.click_in("Key #2", "Delete").await;
    browser.click("Delete").await;
    browser.see("None active").await;
    assert_eq!(journey.manage(&third).await, 401);

    // Where the client of an MCP server finds its organization.
    browser.click_in("Settings", "Organization").await;
    browser.click("Copy the organization ID").await;
    assert_eq!(browser.clipboard().await, "acme");
    browser.check_manners().await;
}

#[actix_web::test]
async fn a_key_of_a_deployment_is_generated_in_the_settings() {
    let journey = Journey::begin().await;
    let browser = &journey.browser;
    journey.deploy().await;
    browser.click("Copy the endpoint").await;
    let address = format!("{}?wait=20", browser.clipboard().await);
    browser.click_in("Sections", "Settings").await;
    browser.click_in("Settings", "API Keys").await;
    browser.click_in("Echo", "Generate").await;
    let key = journey.take_key().await;
    let called = Client::new().post(address).bearer_auth(&key).body("1");
    let called = called.header("content-type", "application/json").send().await.expect("an answer");
    assert_eq!(called.status(), 200);
    browser.check_manners().await;
}
