//! When secrets were last used.

use std::time::Duration;

use access_domain::{Action, FoundBy, KeyChange, KeyRefusal, ManagedKey, Uses};
use keys_core::{Digest, Timestamp};

use super::{Given, at_once, given::Deployed};

fn after(given: &Given, seconds: u64) -> Timestamp {
    given.now() + Duration::from_secs(seconds)
}

/// When each secret of the deployment's key was last used, the present one first.
fn told(given: &Given, deployed: &Deployed) -> Vec<Option<Timestamp>> {
    let (organization, ring) = (deployed.organization, deployed.ring());
    let key = given.stores.find_managed_key(organization, ring, deployed.key.key.id);
    key.unwrap().unwrap().secrets.iter().map(|secret| secret.last_used_at).collect()
}

/// Gives the key another secret and returns its digest; the present one stays good for an hour.
fn rotate(given: &Given, deployed: &Deployed) -> Digest {
    let (secret, at, grace_until) = (given.secret(), given.now(), after(given, 3600));
    let rule = |_: &ManagedKey| -> Result<KeyChange, KeyRefusal> {
        Ok(KeyChange::Rotate { secret: secret.clone(), at, grace_until, expires_at: None })
    };
    let (id, act) = (deployed.key.key.id, given.act(Action::KeyRotated));
    let (organization, ring) = (deployed.organization, deployed.ring());
    given.stores.change_key(organization, ring, id, &rule, &act).unwrap();
    secret.digest
}

pub fn the_last_use_is_told_of_each_secret(given: &Given) {
    let deployed = given.deployed("acme");
    let old = deployed.key.key.secret.digest;
    assert_eq!(told(given, &deployed), [None]);
    let new = rotate(given, &deployed);
    given.stores.note_uses(&[(old, after(given, 2))]).unwrap();
    assert_eq!(told(given, &deployed), [None, Some(after(given, 2))]);
    given.stores.note_uses(&[(old, after(given, 3)), (new, after(given, 1))]).unwrap();
    assert_eq!(told(given, &deployed), [Some(after(given, 1)), Some(after(given, 3))]);
}

pub fn a_later_use_stays_when_an_earlier_one_is_noted(given: &Given) {
    let deployed = given.deployed("acme");
    let digest = deployed.key.key.secret.digest;
    let uses = [2, 5, 1].map(|seconds| (digest, after(given, seconds)));
    given.stores.note_uses(&uses).unwrap();
    given.stores.note_uses(&[(digest, after(given, 4))]).unwrap();
    assert_eq!(told(given, &deployed), [Some(after(given, 5))]);
}

pub fn uses_of_what_is_no_secret_are_let_go(given: &Given) {
    let deployed = given.deployed("acme");
    let digest = deployed.key.key.secret.digest;
    let nobodys = (0..2500_u16).map(|number| {
        let mut bytes = [7; 32];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        (Digest::from(bytes), given.now())
    });
    let uses: Vec<_> = nobodys.chain([(digest, after(given, 1))]).collect();
    given.stores.note_uses(&uses).unwrap();
    given.stores.note_uses(&[]).unwrap();
    assert_eq!(told(given, &deployed), [Some(after(given, 1))]);
}

pub fn of_uses_noted_by_eight_at_once_while_keys_are_rotated_the_last_are_told(given: &Given) {
    let keys: Vec<_> = ["a", "b", "c", "d"].map(|slug| given.deployed(slug)).into();
    let secrets: Vec<_> = keys
        .iter()
        .flat_map(|deployed| [deployed.key.key.secret.digest, rotate(given, deployed)])
        .collect();
    at_once(8, |thread| {
        for round in 0..10 {
            if thread == 0 {
                for deployed in &keys {
                    rotate(given, deployed);
                }
            } else {
                let at = after(given, round * 8 + thread as u64);
                let mut uses: Vec<_> = secrets.iter().map(|digest| (*digest, at)).collect();
                if thread % 2 == 0 {
                    uses.reverse();
                }
                given.stores.note_uses(&uses).unwrap();
            }
        }
    });
    let new = keys.iter().map(|deployed| rotate(given, deployed)).collect::<Vec<_>>();
    at_once(8, |thread| {
        let at = after(given, 100 + thread as u64);
        let uses: Vec<_> = new.iter().map(|digest| (*digest, at)).collect();
        given.stores.note_uses(&uses).unwrap();
    });
    for deployed in &keys {
        assert_eq!(told(given, deployed)[0], Some(after(given, 107)));
    }
}

pub fn what_is_noted_in_memory_is_stored_once_it_is_asked_to(given: &Given) {
    let deployed = given.deployed("acme");
    let digest = deployed.key.key.secret.digest;
    let uses = Uses::default();
    let pepper = given.pepper_name();
    uses.note(&FoundBy::Native { digest, pepper }, after(given, 9));
    assert_eq!(told(given, &deployed), [None]);
    uses.flush(&*given.stores).unwrap();
    assert_eq!(told(given, &deployed), [Some(after(given, 9))]);
}
