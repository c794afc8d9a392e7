//! Webhooks over HTTP: made and managed, and what their receivers get, which verify it by a published package.

use std::time::Duration;

use access_domain::{EventType, RetryPolicy};
use api_types::{
    EventBody, ExecutionEndedData, KeyChangedData, KeyExpiredData, KeyExpiringData,
    KeyLimitReachedData, KeyRevokedData, MemberInvitedData, WebhookDisabledData, WebhookTestData,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use test_support::{
    app::{Caller, TestApp},
    webhook_receiver::{Behaviour, WebhookReceiver},
};
use tokio::time::interval;

on_both_databases!(
    a_webhook_is_made_with_a_secret_that_is_shown_once_changed_and_deleted,
    what_is_wrong_with_a_webhook_is_told_at_once,
    webhooks_are_for_those_who_administer_and_for_their_organization,
    what_is_told_verifies_with_either_secret_while_both_sign,
    a_webhook_is_tried_out_alone_and_once_for_each_request,
    what_fails_is_tried_again_given_up_told_of_and_replayed,
    redirects_are_not_followed_and_endless_answers_arrived,
    one_receiver_that_hangs_holds_no_other_up,
    what_goes_to_a_webhook_that_is_off_waits_for_nobody,
    one_that_fails_for_too_long_is_switched_off_with_all_that_waits_for_it,
    old_deliveries_are_forgotten,
    what_is_told_is_what_the_document_says,
);

const WEBHOOKS: &str = "/unstract/acme/api/v2/webhooks/";

async fn given_webhook(app: &TestApp, url: &str, events: &[&str]) -> Value {
    let wanted = json!({"url": url, "description": "shop", "events": events});
    app.platform().post(WEBHOOKS, wanted).await.created()
}

fn at(webhook: &Value, rest: &str) -> String {
    format!("{WEBHOOKS}{}/{rest}", webhook["id"].as_str().expect("an id"))
}

/// Something happens: a key is made.
async fn happen(app: &TestApp, name: &str) {
    app.clock.advance(Duration::from_millis(1));
    app.platform().post("/v1/api-keys", json!({"name": name})).await.created();
}

/// The deliveries of a webhook once they all are as `is_so` wants them.
async fn deliveries_when(
    caller: &Caller,
    list: &str,
    is_so: impl Fn(&[Value]) -> bool,
) -> Vec<Value> {
    let mut again = interval(Duration::from_millis(20));
    let waited = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            again.tick().await;
            let listed = caller.get(list).await.ok();
            let items = listed["items"].as_array().expect("items").clone();
            if is_so(&items) {
                return items;
            }
        }
    });
    waited.await.expect("deliveries that end")
}

fn all_in(state: &'static str, count: usize) -> impl Fn(&[Value]) -> bool {
    move |items| items.len() == count && items.iter().all(|item| item["state"] == state)
}

