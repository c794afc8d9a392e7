//! What is kept of a key: a keyed digest to find it by, and a fingerprint to name it by.

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::Form;

/// HMAC-SHA-256 (RFC 2104) of a plaintext key under a [`Pepper`].
///
/// Equality takes the same time wherever two digests first differ. `Debug` is blank: a digest in a
/// log would confirm a guess to whoever learns the pepper.
///
/// ```
/// use keys_core::{Digest, Pepper};
///
/// let pepper = Pepper::new(b"thirty-two random bytes or more, from a file")?;
/// let digest = pepper.digest("unst_…");
/// assert!(Digest::from(*digest.as_bytes()) == digest, "as storage gives it back");
/// assert_eq!(format!("{digest:?}"), "Digest(…)");
/// # Ok::<(), keys_core::WeakPepper>(())
/// ```
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The bytes, for storage.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Digest {}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

/// The first 16 hexadecimal digits of SHA-256 over the plaintext: names a key in lists and logs
/// without helping to guess it. Fixed at minting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of a plaintext key.
    pub fn of(plaintext: &str) -> Self {
        Self(hex(&Sha256::digest(plaintext.as_bytes()), 16))
    }

    /// A fingerprint as storage kept it.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The 16 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names the pepper that a digest was made under, so that a swap can be told from a loss. Derived
/// from the pepper: nobody has to invent names, and none can be given to two peppers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PepperName(String);

impl PepperName {
    /// A name as storage kept it.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// 16 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The server's secret under which keys are digested: whoever copies the database alone can check
/// no guess. No `Debug`, `Clone` or serialization.
pub struct Pepper {
    name: PepperName,
    keyed: Hmac<Sha256>,
    derivation: Hkdf<Sha256>,
}

/// The pepper is shorter than 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pepper has at least {min} bytes, this one has {bytes}", min = Pepper::MIN_BYTES)]
pub struct WeakPepper {
    /// How many it has.
    pub bytes: usize,
}

impl Pepper {
    /// The least length of a pepper, in bytes: the size of the digest.
    pub const MIN_BYTES: usize = 32;

    /// # Errors
    /// When `key` has fewer than [`Pepper::MIN_BYTES`] bytes.
    pub fn new(key: &[u8]) -> Result<Self, WeakPepper> {
        if key.len() < Self::MIN_BYTES {
            return Err(WeakPepper { bytes: key.len() });
        }
        // HMAC takes keys of any length; the length was all that could be wrong.
        let keyed =
            Hmac::<Sha256>::new_from_slice(key).map_err(|_| WeakPepper { bytes: key.len() })?;
        let name = PepperName(hex(&mac(&keyed, b"keywright pepper name").0, 16));
        Ok(Self { name, keyed, derivation: Hkdf::new(None, key) })
    }

    /// The name that rows carry.
    pub fn name(&self) -> &PepperName {
        &self.name
    }

    /// The digest by which a key is stored and found.
    pub fn digest(&self, plaintext: &str) -> Digest {
        mac(&self.keyed, plaintext.as_bytes())
    }

    /// A key for `purpose`, by HKDF-SHA-256 (RFC 5869): whoever learns one learns nothing of the
    /// pepper, nor of the key for another purpose.
    pub fn subkey(&self, purpose: &str) -> Subkey {
        // As long as a block of SHA-256, which is what HMAC works on; HKDF gives up to 8160 bytes.
        let mut key = Zeroizing::new([0; 64]);
        let _ = self.derivation.expand(purpose.as_bytes(), &mut *key);
        Subkey { keyed: Hmac::<Sha256>::new(&(*key).into()) }
    }
}

/// A key that was derived from a [`Pepper`] for one purpose. No `Debug`, `Clone` or serialization.
pub struct Subkey {
    keyed: Hmac<Sha256>,
}

impl Subkey {
    /// HMAC-SHA-256 of `message`.
    pub fn mac(&self, message: &[u8]) -> Digest {
        mac(&self.keyed, message)
    }
}

/// The pepper that mints, and those that only verify: with them a pepper is swapped over several
/// servers, and retired once no key needs it. Invariant: each is there once.
///
/// ```
/// use keys_core::{Pepper, Peppers};
///
/// let old = Pepper::new(b"the pepper of last year, 32 bytes or more")?;
/// let row = (old.digest("unst_…"), old.name().clone());
/// let new = Pepper::new(b"the pepper of this year, 32 bytes or more")?;
/// let peppers = Peppers::new(new, vec![old]);
/// assert!(peppers.named(&row.1).is_some_and(|pepper| pepper.digest("unst_…") == row.0));
/// # Ok::<(), keys_core::WeakPepper>(())
/// ```
pub struct Peppers {
    current: Pepper,
    accepted: Vec<Pepper>,
}

impl Peppers {
    /// `current` mints; `accepted` only verify.
    pub fn new(current: Pepper, accepted: Vec<Pepper>) -> Self {
        let mut once: Vec<Pepper> = Vec::with_capacity(accepted.len());
        for pepper in accepted {
            let is_new = |other: &Pepper| other.name != pepper.name;
            if is_new(&current) && once.iter().all(is_new) {
                once.push(pepper);
            }
        }
        Self { current, accepted: once }
    }

