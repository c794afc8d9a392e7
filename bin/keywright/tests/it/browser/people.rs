//! The console of somebody of role `user`: what they may not do is not offered, and refused by name where it is asked for.

use serde_json::json;
use test_support::app::PASSWORD;

use super::{everybody_can_use, given::busy, logged_in};

#[actix_web::test]
async fn a_user_is_offered_what_they_may_do_and_no_more() {
    let busy = busy().await;
    let (app, deployment) = (&busy.app, &busy.ids["deployment"]);
    let share = format!("/unstract/acme/api/v2/api-deployment/{deployment}/share/");
    app.admin().await.put(&share, json!({"users": [], "everyone": true})).await.ok();
    let browser = logged_in(&app.base, "acme-user", PASSWORD).await;
    browser.see("No workflows yet").await;
    for place in ["Workflows", "API Deployments", "Executions", "Usage", "Settings"] {
        assert!(browser.offers(place).await, "{place}");
    }
    for place in ["API Keys", "Audit", "Platform", "Members", "Webhooks", "Secrets"] {
        assert!(!browser.offers(place).await, "{place}");
    }
    for (name, path) in [
        ("user-workflows", "/acme/workflows"),
        ("user-deployments", "/acme/deployments"),
        ("user-executions", "/acme/executions"),
        ("user-usage", "/acme/usage"),
        ("user-settings-api-keys", "/acme/settings/api-keys"),
        ("user-settings-organization", "/acme/settings/organization"),
    ] {
        browser.visit(path).await;
        everybody_can_use(&browser, name).await;
    }
    for closed in [
        "settings/platform",
        "settings/members",
        "settings/webhooks",
        "settings/secrets",
        "api-keys",
        "audit",
    ] {
        browser.visit(&format!("/acme/{closed}")).await;
        browser.see("admin_required").await;
        browser.see("Ask an administrator").await;
    }
    everybody_can_use(&browser, "user-refused").await;

    // What is shared with them they see, and do not change.
    browser.visit(&format!("/acme/deployments/{deployment}/keys")).await;
    browser.see("Shop").await;
    everybody_can_use(&browser, "user-shared-keys").await;
    for deed in
        ["Create key", "Rotate", "Deactivate", "Activate", "Revoke", "Delete", "Settings of"]
    {
        assert!(!browser.offers(deed).await, "{deed}");
    }
    browser.visit("/acme/settings/organization").await;
    browser.see("acme").await;
    assert!(!browser.offers("Save").await);
    browser.check_manners().await;
}
