//! Deliveries, as those who carry them out and those who look into them meet them.

use std::{collections::BTreeMap, time::Duration};

use access_domain::{
    Action, Addressee, AfterAttempt, Answer, ChangeError, ClaimedDelivery, DeliveryAttempt,
    DeliveryEntry, DeliveryFilter, DeliveryScope, DeliveryState, DisabledReason, EndedAttempt,
    Event, EventType, KeyRing, NewTest, OrganizationId, Receiver, SettledAttempt, Webhook,
    WebhookRefusal,
};

use super::{
    Given, at_once,
    given::{LONG, first},
    webhooks::made,
};

const AGAIN: AfterAttempt = AfterAttempt::Again { after: Duration::ZERO };
const PATIENCE: Duration = Duration::from_secs(3600);
const FAILED: Answer = Answer::Failed { retry_after: None };

fn claim(given: &Given, most: usize, per_lane: usize) -> Vec<ClaimedDelivery> {
    given.stores.claim_deliveries(most, &|_| per_lane, LONG).unwrap()
}

/// Something happens: a key is made, which whoever subscribes to `key.created` hears of.
fn happen(given: &Given, organization: OrganizationId) {
    given.clock.advance(Duration::from_millis(1));
    let key = given.new_organization_key(&format!("key {}", given.now()));
    let act = given.act(Action::KeyCreated);
    given.stores.create_key(organization, KeyRing::Organization, &key, &act).unwrap();
}

/// An attempt at what was claimed, which began and ended now.
fn ended(
    given: &Given,
    claimed: &ClaimedDelivery,
    answer: Answer,
    after: AfterAttempt,
) -> EndedAttempt {
    let (began, mut log) = (given.now(), claimed.log.clone());
    let error = (answer != Answer::Accepted).then(|| "it failed".to_owned());
    let attempt = DeliveryAttempt { at: began, status: Some(500), error, duration_ms: 3 };
    log.push(DeliveryEntry::Attempt(attempt));
    let first_attempt = log.present_attempts().next().map_or(began, |attempt| attempt.at);
    let webhook = match claimed.addressee {
        Addressee::Webhook { id, .. } => Some(id),
        Addressee::Mail { .. } => None,
    };
    EndedAttempt {
        delivery: claimed.id,
        attempt: claimed.attempt,
        organization: claimed.event.organization,
        webhook,
        is_mail: webhook.is_none(),
        kind: claimed.event.kind,
        first_attempt,
        began,
        at: began,
        answer,
        after,
        patience: PATIENCE,
        log,
    }
}

fn settle(given: &Given, ended: EndedAttempt) -> SettledAttempt {
    given.stores.settle_deliveries(&[ended], true).unwrap()[0]
}

fn try_out(given: &Given, webhook: &Webhook) -> access_domain::Delivery {
    let (organization, at) = (webhook.organization, given.now());
    let event = Event { id: given.any_id(), organization, kind: EventType::WebhookTest, at };
    let test = NewTest { event, webhook: webhook.id, repeatable: None };
    given.stores.test_webhook(&test).unwrap()
}

fn states(given: &Given, webhook: &Webhook) -> Vec<DeliveryState> {
    let scope = DeliveryScope::Webhook(webhook.id);
    let filter = DeliveryFilter::default();
    let page = given.stores.list_deliveries(webhook.organization, scope, filter, first(100));
    page.unwrap().unwrap().items.iter().map(|delivery| delivery.state).collect()
}

fn webhook_now(given: &Given, webhook: &Webhook) -> Webhook {
    given.stores.find_webhook(webhook.organization, webhook.id).unwrap().unwrap()
}

