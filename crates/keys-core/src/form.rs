//! The outer form of a key: recognised with no look-up, so that garbage costs nothing.

use std::{fmt, ops::RangeInclusive};

use uuid::{Uuid, Variant, Version};

/// What every deployment key starts with.
pub(crate) const DEPLOYMENT_PREFIX: &str = "unst_";
/// 32 bytes in URL-safe base64 without padding (RFC 4648, 5).
pub(crate) const TOKEN_LENGTH: usize = 43;
/// The two parts of a key of [`Form::PrefixSecret`].
pub(crate) const PUBLIC_LENGTH: usize = 8;
pub(crate) const SECRET_LENGTH: usize = 32;
/// Base62 digits of a CRC-32: 62⁵ < 2³² < 62⁶.
pub(crate) const CHECKSUM_LENGTH: usize = 6;
/// Digits and letters in the order of their value, for keys and for checksums.
pub(crate) const BASE62: &[u8; 62] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How a key looks. The form says which texts can be keys at all; whose key it is, only the record
/// that its digest finds can tell.
///
/// ```
/// use keys_core::{Form, NotOurs};
///
/// assert_eq!(Form::of("unst_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), Some(Form::Token));
/// assert_eq!(Form::of("n58lzybi.1M2baTIHuRgPGbzdZC3Zch0b8VC2etL0"), Some(Form::PrefixSecret));
/// let mistyped = "acme_live_00000000000000000000000000000000000000";
/// assert_eq!(Form::read(mistyped), Err(NotOurs::Mistyped));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// `unst_` and 43 URL-safe base64 characters: 256 bits. The default of deployment keys.
    Token,
    /// `unst_` and a UUIDv4: 122 bits. Deployment keys of organizations that ask for it.
    PrefixedUuid,
    /// A bare UUIDv4: 122 bits. Platform keys.
    Uuid,
    /// 8 letters or digits, a dot, and 32 letters or digits: 190 bits in the secret. Organization
    /// keys that ask for it.
    PrefixSecret,
    /// `{prefix}_{live|test}_`, 32 letters or digits and 6 of a checksum: 190 bits. The default of
    /// organization keys. The checksum is CRC-32/ISO-HDLC over every byte before it, in base62,
    /// padded with `0`; a typo is refused with no look-up.
    Checksummed,
}

/// Why a text is a key of none of our forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotOurs {
    /// It looks like [`Form::Checksummed`], and its checksum does not hold: nobody was ever given it.
    Mistyped,
    /// It looks like none of ours; another system may have made it.
    Foreign,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 5] =
        [Self::Token, Self::PrefixedUuid, Self::Uuid, Self::PrefixSecret, Self::Checksummed];

    /// The form of `text`, or `None` when no key of ours looks so.
    pub fn of(text: &str) -> Option<Self> {
        Self::read(text).ok()
    }

    /// The form of `text`. Exact: hexadecimal digits are lower case, nothing is trimmed. Never
    /// panics, whatever the text.
    ///
    /// # Errors
    /// Why it has none.
    pub fn read(text: &str) -> Result<Self, NotOurs> {
        if let Some(rest) = text.strip_prefix(DEPLOYMENT_PREFIX) {
            return if is_uuid_v4(rest) {
                Ok(Self::PrefixedUuid)
            } else if is_token(rest) {
                Ok(Self::Token)
            } else {
                Err(NotOurs::Foreign)
            };
        }
        if is_uuid_v4(text) {
            Ok(Self::Uuid)
        } else if is_prefix_secret(text) {
            Ok(Self::PrefixSecret)
        } else {
            let (payload, sum) = checksummed_parts(text).ok_or(NotOurs::Foreign)?;
            if checksum(payload).as_slice() == sum.as_bytes() {
                Ok(Self::Checksummed)
            } else {
                Err(NotOurs::Mistyped)
            }
        }
    }

    /// What a person may see of a key of this form after its making: the fixed beginning and the
    /// last four characters (`unst_…x7Qa`, `kw_live_…x7Qa`).
    pub fn hint(self, plaintext: &str) -> String {
        let beginning = match self {
            Self::Token | Self::PrefixedUuid => DEPLOYMENT_PREFIX,
            Self::Uuid => "",
            Self::PrefixSecret => plaintext.get(..=PUBLIC_LENGTH).unwrap_or_default(),
            Self::Checksummed => {
                let secret = plaintext.len().saturating_sub(SECRET_LENGTH + CHECKSUM_LENGTH);
                plaintext.get(..secret).unwrap_or_default()
            }
        };
        let end = plaintext.len().saturating_sub(4);
        format!("{beginning}…{}", plaintext.get(end..).unwrap_or_default())
    }
}

