//! Secrets of organizations.

use access_domain::{
    Action, AuditFilter, ChangeError, NewSecret, OrganizationId, OrganizationSecret, Sealed,
    SecretName, SecretRefusal,
};

use super::{
    Given, at_once,
    given::{SOMEBODY, first},
};

fn name(text: &str) -> SecretName {
    SecretName::parse(text).unwrap()
}

fn new(given: &Given, text: &str, value: u8) -> NewSecret {
    let (set_at, set_by_name) = (given.now(), "ada".to_owned());
    let secret = OrganizationSecret { name: name(text), set_at, set_by: SOMEBODY, set_by_name };
    NewSecret { secret, value: Sealed { key: format!("key {value}"), bytes: vec![value; 40] } }
}

fn put(
    given: &Given,
    organization: OrganizationId,
    new: &NewSecret,
) -> Result<(), ChangeError<SecretRefusal>> {
    given.stores.put_secret(organization, new, 3, &given.act(Action::SecretSet))
}

pub fn a_secret_is_found_as_it_was_set_last_and_only_where_it_was_set(given: &Given) {
    let (acme, other) = (given.organization("acme"), given.organization("other"));
    let (first, second) = (new(given, "B", 1), new(given, "A", 2));
    for secret in [&first, &second] {
        put(given, acme, secret).unwrap();
    }
    let listed = given.stores.list_secrets(acme).unwrap();
    assert_eq!(listed, [second.secret.clone(), first.secret.clone()]);
    given.clock.advance(std::time::Duration::from_secs(60));
    let again = new(given, "B", 3);
    put(given, acme, &again).unwrap();
    let found = given.stores.find_secrets(acme, &[name("B"), name("A"), name("C")]).unwrap();
    assert_eq!(found, [(name("A"), second.value), (name("B"), again.value)]);
    assert_eq!(given.stores.list_secrets(acme).unwrap()[1], again.secret);
    assert_eq!(given.stores.find_secrets(acme, &[]).unwrap(), []);
    assert_eq!(given.stores.list_secrets(other).unwrap(), []);
    assert_eq!(given.stores.find_secrets(other, &[name("A")]).unwrap(), []);
    let counted = given.stores.secrets_per_encryption_key().unwrap();
    assert_eq!(counted, [("key 2".to_owned(), 1), ("key 3".to_owned(), 1)]);
}

pub fn a_deleted_secret_is_gone_and_not_deleted_again(given: &Given) {
    let (acme, other) = (given.organization("acme"), given.organization("other"));
    put(given, acme, &new(given, "A", 1)).unwrap();
    let delete = |organization| {
        let act = given.act(Action::SecretDeleted);
        given.stores.delete_secret(organization, &name("A"), &act)
    };
    let refused = delete(other).unwrap_err();
    assert!(matches!(refused, ChangeError::Refused(SecretRefusal::NotFound)), "{refused:?}");
    delete(acme).unwrap();
    assert_eq!(given.stores.list_secrets(acme).unwrap(), []);
    let refused = delete(acme).unwrap_err();
    assert!(matches!(refused, ChangeError::Refused(SecretRefusal::NotFound)), "{refused:?}");
}

pub fn what_is_done_with_secrets_is_noted_by_their_names(given: &Given) {
    let acme = given.organization("acme");
    put(given, acme, &new(given, "A", 1)).unwrap();
    let act = given.act(Action::SecretDeleted);
    given.stores.delete_secret(acme, &name("A"), &act).unwrap();
    let noted = given.stores.list_entries(acme, &AuditFilter::default(), first(2)).unwrap().items;
    let told: Vec<_> = noted.iter().map(|entry| (&*entry.action, &*entry.subject_name)).collect();
    assert_eq!(told, [("secret.deleted", "A"), ("secret.set", "A")]);
    assert!(noted.iter().all(|entry| entry.subject_kind == "secret"));
}

pub fn of_eight_secrets_at_once_as_many_are_set_as_may_be(given: &Given) {
    let acme = given.organization("acme");
    let set = |which: usize| put(given, acme, &new(given, &format!("S{which}"), 1)).is_ok();
    let made = at_once(8, set).into_iter().filter(|made| *made).count();
    assert_eq!((made, given.stores.list_secrets(acme).unwrap().len()), (3, 3));
    let known = given.stores.list_secrets(acme).unwrap()[0].name.as_str().to_owned();
    put(given, acme, &new(given, &known, 2)).unwrap();
}
