//! What the use cases of this crate want from the outside, named for the wish and not for the means.
//!
//! All ports are synchronous and object-safe; [`KeySource`] alone may have to wait. One method is one
//! transaction: durable when it returns, and a refusal saves nothing.

use std::error::Error;

use keys_core::{Digest, Outcome, PlatformKeys, Timestamp};

use crate::{
    CreateOrganizationError, KeyRecord, NewOrganization, Organization, OrganizationId, PlatformKey,
    PlatformKeyChange, PlatformKeyRefusal, Session, SessionId, SessionRecord, UserRecord, Username,
};

/// Why storage did not answer. The source is for the log; no caller sees it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away or busy; the same call may succeed later.
    #[error("the database did not answer while {doing}")]
    Unavailable {
        /// What was being done, as a gerund.
        doing: &'static str,
        /// The driver's error.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database answered something that cannot be: a bug here or a damaged row.
    #[error("storage failed while {doing}")]
    Broken {
        /// What was being done, as a gerund.
        doing: &'static str,
        /// The driver's error.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Why a change under a lock did not happen: the rule refused, or storage failed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError<R: Error + 'static> {
    /// The rule said no; nothing was saved.
    #[error("the change was refused")]
    Refused(#[source] R),
    /// Storage failed; nothing was saved.
    #[error("the change was not saved")]
    Store(#[source] StoreError),
}

/// The time.
pub trait Clock: Send + Sync {
    /// The present instant, cut to microseconds.
    fn now(&self) -> Timestamp;
}

/// Organizations with what comes into being with them.
pub trait OrganizationStore: Send + Sync {
    /// Saves the organization, its admin's membership (and account, if new) and its first platform
    /// key, all or nothing.
    ///
    /// # Errors
    /// When a name is taken, the existing user is unknown, or storage fails.
    fn create(&self, new: &NewOrganization) -> Result<(), CreateOrganizationError>;

    /// Every organization, by slug.
    ///
    /// # Errors
    /// When storage fails.
    fn list_organizations(&self) -> Result<Vec<Organization>, StoreError>;
}

/// The two slots of each organization.
pub trait PlatformKeyStore: Send + Sync {
    /// The organization's slots.
    ///
    /// # Errors
    /// When storage fails.
    fn platform_keys(
        &self,
        organization: OrganizationId,
    ) -> Result<PlatformKeys<PlatformKey>, StoreError>;

    /// Locks the organization's slots, asks `rule` what is to change, and saves that; returns the
    /// slots as they then are.
    ///
    /// # Errors
    /// What `rule` refused, or that storage failed.
    fn change_platform_keys(
        &self,
        organization: OrganizationId,
        rule: &dyn Fn(&PlatformKeys<PlatformKey>) -> Result<PlatformKeyChange, PlatformKeyRefusal>,
    ) -> Result<PlatformKeys<PlatformKey>, ChangeError<PlatformKeyRefusal>>;
}

/// The keys of every organization, for authentication alone: no tenant is known yet.
pub trait KeyLookup: Send + Sync {
    /// The key whose secret has this digest.
    ///
    /// # Errors
    /// When storage fails.
    fn find_key(&self, digest: &Digest) -> Result<Option<KeyRecord>, StoreError>;
}

/// [`KeyLookup`] as authentication wants it: memory answers at once, the database later.
pub trait KeySource: Send + Sync {
    /// The key whose secret has this digest.
    fn get(&self, digest: Digest) -> Outcome<Result<Option<KeyRecord>, StoreError>>;
}

/// People's sessions and what is needed to begin one.
pub trait SessionStore: Send + Sync {
    /// The user who logs in by this name.
    ///
    /// # Errors
    /// When storage fails.
    fn find_user(&self, username: &Username) -> Result<Option<UserRecord>, StoreError>;

    /// Saves a new session.
    ///
    /// # Errors
    /// When storage fails.
    fn begin_session(&self, session: &Session) -> Result<(), StoreError>;

    /// The session of a token, with its user and the memberships as they are now.
    ///
    /// # Errors
    /// When storage fails.
    fn find_session(&self, token: &Digest) -> Result<Option<SessionRecord>, StoreError>;

    /// Notes that the session was in use at `at`.
    ///
    /// # Errors
    /// When storage fails.
    fn touch_session(&self, id: SessionId, at: Timestamp) -> Result<(), StoreError>;

    /// Ends the session, if it is there.
    ///
    /// # Errors
    /// When storage fails.
    fn end_session(&self, id: SessionId) -> Result<(), StoreError>;

    /// Deletes up to `limit` sessions that were begun before `begun` or last used before `used`;
    /// returns how many.
    ///
    /// # Errors
    /// When storage fails.
    fn delete_stale_sessions(
        &self,
        begun: Timestamp,
        used: Timestamp,
        limit: i64,
    ) -> Result<usize, StoreError>;
}
