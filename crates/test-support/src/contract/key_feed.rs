//! Which keys have changed since when.

use std::time::Duration;

use access_domain::{
    Action, ChangeError, KeyChange, KeyRefusal, KeyRing, ManagedKey, OrganizationId,
    PlatformKeyChange, Revocation,
};
use deployments_domain::Deployment;
use keys_core::{KeyId, Slot};

use super::{
    Given,
    given::{ALL, Deployed, at_once},
};

/// What has changed since, and where to go on.
fn since(given: &Given, organization: OrganizationId, number: u64) -> (Vec<KeyId>, u64) {
    let told = given.stores.changed_keys(organization, number, 100).unwrap();
    (told.keys, told.now)
}

fn now(given: &Given, organization: OrganizationId) -> u64 {
    since(given, organization, u64::MAX).1
}

/// What `change` changes of the organization's keys.
fn changed_by(given: &Given, organization: OrganizationId, change: impl FnOnce()) -> Vec<KeyId> {
    let before = now(given, organization);
    change();
    since(given, organization, before).0
}

fn change_key(given: &Given, ring: KeyRing, deployed: &Deployed, key: KeyId, change: KeyChange) {
    let rule = move |_: &ManagedKey| Ok(change.clone());
    let act = given.act(Action::KeyChanged);
    given.stores.change_key(deployed.organization, ring, key, &rule, &act).unwrap();
}

pub fn every_change_of_a_key_is_told(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, ring) = (deployed.organization, KeyRing::Organization);
    let new = given.new_organization_key("production");
    let id = new.key.id;
    let by = |change: KeyChange| {
        changed_by(given, organization, || change_key(given, ring, &deployed, id, change))
    };
    let act = given.act(Action::KeyCreated);
    let create = || drop(given.stores.create_key(organization, ring, &new, &act).unwrap());
    assert_eq!(changed_by(given, organization, create), [id]);
    assert_eq!(by(KeyChange::Terms(new.terms.clone())), [id]);
    let (at, grace_until) = (given.now(), given.now() + Duration::from_secs(60));
    let secret = given.secret();
    assert_eq!(by(KeyChange::Rotate { secret, at, grace_until, expires_at: None }), [id]);
    assert_eq!(by(KeyChange::Revoke(Revocation { at, reason: String::new() })), [id]);
    assert_eq!(by(KeyChange::Delete { at }), [id]);
}

pub fn a_key_is_told_once_under_its_last_change(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, ring, first) = (deployed.organization, deployed.ring(), deployed.key.key.id);
    let second = given.new_deployment_key();
    let act = given.act(Action::KeyCreated);
    given.stores.create_key(organization, ring, &second, &act).unwrap();
    let before = now(given, organization);
    let terms = || KeyChange::Terms(second.terms.clone());
    for key in [first, second.key.id, first] {
        change_key(given, ring, &deployed, key, terms());
    }
    let (keys, now) = since(given, organization, before);
    assert_eq!((keys, now), (vec![second.key.id, first], before + 3));
    assert_eq!(since(given, organization, before + 2).0, [first]);
    assert_eq!(since(given, organization, now), (vec![], now));
    let bounded = given.stores.changed_keys(organization, before, 1).unwrap();
    assert_eq!((bounded.keys, bounded.now), (vec![second.key.id], now));
}

pub fn a_refused_change_and_one_of_another_organization_are_not_told(given: &Given) {
    let deployed = given.deployed("acme");
    let before = now(given, deployed.organization);
    let refuse = |_: &ManagedKey| Err(KeyRefusal::NotFound);
    let (key, act) = (deployed.key.key.id, given.act(Action::KeyChanged));
    let refused =
        given.stores.change_key(deployed.organization, deployed.ring(), key, &refuse, &act);
    assert!(matches!(refused, Err(ChangeError::Refused(_))));
    given.deployed("other");
    assert_eq!(since(given, deployed.organization, before), (vec![], before));
}

