//! When secrets were last used: noted in memory as keys are admitted, stored when a minute closes.
//!
//! A request pays for one short lock. Until a use is stored, whoever asks this process is told of it
//! all the same; other processes hear of it once it is.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use keys_core::{Digest, Timestamp};

use crate::{FoundBy, KeyLookup, ManagedKey, StoreError};

/// So many secrets are kept in mind at most: a few megabytes. Of further ones the use is not noted
/// until what is noted was stored.
const MAX_NOTED: usize = 100_000;
/// So many are stored in one transaction.
const BATCH: usize = 1000;

/// The uses that are not stored yet, by the digests of their secrets.
#[derive(Default)]
pub struct Uses(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    last: HashMap<[u8; 32], Timestamp>,
    /// Where secrets went whose old digest may still be in somebody's hands.
    moved: HashMap<[u8; 32], [u8; 32]>,
    missed: u64,
}

impl Uses {
    /// Notes that a key was used by `secret`. One that another system made becomes native by its
    /// first use, and is noted from then on.
    pub fn note(&self, secret: &FoundBy, at: Timestamp) {
        let FoundBy::Native { digest, .. } = secret else { return };
        let mut noted = self.noted();
        let digest = *noted.moved.get(digest.as_bytes()).unwrap_or(digest.as_bytes());
        if let Some(last) = noted.last.get_mut(&digest) {
            *last = at.max(*last);
        } else if noted.last.len() < MAX_NOTED {
            noted.last.insert(digest, at);
        } else {
            noted.missed += 1;
        }
    }

    /// A secret is kept under another digest from now on. Whoever found it before may note its use
    /// after this.
    pub fn moved(&self, from: &Digest, to: &Digest) {
        let mut noted = self.noted();
        if noted.moved.len() < MAX_NOTED {
            noted.moved.insert(*from.as_bytes(), *to.as_bytes());
        }
        if let Some(at) = noted.last.remove(from.as_bytes()) {
            noted.last.entry(*to.as_bytes()).and_modify(|last| *last = at.max(*last)).or_insert(at);
        }
    }

    /// Stores what is noted. What cannot be stored stays noted. Returns how many uses were not
    /// noted for want of room since the last time. Asks storage: not for an event loop.
    ///
    /// # Errors
    /// When storage fails.
    pub fn flush(&self, store: &dyn KeyLookup) -> Result<u64, StoreError> {
        let uses: Vec<(Digest, Timestamp)> = {
            let noted = self.noted();
            noted.last.iter().map(|(digest, at)| (Digest::from(*digest), *at)).collect()
        };
        for batch in uses.chunks(BATCH) {
            store.note_uses(batch)?;
            let mut noted = self.noted();
            for (digest, at) in batch {
                // Seen by whoever asks until it is stored, and kept if it was used again meanwhile.
                if noted.last.get(digest.as_bytes()) == Some(at) {
                    noted.last.remove(digest.as_bytes());
                }
            }
        }
        Ok(std::mem::take(&mut self.noted().missed))
    }

    /// The key as this process knows it: with the uses that are not stored yet.
    pub(crate) fn told_of(&self, mut key: ManagedKey) -> ManagedKey {
        let noted = self.noted();
        for secret in &mut key.secrets {
            let last = noted.last.get(secret.digest.as_bytes()).copied();
            secret.last_used_at = secret.last_used_at.max(last);
        }
        key
    }

