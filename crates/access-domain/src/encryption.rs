//! Texts that must be read again, and by nobody who has the database alone: sealed with XChaCha20-Poly1305
//! under a key that is kept beside the pepper. A sealed text opens only in the place that it was
//! sealed for.

use std::fmt;

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305,
    aead::{Aead as _, Payload},
};
use hkdf::Hkdf;
use keys_core::{Entropy, Secret};
use sha2::Sha256;
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;
/// What a name is derived as, and what the cipher's key is: two subkeys, of which one is told.
const NAMED: &[u8] = b"keywright encryption key name";
const SEALED: &[u8] = b"keywright organization secrets";

/// A key under which texts are sealed. No `Debug`, `Clone` or serialization.
pub struct EncryptionKey {
    name: String,
    cipher: XChaCha20Poly1305,
}

/// The key is shorter than 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an encryption key has at least {} bytes", EncryptionKey::MIN_BYTES)]
pub struct WeakEncryptionKey;

impl EncryptionKey {
    /// The least length of what a key is made from, in bytes.
    pub const MIN_BYTES: usize = 32;

    /// A key made from `material`, of any length from [`EncryptionKey::MIN_BYTES`] on.
    ///
    /// # Errors
    /// When it is shorter.
    pub fn new(material: &[u8]) -> Result<Self, WeakEncryptionKey> {
        if material.len() < Self::MIN_BYTES {
            return Err(WeakEncryptionKey);
        }
        let derivation = Hkdf::<Sha256>::new(None, material);
        let mut name = [0; 8];
        let mut key = Zeroizing::new([0; 32]);
        derivation.expand(NAMED, &mut name).map_err(|_| WeakEncryptionKey)?;
        derivation.expand(SEALED, &mut *key).map_err(|_| WeakEncryptionKey)?;
        let name = format!("{:016x}", u64::from_be_bytes(name));
        Ok(Self { name, cipher: XChaCha20Poly1305::new((&*key).into()) })
    }

    /// 16 hexadecimal digits that tell nothing of the key, derived from it.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The keys of a server: one seals, all open.
pub struct EncryptionKeys {
    current: EncryptionKey,
    accepted: Vec<EncryptionKey>,
}

/// A sealed text, as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The name of the key that opens it.
    pub key: String,
    /// The nonce, then what was made of the text, with its tag.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").field("key", &self.key).finish_non_exhaustive()
    }
}

/// A sealed text that does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsealable {
    /// It was sealed under a key that this server has not.
    #[error("the encryption key {0} is not here")]
    KeyMissing(String),
    /// It was changed, or moved here from another place.
    #[error("what is stored was not sealed for this place")]
    Tampered,
}

impl EncryptionKeys {
    /// `current` seals; those in `accepted` only open.
    pub fn new(current: EncryptionKey, accepted: Vec<EncryptionKey>) -> Self {
        Self { current, accepted }
    }

    /// The key that seals.
    pub fn current(&self) -> &EncryptionKey {
        &self.current
    }

    /// Whether the key of this name is here.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn find(&self, name: &str) -> Option<&EncryptionKey> {
        std::iter::once(&self.current).chain(&self.accepted).find(|key| key.name == name)
    }

    /// Seals `text` for `place`, where alone it opens.
    pub(crate) fn seal(&self, text: &Secret, place: &[u8], entropy: &dyn Entropy) -> Sealed {
        let mut nonce = [0; NONCE_BYTES];
        // So many bits of chance that no two nonces are ever the same.
        entropy.fill(&mut nonce);
        let payload = Payload { msg: text.for_digest().as_bytes(), aad: place };
        // Refused are texts of 256 GiB alone.
        let sealed = self.current.cipher.encrypt(&nonce.into(), payload).unwrap_or_default();
        let bytes = nonce.into_iter().chain(sealed).collect();
        Sealed { key: self.current.name.clone(), bytes }
    }

    /// The text that was sealed for `place`.
    pub(crate) fn open(&self, sealed: &Sealed, place: &[u8]) -> Result<Secret, Unsealable> {
        let missing = || Unsealable::KeyMissing(sealed.key.clone());
        let key = self.find(&sealed.key).ok_or_else(missing)?;
        let (nonce, body) =
            sealed.bytes.split_first_chunk::<NONCE_BYTES>().ok_or(Unsealable::Tampered)?;
        let opened = key.cipher.decrypt(nonce.into(), Payload { msg: body, aad: place });
        let opened = opened.map_err(|_| Unsealable::Tampered)?;
        let text = String::from_utf8(opened).map_err(|_| Unsealable::Tampered)?;
        Ok(Secret::new(text))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    /// Other bytes each time.
    struct Counting(AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, Ordering::SeqCst));
        }
    }

    fn key(byte: u8) -> EncryptionKey {
        EncryptionKey::new(&[byte; 32]).unwrap()
    }

    fn sealed(keys: &EncryptionKeys, place: &[u8]) -> Sealed {
        keys.seal(&Secret::new("s3cret".into()), place, &Counting(AtomicU8::new(0)))
    }

    fn opened(keys: &EncryptionKeys, sealed: &Sealed, place: &[u8]) -> Result<String, Unsealable> {
        keys.open(sealed, place).map(Secret::reveal_once)
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_alone() {
        let keys = EncryptionKeys::new(key(1), Vec::new());
        let one = sealed(&keys, b"here");
        assert!(!one.bytes.windows(6).any(|window| window == b"s3cret"));
        assert_eq!(opened(&keys, &one, b"here"), Ok("s3cret".into()));
        assert_eq!(opened(&keys, &one, b"there"), Err(Unsealable::Tampered));
        for at in 0..one.bytes.len() {
            let mut changed = one.clone();
            changed.bytes[at] ^= 1;
            assert_eq!(opened(&keys, &changed, b"here"), Err(Unsealable::Tampered), "{at}");
        }
        let short = Sealed { bytes: one.bytes[..20].to_vec(), ..one };
        assert_eq!(opened(&keys, &short, b"here"), Err(Unsealable::Tampered));
    }

    #[test]
    fn the_same_text_is_sealed_differently_each_time() {
        let (keys, entropy) = (EncryptionKeys::new(key(1), Vec::new()), Counting(AtomicU8::new(0)));
        let seal = || keys.seal(&Secret::new("x".into()), b"", &entropy).bytes;
        assert_ne!(seal(), seal());
    }

    #[test]
    fn an_accepted_key_opens_and_a_missing_one_is_named() {
        let old = EncryptionKeys::new(key(1), Vec::new());
        let both = EncryptionKeys::new(key(2), vec![key(1)]);
        let new = EncryptionKeys::new(key(2), Vec::new());
        let under_old = sealed(&old, b"here");
        assert_eq!(opened(&both, &under_old, b"here"), Ok("s3cret".into()));
        let name = key(1).name().to_owned();
        assert_eq!(opened(&new, &under_old, b"here"), Err(Unsealable::KeyMissing(name.clone())));
        assert_eq!((name.len(), both.has(&name), new.has(&name)), (16, true, false));
        assert_eq!(sealed(&both, b"here").key, key(2).name());
        assert!(EncryptionKey::new(&[1; 31]).is_err());
    }
}
