//! Mail, with a real server at the other end: what it says, whom it goes to, and what becomes of it.

use std::time::Duration;

use access_domain::RetryPolicy;
use outbound::DispatcherConfig;
use serde_json::{Value, json};
use test_support::{
    app::{PUBLIC_URL, TestApp},
    databases::Database,
    smtp_server::{LOGIN, SmtpServer, SmtpTls},
    webhook_receiver::{Behaviour, WebhookReceiver},
};
use tokio::time::interval;

use crate::process::Settings;

on_both_databases!(
    administrators_get_a_mail_that_reads_well,
    a_recipient_that_is_refused_is_given_up_at_once,
    a_server_that_is_away_gets_it_when_it_is_back,
    where_no_mail_is_sent_nobody_is_told_by_mail,
);

const MAILS: &str = "/unstract/acme/api/v2/mail-deliveries/";

/// A webhook of `acme` goes, which its administrator at `address` hears of by mail.
async fn lose_a_webhook(app: &TestApp, address: &str) -> WebhookReceiver {
    app.give_address("acme-admin", address);
    let gone = WebhookReceiver::start(&Behaviour::Status(410));
    let webhook = json!({"url": gone.url, "description": "shop", "events": ["key.created"]});
    app.platform().post("/unstract/acme/api/v2/webhooks/", webhook).await.created();
    app.platform().post("/v1/api-keys", json!({"name": "one"})).await.created();
    gone
}

/// The only mail of `acme`, once it stands so.
async fn mail_when(app: &TestApp, state: &str) -> Value {
    let (admin, mut again) = (app.admin().await, interval(Duration::from_millis(20)));
    let waited = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            again.tick().await;
            let listed = admin.get(&format!("{MAILS}?state={state}")).await.ok();
            if let Some(mail) = listed["items"].as_array().expect("items").first() {
                return mail.clone();
            }
        }
    });
    waited.await.expect("a mail")
}

async fn administrators_get_a_mail_that_reads_well(app: TestApp) {
    let server = SmtpServer::start();
    let _notices = app.carry_out_notices(Some(&server));
    let _gone = lose_a_webhook(&app, "ada@example.org").await;
    let mail = server.messages_when(1).await.remove(0);
    assert_eq!(mail.to, ["ada@example.org"]);
    assert_eq!(mail.from, "keywright@example.com");
    assert_eq!(mail.subject, "A webhook of acme was switched off");
    assert_eq!(mail.headers["auto-submitted"], "auto-generated");
    assert_eq!(mail.headers["from"], "Keywright <keywright@example.com>");
    assert!(mail.headers["message-id"].ends_with("@example.com>"), "{mail:?}");
    assert!(mail.headers["date"].contains("2026"), "{mail:?}");
    assert!(mail.headers["content-type"].contains("utf-8"), "{mail:?}");
    for said in [PUBLIC_URL, "(shop)", "\"acme\"", "410", "/deliveries/"] {
        assert!(mail.text.contains(said), "{}", mail.text);
    }
    let told = mail_when(&app, "DELIVERED").await;
    assert_eq!((&told["mail_to"], &told["last_status"]), (&json!("ada@example.org"), &json!(250)));
    let one = format!("{MAILS}{}/", told["id"].as_str().expect("an id"));
    app.admin().await.post_nothing(&format!("{one}replay/")).await.accepted();
    let again = server.messages_when(2).await.remove(1);
    assert_eq!(again.headers["message-id"], mail.headers["message-id"]);
}

async fn a_recipient_that_is_refused_is_given_up_at_once(app: TestApp) {
    let server = SmtpServer::start();
    let _notices = app.carry_out_notices(Some(&server));
    let _gone = lose_a_webhook(&app, "refused@example.org").await;
    let dead = mail_when(&app, "DEAD").await;
    assert_eq!((&dead["attempts"], &dead["last_status"]), (&json!(1), &json!(550)));
    assert_eq!(dead["last_error"], "the mail server refused it: 550");
    app.give_address("acme-admin", "busy@example.org");
    let _gone = lose_a_webhook_again(&app).await;
    let later = loop_until_two_dead(&app).await;
    assert_eq!((&later["attempts"], &later["last_status"]), (&json!(3), &json!(450)));
    assert_eq!(server.messages(), []);
}

async fn lose_a_webhook_again(app: &TestApp) -> WebhookReceiver {
    let gone = WebhookReceiver::start(&Behaviour::Status(410));
    app.clock.advance(Duration::from_secs(1));
    let webhook = json!({"url": gone.url, "events": ["key.revoked"]});
    app.platform().post("/unstract/acme/api/v2/webhooks/", webhook).await.created();
    let key = app.platform().post("/v1/api-keys", json!({"name": "two"})).await.created();
    let key = format!("/v1/api-keys/{}/revoke", key["id"].as_str().expect("an id"));
    app.platform().post_nothing(&key).await.ok();
    gone
}

async fn loop_until_two_dead(app: &TestApp) -> Value {
    let (admin, mut again) = (app.admin().await, interval(Duration::from_millis(20)));
    let waited = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            again.tick().await;
            let listed = admin.get(&format!("{MAILS}?state=DEAD")).await.ok();
            let items = listed["items"].as_array().expect("items");
            if items.len() == 2 {
                return items[0].clone();
            }
        }
    });
    waited.await.expect("two mails")
}