    /// The one that mints.
    pub fn current(&self) -> &Pepper {
        &self.current
    }

    /// All of them, the one that mints first.
    pub fn iter(&self) -> impl Iterator<Item = &Pepper> {
        std::iter::once(&self.current).chain(&self.accepted)
    }

    /// What `shown` is looked up by: its digest under each pepper, the one that mints first. None
    /// for a text that can be no key of ours, so that garbage and typing errors cost no look-up.
    pub fn digests(&self, shown: &str) -> impl Iterator<Item = Digest> {
        let is_key = Form::of(shown).is_some();
        let digests = self.iter().map(move |pepper| is_key.then(|| pepper.digest(shown)));
        digests.flatten()
    }

    /// The one of this name.
    pub fn named(&self, name: &PepperName) -> Option<&Pepper> {
        self.iter().find(|pepper| pepper.name == *name)
    }
}

impl From<Pepper> for Peppers {
    fn from(current: Pepper) -> Self {
        Self::new(current, Vec::new())
    }
}

fn mac(keyed: &Hmac<Sha256>, message: &[u8]) -> Digest {
    let mut mac = keyed.clone();
    mac.update(message);
    Digest(mac.finalize().into_bytes().into())
}

pub(crate) fn hex(bytes: &[u8], digits: usize) -> String {
    use fmt::Write as _;
    bytes.iter().take(digits / 2).fold(String::with_capacity(digits), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_hmac_sha_256_as_rfc_4231_has_it() {
        // RFC 4231, test case 6: a key of 131 bytes 0xaa.
        let pepper = Pepper::new(&[0xaa; 131]).unwrap();
        let digest = pepper.digest("Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(
            hex(digest.as_bytes(), 64),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn the_fingerprint_is_the_beginning_of_sha_256() {
        assert_eq!(Fingerprint::of("abc").as_str(), "ba7816bf8f01cfea");
    }

    #[test]
    fn a_pepper_is_named_by_its_content_and_must_be_long() {
        let name = |key: &[u8]| Pepper::new(key).map(|pepper| pepper.name().clone());
        assert_eq!(name(&[1; 32]), name(&[1; 32]));
        assert_ne!(name(&[1; 32]), name(&[2; 32]));
        assert_eq!(name(&[1; 31]), Err(WeakPepper { bytes: 31 }));
    }

    #[test]
    fn a_subkey_is_of_its_pepper_and_of_its_purpose() {
        let pepper = |byte| Pepper::new(&[byte; 32]).unwrap();
        let mac = |byte, purpose| pepper(byte).subkey(purpose).mac(b"message");
        assert_eq!(mac(1, "a"), mac(1, "a"));
        assert_ne!(mac(1, "a"), mac(1, "b"));
        assert_ne!(mac(1, "a"), mac(2, "a"));
        assert_ne!(mac(1, "a"), pepper(1).digest("message"));
    }

    #[test]
    fn each_pepper_is_there_once_and_the_one_that_mints_comes_first() {
        let pepper = |byte| Pepper::new(&[byte; 32]).unwrap();
        let peppers = Peppers::new(pepper(1), vec![pepper(2), pepper(1), pepper(2)]);
        let names: Vec<_> = peppers.iter().map(Pepper::name).collect();
        assert_eq!(names, [pepper(1).name(), pepper(2).name()]);
        assert!(peppers.named(pepper(2).name()).is_some());
        assert!(peppers.named(pepper(3).name()).is_none());
    }

    #[test]
    fn a_digest_does_not_print_itself() {
        assert_eq!(format!("{:?}", Digest::from([9; 32])), "Digest(…)");
    }
}
