//! The outer form of a key: recognised with no look-up, so that garbage costs nothing.

use uuid::{Uuid, Variant, Version};

/// What every deployment key starts with.
pub(crate) const DEPLOYMENT_PREFIX: &str = "unst_";
/// 32 bytes in URL-safe base64 without padding (RFC 4648, 5).
const TOKEN_LENGTH: usize = 43;

/// How a key looks. The form says which texts can be keys at all; whose key it is, only the record
/// that its digest finds can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// `unst_` and 43 URL-safe base64 characters: 256 bits. The default of deployment keys.
    Token,
    /// `unst_` and a UUIDv4: 122 bits. Deployment keys of organizations that ask for it.
    PrefixedUuid,
    /// A bare UUIDv4: 122 bits. Platform keys.
    Uuid,
}

impl Form {
    /// The form of `text`, or `None` when no key looks so. Exact: hexadecimal digits are lower
    /// case, nothing is trimmed. Never panics, whatever the text.
    pub fn of(text: &str) -> Option<Self> {
        let Some(rest) = text.strip_prefix(DEPLOYMENT_PREFIX) else {
            return is_uuid_v4(text).then_some(Self::Uuid);
        };
        if is_uuid_v4(rest) {
            Some(Self::PrefixedUuid)
        } else {
            is_token(rest).then_some(Self::Token)
        }
    }

    /// What a person may see of a key of this form after its making: the fixed beginning and the
    /// last four characters (`unst_…x7Qa`).
    pub(crate) fn hint(self, plaintext: &str) -> String {
        let beginning = match self {
            Self::Token | Self::PrefixedUuid => DEPLOYMENT_PREFIX,
            Self::Uuid => "",
        };
        let end = plaintext.len().saturating_sub(4);
        format!("{beginning}…{}", plaintext.get(end..).unwrap_or_default())
    }
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

    #[test]
    fn each_form_is_recognised() {
        assert_eq!(Form::of(UUID), Some(Form::Uuid));
        assert_eq!(Form::of(&format!("unst_{UUID}")), Some(Form::PrefixedUuid));
        assert_eq!(
            Form::of(&format!("unst_{}", "aZ09-_x".repeat(7).get(..43).unwrap())),
            Some(Form::Token)
        );
    }

    #[test]
    fn what_is_almost_a_key_is_none() {
        let upper = UUID.to_uppercase();
        let v7 = "0190e45f-ceea-767f-ab9c-0d1e2f3a4b5c";
        let long = format!("unst_{}", "a".repeat(44));
        let padded = format!(" {UUID}");
        for text in ["", "unst_", &upper, v7, &long, &padded, "unst_é", "\0"] {
            assert_eq!(Form::of(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = Form::of(&text);
            let _ = Form::of(&format!("unst_{text}"));
        }
    }
}
