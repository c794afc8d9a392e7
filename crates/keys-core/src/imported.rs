//! Hashes of keys that another system made: read as that system stores them, and held against a
//! key. Knows nothing of whose keys they are.
//!
//! What each system stores, and of what:
//! - **djangorestframework-api-key 3** stores `sha512$$` and SHA-512 in hexadecimal, with no salt, of
//!   the whole key `prefix.secret`, the dot included (`Sha512ApiKeyHasher.encode` and
//!   `KeyGenerator.generate` in its `rest_framework_api_key/crypto.py`).
//! - **djangorestframework-api-key 1.4 and 2** store what Django's `make_password` makes of the same
//!   whole key: `pbkdf2_sha256$iterations$salt$` and 32 bytes in base64. Version 3 rewrites such a
//!   row when its key is next used, so a database may hold both.
//! - **Unkey** stores SHA-256 of the whole key in standard base64 (`pkg/hash/sha256.go`).
//! - **better-auth** stores SHA-256 of the whole key in URL-safe base64 without padding
//!   (`defaultKeyHasher` of `@better-auth/api-key`).
//!
//! Keys that the real packages made are the test vectors:
//! `crates/test-support/vectors/imported_keys.json`.

mod read;

use std::fmt;

use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq;

pub use self::read::UnreadableHash;
use crate::Fingerprint;

/// How the other system made a hash of its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// SHA-256 of the whole key.
    Sha256,
    /// SHA-512 of the whole key.
    Sha512,
    /// PBKDF2 (RFC 8018) with HMAC-SHA-256 over the whole key, in 32 bytes: Django's passwords.
    Pbkdf2Sha256,
}

impl HashAlgorithm {
    /// The name: Django's, and the one on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::Pbkdf2Sha256 => "pbkdf2_sha256",
        }
    }
}

/// How the other system writes a hash down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashEncoding {
    /// Hexadecimal digits of either case.
    Hex,
    /// Standard base64 (RFC 4648, 4), padded or not.
    Base64,
    /// URL-safe base64 (RFC 4648, 5), padded or not.
    Base64Url,
    /// `algorithm$salt$hash` with an empty salt and hexadecimal digits, or
    /// `pbkdf2_sha256$iterations$salt$hash` with standard base64.
    Django,
}

impl HashEncoding {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::Base64 => "base64",
            Self::Base64Url => "base64url",
            Self::Django => "django",
        }
    }
}

/// The bytes of a hash that was made without a pepper. Equality takes the same time wherever two
/// differ. `Debug` is blank: such a hash in a log would confirm a guess to anybody.
#[derive(Clone, Copy)]
pub struct BareHash<const N: usize>([u8; N]);

impl<const N: usize> BareHash<N> {
    /// The bytes, for storage and look-up.
    pub fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }
}

impl BareHash<32> {
    /// SHA-256 of a plaintext key.
    pub fn sha256(plaintext: &str) -> Self {
        Self(Sha256::digest(plaintext.as_bytes()).into())
    }
}

impl BareHash<64> {
    /// SHA-512 of a plaintext key.
    pub fn sha512(plaintext: &str) -> Self {
        Self(Sha512::digest(plaintext.as_bytes()).into())
    }
}

impl<const N: usize> From<[u8; N]> for BareHash<N> {
    fn from(bytes: [u8; N]) -> Self {
        Self(bytes)
    }
}

impl<const N: usize> PartialEq for BareHash<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl<const N: usize> Eq for BareHash<N> {}

impl<const N: usize> fmt::Debug for BareHash<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BareHash(…)")
    }
}

/// A salted hash, slow to make. No table can be asked for it by the key alone, so its row is found
/// by the key's prefix ([`ForeignPrefix`]) and then held against the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pbkdf2Hash {
    iterations: u32,
    salt: String,
    hash: BareHash<32>,
}

impl Pbkdf2Hash {
    /// The most iterations that are taken: each failed guess costs as many. Django 5.2 makes
    /// 1,000,000.
    pub const MAX_ITERATIONS: u32 = 2_000_000;
    /// The longest salt in bytes. Django makes 22.
    pub const MAX_SALT: usize = 128;

