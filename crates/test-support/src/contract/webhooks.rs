//! Webhooks.

use access_domain::{
    Action, ChangeError, DisabledReason, EventType, NewWebhook, OrganizationId, Sealed, Webhook,
    WebhookRefusal,
};
use keys_core::Timestamp;

use super::{
    Given, at_once,
    given::{SOMEBODY, first},
};

pub(super) fn new(given: &Given, organization: OrganizationId, events: &[EventType]) -> NewWebhook {
    let now = given.now();
    let webhook = Webhook {
        id: given.any_id(),
        organization,
        url: "https://example.com/hook?token=1".into(),
        description: "for the shop".into(),
        events: events.to_vec(),
        is_active: true,
        disabled: None,
        failing_since: None,
        previous_secret_until: None,
        created_by: SOMEBODY,
        created_at: now,
        modified_at: now,
    };
    NewWebhook { webhook, secret: Sealed { key: "key 1".into(), bytes: vec![1; 40] } }
}

pub(super) fn made(given: &Given, organization: OrganizationId, events: &[EventType]) -> Webhook {
    let new = new(given, organization, events);
    given.stores.create_webhook(&new, 50, &given.act(Action::WebhookCreated)).unwrap();
    new.webhook
}

fn not_found<T: std::fmt::Debug>(answer: Result<T, ChangeError<WebhookRefusal>>) {
    let refused = answer.unwrap_err();
    assert!(matches!(refused, ChangeError::Refused(WebhookRefusal::NotFound)), "{refused:?}");
}

pub fn a_webhook_is_found_as_it_was_made_and_only_where_it_was_made(given: &Given) {
    let (acme, other) = (given.organization("acme"), given.organization("other"));
    let one = made(given, acme, &[EventType::KeyCreated, EventType::KeyExpired]);
    let two = made(given, acme, &[EventType::ExecutionFailed]);
    let stores = &given.stores;
    assert_eq!(stores.find_webhook(acme, one.id).unwrap(), Some(one.clone()));
    assert_eq!(stores.find_webhook(other, one.id).unwrap(), None);
    assert_eq!(stores.list_webhooks(other, first(10)).unwrap().items, []);
    let page = stores.list_webhooks(acme, first(1)).unwrap();
    assert_eq!((page.items, page.next), (vec![two.clone()], Some(two.id.uuid())));
    let rest = access_domain::PageRequest { after: page.next, limit: 1 };
    assert_eq!(stores.list_webhooks(acme, rest).unwrap().items, [one]);
}

pub fn a_change_of_a_webhook_is_saved_and_a_refusal_is_not(given: &Given) {
    let (acme, other) = (given.organization("acme"), given.organization("other"));
    let webhook = made(given, acme, &[EventType::KeyCreated]);
    let wanted = Webhook {
        url: "https://example.org".into(),
        events: vec![EventType::KeyRotated, EventType::KeyExpired],
        is_active: false,
        disabled: Some(DisabledReason::Failing),
        failing_since: Some(Timestamp::UNIX_EPOCH),
        ..webhook.clone()
    };
    let act = || given.act(Action::WebhookChanged);
    let rule = |old: &Webhook| {
        assert_eq!(*old, webhook);
        Ok(wanted.clone())
    };
    not_found(given.stores.change_webhook(other, webhook.id, &rule, &act()));
    let refuse = |_: &Webhook| Err(WebhookRefusal::TooMany);
    given.stores.change_webhook(acme, webhook.id, &refuse, &act()).unwrap_err();
    assert_eq!(given.stores.find_webhook(acme, webhook.id).unwrap(), Some(webhook.clone()));
    let changed = given.stores.change_webhook(acme, webhook.id, &rule, &act()).unwrap();
    assert_eq!(changed, wanted);
    assert_eq!(given.stores.find_webhook(acme, webhook.id).unwrap(), Some(wanted));
}

pub fn a_deleted_webhook_is_gone_and_not_deleted_again(given: &Given) {
    let (acme, other) = (given.organization("acme"), given.organization("other"));
    let webhook = made(given, acme, &[EventType::KeyCreated]);
    let delete = |organization| {
        given.stores.delete_webhook(organization, webhook.id, &given.act(Action::WebhookDeleted))
    };
    not_found(delete(other));
    delete(acme).unwrap();
    assert_eq!(given.stores.find_webhook(acme, webhook.id).unwrap(), None);
    not_found(delete(acme));
}

pub fn of_eight_webhooks_at_once_as_many_are_made_as_may_be(given: &Given) {
    let acme = given.organization("acme");
    let make = |_| {
        let new = new(given, acme, &[EventType::KeyCreated]);
        given.stores.create_webhook(&new, 3, &given.act(Action::WebhookCreated)).is_ok()
    };
    let made = at_once(8, make).into_iter().filter(|made| *made).count();
    assert_eq!((made, given.stores.list_webhooks(acme, first(10)).unwrap().items.len()), (3, 3));
}

pub fn keys_that_secrets_of_webhooks_are_under_are_counted(given: &Given) {
    let acme = given.organization("acme");
    let webhook = made(given, acme, &[EventType::KeyCreated]);
    made(given, acme, &[EventType::KeyCreated]);
    let counted = || given.stores.secrets_per_encryption_key().unwrap();
    assert_eq!(counted(), [("key 1".to_owned(), 2)]);
    let rotate = |key: &str, until| {
        let sealed = Sealed { key: key.into(), bytes: vec![2; 40] };
        let act = given.act(Action::WebhookRotated);
        given.stores.rotate_webhook(acme, webhook.id, &sealed, until, &act).unwrap()
    };
    let far = Timestamp::from_timestamp(10_000_000_000, 0).unwrap();
    assert_eq!(rotate("key 2", far).previous_secret_until, Some(far));
    assert_eq!(counted(), [("key 1".to_owned(), 2), ("key 2".to_owned(), 1)]);
    // What signs no longer is not needed any more.
    rotate("key 3", Timestamp::UNIX_EPOCH);
    assert_eq!(counted(), [("key 1".to_owned(), 1), ("key 3".to_owned(), 1)]);
}
