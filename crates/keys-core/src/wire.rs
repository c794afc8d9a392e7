//! How values of this crate are stored and sent, with the feature `serde`. The crate's page tells
//! each form. What is read obeys the same rules as what is made.

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

use crate::{
    Allowlist, Digest, Fingerprint, Id, KeyEnvironment, KeyPrefix, Network, PepperName, RateLimit,
    RateState, Scope, Scopes, Slot, Verdict, digest::hex,
};

/// Reads a `T` from a text, borrowed or not.
struct Text<T> {
    expected: &'static str,
    read: fn(&str) -> Option<T>,
    of: PhantomData<T>,
}

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        // The text is not told: it may be what somebody took for something else.
        (self.read)(text).ok_or_else(|| E::custom(format_args!("expected {}", self.expected)))
    }
}

fn text<'de, T, D: Deserializer<'de>>(
    from: D,
    expected: &'static str,
    read: fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    from.deserialize_str(Text { expected, read, of: PhantomData })
}

fn parsed<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

impl<T: ?Sized> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de, T: ?Sized> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        text(from, "a hyphenated UUID", parsed)
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        text(from, "a scope", parsed)
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::new(Vec::<Scope>::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        text(from, "an IP address or a network", parsed)
    }
}

impl Serialize for Allowlist {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Allowlist {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl Serialize for KeyPrefix {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for KeyPrefix {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        text(from, "a key prefix", |text| Self::parse(text).ok())
    }
}

impl Serialize for KeyEnvironment {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for KeyEnvironment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        text(from, "'live' or 'test'", Self::from_label)
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Verdict {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        text(from, "a verdict", Self::from_name)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex(self.as_bytes(), 64))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        text(from, "64 lower-case hexadecimal digits", |text| {
            is_hex(text, 64).then_some(())?;
            let mut bytes = [0; 32];
            for (byte, place) in bytes.iter_mut().zip((0..).step_by(2)) {
                *byte = u8::from_str_radix(text.get(place..place + 2)?, 16).ok()?;
            }
            Some(Self::from(bytes))
        })
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        text(from, "16 lower-case hexadecimal digits", |text| {
            is_hex(text, 16).then(|| Self::from_stored(text.to_owned()))
        })
    }
}

impl Serialize for PepperName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for PepperName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        text(from, "16 lower-case hexadecimal digits", |text| {
            is_hex(text, 16).then(|| Self::from_stored(text.to_owned()))
        })
    }
}

impl Serialize for RateLimit {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u32(self.calls())
    }
}

impl<'de> Deserialize<'de> for RateLimit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let limit = Self::per_minute(u32::deserialize(from)?);
        limit.ok_or_else(|| D::Error::custom(format_args!("expected 1 to {}", Self::MAX)))
    }
}

impl Serialize for RateState {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(self.as_nanos())
    }
}

impl<'de> Deserialize<'de> for RateState {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        i64::deserialize(from).map(Self::from_nanos)
    }
}

impl Serialize for Slot {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i16(self.number())
    }
}

impl<'de> Deserialize<'de> for Slot {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let slot = Self::from_number(i16::deserialize(from)?);
        slot.ok_or_else(|| D::Error::custom("expected 1 or 2"))
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, from_value, json, to_value};

    use super::*;
    use crate::{CheckedKey, Entropy, Key, KeyId, KnownKey, Pattern, Pepper, StoredSecret, mint};

    #[track_caller]
    fn check<T: Serialize + DeserializeOwned>(value: &T, expected: Value) {
        assert_eq!(to_value(value).unwrap(), expected);
        let read: T = from_value(expected.clone()).unwrap();
        assert_eq!(to_value(read).unwrap(), expected);
    }

    #[track_caller]
    fn refused<T: DeserializeOwned>(sent: Value) {
        assert!(from_value::<T>(sent.clone()).is_err(), "{sent}");
    }

    fn key() -> Key<String> {
        Key {
            expires_at: Some("2026-12-31T00:00:00Z".parse().unwrap()),
            scopes: Scopes::new(["b".parse().unwrap(), "a".parse().unwrap()]).unwrap(),
            allowlist: Allowlist::new(vec!["192.0.2.0/24".parse().unwrap()]).unwrap(),
            rate_limit: RateLimit::per_minute(100),
            ..Key::new("orders".to_owned())
        }
    }

    #[test]
    fn values_have_the_forms_of_the_table() {
        check(&KeyId::from_u128(1), json!("00000000-0000-0000-0000-000000000001"));
        check(&key().scopes, json!(["a", "b"]));
        check(&"10.0.0.1".parse::<Network>().unwrap(), json!("10.0.0.1/32"));
        check(&key().allowlist, json!(["192.0.2.0/24"]));
        check(&KeyPrefix::default(), json!("kw"));
        check(&KeyEnvironment::Test, json!("test"));
        check(&Verdict::RateLimited, json!("RATE_LIMITED"));
        check(&Digest::from([0xa5; 32]), json!("a5".repeat(32)));
        check(&key().rate_limit, json!(100));
        check(
            &RateState::from_nanos(1_790_000_000_000_000_001),
            json!(1_790_000_000_000_000_001_i64),
        );
        check(&Slot::Two, json!(2));
    }

    #[test]
    fn keys_are_objects() {
        let expected = json!({
            "owner": "orders", "is_active": true, "owner_is_active": true, "revoked_at": null,
            "expires_at": "2026-12-31T00:00:00Z", "grace_until": null, "scopes": ["a", "b"],
            "allowlist": ["192.0.2.0/24"], "owner_allowlist": [], "rate_limit": 100,
        });
        check(&key(), expected.clone());
        let (id, uuid) = (KeyId::from_u128(1), "00000000-0000-0000-0000-000000000001");
        check(&KnownKey { id, key: key() }, json!({"id": uuid, "key": expected}));
        let Key { owner, scopes, expires_at, .. } = key();
        check(
            &CheckedKey { id, owner, scopes, expires_at },
            json!({
                "id": uuid, "owner": "orders", "scopes": ["a", "b"],
                "expires_at": "2026-12-31T00:00:00Z",
            }),
        );
    }

    #[test]
    fn what_is_kept_of_a_secret_is_an_object_of_its_own() {
        struct Fixed;
        impl Entropy for Fixed {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(7);
            }
        }
        let minted = mint(Pattern::Token, &Pepper::new(&[1; 32]).unwrap(), &Fixed);
        let stored = to_value(&minted.stored).unwrap();
        let members: Vec<&str> = stored.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["digest", "pepper", "fingerprint", "hint"]);
        assert!(!stored.to_string().contains(&minted.secret.reveal_once()));
        assert_eq!(from_value::<StoredSecret>(stored).unwrap(), minted.stored);
    }

    #[test]
    fn what_breaks_a_rule_is_not_read() {
        refused::<KeyId>(json!("00000000000000000000000000000001"));
        refused::<Scope>(json!("Orders"));
        refused::<Scopes>(json!((0..51).map(|n| format!("s{n}")).collect::<Vec<_>>()));
        refused::<Network>(json!("10.0.0.0/33"));
        refused::<Allowlist>(json!(vec!["10.0.0.1"; 101]));
        refused::<KeyPrefix>(json!("unst"));
        refused::<Verdict>(json!("valid"));
        refused::<Digest>(json!("A5".repeat(32)));
        refused::<Digest>(json!("é".repeat(32)));
        refused::<Fingerprint>(json!("ba7816bf8f01cfe"));
        refused::<RateLimit>(json!(0));
        refused::<Slot>(json!(3));
    }
}