async fn a_webhook_is_made_with_a_secret_that_is_shown_once_changed_and_deleted(app: TestApp) {
    let platform = app.platform();
    let url = "https://hooks.example.com/T0/x?y=1";
    let wanted = json!({"url": url, "events": ["key.expired", "key.created"]});
    let keyed = platform.clone().header("idempotency-key", "k");
    let made = keyed.post(WEBHOOKS, wanted.clone()).await.created();
    let secret = made["secret"].as_str().expect("a secret");
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{}", secret.len());
    assert_eq!(made["events"], json!(["key.created", "key.expired"]));
    assert_eq!((&made["is_active"], &made["description"]), (&json!(true), &json!("")));
    let mut shown = made.clone();
    shown["secret"] = Value::Null;
    assert_eq!(keyed.post(WEBHOOKS, wanted).await.created(), shown);
    shown.as_object_mut().expect("an object").remove("secret");
    assert_eq!(platform.get(&at(&made, "")).await.ok(), shown);
    assert_eq!(platform.get(WEBHOOKS).await.ok()["items"], json!([shown]));
    let edit = json!({"description": "shop", "is_active": false});
    let changed = platform.patch(&at(&made, ""), edit).await.ok();
    assert_eq!((&changed["url"], &changed["is_active"]), (&json!(url), &json!(false)));
    let replaced = json!({"url": "https://example.org", "events": ["*"]});
    let replaced = platform.put(&at(&made, ""), replaced).await.ok();
    assert_eq!((&replaced["description"], &replaced["is_active"]), (&json!(""), &json!(true)));
    assert_eq!(replaced["events"].as_array().expect("events").len(), 10);
    platform.post_nothing(&at(&made, "rotate/")).await.ok();
    platform.delete(&at(&made, "")).await.no_content();
    platform.get(&at(&made, "")).await.refused(404, "not_found");
    platform.delete(&at(&made, "")).await.refused(404, "not_found");
    let audit = app.admin().await.get("/unstract/acme/api/v2/audit/?limit=10").await.ok();
    let noted = audit["items"].as_array().expect("entries").iter();
    let noted = noted.filter(|entry| entry["subject"]["kind"] == "webhook");
    let mut noted: Vec<_> = noted.map(|entry| entry["action"].as_str().expect("text")).collect();
    noted.sort_unstable();
    let expected = ["webhook.changed", "webhook.changed", "webhook.created", "webhook.deleted"];
    assert_eq!(noted, [&expected[..], &["webhook.rotated"]].concat());
    let names = audit.to_string();
    assert!(!names.contains("y=1") && names.contains("https://hooks.example.com"), "{names}");
}

async fn what_is_wrong_with_a_webhook_is_told_at_once(app: TestApp) {
    let platform = app.platform();
    let wrong =
        json!({"url": "https://u:p@example.com", "events": ["key.lost"], "description": "x"});
    let faults = platform.post(WEBHOOKS, wrong).await.faults("validation_failed");
    let at: Vec<_> = faults.iter().map(|(at, code)| (at.as_str(), code.as_str())).collect();
    assert_eq!(at, [("/url", "invalid_value"), ("/events/0", "invalid_value")]);
    let events = json!(["key.created"]);
    for url in ["http://10.0.0.1/", "http://169.254.169.254/x", "http://[::1]/", "ftp://x.y", "x"] {
        let wrong = json!({"url": url, "events": events});
        platform.post(WEBHOOKS, wrong).await.refused(422, "invalid_value");
    }
    let unknown = json!({"url": "https://x.y", "events": events, "secret": "mine"});
    platform.post(WEBHOOKS, unknown).await.refused(422, "unknown_field");
    let made = given_webhook(&app, "https://example.com", &["key.created"]).await;
    let rotate = format!("{WEBHOOKS}{}/rotate/", made["id"].as_str().expect("an id"));
    let long = json!({"overlap_seconds": 604_801});
    platform.post(&rotate, long).await.refused(422, "invalid_value");
    for query in ["state=GONE", "event=key.lost", "limit=0"] {
        let list = format!("{WEBHOOKS}{}/deliveries/?{query}", made["id"].as_str().expect("an id"));
        platform.get(&list).await.refused(400, "invalid_parameter");
    }
    for _ in 1..50 {
        given_webhook(&app, "https://example.com", &["key.created"]).await;
    }
    let one_more = json!({"url": "https://example.com", "events": events});
    platform.post(WEBHOOKS, one_more).await.refused(422, "invalid_value");
}

async fn webhooks_are_for_those_who_administer_and_for_their_organization(app: TestApp) {
    let webhook = given_webhook(&app, "https://example.com", &["key.created"]).await;
    let other = app.with(&app.given_organization("other"));
    let theirs = "/unstract/other/api/v2/webhooks/";
    let id = webhook["id"].as_str().expect("an id");
    for rest in ["", "deliveries/"] {
        other.get(&format!("{theirs}{id}/{rest}")).await.refused(404, "not_found");
    }
    other.post_nothing(&format!("{theirs}{id}/test/")).await.refused(404, "not_found");
    other.post_nothing(&format!("{theirs}{id}/rotate/")).await.refused(404, "not_found");
    other.delete(&format!("{theirs}{id}/")).await.refused(404, "not_found");
    let mails = "/unstract/acme/api/v2/mail-deliveries/";
    app.platform().get(mails).await.refused(403, "admin_required");
    assert_eq!(app.admin().await.get(mails).await.ok()["items"], json!([]));
    let user = app.user().await;
    user.get(WEBHOOKS).await.refused(403, "admin_required");
    user.get(mails).await.refused(403, "admin_required");
}

