//! The keys that an organization hands out.

use std::time::Duration;

use access_domain::{
    Action, ChangeError, KeyChange, KeyFilter, KeyRefusal, KeyRing, KeySecret, KeyTerms,
    ManagedKey, NewManagedKey, OrganizationId, PageRequest, Revocation, SearchText, Visibility,
};
use keys_core::KeyId;

use super::{
    Given,
    given::{ALL, Deployed, OTHER, at_once, first},
};

type Changed = Result<ManagedKey, ChangeError<KeyRefusal>>;

fn create(
    given: &Given,
    organization: OrganizationId,
    ring: KeyRing,
    new: &NewManagedKey,
) -> Changed {
    given.stores.create_key(organization, ring, new, &given.act(Action::KeyCreated))
}

fn find(given: &Given, deployed: &Deployed, new: &NewManagedKey) -> Option<ManagedKey> {
    given.stores.find_managed_key(deployed.organization, deployed.ring(), new.key.id).unwrap()
}

fn list(
    given: &Given,
    deployed: &Deployed,
    page: PageRequest,
) -> (Vec<KeyId>, Option<PageRequest>) {
    let (organization, all) = (deployed.organization, KeyFilter::default());
    let page = given.stores.list_keys(organization, deployed.ring(), &all, page);
    let page = page.unwrap().unwrap();
    let next = page.next.map(|after| PageRequest { after: Some(after), limit: 2 });
    (page.items.iter().map(|key| key.id).collect(), next)
}

fn change(
    given: &Given,
    deployed: &Deployed,
    rule: &dyn Fn(&ManagedKey) -> Result<KeyChange, KeyRefusal>,
) -> Changed {
    let (organization, id) = (deployed.organization, deployed.key.key.id);
    let act = given.act(Action::KeyChanged);
    given.stores.change_key(organization, deployed.ring(), id, rule, &act)
}

fn assert_not_found(changed: &Changed) {
    assert!(matches!(changed, Err(ChangeError::Refused(KeyRefusal::NotFound))), "{changed:?}");
}

/// A rule that changes nothing.
fn nothing(key: &ManagedKey) -> Result<KeyChange, KeyRefusal> {
    Ok(KeyChange::Terms(key.terms.clone()))
}

fn expected(given: &Given, new: &NewManagedKey, ring: KeyRing) -> ManagedKey {
    let secret = KeySecret {
        digest: new.key.secret.digest,
        hint: new.key.secret.hint.clone(),
        fingerprint: new.key.secret.fingerprint.clone(),
        created_at: given.now(),
        grace_until: None,
        last_used_at: None,
    };
    ManagedKey {
        id: new.key.id,
        deployment: match ring {
            KeyRing::Organization => None,
            KeyRing::Deployment(id, _) => Some(id),
        },
        name: new.name.clone(),
        terms: new.terms.clone(),
        term: new.term,
        revoked: None,
        secrets: vec![secret],
        imported: None,
        created_by: new.key.created_by,
        created_at: given.now(),
    }
}

pub fn a_new_key_is_told_and_found_as_it_was_made(given: &Given) {
    let deployed = given.deployed("acme");
    for (ring, new) in [
        (deployed.ring(), given.new_deployment_key()),
        (KeyRing::Organization, given.new_organization_key("production")),
    ] {
        let terms = KeyTerms {
            expires_at: Some(given.now() + Duration::from_micros(1)),
            metadata: "{\"team\":\"Rücken\"}".into(),
            scopes: keys_core::Scopes::new(["b".parse().unwrap(), "a:b".parse().unwrap()]).unwrap(),
            rate_limit: keys_core::RateLimit::per_minute(9),
            allowlist: keys_core::Allowlist::new(vec!["::1".parse().unwrap()]).unwrap(),
            ..new.terms.clone()
        };
        let terms_length = terms.expires_at.unwrap() - given.now();
        let new = NewManagedKey { terms, term: Some(terms_length), ..new };
        let made = create(given, deployed.organization, ring, &new).unwrap();
        assert_eq!(made, expected(given, &new, ring));
        let found = given.stores.find_managed_key(deployed.organization, ring, new.key.id);
        assert_eq!(found.unwrap(), Some(made));
    }
}

pub fn keys_are_listed_newest_first_in_pages(given: &Given) {
    let deployed = given.deployed("acme");
    given.deployed("other");
    let later = [(); 2].map(|()| given.new_deployment_key());
    for new in &later {
        create(given, deployed.organization, deployed.ring(), new).unwrap();
    }
    let of_organization = given.new_organization_key("production");
    create(given, deployed.organization, KeyRing::Organization, &of_organization).unwrap();
    let (ids, next) = list(given, &deployed, first(2));
    assert_eq!(ids, [later[1].key.id, later[0].key.id]);
    let (ids, next) = list(given, &deployed, next.unwrap());
    assert_eq!((ids, next.is_none()), (vec![deployed.key.key.id], true));
}

