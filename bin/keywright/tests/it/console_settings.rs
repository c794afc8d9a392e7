//! The console's settings, the account and the audit: who sees which page, what is shown once, what is kept of a refused form.

use serde_json::json;
use test_support::{
    answer::Answer,
    app::{Caller, PASSWORD, TestApp},
};

on_both_databases!(
    each_page_is_for_whom_it_is_for,
    a_form_without_its_token_does_nothing,
    a_platform_key_is_shown_once_and_the_slots_are_held,
    one_platform_key_at_most_is_active,
    a_key_that_was_generated_in_the_settings_opens_its_deployment,
    wrong_settings_are_told_beside_what_was_typed,
    somebody_is_invited_by_a_link_that_is_shown_once,
    members_change_roles_and_the_last_administrator_stays,
    a_user_leaves_by_their_account,
    a_webhook_is_made_tried_rotated_and_deleted,
    a_secret_goes_in_and_is_on_no_page,
    a_password_is_changed_and_other_sessions_end,
    the_audit_is_filtered_and_leads_to_what_it_is_about,
);

const SETTINGS: &str = "/acme/settings";

/// What stands between the first `before` and the next `after`.
#[track_caller]
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("{before} is not in {text}")).1;
    rest.split_once(after).unwrap_or_else(|| panic!("{after} is not in {rest}")).0
}

#[track_caller]
fn has(page: &Answer, status: u16, text: &str) {
    assert_eq!(page.status, status, "{page:?}");
    assert!(page.text.contains(text), "{text} is not in {}", page.text);
}

/// The secret that a page shows.
#[track_caller]
fn secret(page: &Answer) -> String {
    has(page, 200, "data-secret");
    assert_eq!(page.header("cache-control"), "no-store");
    between(&page.text, "<code data-text>", "</code>").to_owned()
}

async fn each_page_is_for_whom_it_is_for(app: TestApp) {
    let (admin, user) = (app.admin().await, app.user().await);
    for (path, heading) in [
        ("settings/platform", "Platform Settings"),
        ("settings/members", "Members"),
        ("settings/webhooks", "Webhooks"),
        ("settings/webhooks/new", "Create a webhook"),
        ("settings/secrets", "Secrets"),
        ("audit", "Audit"),
    ] {
        let path = format!("/acme/{path}");
        has(&admin.look(&path).await, 200, &format!("<h1>{heading}</h1>"));
        let refused = user.look(&path).await;
        has(&refused, 403, "admin_required");
        assert!(!refused.text.contains(">Platform</a>"), "{}", refused.text);
        has(&app.stranger().look(&path).await, 200, "Log in");
    }
    for (path, heading) in [
        ("/acme/settings/api-keys", "API Keys"),
        ("/acme/settings/organization", "Organization"),
        ("/account", "Account"),
    ] {
        for who in [&admin, &user] {
            has(&who.look(path).await, 200, &format!("<h1>{heading}</h1>"));
        }
    }
    let organization = user.look("/acme/settings/organization").await;
    assert!(!organization.text.contains("name=\"key_format\""), "{}", organization.text);
    has(&organization, 200, ">acme</code>");
    let form = [("name", "Mine"), ("key_prefix", "kw")];
    has(&user.fill_in("/acme/settings/organization", &form).await, 403, "admin_required");
    has(&user.look("/acme").await, 200, "Workflows");
    let other = app.with(&app.given_organization("other"));
    drop(other);
    has(&admin.look("/other/settings/platform").await, 404, "Not found");
}

async fn a_form_without_its_token_does_nothing(app: TestApp) {
    let admin = app.admin().await;
    for (path, fields) in [
        ("/acme/settings/platform/generate", vec![("slot", "2")]),
        ("/acme/settings/secrets", vec![("name", "A"), ("value", "b")]),
        ("/acme/settings/members/invite", vec![("email", "a@example.com"), ("role", "user")]),
        ("/account/password", vec![("current", PASSWORD), ("new", "x"), ("again", "x")]),
    ] {
        for token in ["", "wrong"] {
            has(&admin.fill_in_with(path, token, &fields).await, 403, "csrf_token_required");
        }
    }
    has(&admin.look("/acme/settings/platform").await, 200, "no key");
    has(&admin.look("/acme/settings/secrets").await, 200, "No secrets yet");
}

