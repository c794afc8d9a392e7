//! Making keys: the plaintext for its owner, and what may be kept of it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Builder;
use zeroize::Zeroizing;

use crate::{
    Digest, Entropy, Fingerprint, Form, Pepper, PepperName, Secret, form::DEPLOYMENT_PREFIX,
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

/// Makes a key of `form` from fresh randomness and digests it under `pepper`.
pub fn mint(form: Form, pepper: &Pepper, entropy: &dyn Entropy) -> Minted {
    let plaintext = match form {
        Form::Token => token(entropy),
        Form::PrefixedUuid => format!("{DEPLOYMENT_PREFIX}{}", uuid_v4(entropy)),
        Form::Uuid => uuid_v4(entropy),
    };
    let stored = StoredSecret {
        digest: pepper.digest(&plaintext),
        pepper: pepper.name().clone(),
        fingerprint: Fingerprint::of(&plaintext),
        hint: form.hint(&plaintext),
    };
    Minted { secret: Secret::new(plaintext), stored }
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
    use proptest::prelude::*;

    use super::*;

    struct Given(Vec<u8>);
    impl Entropy for Given {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.copy_from_slice(&self.0[..bytes.len()]);
        }
    }

    proptest! {
        #[test]
        fn what_is_minted_has_the_form_it_was_asked_for(random in prop::collection::vec(any::<u8>(), 32)) {
            let pepper = Pepper::new(&[1; 32]).unwrap();
            for form in [Form::Token, Form::PrefixedUuid, Form::Uuid] {
                let minted = mint(form, &pepper, &Given(random.clone()));
                let plaintext = minted.secret.reveal_once();
                prop_assert_eq!(Form::of(&plaintext), Some(form));
                prop_assert_eq!(pepper.digest(&plaintext), minted.stored.digest);
                prop_assert_eq!(Fingerprint::of(&plaintext), minted.stored.fingerprint);
            }
        }
    }

    #[test]
    fn the_hint_shows_the_prefix_and_the_last_four_characters() {
        let pepper = Pepper::new(&[1; 32]).unwrap();
        let hint = |form| mint(form, &pepper, &Given(vec![0xff; 32])).stored.hint;
        assert_eq!(hint(Form::Token), "unst_…___8");
        assert_eq!(hint(Form::PrefixedUuid), "unst_…ffff");
        assert_eq!(hint(Form::Uuid), "…ffff");
    }
}
