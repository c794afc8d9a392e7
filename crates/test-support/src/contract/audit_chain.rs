//! The chain: what seals it, and that it is whole while others seal, prune and read.

use std::time::Duration;

use access_domain::{
    Action, BreakKind, ChangeError, Operator, OrganizationId, Unverified, VerifiedChain,
};

use super::{Given, at_once};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn verify(given: &Given, organization: OrganizationId) -> Result<VerifiedChain, Unverified> {
    given.audit().verify(Operator::at_the_command_line(), organization)
}

#[track_caller]
fn whole(given: &Given, organization: OrganizationId, verified: i64, unsealed: i64) {
    let found = verify(given, organization).unwrap();
    assert_eq!((found.verified, found.unsealed), (verified, unsealed));
}

#[track_caller]
fn total(given: &Given, expected: i64) {
    let found = given.audit().verify_total(Operator::at_the_command_line());
    assert_eq!(found.unwrap(), expected);
}

pub fn entries_are_chained_by_the_sealer_and_new_ones_are_told_as_unsealed(given: &Given) {
    let organization = given.organization("acme");
    given.organization("other");
    whole(given, organization, 0, 1);
    assert_eq!(given.audit().seal().unwrap().entries, 2);
    whole(given, organization, 1, 0);
    given.workflow(organization);
    whole(given, organization, 1, 1);
    assert_eq!(given.audit().seal().unwrap().entries, 1);
    assert_eq!(given.audit().seal().unwrap().entries, 0);
    whole(given, organization, 2, 0);
    total(given, 3);
}

pub fn two_sealers_at_once_make_one_chain(given: &Given) {
    let organizations = ["one", "two"].map(|slug| given.organization(slug));
    for round in 0..5 {
        for organization in organizations {
            given.workflow(organization);
            given.workflow(organization);
        }
        let sealed = at_once(4, |_| given.audit().seal().unwrap());
        assert!(sealed.iter().all(|one| one.broken.is_empty()), "{sealed:?}");
        let first = if round == 0 { 2 } else { 0 };
        assert_eq!(sealed.iter().map(|one| one.entries).sum::<usize>(), 4 + first);
    }
    for organization in organizations {
        whole(given, organization, 11, 0);
    }
    total(given, 22);
}

pub fn changes_are_made_while_they_are_sealed_and_verified(given: &Given) {
    let organization = given.organization("acme");
    at_once(4, |thread| match thread {
        0 => {
            for _ in 0..20 {
                given.workflow(organization);
            }
        }
        1 | 2 => {
            for _ in 0..20 {
                assert!(given.audit().seal().unwrap().broken.is_empty());
            }
        }
        _ => {
            for _ in 0..20 {
                verify(given, organization).unwrap();
            }
        }
    });
    given.audit().seal().unwrap();
    whole(given, organization, 21, 0);
}

pub fn a_pruned_chain_still_verifies_and_goes_on(given: &Given) {
    let organization = given.sealed_chain("acme", 4);
    given.clock.advance(DAY);
    given.sealed_entry(organization);
    assert_eq!(given.audit().prune().unwrap().entries, 3);
    given.clock.advance(Duration::from_millis(1));
    assert_eq!(given.audit().prune().unwrap().entries, 1);
    assert_eq!(given.audit().prune().unwrap().entries, 0);
    whole(given, organization, 1, 0);
    given.sealed_entry(organization);
    whole(given, organization, 2, 0);
    total(given, 6);
    given.clock.advance(DAY + DAY);
    assert_eq!(given.audit().prune().unwrap().entries, 2);
    whole(given, organization, 0, 0);
    given.sealed_entry(organization);
    whole(given, organization, 1, 0);
    total(given, 7);
}

pub fn what_is_not_sealed_is_not_pruned(given: &Given) {
    let organization = given.organization("acme");
    given.clock.advance(DAY + DAY);
    assert_eq!(given.audit().prune().unwrap().entries, 0);
    whole(given, organization, 0, 1);
}

pub fn a_chain_under_another_pepper_is_neither_verified_nor_built_on(given: &Given) {
    let organization = given.sealed_chain("acme", 2);
    let mut elsewhere = given.audit();
    elsewhere.peppers = std::sync::Arc::new(keys_core::Pepper::new(&[8; 32]).unwrap().into());
    given.workflow(organization);
    let left = elsewhere.seal().unwrap();
    assert_eq!((left.entries, left.broken[0].kind), (0, BreakKind::PepperMissing));
    let found = elsewhere.verify(Operator::at_the_command_line(), organization).unwrap_err();
    let ChangeError::Refused(found) = found else { panic!("{found:?}") };
    assert_eq!((found.kind, found.organization), (BreakKind::PepperMissing, Some(organization)));
    whole(given, organization, 2, 1);
}

pub fn a_long_chain_is_read_in_pages(given: &Given) {
    let organization = given.organization("acme");
    let entries = (0..1203).map(|_| {
        let act = given.act(Action::Refused);
        let kind = access_domain::SubjectKind::Operation;
        let subject = access_domain::Subject { kind, id: None, name: "GET /".into() };
        access_domain::AuditEntry::of(organization, &act, subject)
    });
    given.stores.note_refusals(entries.collect()).unwrap();
    assert_eq!(given.audit().seal().unwrap().entries, 1204);
    whole(given, organization, 1204, 0);
}