/// The id of the key whose switch or button stands behind `name` on the page of platform keys.
fn key_of<'a>(page: &'a Answer, name: &str) -> &'a str {
    let row = between(&page.text, &format!(">{name}</"), "</tr>");
    between(row, "/settings/platform/", "/")
}

async fn a_platform_key_is_shown_once_and_the_slots_are_held(app: TestApp) {
    let admin = app.admin().await;
    let page = format!("{SETTINGS}/platform");
    let made = admin.fill_in(&format!("{page}/generate"), &[("slot", "2")]).await;
    let second = secret(&made);
    assert!(!admin.look(&page).await.text.contains(&second));
    app.with(&second).get("/v1/whoami").await.refused(401, "key_inactive");
    let again = admin.fill_in(&format!("{page}/generate"), &[("slot", "2")]).await;
    has(&again, 409, "role=\"alert\"");
    has(&again, 409, "Key #2");
    has(&admin.fill_in(&format!("{page}/generate"), &[("slot", "3")]).await, 422, "Key #1 or Key");

    let second_id = key_of(&admin.look(&page).await, "Key #2").to_owned();
    let question = admin.look(&format!("{page}/{second_id}/refresh")).await;
    has(&question, 200, "Refresh Key #2?");
    has(&question, 200, "in the last day");
    let third = secret(&admin.fill_in(&format!("{page}/{second_id}/refresh"), &[]).await);
    app.with(&second).get("/v1/whoami").await.refused(401, "invalid_credential");
    app.with(&third).get("/v1/whoami").await.refused(401, "key_inactive");
    has(&admin.look(&format!("{page}/{second_id}/delete")).await, 200, "Delete Key #2?");
    let deleted = admin.fill_in(&format!("{page}/{second_id}/delete"), &[]).await;
    has(&deleted, 200, "The key is deleted.");
    app.with(&third).get("/v1/whoami").await.refused(401, "invalid_credential");
    has(&admin.fill_in(&format!("{page}/{second_id}/delete"), &[]).await, 404, "Not found");
}

async fn one_platform_key_at_most_is_active(app: TestApp) {
    let admin = app.admin().await;
    let page = format!("{SETTINGS}/platform");
    let second = secret(&admin.fill_in(&format!("{page}/generate"), &[("slot", "2")]).await);
    let shown = admin.look(&page).await;
    let (first_id, second_id) = (key_of(&shown, "Key #1"), key_of(&shown, "Key #2"));
    app.platform().get("/v1/whoami").await.ok();
    has(&admin.look(&format!("{page}/{first_id}/delete")).await, 200, "used once in the last day");
    let switch = format!("{page}/{second_id}/active");
    let question = admin.look(&switch).await;
    has(&question, 200, "Make Key #2 the active key?");
    has(&question, 200, "Key #1 opens nothing from then on. It was used");
    app.platform().get("/v1/whoami").await.ok();
    let on = admin.fill_in(&switch, &[("is_active", "true")]).await;
    assert_eq!(on.text.matches("aria-checked=\"true\"").count(), 1, "{}", on.text);
    app.with(&second).get("/v1/whoami").await.ok();
    app.platform().get("/v1/whoami").await.refused(401, "key_inactive");
    has(&admin.look(&switch).await, 200, "Deactivate Key #2?");
    let off = admin.fill_in(&switch, &[("is_active", "false")]).await;
    has(&off, 200, "None active");
    // Nothing is lost by a switch now: it asks nothing.
    has(&off, 200, "name=\"is_active\" value=\"true\"");
}

async fn a_key_that_was_generated_in_the_settings_opens_its_deployment(app: TestApp) {
    let (admin, user) = (app.admin().await, app.user().await);
    let page = format!("{SETTINGS}/api-keys");
    has(&admin.look(&page).await, 200, "Nothing is deployed yet");
    let deployed = app.given_deployment("orders").await;
    has(&admin.look(&page).await, 200, "Manage Keys");
    let generate = format!("{page}/{}/generate", deployed.id);
    let key = secret(&admin.fill_in(&generate, &[]).await);
    let call = format!("/deployment/{}/?wait=20", deployed.id);
    app.with(&key).post(&call, json!({"order": 1})).await.ok();
    assert!(!admin.look(&page).await.text.contains(&key));
    has(&user.fill_in(&generate, &[]).await, 404, "Not found");
    has(&admin.look(&format!("{page}?search=orDers")).await, 200, ">orders</a>");
    has(&admin.look(&format!("{page}?search=bills")).await, 200, "No deployment");
}