pub fn a_claimed_delivery_brings_all_that_is_needed_to_carry_it_out(given: &Given) {
    let acme = given.organization("acme");
    let webhook = made(given, acme, &[EventType::KeyCreated]);
    made(given, acme, &[EventType::KeyRotated]);
    happen(given, acme);
    let claimed = claim(given, 10, 10);
    let [claimed] = claimed.as_slice() else { panic!("{claimed:?}") };
    assert_eq!((claimed.attempt, &*claimed.lane), (1, &*webhook.id.to_string()));
    assert_eq!((claimed.event.kind, claimed.event.at), (EventType::KeyCreated, given.now()));
    assert!(claimed.data.contains("\"key_id\""), "{}", claimed.data);
    let Addressee::Webhook { id, url, is_active, secrets } = &claimed.addressee else {
        panic!("{claimed:?}")
    };
    assert_eq!((*id, url, *is_active), (webhook.id, &webhook.url, true));
    assert_eq!((&*secrets.present.key, &secrets.previous), ("key 1", &None));
    assert!(claim(given, 10, 10).is_empty(), "the claim holds");
    assert_eq!(given.stores.longest_due().unwrap(), None);
}

pub fn a_lane_with_a_thousand_deliveries_leaves_room_for_the_others(given: &Given) {
    let acme = given.organization("acme");
    let busy = made(given, acme, &[EventType::KeyRotated]);
    (0..40).for_each(|_| drop(try_out(given, &busy)));
    let calm = made(given, acme, &[EventType::KeyRotated]);
    try_out(given, &calm);
    assert!(given.stores.longest_due().unwrap().is_some());
    let lanes = |claimed: Vec<ClaimedDelivery>| {
        let mut lanes = BTreeMap::new();
        claimed.into_iter().for_each(|one| *lanes.entry(one.lane).or_insert(0) += 1);
        lanes
    };
    let (busy, calm) = (busy.id.to_string(), calm.id.to_string());
    let expected = BTreeMap::from([(busy.clone(), 4), (calm, 1)]);
    assert_eq!(lanes(claim(given, 100, 4)), expected);
    // A lane whose places are taken here is left out, and claims are bounded altogether.
    let full = given.stores.claim_deliveries(10, &|lane| usize::from(lane != busy), LONG);
    assert!(full.unwrap().is_empty());
    assert_eq!(lanes(claim(given, 3, 100)), BTreeMap::from([(busy, 3)]));
}

pub fn slow_lanes_leave_places_to_those_that_are_not(given: &Given) {
    const PER_LANE: usize = 4;
    let acme = given.organization("acme");
    let slow: Vec<_> = (0..6).map(|_| made(given, acme, &[EventType::KeyRotated])).collect();
    (0..10).for_each(|_| slow.iter().for_each(|webhook| drop(try_out(given, webhook))));
    let good = made(given, acme, &[EventType::KeyRotated]);
    (0..10).for_each(|_| drop(try_out(given, &good)));
    let gone = made(given, acme, &[EventType::KeyCreated]);
    happen(given, acme);
    let own = |wanted: &str| usize::from(wanted == gone.id.to_string());
    let last = given.stores.claim_deliveries(1, &own, LONG).unwrap().remove(0);
    settle(given, ended(given, &last, Answer::Gone, AfterAttempt::Dead));
    // A server with room for eight; what is slow takes much longer than all that is good.
    let (mut under_way, mut arrived) = (BTreeMap::<String, usize>::new(), 0);
    for _ in 0..10 {
        let room = |lane: &str| PER_LANE - under_way.get(lane).copied().unwrap_or_default();
        let most = 8 - under_way.values().sum::<usize>();
        for claimed in given.stores.claim_deliveries(most, &room, LONG).unwrap() {
            if slow.iter().any(|webhook| webhook.id.to_string() == claimed.lane) {
                *under_way.entry(claimed.lane).or_default() += 1;
            } else {
                settle(given, ended(given, &claimed, Answer::Accepted, AfterAttempt::Delivered));
                arrived += 1;
            }
        }
    }
    assert_eq!((arrived, under_way.len()), (11, 6), "{under_way:?}");
}

pub fn two_servers_at_once_claim_each_delivery_exactly_once(given: &Given) {
    let acme = given.organization("acme");
    for _ in 0..3 {
        let webhook = made(given, acme, &[EventType::KeyRotated]);
        (0..20).for_each(|_| drop(try_out(given, &webhook)));
    }
    let claim_all = |_| {
        let mut mine = Vec::new();
        loop {
            let claimed = claim(given, 7, 4);
            if claimed.is_empty() && given.stores.longest_due().unwrap().is_none() {
                return mine;
            }
            mine.extend(claimed.into_iter().map(|one| one.id));
        }
    };
    let mut claimed: Vec<_> = at_once(4, claim_all).into_iter().flatten().collect();
    claimed.sort();
    let count = claimed.len();
    claimed.dedup();
    assert_eq!((count, claimed.len()), (60, 60));
}

