//! What the use cases of this crate want from the outside, named for the wish and not for the means.
//!
//! All ports are synchronous and object-safe; [`KeySource`] and [`crate::ModelProvider`] alone may
//! have to wait. One method is one transaction: durable when it returns, and a refusal saves nothing.

use std::{error::Error, sync::Arc, time::Duration};

use keys_core::{Digest, KeyId, Outcome, PepperName, PlatformKeys, StoredSecret, Timestamp};
use uuid::Uuid;

use crate::{
    Act, AuditEntry, AuditFilter, Chain, ChainBreak, ChainTotal, CreateOrganizationError,
    ForeignDigests, IdempotencyRecord, ImportOutcome, KeyChange, KeyMatches, KeyQuery, KeyRecord,
    KeyRefusal, KeyRing, KeyStyle, ManagedKey, NewImport, NewManagedKey, NewOrganization,
    Organization, OrganizationId, OrganizationSettings, Page, PageRequest, PasswordChange,
    PasswordHash, PlatformKey, PlatformKeyChange, PlatformKeyRefusal, PresentedKey, PruningRule,
    RequestName, SealedEntry, SealingRule, SearchText, Session, SessionId, SessionRecord,
    SettingsRefusal, UserId, UserRecord, Username, Visibility,
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
    /// The same request was done before, by its idempotency key; nothing was saved.
    #[error("the same request was done before, which showed while {doing}")]
    Repeated {
        /// What was being done, as a gerund.
        doing: &'static str,
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
    /// The present instant, cut to microseconds. May be set back, and forth.
    fn now(&self) -> Timestamp;

    /// How long ago some instant was that stays the same as long as the process lives. Is never set; may stand still while the
    /// machine sleeps. A clock that has but one hand goes by that.
    fn uptime(&self) -> Duration {
        (self.now() - Timestamp::UNIX_EPOCH).to_std().unwrap_or_default()
    }
}

/// Organizations with what comes into being with them.
pub trait OrganizationStore: Send + Sync {
    /// Saves the organization, its admin's membership (and account, if new) and its first platform
    /// key, all or nothing.
    ///
    /// # Errors
    /// When a name is taken, the existing user is unknown, or storage fails.
    fn create(&self, new: &NewOrganization, act: &Act) -> Result<(), CreateOrganizationError>;

    /// Every organization, by slug.
    ///
    /// # Errors
    /// When storage fails.
    fn list_organizations(&self) -> Result<Vec<Organization>, StoreError>;

    /// The ids of up to `limit` organizations.
    ///
    /// # Errors
    /// When storage fails.
    fn organization_ids(&self, limit: i64) -> Result<Vec<OrganizationId>, StoreError>;

    /// What is settled for an organization.
    ///
    /// # Errors
    /// When storage fails.
    fn organization_settings(
        &self,
        organization: OrganizationId,
    ) -> Result<OrganizationSettings, StoreError>;

    /// Locks the organization, asks `rule` what is to be settled, and saves that: its name and the
    /// style of its keys. Returns the settings as they then are.
    ///
    /// # Errors
    /// What `rule` refused, or that storage failed.
    fn change_organization(
        &self,
        organization: OrganizationId,
        rule: &dyn Fn(&OrganizationSettings) -> Result<OrganizationSettings, SettingsRefusal>,
        act: &Act,
    ) -> Result<OrganizationSettings, ChangeError<SettingsRefusal>>;
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
        act: &Act,
    ) -> Result<PlatformKeys<PlatformKey>, ChangeError<PlatformKeyRefusal>>;
}

/// Keys that an organization hands out. `None` and `NotFound` mean alike that the deployment or the
/// key is not visible.
pub trait ManagedKeyStore: Send + Sync {
    /// Which form new keys of the organization have.
    ///
    /// # Errors
    /// When storage fails.
    fn key_style(&self, organization: OrganizationId) -> Result<KeyStyle, StoreError>;

    /// Saves a new key.
    ///
    /// # Errors
    /// `NotFound`, `NameTaken`, or that storage failed.
    fn create_key(
        &self,
        organization: OrganizationId,
        ring: KeyRing,
        key: &NewManagedKey,
        act: &Act,
    ) -> Result<ManagedKey, ChangeError<KeyRefusal>>;

    /// The ring's keys, newest first.
    ///
    /// # Errors
    /// When storage fails.
    fn list_keys(
        &self,
        organization: OrganizationId,
        ring: KeyRing,
        filter: &KeyFilter,
        page: PageRequest,
    ) -> Result<Option<Page<ManagedKey>>, StoreError>;