    /// # Errors
    /// When the iterations or the salt are out of bounds.
    pub fn new(iterations: u32, salt: String, hash: BareHash<32>) -> Result<Self, UnreadableHash> {
        if !(1..=Self::MAX_ITERATIONS).contains(&iterations) {
            return Err(UnreadableHash::Iterations);
        }
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'$';
        if salt.is_empty() || salt.len() > Self::MAX_SALT || !salt.bytes().all(is_plain) {
            return Err(UnreadableHash::Salt);
        }
        Ok(Self { iterations, salt, hash })
    }

    /// How often HMAC is applied: what a check costs.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// The salt, as text: visible ASCII without `$`.
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// What the key must come to.
    pub fn hash(&self) -> BareHash<32> {
        self.hash
    }

    /// Whether `plaintext` is the key. Takes up to seconds of a core, by [`Self::iterations`]: for a
    /// thread that may be blocked, behind a limit.
    pub fn verify(&self, plaintext: &str) -> bool {
        let salt = self.salt.as_bytes();
        let made =
            pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(plaintext.as_bytes(), salt, self.iterations);
        BareHash(made) == self.hash
    }
}

/// What another system keeps of one of its keys.
///
/// ```
/// use keys_core::{HashAlgorithm, ImportedHash};
///
/// let stored = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
/// let hash = ImportedHash::parse(stored, HashAlgorithm::Sha256, None)?;
/// assert!(hash.verify("abc") && !hash.verify("abd"));
/// # Ok::<(), keys_core::UnreadableHash>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportedHash {
    /// Found by [`BareHash::sha256`] of the key.
    Sha256(BareHash<32>),
    /// Found by [`BareHash::sha512`] of the key.
    Sha512(BareHash<64>),
    /// Found by the key's prefix, then held against the key.
    Pbkdf2Sha256(Pbkdf2Hash),
}

impl ImportedHash {
    /// The longest text that is read, in bytes: PBKDF2 with the longest salt has room in it.
    pub const MAX_LENGTH: usize = 256;

    /// Reads a hash as its system stores it. Exact: nothing is trimmed. Without an `encoding` the
    /// shape tells: the encodings that yield as many bytes as the algorithm makes must agree.
    ///
    /// # Errors
    /// When the text is no such hash, with what is wrong about it.
    pub fn parse(
        text: &str,
        algorithm: HashAlgorithm,
        encoding: Option<HashEncoding>,
    ) -> Result<Self, UnreadableHash> {
        if text.len() > Self::MAX_LENGTH {
            return Err(UnreadableHash::TooLong);
        }
        match algorithm {
            HashAlgorithm::Sha256 => read::bare(text, algorithm, encoding).map(Self::Sha256),
            HashAlgorithm::Sha512 => read::bare(text, algorithm, encoding).map(Self::Sha512),
            HashAlgorithm::Pbkdf2Sha256 => read::pbkdf2(text, encoding).map(Self::Pbkdf2Sha256),
        }
    }

    /// Which algorithm made it.
    pub fn algorithm(&self) -> HashAlgorithm {
        match self {
            Self::Sha256(_) => HashAlgorithm::Sha256,
            Self::Sha512(_) => HashAlgorithm::Sha512,
            Self::Pbkdf2Sha256(_) => HashAlgorithm::Pbkdf2Sha256,
        }
    }

    /// Names the hash after it is gone, so that the same row is known again whenever it is imported,
    /// in whatever encoding. Tells as little of the key as the key's own fingerprint does: 64 bits
    /// of a hash of the hash.
    pub fn fingerprint(&self) -> Fingerprint {
        let name = self.algorithm().as_str();
        let canonical = match self {
            Self::Sha256(hash) => format!("{name}${:?}", hash.0),
            Self::Sha512(hash) => format!("{name}${:?}", hash.0),
            Self::Pbkdf2Sha256(Pbkdf2Hash { iterations, salt, hash }) => {
                format!("{name}${iterations}${salt}${:?}", hash.0)
            }
        };
        Fingerprint::of(&canonical)
    }