pub fn a_deployment_that_is_switched_off_or_deleted_tells_of_all_its_keys(given: &Given) {
    let deployed = given.deployed("acme");
    given.sibling(&deployed);
    let (organization, id) = (deployed.organization, deployed.deployment.id);
    let second = given.new_deployment_key();
    let act = given.act(Action::KeyCreated);
    given.stores.create_key(organization, deployed.ring(), &second, &act).unwrap();
    let mut both = vec![deployed.key.key.id, second.key.id];
    both.sort();
    let change = |rule: &dyn Fn(&Deployment) -> Deployment| {
        changed_by(given, organization, || {
            let rule = |before: &Deployment| Ok(rule(before));
            given.stores.change_deployment(organization, ALL, id, &rule, &given.deed()).unwrap();
        })
    };
    let renamed = |before: &Deployment| Deployment { display_name: "B".into(), ..before.clone() };
    assert_eq!(change(&renamed), []);
    let off = |before: &Deployment| Deployment { is_active: false, ..before.clone() };
    assert_eq!(change(&off), both);
    let open = |before: &Deployment| Deployment {
        allowlist: keys_core::Allowlist::default(),
        ..before.clone()
    };
    assert_eq!(change(&open), both);
    let delete = || given.stores.delete_deployment(organization, ALL, id, &given.deed()).unwrap();
    assert_eq!(changed_by(given, organization, delete), both);
}

pub fn platform_keys_are_told_with_what_they_made(given: &Given) {
    let deployed = given.deployed("acme");
    let organization = deployed.organization;
    let change = |change: PlatformKeyChange| {
        changed_by(given, organization, || {
            let rule = |_: &_| Ok(change.clone());
            let act = given.act(Action::PlatformKeyRefreshed);
            given.stores.change_platform_keys(organization, &rule, &act).unwrap();
        })
    };
    let key = given.new_key();
    let second = key.id;
    let generate = PlatformKeyChange::Generate { slot: Slot::Two, activate: false, key };
    assert!(change(generate).contains(&second));
    let first = given.stores.platform_keys(organization).unwrap().get(Slot::One).unwrap().id;
    let mut both = vec![first, second];
    both.sort();
    assert_eq!(change(PlatformKeyChange::Activate(Some(Slot::Two))), both);
    let mut made = given.new_organization_key("made");
    made.key.created_by = Some(second.uuid());
    let by_key = given.act(Action::KeyCreated);
    given.stores.create_key(organization, KeyRing::Organization, &made, &by_key).unwrap();
    let (secret, at) = (given.secret(), given.now());
    let refresh = PlatformKeyChange::Refresh { slot: Slot::Two, secret, at, revoke_made: true };
    let told = change(refresh);
    assert!([second, made.key.id].iter().all(|key| told.contains(key)), "{told:?}");
}

/// Whoever asks while others change keys misses none, whatever the order in which they commit.
pub fn of_changes_at_once_none_is_missed(given: &Given) {
    const THREADS: usize = 4;
    const CHANGES: usize = 8;
    let deployed = given.deployed("acme");
    let organization = deployed.organization;
    let before = now(given, organization);
    let made: Vec<Vec<KeyId>> = at_once(THREADS + 1, |thread| {
        if thread == THREADS {
            let (mut heard, mut next) = (Vec::new(), before);
            while heard.len() < THREADS * CHANGES {
                let (keys, now) = since(given, organization, next);
                heard.extend(
                    keys.into_iter().filter(|key| !heard.contains(key)).collect::<Vec<_>>(),
                );
                next = now;
            }
            return heard;
        }
        let new = |_| {
            let new = given.new_deployment_key();
            let act = given.act(Action::KeyCreated);
            given.stores.create_key(organization, deployed.ring(), &new, &act).unwrap();
            new.key.id
        };
        (0..CHANGES).map(new).collect()
    });
    let (heard, made) = made.split_last().unwrap();
    let sorted = |mut keys: Vec<KeyId>| {
        keys.sort();
        keys
    };
    assert_eq!(sorted(heard.clone()), sorted(made.concat()));
    assert_eq!(now(given, organization), before + (THREADS * CHANGES) as u64);
}
