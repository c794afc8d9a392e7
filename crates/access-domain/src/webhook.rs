//! Webhooks: who is told of which events, how what they are told is signed, and when it is given up to tell
//! them. Signatures are those of the Standard Webhooks specification, <https://www.standardwebhooks.com>.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use keys_core::{Entropy, Id, Secret, Timestamp};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{EncryptionKeys, EventId, EventType, OrganizationId, Sealed, Unsealable};

/// The id of a webhook.
pub type WebhookId = Id<Webhook>;

/// What a secret begins with, so that it is known for one.
const SECRET_PREFIX: &str = "whsec_";
const SECRET_BYTES: usize = 32;

/// An address that is told of an organization's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose events it hears of.
    pub organization: OrganizationId,
    /// Where it is called.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// What it hears of, each type once.
    pub events: Vec<EventType>,
    /// Whether it hears of anything.
    pub is_active: bool,
    /// Why the server switched it off, where it did.
    pub disabled: Option<DisabledReason>,
    /// Since when nothing arrived there.
    pub failing_since: Option<Timestamp>,
    /// Until when the secret before the present one signs as well.
    pub previous_secret_until: Option<Timestamp>,
    /// The user or key that made it.
    pub created_by: Uuid,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
}

/// Why the server switched a webhook off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisabledReason {
    /// Nothing arrived for too long: since the first attempt of a delivery that was given up, or for
    /// as long as all attempts of one take.
    Failing,
    /// It answered that it is gone for good: 410 of HTTP.
    Gone,
}

impl DisabledReason {
    /// Every reason.
    pub const ALL: [Self; 2] = [Self::Failing, Self::Gone];

    /// The name in storage and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }

    /// The reason of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// Whether a webhook where nothing has arrived since `failing_since` is switched off when a delivery
/// is given up whose first attempt was at `first_attempt`: only where nothing arrived in between.
pub fn is_given_up(failing_since: Option<Timestamp>, first_attempt: Timestamp) -> bool {
    failing_since.is_some_and(|since| since <= first_attempt)
}

/// Whether a webhook where nothing has arrived since `failing_since` is switched off when an attempt
/// that `began` then failed, whatever comes of its delivery. `patience` is the
/// [span](crate::RetryPolicy::span) of all attempts: where many events happen, those that are tried for the first
/// time keep the others from ever coming to their last.
pub fn has_failed_for_too_long(
    failing_since: Option<Timestamp>,
    began: Timestamp,
    patience: Duration,
) -> bool {
    failing_since.is_some_and(|since| (began - since).to_std().is_ok_and(|long| long > patience))
}

/// What signs for a webhook, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningSecrets {
    /// The present secret.
    pub present: Sealed,
    /// The one before, and until when it signs as well.
    pub previous: Option<(Sealed, Timestamp)>,
}

impl SigningSecrets {
    /// The header `webhook-signature`: a signature under each secret that signs at `now`.
    ///
    /// # Errors
    /// When a secret does not open.
    pub fn sign(
        &self,
        keys: Option<&EncryptionKeys>,
        (organization, webhook): (OrganizationId, WebhookId),
        id: EventId,
        body: &str,
        now: Timestamp,
    ) -> Result<String, Unsealable> {
        let place = place(organization, webhook);
        let previous = self.previous.as_ref().filter(|(_, until)| now < *until);
        let secrets = std::iter::once(&self.present).chain(previous.map(|(sealed, _)| sealed));
        let signatures = secrets.map(|sealed| {
            let keys = keys.ok_or_else(|| Unsealable::KeyMissing(sealed.key.clone()))?;
            let secret = keys.open(sealed, &place)?;
            signature(&secret, id, body, now).ok_or(Unsealable::Tampered)
        });
        Ok(signatures.collect::<Result<Vec<_>, _>>()?.join(" "))
    }
}

/// A new secret.
pub(crate) fn new_secret(entropy: &dyn Entropy) -> Secret {
    let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
    entropy.fill(&mut *bytes);
    Secret::new(format!("{SECRET_PREFIX}{}", STANDARD.encode(*bytes)))
}