async fn wrong_settings_are_told_beside_what_was_typed(app: TestApp) {
    let admin = app.admin().await;
    let page = format!("{SETTINGS}/organization");
    let mut form = vec![
        ("name", "Acme & Sons"),
        ("key_format", "uuid"),
        ("key_prefix", "UNST"),
        ("notice_days", "30, 7"),
        ("max_concurrent", "0"),
        ("result_hours", "1,000"),
    ];
    let refused = admin.fill_in(&page, &form).await;
    has(&refused, 422, "value=\"Acme &amp; Sons\"");
    has(&refused, 422, "id=\"form-key_prefix-fault\"");
    has(&refused, 422, "id=\"form-max_concurrent-fault\"");
    form.iter_mut().find(|(name, _)| *name == "key_prefix").unwrap().1 = "acme";
    form.iter_mut().find(|(name, _)| *name == "max_concurrent").unwrap().1 = "";
    let saved = admin.fill_in(&page, &form).await;
    has(&saved, 200, "Saved.");
    has(&saved, 200, "value=\"Acme &amp; Sons\"");
    let settings = admin.get("/unstract/acme/api/v2/organization/").await.ok();
    assert_eq!(settings["name"], "Acme & Sons");
    assert_eq!(settings["notice_days"], json!([30, 7]));
    assert_eq!(settings["result_hours"], 1000);
    assert_eq!(
        (&settings["users_may_deploy"], &settings["key_format"]),
        (&json!(false), &json!("uuid"))
    );
    form.iter_mut().find(|(name, _)| *name == "notice_days").unwrap().1 = "soon";
    has(&admin.fill_in(&page, &form).await, 422, "form-notice_days-fault");
}

async fn somebody_is_invited_by_a_link_that_is_shown_once(app: TestApp) {
    let admin = app.admin().await;
    let page = format!("{SETTINGS}/members");
    let wrong = [("email", "nobody"), ("role", "user")];
    let refused = admin.fill_in(&format!("{page}/invite"), &wrong).await;
    has(&refused, 422, "value=\"nobody\"");
    let form = [("email", "ada@example.com"), ("role", "user")];
    let invited = admin.fill_in(&format!("{page}/invite"), &form).await;
    let link = secret(&invited);
    let token = link.split_once("/invitations/#").unwrap().1;
    let listed = admin.look(&page).await;
    has(&listed, 200, "ada@example.com");
    assert!(!listed.text.contains(token));
    app.stranger().post("/v1/invitations/show", json!({"token": token})).await.ok();
    let withdraw = between(&listed.text, "href=\"/acme/settings/members/invitations/", "\"");
    let withdraw = format!("{page}/invitations/{withdraw}");
    has(&admin.look(&withdraw).await, 200, "Withdraw the invitation of ada@example.com?");
    has(&admin.fill_in(&withdraw, &[]).await, 200, "The invitation is withdrawn");
    let show = app.stranger().post("/v1/invitations/show", json!({"token": token})).await;
    show.refused(410, "invitation_withdrawn");
}

async fn members_change_roles_and_the_last_administrator_stays(app: TestApp) {
    let (admin, user) = (app.admin().await, app.user().await);
    let page = format!("{SETTINGS}/members");
    let at = async |who: &Caller, deed: &str| format!("{page}/{}/{deed}", who.user_id().await);
    let own_role = at(&admin, "role").await;
    let refused = admin.fill_in(&own_role, &[("role", "user")]).await;
    has(&refused, 409, "last administrator");
    has(&admin.fill_in(&at(&admin, "remove").await, &[]).await, 409, "last administrator");
    has(&admin.look(&own_role).await, 200, "Make yourself a user?");
    let question = admin.look(&at(&user, "role").await).await;
    has(&question, 200, "Make acme-user an administrator?");
    let promoted = admin.fill_in(&at(&user, "role").await, &[("role", "admin")]).await;
    has(&promoted, 200, "The role is changed");
    has(&user.look(&page).await, 200, "acme-admin");
    has(&admin.look(&at(&user, "remove").await).await, 200, "Remove acme-user from");
    let removed = admin.fill_in(&at(&user, "remove").await, &[]).await;
    has(&removed, 200, "acme-user is removed");
    has(&removed, 200, "0 workflows");
    has(&user.look("/acme/workflows").await, 404, "Not found");
    has(&admin.look(&at(&user, "remove").await).await, 404, "Not found");
}

