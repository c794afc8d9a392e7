//! Making keys: the plaintext for its owner, and what may be kept of it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Builder;
use zeroize::Zeroizing;

use crate::{
    Digest, Entropy, Fingerprint, Form, KeyEnvironment, KeyPrefix, Pepper, PepperName, Secret,
    form::{BASE62, DEPLOYMENT_PREFIX, PUBLIC_LENGTH, SECRET_LENGTH, checksum},
};

/// A key that was just made.
pub struct Minted {
    /// The plaintext, to be shown once.
    pub secret: Secret,
    /// What storage keeps.
    pub stored: StoredSecret,
}

/// What is kept of a plaintext key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields)
)]
pub struct StoredSecret {
    /// Finds the key.
    pub digest: Digest,
    /// The pepper that the digest was made under.
    pub pepper: PepperName,
    /// Names the key.
    pub fingerprint: Fingerprint,
    /// Reminds its owner which one it is: `unst_…x7Qa`.
    pub hint: String,
}

/// What a new key is to look like; [`Form`] with what its maker chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern<'a> {
    /// [`Form::Token`]
    Token,
    /// [`Form::PrefixedUuid`]
    PrefixedUuid,
    /// [`Form::Uuid`]
    Uuid,
    /// [`Form::PrefixSecret`]
    PrefixSecret,
    /// [`Form::Checksummed`]
    Checksummed {
        /// What it begins with.
        prefix: &'a KeyPrefix,
        /// What it says it is for.
        environment: KeyEnvironment,
    },
}

impl Pattern<'_> {
    /// The form of keys of this pattern.
    pub fn form(self) -> Form {
        match self {
            Self::Token => Form::Token,
            Self::PrefixedUuid => Form::PrefixedUuid,
            Self::Uuid => Form::Uuid,
            Self::PrefixSecret => Form::PrefixSecret,
            Self::Checksummed { .. } => Form::Checksummed,
        }
    }
}

/// Makes a key of `pattern` from fresh randomness and digests it under `pepper`.
///
/// ```
/// use keys_core::{Entropy, Form, Pattern, Pepper, mint};
///
/// struct Dice; // `OsEntropy` of the feature `os-rng`, in earnest
/// impl Entropy for Dice {
///     fn fill(&self, bytes: &mut [u8]) {
///         bytes.fill(4)
///     }
/// }
///
/// let pepper = Pepper::new(b"thirty-two random bytes or more, from a file")?;
/// let minted = mint(Pattern::Uuid, &pepper, &Dice);
/// assert_eq!(minted.stored.hint, "…0404");
/// assert_eq!(Form::of(&minted.secret.reveal_once()), Some(Form::Uuid));
/// # Ok::<(), keys_core::WeakPepper>(())
/// ```
pub fn mint(pattern: Pattern<'_>, pepper: &Pepper, entropy: &dyn Entropy) -> Minted {
    let plaintext = match pattern {
        Pattern::Token => token(entropy),
        Pattern::PrefixedUuid => format!("{DEPLOYMENT_PREFIX}{}", uuid_v4(entropy)),
        Pattern::Uuid => uuid_v4(entropy),
        Pattern::PrefixSecret => prefix_secret(entropy),
        Pattern::Checksummed { prefix, environment } => checksummed(prefix, environment, entropy),
    };
    let stored = StoredSecret::of(&plaintext, pattern.form(), pepper);
    Minted { secret: Secret::new(plaintext), stored }
}

impl StoredSecret {
    /// What is kept from now on of a key that another system made, once its holder has shown it.
    pub fn adopted(plaintext: &str, pepper: &Pepper) -> Self {
        // Of a form that is none of ours, no beginning may be shown: it might be most of the key.
        Self::of(plaintext, Form::of(plaintext).unwrap_or(Form::Uuid), pepper)
    }

    fn of(plaintext: &str, form: Form, pepper: &Pepper) -> Self {
        Self {
            digest: pepper.digest(plaintext),
            pepper: pepper.name().clone(),
            fingerprint: Fingerprint::of(plaintext),
            hint: form.hint(plaintext),
        }
    }
}

fn prefix_secret(entropy: &dyn Entropy) -> String {
    let mut text = String::with_capacity(PUBLIC_LENGTH + 1 + SECRET_LENGTH);
    push_base62(&mut text, PUBLIC_LENGTH, entropy);
    text.push('.');
    push_base62(&mut text, SECRET_LENGTH, entropy);
    text
}