    /// Nothing panics while it is held, so that there is no state that poison could warn of.
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicBool, sync::atomic::Ordering, time::Duration};

    use keys_core::{Fingerprint, PepperName, StoredSecret};

    use super::*;
    use crate::{ForeignDigests, KeyMatches, KeyQuery, KeyRecord, KeyTerms};

    /// Remembers what it is told, while it answers.
    #[derive(Default)]
    struct Told {
        batches: Mutex<Vec<Vec<(Digest, Timestamp)>>>,
        is_away: AtomicBool,
    }

    impl KeyLookup for Told {
        fn find_keys(&self, _: &[KeyQuery]) -> Result<Vec<KeyMatches>, StoreError> {
            Ok(Vec::new())
        }

        fn rehash(&self, _: &Digest, _: &Digest, _: &PepperName) -> Result<(), StoreError> {
            Ok(())
        }

        fn adopt(
            &self,
            _: &KeyRecord,
            _: &StoredSecret,
            _: &ForeignDigests,
            _: Timestamp,
        ) -> Result<(), StoreError> {
            Ok(())
        }

        fn note_uses(&self, uses: &[(Digest, Timestamp)]) -> Result<(), StoreError> {
            if self.is_away.load(Ordering::Relaxed) {
                return Err(StoreError::Unavailable { doing: "noting", source: "away".into() });
            }
            self.batches.lock().unwrap().push(uses.to_vec());
            Ok(())
        }
    }

    impl Told {
        fn taken(&self) -> Vec<(Digest, Timestamp)> {
            self.batches.lock().unwrap().drain(..).flatten().collect()
        }
    }

    fn digest(number: u32) -> Digest {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        bytes.into()
    }

    fn secret(number: u32) -> FoundBy {
        FoundBy::Native { digest: digest(number), pepper: PepperName::from_stored("p".into()) }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn key(stored: Option<Timestamp>) -> ManagedKey {
        let secret = crate::KeySecret {
            digest: digest(1),
            hint: String::new(),
            fingerprint: Fingerprint::of(""),
            created_at: at(0),
            grace_until: None,
            last_used_at: stored,
        };
        ManagedKey {
            id: uuid::Uuid::nil().into(),
            deployment: None,
            name: String::new(),
            terms: KeyTerms::default(),
            term: None,
            revoked: None,
            secrets: vec![secret],
            imported: None,
            created_by: None,
            created_at: at(0),
        }
    }

    #[test]
    fn the_last_use_of_each_secret_is_stored_once() {
        let (uses, store) = (Uses::default(), Told::default());
        for (number, seconds) in [(1, 5), (2, 6), (1, 7), (1, 3)] {
            uses.note(&secret(number), at(seconds));
        }
        uses.flush(&store).unwrap();
        let mut stored = store.taken();
        stored.sort_unstable_by_key(|(_, at)| *at);
        assert_eq!(stored, [(digest(2), at(6)), (digest(1), at(7))]);
        uses.flush(&store).unwrap();
        assert_eq!(store.taken(), []);
    }

    #[test]
    fn what_is_not_stored_stays_noted() {
        let (uses, store) = (Uses::default(), Told::default());
        uses.note(&secret(1), at(5));
        store.is_away.store(true, Ordering::Relaxed);
        uses.flush(&store).unwrap_err();
        assert_eq!(uses.told_of(key(None)).last_used_at(), Some(at(5)));
        store.is_away.store(false, Ordering::Relaxed);
        uses.flush(&store).unwrap();
        assert_eq!(store.taken(), [(digest(1), at(5))]);
    }

    #[test]
    fn whoever_asks_is_told_the_later_of_what_is_stored_and_noted() {
        let uses = Uses::default();
        uses.note(&secret(1), at(5));
        let told = |stored| uses.told_of(key(stored)).last_used_at();
        assert_eq!(told(None), Some(at(5)));
        assert_eq!(told(Some(at(4))), Some(at(5)));
        assert_eq!(told(Some(at(6))), Some(at(6)));
    }

    #[test]
    fn a_secret_that_is_kept_otherwise_keeps_its_use() {
        let (uses, store) = (Uses::default(), Told::default());
        uses.note(&secret(1), at(5));
        uses.note(&secret(2), at(4));
        uses.moved(&digest(1), &digest(2));
        uses.moved(&digest(3), &digest(4));
        uses.flush(&store).unwrap();
        assert_eq!(store.taken(), [(digest(2), at(5))]);
        uses.note(&secret(1), at(6));
        uses.flush(&store).unwrap();
        assert_eq!(store.taken(), [(digest(2), at(6))]);
    }

    #[test]
    fn many_are_stored_in_portions_and_too_many_are_counted() {
        let (uses, store) = (Uses::default(), Told::default());
        let most = u32::try_from(MAX_NOTED).unwrap();
        for number in 0..most + 2 {
            uses.note(&secret(number), at(5));
        }
        uses.note(&secret(0), at(6));
        assert_eq!(uses.flush(&store).unwrap(), 2);
        assert!(store.batches.lock().unwrap().iter().all(|batch| batch.len() <= BATCH));
        assert_eq!(store.taken().len(), MAX_NOTED);
        assert_eq!(uses.flush(&store).unwrap(), 0);
    }
}
