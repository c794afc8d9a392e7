//! Sessions of people: begun with a password, carried by a cookie, ended by time or by choice.

use std::{net::IpAddr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use keys_core::{Digest, Entropy, Id, Pepper, Peppers, Secret, Timestamp};

use crate::{
    Act, Action, Actor, ActorKind, Clock, Device, Fault, HashingFailed, Membership,
    OrganizationRef, Origin, Page, PageRequest, PasswordCost, SessionStore, StoreError, User,
    UserId, UserRecord, Username, password,
    password::{PasswordHash, check_chosen, random_secret},
};

/// Not used for this long, a session is over.
pub(crate) const IDLE: TimeDelta = TimeDelta::hours(12);
/// This long after its beginning, a session is over.
pub(crate) const LONGEST: TimeDelta = TimeDelta::days(7);
/// Use is noted at most this often, so that reading does not write.
const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(1);
/// A user has no more sessions at once: one more ends the one that was idle for longest.
pub const MOST_SESSIONS: u32 = 100;
/// Of what a browser says of itself, so many characters are kept.
const MOST_OF_USER_AGENT: usize = 200;

/// The id of a session.
pub type SessionId = Id<Session>;

/// A session as storage keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// What its token is found by.
    pub token_digest: Digest,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last in use, to the minute.
    pub last_used_at: Timestamp,
    /// Where its log-in came from, as far as that is known.
    pub address: Option<IpAddr>,
    /// What the browser of its log-in said of itself: printable, and not much.
    pub user_agent: String,
}

impl Session {
    /// Whether it still holds at `now`.
    pub(crate) fn is_alive(&self, now: Timestamp) -> bool {
        now < self.last_used_at + IDLE && now < self.created_at + LONGEST
    }

    pub(crate) fn is_due_for_touch(&self, now: Timestamp) -> bool {
        now >= self.last_used_at + TOUCH_EVERY
    }
}

/// A session with its user and where they belong, all read for one request.
#[derive(Debug, Clone)]
pub struct SessionRecord {
    /// The session.
    pub session: Session,
    /// Whose it is.
    pub user: User,
    /// Their organizations.
    pub memberships: Vec<Membership>,
}

impl SessionRecord {
    /// The user's place in the organization that `named` means, if they have one.
    pub fn membership(&self, named: &OrganizationRef) -> Option<&Membership> {
        self.memberships.iter().find(|membership| membership.organization.answers_to(named))
    }
}