/// What a secret is sealed for: moved to another webhook or organization, it does not open.
pub(crate) fn place(organization: OrganizationId, webhook: WebhookId) -> Vec<u8> {
    [organization.uuid().as_bytes().as_slice(), b"webhook", webhook.uuid().as_bytes()].concat()
}

/// One signature; none where the secret is no secret of a webhook.
fn signature(secret: &Secret, id: EventId, body: &str, now: Timestamp) -> Option<String> {
    let encoded = secret.for_digest().strip_prefix(SECRET_PREFIX)?;
    let key = Zeroizing::new(STANDARD.decode(encoded).ok()?);
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{}.", now.timestamp()).as_bytes());
    mac.update(body.as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EncryptionKey;

    struct Sevens;

    impl Entropy for Sevens {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(seconds, 0).unwrap()
    }

    fn keys() -> EncryptionKeys {
        EncryptionKeys::new(EncryptionKey::new(&[1; 32]).unwrap(), Vec::new())
    }

    const WHOSE: (u128, u128) = (1, 2);

    fn whose() -> (OrganizationId, WebhookId) {
        (Uuid::from_u128(WHOSE.0).into(), Uuid::from_u128(WHOSE.1).into())
    }

    fn sealed(secret: &str) -> Sealed {
        let (organization, webhook) = whose();
        keys().seal(&Secret::new(secret.into()), &place(organization, webhook), &Sevens)
    }

    /// The value was worked out with the package `standardwebhooks` of Python.
    #[test]
    fn a_signature_is_the_one_of_the_specification() {
        let secret = Secret::new("whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=".into());
        let id = Uuid::from_u128(0x0190_0000_1234_7abc_8def_0123_4567_89ab).into();
        let signed = signature(&secret, id, "{\"a\":\"é\"}", at(1_674_087_231)).unwrap();
        assert_eq!(signed, "v1,uogeDVGhENgxgzfZYMda4YOPcLZtuc4+z9XvaiMOtW4=");
    }

    #[test]
    fn a_secret_has_32_bytes_and_tells_what_it_is() {
        let secret = new_secret(&Sevens).reveal_once();
        assert_eq!(secret, "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
    }

    #[test]
    fn both_secrets_sign_until_the_overlap_is_over() {
        let present = sealed("whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
        let previous = sealed("whsec_CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=");
        let secrets = SigningSecrets { present, previous: Some((previous, at(100))) };
        let id = Uuid::from_u128(3).into();
        let signatures = |now| {
            let signed = secrets.sign(Some(&keys()), whose(), id, "{}", now).unwrap();
            signed.split(' ').map(str::to_owned).collect::<Vec<_>>()
        };
        let both = signatures(at(99));
        assert_eq!(both.len(), 2);
        assert_ne!(both[0], both[1]);
        assert_eq!(signatures(at(100)).len(), 1);
    }

    #[test]
    fn a_secret_signs_for_its_own_webhook_alone() {
        let present = sealed("whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
        let secrets = SigningSecrets { present, previous: None };
        let id = Uuid::from_u128(3).into();
        let other = (whose().0, Uuid::from_u128(9).into());
        let refused = secrets.sign(Some(&keys()), other, id, "{}", at(1)).unwrap_err();
        assert_eq!(refused, Unsealable::Tampered);
        let refused = secrets.sign(None, whose(), id, "{}", at(1)).unwrap_err();
        assert!(matches!(refused, Unsealable::KeyMissing(_)));
    }

    #[test]
    fn a_webhook_is_given_up_only_if_nothing_arrived_since_the_first_attempt() {
        let first = at(1000);
        assert!(is_given_up(Some(first), first));
        assert!(is_given_up(Some(first - Duration::from_secs(1)), first));
        assert!(!is_given_up(Some(first + Duration::from_secs(1)), first));
        assert!(!is_given_up(None, first));
    }

    #[test]
    fn a_webhook_that_fails_for_longer_than_anything_is_tried_is_given_up() {
        let (patience, since) = (Duration::from_secs(100), at(1000));
        let is_over = |since, seconds| has_failed_for_too_long(since, at(seconds), patience);
        assert!(is_over(Some(since), 1101));
        assert!(!is_over(Some(since), 1100));
        assert!(!is_over(Some(since), 900), "clocks of servers differ");
        assert!(!is_over(None, 5000));
    }
}