pub fn an_attempt_is_told_with_what_became_of_it(given: &Given) {
    let acme = given.organization("acme");
    let webhook = made(given, acme, &[EventType::KeyCreated]);
    happen(given, acme);
    let claimed = claim(given, 1, 1).remove(0);
    let failed = ended(given, &claimed, FAILED, AGAIN);
    assert!(settle(given, failed.clone()).is_saved);
    let scope = DeliveryScope::Webhook(webhook.id);
    let found = given.stores.find_delivery(acme, scope, claimed.id).unwrap().unwrap();
    assert_eq!(found.delivery.log, failed.log);
    assert_eq!(found.delivery.receiver, Receiver::Webhook(webhook.id));
    assert_eq!((found.delivery.state, found.data), (DeliveryState::Pending, claimed.data));
    assert_eq!(webhook_now(given, &webhook).failing_since, Some(given.now()));
    let again = claim(given, 1, 1).remove(0);
    assert_eq!((again.id, again.attempt, &again.log), (claimed.id, 2, &failed.log));
    assert_eq!(again.event, claimed.event);
    settle(given, ended(given, &again, Answer::Accepted, AfterAttempt::Delivered));
    assert_eq!(states(given, &webhook), [DeliveryState::Delivered]);
    assert_eq!(webhook_now(given, &webhook).failing_since, None);
    assert!(claim(given, 1, 1).is_empty());
}

pub fn the_outcome_of_an_older_claim_is_nobodys_business(given: &Given) {
    let acme = given.organization("acme");
    let webhook = made(given, acme, &[EventType::KeyCreated]);
    happen(given, acme);
    let lost = given.stores.claim_deliveries(1, &|_| 1, Duration::ZERO).unwrap().remove(0);
    let held = claim(given, 1, 1).remove(0);
    assert_eq!((held.id, held.attempt), (lost.id, lost.attempt + 1));
    let late = ended(given, &lost, Answer::Gone, AfterAttempt::Dead);
    let refused = SettledAttempt { delivery: lost.id, is_saved: false, disabled: None };
    assert_eq!(settle(given, late), refused);
    assert!(claim(given, 1, 1).is_empty());
    let done = ended(given, &held, Answer::Accepted, AfterAttempt::Delivered);
    assert!(settle(given, done.clone()).is_saved);
    assert!(!settle(given, done).is_saved);
    assert_eq!(states(given, &webhook), [DeliveryState::Delivered]);
}

pub fn a_replayed_delivery_begins_anew_and_is_noted(given: &Given) {
    let (acme, other) = (given.organization("acme"), given.organization("other"));
    let webhook = made(given, acme, &[EventType::KeyCreated]);
    let scope = DeliveryScope::Webhook(webhook.id);
    happen(given, acme);
    let claimed = claim(given, 1, 1).remove(0);
    settle(given, ended(given, &claimed, Answer::Accepted, AfterAttempt::Delivered));
    let replay = |organization, scope| {
        let act = given.act(Action::DeliveryReplayed);
        given.stores.replay_delivery(organization, scope, claimed.id, &act)
    };
    for (organization, scope) in [(other, scope), (acme, DeliveryScope::Mail)] {
        let refused = replay(organization, scope).unwrap_err();
        assert!(matches!(refused, ChangeError::Refused(WebhookRefusal::NotFound)), "{refused:?}");
    }
    let replayed = replay(acme, scope).unwrap();
    assert_eq!((replayed.state, replayed.finished_at), (DeliveryState::Pending, None));
    assert_eq!((replayed.log.attempts().count(), replayed.log.present_attempts().count()), (1, 0));
    let again = claim(given, 1, 1).remove(0);
    assert_eq!((again.id, again.attempt), (claimed.id, claimed.attempt + 2));
    // While it is tried, it may be begun anew once more.
    replay(acme, scope).unwrap();
    let late = ended(given, &again, Answer::Accepted, AfterAttempt::Delivered);
    assert!(!settle(given, late).is_saved);
    let noted = given.stores.list_entries(acme, &access_domain::AuditFilter::default(), first(1));
    let noted = noted.unwrap().items.remove(0);
    assert_eq!((&*noted.action, &*noted.subject_name), ("delivery.replayed", "key.created"));
}