    /// One of the ring's keys.
    ///
    /// # Errors
    /// When storage fails.
    fn find_managed_key(
        &self,
        organization: OrganizationId,
        ring: KeyRing,
        id: KeyId,
    ) -> Result<Option<ManagedKey>, StoreError>;

    /// Locks the key, asks `rule` what is to become of it, and saves that; returns the key as it
    /// then is.
    ///
    /// # Errors
    /// `NotFound`, what `rule` refused, or that storage failed.
    fn change_key(
        &self,
        organization: OrganizationId,
        ring: KeyRing,
        id: KeyId,
        rule: &dyn Fn(&ManagedKey) -> Result<KeyChange, KeyRefusal>,
        act: &Act,
    ) -> Result<ManagedKey, ChangeError<KeyRefusal>>;
}

/// Which of a ring's keys are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// Those that this user or key made.
    pub created_by: Option<Uuid>,
    /// Those with exactly this name.
    pub name: Option<String>,
    /// Those that are revoked, or that are not.
    pub revoked: Option<bool>,
    /// Those that have this in what they are known by: their name, or of a deployment's their description.
    pub search: Option<SearchText>,
}

/// Where keys of other systems are taken over.
pub trait KeyImportStore: Send + Sync {
    /// Saves each key that is new, and tells of each what became of it, in order. A refused one
    /// saves nothing and hinders no other.
    ///
    /// # Errors
    /// When storage fails; nothing is saved then.
    fn import_keys(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        keys: &[&NewImport],
    ) -> Result<Vec<ImportOutcome>, StoreError>;
}

/// The keys of every organization, for authentication alone: no tenant is known yet.
pub trait KeyLookup: Send + Sync {
    /// For each query, the keys that it finds. However many there are, they cost one read.
    ///
    /// # Errors
    /// When storage fails.
    fn find_keys(&self, queries: &[KeyQuery]) -> Result<Vec<KeyMatches>, StoreError>;

    /// Keeps a secret under another pepper. No error when it is gone, or was moved before.
    ///
    /// # Errors
    /// When storage fails.
    fn rehash(&self, from: &Digest, to: &Digest, pepper: &PepperName) -> Result<(), StoreError>;

    /// Keeps `secret` in place of what another system kept of it, unless that is gone, or another
    /// organization has one of the `foreign` digests too: its key would be unknown then.
    ///
    /// # Errors
    /// When storage fails.
    fn adopt(
        &self,
        key: &KeyRecord,
        secret: &StoredSecret,
        foreign: &ForeignDigests,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Notes when secrets were last used; a later time that is noted already stays. Of digests
    /// that no secret has any more, nothing is noted.
    ///
    /// # Errors
    /// When storage fails.
    fn note_uses(&self, uses: &[(Digest, Timestamp)]) -> Result<(), StoreError>;
}

/// [`KeyLookup`] as authentication wants it: memory answers at once, the database later.
pub trait KeySource: Send + Sync {
    /// The keys that the presented text stands for.
    fn get(&self, key: PresentedKey) -> Outcome<Result<Arc<KeyMatches>, StoreError>>;

    /// The same for many, of which those that memory has not cost one read together.
    fn get_all(&self, keys: Vec<PresentedKey>)
    -> Outcome<Result<Vec<Arc<KeyMatches>>, StoreError>>;
}

/// Hears of changes after which a key may be decided on differently. Storage tells once a change is
/// durable, and before its caller is answered.
pub trait KeyChanges: Send + Sync {
    /// Something of this organization that decides on keys has changed: in the change of this number, where it has one and is
    /// known to stand.
    fn raise(&self, organization: OrganizationId, number: Option<u64>);
}

/// For processes that remember no keys.
impl KeyChanges for () {
    fn raise(&self, _: OrganizationId, _: Option<u64>) {}
}

/// Requests that may be sent again, as they were done. What makes something remembers its request in
/// the same transaction, and fails as [`StoreError::Repeated`] where that is remembered already; here
/// they are found and forgotten.
pub trait IdempotencyStore: Send + Sync {
    /// What is remembered of a request that was done after `forgotten`.
    ///
    /// # Errors
    /// When storage fails.
    fn find_record(
        &self,
        organization: OrganizationId,
        name: &RequestName,
        forgotten: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, StoreError>;

    /// Deletes up to `limit` records of requests that were done at `forgotten` or before; returns how
    /// many.
    ///
    /// # Errors
    /// When storage fails.
    fn delete_records(&self, forgotten: Timestamp, limit: i64) -> Result<usize, StoreError>;
}

/// What was done, by whom. Stores write the entries of what they change; here they are read.
pub trait AuditStore: Send + Sync {
    /// The organization's entries, newest first.
    ///
    /// # Errors
    /// When storage fails.
    fn list_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError>;

