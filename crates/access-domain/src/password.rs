//! Passwords at rest: Argon2id (RFC 9106). The parameters travel in the hash, so that they can be
//! raised without asking anybody for a new password.

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keys_core::{Entropy, Secret};
use zeroize::Zeroizing;

use crate::Fault;

/// The least length of a password that a person chooses, in characters (NIST SP 800-63B-4, 3.1.1.2).
pub(crate) const MIN_CHARACTERS: usize = 12;
/// Longer ones are refused, so that hashing stays cheap to ask for.
pub(crate) const MAX_BYTES: usize = 1024;

/// `BYTES` random bytes in URL-safe base64.
pub(crate) fn random_secret<const BYTES: usize>(entropy: &dyn Entropy) -> Secret {
    let mut bytes = Zeroizing::new([0; BYTES]);
    entropy.fill(&mut *bytes);
    Secret::new(URL_SAFE_NO_PAD.encode(*bytes))
}

/// What is wrong with a password that a person chooses, if anything is.
pub(crate) fn check_chosen(pointer: &str, password: &Secret) -> Option<Fault> {
    let password = password.for_digest();
    if password.chars().count() >= MIN_CHARACTERS && password.len() <= MAX_BYTES {
        return None;
    }
    let detail = format!(
        "a password has at least {MIN_CHARACTERS} characters and at most {MAX_BYTES} bytes"
    );
    Some(Fault::invalid(pointer, detail))
}

/// How much work a guess costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
}

impl PasswordCost {
    /// 19 MiB and two passes: the OWASP Password Storage Cheat Sheet's first choice for Argon2id.
    pub const STANDARD: Self = Self { memory_kib: 19 * 1024, passes: 2 };
    /// For tests, which guard nothing.
    pub const LEAST: Self = Self { memory_kib: 8, passes: 1 };
}

/// A password's hash in PHC string format.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// The hash function refused: only memory can be short, or a parameter out of its range.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed")]
pub struct HashingFailed(#[from] password_hash::Error);

impl PasswordHash {
    /// Hashes `password` with a fresh salt. Takes tens of milliseconds of CPU: never on an event loop.
    ///
    /// # Errors
    /// When memory for the hash is short.
    pub fn of(
        password: &Secret,
        cost: PasswordCost,
        entropy: &dyn Entropy,
    ) -> Result<Self, HashingFailed> {
        let params = Params::new(cost.memory_kib, cost.passes, 1, None)
            .map_err(password_hash::Error::from)?;
        let mut salt = [0; 16];
        entropy.fill(&mut salt);
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = hasher.hash_password_with_salt(password.for_digest().as_bytes(), &salt)?;
        Ok(Self(hash.to_string()))
    }

    /// Whether `password` is the one that was hashed. As slow as hashing.
    pub fn matches(&self, password: &Secret) -> bool {
        Argon2::default().verify_password(password.for_digest().as_bytes(), self.0.as_str()).is_ok()
    }

    /// Whether a guess at it costs as much as one at a password that is hashed now.
    pub(crate) fn costs(&self, cost: PasswordCost) -> bool {
        let PasswordCost { memory_kib, passes } = cost;
        self.0.starts_with(&format!("$argon2id$v=19$m={memory_kib},t={passes},p=1$"))
    }

    /// A hash as storage kept it.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The PHC string, for storage.
    pub fn as_str(&self) -> &str {
        &self.0
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
    fn a_password_matches_its_own_hash_alone() {
        let secret = |text: &str| Secret::new(text.into());
        let hash = PasswordHash::of(&secret("correct horse"), PasswordCost::LEAST, &Zeros).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        assert!(hash.costs(PasswordCost::LEAST) && !hash.costs(PasswordCost::STANDARD));
        assert!(hash.matches(&secret("correct horse")));
        assert!(!hash.matches(&secret("correct horsf")));
        assert!(!PasswordHash::from_stored("garbage".into()).matches(&secret("garbage")));
    }

    #[test]
    fn a_chosen_password_is_long_and_not_too_long() {
        let is_good = |text: &str| check_chosen("/new", &Secret::new(text.into())).is_none();
        assert!(is_good("twelve chars") && is_good(&"x".repeat(MAX_BYTES)));
        assert!(!is_good("eleven char") && !is_good(&"ü".repeat(MAX_BYTES / 2 + 1)));
        assert!(!is_good("üüüüüü"), "characters count, not bytes");
    }
}