pub fn deliveries_are_listed_newest_first_by_filter_and_where_they_belong(given: &Given) {
    let (acme, other) = (given.organization("acme"), given.organization("other"));
    let webhook = made(given, acme, &[EventType::KeyCreated]);
    let scope = DeliveryScope::Webhook(webhook.id);
    happen(given, acme);
    let claimed = claim(given, 1, 1).remove(0);
    settle(given, ended(given, &claimed, Answer::Accepted, AfterAttempt::Delivered));
    given.clock.advance(Duration::from_millis(1));
    let tested = try_out(given, &webhook);
    let listed = |organization, filter| {
        let page = given.stores.list_deliveries(organization, scope, filter, first(10)).unwrap();
        page.map(|page| page.items.iter().map(|one| one.id).collect::<Vec<_>>())
    };
    let all = DeliveryFilter::default();
    assert_eq!(listed(acme, all), Some(vec![tested.id, claimed.id]));
    assert_eq!(listed(other, all), None);
    let pending = DeliveryFilter { state: Some(DeliveryState::Pending), kind: None };
    assert_eq!(listed(acme, pending), Some(vec![tested.id]));
    let created = DeliveryFilter { state: None, kind: Some(EventType::KeyCreated) };
    assert_eq!(listed(acme, created), Some(vec![claimed.id]));
    let mail = given.stores.list_deliveries(acme, DeliveryScope::Mail, all, first(10)).unwrap();
    assert_eq!(mail.unwrap().items, []);
    assert_eq!(given.stores.find_delivery(acme, DeliveryScope::Mail, tested.id).unwrap(), None);
}

pub fn a_webhook_where_nothing_arrives_is_switched_off_once_and_that_is_told(given: &Given) {
    let acme = given.organization("acme");
    let webhook = made(given, acme, &[EventType::KeyCreated]);
    let witness = made(given, acme, &[EventType::WebhookDisabled]);
    (0..8).for_each(|_| happen(given, acme));
    let claimed = claim(given, 8, 8);
    let die =
        |at: usize| settle(given, ended(given, &claimed[at], FAILED, AfterAttempt::Dead)).disabled;
    let told: Vec<_> = at_once(8, die).into_iter().flatten().collect();
    assert_eq!(told, [DisabledReason::Failing]);
    let now = webhook_now(given, &webhook);
    assert_eq!((now.is_active, now.disabled), (false, Some(DisabledReason::Failing)));
    let told = claim(given, 10, 10);
    let (mails, hooks): (Vec<_>, Vec<_>) =
        told.iter().partition(|one| matches!(one.addressee, Addressee::Mail { .. }));
    assert_eq!((mails.len(), hooks.len()), (1, 1));
    assert_eq!(hooks[0].lane, witness.id.to_string());
    assert_eq!(mails[0].event, hooks[0].event);
    assert!(hooks[0].data.contains("\"host\":\"https://example.com\""), "{}", hooks[0].data);
    assert!(!hooks[0].data.contains("token"), "{}", hooks[0].data);
    let Addressee::Mail { to, organization } = &mails[0].addressee else { unreachable!() };
    assert_eq!((&**to, &**organization), ("admin@acme.example", "The acme"));
    let listed = given.stores.list_deliveries(
        acme,
        DeliveryScope::Mail,
        DeliveryFilter::default(),
        first(10),
    );
    let listed = listed.unwrap().unwrap().items;
    assert_eq!(listed[0].receiver, Receiver::Mail("admin@acme.example".into()));
}