async fn what_is_told_verifies_with_either_secret_while_both_sign(app: TestApp) {
    let receiver = WebhookReceiver::start(&Behaviour::Good);
    let _notices = app.carry_out_notices(None);
    let webhook = given_webhook(&app, &receiver.url, &["key.created"]).await;
    receiver.trust(webhook["secret"].as_str().expect("a secret"));
    happen(&app, "one").await;
    let first = receiver.received_when(1).await.remove(0);
    assert_eq!(first.why_not, None);
    assert_eq!(
        (&first.body["type"], &first.body["data"]["name"]),
        (&json!("key.created"), &json!("one"))
    );
    assert_eq!(first.headers["content-type"], "application/json");
    let overlap = json!({"overlap_seconds": 60});
    let rotated = app.platform().post(&at(&webhook, "rotate/"), overlap).await.ok();
    assert!(rotated["previous_secret_until"].is_string(), "{rotated}");
    happen(&app, "two").await;
    let second = receiver.received_when(2).await.remove(1);
    assert_eq!(second.why_not, None, "the older secret still signs");
    assert_eq!(second.headers["webhook-signature"].split(' ').count(), 2);
    app.clock.advance(Duration::from_secs(61));
    happen(&app, "three").await;
    let third = receiver.received_when(3).await.remove(2);
    assert_eq!(third.why_not.as_deref(), Some("No matching signature found"));
    receiver.trust(rotated["secret"].as_str().expect("a secret"));
    happen(&app, "four").await;
    assert_eq!(receiver.received_when(4).await[3].why_not, None);
    let list = at(&webhook, "deliveries/");
    let told = deliveries_when(&app.platform(), &list, all_in("DELIVERED", 4)).await;
    let ids: Vec<_> = told.iter().rev().map(|one| one["event_id"].as_str().expect("id")).collect();
    let received = receiver.received();
    assert_eq!(ids, received.iter().map(|one| one.id.as_str()).collect::<Vec<_>>());
}

async fn a_webhook_is_tried_out_alone_and_once_for_each_request(app: TestApp) {
    let receiver = WebhookReceiver::start(&Behaviour::Good);
    let bystander = WebhookReceiver::start(&Behaviour::Good);
    given_webhook(&app, &bystander.url, &["*"]).await;
    let webhook = given_webhook(&app, &receiver.url, &["key.created"]).await;
    app.platform().patch(&at(&webhook, ""), json!({"is_active": false})).await.ok();
    let _notices = app.carry_out_notices(None);
    let keyed = app.platform().header("idempotency-key", "k");
    let first = keyed.post_nothing(&at(&webhook, "test/")).await.accepted();
    assert_eq!((&first["event"], &first["attempts"]), (&json!("webhook.test"), &json!(0)));
    let list = at(&webhook, "deliveries/");
    deliveries_when(&app.platform(), &list, all_in("DELIVERED", 1)).await;
    let again = keyed.post_nothing(&at(&webhook, "test/")).await.accepted();
    assert_eq!((&again["id"], &again["state"]), (&first["id"], &json!("DELIVERED")));
    receiver.behave(&Behaviour::Status(500));
    app.platform().post_nothing(&at(&webhook, "test/")).await.accepted();
    let dead = format!("{list}?state=dead");
    let dead = deliveries_when(&app.platform(), &dead, all_in("DEAD", 1)).await.remove(0);
    assert_eq!((&dead["attempts"], &dead["last_error"]), (&json!(1), &json!("answered 500")));
    assert_eq!(receiver.received().len(), 2);
    assert_eq!(bystander.received().len(), 0);
}