    /// Whether `plaintext` is the key that the hash was made of. Slow for PBKDF2: see
    /// [`Pbkdf2Hash::verify`].
    pub fn verify(&self, plaintext: &str) -> bool {
        match self {
            Self::Sha256(hash) => BareHash::sha256(plaintext) == *hash,
            Self::Sha512(hash) => BareHash::sha512(plaintext) == *hash,
            Self::Pbkdf2Sha256(hash) => hash.verify(plaintext),
        }
    }
}

/// The prefix of a key of djangorestframework-api-key, by which a [`Pbkdf2Hash`] is found: what
/// stands before the first dot. Its shape is checked when a row is imported and when a key comes in,
/// so that no row is unfindable and only a text of this shape costs a look-up and a slow hash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ForeignPrefix(String);

/// No key could be found by the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the prefix of such a key has 1 to {max} ASCII letters or digits", max = ForeignPrefix::MAX_LENGTH)]
pub struct InvalidForeignPrefix;

impl ForeignPrefix {
    /// The longest that djangorestframework-api-key has room for, and the length that it makes.
    pub const MAX_LENGTH: usize = 8;

    /// # Errors
    /// When the text is not 1 to 8 ASCII letters or digits.
    pub fn parse(text: &str) -> Result<Self, InvalidForeignPrefix> {
        let is_prefix = (1..=Self::MAX_LENGTH).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_prefix { Ok(Self(text.to_owned())) } else { Err(InvalidForeignPrefix) }
    }

    /// The prefix of a plaintext key, or `None` when it has none of that shape, or nothing after it.
    pub fn of_key(plaintext: &str) -> Option<Self> {
        let (prefix, secret) = plaintext.split_once('.')?;
        if secret.is_empty() { None } else { Self::parse(prefix).ok() }
    }

    /// The text, without the dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// Keys that the real packages made: `generate_imported_keys.py` beside the file tells how.
    const VECTORS: &str = include_str!("../../test-support/vectors/imported_keys.json");

    fn vectors() -> Vec<Value> {
        serde_json::from_str(VECTORS).unwrap()
    }