/// What somebody says to prove who they are.
pub struct Credentials {
    /// The user name, perhaps nobody's.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// What a log-in comes with beside its credentials.
#[derive(Default)]
pub struct Arrival {
    /// The caller's address.
    pub address: Option<IpAddr>,
    /// What the browser says of itself.
    pub user_agent: String,
    /// The session cookie that it brought, whosever it may be. The session is ended: what was in a
    /// browser before a log-in is never what it has afterwards.
    pub old_token: Option<String>,
}

/// A session that was just begun, or that has a new token.
pub struct LoggedIn {
    /// The user and their organizations.
    pub record: SessionRecord,
    /// The cookie's value, to be sent once.
    pub token: Secret,
    /// What unsafe requests of this session must carry in a header.
    pub csrf_token: String,
    /// What the browser is known by from now on.
    pub device: Secret,
}

/// A password that is about to be changed, as storage is asked to save it.
#[derive(Debug)]
pub struct PasswordChange {
    /// Whose.
    pub user: UserId,
    /// When it was last changed, as whoever proved the old one has read it: changed since, it is not
    /// changed again.
    pub unchanged_since: Option<Timestamp>,
    /// The new one.
    pub password: PasswordHash,
    /// The session that goes on, with the digest of its new token. All others end.
    pub kept: (SessionId, Digest),
}

/// Why nobody was logged in.
#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    /// The user is unknown or the password wrong; which of them is not told.
    #[error("the user name or the password is wrong")]
    WrongCredentials,
    /// Storage failed.
    #[error("the log-in could not be checked")]
    Store(#[source] StoreError),
}

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordRefusal {
    /// Something that was sent is wrong.
    #[error("what was sent has {} faults", faults.len())]
    Faults {
        /// All of it.
        faults: Vec<Fault>,
    },
    /// The present one was changed, or the session ended, while this one was being changed.
    #[error("the password was changed elsewhere at the same time; log in anew")]
    Overtaken,
    /// The new one could not be hashed.
    #[error("the password could not be hashed")]
    Hashing(#[source] HashingFailed),
    /// Storage failed.
    #[error("the password was not changed")]
    Store(#[source] StoreError),
}

/// The use cases of sessions.
pub struct Sessions {
    /// Where sessions are kept.
    pub store: Arc<dyn SessionStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids and tokens.
    pub entropy: Arc<dyn Entropy>,
    /// What tokens are digested under.
    pub peppers: Arc<Peppers>,
    /// The hash that a log-in of an unknown user is checked against, so that it takes as long as
    /// one with a wrong password.
    pub nobody: PasswordHash,
    /// What a guess at a password costs.
    pub cost: PasswordCost,
}

impl Sessions {
    /// Whose credentials these are. Takes tens of milliseconds of CPU for the password, whoever it is:
    /// to be asked behind a bounded line. A hash of other parameters than the present ones is made anew.
    ///
    /// # Errors
    /// When the credentials are wrong or storage fails.
    pub fn authenticate(&self, credentials: &Credentials) -> Result<UserRecord, LogInError> {
        let Credentials { username, password } = credentials;
        let found = self.find_user(username).map_err(LogInError::Store)?;
        let hash = found.as_ref().map_or(&self.nobody, |record| &record.password);
        let matches = password.for_digest().len() <= password::MAX_BYTES && hash.matches(password);
        let record = found.filter(|_| matches).ok_or(LogInError::WrongCredentials)?;
        if !record.password.costs(self.cost)
            && let Ok(anew) = PasswordHash::of(password, self.cost, &*self.entropy)
        {
            // Of no matter to this log-in: the next one tries again.
            let _ = self.store.rehash_password(record.user.id, &record.password, &anew);
        }
        Ok(record)
    }

    /// Begins a session of `user`, whose password was checked or just chosen, and is the one of
    /// `password_changed_at`. Its token is new whatever the browser brought.
    ///
    /// # Errors
    /// When the password was changed since, or storage fails.
    pub fn begin(
        &self,
        user: UserId,
        password_changed_at: Option<Timestamp>,
        arrival: &Arrival,
    ) -> Result<LoggedIn, LogInError> {
        let (token, digest) = self.new_token();
        let now = self.clock.now();
        let session = Session {
            id: Id::generate(now, &*self.entropy),
            user,
            token_digest: digest,
            created_at: now,
            last_used_at: now,
            address: arrival.address,
            user_agent: printable(&arrival.user_agent),
        };
        let ended: Vec<Digest> =
            arrival.old_token.iter().flat_map(|old| self.digests(old)).collect();
        let begun = self.store.begin_session(&session, password_changed_at, &ended);
        if !begun.map_err(LogInError::Store)? {
            return Err(LogInError::WrongCredentials);
        }
        let record = self.store.find_session(&[digest]).map_err(LogInError::Store)?;
        let record = record.ok_or(LogInError::WrongCredentials)?;
        Ok(self.logged_in(record, token, password_changed_at))
    }

    /// The user's sessions that are not over, newest first.
    ///
    /// # Errors
    /// When storage fails.
    pub fn list(&self, of: &SessionRecord, page: PageRequest) -> Result<Page<Session>, StoreError> {
        let now = self.clock.now();
        self.store.list_sessions(of.user.id, now - LONGEST, now - IDLE, page)
    }

    /// Ends one of the user's own sessions; whether there was such a one.
    ///
    /// # Errors
    /// When storage fails.
    pub fn end(&self, of: &SessionRecord, session: SessionId) -> Result<bool, StoreError> {
        self.store.end_session(of.user.id, session)
    }

    /// What is wrong with a new password before anything is asked of the old one.
    ///
    /// # Errors
    /// All of it.
    pub fn check_change(current: &Secret, new: &Secret) -> Result<(), PasswordRefusal> {
        let mut faults: Vec<Fault> = check_chosen("/new", new).into_iter().collect();
        // Both come from the same caller: how long this takes tells nobody anything.
        if current.for_digest() == new.for_digest() {
            faults.push(Fault::invalid("/new", "must differ from the present password"));
        }
        if faults.is_empty() { Ok(()) } else { Err(PasswordRefusal::Faults { faults }) }
    }

    /// Gives `user`, who has just proved the old one, a new password. Every other session of theirs
    /// ends, browsers that they logged in with are not trusted any more, and the present session
    /// goes on under a new token, since the old one may be what leaked.
    ///
    /// # Errors
    /// When the password changed meanwhile, or storage fails; nothing is changed then.
    pub fn change_password(
        &self,
        session: &SessionRecord,
        user: &UserRecord,
        new: &Secret,
        origin: Origin,
    ) -> Result<LoggedIn, PasswordRefusal> {
        let hash = PasswordHash::of(new, self.cost, &*self.entropy);
        let (token, digest) = self.new_token();
        let change = PasswordChange {
            user: user.user.id,
            unchanged_since: user.password_changed_at,
            password: hash.map_err(PasswordRefusal::Hashing)?,
            kept: (session.session.id, digest),
        };
        let actor = Actor {
            kind: ActorKind::User,
            id: Some(user.user.id.uuid()),
            name: user.user.username.as_str().into(),
        };
        let now = self.clock.now();
        let act = Act::new(Action::PasswordChanged, actor, origin, now, &*self.entropy);
        let is_changed = self.store.change_password(&change, &act);
        if !is_changed.map_err(PasswordRefusal::Store)? {
            return Err(PasswordRefusal::Overtaken);
        }
        let record = self.store.find_session(&[digest]).map_err(PasswordRefusal::Store)?;
        let record = record.ok_or(PasswordRefusal::Overtaken)?;
        Ok(self.logged_in(record, token, Some(now)))
    }

    /// Whether `device` is the browser of the user of this name, of whom storage is asked only where a
    /// device was brought.
    ///
    /// # Errors
    /// When storage fails.
    pub fn knows(&self, device: &Device, username: &str) -> Result<bool, StoreError> {
        Ok(self.find_user(username)?.is_some_and(|record| device.is_of(&record)))
    }

    /// The device that a browser says it is, where that is true.
    pub fn device(&self, token: &str) -> Option<Device> {
        Device::read(token, &self.peppers, self.clock.now())
    }

    fn find_user(&self, username: &str) -> Result<Option<UserRecord>, StoreError> {
        match Username::parse(username) {
            Ok(username) => self.store.find_user(&username),
            Err(_) => Ok(None),
        }
    }

    fn new_token(&self) -> (Secret, Digest) {
        let token = random_secret::<32>(&*self.entropy);
        let digest = session_digest(self.peppers.current(), token.for_digest());
        (token, digest)
    }

    fn digests(&self, token: &str) -> Vec<Digest> {
        self.peppers.iter().map(|pepper| session_digest(pepper, token)).collect()
    }

    fn logged_in(
        &self,
        record: SessionRecord,
        token: Secret,
        password_changed_at: Option<Timestamp>,
    ) -> LoggedIn {
        let (pepper, now) = (self.peppers.current(), self.clock.now());
        let device = Device::new(record.user.id, password_changed_at, now, &*self.entropy);
        let csrf_token = csrf_token(pepper, token.for_digest());
        LoggedIn { record, token, csrf_token, device: device.token(pepper) }
    }
}

/// What a browser says of itself, so that it can be shown: strangers write it.
fn printable(user_agent: &str) -> String {
    let shown = user_agent.chars().filter(|c| c.is_ascii_graphic() || *c == ' ');
    shown.take(MOST_OF_USER_AGENT).collect()
}

/// Deletes up to `limit` sessions that are over; returns how many.
///
/// # Errors
/// When storage fails.
pub fn sweep_sessions(
    store: &dyn SessionStore,
    clock: &dyn Clock,
    limit: i64,
) -> Result<usize, StoreError> {
    let now = clock.now();
    store.delete_stale_sessions(now - LONGEST, now - IDLE, limit)
}

/// What a session is kept and found by.
pub(crate) fn session_digest(pepper: &Pepper, session_token: &str) -> Digest {
    pepper.subkey("session token").mac(session_token.as_bytes())
}

/// The CSRF token of a session: a digest of its token, so that nothing more has to be kept and a
/// page that cannot read the cookie cannot know it.
pub(crate) fn csrf_token(pepper: &Pepper, session_token: &str) -> String {
    let digest = pepper.subkey("csrf token").mac(session_token.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;
    const TICK: TimeDelta = TimeDelta::microseconds(1);

    fn session(last_used_after: TimeDelta) -> Session {
        let (id, user) = (uuid::Uuid::from_u128(1).into(), uuid::Uuid::from_u128(2).into());
        Session {
            id,
            user,
            token_digest: [0; 32].into(),
            created_at: START,
            last_used_at: START + last_used_after,
            address: None,
            user_agent: String::new(),
        }
    }

    #[test]
    fn a_session_ends_twelve_hours_after_its_last_use() {
        let session = session(TimeDelta::hours(1));
        assert!(session.is_alive(START + TimeDelta::hours(13) - TICK));
        assert!(!session.is_alive(START + TimeDelta::hours(13)));
    }

    #[test]
    fn a_session_ends_seven_days_after_its_beginning_however_much_it_is_used() {
        let session = session(TimeDelta::days(7) - TICK);
        assert!(session.is_alive(START + TimeDelta::days(7) - TICK));
        assert!(!session.is_alive(START + TimeDelta::days(7)));
    }

    #[test]
    fn use_is_noted_once_a_minute() {
        let session = session(TimeDelta::zero());
        assert!(!session.is_due_for_touch(START + TimeDelta::seconds(59)));
        assert!(session.is_due_for_touch(START + TimeDelta::seconds(60)));
    }

    #[test]
    fn csrf_tokens_differ_by_session_and_by_server() {
        let pepper = |byte| Pepper::new(&[byte; 32]).unwrap();
        assert_eq!(csrf_token(&pepper(1), "a"), csrf_token(&pepper(1), "a"));
        assert_ne!(csrf_token(&pepper(1), "a"), csrf_token(&pepper(1), "b"));
        assert_ne!(csrf_token(&pepper(1), "a"), csrf_token(&pepper(2), "a"));
    }

    #[test]
    fn what_a_browser_says_of_itself_is_kept_as_far_as_it_can_be_shown() {
        assert_eq!(printable("Mozilla/5.0 (X11)\r\n\u{202e}\u{7}é"), "Mozilla/5.0 (X11)");
        assert_eq!(printable(&"x".repeat(1000)).len(), MOST_OF_USER_AGENT);
    }

    #[test]
    fn a_new_password_is_long_and_another_one() {
        let check = |current: &str, new: &str| {
            let secret = |text: &str| Secret::new(text.into());
            match Sessions::check_change(&secret(current), &secret(new)) {
                Ok(()) => 0,
                Err(PasswordRefusal::Faults { faults }) => faults.len(),
                Err(other) => panic!("{other}"),
            }
        };
        assert_eq!(check("correct horse", "battery staple"), 0);
        assert_eq!(check("battery staple", "battery staple"), 1);
        assert_eq!(check("battery staple", "short"), 1);
        assert_eq!(check("short", "short"), 2);
    }
}