pub fn a_webhook_that_fails_for_too_long_is_switched_off_though_nothing_was_given_up(
    given: &Given,
) {
    let acme = given.organization("acme");
    let webhook = made(given, acme, &[EventType::KeyCreated]);
    (0..5).for_each(|_| happen(given, acme));
    let [first, test, within, beyond, late] = claim(given, 5, 5).try_into().unwrap();
    let fail = |one: &ClaimedDelivery, kind| {
        let failed = ended(given, one, FAILED, AfterAttempt::Again { after: LONG });
        settle(given, EndedAttempt { kind, ..failed }).disabled
    };
    assert_eq!(fail(&first, EventType::KeyCreated), None);
    given.clock.advance(PATIENCE);
    assert_eq!(fail(&within, EventType::KeyCreated), None);
    given.clock.advance(Duration::from_millis(1));
    assert_eq!(fail(&test, EventType::WebhookTest), None);
    assert!(webhook_now(given, &webhook).is_active);
    assert_eq!(fail(&beyond, EventType::KeyCreated), Some(DisabledReason::Failing));
    assert_eq!(fail(&late, EventType::KeyCreated), None, "it is off already");
    let now = webhook_now(given, &webhook);
    assert_eq!((now.is_active, now.disabled), (false, Some(DisabledReason::Failing)));
    assert_eq!(states(given, &webhook), [DeliveryState::Pending; 5]);
    let mails = claim(given, 10, 10);
    assert_eq!((mails.len(), mails[0].event.kind), (1, EventType::WebhookDisabled));
}

pub fn a_webhook_stays_on_if_something_arrived_meanwhile_and_goes_if_it_says_so(given: &Given) {
    let acme = given.organization("acme");
    let webhook = made(given, acme, &[EventType::KeyCreated]);
    (0..3).for_each(|_| happen(given, acme));
    let [bad, good, gone] = claim(given, 3, 3).try_into().unwrap();
    settle(given, ended(given, &bad, FAILED, AGAIN));
    given.clock.advance(Duration::from_secs(1));
    settle(given, ended(given, &good, Answer::Accepted, AfterAttempt::Delivered));
    given.clock.advance(Duration::from_secs(1));
    let bad = claim(given, 1, 1).remove(0);
    assert_eq!(settle(given, ended(given, &bad, FAILED, AfterAttempt::Dead)).disabled, None);
    assert!(webhook_now(given, &webhook).is_active);
    let told = settle(given, ended(given, &gone, Answer::Gone, AfterAttempt::Dead)).disabled;
    assert_eq!(told, Some(DisabledReason::Gone));
    // To try one out counts neither for nor against it.
    let another = made(given, acme, &[EventType::KeyCreated]);
    let lane = another.id.to_string();
    try_out(given, &another);
    let room = |wanted: &str| usize::from(wanted == lane);
    let tried = given.stores.claim_deliveries(1, &room, LONG).unwrap().remove(0);
    settle(given, ended(given, &tried, FAILED, AfterAttempt::Dead));
    assert_eq!(webhook_now(given, &another), another);
}

pub fn old_deliveries_are_deleted_in_portions_with_their_events(given: &Given) {
    let acme = given.organization("acme");
    let webhook = made(given, acme, &[EventType::KeyCreated]);
    let witness = made(given, acme, &[EventType::KeyCreated]);
    (0..3).for_each(|_| happen(given, acme));
    let lane = webhook.id.to_string();
    let room = |wanted: &str| if wanted == lane { 9 } else { 0 };
    let claimed = given.stores.claim_deliveries(9, &room, LONG).unwrap();
    for one in &claimed {
        settle(given, ended(given, one, Answer::Accepted, AfterAttempt::Delivered));
    }
    given.clock.advance(Duration::from_secs(60));
    let sweep = || given.stores.delete_old_deliveries(given.now(), 2).unwrap();
    assert_eq!([sweep(), sweep(), sweep()], [2, 1, 0]);
    assert_eq!(states(given, &webhook), []);
    // The events are kept for those who are still to be told of them, and no longer than these are.
    assert_eq!(states(given, &witness), [DeliveryState::Pending; 3]);
    assert_eq!(claim(given, 9, 9).len(), 3);
    given.stores.delete_webhook(acme, witness.id, &given.act(Action::WebhookDeleted)).unwrap();
    // However they stand, and little by little; the webhook goes with the last of them.
    assert_eq!([sweep(), sweep(), sweep()], [2, 1, 0]);
}
