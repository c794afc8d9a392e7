//! Organizations and what comes into being with them.

use access_domain::{
    Action, AdminAccount, AuditFilter, ChangeError, CreateOrganizationError, Email, KeyStyle,
    NewOrganization, OrganizationSettings, PageRequest, Role, Session, SettingsRefusal, Slug,
    Username,
};
use keys_core::{KeyPrefix, Slot};

use super::{Given, at_once};

pub fn organizations_are_listed_by_slug(given: &Given) {
    let made = ["beta", "alpha", "a_b", "a-b"].map(|slug| given.new_organization(slug));
    for new in &made {
        given.create(new);
    }
    let listed = given.stores.list_organizations().unwrap();
    let [beta, alpha, a_b, a_minus_b] = made.map(|new| new.organization);
    let ids = given.stores.organization_ids(10).unwrap();
    assert!(ids.len() == 4 && listed.iter().all(|organization| ids.contains(&organization.id)));
    assert_eq!(given.stores.organization_ids(2).unwrap().len(), 2);
    assert_eq!(listed, [a_minus_b, a_b, alpha, beta]);
}

pub fn a_new_organization_has_one_platform_key_that_is_active(given: &Given) {
    let new = given.new_organization("acme");
    given.create(&new);
    let keys = given.stores.platform_keys(new.organization.id).unwrap();
    assert_eq!(keys.active(), Some(Slot::One));
    assert_eq!(keys.get(Slot::Two), None);
    let key = keys.get(Slot::One).unwrap();
    assert_eq!((key.id, &key.hint), (new.platform_key.id, &new.platform_key.secret.hint));
    assert_eq!(key.fingerprint, new.platform_key.secret.fingerprint);
    assert_eq!(key.created_by, new.platform_key.created_by);
    assert_eq!((key.created_at, key.secret_created_at), (given.now(), given.now()));
}

pub fn a_new_administrator_is_found_by_name_with_their_hash(given: &Given) {
    let new = given.new_organization("acme");
    given.create(&new);
    let AdminAccount::New(user, hash) = &new.admin else { unreachable!() };
    let found = given.stores.find_user(&user.username).unwrap().unwrap();
    assert_eq!((&found.user, &found.password), (user, hash));
    assert!(given.stores.find_user(&Username::parse("nobody").unwrap()).unwrap().is_none());
}

pub fn a_taken_slug_user_name_or_mail_address_is_told_and_nothing_is_saved(given: &Given) {
    let first = given.new_organization("acme");
    given.create(&first);
    let AdminAccount::New(admin, _) = &first.admin else { unreachable!() };

    let refused = |change: &dyn Fn(&mut NewOrganization)| {
        let mut new = given.new_organization("other");
        change(&mut new);
        given.stores.create(&new, &given.act(Action::OrganizationCreated)).unwrap_err()
    };
    let error = refused(&|new| new.organization.slug = Slug::parse("acme").unwrap());
    assert!(matches!(error, CreateOrganizationError::SlugTaken), "{error:?}");
    let error = refused(&|new| {
        let AdminAccount::New(user, _) = &mut new.admin else { unreachable!() };
        user.username = admin.username.clone();
    });
    assert!(matches!(error, CreateOrganizationError::UsernameTaken), "{error:?}");
    let error = refused(&|new| {
        let AdminAccount::New(user, _) = &mut new.admin else { unreachable!() };
        user.email = admin.email.clone();
    });
    assert!(matches!(error, CreateOrganizationError::EmailTaken), "{error:?}");

    assert_eq!(given.stores.list_organizations().unwrap(), [first.organization]);
    assert!(given.stores.find_user(&Username::parse("admin@other").unwrap()).unwrap().is_none());
}

pub fn several_administrators_may_have_no_mail_address(given: &Given) {
    for slug in ["acme", "other"] {
        let mut new = given.new_organization(slug);
        if let AdminAccount::New(user, _) = &mut new.admin {
            user.email = None::<Email>;
        }
        given.create(&new);
    }
}

