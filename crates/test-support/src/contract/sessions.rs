//! Sessions.

use std::{sync::Arc, time::Duration};

use access_domain::{
    Action, AdminAccount, AuditFilter, Credentials, MOST_SESSIONS, NewOrganization, OrganizationId,
    PageRequest, PasswordChange, PasswordCost, PasswordHash, Session, Sessions, User, UserRecord,
};
use keys_core::{OsEntropy, Pepper, Secret, Timestamp};

use super::{Given, at_once, given::first};

fn user(given: &Given) -> User {
    let new = given.new_organization("acme");
    given.create(&new);
    let AdminAccount::New(user, _) = new.admin else { unreachable!() };
    user
}

fn new_session(given: &Given, user: &User, token: u8) -> Session {
    Session {
        id: given.id(),
        user: user.id,
        token_digest: [token; 32].into(),
        created_at: given.now(),
        last_used_at: given.now(),
        address: Some("192.0.2.1".parse().unwrap()),
        user_agent: "Browser/1.0".into(),
    }
}

fn session(given: &Given, user: &User, token: u8) -> Session {
    let session = new_session(given, user, token);
    assert!(given.stores.begin_session(&session, None, &[]).unwrap());
    session
}

pub fn a_session_is_found_by_its_token_with_its_user_and_memberships(given: &Given) {
    let user = user(given);
    let session = session(given, &user, 1);
    let record = given.stores.find_session(&[session.token_digest]).unwrap().unwrap();
    assert_eq!((record.session, record.user), (session, user));
    assert_eq!(record.memberships.len(), 1);
    assert_eq!(record.memberships[0].organization.slug, "acme");
    assert!(given.stores.find_session(&[[2; 32].into()]).unwrap().is_none());
}

pub fn use_moves_a_session_on_and_never_back(given: &Given) {
    let session = session(given, &user(given), 1);
    let later = given.now() + Duration::from_secs(90);
    given.stores.touch_session(session.id, later).unwrap();
    given.stores.touch_session(session.id, given.now()).unwrap();
    let found = given.stores.find_session(&[session.token_digest]).unwrap().unwrap();
    assert_eq!(found.session.last_used_at, later);
}

pub fn an_ended_session_is_not_found_and_may_be_ended_again(given: &Given) {
    let user = user(given);
    let (ended, other) = (session(given, &user, 1), session(given, &user, 2));
    let stranger = given.any_id();
    assert!(!given.stores.end_session(stranger, ended.id).unwrap(), "it is somebody else's");
    assert!(given.stores.find_session(&[ended.token_digest]).unwrap().is_some());
    assert!(given.stores.end_session(user.id, ended.id).unwrap());
    assert!(!given.stores.end_session(user.id, ended.id).unwrap());
    assert!(given.stores.find_session(&[ended.token_digest]).unwrap().is_none());
    assert!(given.stores.find_session(&[other.token_digest]).unwrap().is_some());
}

pub fn stale_sessions_are_deleted_in_portions_and_others_stay(given: &Given) {
    let user = user(given);
    let old = [1, 2, 3].map(|token| session(given, &user, token));
    let begun = given.now() + Duration::from_secs(1);
    given.clock.advance(Duration::from_secs(2));
    let idle = session(given, &user, 4);
    let alive = session(given, &user, 5);
    given.stores.touch_session(alive.id, given.now() + Duration::from_secs(9)).unwrap();
    given.stores.touch_session(old[0].id, given.now() + Duration::from_secs(9)).unwrap();
    let used = given.now() + Duration::from_secs(1);

    let delete = || given.stores.delete_stale_sessions(begun, used, 3).unwrap();
    assert_eq!([delete(), delete(), delete()], [3, 1, 0]);
    assert!(given.stores.find_session(&[alive.token_digest]).unwrap().is_some());
    for gone in old.iter().chain([&idle]) {
        assert!(given.stores.find_session(&[gone.token_digest]).unwrap().is_none());
    }
}

