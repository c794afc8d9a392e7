//! Requests that may be sent again and are done once: what tells one from another, what is remembered
//! of one that was done, and for how long.

use std::sync::Arc;

use chrono::TimeDelta;
use keys_core::{Digest, Pepper, Peppers, Timestamp};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{Clock, IdempotencyStore, OrganizationId, Principal, StoreError};

/// Records that are deleted in one go.
const RECORDS_AT_ONCE: i64 = 1000;

/// What a caller names a request by, so that they may send it again. It means nothing but itself.
pub struct IdempotencyKey<'a>(&'a [u8]);

impl<'a> IdempotencyKey<'a> {
    /// The longest, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// A key of 1 to [`IdempotencyKey::MAX_BYTES`] visible ASCII characters.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let is_sane =
            (1..=Self::MAX_BYTES).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        is_sane.then_some(Self(bytes))
    }
}

/// Tells a request from every other: whoever asks for the same under the same key means the same
/// request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestName([u8; 32]);

impl RequestName {
    /// The name of what `who` asks for by `method` at `address` under `key`. A digest: two parts that
    /// are cut elsewhere, or belong to another caller, never make the same name.
    pub fn of(who: &Principal, method: &str, address: &str, key: &IdempotencyKey<'_>) -> Self {
        let (organization, actor) = (who.organization().id.uuid(), who.actor());
        let parts: [&[u8]; 5] = [
            organization.as_bytes(),
            actor.as_bytes(),
            method.as_bytes(),
            address.as_bytes(),
            key.0,
        ];
        let name = parts.iter().fold(Sha256::new(), |name, part| {
            // What is longer than 2^64 bytes is no part of a request.
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            name.chain_update(length.to_be_bytes()).chain_update(part)
        });
        Self(name.finalize().into())
    }

    /// The bytes, for storage.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for RequestName {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// A request that is done once, however often it comes. It travels with the permission to the change
/// that it asks for, and is remembered in the same transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeatable {
    /// Which request.
    pub name: RequestName,
    /// The identity of its body, under the pepper that mints.
    pub body: Digest,
}

/// What is remembered of a request that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// The identity of its body.
    pub body: Digest,
    /// The id of what it made.
    pub made: Uuid,
    /// The id of what was made along with that: of a deployment, its first key.
    pub made_along: Option<Uuid>,
}

impl IdempotencyRecord {
    /// For how long a request is remembered.
    pub const LIFETIME: TimeDelta = TimeDelta::hours(24);

    /// Of two requests of one name, that at `now` is a new one if the other was done then or before.
    pub fn forgotten_by(now: Timestamp) -> Timestamp {
        now.checked_sub_signed(Self::LIFETIME).unwrap_or(Timestamp::MIN_UTC)
    }
}

/// What tells whether two bodies are the same: an HMAC under each pepper, so that a request which is
/// sent again after the pepper was swapped is known all the same.
pub struct BodyIdentity {
    current: Digest,
    accepted: Vec<Digest>,
}

impl BodyIdentity {
    /// The one to remember.
    pub fn to_keep(&self) -> Digest {
        self.current
    }

    /// Whether the remembered request had this body.
    pub fn is_of(&self, record: &IdempotencyRecord) -> bool {
        self.current == record.body || self.accepted.contains(&record.body)
    }
}

/// The use cases of requests that may be sent again.
pub struct Idempotency {
    /// Where they are remembered.
    pub store: Arc<dyn IdempotencyStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What the keys of bodies' identities are derived from.
    pub peppers: Arc<Peppers>,
}

impl Idempotency {
    /// What is remembered of a request, if it was done within its lifetime.
    ///
    /// # Errors
    /// When storage fails.
    pub fn find(
        &self,
        organization: OrganizationId,
        name: &RequestName,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let forgotten = IdempotencyRecord::forgotten_by(self.clock.now());
        self.store.find_record(organization, name, forgotten)
    }

    /// The identity of a body, as it came. One that came in parts will be identified by the names and
    /// contents of its parts in their order: what stands between them differs each time it is sent.
    pub fn identify(&self, body: &[u8]) -> BodyIdentity {
        let under = |pepper: &Pepper| pepper.subkey("request body").mac(body);
        // The one that mints comes first, and is not asked twice.
        let accepted = self.peppers.iter().skip(1).map(under).collect();
        BodyIdentity { current: under(self.peppers.current()), accepted }
    }

