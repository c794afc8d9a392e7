//! A key that was shown once is nowhere afterwards; and everything about keys is done without a script, and without a mouse.

use serde_json::json;
use test_support::{
    app::{PASSWORD, TestApp},
    browser::Browser,
    databases::Database,
};

use super::{log_in, logged_in};

/// A server with a deployment, and the path of the page of its keys.
async fn given_keys() -> (TestApp, String, String) {
    let app = crate::start(Database::sqlite()).await;
    let given = app.given_deployment("echo").await;
    let keys = format!("/acme/deployments/{}/keys", given.id);
    let call = format!("/deployment/{}/?wait=20", given.id);
    (app, keys, call)
}

#[actix_web::test]
async fn a_key_is_in_no_address_no_history_and_no_page_once_its_dialog_is_closed() {
    let (app, keys, call) = given_keys().await;
    let browser = logged_in(&app.base, "acme-admin", PASSWORD).await;
    browser.visit("/acme/workflows").await;
    browser.visit(&keys).await;
    browser.click("Create key").await;
    browser.fill("Description", "Shown once").await;
    browser.click("Create key").await;
    browser.see("Copy it now.").await;
    let key = browser.word_beginning("unst_").await;
    let opened = browser.address().await;
    assert!(opened.ends_with(&keys) && !opened.contains("unst_"), "{opened}");
    // A slip of the finger does not lose it.
    browser.escape().await;
    browser.see("Copy it now.").await;
    browser.click("Done").await;
    browser.not_see("Copy it now.").await;
    browser.see("Shown once").await;
    let is_gone = async |after: &str| {
        assert!(
            !browser.remains().await.contains(&key),
            "after {after}: {}",
            browser.address().await
        );
    };
    is_gone("closing").await;
    browser.reload().await;
    is_gone("a reload").await;
    for turn in 0..3 {
        browser.back().await;
        is_gone(&format!("going back {turn}")).await;
    }
    for turn in 0..3 {
        browser.forward().await;
        is_gone(&format!("going forward {turn}")).await;
    }
    for request in browser.requests().await {
        assert!(!request.contains(&key), "{request}");
    }
    app.with(&key).post(&call, json!(1)).await.ok();
    browser.check_manners().await;
}

#[actix_web::test]
async fn keys_are_made_and_revoked_without_a_script() {
    let (app, keys, call) = given_keys().await;
    let browser = Browser::start_without_script(&app.base).await;
    log_in(&browser, "acme-admin", PASSWORD).await;
    browser.visit(&keys).await;
    browser.click("Create key").await;
    browser.fill("Description", "By hand").await;
    browser.click("Create key").await;
    browser.see("Copy it now.").await;
    let key = browser.word_beginning("unst_").await;
    assert!(!browser.offers("Copy the key").await, "what cannot work is not shown");
    app.with(&key).post(&call, json!(1)).await.ok();
    browser.click("Done").await;
    browser.arrive(&keys).await;
    browser.click_in("By hand", "Revoke").await;
    browser.see("for good").await;
    browser.click("Revoke").await;
    browser.see("The key is revoked").await;
    app.with(&key).post(&call, json!(1)).await.refused(401, "key_revoked");
    browser.visit("/acme/workflows/new").await;
    browser.fill("Name", "Plain").await;
    browser.fill("Definition", "{").await;
    browser.click("Save").await;
    browser.see("line 1").await;
    assert_eq!(browser.value("Name").await, "Plain", "what was typed is kept");
    browser.check_manners().await;
}

#[actix_web::test]
async fn a_keyboard_is_enough() {
    let (app, keys, call) = given_keys().await;
    let browser = Browser::start(&app.base).await;
    browser.visit("/log-in").await;
    browser.tab_to("User name").await;
    browser.type_keys("acme-admin").await;
    browser.tab_to("Password").await;
    browser.type_keys(PASSWORD).await;
    browser.enter().await;
    browser.see("API Deployments").await;
    browser.visit(&keys).await;
    browser.tab_to("Skip to the content").await;
    browser.tab_to("Create key").await;
    browser.enter().await;
    browser.see("Create a key").await;
    let focused = browser.focused().await;
    assert!(focused.starts_with("Description"), "the dialog takes the focus: '{focused}' has it");
    browser.type_keys("By keyboard").await;
    browser.tab_to("Create key").await;
    browser.enter().await;
    browser.see("Copy it now.").await;
    assert!(browser.focused().await.starts_with("Copy the key"), "{}", browser.focused().await);
    browser.enter().await;
    browser.see("Copied").await;
    let key = browser.clipboard().await;
    browser.tab_to("Done").await;
    browser.enter().await;
    browser.not_see("Copy it now.").await;
    browser.see("By keyboard").await;
    app.with(&key).post(&call, json!(1)).await.ok();
    assert_eq!(browser.clicks(), 0);
    browser.check_manners().await;
}
