//! How a key travels in the headers of a request. Knows no framework, and not what the key is worth.

/// What the headers of a request carry: `Authorization: Bearer <key>`, `Authorization: Api-Key <key>`
/// (schemes in any case, RFC 9110, 11.1) or `Api-Key: <key>`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Presented<'a> {
    /// No header that could carry a key.
    Nothing,
    /// A text that may be a key; not empty, and no longer than [`Presented::MAX_BYTES`].
    Key(&'a str),
    /// A header that can carry no key.
    Unreadable,
    /// Two headers that do not carry the same.
    Ambiguous,
}

impl<'a> Presented<'a> {
    /// No key is longer, of whatever system; what is, costs no look-up. In bytes.
    pub const MAX_BYTES: usize = 512;

    /// Reads the credential from all values of `Authorization` and all of `Api-Key`, which are bytes
    /// on the wire.
    ///
    /// ```
    /// use keys_core::Presented;
    ///
    /// let read = |authorization: &[&'static str], api_key: &[&'static str]| {
    ///     Presented::read(
    ///         authorization.iter().map(|value| value.as_bytes()),
    ///         api_key.iter().map(|value| value.as_bytes()),
    ///     )
    /// };
    /// assert!(read(&["bearer k"], &["k"]) == Presented::Key("k"));
    /// assert!(read(&["Bearer k"], &["j"]) == Presented::Ambiguous);
    /// assert!(read(&["Basic dTpw"], &[]) == Presented::Unreadable);
    /// ```
    pub fn read(
        authorization: impl IntoIterator<Item = &'a [u8]>,
        api_key: impl IntoIterator<Item = &'a [u8]>,
    ) -> Self {
        let text = |value: &'a [u8]| str::from_utf8(value).ok();
        let bare = api_key.into_iter().map(|value| text(value).map(str::trim));
        let schemed = authorization.into_iter().map(|value| text(value).and_then(key_of_scheme));
        let mut keys = bare.chain(schemed);
        let Some(first) = keys.next() else { return Self::Nothing };
        if !keys.all(|other| other == first) {
            return Self::Ambiguous;
        }
        match first {
            Some(key) if !key.is_empty() && key.len() <= Self::MAX_BYTES => Self::Key(key),
            Some(_) | None => Self::Unreadable,
        }
    }
}

fn key_of_scheme(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    let known = ["bearer", "api-key"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    known.then(|| key.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(authorization: &[&str], api_key: &[&str], expected: &str) {
        let read = Presented::read(
            authorization.iter().map(|value| value.as_bytes()),
            api_key.iter().map(|value| value.as_bytes()),
        );
        let found = match read {
            Presented::Nothing => "nothing".to_owned(),
            Presented::Key(key) => format!("key {key}"),
            Presented::Unreadable => "unreadable".to_owned(),
            Presented::Ambiguous => "ambiguous".to_owned(),
        };
        assert_eq!(found, expected, "{authorization:?} {api_key:?}");
    }

    #[test]
    fn a_key_travels_in_three_spellings() {
        check(&["Bearer k"], &[], "key k");
        check(&["bEARER  k "], &[], "key k");
        check(&["Api-Key k"], &[], "key k");
        check(&[], &["k"], "key k");
        check(&[], &[], "nothing");
    }

    #[test]
    fn one_key_twice_is_one_key_and_two_are_ambiguous() {
        check(&["Bearer k"], &["k"], "key k");
        check(&["Bearer k"], &["j"], "ambiguous");
        check(&["Bearer k", "Bearer j"], &[], "ambiguous");
        check(&["Bearer k", "Bearer j", "Bearer k"], &[], "ambiguous");
        check(&["Basic dTpw"], &["k"], "ambiguous");
    }

    #[test]
    fn what_can_be_no_key_is_unreadable() {
        check(&["Basic dTpw"], &[], "unreadable");
        check(&["Bearer"], &[], "unreadable");
        check(&["Bearer "], &[], "unreadable");
        check(&[], &[""], "unreadable");
        check(&[], &[&"x".repeat(Presented::MAX_BYTES + 1)], "unreadable");
        check(&[], &[&"x".repeat(Presented::MAX_BYTES)], &format!("key {}", "x".repeat(512)));
        let read = Presented::read([&b"Bearer \xff"[..]], []);
        assert!(read == Presented::Unreadable);
    }
}
