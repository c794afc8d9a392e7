//! The end of a key, told by webhook and by mail, by two servers over one database.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::{
    app::{Caller, TestApp},
    databases::Database,
    smtp_server::SmtpServer,
    webhook_receiver::{Behaviour, WebhookReceiver},
};
use tokio::time::{interval, timeout};

use crate::process::Settings;

on_both_databases!(a_key_of_eight_days_is_told_of_twice_before_its_end_and_once_at_it,);

const WEBHOOKS: &str = "/unstract/acme/api/v2/webhooks/";
const MAILS: &str = "/unstract/acme/api/v2/mail-deliveries/";
const HOURS: u64 = 3600;

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// How each delivery of a list stands, once none is pending.
async fn settled(who: &Caller, list: &str) -> Vec<String> {
    let mut again = interval(Duration::from_millis(20));
    let settled = timeout(Duration::from_secs(30), async {
        loop {
            again.tick().await;
            let deliveries = who.get(list).await.ok();
            let items = deliveries["items"].as_array().expect("items");
            let states: Vec<_> = items.iter().map(|one| text(&one["state"]).to_owned()).collect();
            if states.iter().all(|state| state != "PENDING") {
                return states;
            }
        }
    });
    settled.await.expect("deliveries that end")
}

async fn a_key_of_eight_days_is_told_of_twice_before_its_end_and_once_at_it(app: TestApp) {
    let (mail, receiver) = (SmtpServer::start(), WebhookReceiver::start(&Behaviour::Good));
    app.given_member("ada", "admin").await;
    app.give_address("ada", "ada@acme.example");
    let wanted = json!({"url": receiver.url, "events": ["key.expiring", "key.expired"]});
    let webhook = app.platform().post(WEBHOOKS, wanted).await.created();
    receiver.trust(text(&webhook["secret"]));
    let _servers = [app.carry_out_notices(Some(&mail)), app.carry_out_notices(Some(&mail))];
    let key = json!({"name": "shop", "expires_in_days": 8});
    let key = app.platform().post("/v1/api-keys", key).await.created();

    for _ in 0..9 * 4 {
        app.tell_of_keys_at_once(2).await;
        app.clock.advance(Duration::from_secs(6 * HOURS));
    }

    let told = receiver.received_when(3).await;
    let mails = mail.messages_when(3).await;
    let deliveries = format!("{WEBHOOKS}{}/deliveries/", text(&webhook["id"]));
    assert_eq!(settled(&app.platform(), &deliveries).await, ["DELIVERED"; 3]);
    assert_eq!(settled(&app.admin().await, MAILS).await, ["DELIVERED"; 3]);
    assert_eq!((receiver.received().len(), mail.messages().len()), (3, 3), "none came twice");

    let mut told: Vec<_> = told
        .iter()
        .map(|told| {
            assert_eq!(told.why_not, None, "the signature holds");
            let data = &told.body["data"];
            assert_eq!((&data["key_id"], &data["hint"]), (&key["id"], &key["hint"]));
            (text(&told.body["timestamp"]), text(&told.body["type"]), data["days_left"].clone())
        })
        .collect();
    // Two servers send: what happened first may arrive later.
    told.sort_unstable_by_key(|(at, ..)| *at);
    let told: Vec<_> = told.into_iter().map(|(_, kind, days_left)| (kind, days_left)).collect();
    let expected =
        [("key.expiring", json!(7)), ("key.expiring", json!(1)), ("key.expired", Value::Null)];
    assert_eq!(told, expected);

    let mut subjects: Vec<_> = mails.iter().map(|mail| mail.subject.as_str()).collect();
    subjects.sort_unstable();
    let expected = ["expires in 1 day", "expires in 7 days", "has expired"]
        .map(|what| format!("API key \"shop\" of acme {what}"));
    assert_eq!(subjects, expected);
    for mail in &mails {
        assert_eq!(mail.to, ["ada@acme.example"]);
        assert!(mail.text.contains(text(&key["id"])), "{}", mail.text);
        assert!(!mail.text.contains(text(&key["key"])), "a secret was mailed");
    }
}

#[actix_web::test]
async fn a_limit_that_was_reached_right_before_a_stop_is_told_of_after_it() {
    let receiver = WebhookReceiver::start(&Behaviour::Good);
    let database = Database::sqlite();
    let settings = Settings::over(&database)
        .with("SECRETS__ENCRYPTION_KEY", "an encryption key of tests, so long")
        .with("OUTBOUND__ALLOWED_NETWORKS", "127.0.0.0/8");
    let (platform_key, _) = settings.given_organization("acme");
    let server = settings.serve(&[]);
    let platform = Caller::new(&server.base).bearer(&platform_key);
    let wanted = json!({"url": receiver.url, "events": ["key.limit_reached"]});
    platform.post(WEBHOOKS, wanted).await.created();
    let key = json!({"name": "shop", "rate_limit_per_minute": 1});
    let key = platform.post("/v1/api-keys", key).await.created();
    let caller = Caller::new(&server.base).bearer(text(&key["key"]));
    caller.get("/v1/whoami").await.ok();
    caller.get("/v1/whoami").await.refused(429, "rate_limited");
    assert!(server.terminate().success());
    let _again = settings.serve(&[]);
    let told = timeout(Duration::from_secs(30), receiver.received_when(1)).await;
    let told = told.expect("it is told of").remove(0);
    assert_eq!(
        (text(&told.body["type"]), &told.body["data"]["key_id"]),
        ("key.limit_reached", &key["id"])
    );
}