async fn a_server_that_is_away_gets_it_when_it_is_back(app: TestApp) {
    let server = SmtpServer::start();
    let port = server.port();
    let patient = |config: &mut DispatcherConfig| {
        let pauses = vec![Duration::from_millis(50)];
        config.retry = RetryPolicy { attempts: 1000, pauses };
    };
    let _notices = app.carry_out_notices_with(Some(&server), patient);
    drop(server);
    let _gone = lose_a_webhook(&app, "ada@example.org").await;
    let mut waiting = mail_when(&app, "PENDING").await;
    while waiting["last_error"].is_null() {
        waiting = mail_when(&app, "PENDING").await;
    }
    assert_eq!(waiting["last_error"], "the mail server cannot be reached");
    let back = SmtpServer::start_on(port, SmtpTls::None);
    assert_eq!(back.messages_when(1).await.remove(0).to, ["ada@example.org"]);
    mail_when(&app, "DELIVERED").await;
}

async fn where_no_mail_is_sent_nobody_is_told_by_mail(app: TestApp) {
    let _notices = app.carry_out_notices(None);
    let gone = lose_a_webhook(&app, "ada@example.org").await;
    gone.received_when(1).await;
    let (platform, mut again) = (app.platform(), interval(Duration::from_millis(20)));
    loop {
        again.tick().await;
        let webhooks = platform.get("/unstract/acme/api/v2/webhooks/").await.ok();
        if webhooks["items"][0]["disabled_reason"] == "gone" {
            break;
        }
    }
    assert_eq!(app.admin().await.get(MAILS).await.ok()["items"], json!([]));
}

#[actix_web::test]
async fn mail_goes_by_tls_under_an_authority_of_ones_own() {
    for tls in [SmtpTls::StartTls, SmtpTls::Implicit] {
        let app = crate::start(Database::sqlite()).await;
        let server = SmtpServer::start_with(tls);
        let _notices = app.carry_out_notices(Some(&server));
        let _gone = lose_a_webhook(&app, "ada@example.org").await;
        let mail = server.messages_when(1).await.remove(0);
        assert!(mail.is_secure, "{tls:?}");
    }
}

fn with_mail(settings: Settings, server: &SmtpServer, tls: &str) -> Settings {
    settings
        .with("SERVER__PUBLIC_URL", PUBLIC_URL)
        .with("MAIL__HOST", "localhost")
        .with("MAIL__PORT", server.port())
        .with("MAIL__TLS", tls)
        .with("MAIL__FROM", "Keywright <keywright@example.com>")
}

fn mail_finding(settings: &Settings) -> Value {
    let output = settings.run(&["doctor", "--json"]);
    let findings: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut found = findings.as_array().expect("findings").iter();
    found.find(|finding| finding["check"] == "mail").cloned().unwrap_or_default()
}

#[test]
fn the_doctor_asks_whether_the_mail_server_answers() {
    let database = Database::sqlite();
    let base = Settings::over(&database);
    assert_eq!(mail_finding(&base), Value::Null);
    let server = SmtpServer::start_with(SmtpTls::StartTls);
    let settings = with_mail(base.clone(), &server, "starttls")
        .with("MAIL__USERNAME", LOGIN.0)
        .with("MAIL__PASSWORD", LOGIN.1);
    assert_eq!(mail_finding(&settings)["status"], "bad", "nobody vouches for its certificate");
    let settings = settings.with("MAIL__CA_FILE", server.ca_file().display());
    let good = mail_finding(&settings);
    assert_eq!(good["status"], "good", "{good}");
    let wrong = settings.clone().without("MAIL__PASSWORD").with("MAIL__PASSWORD", "another one");
    assert_eq!(mail_finding(&wrong)["status"], "bad");
    drop(server);
    assert_eq!(mail_finding(&settings)["status"], "bad");
}

#[test]
fn settings_of_mail_that_cannot_be_are_refused() {
    let database = Database::sqlite();
    let server = SmtpServer::start();
    let good = with_mail(Settings::over(&database), &server, "none");
    let refused = |settings: &Settings| {
        let output = settings.run(&["serve"]);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for (settings, named) in [
        (good.clone().without("SERVER__PUBLIC_URL"), "server.public_url"),
        (good.clone().without("MAIL__HOST"), "mail.host"),
        (good.clone().without("MAIL__FROM"), "mail.from"),
        (good.clone().without("MAIL__FROM").with("MAIL__FROM", "nobody"), "mail.from"),
        (good.clone().with("MAIL__USERNAME", "u"), "mail.username"),
        (good.clone().with("MAIL__USERNAME", "u").with("MAIL__PASSWORD", "p"), "mail.tls"),
        (good.clone().with("MAIL__CA_FILE", "/nowhere"), "mail.ca_file"),
        (good.clone().with("MAIL__TIMEOUT_SECONDS", "0"), "mail.timeout_seconds"),
        (good.clone().with("MAIL__COLOUR", "red"), "colour"),
    ] {
        let told = refused(&settings);
        assert!(told.contains(named), "{named}: {told}");
    }
    let shown = good.with("MAIL__PASSWORD", "s3cret-of-mail").run(&["config", "show"]);
    assert!(!String::from_utf8_lossy(&shown.stdout).contains("s3cret-of-mail"));
}