async fn what_fails_is_tried_again_given_up_told_of_and_replayed(app: TestApp) {
    let receiver = WebhookReceiver::start(&Behaviour::Status(500));
    let witness = WebhookReceiver::start(&Behaviour::Good);
    let webhook = given_webhook(&app, &receiver.url, &["key.created"]).await;
    let told = given_webhook(&app, &witness.url, &["webhook.disabled"]).await;
    witness.trust(told["secret"].as_str().expect("a secret"));
    receiver.trust(webhook["secret"].as_str().expect("a secret"));
    let _notices = app.carry_out_notices(None);
    happen(&app, "one").await;
    let list = at(&webhook, "deliveries/");
    let dead = deliveries_when(&app.platform(), &list, all_in("DEAD", 1)).await.remove(0);
    let tried = receiver.received();
    assert!(tried.len() == 3 && tried.iter().all(|one| one.id == tried[0].id), "{tried:?}");
    let one = format!("{list}{}/", dead["id"].as_str().expect("an id"));
    let detail = app.platform().get(&one).await.ok();
    let log = detail["log"].as_array().expect("a log");
    assert!(log.iter().all(|attempt| attempt["status"] == 500), "{detail}");
    assert_eq!((log.len(), &detail["payload"]), (3, &tried[0].body));
    let disabled = witness.received_when(1).await.remove(0);
    assert_eq!(disabled.why_not, None);
    assert_eq!(disabled.body["data"]["webhook_id"], webhook["id"]);
    assert_eq!(disabled.body["data"]["reason"], "failing");
    let off = app.platform().get(&at(&webhook, "")).await.ok();
    assert_eq!((&off["is_active"], &off["disabled_reason"]), (&json!(false), &json!("failing")));
    receiver.behave(&Behaviour::Good);
    let on = app.platform().patch(&at(&webhook, ""), json!({"is_active": true})).await.ok();
    assert_eq!((&on["disabled_reason"], &on["failing_since"]), (&Value::Null, &Value::Null));
    let replayed = app.platform().post_nothing(&format!("{one}replay/")).await.accepted();
    assert_eq!((&replayed["state"], &replayed["finished_at"]), (&json!("PENDING"), &Value::Null));
    deliveries_when(&app.platform(), &list, all_in("DELIVERED", 1)).await;
    let received = receiver.received();
    assert_eq!((received.len(), &received[3].id), (4, &received[0].id));
    assert!(received.iter().all(|one| one.why_not.is_none()), "{received:?}");
    assert_eq!(witness.received().len(), 1);
}

async fn redirects_are_not_followed_and_endless_answers_arrived(app: TestApp) {
    let inner = WebhookReceiver::start(&Behaviour::Good);
    let leading = WebhookReceiver::start(&Behaviour::RedirectTo(inner.url.clone()));
    let endless = WebhookReceiver::start(&Behaviour::Endless);
    let gone = WebhookReceiver::start(&Behaviour::Status(410));
    let _notices = app.carry_out_notices(None);
    let led = given_webhook(&app, &leading.url, &["key.created"]).await;
    let drowned = given_webhook(&app, &endless.url, &["key.created"]).await;
    let left = given_webhook(&app, &gone.url, &["key.created"]).await;
    happen(&app, "one").await;
    let platform = app.platform();
    let dead = deliveries_when(&platform, &at(&led, "deliveries/"), all_in("DEAD", 1)).await;
    assert_eq!(dead[0]["last_error"], "answered 302: redirects are not followed");
    assert_eq!((inner.received().len(), leading.received().len()), (0, 3));
    deliveries_when(&platform, &at(&drowned, "deliveries/"), all_in("DELIVERED", 1)).await;
    deliveries_when(&platform, &at(&left, "deliveries/"), all_in("DEAD", 1)).await;
    assert_eq!(gone.received().len(), 1);
    assert_eq!(platform.get(&at(&left, "")).await.ok()["disabled_reason"], "gone");
}