/// What checksummed keys of an organization begin with: `^[a-z][a-z0-9]{1,11}$`, and not `unst`,
/// which deployment keys begin with.
///
/// ```
/// use keys_core::KeyPrefix;
///
/// assert_eq!(KeyPrefix::parse("acme")?.as_str(), "acme");
/// assert!(KeyPrefix::parse("Acme").is_err() && KeyPrefix::parse("unst").is_err());
/// # Ok::<(), keys_core::InvalidKeyPrefix>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrefix(String);

/// The text cannot begin keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a key prefix is a lower-case letter and 1 to 11 lower-case letters or digits, and not 'unst'"
)]
pub struct InvalidKeyPrefix;

impl KeyPrefix {
    /// How many characters it has.
    pub(crate) const LENGTHS: RangeInclusive<usize> = 2..=12;

    /// The prefix and the environment of a text that is shaped like a key of
    /// [`Form::Checksummed`], whether or not its checksum holds.
    pub fn of_key(text: &str) -> Option<(Self, KeyEnvironment)> {
        let (payload, _) = checksummed_parts(text)?;
        let (beginning, _) = payload.rsplit_once('_')?;
        let (prefix, label) = beginning.rsplit_once('_')?;
        Some((Self::parse(prefix).ok()?, KeyEnvironment::from_label(label)?))
    }

    /// # Errors
    /// When the text cannot begin keys.
    pub fn parse(text: &str) -> Result<Self, InvalidKeyPrefix> {
        if is_prefix(text) { Ok(Self(text.into())) } else { Err(InvalidKeyPrefix) }
    }

    /// The prefix, without the `_` that follows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for KeyPrefix {
    fn default() -> Self {
        Self("kw".into())
    }
}

/// What a checksummed key says it is for: a label that people and scanners read, nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyEnvironment {
    /// For production.
    #[default]
    Live,
    /// For tests.
    Test,
}

impl KeyEnvironment {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Live, Self::Test];

    /// `live` or `test`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// The environment of a label.
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|env| env.as_str() == label)
    }
}

impl fmt::Display for KeyEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// CRC-32/ISO-HDLC (the one of Ethernet and zlib: <https://reveng.sourceforge.io/crc-catalogue/>)
/// in base62, left-padded with `0`.
pub(crate) fn checksum(payload: &str) -> [u8; CHECKSUM_LENGTH] {
    let mut rest = crc32fast::hash(payload.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        // Below 62, which the table has.
        *digit = BASE62.get((rest % 62) as usize).copied().unwrap_or_default();
        rest /= 62;
    }
    digits
}

/// Everything before the checksum, and the checksum, of a text that is shaped like a checksummed
/// key. Read from the right, where the lengths are known.
fn checksummed_parts(text: &str) -> Option<(&str, &str)> {
    let (beginning, end) = text.rsplit_once('_')?;
    let (prefix, label) = beginning.rsplit_once('_')?;
    let is_shaped = end.len() == SECRET_LENGTH + CHECKSUM_LENGTH
        && is_alphanumeric(end)
        && KeyEnvironment::from_label(label).is_some()
        && is_prefix(prefix);
    is_shaped.then(|| text.split_at_checked(text.len() - CHECKSUM_LENGTH)).flatten()
}

fn is_prefix(text: &str) -> bool {
    let mut bytes = text.bytes();
    KeyPrefix::LENGTHS.contains(&text.len())
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && text != "unst"
}

fn is_prefix_secret(text: &str) -> bool {
    text.split_once('.').is_some_and(|(public, secret)| {
        public.len() == PUBLIC_LENGTH
            && secret.len() == SECRET_LENGTH
            && is_alphanumeric(public)
            && is_alphanumeric(secret)
    })
}

