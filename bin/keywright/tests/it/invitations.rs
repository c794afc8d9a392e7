//! People come into an organization by invitation, with an account or without, once by each link.

use std::time::Duration;

use actix_web::rt::spawn;
use serde_json::{Value, json};
use test_support::{
    answer::Answer,
    app::{Caller, PASSWORD, TestApp},
    databases::Database,
};

on_both_databases!(
    somebody_new_accepts_and_is_a_member,
    somebody_with_an_account_accepts_by_password_or_by_session,
    an_invitation_is_answered_alike_whether_the_address_is_known,
    a_link_is_good_once,
    of_eight_acceptances_at_once_at_two_servers_one_makes_an_account,
    a_link_that_leads_nowhere_tells_why,
    a_forged_token_costs_no_look_up_and_is_counted_as_a_guess,
    whoever_accepts_hears_what_is_wrong,
    a_session_that_accepts_needs_its_csrf_token,
    a_second_invitation_replaces_the_first,
    an_address_is_not_invited_without_end,
    an_invitation_that_is_sent_again_is_made_once,
);

const MANAGE: &str = "/unstract/acme/api/v2";
const MEMBERS: &str = "/unstract/acme/api/v2/members/";
const INVITATIONS: &str = "/unstract/acme/api/v2/invitations/";
const SHOW: &str = "/v1/invitations/show";
const ACCEPT: &str = "/v1/invitations/accept";

/// Invites `email` into `acme`; what was answered.
async fn invite(admin: &Caller, email: &str, role: &str) -> Answer {
    admin.post(MEMBERS, json!({"email": email, "role": role})).await
}

fn token(created: &Value) -> String {
    created["token"].as_str().expect("a token").to_owned()
}

fn slugs(session: &Value) -> Vec<String> {
    let organizations = session["organizations"].as_array().expect("organizations").iter();
    organizations.map(|one| one["slug"].as_str().expect("a slug").to_owned()).collect()
}

async fn somebody_new_accepts_and_is_a_member(app: TestApp) {
    let created = invite(&app.admin().await, "Ada@Acme.example", "user").await.created();
    assert_eq!(created["email"], "ada@acme.example");
    assert_eq!((&created["role"], &created["delivery"]), (&json!("user"), &json!("link")));
    assert_eq!(created["created_by_name"], "acme-admin");
    assert_eq!(created["expires_at"], "2026-11-24T00:00:00.000Z");
    let token = token(&created);
    assert_eq!(created["accept_url"], format!("/invitations/#{token}"));

    let shown = app.stranger().post(SHOW, json!({"token": token})).await.ok();
    let expected = json!({"organization": "acme", "slug": "acme", "role": "user", "email": "ada@acme.example",
        "invited_by": "acme-admin", "expires_at": "2026-11-24T00:00:00.000Z"});
    assert_eq!(shown, expected);

    let (answer, ada) = app.stranger().accept(&token, "ada", PASSWORD).await;
    let session = answer.ok();
    assert!(answer.header("set-cookie").starts_with("kw_session="), "{answer:?}");
    assert_eq!(session["user"]["email"], Value::Null, "nobody has proved it");
    assert_eq!(session["organizations"][0]["role"], "user");
    ada.get(&format!("{MANAGE}/workflow/")).await.ok();
    app.stranger().log_in("ada", PASSWORD).await.get("/v1/whoami").await.ok();
    let listed = app.admin().await.get(INVITATIONS).await.ok();
    assert_eq!(listed["items"], json!([]));
}