async fn a_user_leaves_by_their_account(app: TestApp) {
    let (admin, user) = (app.admin().await, app.user().await);
    let theirs = format!("{SETTINGS}/members/{}/remove", user.user_id().await);
    let others = format!("{SETTINGS}/members/{}/remove", admin.user_id().await);
    has(&user.look("/account").await, 200, &theirs);
    has(&user.look(&others).await, 403, "admin_required");
    has(&user.look(&theirs).await, 200, "<h1 id=\"panel-title\">Leave ");
    has(&user.fill_in(&theirs, &[]).await, 200, "You do not belong to the organization any more.");
    has(&user.look("/account").await, 200, "You belong to no organization");
}

async fn a_webhook_is_made_tried_rotated_and_deleted(app: TestApp) {
    let admin = app.admin().await;
    let page = format!("{SETTINGS}/webhooks");
    has(&admin.look(&page).await, 200, "Nobody is told of anything yet");
    let wrong = [("url", "nowhere <here>"), ("description", "Shop")];
    let refused = admin.fill_in(&format!("{page}/new"), &wrong).await;
    has(&refused, 422, "value=\"nowhere &lt;here&gt;\"");
    has(&refused, 422, "id=\"form-events-fault\"");
    let form = [("url", "http://127.0.0.1:9/hook"), ("events", "key.created")];
    let made = admin.fill_in(&format!("{page}/new"), &form).await;
    let first = secret(&made);
    assert!(first.starts_with("whsec_"), "{first}");
    let here = between(&made.text, "data-done=\"", "\"").to_owned();
    let shown = admin.look(&here).await;
    has(&shown, 200, "http://127.0.0.1:9/hook");
    has(&shown, 200, "It was told of nothing yet.");
    let tested = admin.fill_in(&format!("{here}/test"), &[]).await;
    has(&tested, 200, "webhook.test");
    let delivery = between(&tested.text, &format!("href=\"{here}/deliveries/"), "\"");
    let delivery = admin.look(&format!("{here}/deliveries/{delivery}")).await;
    has(&delivery, 200, "What is told");
    let off = admin.fill_in(&format!("{here}/active"), &[("is_active", "false")]).await;
    has(&off, 200, "Inactive");
    // A form that was opened before does not switch it on again.
    has(&admin.fill_in(&here, &form).await, 200, "Inactive");
    let unsaved = admin.fill_in(&here, &[("url", "nowhere")]).await;
    has(&unsaved, 422, "webhook.test");
    for wrong in ["state=lost", "event=key.eaten"] {
        let page = admin.look(&format!("{here}?{wrong}")).await;
        has(&page, 400, "there is no such choice");
        assert!(!page.text.contains("/deliveries/"), "{}", page.text);
    }
    has(&admin.look(&format!("{here}?event=webhook.test")).await, 200, "/deliveries/");
    has(&admin.fill_in(&format!("{here}/rotate"), &[("overlap_seconds", "-1")]).await, 422, "-1");
    let second = admin.fill_in(&format!("{here}/rotate"), &[("overlap_seconds", "60")]).await;
    assert_ne!(secret(&second), first);
    has(&admin.look(&format!("{here}/delete")).await, 200, "Delete this webhook?");
    has(&admin.fill_in(&format!("{here}/delete"), &[]).await, 200, "The webhook is deleted.");
    has(&admin.look(&here).await, 404, "Not found");
}

