//! What is told of keys and runs: by the change itself, at the end of a key, and when its limit is reached.

use std::{collections::BTreeMap, time::Duration};

use access_domain::{
    Action, Addressee, ClaimedDelivery, EndLook, EventType, Invitation, KeyChange, KeyEnd,
    KeyRefusal, KeyRing, KeyTerms, ManagedKey, NewManagedKey, NoticeDays, OrganizationId,
    OrganizationSettings, PlatformKey, PlatformKeyChange, PlatformKeyRefusal, Revocation,
    SettingsRefusal,
};
use deployments_domain::{Event, Failure, FailureCode, RunEnd, RunMove, RunState, next};
use keys_core::{KeyId, PlatformKeys, RateLimit, Slot, Timestamp};
use serde_json::{Value, json};

use super::{
    Given, at_once,
    given::{ALL, LONG},
    members::{new_invitation, save},
    webhooks::made,
};

const RING: KeyRing = KeyRing::Organization;
const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

/// What somebody was told, by whom they are (`mail`, or a webhook) and in the order in which it happened.
fn told(given: &Given) -> BTreeMap<String, Vec<(EventType, Value)>> {
    let mut claimed: Vec<ClaimedDelivery> =
        given.stores.claim_deliveries(1000, &|_| 1000, LONG).unwrap();
    claimed.sort_by_key(|one| (one.event.at, one.event.id));
    let mut told: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for one in claimed {
        let data = serde_json::from_str(&one.data).unwrap();
        let to = match one.addressee {
            Addressee::Webhook { .. } => "webhook".to_owned(),
            Addressee::Mail { to, .. } => to,
        };
        told.entry(to).or_default().push((one.event.kind, data));
    }
    told
}

/// The kinds of what the only webhook was told since this was asked last.
fn kinds(given: &Given) -> Vec<EventType> {
    let told = told(given).remove("webhook").unwrap_or_default();
    told.into_iter().map(|(kind, _)| kind).collect()
}

fn key_of(given: &Given, organization: OrganizationId, terms: KeyTerms) -> NewManagedKey {
    let key = NewManagedKey { terms, ..given.new_organization_key("shop") };
    given.stores.create_key(organization, RING, &key, &given.act(Action::KeyCreated)).unwrap();
    key
}

fn ends_in(given: &Given, days: u32) -> KeyTerms {
    KeyTerms { expires_at: Some(given.now() + DAY * days), ..KeyTerms::default() }
}

/// Looks at the ends of keys as two servers do that ask at the same time.
fn look(given: &Given) {
    let rule = |end: &KeyEnd| -> EndLook { end.look(given.now()) };
    at_once(2, |_| while given.stores.look_at_ends(given.now(), 2, true, &rule).unwrap() > 0 {});
}

fn change(
    given: &Given,
    organization: OrganizationId,
    key: &NewManagedKey,
    action: Action,
    to: impl Fn(&ManagedKey) -> KeyChange,
) {
    let rule = |key: &ManagedKey| -> Result<KeyChange, KeyRefusal> { Ok(to(key)) };
    let act = given.act(action);
    given.stores.change_key(organization, RING, key.key.id, &rule, &act).unwrap();
}

fn sets_end(at: Timestamp) -> impl Fn(&ManagedKey) -> KeyChange {
    move |key| KeyChange::Terms(KeyTerms { expires_at: Some(at), ..key.terms.clone() })
}

const ENDS: [EventType; 2] = [EventType::KeyExpiring, EventType::KeyExpired];

pub fn the_end_of_a_key_is_told_of_once_by_two_servers_to_each_who_listens(given: &Given) {
    let (acme, other) = (given.organization("acme"), given.organization("other"));
    made(given, acme, &ENDS);
    made(given, other, &ENDS);
    let key = key_of(given, acme, ends_in(given, 8));
    for _ in 0..40 {
        look(given);
        given.clock.advance(DAY / 4);
    }
    let mut told = told(given);
    let webhook = told.remove("webhook").unwrap();
    let mail = told.remove("admin@acme.example").unwrap();
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(webhook, mail);
    let days_left: Vec<_> =
        webhook.iter().map(|(kind, data)| (*kind, data["days_left"].clone())).collect();
    let expected = [(ENDS[0], json!(7)), (ENDS[0], json!(1)), (ENDS[1], Value::Null)];
    assert_eq!(days_left, expected);
    let data = &webhook[0].1;
    assert_eq!((&data["key_id"], &data["name"]), (&json!(key.key.id.uuid()), &json!("shop")));
    assert_eq!(data["kind"], "organization");
    assert!(data["expires_at"].as_str().unwrap().ends_with('Z'), "{data}");
}