pub fn a_new_session_ends_those_whose_tokens_it_replaces(given: &Given) {
    let user = user(given);
    let (old, other) = (session(given, &user, 1), session(given, &user, 2));
    let new = new_session(given, &user, 3);
    let unknown = [9; 32].into();
    assert!(given.stores.begin_session(&new, None, &[unknown, old.token_digest]).unwrap());
    assert_eq!(seen(given, &[&old, &other, &new]), [false, true, true]);
}

pub fn no_session_begins_by_a_password_that_was_changed_meanwhile(given: &Given) {
    let user = user(given);
    let (kept, old) = (session(given, &user, 1), session(given, &user, 2));
    assert!(change(given, &user, None, "second", &kept, 7));
    let late = new_session(given, &user, 3);
    assert!(!given.stores.begin_session(&late, None, &[kept.token_digest]).unwrap());
    let changed = record(given, &user).password_changed_at;
    assert_eq!(changed, Some(given.now()));
    assert_eq!(seen(given, &[&kept, &old, &late]), [false; 3]);
    assert!(given.stores.find_session(&[[7; 32].into()]).unwrap().is_some(), "by its new token");
    assert!(given.stores.begin_session(&late, changed, &[]).unwrap());
}

pub fn a_changed_password_ends_all_other_sessions_and_is_noted_in_each_organization(given: &Given) {
    let (here, there) = (given.new_organization("here"), given.new_organization("there"));
    given.create(&here);
    let AdminAccount::New(user, _) = here.admin else { unreachable!() };
    let existing = AdminAccount::Existing(user.username.clone());
    given.create(&NewOrganization { admin: existing, ..there.clone() });
    let AdminAccount::New(stranger, _) = there.admin else { unreachable!() };
    let (kept, other) = (session(given, &user, 1), session(given, &user, 2));
    given.clock.advance(Duration::from_secs(1));
    assert!(change(given, &user, None, "second", &kept, 7));
    assert!(!change(given, &user, None, "third", &kept, 8), "it was changed since");
    let record = record(given, &user);
    assert_eq!(record.password, PasswordHash::from_stored("second".into()));
    assert_eq!(seen(given, &[&kept, &other]), [false, false]);
    let sessions = listed(given, &user);
    assert_eq!(sessions.iter().map(|one| one.id).collect::<Vec<_>>(), [kept.id]);
    for organization in [here.organization.id, there.organization.id] {
        assert_eq!(noted(given, organization), 1);
    }
    assert_ne!(stranger.id, user.id);
}

pub fn of_eight_changes_of_one_password_at_once_one_is_made(given: &Given) {
    let user = user(given);
    let kept = session(given, &user, 1);
    given.clock.advance(Duration::from_secs(1));
    let made = at_once(8, |number| {
        let hash = format!("hash {number}");
        change(given, &user, None, &hash, &kept, u8::try_from(number).unwrap() + 10)
    });
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
}

pub fn a_password_is_hashed_anew_only_while_it_is_the_same(given: &Given) {
    let user = user(given);
    let hash = |text: &str| PasswordHash::from_stored(text.into());
    given.stores.rehash_password(user.id, &hash("another"), &hash("wrong")).unwrap();
    assert_eq!(record(given, &user).password, hash("hash"));
    given.stores.rehash_password(user.id, &hash("hash"), &hash("dearer")).unwrap();
    let record = record(given, &user);
    assert_eq!((record.password, record.password_changed_at), (hash("dearer"), None));
}