async fn a_secret_goes_in_and_is_on_no_page(app: TestApp) {
    let admin = app.admin().await;
    let page = format!("{SETTINGS}/secrets");
    let value = "tok-31f7 & so on";
    let refused = admin.fill_in(&page, &[("name", "small"), ("value", value)]).await;
    has(&refused, 422, "value=\"small\"");
    assert!(!refused.text.contains("tok-31f7"), "{}", refused.text);
    let set = admin.fill_in(&page, &[("name", "TOKEN"), ("value", value)]).await;
    has(&set, 200, "The secret is set.");
    has(&set, 200, "<code>TOKEN</code>");
    assert!(!set.text.contains("tok-31f7"), "{}", set.text);
    has(&admin.look(&format!("{page}/TOKEN/replace")).await, 200, "Replace the value of TOKEN");
    has(&admin.look(&format!("{page}/call-us/replace")).await, 404, "Not found");
    let empty = admin.fill_in(&format!("{page}/TOKEN/replace"), &[("value", "")]).await;
    has(&empty, 422, "form-value-fault");
    let replaced = admin.fill_in(&format!("{page}/TOKEN/replace"), &[("value", "other")]).await;
    has(&replaced, 200, "The secret is set.");
    has(&admin.look(&format!("{page}/TOKEN/delete")).await, 200, "secrets.TOKEN");
    has(&admin.fill_in(&format!("{page}/TOKEN/delete"), &[]).await, 200, "The secret is deleted.");
    has(&admin.fill_in(&format!("{page}/TOKEN/delete"), &[]).await, 404, "Not found");
}

async fn a_password_is_changed_and_other_sessions_end(app: TestApp) {
    let (here, there) = (app.admin().await, app.admin().await);
    let foreign = app.user().await.look("/account").await;
    has(&here.look("/account").await, 200, "This one");
    const NEW: &str = "a horse of another colour";
    let change = async |current: &str, new: &str, again: &str| {
        let form = [("current", current), ("new", new), ("again", again)];
        here.fill_in("/account/password", &form).await
    };
    has(&change(PASSWORD, NEW, "something else").await, 422, "form-again-fault");
    has(&change("not the present one", NEW, NEW).await, 422, "form-current-fault");
    let short = change(PASSWORD, "short", "short").await;
    has(&short, 422, "form-new-fault");
    assert!(!short.text.contains("value=\"short\""), "{}", short.text);
    has(&change(PASSWORD, NEW, NEW).await, 200, "Your password is changed");
    has(&there.look("/account").await, 200, "Log in");
    let anew = app.stranger().log_in("acme-admin", NEW).await;
    let other = app.stranger().log_in("acme-admin", NEW).await;
    let foreign = between(&foreign.text, "action=\"/account/sessions/", "/end").to_owned();
    has(&anew.fill_in(&format!("/account/sessions/{foreign}/end"), &[]).await, 404, "Not found");
    let page = other.look("/account").await;
    let (before, _) = page.text.split_once("aria-label=\"End this session\"").expect("a button");
    let (_, id) = before.rsplit_once("action=\"/account/sessions/").expect("an address");
    let id = id.split_once("/end").expect("an id").0;
    has(&anew.fill_in(&format!("/account/sessions/{id}/end"), &[]).await, 200, "has ended");
    has(&other.look("/account").await, 200, "Log in");
}

async fn the_audit_is_filtered_and_leads_to_what_it_is_about(app: TestApp) {
    let (admin, deployed) = (app.admin().await, app.given_deployment("orders").await);
    let all = admin.look("/acme/audit").await;
    has(&all, 200, &format!("href=\"/acme/deployments/{}\"", deployed.id));
    has(&all, 200, "organization.created");
    let filtered = admin.look("/acme/audit?action=deployment.created&search=ORD").await;
    has(&filtered, 200, "<div>deployment.created</div>");
    assert!(!filtered.text.contains("<div>workflow.created</div>"), "{}", filtered.text);
    has(&admin.look("/acme/audit?search=%25").await, 200, "Nothing that was done is like that.");
    let unknown = admin.look("/acme/audit?action=deployment.eaten").await;
    has(&unknown, 400, "there is no such choice");
    assert!(!unknown.text.contains("<table"), "{}", unknown.text);
    let wrong = admin.look("/acme/audit?from=soon&actor=%3Cada%3E").await;
    has(&wrong, 400, "filter-from-fault");
    has(&wrong, 400, "value=\"&lt;ada&gt;\"");
    let link = between(&filtered.text, "href=\"/unstract/acme/api/v2/audit/", "\"");
    let link = format!("/unstract/acme/api/v2/audit/{}", link.replace("&amp;", "&"));
    let table = admin.look(&link).await;
    has(&table, 200, "deployment.created");
    assert!(table.header("content-type").starts_with("text/csv"), "{table:?}");
    assert_eq!(table.text.lines().count(), 2, "{}", table.text);
}