pub fn keys_that_end_together_are_mailed_in_one_and_not_without_bound(given: &Given) {
    let acme = given.organization("acme");
    made(given, acme, &ENDS);
    let named = |name: &str| {
        let terms = ends_in(given, 8);
        let key = NewManagedKey { terms, ..given.new_organization_key(name) };
        given.stores.create_key(acme, RING, &key, &given.act(Action::KeyCreated)).unwrap();
    };
    ["one", "two", "three"].into_iter().for_each(named);
    let rule = |end: &KeyEnd| -> EndLook { end.look(given.now()) };
    let look = || given.stores.look_at_ends(given.now(), 100, true, &rule).unwrap();
    look();
    given.clock.advance(DAY);
    assert_eq!(look(), 3);
    let mut first = told(given);
    let mail = first.remove("admin@acme.example").unwrap();
    let [(EventType::KeyExpiring, data)] = mail.as_slice() else { panic!("{mail:?}") };
    assert_eq!(data["others"].as_array().map(Vec::len), Some(2));
    assert_eq!(first.remove("webhook").unwrap().len(), 3);
    // One mail each, until the hour's are used up.
    for number in 0..25 {
        let key = NewManagedKey {
            terms: KeyTerms { expires_at: Some(given.now() + MINUTE), ..KeyTerms::default() },
            ..given.new_organization_key(&format!("key {number}"))
        };
        given.stores.create_key(acme, RING, &key, &given.act(Action::KeyCreated)).unwrap();
        look();
        given.clock.advance(MINUTE);
        look();
    }
    let mut told = told(given);
    assert_eq!(told.remove("webhook").unwrap().len(), 25);
    assert_eq!(told.remove("admin@acme.example").unwrap().len(), 19);
}

pub fn another_end_is_told_of_anew_and_a_revoked_key_no_more(given: &Given) {
    let acme = given.organization("acme");
    made(given, acme, &ENDS);
    let key = key_of(given, acme, ends_in(given, 8));
    given.clock.advance(DAY * 2);
    look(given);
    assert_eq!(kinds(given), [EventType::KeyExpiring]);
    let later = given.now() + DAY * 30;
    change(given, acme, &key, Action::KeyChanged, sets_end(later));
    given.clock.advance(DAY * 14);
    look(given);
    assert!(kinds(given).is_empty());
    given.clock.advance(DAY * 2);
    look(given);
    assert_eq!(kinds(given), [EventType::KeyExpiring]);
    // A change that leaves the end where it is leaves what is due as well.
    given.clock.advance(DAY * 7);
    change(given, acme, &key, Action::KeyChanged, sets_end(later));
    look(given);
    assert_eq!(kinds(given), [EventType::KeyExpiring]);
    let revocation = Revocation { at: given.now(), reason: String::new() };
    change(given, acme, &key, Action::KeyRevoked, |_| KeyChange::Revoke(revocation.clone()));
    given.clock.advance(DAY * 10);
    look(given);
    assert!(kinds(given).is_empty());
}

pub fn other_notice_days_hold_for_keys_that_are_there(given: &Given) {
    let acme = given.organization("acme");
    made(given, acme, &ENDS);
    key_of(given, acme, ends_in(given, 100));
    look(given);
    given.clock.advance(DAY * 40);
    let rule = |old: &OrganizationSettings| -> Result<OrganizationSettings, SettingsRefusal> {
        Ok(OrganizationSettings { notice_days: NoticeDays::new(&[50]).unwrap(), ..old.clone() })
    };
    let act = given.act(Action::OrganizationChanged);
    given.stores.change_organization(acme, &rule, &act).unwrap();
    look(given);
    assert!(kinds(given).is_empty());
    for (days, expected) in [(10, &ENDS[..1]), (49, &[]), (1, &ENDS[1..]), (100, &[])] {
        given.clock.advance(DAY * days);
        look(given);
        assert_eq!(kinds(given), expected, "after {days} days more");
    }
}