    /// Saves entries that belong to no change.
    ///
    /// # Errors
    /// When storage fails; nothing is saved then.
    fn note_refusals(&self, entries: Vec<AuditEntry>) -> Result<(), StoreError>;

    /// Up to `limit` organizations that have entries which are not sealed.
    ///
    /// # Errors
    /// When storage fails.
    fn find_unsealed(&self, limit: i64) -> Result<Vec<OrganizationId>, StoreError>;

    /// Locks the organization's chain, hands up to `limit` unsealed entries to `rule`, oldest first,
    /// and saves what it makes of them; returns how many. Of several sealers one at a time gets here.
    ///
    /// # Errors
    /// Where the chain is broken, or that storage failed.
    fn seal_entries(
        &self,
        organization: OrganizationId,
        limit: i64,
        rule: &SealingRule<'_>,
    ) -> Result<usize, ChangeError<ChainBreak>>;

    /// Up to `limit` organizations that have sealed entries from before `before`.
    ///
    /// # Errors
    /// When storage fails.
    fn find_prunable(
        &self,
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<OrganizationId>, StoreError>;

    /// Locks the organization's chain, hands its first `limit` entries to `rule`, and deletes those
    /// up to the checkpoint of the head that it makes; returns how many.
    ///
    /// # Errors
    /// Where the chain is broken, or that storage failed.
    fn prune_entries(
        &self,
        organization: OrganizationId,
        limit: i64,
        rule: &PruningRule<'_>,
    ) -> Result<usize, ChangeError<ChainBreak>>;

    /// What is kept of the organization's chain beside its entries, all of one instant.
    ///
    /// # Errors
    /// When storage fails.
    fn audit_chain(&self, organization: OrganizationId) -> Result<Chain, StoreError>;

    /// The organization's sealed entries after the place `after`, in the order of their places.
    ///
    /// # Errors
    /// When storage fails.
    fn sealed_entries(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<SealedEntry>, StoreError>;

    /// How many entries were ever sealed, and how many the heads of all chains tell of, of one
    /// instant.
    ///
    /// # Errors
    /// When storage fails.
    fn audit_total(&self) -> Result<(ChainTotal, i64), StoreError>;
}

/// People's sessions and what is needed to begin one.
pub trait SessionStore: Send + Sync {
    /// The user who logs in by this name.
    ///
    /// # Errors
    /// When storage fails.
    fn find_user(&self, username: &Username) -> Result<Option<UserRecord>, StoreError>;

    /// Saves a new session, if its user's password was last changed at `unchanged_since` still. With it
    /// end the sessions of the tokens in `instead_of`, and beyond [`crate::MOST_SESSIONS`] of the user
    /// those that were not used for longest. Returns whether it was saved.
    ///
    /// # Errors
    /// When storage fails; nothing is changed then.
    fn begin_session(
        &self,
        session: &Session,
        unchanged_since: Option<Timestamp>,
        instead_of: &[Digest],
    ) -> Result<bool, StoreError>;

    /// Keeps another hash of the same password, in place of `from` if that is it still.
    ///
    /// # Errors
    /// When storage fails.
    fn rehash_password(
        &self,
        user: UserId,
        from: &PasswordHash,
        to: &PasswordHash,
    ) -> Result<(), StoreError>;

    /// Saves the new password at the time of `act`, ends every other session of the user, and notes it
    /// in each of their organizations. Returns whether it was saved: not where the password was
    /// changed meanwhile.
    ///
    /// # Errors
    /// When storage fails; nothing is changed then.
    fn change_password(&self, change: &PasswordChange, act: &Act) -> Result<bool, StoreError>;

    /// The user's sessions, newest first, of those that were begun after `begun` and used after `used`.
    ///
    /// # Errors
    /// When storage fails.
    fn list_sessions(
        &self,
        user: UserId,
        begun: Timestamp,
        used: Timestamp,
        page: PageRequest,
    ) -> Result<Page<Session>, StoreError>;

    /// The session of a token, whose digests are given under each pepper, with its user and the
    /// memberships as they are now.
    ///
    /// # Errors
    /// When storage fails.
    fn find_session(&self, token: &[Digest]) -> Result<Option<SessionRecord>, StoreError>;

    /// Notes that the session was in use at `at`.
    ///
    /// # Errors
    /// When storage fails.
    fn touch_session(&self, id: SessionId, at: Timestamp) -> Result<(), StoreError>;

    /// Ends the session, if it is there and this user's; whether it was.
    ///
    /// # Errors
    /// When storage fails.
    fn end_session(&self, user: UserId, id: SessionId) -> Result<bool, StoreError>;

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
