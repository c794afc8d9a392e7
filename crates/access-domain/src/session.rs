//! Sessions of people: begun with a password, carried by a cookie, ended by time or by choice.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use keys_core::{Digest, Entropy, Id, Pepper, Peppers, Secret, Timestamp};

use crate::{
    Clock, Membership, OrganizationRef, SessionStore, StoreError, User, UserId, Username, password,
    password::{PasswordHash, random_secret},
};

/// Not used for this long, a session is over.
pub(crate) const IDLE: TimeDelta = TimeDelta::hours(12);
/// This long after its beginning, a session is over.
pub(crate) const LONGEST: TimeDelta = TimeDelta::days(7);
/// Use is noted at most this often, so that reading does not write.
const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(1);

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

/// A session that was just begun.
pub struct LoggedIn {
    /// The user and their organizations.
    pub record: SessionRecord,
    /// The cookie's value, to be sent once.
    pub token: Secret,
    /// What unsafe requests of this session must carry in a header.
    pub csrf_token: String,
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
}

impl Sessions {
    /// Begins a session. Takes tens of milliseconds of CPU for the password.
    ///
    /// # Errors
    /// When the credentials are wrong or storage fails.
    pub fn log_in(&self, username: &str, password: &Secret) -> Result<LoggedIn, LogInError> {
        let user = self.check_password(username, password)?;
        self.begin(user.id)
    }

    /// The user of that name, if the password is theirs. As slow for an unknown name as for a wrong
    /// password.
    ///
    /// # Errors
    /// When the credentials are wrong or storage fails.
    pub fn check_password(&self, username: &str, password: &Secret) -> Result<User, LogInError> {
        let found = match Username::parse(username) {
            Ok(username) => self.store.find_user(&username).map_err(LogInError::Store)?,
            Err(_) => None,
        };
        let hash = found.as_ref().map_or(&self.nobody, |record| &record.password);
        let matches = password.for_digest().len() <= password::MAX_BYTES && hash.matches(password);
        Ok(found.filter(|_| matches).ok_or(LogInError::WrongCredentials)?.user)
    }

    /// Begins a session of somebody whose password was checked, or just chosen.
    ///
    /// # Errors
    /// When storage fails.
    pub fn begin(&self, user: UserId) -> Result<LoggedIn, LogInError> {
        let token = random_secret::<32>(&*self.entropy);
        let now = self.clock.now();
        let id = Id::generate(now, &*self.entropy);
        let digest = session_digest(self.peppers.current(), token.for_digest());
        let session =
            Session { id, user, token_digest: digest, created_at: now, last_used_at: now };
        self.store.begin_session(&session).map_err(LogInError::Store)?;
        let record = self.store.find_session(&[digest]).map_err(LogInError::Store)?;
        let record = record.ok_or(LogInError::WrongCredentials)?;
        Ok(LoggedIn {
            record,
            csrf_token: csrf_token(self.peppers.current(), token.for_digest()),
            token,
        })
    }

    /// Ends a session. Ending one that is over is no error.
    ///
    /// # Errors
    /// When storage fails.
    pub fn log_out(&self, session: SessionId) -> Result<(), StoreError> {
        self.store.end_session(session)
    }
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
}