pub fn what_is_done_to_a_key_is_told_with_it_and_once(given: &Given) {
    let acme = given.organization("acme");
    made(given, acme, &EventType::ALL);
    let key = key_of(given, acme, KeyTerms::default());
    let deleted = |at| move |_: &ManagedKey| KeyChange::Delete { at };
    let step = |action, to: &dyn Fn(&ManagedKey) -> KeyChange| {
        given.clock.advance(Duration::from_secs(1));
        change(given, acme, &key, action, to);
    };
    let (secret, at) = (given.secret(), given.now());
    step(Action::KeyRotated, &|_| KeyChange::Rotate {
        secret: secret.clone(),
        at,
        grace_until: at + DAY,
        expires_at: None,
    });
    step(Action::KeyChanged, &|key| KeyChange::Terms(key.terms.clone()));
    let at = given.now() + Duration::from_secs(1);
    step(Action::KeyRevoked, &|_| KeyChange::Revoke(Revocation { at, reason: "it leaked".into() }));
    // It was told already that the key is good no more.
    step(Action::KeyDeleted, &deleted(at));
    let told = told(given).remove("webhook").unwrap();
    let kinds: Vec<_> = told.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [EventType::KeyCreated, EventType::KeyRotated, EventType::KeyRevoked]);
    let data = &told[2].1;
    assert_eq!(
        (&data["reason"], &data["actor"]["kind"]),
        (&json!("it leaked"), &json!("command_line"))
    );
    assert!(data["hint"].is_string(), "{data}");
}