async fn somebody_with_an_account_accepts_by_password_or_by_session(app: TestApp) {
    for slug in ["one", "two"] {
        app.given_organization(slug);
    }
    let ada = app.given_member("ada", "user").await;
    let invited = async |slug: &str| {
        let admin = app.stranger().log_in(&format!("{slug}-admin"), PASSWORD).await;
        let body = json!({"email": "somebody@else.example", "role": "admin"});
        let created = admin.post(&format!("/unstract/{slug}/api/v2/members/"), body).await;
        token(&created.created())
    };
    let (answer, _) = app.stranger().accept(&invited("one").await, "ada", PASSWORD).await;
    assert_eq!(slugs(&answer.ok()), ["acme", "one"]);
    let answer = ada.post(ACCEPT, json!({"token": invited("two").await})).await;
    assert_eq!(slugs(&answer.ok()), ["acme", "one", "two"]);
    assert_eq!(answer.header("set-cookie"), "", "the session is the one that there was");
    // The session of before is everywhere that its user is; elsewhere than below an address, it says where.
    ada.get("/unstract/two/api/v2/platform-keys/").await.ok();
    ada.get(&format!("{MANAGE}/platform-keys/")).await.refused(403, "admin_required");
    let organizations = ada.get("/v1/organizations").await.ok();
    assert_eq!(organizations["items"].as_array().map(Vec::len), Some(3));
    ada.get("/v1/whoami").await.refused(400, "organization_required");
    let there = ada.clone().header("x-organization-id", "one");
    assert_eq!(there.get("/v1/whoami").await.ok()["organization"]["slug"], "one");
    // Their address is their own, whatever address was invited.
    assert_eq!(ada.get("/v1/session").await.ok()["user"]["email"], Value::Null);
}

async fn an_invitation_is_answered_alike_whether_the_address_is_known(app: TestApp) {
    app.given_organization("other");
    app.given_member("ada", "user").await;
    let other = app.stranger().log_in("other-admin", PASSWORD).await;
    let members = "/unstract/other/api/v2/members/";
    let mut answers = Vec::new();
    for email in ["ada@acme.example", "nobody@acme.example"] {
        let body = json!({"email": email, "role": "user"});
        let mut created = other.post(members, body).await.created();
        for own in ["id", "email", "token", "accept_url"] {
            assert!(created[own].is_string(), "{created}");
            created[own] = Value::Null;
        }
        answers.push(created);
    }
    assert_eq!(answers[0], answers[1]);
}

async fn a_link_is_good_once(app: TestApp) {
    let token = app.given_invitation("ada", "user").await;
    app.stranger().accept(&token, "ada", PASSWORD).await.0.ok();
    let admin = app.admin().await;
    for _ in 0..2 {
        let (again, _) = app.stranger().accept(&token, "eve", PASSWORD).await;
        again.refused(410, "invitation_used");
        assert_eq!(again.header("set-cookie"), "");
        app.stranger().post(SHOW, json!({"token": token})).await.refused(410, "invitation_used");
        admin.post(ACCEPT, json!({"token": token})).await.refused(410, "invitation_used");
    }
    let log_in = json!({"username": "eve", "password": PASSWORD});
    app.stranger().post("/v1/session", log_in).await.refused(401, "invalid_credential");
}

async fn of_eight_acceptances_at_once_at_two_servers_one_makes_an_account(app: TestApp) {
    let token = app.given_invitation("ada", "user").await;
    let bases = [app.base.clone(), app.another_server().await];
    let accept = |number: usize| {
        let (caller, token) = (app.stranger().towards(&bases[number % 2]), token.clone());
        let name = format!("ada-{number}");
        spawn(async move { caller.accept(&token, &name, PASSWORD).await.0 })
    };
    let under_way: Vec<_> = (0..8).map(accept).collect();
    let mut accepted = 0;
    for answer in under_way {
        let answer = answer.await.unwrap();
        if answer.status == 200 {
            accepted += 1;
        } else {
            answer.refused(410, "invitation_used");
        }
    }
    assert_eq!(accepted, 1);
    let listed = app.admin().await.get(MEMBERS).await.ok();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2));
    let accounts = app.contents().iter().filter(|row| row.starts_with("users: ")).count();
    assert_eq!(accounts, 2, "whoever came too late has no account either");
}