pub fn a_log_in_hashes_a_password_anew_whose_cost_is_not_the_present_one(given: &Given) {
    let entropy = Arc::new(OsEntropy::open().unwrap());
    let secret = || Secret::new("correct horse battery".into());
    let hash = PasswordHash::of(&secret(), PasswordCost::LEAST, &*entropy).unwrap();
    let new = given.new_organization("acme");
    let AdminAccount::New(user, _) = new.admin else { unreachable!() };
    let admin = AdminAccount::New(user.clone(), hash.clone());
    given.create(&NewOrganization { admin, ..new });
    let log_in = |passes| {
        let sessions = Sessions {
            store: given.stores.clone(),
            clock: given.clock.clone(),
            entropy: entropy.clone(),
            peppers: Arc::new(Pepper::new(&[7; 32]).unwrap().into()),
            nobody: hash.clone(),
            cost: PasswordCost { passes, ..PasswordCost::LEAST },
        };
        let username = user.username.to_string();
        sessions.authenticate(&Credentials { username, password: secret() }).unwrap();
        record(given, &user)
    };
    assert_eq!(log_in(1).password, hash, "it has the present cost");
    let dearer = log_in(2);
    assert!(dearer.password.as_str().starts_with("$argon2id$v=19$m=8,t=2,p=1$"));
    assert_eq!(dearer.password_changed_at, None);
    assert_eq!(log_in(2).password, dearer.password);
}

pub fn a_users_own_sessions_are_listed_newest_first_without_those_that_are_over(given: &Given) {
    let user = user(given);
    let old = session(given, &user, 1);
    given.clock.advance(Duration::from_secs(3600));
    let others = given.new_organization("other");
    given.create(&others);
    let AdminAccount::New(stranger, _) = others.admin else { unreachable!() };
    session(given, &stranger, 9);
    let (second, third) = (session(given, &user, 2), session(given, &user, 3));
    assert_eq!(listed(given, &user), [third.clone(), second.clone(), old.clone()]);
    let since = |begun, used, page| given.stores.list_sessions(user.id, begun, used, page).unwrap();
    let before = old.created_at - Duration::from_secs(1);
    let page = since(before, before, first(2));
    assert_eq!(page.items, [third.clone(), second.clone()]);
    let rest = since(before, before, PageRequest { after: page.next, limit: 2 });
    assert_eq!((rest.items, rest.next), (vec![old.clone()], None));
    for (begun, used) in [(old.created_at, before), (before, old.last_used_at)] {
        assert_eq!(since(begun, used, first(10)).items, [third.clone(), second.clone()]);
    }
}

pub fn one_session_too_many_ends_the_one_that_was_idle_for_longest(given: &Given) {
    let user = user(given);
    let most = usize::try_from(MOST_SESSIONS).unwrap();
    let mut sessions = Vec::new();
    for number in 0..most {
        given.clock.advance(Duration::from_secs(1));
        sessions.push(session(given, &user, u8::try_from(number).unwrap()));
    }
    given.stores.touch_session(sessions[0].id, given.now() + Duration::from_secs(1)).unwrap();
    let new = session(given, &user, 200);
    assert_eq!(
        seen(given, &[&sessions[0], &sessions[1], &sessions[2], &new]),
        [true, false, true, true]
    );
    at_once(4, |number| session(given, &user, 210 + u8::try_from(number).unwrap()));
    assert_eq!(listed(given, &user).len(), most);
}

fn listed(given: &Given, user: &User) -> Vec<Session> {
    let begin = given.now() - Duration::from_secs(86_400);
    given.stores.list_sessions(user.id, begin, begin, first(200)).unwrap().items
}

fn seen<const N: usize>(given: &Given, sessions: &[&Session; N]) -> [bool; N] {
    sessions.map(|one| given.stores.find_session(&[one.token_digest]).unwrap().is_some())
}

fn record(given: &Given, user: &User) -> UserRecord {
    given.stores.find_user(&user.username).unwrap().unwrap()
}

fn change(
    given: &Given,
    user: &User,
    unchanged_since: Option<Timestamp>,
    hash: &str,
    kept: &Session,
    token: u8,
) -> bool {
    let password = PasswordHash::from_stored(hash.into());
    let kept = (kept.id, [token; 32].into());
    let change = PasswordChange { user: user.id, unchanged_since, password, kept };
    given.stores.change_password(&change, &given.act(Action::PasswordChanged)).unwrap()
}

fn noted(given: &Given, organization: OrganizationId) -> usize {
    let filter = AuditFilter { action: Some(Action::PasswordChanged), ..AuditFilter::default() };
    given.stores.list_entries(organization, &filter, first(10)).unwrap().items.len()
}