fn checksummed(prefix: &KeyPrefix, environment: KeyEnvironment, entropy: &dyn Entropy) -> String {
    let mut text = String::with_capacity(64);
    for part in [prefix.as_str(), "_", environment.as_str(), "_"] {
        text.push_str(part);
    }
    push_base62(&mut text, SECRET_LENGTH, entropy);
    let sum = checksum(&text);
    text.extend(sum.map(char::from));
    text
}

/// Letters and digits, each as probable as any other: bytes past the largest multiple of 62 are
/// drawn again.
fn push_base62(text: &mut String, length: usize, entropy: &dyn Entropy) {
    let mut bytes = Zeroizing::new([0; 64]);
    let mut missing = length;
    while missing > 0 {
        entropy.fill(&mut *bytes);
        let even = bytes.iter().filter(|byte| **byte < 248).map(|byte| usize::from(*byte % 62));
        let digits = even.filter_map(|value| BASE62.get(value)).take(missing);
        for digit in digits {
            text.push(char::from(*digit));
            missing -= 1;
        }
    }
}

fn token(entropy: &dyn Entropy) -> String {
    let mut bytes = Zeroizing::new([0; 32]);
    entropy.fill(&mut *bytes);
    // Room for the whole text at once: growing would leave copies of it in freed memory.
    let mut text = String::with_capacity(64);
    text.push_str(DEPLOYMENT_PREFIX);
    URL_SAFE_NO_PAD.encode_string(*bytes, &mut text);
    text
}

fn uuid_v4(entropy: &dyn Entropy) -> String {
    let mut bytes = Zeroizing::new([0; 16]);
    entropy.fill(&mut *bytes);
    Builder::from_random_bytes(*bytes).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use proptest::prelude::*;

    use super::*;

    /// A generator that counts on from where a test set it.
    struct Given(AtomicU8);
    impl Entropy for Given {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill_with(|| self.0.fetch_add(37, Ordering::Relaxed));
        }
    }

    fn minted(pattern: Pattern<'_>, seed: u8) -> (String, StoredSecret) {
        let pepper = Pepper::new(&[1; 32]).unwrap();
        let minted = mint(pattern, &pepper, &Given(AtomicU8::new(seed)));
        (minted.secret.reveal_once(), minted.stored)
    }

    proptest! {
        #[test]
        fn what_is_minted_has_the_form_it_was_asked_for(
            seed: u8, prefix in "[a-z][a-z0-9]{1,11}", live: bool
        ) {
            let pepper = Pepper::new(&[1; 32]).unwrap();
            let prefix = KeyPrefix::parse(&prefix).unwrap_or_default();
            let environment = if live { KeyEnvironment::Live } else { KeyEnvironment::Test };
            for pattern in [
                Pattern::Token,
                Pattern::PrefixedUuid,
                Pattern::Uuid,
                Pattern::PrefixSecret,
                Pattern::Checksummed { prefix: &prefix, environment },
            ] {
                let (plaintext, stored) = minted(pattern, seed);
                prop_assert_eq!(Form::of(&plaintext), Some(pattern.form()));
                prop_assert_eq!(pepper.digest(&plaintext), stored.digest);
                prop_assert_eq!(Fingerprint::of(&plaintext), stored.fingerprint);
            }
        }
    }

    #[test]
    fn the_hint_shows_the_fixed_beginning_and_the_last_four_characters() {
        let prefix = KeyPrefix::default();
        let environment = KeyEnvironment::Test;
        for (pattern, beginning) in [
            (Pattern::Token, "unst_"),
            (Pattern::PrefixedUuid, "unst_"),
            (Pattern::Uuid, ""),
            (Pattern::Checksummed { prefix: &prefix, environment }, "kw_test_"),
        ] {
            let (plaintext, stored) = minted(pattern, 7);
            assert_eq!(stored.hint, format!("{beginning}…{}", &plaintext[plaintext.len() - 4..]));
        }
        let (plaintext, stored) = minted(Pattern::PrefixSecret, 7);
        assert_eq!(stored.hint, format!("{}…{}", &plaintext[..9], &plaintext[37..]));
    }

    #[test]
    fn every_letter_and_digit_is_as_probable_as_any_other() {
        struct EveryByteOnce;
        impl Entropy for EveryByteOnce {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.iter_mut().zip((0..=255).cycle()).for_each(|(byte, value)| *byte = value);
            }
        }
        let mut text = String::new();
        // 64 bytes are drawn at a time, of which none is refused here.
        push_base62(&mut text, 62, &EveryByteOnce);
        assert_eq!(text.as_bytes(), BASE62);
    }
}