    /// Deletes the records that no longer count, in portions; returns how many.
    ///
    /// # Errors
    /// When storage fails; what was deleted until then is gone.
    pub fn prune(&self) -> Result<usize, StoreError> {
        let forgotten = IdempotencyRecord::forgotten_by(self.clock.now());
        let portion = usize::try_from(RECORDS_AT_ONCE).unwrap_or(usize::MAX);
        let mut deleted = 0;
        loop {
            let now = self.store.delete_records(forgotten, RECORDS_AT_ONCE)?;
            deleted += now;
            if now < portion {
                return Ok(deleted);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use keys_core::Slot;

    use super::*;
    use crate::OrganizationName;

    fn caller(organization: u128, key: u128) -> Principal {
        let organization =
            OrganizationName { id: Uuid::from_u128(organization).into(), slug: "acme".into() };
        let (id, slot) = (Uuid::from_u128(key).into(), Slot::One);
        Principal::PlatformKey { id, organization, slot, expires_at: None }
    }

    #[test]
    fn a_request_is_named_by_who_asks_for_what_under_which_key() {
        let name = |organization, key, method: &str, address: &str, text: &str| {
            let text = IdempotencyKey::parse(text.as_bytes()).unwrap();
            RequestName::of(&caller(organization, key), method, address, &text)
        };
        let one = name(1, 2, "POST", "/a", "k");
        assert_eq!(one, name(1, 2, "POST", "/a", "k"));
        for other in [
            name(3, 2, "POST", "/a", "k"),
            name(1, 3, "POST", "/a", "k"),
            name(2, 1, "POST", "/a", "k"),
            name(1, 2, "PUT", "/a", "k"),
            name(1, 2, "POST", "/b", "k"),
            name(1, 2, "POST", "/", "ak"),
            name(1, 2, "POST", "/ak", "k"),
            name(1, 2, "POST", "/a", "j"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_body_is_known_under_every_pepper_that_is_accepted() {
        let pepper = |byte| Pepper::new(&[byte; 32]).unwrap();
        let under = |current, accepted: &[u8]| Idempotency {
            store: Arc::new(Old(0.into())),
            clock: Arc::new(Old(0.into())),
            peppers: Arc::new(Peppers::new(
                pepper(current),
                accepted.iter().map(|byte| pepper(*byte)).collect(),
            )),
        };
        let body = under(1, &[]).identify(b"{}").to_keep();
        let record = IdempotencyRecord { body, made: Uuid::from_u128(1), made_along: None };
        assert!(under(1, &[]).identify(b"{}").is_of(&record));
        assert!(under(2, &[1]).identify(b"{}").is_of(&record));
        assert!(under(1, &[2]).identify(b"{}").is_of(&record));
        assert!(!under(2, &[]).identify(b"{}").is_of(&record));
        assert!(!under(2, &[1]).identify(b"{ }").is_of(&record));
    }

    #[test]
    fn old_records_are_deleted_until_none_is_left() {
        let store = Arc::new(Old(2500.into()));
        let idempotency = Idempotency {
            store: store.clone(),
            clock: Arc::new(Old(0.into())),
            peppers: Arc::new(Pepper::new(&[1; 32]).unwrap().into()),
        };
        assert_eq!(idempotency.prune().unwrap(), 2500);
        assert_eq!(store.0.load(Ordering::Relaxed), 0);
        assert_eq!(idempotency.prune().unwrap(), 0);
    }

    /// So many records that no longer count, and the beginning of time.
    struct Old(AtomicUsize);

    impl Clock for Old {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
    }

    impl IdempotencyStore for Old {
        fn find_record(
            &self,
            _: OrganizationId,
            _: &RequestName,
            _: Timestamp,
        ) -> Result<Option<IdempotencyRecord>, StoreError> {
            Ok(None)
        }

        fn delete_records(&self, _: Timestamp, limit: i64) -> Result<usize, StoreError> {
            let portion = self.0.load(Ordering::Relaxed).min(limit.try_into().unwrap());
            self.0.fetch_sub(portion, Ordering::Relaxed);
            Ok(portion)
        }
    }
}