pub fn keys_are_filtered_by_maker_name_and_revocation(given: &Given) {
    let organization = given.organization("acme");
    let [mine, other] = ["mine", "other"].map(|name| given.new_organization_key(name));
    let other = NewManagedKey {
        key: access_domain::NewKey { created_by: Some(OTHER), ..other.key },
        ..other
    };
    for new in [&mine, &other] {
        create(given, organization, KeyRing::Organization, new).unwrap();
    }
    let rule = |_: &ManagedKey| {
        Ok(KeyChange::Revoke(Revocation { at: given.now(), reason: "leaked".into() }))
    };
    let act = given.act(Action::KeyRevoked);
    let (stores, ring) = (&given.stores, KeyRing::Organization);
    let revoked = stores.change_key(organization, ring, other.key.id, &rule, &act).unwrap();
    assert_eq!(revoked.revoked.map(|revoked| revoked.reason).as_deref(), Some("leaked"));
    let ids = |filter: KeyFilter| -> Vec<KeyId> {
        let page = stores.list_keys(organization, ring, &filter, first(9)).unwrap().unwrap();
        page.items.iter().map(|key| key.id).collect()
    };
    let none = KeyFilter::default;
    assert_eq!(ids(KeyFilter { created_by: Some(OTHER), ..none() }), [other.key.id]);
    assert_eq!(ids(KeyFilter { name: Some("mine".into()), ..none() }), [mine.key.id]);
    assert_eq!(ids(KeyFilter { revoked: Some(true), ..none() }), [other.key.id]);
    assert_eq!(ids(KeyFilter { revoked: Some(false), ..none() }), [mine.key.id]);
    let search = SearchText::parse("MIN").unwrap();
    assert_eq!(ids(KeyFilter { search, ..none() }), [mine.key.id]);
    assert_eq!(ids(none()).len(), 2);
}

pub fn keys_of_a_deployment_are_searched_by_their_description(given: &Given) {
    let deployed = given.deployed("acme");
    let mut other = given.new_deployment_key();
    other.terms.description = "For the Warehouse".into();
    create(given, deployed.organization, deployed.ring(), &other).unwrap();
    let filter =
        KeyFilter { search: SearchText::parse("warehouse").unwrap(), ..KeyFilter::default() };
    let found = given.stores.list_keys(deployed.organization, deployed.ring(), &filter, first(9));
    let found = found.unwrap().unwrap().items;
    assert_eq!(found.iter().map(|key| key.id).collect::<Vec<_>>(), [other.key.id]);
}

pub fn keys_are_seen_by_whoever_sees_the_deployment(given: &Given) {
    let deployed = given.deployed("acme");
    let (here, there) = (deployed.organization, given.organization("other"));
    let (deployment, id) = (deployed.deployment.id, deployed.key.key.id);
    for (organization, visibility) in [(there, ALL), (here, Visibility::Member(OTHER))] {
        let (stores, ring) = (&given.stores, KeyRing::Deployment(deployment, visibility));
        assert_not_found(&create(given, organization, ring, &given.new_deployment_key()));
        let listed = stores.list_keys(organization, ring, &KeyFilter::default(), first(9));
        assert_eq!(listed.unwrap(), None);
        assert_eq!(stores.find_managed_key(organization, ring, id).unwrap(), None);
        let act = given.act(Action::KeyChanged);
        assert_not_found(&stores.change_key(organization, ring, id, &nothing, &act));
    }
    assert!(find(given, &deployed, &deployed.key).is_some());
}

pub fn a_key_is_found_only_on_its_own_ring(given: &Given) {
    let deployed = given.deployed("acme");
    let other = given.new_deployment(&deployed.workflow, "other");
    given
        .stores
        .create_deployment(ALL, &other, &given.new_deployment_key(), &given.deed())
        .unwrap();
    let (organization, id) = (deployed.organization, deployed.key.key.id);
    for ring in [KeyRing::Deployment(other.id, ALL), KeyRing::Organization] {
        assert_eq!(given.stores.find_managed_key(organization, ring, id).unwrap(), None);
        let act = given.act(Action::KeyChanged);
        assert_not_found(&given.stores.change_key(organization, ring, id, &nothing, &act));
    }
}

pub fn a_change_of_a_key_is_saved_and_a_refusal_is_not(given: &Given) {
    let deployed = given.deployed("acme");
    let terms = KeyTerms {
        is_active: false,
        expires_at: Some(given.now() + Duration::from_micros(7)),
        ..KeyTerms::default()
    };
    let after = change(given, &deployed, &|_| Ok(KeyChange::Terms(terms.clone()))).unwrap();
    assert_eq!(after.terms, terms);
    change(given, &deployed, &|_| Err(KeyRefusal::Revoked)).unwrap_err();
    assert_eq!(find(given, &deployed, &deployed.key), Some(after));
}

