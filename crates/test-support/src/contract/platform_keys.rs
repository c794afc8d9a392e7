//! The two slots.

use access_domain::{
    Action, ChangeError, KeyRing, NewKey, NewManagedKey, OrganizationId, PlatformKey,
    PlatformKeyChange, PlatformKeyRefusal,
};
use keys_core::{PlatformKeyError, PlatformKeys, Slot};

use super::{Given, given::at_once};

type Changed = Result<PlatformKeys<PlatformKey>, ChangeError<PlatformKeyRefusal>>;

/// As the use case does it.
fn generate(given: &Given, organization: OrganizationId, activate: Option<bool>) -> Changed {
    let key = given.new_key();
    let rule = |keys: &PlatformKeys<PlatformKey>| {
        let place = keys.place(None, activate).map_err(PlatformKeyRefusal::NoPlace)?;
        Ok(PlatformKeyChange::Generate {
            slot: place.slot,
            activate: place.activate,
            key: key.clone(),
        })
    };
    let act = given.act(Action::PlatformKeyCreated);
    given.stores.change_platform_keys(organization, &rule, &act)
}

fn change(given: &Given, organization: OrganizationId, change: PlatformKeyChange) -> Changed {
    let act = given.act(Action::PlatformKeyRefreshed);
    given.stores.change_platform_keys(organization, &|_| Ok(change.clone()), &act)
}

pub fn a_generated_key_fills_a_slot_and_is_active_only_if_asked(given: &Given) {
    let organization = given.organization("acme");
    let keys = generate(given, organization, Some(false)).unwrap();
    assert!(keys.get(Slot::Two).is_some());
    assert_eq!(keys.active(), Some(Slot::One));
    assert_eq!(given.stores.platform_keys(organization).unwrap(), keys);

    change(
        given,
        organization,
        PlatformKeyChange::Delete { slot: Slot::One, at: given.now(), revoke_made: false },
    )
    .unwrap();
    let keys = generate(given, organization, Some(true)).unwrap();
    assert_eq!(keys.active(), Some(Slot::One));
}

pub fn one_activation_switches_the_other_key_off(given: &Given) {
    let organization = given.organization("acme");
    generate(given, organization, None).unwrap();
    for slot in [Some(Slot::Two), Some(Slot::One), None] {
        let keys = change(given, organization, PlatformKeyChange::Activate(slot)).unwrap();
        assert_eq!(keys.active(), slot);
        assert_eq!(given.stores.platform_keys(organization).unwrap(), keys);
    }
}

pub fn a_refreshed_key_keeps_its_id_and_its_state_and_its_old_secret_dies(given: &Given) {
    let new = given.new_organization("acme");
    given.create(&new);
    given.clock.advance(std::time::Duration::from_secs(1));
    let secret = given.secret();
    let refresh = PlatformKeyChange::Refresh {
        slot: Slot::One,
        secret: secret.clone(),
        at: given.now(),
        revoke_made: false,
    };
    let keys = change(given, new.organization.id, refresh).unwrap();
    let key = keys.get(Slot::One).unwrap();
    assert_eq!((key.id, keys.active()), (new.platform_key.id, Some(Slot::One)));
    assert_eq!((&key.hint, &key.fingerprint), (&secret.hint, &secret.fingerprint));
    assert_eq!(key.created_at, new.platform_key.created_at);
    assert_eq!(key.secret_created_at, given.now());
    assert_eq!(given.found_by(&new.platform_key.secret.digest), None);
    assert_eq!(given.found_by(&secret.digest).unwrap().id, key.id);
}

pub fn deleting_the_active_key_leaves_none_active_and_its_slot_empty(given: &Given) {
    let organization = given.organization("acme");
    generate(given, organization, None).unwrap();
    let delete = |slot| PlatformKeyChange::Delete { slot, at: given.now(), revoke_made: false };
    let keys = change(given, organization, delete(Slot::One)).unwrap();
    assert_eq!((keys.active(), keys.get(Slot::One)), (None, None));
    assert!(keys.get(Slot::Two).is_some());
    // The other one, which is not active.
    let keys = change(given, organization, delete(Slot::Two)).unwrap();
    assert_eq!((keys.active(), keys.get(Slot::Two)), (None, None));
    // And both slots take keys again.
    generate(given, organization, None).unwrap();
    let keys = generate(given, organization, None).unwrap();
    assert!(Slot::ALL.iter().all(|slot| keys.get(*slot).is_some()));
}

pub fn deleting_one_key_leaves_the_other_active(given: &Given) {
    let organization = given.organization("acme");
    generate(given, organization, Some(true)).unwrap();
    let delete = PlatformKeyChange::Delete { slot: Slot::One, at: given.now(), revoke_made: false };
    assert_eq!(change(given, organization, delete).unwrap().active(), Some(Slot::Two));
}