pub fn keys_that_die_with_what_they_open_are_told_of(given: &Given) {
    let deployed = given.deployed("acme");
    made(given, deployed.organization, &EventType::ALL);
    let (acme, id) = (deployed.organization, deployed.deployment.id);
    let act = given.act(Action::DeploymentDeleted);
    given.stores.delete_deployment(acme, ALL, id, &act).unwrap();
    let told = told(given).remove("webhook").unwrap();
    let [(EventType::KeyRevoked, data)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(data["key_id"], json!(deployed.key.key.id.uuid()));
    assert_eq!((&data["kind"], &data["name"]), (&json!("deployment"), &json!("for the shop")));
}

pub fn platform_keys_are_told_of_under_the_names_of_their_slots(given: &Given) {
    let acme = given.organization("acme");
    made(given, acme, &EventType::ALL);
    let change = |action, change: &dyn Fn() -> PlatformKeyChange| {
        given.clock.advance(Duration::from_secs(1));
        let rule =
            |_: &PlatformKeys<PlatformKey>| -> Result<_, PlatformKeyRefusal> { Ok(change()) };
        given.stores.change_platform_keys(acme, &rule, &given.act(action)).unwrap();
    };
    let (key, slot, at) = (given.new_key(), Slot::Two, given.now());
    change(Action::PlatformKeyCreated, &|| PlatformKeyChange::Generate {
        slot,
        activate: false,
        key: key.clone(),
    });
    change(Action::PlatformKeyActivated, &|| PlatformKeyChange::Activate(Some(slot)));
    let secret = given.secret();
    change(Action::PlatformKeyRefreshed, &|| PlatformKeyChange::Refresh {
        slot,
        secret: secret.clone(),
        at,
        revoke_made: false,
    });
    let at = given.now() + Duration::from_secs(1);
    let delete = PlatformKeyChange::Delete { slot, at, revoke_made: false };
    change(Action::PlatformKeyDeleted, &|| delete.clone());
    let told = told(given).remove("webhook").unwrap();
    let told: Vec<_> =
        told.iter().map(|(kind, data)| (*kind, &data["name"], &data["kind"])).collect();
    let (name, kind) = (json!("Key #2"), json!("platform"));
    let expected = [EventType::KeyCreated, EventType::KeyRotated, EventType::KeyRevoked];
    assert_eq!(told, expected.map(|event| (event, &name, &kind)));
}

pub fn a_reached_limit_is_told_of_once_an_hour_by_two_servers(given: &Given) {
    let acme = given.organization("acme");
    made(given, acme, &[EventType::KeyLimitReached]);
    let limited = KeyTerms { rate_limit: RateLimit::per_minute(7), ..KeyTerms::default() };
    let key = key_of(given, acme, limited).key.id;
    let nobody: KeyId = given.any_id();
    let start = given.now();
    let reach = |minutes: u32| {
        let at = start + MINUTE * minutes;
        at_once(2, |_| {
            given.stores.note_limits_reached(&[(key, at), (nobody, at)], MINUTE * 60).unwrap()
        });
    };
    [0, 1, 59].into_iter().for_each(reach);
    let told = told(given).remove("webhook").unwrap();
    let [(EventType::KeyLimitReached, data)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(data["rate_limit_per_minute"], 7);
    [60, 61].into_iter().for_each(reach);
    assert_eq!(kinds(given), [EventType::KeyLimitReached]);
}

pub fn a_run_is_told_of_once_when_it_ends_and_not_when_it_is_stopped(given: &Given) {
    let deployed = given.deployed("acme");
    made(given, deployed.organization, &EventType::ALL);
    let held = next(RunState::ACCEPTED, Event::Claim).unwrap();
    let (done, failed, stopped) =
        (given.executing(&deployed), given.executing(&deployed), given.executing(&deployed));
    let failure = Failure {
        code: FailureCode::StepFailed,
        step: Some("a".into()),
        reason: "it is broken".into(),
    };
    let ended = |run, event, end| RunMove { end, ..given.move_by(run, held, event) };
    let result = Some(RunEnd::Result(json!("a secret")));
    let moves = [
        ended(&done, Event::Succeed, result),
        ended(&failed, Event::Fail, Some(RunEnd::Failure(failure))),
        ended(&stopped, Event::Cancel, None),
    ];
    assert_eq!(moves.each_ref().map(|ended| given.stores.save_move(ended).unwrap()), [true; 3]);
    assert!(!given.stores.save_move(&moves[0]).unwrap(), "it has ended");
    let mut told = told(given).remove("webhook").unwrap();
    told.sort_by_key(|(kind, _)| kind.as_str());
    let kinds: Vec<_> = told.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [EventType::ExecutionCompleted, EventType::ExecutionFailed]);
    assert_eq!(told[0].1["execution_id"], json!(done.id.uuid()));
    assert_eq!((&told[0].1["status"], &told[0].1["error"]), (&json!("COMPLETED"), &Value::Null));
    assert_eq!(told[1].1["error"]["reason"], "it is broken");
    assert_eq!(told[1].1["api_name"], "orders");
    assert!(!told[0].1.to_string().contains("a secret"), "a result is nobody else's");
}

pub fn an_invitation_is_told_of_and_mailed_where_it_is_to_be(given: &Given) {
    let acme = given.organization("acme");
    made(given, acme, &[EventType::MemberInvited]);
    let (mailed, shown) = (new_invitation(given, acme, "ada@b.example"), {
        let shown = new_invitation(given, acme, "bob@b.example");
        Invitation { is_mailed: false, ..shown }
    });
    save(given, &mailed);
    save(given, &shown);
    let mut told = told(given);
    let webhook = told.remove("webhook").unwrap();
    let ids: Vec<_> = webhook.iter().map(|(_, data)| data["invitation_id"].clone()).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids.contains(&json!(mailed.id.uuid())) && ids.contains(&json!(shown.id.uuid())));
    let mail = told.remove("ada@b.example").unwrap();
    let [(EventType::MemberInvited, data)] = mail.as_slice() else { panic!("{mail:?}") };
    assert_eq!((&data["email"], &data["role"]), (&json!("ada@b.example"), &json!("admin")));
    assert_eq!(data["invited_by"], "boss");
    assert!(told.is_empty(), "{told:?}");
}

pub fn where_nobody_listens_nothing_is_kept(given: &Given) {
    let deployed = given.deployed("acme");
    key_of(given, deployed.organization, ends_in(given, 1));
    made(given, given.organization("other"), &EventType::ALL);
    let held = next(RunState::ACCEPTED, Event::Claim).unwrap();
    let run = given.executing(&deployed);
    assert!(given.stores.save_move(&given.move_by(&run, held, Event::Cancel)).unwrap());
    assert!(told(given).is_empty());
}
