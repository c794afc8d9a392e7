//! The caller's key: sent, and shown nowhere else.

use std::fmt;

use http::HeaderValue;
use zeroize::Zeroizing;

/// Longer than any key of Keywright, and short enough for a header.
const MAX_BYTES: usize = 512;

/// A key in memory: wiped when it is dropped, and never printed.
pub(crate) struct Key(Zeroizing<String>);

impl Key {
    /// The key, if it can stand in a header.
    pub(crate) fn new(text: String) -> Option<Self> {
        let text = Zeroizing::new(text);
        let is_sendable = !text.is_empty()
            && text.len() <= MAX_BYTES
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_sendable.then_some(Self(text))
    }

    /// What is sent as `Authorization`.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let text = Zeroizing::new(format!("Bearer {}", self.0.as_str()));
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_printed_not_even_in_its_header() {
        let key = Key::new("unst_not-to-be-seen".into()).unwrap();
        assert!(!format!("{key:?} {:?}", key.header()).contains("seen"));
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_no_key() {
        for text in ["", "two words", "line\nbreak", "schlüssel", &"x".repeat(513)] {
            assert!(Key::new(text.into()).is_none(), "{text:?}");
        }
    }
}
