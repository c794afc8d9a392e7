//! Pages that stand outside the console: the documentation, that of a deployment, and an invitation.

use std::io::Write as _;

use serde_json::json;
use test_support::{
    app::{PASSWORD, TestApp},
    browser::Browser,
    databases::Database,
};

use super::everybody_can_use;

async fn start() -> (TestApp, Browser) {
    let app = crate::start(Database::sqlite()).await;
    let browser = Browser::start(&app.base).await;
    (app, browser)
}

#[actix_web::test]
async fn the_documentation_of_the_server_loads_and_unfolds() {
    let (_app, browser) = start().await;
    browser.visit("/docs/errors#not_found").await;
    browser.see("Error codes").await;
    everybody_can_use(&browser, "error-codes").await;
    browser.visit("/docs/").await;
    browser.see("/v1/whoami").await;
    browser.check_manners().await;
}

#[actix_web::test]
async fn a_log_in_that_is_refused_keeps_what_was_typed() {
    let (_app, browser) = start().await;
    browser.visit("/acme/executions?status=ERROR").await;
    browser.see("Log in").await;
    everybody_can_use(&browser, "log-in").await;
    browser.fill("User name", "acme-admin").await;
    browser.fill("Password", "an unlikely guess").await;
    browser.click("Log in").await;
    browser.see("the user name or the password is wrong").await;
    assert_eq!(browser.value("User name").await, "acme-admin");
    everybody_can_use(&browser, "log-in-refused").await;
    browser.fill("Password", PASSWORD).await;
    browser.click("Log in").await;
    browser.arrive("/acme/executions").await;
    assert!(browser.address().await.ends_with("?status=ERROR"), "back to where they wanted");
    browser.check_manners().await;
}

#[actix_web::test]
async fn an_invitation_is_accepted_by_clicks_and_its_token_remains_nowhere() {
    let (app, browser) = start().await;
    let token = app.given_invitation("grace", "user").await;
    browser.visit(&format!("/invitations/#{token}")).await;
    browser.see("Join acme").await;
    assert!(!browser.remains().await.contains(&token));
    everybody_can_use(&browser, "invitation").await;
    browser.fill("User name", "grace").await;
    browser.fill("Password", "short").await;
    browser.click("Accept the invitation").await;
    browser.see("12").await;
    assert_eq!(browser.value("User name").await, "grace", "what was typed is kept");
    browser.fill("Password", PASSWORD).await;
    browser.click("Accept the invitation").await;
    browser.see("You belong to acme now").await;
    app.stranger().log_in("grace", PASSWORD).await;
    browser.visit("/invitations/#nonsense").await;
    browser.reload().await;
    browser.see("invitation").await;
    browser.check_manners().await;
}

#[actix_web::test]
async fn a_deployment_is_tried_on_its_page_with_a_key_and_with_a_file() {
    let (app, browser) = start().await;
    let terms = json!({"display_name": "Echo", "description": "Hands back what it is given."});
    let definition = json!({"steps": [{"id": "text", "tool": "extract_text", "from": "files", "when": ".files | length > 0"}],
        "output": ".steps.text.output // .input"});
    let given = app.given_deployment_of("echo", definition, terms).await;
    browser.visit(&format!("/deployment/{}/docs/", given.id)).await;
    browser.fill("Key", &given.key).await;
    browser.click("Open").await;
    browser.see("Hands back what it is given.").await;
    everybody_can_use(&browser, "deployment-docs").await;
    browser.click("Copy").await;
    assert!(browser.clipboard().await.starts_with("curl -s 'http://127.0.0.1"));
    browser.fill("Body", r#"{"input_data": {"tried": "by hand"}}"#).await;
    browser.click("Send").await;
    browser.see("200 OK, COMPLETED").await;
    browser.see(r#""tried": "by hand""#).await;
    let mut file = tempfile::Builder::new().suffix(".txt").tempfile().expect("a file");
    file.write_all(b"It came as a file.").expect("written");
    browser.attach("Files", file.path()).await;
    browser.click("Send").await;
    browser.see("It came as a file.").await;
    assert!(!browser.source().await.contains(&given.key), "the key is kept in memory only");
    browser.check_manners().await;
}
