//! Sessions.

use std::time::Duration;

use access_domain::{AdminAccount, Session, User};

use super::Given;

fn user(given: &Given) -> User {
    let new = given.new_organization("acme");
    given.create(&new);
    let AdminAccount::New(user, _) = new.admin else { unreachable!() };
    user
}

fn session(given: &Given, user: &User, token: u8) -> Session {
    let session = Session {
        id: given.id(),
        user: user.id,
        token_digest: [token; 32].into(),
        created_at: given.now(),
        last_used_at: given.now(),
    };
    given.stores.begin_session(&session).unwrap();
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
    given.stores.end_session(ended.id).unwrap();
    given.stores.end_session(ended.id).unwrap();
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
