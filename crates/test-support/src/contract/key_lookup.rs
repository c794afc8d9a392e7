//! The key behind a digest.

use std::time::Duration;

use access_domain::{KeyOwner, PlatformKeyChange};
use deployments_domain::{Deployment, DeploymentKey};
use keys_core::{Key, Slot};

use super::{Given, given::ALL};

pub fn a_deployment_key_is_found_with_all_that_decides_its_fate(given: &Given) {
    let deployed = given.deployed("acme");
    let digest = deployed.key.key.secret.digest;
    let found = || given.stores.find_key(&digest).unwrap().unwrap();

    let record = found();
    assert_eq!((record.id, record.name.as_str()), (deployed.key.key.id, "for the shop"));
    assert_eq!(record.organization.id, deployed.organization);
    assert_eq!(record.organization.slug, "acme");
    let good = Key {
        owner: KeyOwner::Deployment(deployed.deployment.id),
        is_active: true,
        owner_is_active: true,
        revoked_at: None,
        expires_at: None,
    };
    assert_eq!(record.key, good);

    let until = given.now() + Duration::from_micros(1);
    let rule = |key: &DeploymentKey| {
        Ok(DeploymentKey { is_active: false, expires_at: Some(until), ..key.clone() })
    };
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    given.stores.change_key(organization, ALL, deployment, record.id, &rule).unwrap();
    let rule = |deployment: &Deployment| Ok(Deployment { is_active: false, ..deployment.clone() });
    given.stores.change_deployment(organization, ALL, deployment, &rule).unwrap();
    let bad = Key { is_active: false, owner_is_active: false, expires_at: Some(until), ..good };
    assert_eq!(found().key, bad);
}

pub fn a_platform_key_is_as_active_as_its_slot(given: &Given) {
    let new = given.new_organization("acme");
    given.stores.create(&new).unwrap();
    let found = || given.stores.find_key(&new.platform_key.secret.digest).unwrap().unwrap();
    let record = found();
    assert_eq!((record.id, record.name.as_str()), (new.platform_key.id, "Key #1"));
    assert_eq!(record.key.owner, KeyOwner::Platform(Slot::One));
    assert!(record.key.is_active && record.key.owner_is_active);
    let rule = |_: &_| Ok(PlatformKeyChange::Activate(None));
    given.stores.change_platform_keys(new.organization.id, &rule).unwrap();
    assert!(!found().key.is_active);
}

pub fn an_unknown_digest_finds_nothing(given: &Given) {
    given.deployed("acme");
    assert_eq!(given.stores.find_key(&[1; 32].into()).unwrap(), None);
}

pub fn a_deleted_deployment_key_is_found_revoked(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    let key = &deployed.key.key;
    given.stores.delete_key(organization, ALL, deployment, key.id, given.now()).unwrap();
    let found = given.stores.find_key(&key.secret.digest).unwrap().unwrap();
    assert_eq!(found.key.revoked_at, Some(given.now()));
}

pub fn the_keys_of_a_deleted_deployment_are_found_revoked(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    given.stores.delete_deployment(organization, ALL, deployment, given.now()).unwrap();
    let found = given.stores.find_key(&deployed.key.key.secret.digest).unwrap().unwrap();
    assert_eq!(found.key.revoked_at, Some(given.now()));
}

pub fn a_deleted_platform_key_is_not_found(given: &Given) {
    let new = given.new_organization("acme");
    given.stores.create(&new).unwrap();
    let rule = |_: &_| Ok(PlatformKeyChange::Delete { slot: Slot::One, at: given.now() });
    given.stores.change_platform_keys(new.organization.id, &rule).unwrap();
    assert_eq!(given.stores.find_key(&new.platform_key.secret.digest).unwrap(), None);
}

pub fn peppers_are_named_as_long_as_a_live_key_needs_them(given: &Given) {
    assert_eq!(given.stores.pepper_names().unwrap(), Vec::<String>::new());
    let new = given.new_organization("acme");
    given.stores.create(&new).unwrap();
    given.organization("other");
    assert_eq!(given.stores.pepper_names().unwrap(), [given.pepper_name()]);
    for organization in given.stores.list_organizations().unwrap() {
        let rule = |_: &_| Ok(PlatformKeyChange::Delete { slot: Slot::One, at: given.now() });
        given.stores.change_platform_keys(organization.id, &rule).unwrap();
    }
    assert_eq!(given.stores.pepper_names().unwrap(), Vec::<String>::new());
}