pub fn somebody_with_an_account_may_administer_a_second_organization(given: &Given) {
    let first = given.new_organization("acme");
    given.create(&first);
    let AdminAccount::New(user, _) = &first.admin else { unreachable!() };
    let mut second = given.new_organization("other");
    second.admin = AdminAccount::Existing(user.username.clone());
    given.create(&second);

    let token = [9; 32].into();
    let session = Session {
        id: given.id(),
        user: user.id,
        token_digest: token,
        created_at: given.now(),
        last_used_at: given.now(),
        address: None,
        user_agent: String::new(),
    };
    assert!(given.stores.begin_session(&session, None, &[]).unwrap());
    let record = given.stores.find_session(&[token]).unwrap().unwrap();
    let belongs: Vec<_> =
        record.memberships.iter().map(|m| (m.organization.slug.as_str(), m.role)).collect();
    assert_eq!(belongs, [("acme", Role::Admin), ("other", Role::Admin)]);
}

pub fn an_account_that_is_not_there_administers_nothing(given: &Given) {
    let mut new = given.new_organization("acme");
    new.admin = AdminAccount::Existing(Username::parse("nobody").unwrap());
    let error = given.stores.create(&new, &given.act(Action::OrganizationCreated)).unwrap_err();
    assert!(matches!(error, CreateOrganizationError::UnknownUser), "{error:?}");
    assert!(given.stores.list_organizations().unwrap().is_empty());
}

pub fn settings_are_changed_for_one_organization_and_noted(given: &Given) {
    let (acme, other) = (given.organization("acme"), given.organization("other"));
    let read = |id| given.stores.organization_settings(id).unwrap();
    let before = read(acme);
    assert_eq!((before.id, before.slug.as_str()), (acme, "acme"));
    assert_eq!(before.key_style, KeyStyle::default());
    let key_style = KeyStyle { uuid_keys: true, prefix: KeyPrefix::parse("acme").unwrap() };
    let wanted = OrganizationSettings { name: "Acme Ltd".into(), key_style, ..before };
    let rule = |_: &OrganizationSettings| Ok(wanted.clone());
    let act = given.act(Action::OrganizationChanged);
    assert_eq!(given.stores.change_organization(acme, &rule, &act).unwrap(), wanted);
    assert_eq!(read(acme), wanted);
    assert_eq!(given.stores.key_style(acme).unwrap(), wanted.key_style);
    assert_eq!(read(other).key_style, KeyStyle::default());
    let filter =
        AuditFilter { action: Some(Action::OrganizationChanged), ..AuditFilter::default() };
    let page = PageRequest { after: None, limit: 10 };
    let noted = |id| given.stores.list_entries(id, &filter, page).unwrap().items.len();
    assert_eq!((noted(acme), noted(other)), (1, 0));
}

pub fn a_refused_change_of_settings_saves_nothing(given: &Given) {
    let acme = given.organization("acme");
    let before = given.stores.organization_settings(acme).unwrap();
    let rule = |_: &OrganizationSettings| Err(SettingsRefusal::Faults { faults: Vec::new() });
    let act = given.act(Action::OrganizationChanged);
    let refused = given.stores.change_organization(acme, &rule, &act).unwrap_err();
    assert!(matches!(refused, ChangeError::Refused(_)), "{refused:?}");
    assert_eq!(given.stores.organization_settings(acme).unwrap(), before);
}

pub fn eight_changes_of_settings_at_once_all_survive(given: &Given) {
    let acme = given.organization("acme");
    let before = given.stores.organization_settings(acme).unwrap().name;
    let rule = |old: &OrganizationSettings| {
        Ok(OrganizationSettings { name: format!("{}+", old.name), ..old.clone() })
    };
    at_once(8, |_| {
        let act = given.act(Action::OrganizationChanged);
        given.stores.change_organization(acme, &rule, &act).unwrap();
    });
    let after = given.stores.organization_settings(acme).unwrap().name;
    assert_eq!(after, format!("{before}++++++++"));
}