pub fn a_name_is_taken_until_its_key_is_deleted(given: &Given) {
    let (acme, other) = (given.organization("acme"), given.organization("other"));
    let new = || given.new_organization_key("production");
    let first = create(given, acme, KeyRing::Organization, &new()).unwrap();
    create(given, other, KeyRing::Organization, &new()).unwrap();
    let taken = create(given, acme, KeyRing::Organization, &new());
    assert!(matches!(taken, Err(ChangeError::Refused(KeyRefusal::NameTaken))), "{taken:?}");
    let rule = |_: &ManagedKey| Ok(KeyChange::Delete { at: given.now() });
    let act = given.act(Action::KeyDeleted);
    given.stores.change_key(acme, KeyRing::Organization, first.id, &rule, &act).unwrap();
    create(given, acme, KeyRing::Organization, &new()).unwrap();
}

pub fn of_eight_keys_of_one_name_at_once_one_is_made(given: &Given) {
    let organization = given.organization("acme");
    let made = at_once(8, |_| {
        let new = given.new_organization_key("production");
        create(given, organization, KeyRing::Organization, &new).is_ok()
    });
    assert_eq!(made.iter().filter(|is_made| **is_made).count(), 1);
}

pub fn eight_changes_of_a_key_at_once_all_survive(given: &Given) {
    let deployed = given.deployed("acme");
    at_once(8, |_| {
        let rule = |key: &ManagedKey| {
            let description = format!("{}!", key.terms.description);
            Ok(KeyChange::Terms(KeyTerms { description, ..key.terms.clone() }))
        };
        change(given, &deployed, &rule).unwrap();
    });
    let after = find(given, &deployed, &deployed.key).unwrap();
    assert_eq!(after.terms.description, "for the shop!!!!!!!!");
}

fn rotate(given: &Given, deployed: &Deployed, grace: Duration) -> (ManagedKey, keys_core::Digest) {
    let (secret, at) = (given.secret(), given.now());
    let rule = |key: &ManagedKey| {
        Ok(KeyChange::Rotate {
            secret: secret.clone(),
            at,
            grace_until: at + grace,
            expires_at: key.terms.expires_at,
        })
    };
    (change(given, deployed, &rule).unwrap(), secret.digest)
}

pub fn a_rotated_key_has_two_secrets_and_never_three(given: &Given) {
    let deployed = given.deployed("acme");
    let first = deployed.key.key.secret.digest;
    let (key, second) = rotate(given, &deployed, Duration::from_secs(60));
    let until = given.now() + Duration::from_secs(60);
    let secrets: Vec<_> = key.secrets.iter().map(|s| (s.digest, s.grace_until)).collect();
    assert_eq!(secrets, [(second, None), (first, Some(until))]);
    let old = given.found_by(&first).unwrap();
    assert_eq!((old.id, old.key.grace_until), (key.id, Some(until)));
    assert_eq!(given.found_by(&second).unwrap().key.grace_until, None);
    let (key, third) = rotate(given, &deployed, Duration::from_secs(90));
    let digests: Vec<_> = key.secrets.iter().map(|secret| secret.digest).collect();
    assert_eq!(digests, [third, second]);
    assert_eq!(given.found_by(&first), None);
}

pub fn eight_rotations_at_once_leave_one_present_secret(given: &Given) {
    let deployed = given.deployed("acme");
    at_once(8, |_| rotate(given, &deployed, Duration::from_secs(60)));
    let key = find(given, &deployed, &deployed.key).unwrap();
    let graces: Vec<_> = key.secrets.iter().map(|s| s.grace_until.is_some()).collect();
    assert_eq!(graces, [false, true]);
}

pub fn a_deleted_key_is_not_seen_and_not_deleted_again(given: &Given) {
    let deployed = given.deployed("acme");
    let delete = |_: &ManagedKey| Ok(KeyChange::Delete { at: given.now() });
    change(given, &deployed, &delete).unwrap();
    assert_not_found(&change(given, &deployed, &delete));
    assert_eq!(find(given, &deployed, &deployed.key), None);
    assert_eq!(list(given, &deployed, first(9)).0, []);
}

pub fn no_key_survives_the_deletion_of_its_deployment(given: &Given) {
    for slug in ["one", "two", "three", "four"] {
        let deployed = given.deployed(slug);
        let (organization, deployment) = (deployed.organization, deployed.deployment.id);
        let made = at_once(4, |thread| {
            if thread == 0 {
                given
                    .stores
                    .delete_deployment(organization, ALL, deployment, &given.deed())
                    .unwrap();
                return None;
            }
            let new = given.new_deployment_key();
            create(given, organization, deployed.ring(), &new).ok().map(|_| new)
        });
        for new in made.into_iter().flatten().chain([deployed.key]) {
            let found = given.found_by(&new.key.secret.digest).unwrap();
            assert!(found.key.revoked_at.is_some());
        }
    }
}