async fn one_receiver_that_hangs_holds_no_other_up(app: TestApp) {
    let hanging = WebhookReceiver::start(&Behaviour::Hang);
    let good = WebhookReceiver::start(&Behaviour::Good);
    let hung = given_webhook(&app, &hanging.url, &["key.created"]).await;
    let webhook = given_webhook(&app, &good.url, &["key.created"]).await;
    // Two processes, of which each would be full of what hangs long before the end.
    let set = |config: &mut outbound::DispatcherConfig| {
        config.most = 4;
        config.per_lane = 2;
        config.timeout = Duration::from_secs(3600);
    };
    let _notices = (app.carry_out_notices_with(None, set), app.carry_out_notices_with(None, set));
    for number in 0..20 {
        happen(&app, &format!("key-{number}")).await;
    }
    good.received_when(20).await;
    let list = at(&webhook, "deliveries/");
    deliveries_when(&app.platform(), &list, all_in("DELIVERED", 20)).await;
    let waits = app.platform().get(&at(&hung, "deliveries/?state=PENDING")).await.ok();
    assert_eq!(waits["items"].as_array().expect("items").len(), 20);
    assert!(hanging.received().len() <= 4);
}

async fn what_goes_to_a_webhook_that_is_off_waits_for_nobody(app: TestApp) {
    let receiver = WebhookReceiver::start(&Behaviour::Good);
    let webhook = given_webhook(&app, &receiver.url, &["key.created"]).await;
    happen(&app, "one").await;
    app.platform().patch(&at(&webhook, ""), json!({"is_active": false})).await.ok();
    happen(&app, "two").await;
    let _notices = app.carry_out_notices(None);
    let list = at(&webhook, "deliveries/");
    let dead = deliveries_when(&app.platform(), &list, all_in("DEAD", 1)).await;
    assert!(dead[0]["last_error"].as_str().expect("why").contains("switched off"), "{dead:?}");
    assert_eq!(receiver.received().len(), 0);
}

async fn one_that_fails_for_too_long_is_switched_off_with_all_that_waits_for_it(app: TestApp) {
    let receiver = WebhookReceiver::start(&Behaviour::Status(500));
    let webhook = given_webhook(&app, &receiver.url, &["key.created"]).await;
    // Nothing is ever given up for having been tried too often.
    let _notices = app.carry_out_notices_with(None, |config| {
        let pauses = vec![Duration::from_millis(20)];
        config.retry = RetryPolicy { attempts: 10_000, pauses };
    });
    for number in 0..20 {
        happen(&app, &format!("key-{number}")).await;
    }
    let list = at(&webhook, "deliveries/");
    let is_tried = |items: &[Value]| items.iter().any(|item| item["attempts"] != 0);
    deliveries_when(&app.platform(), &list, is_tried).await;
    app.clock.advance(Duration::from_secs(10_000));
    let dead = deliveries_when(&app.platform(), &list, all_in("DEAD", 20)).await;
    let is_told = |item: &Value| item["last_error"].as_str().expect("why").contains("switched off");
    assert!(dead.iter().all(is_told), "{dead:?}");
    let off = app.platform().get(&at(&webhook, "")).await.ok();
    assert_eq!((&off["is_active"], &off["disabled_reason"]), (&json!(false), &json!("failing")));
}

async fn old_deliveries_are_forgotten(app: TestApp) {
    let receiver = WebhookReceiver::start(&Behaviour::Good);
    let webhook = given_webhook(&app, &receiver.url, &["key.created"]).await;
    let notices = app.carry_out_notices(None);
    happen(&app, "one").await;
    let list = at(&webhook, "deliveries/");
    deliveries_when(&app.platform(), &list, all_in("DELIVERED", 1)).await;
    notices.shutdown().await;
    happen(&app, "two").await;
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(app.forget_deliveries(), 1);
    deliveries_when(&app.platform(), &list, all_in("PENDING", 1)).await;
    assert_eq!(receiver.received().len(), 1);
}

/// What a body says as it is documented: no member is missing, or too many.
#[track_caller]
fn documented<T: DeserializeOwned + serde::Serialize>(body: &Value) {
    let read: EventBody<T> = serde_json::from_value(body.clone()).expect("a documented body");
    assert_eq!(serde_json::to_value(read).expect("JSON"), *body);
}

