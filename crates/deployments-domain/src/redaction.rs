//! What is told of an input or a result to those who look into it later: without what its names call a secret, and without
//! keys. Secrets of the organization are blanked before anything is saved, and are not this module's business.

use keys_core::Form;
use serde_json::Value;

/// What stands in the place of what is not told.
pub const REDACTED: &str = "[redacted]";

/// Parts of names that say of a value that it is a secret; of the name in lower case, letters and digits alone.
const SECRET_PARTS: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "authorization",
    "apikey",
    "accesskey",
    "privatekey",
    "signingkey",
    "credential",
    "cookie",
    "cvv",
];
/// Names that end so. In the plural, tokens are what models count.
const SECRET_ENDS: [&str; 2] = ["token", "auth"];
/// With what a header begins that carries a credential.
const SCHEMES: [&str; 3] = ["bearer ", "basic ", "api-key "];
/// Deployment keys begin so; who mistyped one has still told most of it.
const DEPLOYMENT_KEY: &str = "unst_";

/// The same value, with every member blanked whose name calls it a secret, and every key of this product wherever it
/// stands. A bare UUID stays: platform keys look like any other id.
pub fn redacted(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_keys(text)),
        Value::Array(items) => Value::Array(items.into_iter().map(redacted).collect()),
        Value::Object(members) => {
            let tell = |(name, value): (String, Value)| {
                let is_told = value.is_null() || !is_secret(&name);
                let value = if is_told { redacted(value) } else { REDACTED.into() };
                (without_keys(name), value)
            };
            Value::Object(members.into_iter().map(tell).collect())
        }
        known @ (Value::Null | Value::Bool(_) | Value::Number(_)) => known,
    }
}

fn is_secret(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let name: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    SECRET_PARTS.iter().any(|part| name.contains(part))
        || SECRET_ENDS.iter().any(|end| name.ends_with(end))
}

/// A text with its keys blanked.
pub fn without_keys(text: String) -> String {
    let begins = |scheme: &str| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if SCHEMES.iter().any(|scheme| begins(scheme)) {
        return REDACTED.into();
    }
    if !text.split(is_between).any(is_key) {
        return text;
    }
    let words = text.split_inclusive(is_between).map(|word| {
        let end = word.char_indices().next_back().filter(|(_, last)| is_between(*last));
        let (word, between) = word.split_at(end.map_or(word.len(), |(at, _)| at));
        format!("{}{between}", if is_key(word) { REDACTED } else { word })
    });
    words.collect()
}

fn is_between(c: char) -> bool {
    !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn is_key(word: &str) -> bool {
    let word = word.trim_matches('.');
    if word.to_ascii_lowercase().contains(DEPLOYMENT_KEY) {
        return word.len() > DEPLOYMENT_KEY.len();
    }
    match Form::of(word) {
        Some(Form::Token | Form::PrefixedUuid | Form::PrefixSecret | Form::Checksummed) => true,
        Some(Form::Uuid) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_its_name_calls_a_secret_is_not_told() {
        for name in [
            "password",
            "db_password",
            "Authorization",
            "X-Api-Key",
            "apiKey",
            "client_secret",
            "token",
            "accessToken",
            "Set-Cookie",
            "private-key",
        ] {
            for value in [json!("x"), json!(7), json!({"a": [1]})] {
                assert_eq!(
                    redacted(json!([{ name: value }])),
                    json!([{ name: REDACTED }]),
                    "{name}"
                );
            }
        }
        for name in ["prompt_tokens", "max_tokens", "author", "key", "pass", "user"] {
            assert_eq!(redacted(json!({ name: 7 })), json!({ name: 7 }), "{name}");
        }
        assert_eq!(redacted(json!({"password": null})), json!({"password": null}));
    }

    #[test]
    fn keys_are_told_nowhere() {
        let organization_key = "n58lzybi.1M2baTIHuRgPGbzdZC3Zch0b8VC2etL0";
        for key in [
            "unst_kJ5-x_8aZ0kJ5-x_8aZ0kJ5-x_8aZ0kJ5-x_8aZ0k",
            "unst_8f14e45f-ceea-467f-ab9c-0d1e2f3a4b5c",
            "unst_mistyped",
            organization_key,
        ] {
            for text in [key.to_owned(), format!("use {key}."), format!("é={key}&b=1")] {
                let told = redacted(json!({ "note": text })).to_string();
                assert!(told.contains(REDACTED) && !told.contains(key), "{told}");
            }
            let told = redacted(json!({ key: 1 })).to_string();
            assert!(!told.contains(key), "{told}");
        }
        assert_eq!(redacted(json!("Bearer abc")), json!(REDACTED));
    }

    #[test]
    fn everything_else_stays() {
        let all = json!({"id": "8f14e45f-ceea-467f-ab9c-0d1e2f3a4b5c", "n": [1.5, true, null], "t": "a. b-c, é"});
        assert_eq!(redacted(all.clone()), all);
    }
}
