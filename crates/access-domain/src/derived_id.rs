//! Ids of things that are told apart by what they are made of: nobody needs randomness for them, and the same thing has the
//! same id wherever it is made.

use keys_core::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

/// A UUIDv7 for something at `at`, made of what tells it from all else at that time instead of
/// randomness (RFC 9562, 5.7 and 5.8).
pub fn derived_id(at: Timestamp, parts: &[&[u8]]) -> Uuid {
    let micros = at.timestamp_micros().to_be_bytes();
    let all: Vec<&[u8]> = [micros.as_slice()].into_iter().chain(parts.iter().copied()).collect();
    mixed_id(u64::try_from(at.timestamp_millis()).unwrap_or(0), &all)
}

/// The same by its milliseconds since 1970, which are no part of what it is made of.
pub(crate) fn mixed_id(millis: u64, parts: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        // With their lengths, so that no two lists of parts run together to the same bytes.
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let mut random = [0; 10];
    random.iter_mut().zip(hash.finalize()).for_each(|(byte, mixed)| *byte = mixed);
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}
