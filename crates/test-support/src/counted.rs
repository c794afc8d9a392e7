//! A look-up of keys that counts how often it is asked.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use access_domain::{ForeignDigests, KeyLookup, KeyMatches, KeyQuery, KeyRecord, StoreError};
use keys_core::{Digest, PepperName, StoredSecret, Timestamp};
use storage_diesel::Storage;

/// The real look-up, with a count of its reads.
pub(crate) struct CountedLookup {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) reads: Arc<AtomicUsize>,
}

impl KeyLookup for CountedLookup {
    fn find_keys(&self, queries: &[KeyQuery]) -> Result<Vec<KeyMatches>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.storage.find_keys(queries)
    }

    fn rehash(&self, from: &Digest, to: &Digest, pepper: &PepperName) -> Result<(), StoreError> {
        self.storage.rehash(from, to, pepper)
    }

    fn adopt(
        &self,
        key: &KeyRecord,
        secret: &StoredSecret,
        foreign: &ForeignDigests,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.storage.adopt(key, secret, foreign, at)
    }

    fn note_uses(&self, uses: &[(Digest, Timestamp)]) -> Result<(), StoreError> {
        self.storage.note_uses(uses)
    }
}
