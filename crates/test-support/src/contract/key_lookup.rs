//! The key behind a digest.

use std::time::Duration;

use access_domain::{
    Action, ApiName, CallBounds, KeyChange, KeyOwner, KeyTerms, ManagedKey, PlatformKeyChange,
};
use deployments_domain::Deployment;
use keys_core::{Allowlist, Key, RateLimit, Scopes, Slot, Timestamp};

use super::{Given, given::ALL};

fn delete(at: Timestamp) -> PlatformKeyChange {
    PlatformKeyChange::Delete { slot: Slot::One, at, revoke_made: false }
}

pub fn a_deployment_key_is_found_with_all_that_decides_its_fate(given: &Given) {
    let deployed = given.deployed("acme");
    let digest = deployed.key.key.secret.digest;
    let found = || given.found_by(&digest).unwrap();

    let record = found();
    assert_eq!((record.id, record.name.as_str()), (deployed.key.key.id, "for the shop"));
    assert_eq!(record.organization.id, deployed.organization);
    assert_eq!(record.organization.slug, "acme");
    let good = Key::new(KeyOwner::Deployment(deployed.deployment.id));
    let terms = &deployed.deployment;
    let good = Key { owner_allowlist: terms.allowlist.clone(), ..good };
    assert_eq!(record.key, good);
    assert_eq!(record.bounds, bounds_of(terms));
    assert!(record.bounds.api_name.is_some());

    let until = given.now() + Duration::from_micros(1);
    let terms = KeyTerms {
        is_active: false,
        expires_at: Some(until),
        scopes: Scopes::new(["orders:read".parse().unwrap()]).unwrap(),
        allowlist: Allowlist::new(vec!["10.0.0.0/8".parse().unwrap()]).unwrap(),
        rate_limit: RateLimit::per_minute(7),
        ..KeyTerms::default()
    };
    let rule = |_: &ManagedKey| Ok(KeyChange::Terms(terms.clone()));
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    let act = given.act(Action::KeyChanged);
    given.stores.change_key(organization, deployed.ring(), record.id, &rule, &act).unwrap();
    let rule = |deployment: &Deployment| Ok(with_other_terms(deployment));
    given.stores.change_deployment(organization, ALL, deployment, &rule, &given.deed()).unwrap();
    let KeyTerms { scopes, allowlist, rate_limit, .. } = terms;
    let bad = Key {
        is_active: false,
        owner_is_active: false,
        expires_at: Some(until),
        scopes,
        allowlist,
        rate_limit,
        ..good
    };
    assert_eq!(found().key, bad);
    assert_eq!(found().bounds, bounds_of(&with_other_terms(&deployed.deployment)));
}

pub fn a_platform_key_is_as_active_as_its_slot(given: &Given) {
    let new = given.new_organization("acme");
    given.create(&new);
    let found = || given.found_by(&new.platform_key.secret.digest).unwrap();
    let record = found();
    assert_eq!((record.id, record.name.as_str()), (new.platform_key.id, "Key #1"));
    assert_eq!(record.key.owner, KeyOwner::Platform(Slot::One));
    assert!(record.key.is_active && record.key.owner_is_active);
    let rule = |_: &_| Ok(PlatformKeyChange::Activate(None));
    let act = given.act(Action::PlatformKeyDeactivated);
    given.stores.change_platform_keys(new.organization.id, &rule, &act).unwrap();
    assert!(!found().key.is_active);
}

pub fn an_unknown_digest_finds_nothing(given: &Given) {
    given.deployed("acme");
    assert_eq!(given.found_by(&[1; 32].into()), None);
}

pub fn a_deleted_deployment_key_is_found_revoked(given: &Given) {
    let deployed = given.deployed("acme");
    let key = &deployed.key.key;
    let rule = |_: &ManagedKey| Ok(KeyChange::Delete { at: given.now() });
    let act = given.act(Action::KeyDeleted);
    given.stores.change_key(deployed.organization, deployed.ring(), key.id, &rule, &act).unwrap();
    let found = given.found_by(&key.secret.digest).unwrap();
    assert_eq!(found.key.revoked_at, Some(given.now()));
}

pub fn the_keys_of_a_deleted_deployment_are_found_revoked(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    given.stores.delete_deployment(organization, ALL, deployment, &given.deed()).unwrap();
    let found = given.found_by(&deployed.key.key.secret.digest).unwrap();
    assert_eq!(found.key.revoked_at, Some(given.now()));
}

pub fn a_deleted_platform_key_is_not_found(given: &Given) {
    let new = given.new_organization("acme");
    given.create(&new);
    let rule = |_: &_| Ok(delete(given.now()));
    let act = given.act(Action::PlatformKeyDeleted);
    given.stores.change_platform_keys(new.organization.id, &rule, &act).unwrap();
    assert_eq!(given.found_by(&new.platform_key.secret.digest), None);
}

pub fn secrets_are_counted_under_their_pepper_as_long_as_a_live_key_needs_it(given: &Given) {
    let counted = || given.stores.secrets_per_pepper().unwrap();
    assert_eq!(counted(), []);
    let new = given.new_organization("acme");
    given.create(&new);
    given.organization("other");
    assert_eq!(counted(), [(given.pepper_name(), 2)]);
    for organization in given.stores.list_organizations().unwrap() {
        let rule = |_: &_| Ok(delete(given.now()));
        let act = given.act(Action::PlatformKeyDeleted);
        given.stores.change_platform_keys(organization.id, &rule, &act).unwrap();
    }
    assert_eq!(counted(), []);
}

/// What a deployment bounds its calls by.
fn bounds_of(deployment: &Deployment) -> CallBounds {
    CallBounds {
        rate_limit: deployment.rate_limit,
        max_body_bytes: Some(deployment.max_body_bytes),
        max_file_bytes: Some(deployment.max_file_bytes),
        api_name: ApiName::parse(&deployment.api_name),
    }
}

fn with_other_terms(deployment: &Deployment) -> Deployment {
    Deployment {
        is_active: false,
        rate_limit: None,
        max_body_bytes: 5,
        max_file_bytes: 6,
        api_name: "other".into(),
        ..deployment.clone()
    }
}