    fn text<'a>(row: &'a Value, member: &str) -> &'a str {
        row[member].as_str().unwrap()
    }

    fn algorithm(row: &Value) -> HashAlgorithm {
        let all = [HashAlgorithm::Sha256, HashAlgorithm::Sha512, HashAlgorithm::Pbkdf2Sha256];
        all.into_iter().find(|one| one.as_str() == text(row, "algorithm")).unwrap()
    }

    fn encoding(row: &Value) -> HashEncoding {
        use HashEncoding::{Base64, Base64Url, Django, Hex};
        let all = [Hex, Base64, Base64Url, Django];
        all.into_iter().find(|one| one.as_str() == text(row, "encoding")).unwrap()
    }

    /// The key with its last character changed.
    fn with_a_typo(key: &str) -> String {
        let (last, rest) = key.as_bytes().split_last().unwrap();
        let other = if *last == b'a' { 'b' } else { 'a' };
        format!("{}{other}", str::from_utf8(rest).unwrap())
    }

    #[test]
    fn keys_of_the_real_packages_match_and_with_one_changed_character_do_not() {
        for row in vectors() {
            let (key, stored) = (text(&row, "key"), text(&row, "hash"));
            let hash = ImportedHash::parse(stored, algorithm(&row), Some(encoding(&row))).unwrap();
            assert!(hash.verify(key), "{row}");
            assert!(!hash.verify(&with_a_typo(key)), "{row}");
        }
    }

    #[test]
    fn the_shape_of_a_real_hash_tells_its_encoding() {
        for row in vectors() {
            let (stored, algorithm) = (text(&row, "hash"), algorithm(&row));
            let told = ImportedHash::parse(stored, algorithm, Some(encoding(&row)));
            assert_eq!(ImportedHash::parse(stored, algorithm, None), told, "{row}");
        }
    }

    #[test]
    fn a_hash_is_named_alike_in_every_encoding_and_no_two_are_named_alike() {
        let read = |text: &str, algorithm| ImportedHash::parse(text, algorithm, None).unwrap();
        let (hex, base64) = ("00".repeat(32), "A".repeat(43));
        let zeros = read(&hex, HashAlgorithm::Sha256).fingerprint();
        assert_eq!(read(&base64, HashAlgorithm::Sha256).fingerprint(), zeros);
        let salted = |salt: &str| format!("pbkdf2_sha256$1${salt}${base64}=");
        let others = [
            read(&"00".repeat(64), HashAlgorithm::Sha512),
            read(&salted("a"), HashAlgorithm::Pbkdf2Sha256),
            read(&salted("b"), HashAlgorithm::Pbkdf2Sha256),
        ];
        let mut names: Vec<String> =
            others.iter().map(|hash| hash.fingerprint().as_str().to_owned()).collect();
        names.push(zeros.as_str().to_owned());
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 4);
    }

    #[test]
    fn a_slow_hash_is_found_by_the_prefix_that_its_package_gave() {
        let mut slow = 0;
        for row in vectors() {
            let (key, prefix) = (text(&row, "key"), row["prefix"].as_str());
            let found = ForeignPrefix::of_key(key);
            assert_eq!(found.as_ref().map(ForeignPrefix::as_str), prefix, "{row}");
            slow += usize::from(algorithm(&row) == HashAlgorithm::Pbkdf2Sha256);
        }
        assert!(slow > 0);
    }

    #[test]
    fn what_has_no_prefix_of_that_shape_costs_no_slow_hash() {
        for key in ["", ".", ".secret", "prefix78.", "prefix789.secret", "pre-fix.secret", "é.x"] {
            assert_eq!(ForeignPrefix::of_key(key), None, "{key:?}");
        }
        assert_eq!(ForeignPrefix::of_key("a.b.c"), ForeignPrefix::parse("a").ok());
    }

    #[test]
    fn pbkdf2_is_that_of_rfc_7914() {
        // RFC 7914, 11: the first 32 of the 64 bytes, which are a block of their own.
        let hash = [
            0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f, 0xec, 0x16, 0x91, 0xc2, 0x25, 0x44,
            0xb6, 0x05, 0xf9, 0x41, 0x85, 0x21, 0x6d, 0xde, 0x04, 0x65, 0xe6, 0x8b, 0x9d, 0x57,
            0xc2, 0x0d, 0xac, 0xbc,
        ];
        let hash = Pbkdf2Hash::new(1, "salt".to_owned(), hash.into()).unwrap();
        assert!(hash.verify("passwd"));
    }

    #[test]
    fn a_hash_does_not_print_itself() {
        let hash = Pbkdf2Hash::new(7, "salt".to_owned(), [9; 32].into()).unwrap();
        let printed = format!("{:?}", ImportedHash::Pbkdf2Sha256(hash));
        assert!(printed.contains("BareHash(…)") && !printed.contains('9'), "{printed}");
    }

    proptest! {
        #[test]
        fn one_changed_character_never_matches(
            key in "[!-~]{1,60}", at in any::<prop::sample::Index>(), other in "[!-~]",
            iterations in 1_u32..4,
        ) {
            let mut changed: Vec<char> = key.chars().collect();
            let at = at.index(changed.len());
            changed[at] = other.chars().next().unwrap();
            let changed: String = changed.into_iter().collect();

            let salt = "salt";
            let slow = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(key.as_bytes(), salt.as_bytes(), iterations);
            let slow = Pbkdf2Hash::new(iterations, salt.to_owned(), slow.into()).unwrap();
            for hash in [
                ImportedHash::Sha256(BareHash::sha256(&key)),
                ImportedHash::Sha512(BareHash::sha512(&key)),
                ImportedHash::Pbkdf2Sha256(slow),
            ] {
                prop_assert!(hash.verify(&key));
                prop_assert_eq!(hash.verify(&changed), changed == key);
            }
        }

        #[test]
        fn no_text_makes_the_prefix_panic(text in any::<String>()) {
            if let Some(prefix) = ForeignPrefix::of_key(&text) {
                let begins = format!("{}.", prefix.as_str());
                prop_assert!(text.starts_with(&begins));
            }
        }
    }
}