/// Makes something of each type happen, in the order of time.
async fn let_everything_happen(app: &TestApp, webhook: &Value) {
    let gone = WebhookReceiver::start(&Behaviour::Status(410));
    given_webhook(app, &gone.url, &["key.created"]).await;
    happen(app, "one").await;
    let key = json!({"name": "short", "expires_in_days": 8, "rate_limit_per_minute": 1});
    let key = app.platform().post("/v1/api-keys", key).await.created();
    let address = format!("/v1/api-keys/{}", key["id"].as_str().expect("an id"));
    let caller = app.with(key["key"].as_str().expect("a key"));
    caller.get("/v1/whoami").await.ok();
    caller.get("/v1/whoami").await.refused(429, "rate_limited");
    let deployed = app.given_deployment("echo").await;
    let broken = json!({"steps": [{"id": "a", "tool": "transform", "filter": "error(\"no\")"}]});
    let broken = app.given_deployment_of("broken", broken, json!({})).await;
    for (deployment, status) in [(deployed, 200), (broken, 422)] {
        let run = format!("/deployment/{}/?wait=20", deployment.id);
        let answer = app.with(&deployment.key).post(&run, json!({})).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    app.given_invitation("ada", "user").await;
    app.platform().post_nothing(&at(webhook, "test/")).await.accepted();
    for days in [1, 7] {
        app.clock.advance(Duration::from_secs(days * 86_400));
        app.tell_of_keys_at_once(1).await;
    }
    app.platform().post_nothing(&format!("{address}/rotate")).await.ok();
    app.clock.advance(Duration::from_secs(1));
    app.platform().post(&format!("{address}/revoke"), json!({"reason": "lost"})).await.ok();
}

async fn what_is_told_is_what_the_document_says(app: TestApp) {
    let receiver = WebhookReceiver::start(&Behaviour::Good);
    let _notices = app.carry_out_notices(None);
    let webhook = given_webhook(&app, &receiver.url, &["*"]).await;
    let_everything_happen(&app, &webhook).await;
    for kind in EventType::ALL {
        let (mut count, mut found) = (0, None);
        while found.is_none() {
            let received = receiver.received_when(count + 1).await;
            count = received.len();
            found = received.into_iter().find(|one| one.body["type"] == kind.as_str());
        }
        let body = found.expect("found").body;
        match kind {
            EventType::KeyCreated | EventType::KeyRotated => documented::<KeyChangedData>(&body),
            EventType::KeyRevoked => documented::<KeyRevokedData>(&body),
            EventType::KeyExpiring => documented::<KeyExpiringData>(&body),
            EventType::KeyExpired => documented::<KeyExpiredData>(&body),
            EventType::KeyLimitReached => documented::<KeyLimitReachedData>(&body),
            EventType::ExecutionCompleted | EventType::ExecutionFailed => {
                documented::<ExecutionEndedData>(&body);
            }
            EventType::MemberInvited => documented::<MemberInvitedData>(&body),
            EventType::WebhookDisabled => documented::<WebhookDisabledData>(&body),
            EventType::WebhookTest => documented::<WebhookTestData>(&body),
        }
    }
}

#[test]
fn every_type_of_events_is_documented_with_its_body() {
    let document = serde_json::to_value(http_actix::openapi()).expect("a document");
    let told = document["webhooks"].as_object().expect("webhooks");
    assert_eq!(told.len(), EventType::ALL.len());
    for kind in EventType::ALL {
        let content = &told[kind.as_str()]["post"]["requestBody"]["content"]["application/json"];
        let name = content["schema"]["$ref"].as_str().expect("a schema");
        let name = name.strip_prefix("#/components/schemas/").expect("a schema of the document");
        let body = &document["components"]["schemas"][name];
        assert!(body["properties"]["data"].is_object(), "{kind:?}: {body}");
    }
    let all = document.to_string();
    for part in all.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().expect("a name");
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{name} is not in the document"
        );
    }
}