pub fn a_refused_change_of_slots_saves_nothing(given: &Given) {
    let organization = given.organization("acme");
    let before = given.stores.platform_keys(organization).unwrap();
    let (rule, act) = (|_: &_| Err(PlatformKeyRefusal::NotItself), given.act(Action::Refused));
    let refused = given.stores.change_platform_keys(organization, &rule, &act).unwrap_err();
    assert!(matches!(refused, ChangeError::Refused(PlatformKeyRefusal::NotItself)));
    assert_eq!(given.stores.platform_keys(organization).unwrap(), before);
}

pub fn an_empty_slot_is_neither_activated_nor_refreshed_nor_deleted(given: &Given) {
    let organization = given.organization("acme");
    let before = given.stores.platform_keys(organization).unwrap();
    let (slot, at) = (Slot::Two, given.now());
    for wanted in [
        PlatformKeyChange::Activate(Some(slot)),
        PlatformKeyChange::Refresh { slot, secret: given.secret(), at, revoke_made: false },
        PlatformKeyChange::Delete { slot, at, revoke_made: false },
    ] {
        let error = change(given, organization, wanted).unwrap_err();
        assert!(matches!(error, ChangeError::Refused(PlatformKeyRefusal::NotFound)), "{error:?}");
    }
    assert_eq!(given.stores.platform_keys(organization).unwrap(), before);
}

pub fn organizations_do_not_see_each_others_slots(given: &Given) {
    let (here, there) = (given.organization("here"), given.organization("there"));
    let theirs = given.stores.platform_keys(there).unwrap();
    generate(given, here, Some(true)).unwrap();
    change(given, here, PlatformKeyChange::Activate(None)).unwrap();
    assert_eq!(given.stores.platform_keys(there).unwrap(), theirs);
}

pub fn an_organization_that_is_not_there_has_empty_slots(given: &Given) {
    let nowhere = given.id();
    let keys = given.stores.platform_keys(nowhere).unwrap();
    assert_eq!((keys.get(Slot::One), keys.get(Slot::Two), keys.active()), (None, None, None));
    let error = generate(given, nowhere, None).unwrap_err();
    assert!(matches!(error, ChangeError::Refused(PlatformKeyRefusal::NotFound)), "{error:?}");
}

pub fn fifty_activations_at_once_leave_exactly_one_active(given: &Given) {
    let organization = given.organization("acme");
    generate(given, organization, None).unwrap();
    let seen = at_once(50, |number| {
        let slot = if number % 2 == 0 { Slot::One } else { Slot::Two };
        (slot, change(given, organization, PlatformKeyChange::Activate(Some(slot))).unwrap())
    });
    for (asked, keys) in seen {
        assert_eq!(keys.active(), Some(asked));
    }
    assert!(given.stores.platform_keys(organization).unwrap().active().is_some());
}

pub fn eight_generations_at_once_make_no_third_key(given: &Given) {
    let organization = given.organization("acme");
    let made = at_once(8, |_| generate(given, organization, None));
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1);
    for refused in made.into_iter().filter_map(Result::err) {
        let full = PlatformKeyRefusal::NoPlace(PlatformKeyError::LimitReached);
        assert!(matches!(&refused, ChangeError::Refused(why) if *why == full), "{refused:?}");
    }
}

pub fn what_a_withdrawn_key_made_is_revoked_if_asked_and_what_that_made(given: &Given) {
    let organization = given.organization("acme");
    let keys = given.stores.platform_keys(organization).unwrap();
    let platform = keys.get(Slot::One).unwrap().id.uuid();
    let make = |name: &str, maker| {
        let new = given.new_organization_key(name);
        let new = NewManagedKey { key: NewKey { created_by: Some(maker), ..new.key }, ..new };
        let act = given.act(Action::KeyCreated);
        given.stores.create_key(organization, KeyRing::Organization, &new, &act).unwrap();
        new
    };
    let child = make("child", platform);
    let grandchild = make("grandchild", child.key.id.uuid());
    let stranger = make("stranger", uuid::Uuid::from_u128(7));
    let (slot, at) = (Slot::One, given.now());
    let is_revoked = |new: &NewManagedKey| {
        given.found_by(&new.key.secret.digest).unwrap().key.revoked_at.is_some()
    };
    let spare = PlatformKeyChange::Refresh { slot, secret: given.secret(), at, revoke_made: false };
    change(given, organization, spare).unwrap();
    assert_eq!([&child, &grandchild, &stranger].map(is_revoked), [false, false, false]);
    let all = PlatformKeyChange::Refresh { slot, secret: given.secret(), at, revoke_made: true };
    change(given, organization, all).unwrap();
    assert_eq!([&child, &grandchild, &stranger].map(is_revoked), [true, true, false]);
}
