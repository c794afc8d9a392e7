//! An organization in which something of everything has happened, for pages that are to show something.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use test_support::{
    app::{GivenDeployment, TestApp},
    databases::Database,
    webhook_receiver::{Behaviour, WebhookReceiver},
};

const MANAGE: &str = "/unstract/acme/api/v2";

/// A server with something of everything.
pub(super) struct Busy {
    pub(super) app: TestApp,
    /// What stands for the placeholders of addresses: `{workflow}`, `{deployment}` …
    pub(super) ids: BTreeMap<&'static str, String>,
    pub(super) _receiver: WebhookReceiver,
}

/// `acme`, which has been busy for a day.
pub(super) async fn busy() -> Busy {
    let app = crate::start(Database::sqlite()).await;
    let receiver = WebhookReceiver::start(&Behaviour::Status(500));
    let mut ids = BTreeMap::new();
    let webhook = json!({"url": receiver.url, "description": "The shop", "events": ["key.created", "key.revoked"]});
    let webhook = app.platform().post(&format!("{MANAGE}/webhooks/"), webhook).await.created();
    ids.insert("webhook", id(&webhook));
    let invoices = given_invoices(&app).await;
    app.given_deployment("orders").await;
    let off = app.given_deployment("retired").await;
    let off = format!("{MANAGE}/api-deployment/{}/", off.id);
    app.platform().patch(&off, json!({"is_active": false})).await.ok();
    ids.insert("execution", calls(&app, &invoices).await);
    ids.insert("deployment", invoices.id.clone());
    ids.insert("key", invoices.key_id.clone());
    let listed =
        app.platform().get(&format!("{MANAGE}/api-deployment/{}/", invoices.id)).await.ok();
    ids.insert("workflow", listed["workflow"].as_str().expect("an id").to_owned());
    ids.extend(keys(&app, &invoices).await);
    ids.extend(people(&app).await);
    let dispatcher = app.carry_out_notices(None);
    receiver.received_when(3).await;
    drop(dispatcher);
    let at = format!("{MANAGE}/webhooks/{}/deliveries/", ids["webhook"]);
    // By its event: several were made in one instant.
    let told = app.platform().get(&at).await.ok();
    let mut all = told["items"].as_array().expect("deliveries").iter();
    let delivery = all.find(|delivery| delivery["event"] == "key.created").expect("a delivery");
    ids.insert("delivery", id(delivery));
    app.close_minute();
    Busy { app, ids, _receiver: receiver }
}

#[track_caller]
fn id(thing: &Value) -> String {
    thing["id"].as_str().expect("an id").to_owned()
}

async fn given_invoices(app: &TestApp) -> GivenDeployment {
    let schema = json!({"type": "object", "required": ["total"], "properties": {
        "total": {"type": "number"}, "currency": {"enum": ["EUR", "USD"]}}});
    let steps = json!({"steps": [
        {"id": "check", "tool": "transform", "filter": ".input | if .total < 0 then error(\"a total is not negative\") else . end"},
        {"id": "net", "tool": "transform", "filter": "{total: .steps.check.output.total, net: (.steps.check.output.total / 1.19)}"},
        {"id": "note", "tool": "template", "template": "{{ steps.net.output.total }} in all", "when": ".input.total > 100"}],
        "output": ".steps.net.output"});
    let terms = json!({"display_name": "Invoice totals", "description": "Adds up what is on an invoice.", "input_schema": schema});
    app.given_deployment_of("invoices", steps, terms).await
}

/// Calls over a day, of which some fail and some are refused; the id of the last one that failed.
async fn calls(app: &TestApp, invoices: &GivenDeployment) -> String {
    let address = format!("/deployment/{}/?wait=20", invoices.id);
    let caller = app.with(&invoices.key);
    for hour in 0..8_u32 {
        for call in 0..=(hour * 5 % 4) {
            caller
                .post(
                    &address,
                    json!({"input_data": {"total": 100 + call * 40, "currency": "EUR"}}),
                )
                .await
                .ok();
        }
        if hour % 3 == 1 {
            let bad = json!({"input_data": {"total": -1}});
            caller.post(&address, bad).await.refused(422, "execution_failed");
            caller
                .post(&address, json!({"input_data": {"total": "none"}}))
                .await
                .refused(422, "input_invalid");
        }
        app.close_minute();
        app.clock.advance(Duration::from_secs(3600));
    }
    let list = format!("{MANAGE}/executions/?status=ERROR");
    let listed = app.platform().get(&list).await.ok();
    listed["items"][0]["execution_id"].as_str().expect("an id").to_owned()
}

/// Keys in every state; the ids of one of the organization's.
async fn keys(app: &TestApp, invoices: &GivenDeployment) -> Vec<(&'static str, String)> {
    let platform = app.platform();
    let of_deployment = format!("{MANAGE}/api-deployment/{}/keys/", invoices.id);
    for (description, change) in
        [("Shop", None), ("Old shop", Some("revoke/")), ("Accounting", Some("rotate/"))]
    {
        let made =
            platform.post(&of_deployment, json!({"description": description})).await.created();
        if let Some(change) = change {
            let body = if change == "revoke/" {
                json!({"reason": "the shop is closed"})
            } else {
                json!({})
            };
            platform.post(&format!("{of_deployment}{}/{change}", id(&made)), body).await;
        }
    }
    let wanted = json!({"name": "analytics", "description": "The dashboard", "scopes": ["analytics:read"], "expires_in_days": 20});
    let first = platform.post("/v1/api-keys", wanted).await.created();
    let wanted = json!({"name": "inference", "scopes": ["inference:read", "inference:write"]});
    let other = platform.post("/v1/api-keys", wanted).await.created();
    platform
        .post(&format!("/v1/api-keys/{}/revoke", id(&other)), json!({"reason": "leaked"}))
        .await;
    vec![("api_key", id(&first))]
}

/// Somebody who came, somebody who is invited, and a secret; their ids.
async fn people(app: &TestApp) -> [(&'static str, String); 4] {
    let user = app.user().await.user_id().await;
    app.given_invitation("margaret", "admin").await;
    let admin = app.admin().await;
    let secret = json!({"value": "tok-8Qm2ZxR7vLpW4nKd"});
    admin.put(&format!("{MANAGE}/secrets/CRM_TOKEN/"), secret).await.ok();
    let first =
        async |list: &str| admin.get(&format!("{MANAGE}/{list}/")).await.ok()["items"][0].clone();
    [
        ("user", user),
        ("invitation", id(&first("invitations").await)),
        ("platform_key", id(&first("platform-keys").await)),
        ("secret", "CRM_TOKEN".into()),
    ]
}
