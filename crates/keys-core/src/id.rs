//! Row ids: `Id<Key>` is not `Id<Deployment>`. Knows nothing of what the ids name.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr};

use uuid::{Builder, Uuid};

use crate::{Entropy, Timestamp};

/// The id of a `T`: a UUIDv7 (RFC 9562, 5.7), so that ids sort by the millisecond they were made in.
///
/// ```
/// use keys_core::{Id, KeyId};
///
/// enum Order {}
/// let order: Id<Order> = "0190163d-8694-739b-aea5-966c26f8ad91".parse()?;
/// assert_eq!(order.to_string(), "0190163d-8694-739b-aea5-966c26f8ad91");
/// let key = KeyId::from_u128(42); // and no `Id<Order>`
/// # Ok::<(), keys_core::MalformedId>(())
/// ```
pub struct Id<T: ?Sized> {
    uuid: Uuid,
    of: PhantomData<fn() -> Box<T>>,
}

impl<T: ?Sized> Id<T> {
    /// A new id for something made at `now`. An instant before 1970 counts as 1970.
    pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
        let mut random = [0; 10];
        entropy.fill(&mut random);
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid().into()
    }

    /// The id of something that is numbered elsewhere.
    pub const fn from_u128(number: u128) -> Self {
        Self { uuid: Uuid::from_u128(number), of: PhantomData }
    }

    /// The bare UUID, for storage and the wire.
    pub fn uuid(self) -> Uuid {
        self.uuid
    }
}

impl<T: ?Sized> From<Uuid> for Id<T> {
    fn from(uuid: Uuid) -> Self {
        Self { uuid, of: PhantomData }
    }
}

/// The text is not a UUID in its hyphenated form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct MalformedId;

impl<T: ?Sized> FromStr for Id<T> {
    type Err = MalformedId;

    /// Takes the hyphenated form alone: one id has one spelling in logs and caches (case aside).
    fn from_str(text: &str) -> Result<Self, MalformedId> {
        if text.len() != uuid::fmt::Hyphenated::LENGTH {
            return Err(MalformedId);
        }
        Uuid::try_parse(text).map(Self::from).map_err(|_| MalformedId)
    }
}

impl<T: ?Sized> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.fmt(f)
    }
}

impl<T: ?Sized> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.fmt(f)
    }
}

// Derives would ask the same of `T`, which is only a name here.
impl<T: ?Sized> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Id<T> {}

impl<T: ?Sized> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}

impl<T: ?Sized> Eq for Id<T> {}

impl<T: ?Sized> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: ?Sized> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}

impl<T: ?Sized> hash::Hash for Id<T> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zeros;
    impl Entropy for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    #[test]
    fn ids_sort_by_the_moment_they_were_made() {
        let at =
            |millis| Id::<str>::generate(Timestamp::from_timestamp_millis(millis).unwrap(), &Zeros);
        assert!(at(1_000) < at(1_001));
        assert_eq!(at(1_000).uuid().get_version_num(), 7);
    }

    #[test]
    fn an_id_is_read_back_from_its_text_and_from_no_other_spelling() {
        let id = Id::<str>::generate(Timestamp::UNIX_EPOCH, &Zeros);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.uuid().simple().to_string().parse::<Id<str>>(), Err(MalformedId));
        assert_eq!("".parse::<Id<str>>(), Err(MalformedId));
    }
}