async fn a_link_that_leads_nowhere_tells_why(app: TestApp) {
    let admin = app.admin().await;
    let withdrawn = invite(&admin, "a@acme.example", "user").await.created();
    let address = format!("{INVITATIONS}{}/", withdrawn["id"].as_str().unwrap());
    admin.delete(&address).await.no_content();
    admin.delete(&address).await.refused(404, "not_found");
    let expired = invite(&admin, "b@acme.example", "user").await.created();
    let check = async |created: &Value, code: &str| {
        let (refused, _) = app.stranger().accept(&token(created), "ada", PASSWORD).await;
        let told = refused.refused(410, code);
        let shown = app.stranger().post(SHOW, json!({"token": token(created)})).await;
        assert_eq!(shown.refused(410, code)["detail"], told["detail"]);
    };
    check(&withdrawn, "invitation_withdrawn").await;
    app.clock.advance(Duration::from_secs(72 * 3600) - Duration::from_micros(1));
    app.stranger().post(SHOW, json!({"token": token(&expired)})).await.ok();
    app.clock.advance(Duration::from_micros(1));
    check(&expired, "invitation_expired").await;
    assert_eq!(app.admin().await.get(INVITATIONS).await.ok()["items"], json!([]));
    // Of another organization it is nobody's business.
    app.given_organization("other");
    let other = app.stranger().log_in("other-admin", PASSWORD).await;
    let open = invite(&app.admin().await, "c@acme.example", "user").await.created();
    let address = format!("/unstract/other/api/v2/invitations/{}/", open["id"].as_str().unwrap());
    other.delete(&address).await.refused(404, "not_found");
    app.stranger().post(SHOW, json!({"token": token(&open)})).await.ok();
}

async fn a_forged_token_costs_no_look_up_and_is_counted_as_a_guess(app: TestApp) {
    let good = app.given_invitation("ada", "user").await;
    let stranger = app.from_another_address();
    let forged = "A".repeat(64);
    for path in [SHOW, ACCEPT] {
        for wrong in ["", "x", &good[..63], &forged] {
            let answer = stranger.post(path, json!({"token": wrong})).await;
            answer.refused(404, "invitation_not_found");
        }
    }
    for _ in 0..52 {
        let answer = stranger.post(SHOW, json!({"token": forged})).await;
        answer.refused(404, "invitation_not_found");
    }
    let refused = stranger.post(SHOW, json!({"token": forged})).await;
    refused.refused(429, "too_many_bad_credentials");
    assert!(!refused.header("retry-after").is_empty());
    stranger.post(SHOW, json!({"token": good})).await.ok();
}

async fn whoever_accepts_hears_what_is_wrong(app: TestApp) {
    let admin = app.admin().await;
    let token = app.given_invitation("ada", "user").await;
    let stranger = app.stranger();
    let accept = async |body: Value| stranger.post(ACCEPT, body).await;
    accept(json!({"token": token})).await.refused(401, "missing_credential");
    accept(json!({"token": token, "username": "ada"})).await.faults("missing_field");
    accept(json!({"token": token, "password": PASSWORD})).await.faults("missing_field");
    accept(json!({"token": token, "usrname": "ada"})).await.faults("unknown_field");
    let wrong = json!({"token": token, "username": "a da", "password": "short"});
    let faults = accept(wrong).await.faults("validation_failed");
    let places: Vec<_> = faults.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["/username", "/password"]);
    let (refused, _) = stranger.accept(&token, "acme-admin", "not the password").await;
    refused.refused(401, "invalid_credential");
    assert_eq!(refused.header("set-cookie"), "");
    let (refused, _) = stranger.accept(&token, "acme-admin", PASSWORD).await;
    refused.refused(409, "already_member");
    assert_eq!(refused.header("set-cookie"), "");
    admin.post(ACCEPT, json!({"token": token})).await.refused(409, "already_member");
    assert_eq!(admin.get("/v1/session").await.ok()["organizations"][0]["role"], "admin");
    app.platform().post(ACCEPT, json!({"token": token})).await.refused(403, "key_kind_not_allowed");
    // None of it has used the invitation up.
    stranger.accept(&token, "ada", PASSWORD).await.0.ok();
    app.given_organization("other");
    let other = app.stranger().log_in("other-admin", PASSWORD).await;
    let body = json!({"email": "ada@acme.example", "role": "user"});
    let created = other.post("/unstract/other/api/v2/members/", body).await.created();
    stranger.accept(&self::token(&created), "ada", PASSWORD).await.0.ok();
    // Whether somebody has the address is not found out by a link that was handed on.
    app.give_address("ada", "ada@acme.example");
    let body = json!({"email": "ada@acme.example", "role": "user"});
    let created = other.post("/unstract/other/api/v2/members/", body).await.created();
    let (joined, _) = stranger.accept(&self::token(&created), "ada2", PASSWORD).await;
    assert_eq!(joined.ok()["user"]["email"], Value::Null);
    for (email, role) in [("a@b", "user"), ("a@b.c", "owner"), ("a@b.c,d@e.f", "user")] {
        invite(&admin, email, role).await.faults("invalid_value");
    }
}