fn is_alphanumeric(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn is_token(text: &str) -> bool {
    text.len() == TOKEN_LENGTH
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn is_uuid_v4(text: &str) -> bool {
    text.len() == uuid::fmt::Hyphenated::LENGTH
        && !text.bytes().any(|b| b.is_ascii_uppercase())
        && Uuid::try_parse(text).is_ok_and(|uuid| {
            uuid.get_version() == Some(Version::Random) && uuid.get_variant() == Variant::RFC4122
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UUID: &str = "8f14e45f-ceea-467f-ab9c-0d1e2f3a4b5c";
    const SECRET: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUV";

    #[test]
    fn each_form_is_recognised() {
        assert_eq!(Form::of(UUID), Some(Form::Uuid));
        assert_eq!(Form::of(&format!("unst_{UUID}")), Some(Form::PrefixedUuid));
        assert_eq!(
            Form::of(&format!("unst_{}", "aZ09-_x".repeat(7).get(..43).unwrap())),
            Some(Form::Token)
        );
        assert_eq!(Form::of("n58lzybi.1M2baTIHuRgPGbzdZC3Zch0b8VC2etL0"), Some(Form::PrefixSecret));
        assert_eq!(Form::of(&checksummed("kw_live_")), Some(Form::Checksummed));
        assert_eq!(Form::of(&checksummed("a23456789012_test_")), Some(Form::Checksummed));
    }

    fn checksummed(beginning: &str) -> String {
        let payload = format!("{beginning}{SECRET}");
        let sum = checksum(&payload);
        payload + std::str::from_utf8(&sum).unwrap()
    }

    #[test]
    fn the_checksum_is_the_crc_of_the_catalogue_in_base62() {
        // The catalogue's check value, 0xcbf43926 = 3421780262.
        let value = checksum("123456789")
            .iter()
            .map(|digit| BASE62.iter().position(|d| d == digit).unwrap())
            .fold(0, |value, digit| value * 62 + digit);
        assert_eq!(value, 0xcbf4_3926);
        assert_eq!(&checksum(""), b"000000");
    }

    #[test]
    fn a_mistyped_key_still_tells_whose_it_was_meant_to_be() {
        let mistyped = checksummed("acme_test_").replace('V', "W");
        assert_eq!(Form::read(&mistyped), Err(NotOurs::Mistyped));
        let expected = (KeyPrefix("acme".into()), KeyEnvironment::Test);
        assert_eq!(KeyPrefix::of_key(&mistyped), Some(expected));
        assert_eq!(KeyPrefix::of_key(UUID), None);
    }

    #[test]
    fn what_is_almost_a_key_is_none() {
        let upper = UUID.to_uppercase();
        let v7 = "0190e45f-ceea-767f-ab9c-0d1e2f3a4b5c";
        let long = format!("unst_{}", "a".repeat(44));
        let padded = format!(" {UUID}");
        let of_deployments = checksummed("unst_live_");
        for text in ["", "unst_", &upper, v7, &long, &padded, "unst_é", "\0"] {
            assert_eq!(Form::read(text), Err(NotOurs::Foreign), "{text:?}");
        }
        for beginning in ["k_live_", "Kw_live_", "kw_prod_", "kw-live-", "1w_live_", "_live_"] {
            assert_eq!(Form::read(&checksummed(beginning)), Err(NotOurs::Foreign), "{beginning}");
        }
        // A token may look so by chance, which is why no organization has this prefix.
        assert_eq!(Form::of(&of_deployments), Some(Form::Token));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = Form::of(&text);
            let _ = Form::of(&format!("unst_{text}"));
            let _ = Form::of(&format!("kw_live_{text}"));
        }

        #[test]
        fn any_single_changed_character_of_a_checksummed_key_is_refused(
            prefix in "[a-z][a-z0-9]{1,11}", place in 0usize.., other in "[ -~]"
        ) {
            let prefix = KeyPrefix::parse(&prefix).unwrap_or_default();
            let key = checksummed(&format!("{}_live_", prefix.as_str()));
            let place = place % key.len();
            let changed = format!("{}{other}{}", &key[..place], &key[place + 1..]);
            prop_assume!(changed != key && !changed.starts_with("unst_"));
            prop_assert_eq!(Form::of(&changed), None);
        }
    }
}
