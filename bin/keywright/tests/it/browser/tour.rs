//! Every page, once: everybody can use it, in light and dark, on a desk and in a hand; it asks nobody else for anything, and the
//! browser has nothing to complain of. What it looked like stands in `target/screenshots`.

use std::collections::BTreeSet;

use test_support::app::PASSWORD;

use super::{
    faults,
    given::{Busy, busy},
    logged_in,
};
use crate::console;

/// A name for the pictures, the address, and what is read there.
type Page = (&'static str, &'static str, &'static str);

const WORK: &[Page] = &[
    ("workflows", "/acme/workflows", "invoices"),
    ("workflow-new", "/acme/workflows/new", "Create Workflow"),
    ("workflow", "/acme/workflows/{workflow}", "Definition"),
    ("workflow-run", "/acme/workflows/{workflow}/run", "Test run"),
    ("workflow-share", "/acme/workflows/{workflow}/share", "Everyone in the organization"),
    ("workflow-delete", "/acme/workflows/{workflow}/delete", "gone for good"),
    ("schedule", "/acme/workflows/{workflow}/schedule", "Schedule"),
    ("schedule-remove", "/acme/workflows/{workflow}/schedule/remove", "schedule"),
    ("executions", "/acme/executions", "Executions"),
    ("execution", "/acme/executions/{execution}", "a total is not negative"),
    ("execution-cancel", "/acme/executions/{execution}/cancel", "Cancel"),
];

const DEPLOYMENTS: &[Page] = &[
    ("deployments", "/acme/deployments", "Invoice totals"),
    ("deployment-new", "/acme/deployments/new", "Deploy as API"),
    ("deployment", "/acme/deployments/{deployment}", "Call it"),
    ("deployment-deactivate", "/acme/deployments/{deployment}/deactivate", "Deactivate"),
    ("deployment-delete", "/acme/deployments/{deployment}/delete", "Delete"),
    ("deployment-settings", "/acme/deployments/{deployment}/settings", "Save"),
    ("deployment-share", "/acme/deployments/{deployment}/share", "Everyone in the organization"),
    ("usage", "/acme/usage", "Requests"),
];

const KEYS: &[Page] = &[
    ("keys", "/acme/deployments/{deployment}/keys", "Old shop"),
    ("key-new", "/acme/deployments/{deployment}/keys/new", "Create a key"),
    ("key", "/acme/deployments/{deployment}/keys/{key}", "Secrets"),
    ("key-edit", "/acme/deployments/{deployment}/keys/{key}/edit", "Save"),
    (
        "key-deactivate",
        "/acme/deployments/{deployment}/keys/{key}/deactivate",
        "until it is activated",
    ),
    ("key-rotate", "/acme/deployments/{deployment}/keys/{key}/rotate", "keeps working for"),
    ("key-revoke", "/acme/deployments/{deployment}/keys/{key}/revoke", "for good"),
    ("key-delete", "/acme/deployments/{deployment}/keys/{key}/delete", "no longer listed"),
    ("api-keys", "/acme/api-keys", "analytics"),
    ("api-key-new", "/acme/api-keys/new", "Create a key"),
    ("api-key", "/acme/api-keys/{api_key}", "analytics:read"),
    ("api-key-edit", "/acme/api-keys/{api_key}/edit", "Save"),
    ("api-key-deactivate", "/acme/api-keys/{api_key}/deactivate", "until it is activated"),
    ("api-key-rotate", "/acme/api-keys/{api_key}/rotate", "keeps working for"),
    ("api-key-revoke", "/acme/api-keys/{api_key}/revoke", "for good"),
    ("api-key-delete", "/acme/api-keys/{api_key}/delete", "no longer listed"),
];

const SETTINGS: &[Page] = &[
    ("platform", "/acme/settings/platform", "Platform API Keys"),
    ("platform-refresh", "/acme/settings/platform/{platform_key}/refresh", "Refresh Key #1?"),
    (
        "platform-switch",
        "/acme/settings/platform/{platform_key}/active",
        "opens nothing from then on",
    ),
    ("platform-delete", "/acme/settings/platform/{platform_key}/delete", "Delete Key #1?"),
    ("settings-api-keys", "/acme/settings/api-keys", "Invoice totals"),
    ("organization", "/acme/settings/organization", "Organization ID"),
    ("members", "/acme/settings/members", "margaret"),
    ("member-role", "/acme/settings/members/{user}/role", "acme-user"),
    ("member-remove", "/acme/settings/members/{user}/remove", "acme-user"),
    ("invitation-withdraw", "/acme/settings/members/invitations/{invitation}/withdraw", "margaret"),
    ("secrets", "/acme/settings/secrets", "CRM_TOKEN"),
    ("secret-replace", "/acme/settings/secrets/{secret}/replace", "CRM_TOKEN"),
    ("secret-delete", "/acme/settings/secrets/{secret}/delete", "CRM_TOKEN"),
];

const ROUND: &[Page] = &[
    ("webhooks", "/acme/settings/webhooks", "The shop"),
    ("webhook-new", "/acme/settings/webhooks/new", "key.created"),
    ("webhook", "/acme/settings/webhooks/{webhook}", "Send a test"),
    ("webhook-rotate", "/acme/settings/webhooks/{webhook}/rotate", "secret"),
    ("webhook-delete", "/acme/settings/webhooks/{webhook}/delete", "Delete"),
    ("delivery", "/acme/settings/webhooks/{webhook}/deliveries/{delivery}", "key.created"),
    ("audit", "/acme/audit", "acme-admin"),
    ("account", "/account", "acme-admin"),
];

/// Led on at once, or no page at all.
const NOT_LOOKED_AT: [&str; 4] = ["/", "/{}", "/assets/{}", "/log-in"];

async fn visit_all(pages: &[Page]) {
    let Busy { app, ids, .. } = &busy().await;
    let browser = logged_in(&app.base, "acme-admin", PASSWORD).await;
    // One tour tells of all pages.
    let mut found = Vec::new();
    for (name, path, shows) in pages {
        let put =
            |path: String, (name, id): (&&str, &String)| path.replace(&format!("{{{name}}}"), id);
        browser.visit(&ids.iter().fold((*path).to_owned(), put)).await;
        browser.see(shows).await;
        found.extend(faults(&browser, name).await);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    browser.check_manners().await;
}

#[actix_web::test]
async fn pages_of_work() {
    visit_all(WORK).await;
}

#[actix_web::test]
async fn pages_of_deployments() {
    visit_all(DEPLOYMENTS).await;
}

#[actix_web::test]
async fn pages_of_keys() {
    visit_all(KEYS).await;
}

#[actix_web::test]
async fn pages_of_settings() {
    visit_all(SETTINGS).await;
}

#[actix_web::test]
async fn pages_of_what_is_told_and_to_whom() {
    visit_all(ROUND).await;
}

#[actix_web::test]
async fn no_page_is_left_out() {
    let shape = |path: &str| {
        let segment = |part: &str| {
            if part == "acme" || part.starts_with('{') { "{}".to_owned() } else { part.to_owned() }
        };
        path.split('/').map(segment).collect::<Vec<_>>().join("/")
    };
    let tables = [WORK, DEPLOYMENTS, KEYS, SETTINGS, ROUND].concat();
    let looked_at: BTreeSet<String> = tables.iter().map(|(_, path, _)| shape(path)).collect();
    let there: BTreeSet<String> = console::routes()
        .into_iter()
        .filter(|(method, _)| method == "GET")
        .map(|(_, path)| shape(&path))
        .filter(|path| !NOT_LOOKED_AT.contains(&path.as_str()))
        .collect();
    assert_eq!(looked_at, there);
    let names: BTreeSet<_> = tables.iter().map(|(name, ..)| name).collect();
    assert_eq!(names.len(), tables.len(), "each picture has a name of its own");
}