async fn a_session_that_accepts_needs_its_csrf_token(app: TestApp) {
    app.given_organization("other");
    let other = app.stranger().log_in("other-admin", PASSWORD).await;
    let body = json!({"email": "x@acme.example", "role": "admin"});
    let created = other.post("/unstract/other/api/v2/members/", body).await.created();
    let body = json!({"username": "acme-admin", "password": PASSWORD});
    let answer = app.stranger().post("/v1/session", body).await;
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let forged = app.stranger().header("cookie", cookie);
    let body = json!({"token": token(&created)});
    forged.post(ACCEPT, body.clone()).await.refused(403, "csrf_token_required");
    let csrf_token = answer.ok()["csrf_token"].as_str().unwrap().to_owned();
    let joined = forged.header("x-csrf-token", csrf_token).post(ACCEPT, body).await.ok();
    assert_eq!(slugs(&joined), ["acme", "other"]);
}

async fn a_second_invitation_replaces_the_first(app: TestApp) {
    let admin = app.admin().await;
    let first = invite(&admin, "ada@acme.example", "user").await.created();
    let second = invite(&admin, "ADA@acme.example", "admin").await.created();
    let listed = admin.get(INVITATIONS).await.ok();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed["items"][0]["id"], second["id"]);
    assert!(listed["items"][0].get("token").is_none(), "{listed}");
    let (refused, _) = app.stranger().accept(&token(&first), "ada", PASSWORD).await;
    refused.refused(410, "invitation_withdrawn");
    let (answer, _) = app.stranger().accept(&token(&second), "ada", PASSWORD).await;
    assert_eq!(answer.ok()["organizations"][0]["role"], "admin");
}

async fn an_address_is_not_invited_without_end(app: TestApp) {
    let admin = app.admin().await;
    for _ in 0..5 {
        invite(&admin, "ada@acme.example", "user").await.created();
    }
    let refused = invite(&admin, "ada@acme.example", "user").await;
    refused.refused(429, "too_many_invitations");
    assert_eq!(refused.header("retry-after"), "3600");
    invite(&admin, "eve@acme.example", "user").await.created();
    app.clock.advance(Duration::from_secs(3600));
    invite(&admin, "ada@acme.example", "user").await.created();
}

async fn an_invitation_that_is_sent_again_is_made_once(app: TestApp) {
    let admin = app.admin().await.header("idempotency-key", "k");
    let first = invite(&admin, "ada@acme.example", "user").await.created();
    let again = invite(&admin, "ada@acme.example", "user").await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    let again = again.created();
    assert_eq!(
        (&again["id"], &again["token"], &again["accept_url"]),
        (&first["id"], &Value::Null, &Value::Null)
    );
    app.stranger().accept(&token(&first), "ada", PASSWORD).await.0.ok();
    let gone = invite(&admin, "ada@acme.example", "user").await;
    gone.refused(404, "not_found");
}

#[actix_web::test]
async fn the_page_of_a_link_loads_nothing_and_tells_nobody() {
    let app = crate::start(Database::sqlite()).await;
    for path in ["/invitations/", "/invitations"] {
        let page = app.stranger().get(path).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("cache-control"), "no-store");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(!page.text.contains("http://") && !page.text.contains("https://"));
        assert!(!page.text.contains("/*style*/") && !page.text.contains("/*script*/"));
    }
}
