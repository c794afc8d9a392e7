//! What happens to people, from the invitation to the good-bye, with real processes and real mail.

use serde_json::{Value, json};
use test_support::{
    app::Caller,
    databases::Database,
    smtp_server::{Mail, SmtpServer},
};

use crate::process::{Process, Settings};

const MANAGED: &str = "/unstract/acme/api/v2";
/// Without TLS, so that the clients of tests send their cookies back.
const PUBLIC_URL: &str = "http://keys.example.com";
const PASSWORD: &str = "correct horse battery";

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn at(path: &str) -> String {
    format!("{MANAGED}/{path}")
}

/// A server of `acme` that sends mail, and its administrator.
async fn given(database: &Database, mail: &SmtpServer) -> (Process, Caller) {
    let settings = Settings::over(database)
        .with("SERVER__PUBLIC_URL", PUBLIC_URL)
        .with("MAIL__HOST", "localhost")
        .with("MAIL__PORT", mail.port())
        .with("MAIL__TLS", "none")
        .with("MAIL__FROM", "Keywright <keywright@example.com>");
    let (_, password) = settings.given_organization("acme");
    let server = settings.serve(&[]);
    let admin = Caller::new(&server.base).log_in("acme", &password).await;
    (server, admin)
}

fn token_in(mail: &Mail) -> String {
    let link = format!("{PUBLIC_URL}/invitations/#");
    let (_, rest) = mail.text.split_once(&link).expect("the link");
    rest.split_whitespace().next().expect("its token").to_owned()
}

#[actix_web::test]
async fn somebody_is_invited_by_mail_joins_shares_and_leaves() {
    let (database, mail) = (Database::sqlite(), SmtpServer::start());
    let (server, admin) = given(&database, &mail).await;

    let wanted = json!({"email": "bea@acme.example", "role": "user"});
    let invited = admin.post(&at("members/"), wanted).await.created();
    assert_eq!((&invited["delivery"], &invited["token"]), (&json!("mail"), &Value::Null));
    let mails = mail.messages_when(1).await;
    assert_eq!(mails[0].to, ["bea@acme.example"]);
    assert_eq!(mails[0].subject, "You are invited to acme");
    let token = token_in(&mails[0]);

    let stranger = Caller::new(&server.base);
    let shown = stranger.post("/v1/invitations/show", json!({"token": token})).await.ok();
    assert_eq!((&shown["email"], &shown["role"]), (&json!("bea@acme.example"), &json!("user")));
    let short = json!({"token": token, "username": "bea", "password": "short"});
    stranger.post("/v1/invitations/accept", short).await.refused(422, "invalid_value");
    let (_, bea) = stranger.accept(&token, "bea", PASSWORD).await;
    let again = json!({"token": token, "username": "eve", "password": PASSWORD});
    stranger.post("/v1/invitations/accept", again).await.refused(410, "invitation_used");

    let definition = json!({"steps": [{"id": "echo", "tool": "passthrough"}]});
    let workflow = json!({"name": "Echo", "definition": definition});
    let workflow = bea.post(&at("workflow/"), workflow).await.created();
    let workflow = at(&format!("workflow/{}/", text(&workflow["id"])));
    bea.get(&at("members/")).await.refused(403, "admin_required");

    let wanted = json!({"email": "cyn@acme.example", "role": "user"});
    admin.post(&at("members/"), wanted).await.created();
    let token = token_in(&mail.messages_when(2).await[1]);
    let (_, cyn) = stranger.accept(&token, "cyn", PASSWORD).await;
    cyn.get(&workflow).await.refused(404, "not_found");
    let share = format!("{workflow}share/");
    bea.put(&share, json!({"users": ["cyn"], "everyone": false})).await.ok();
    cyn.get(&workflow).await.ok();
    cyn.delete(&workflow).await.refused(403, "owner_required");

    let bea_id = bea.user_id().await;
    cyn.delete(&at(&format!("members/{bea_id}/"))).await.refused(403, "admin_required");
    let left = bea.delete(&at(&format!("members/{bea_id}/"))).await.ok();
    assert_eq!(left["made"]["workflows"], 1);
    bea.get(&workflow).await.refused(404, "not_found");
    cyn.get(&workflow).await.ok();
    let made = admin.get(&at(&format!("workflow/?created_by={bea_id}"))).await.ok();
    assert_eq!(made["items"].as_array().map(Vec::len), Some(1));
    // She had the link by mail: the address is hers, and nobody else gets an account with it.
    let wanted = json!({"email": "bea@acme.example", "role": "admin"});
    admin.post(&at("members/"), wanted).await.created();
    let token = token_in(&mail.messages_when(3).await[2]);
    let (taken, _) = stranger.accept(&token, "bea2", PASSWORD).await;
    taken.refused(409, "email_taken");
    stranger.accept(&token, "bea", PASSWORD).await.0.ok();
    let admin_id = admin.user_id().await;
    bea.delete(&at(&format!("members/{admin_id}/"))).await.ok();
    let admin = bea;
    let admin_id = admin.user_id().await;
    let last = admin.delete(&at(&format!("members/{admin_id}/"))).await;
    last.refused(409, "last_admin");
}
