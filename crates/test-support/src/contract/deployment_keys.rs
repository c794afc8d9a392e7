//! The keys of a deployment.

use std::time::Duration;

use access_domain::{ChangeError, Visibility};
use deployments_domain::{DeploymentKey, DeploymentRefusal, NewDeploymentKey, PageRequest};

use super::{
    Given,
    given::{ALL, Deployed, OTHER, at_once, first},
};

fn create(given: &Given, deployed: &Deployed, new: &NewDeploymentKey) -> Option<DeploymentKey> {
    given.stores.create_key(deployed.organization, ALL, deployed.deployment.id, new).unwrap()
}

fn find(given: &Given, deployed: &Deployed, new: &NewDeploymentKey) -> Option<DeploymentKey> {
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    given.stores.find_key_of(organization, ALL, deployment, new.key.id).unwrap()
}

pub fn a_new_key_is_told_and_found_as_it_was_made(given: &Given) {
    let deployed = given.deployed("acme");
    let until = given.now() + Duration::from_micros(1);
    let new = NewDeploymentKey { expires_at: Some(until), ..given.new_deployment_key() };
    let made = create(given, &deployed, &new).unwrap();
    let expected = DeploymentKey {
        id: new.key.id,
        deployment: deployed.deployment.id,
        description: "for the shop".into(),
        is_active: true,
        expires_at: Some(until),
        hint: new.key.secret.hint.clone(),
        fingerprint: new.key.secret.fingerprint.clone(),
        created_by: new.key.created_by,
        created_at: given.now(),
    };
    assert_eq!(made, expected);
    assert_eq!(find(given, &deployed, &new), Some(expected));
}

pub fn keys_are_listed_newest_first_in_pages(given: &Given) {
    let deployed = given.deployed("acme");
    given.deployed("other");
    let later = [(); 2].map(|()| given.new_deployment_key());
    for new in &later {
        create(given, &deployed, new);
    }
    let list = |page| {
        let (organization, deployment) = (deployed.organization, deployed.deployment.id);
        given.stores.list_keys(organization, ALL, deployment, page).unwrap().unwrap()
    };
    let page = list(first(2));
    let ids: Vec<_> = page.items.iter().map(|key| key.id).collect();
    assert_eq!(ids, [later[1].key.id, later[0].key.id]);
    let page = list(PageRequest { after: page.next, limit: 2 });
    assert_eq!((page.items[0].id, page.items.len()), (deployed.key.key.id, 1));
    assert_eq!(page.next, None);
}

pub fn keys_are_seen_by_whoever_sees_the_deployment(given: &Given) {
    let deployed = given.deployed("acme");
    let (here, there) = (deployed.organization, given.organization("other"));
    let (deployment, id) = (deployed.deployment.id, deployed.key.key.id);
    for (organization, visibility) in [(there, ALL), (here, Visibility::MadeBy(OTHER))] {
        let stores = &given.stores;
        let new = given.new_deployment_key();
        assert_eq!(stores.create_key(organization, visibility, deployment, &new).unwrap(), None);
        let listed = stores.list_keys(organization, visibility, deployment, first(9)).unwrap();
        assert_eq!(listed, None);
        assert_eq!(stores.find_key_of(organization, visibility, deployment, id).unwrap(), None);
        let rule = |key: &DeploymentKey| Ok(key.clone());
        let changed = stores.change_key(organization, visibility, deployment, id, &rule);
        assert!(matches!(changed, Err(ChangeError::Refused(DeploymentRefusal::NotFound))));
        let now = given.now();
        assert!(!stores.delete_key(organization, visibility, deployment, id, now).unwrap());
    }
    assert!(find(given, &deployed, &deployed.key).is_some());
}

pub fn a_key_is_found_only_under_its_own_deployment(given: &Given) {
    let deployed = given.deployed("acme");
    let other = given.new_deployment(&deployed.workflow, "other");
    given.stores.create_deployment(ALL, &other, &given.new_deployment_key()).unwrap();
    let (organization, id) = (deployed.organization, deployed.key.key.id);
    assert_eq!(given.stores.find_key_of(organization, ALL, other.id, id).unwrap(), None);
    let rule = |key: &DeploymentKey| Ok(key.clone());
    let changed = given.stores.change_key(organization, ALL, other.id, id, &rule);
    assert!(matches!(changed, Err(ChangeError::Refused(DeploymentRefusal::NotFound))));
    assert!(!given.stores.delete_key(organization, ALL, other.id, id, given.now()).unwrap());
}

pub fn a_change_of_a_key_is_saved_and_a_refusal_is_not(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    let id = deployed.key.key.id;
    let until = Some(given.now() + Duration::from_micros(7));
    let rule = |key: &DeploymentKey| {
        Ok(DeploymentKey {
            description: String::new(),
            is_active: false,
            expires_at: until,
            ..key.clone()
        })
    };
    let after = given.stores.change_key(organization, ALL, deployment, id, &rule).unwrap();
    assert_eq!((after.description.as_str(), after.is_active), ("", false));
    assert_eq!(after.expires_at, until);
    let refuse = |_: &DeploymentKey| Err(DeploymentRefusal::NotFound);
    given.stores.change_key(organization, ALL, deployment, id, &refuse).unwrap_err();
    assert_eq!(find(given, &deployed, &deployed.key), Some(after));
}

pub fn eight_changes_of_a_key_at_once_all_survive(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    at_once(8, |_| {
        let rule = |key: &DeploymentKey| {
            Ok(DeploymentKey { description: format!("{}!", key.description), ..key.clone() })
        };
        let id = deployed.key.key.id;
        given.stores.change_key(organization, ALL, deployment, id, &rule).unwrap();
    });
    let after = find(given, &deployed, &deployed.key).unwrap();
    assert_eq!(after.description, "for the shop!!!!!!!!");
}

pub fn a_deleted_key_is_not_seen_and_not_deleted_again(given: &Given) {
    let deployed = given.deployed("acme");
    let (organization, deployment) = (deployed.organization, deployed.deployment.id);
    let id = deployed.key.key.id;
    let delete =
        || given.stores.delete_key(organization, ALL, deployment, id, given.now()).unwrap();
    assert_eq!([delete(), delete()], [true, false]);
    assert_eq!(find(given, &deployed, &deployed.key), None);
    let listed = given.stores.list_keys(organization, ALL, deployment, first(9)).unwrap().unwrap();
    assert!(listed.items.is_empty());
    let rule = |key: &DeploymentKey| Ok(key.clone());
    let changed = given.stores.change_key(organization, ALL, deployment, id, &rule);
    assert!(matches!(changed, Err(ChangeError::Refused(DeploymentRefusal::NotFound))));
}

pub fn no_key_survives_the_deletion_of_its_deployment(given: &Given) {
    for slug in ["one", "two", "three", "four"] {
        let deployed = given.deployed(slug);
        let (organization, deployment) = (deployed.organization, deployed.deployment.id);
        let made = at_once(4, |thread| {
            if thread == 0 {
                let now = given.now();
                given.stores.delete_deployment(organization, ALL, deployment, now).unwrap();
                return None;
            }
            let new = given.new_deployment_key();
            given.stores.create_key(organization, ALL, deployment, &new).unwrap().map(|_| new)
        });
        for new in made.into_iter().flatten().chain([deployed.key]) {
            let found = given.stores.find_key(&new.key.secret.digest).unwrap().unwrap();
            assert!(found.key.revoked_at.is_some());
        }
    }
}
