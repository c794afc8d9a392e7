//! Keys among any bytes: what a scanner of files, logs or messages looks for. Knows of no file.

use std::ops::Range;

use crate::{
    Form, KeyEnvironment, Secret,
    form::{
        CHECKSUM_LENGTH, DEPLOYMENT_PREFIX, KeyPrefix, PUBLIC_LENGTH, SECRET_LENGTH, TOKEN_LENGTH,
    },
};

/// A key lies less than so many bytes around the one that gives it away, with what is asked of its
/// neighbours.
const BEFORE: usize = 16;
const AFTER: usize = 64;
const UUID_LENGTH: usize = uuid::fmt::Hyphenated::LENGTH;
/// How many bytes of a UUID stand before its first hyphen.
const UUID_HEAD: usize = 8;
/// So many `_` or `-`, as of markup, may follow a token.
const MARKS: usize = 3;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: u64,
    /// The byte of that line, from 1.
    pub column: u64,
}

/// A key that was found.
pub struct FoundKey {
    /// Where it begins.
    pub place: Place,
    /// How it looks.
    pub form: Form,
    /// The key.
    pub key: Secret,
}

/// Which forms a search is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sought {
    /// Those that tell by themselves that they are keys: [`Form::Token`], [`Form::PrefixedUuid`]
    /// and [`Form::Checksummed`].
    Certain,
    /// All of them. A UUID may be anything, and `8.32` often is: whoever wants these has the means
    /// to ask which are keys.
    Possible,
}

/// Finds keys in a text that comes piece by piece; between two pieces it holds on to less than a
/// hundred bytes.
///
/// What begins with `unst_` must be of the exact form and end there, a few `_` or `-` of markup
/// aside. Of a checksummed key the checksum must hold. What stands before either does not matter:
/// `\n` and `%3D` are often spelled out there.
///
/// ```
/// use keys_core::{Form, KeyFinder, Sought};
///
/// let mut found = Vec::new();
/// let mut finder = KeyFinder::new(Sought::Certain);
/// for piece in ["key = unst_AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAA\n"] {
///     finder.push(piece.as_bytes(), &mut |key| found.push((key.place.column, key.form)));
/// }
/// finder.finish(&mut |key| found.push((key.place.column, key.form)));
/// assert_eq!(found, [(7, Form::Token)]);
/// ```
pub struct KeyFinder {
    sought: Sought,
    held: Vec<u8>,
    /// The first byte of `held` that may still give a key away.
    next: usize,
    /// Where in `held` the last key ended: keys do not overlap.
    free: usize,
    /// A byte of `held`, and which place of the text it is.
    counted: usize,
    place: Place,
}

impl KeyFinder {
    /// A search that begins with the first byte of a text.
    pub fn new(sought: Sought) -> Self {
        let place = Place { line: 1, column: 1 };
        Self { sought, held: Vec::new(), next: 0, free: 0, counted: 0, place }
    }

    /// Goes on with the next piece; tells `found` of each key that is whole by now, in order.
    pub fn push(&mut self, piece: &[u8], found: &mut dyn FnMut(FoundKey)) {
        self.held.extend_from_slice(piece);
        self.search(self.held.len().saturating_sub(AFTER), found);
        let done = self.next.saturating_sub(BEFORE);
        self.count_to(done);
        self.held.drain(..done);
        self.counted -= done;
        self.next -= done;
        self.free = self.free.saturating_sub(done);
    }

    /// Ends the text; tells `found` of the keys at its end.
    pub fn finish(mut self, found: &mut dyn FnMut(FoundKey)) {
        self.search(self.held.len(), found);
    }

    fn search(&mut self, until: usize, found: &mut dyn FnMut(FoundKey)) {
        while let Some(ahead) = self.held.get(self.next..until) {
            let offset = match self.sought {
                Sought::Certain => ahead.iter().position(|byte| *byte == b'_'),
                Sought::Possible => {
                    ahead.iter().position(|byte| matches!(byte, b'_' | b'-' | b'.'))
                }
            };
            let Some(offset) = offset else { break };
            let at = self.next + offset;
            self.next = at + 1;
            if let Some((form, range)) = self.key_at(at)
                && let Some(text) = self.text(range.clone())
            {
                let key = Secret::new(text.to_owned());
                self.free = range.end;
                self.count_to(range.start);
                found(FoundKey { place: self.place, form, key });
            }
        }
        self.next = self.next.max(until);
    }

    /// The key that the byte at `at` gives away.
    fn key_at(&self, at: usize) -> Option<(Form, Range<usize>)> {
        match self.held.get(at)? {
            b'_' => self.deployment_key(at).or_else(|| self.checksummed(at)),
            b'-' => {
                let start = at.checked_sub(UUID_HEAD)?;
                self.key_in(start..start + UUID_LENGTH, Form::Uuid)
            }
            _ => {
                let start = at.checked_sub(PUBLIC_LENGTH)?;
                self.key_in(start..at + 1 + SECRET_LENGTH, Form::PrefixSecret)
            }
        }
    }

    fn deployment_key(&self, at: usize) -> Option<(Form, Range<usize>)> {
        let start = (at + 1).checked_sub(DEPLOYMENT_PREFIX.len())?;
        self.held.get(start..)?.strip_prefix(DEPLOYMENT_PREFIX.as_bytes())?;
        let uuid = self.key_in(start..at + 1 + UUID_LENGTH, Form::PrefixedUuid);
        let token = || self.key_in(start..at + 1 + TOKEN_LENGTH, Form::Token);
        // A UUID has its length by itself, so that anything but a word may follow it.
        let is_followed = |end| self.held.get(end).is_some_and(u8::is_ascii_alphanumeric);
        uuid.filter(|(_, range)| !is_followed(range.end))
            .or_else(|| token().filter(|(_, range)| self.ends_at(range.end)))
    }

    /// The beginning is told from what stands before it by the checksum alone.
    fn checksummed(&self, at: usize) -> Option<(Form, Range<usize>)> {
        let after = self.held.get(at + 1..)?;
        let label = KeyEnvironment::ALL.into_iter().map(KeyEnvironment::as_str).find(|label| {
            let rest = after.strip_prefix(label.as_bytes());
            rest.is_some_and(|rest| rest.first() == Some(&b'_'))
        })?;
        let end = at + 1 + label.len() + 1 + SECRET_LENGTH + CHECKSUM_LENGTH;
        let starts = KeyPrefix::LENGTHS.rev().filter_map(|length| at.checked_sub(length));
        starts.into_iter().find_map(|start| self.key_in(start..end, Form::Checksummed))
    }

    fn key_in(&self, range: Range<usize>, form: Form) -> Option<(Form, Range<usize>)> {
        let is_key = range.start >= self.free
            && self.text(range.clone()).is_some_and(|text| Form::of(text) == Some(form));
        is_key.then_some((form, range))
    }

    /// Whether a token that ends at `end` does not go on there, marks aside.
    fn ends_at(&self, end: usize) -> bool {
        let rest = self.held.get(end..).unwrap_or_default();
        let is_mark = |byte: &&u8| matches!(byte, b'_' | b'-');
        let following = rest.iter().take(MARKS + 1).take_while(is_mark).count();
        following <= MARKS && !rest.get(following).is_some_and(u8::is_ascii_alphanumeric)
    }

    fn text(&self, range: Range<usize>) -> Option<&str> {
        std::str::from_utf8(self.held.get(range)?).ok()
    }

    /// Moves the place that is known to `to`, which lies ahead.
    fn count_to(&mut self, to: usize) {
        let passed = self.held.get(self.counted..to).unwrap_or_default();
        let line_ends = passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        if let Some(last) = passed.iter().rposition(|byte| *byte == b'\n') {
            self.place.line += line_ends;
            self.place.column = (passed.len() - last) as u64;
        } else {
            self.place.column += passed.len() as u64;
        }
        self.counted = self.counted.max(to);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "unst_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE";
    const UUID: &str = "8f14e45f-ceea-467f-ab9c-0d1e2f3a4b5c";
    const CHECKSUMMED: &str = "kw_live_0123456789ABCDEFGHIJKLMNOPQRSTUV0tyZ62";
    const PREFIX_SECRET: &str = "n58lzybi.1M2baTIHuRgPGbzdZC3Zch0b8VC2etL0";

    /// What is found of `text` in pieces of `size`: line, column and key.
    fn find(text: &[u8], size: usize, sought: Sought) -> Vec<(u64, u64, String)> {
        let mut all = Vec::new();
        let mut found = |one: FoundKey| {
            let Place { line, column } = one.place;
            all.push((line, column, one.key.reveal_once()));
        };
        let mut finder = KeyFinder::new(sought);
        text.chunks(size).for_each(|piece| finder.push(piece, &mut found));
        finder.finish(&mut found);
        all
    }

    #[track_caller]
    fn check(text: &str, expected: &[(u64, u64, &str)]) {
        for size in [1, 7, 64, 4096] {
            let found = find(text.as_bytes(), size, Sought::Certain);
            let found: Vec<_> = found.iter().map(|(l, c, key)| (*l, *c, key.as_str())).collect();
            assert_eq!(found, expected, "{text:?} in pieces of {size}");
        }
    }

    #[test]
    fn keys_are_found_where_they_stand() {
        check("", &[]);
        for key in [TOKEN, CHECKSUMMED, &format!("unst_{UUID}")] {
            check(key, &[(1, 1, key)]);
            check(&format!("a\nb\n  KEY='{key}'\n"), &[(3, 8, key)]);
            check(&format!("\\n{key}\\n"), &[(1, 3, key)]);
            check(&format!("key%3D{key}&"), &[(1, 7, key)]);
            check(&format!("**__{key}__**"), &[(1, 5, key)]);
            check(&format!("é\0{key}\u{1}{key}"), &[(1, 4, key), (1, 5 + key.len() as u64, key)]);
        }
    }

    #[test]
    fn what_is_almost_a_key_is_not_found() {
        let mistyped = CHECKSUMMED.replace('9', "8");
        for text in
            [&TOKEN[1..], &TOKEN[..47], &format!("{TOKEN}a"), &format!("{TOKEN}-a"), &mistyped]
        {
            check(text, &[]);
        }
        check(&format!("unst_{}", UUID.to_uppercase()), &[]);
        check(&format!("{UUID} {PREFIX_SECRET}"), &[]);
    }

    #[test]
    fn uuids_and_keys_of_two_parts_are_found_where_they_are_wanted() {
        let text = format!("{UUID},{PREFIX_SECRET}\n unst_{UUID} {CHECKSUMMED}");
        let found = find(text.as_bytes(), 5, Sought::Possible);
        let expected = [
            (1, 1, UUID.to_owned()),
            (1, 38, PREFIX_SECRET.to_owned()),
            (2, 2, format!("unst_{UUID}")),
            (2, 44, CHECKSUMMED.to_owned()),
        ];
        assert_eq!(found, expected);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_pieces_do_not_matter(
            noise in prop::collection::vec(any::<u8>(), 0..200),
            text in "[a-z0-9_.\n-]{0,90}", size in 1usize..200
        ) {
            let mut bytes = noise.clone();
            for part in [TOKEN, &text, CHECKSUMMED, UUID, &text, PREFIX_SECRET] {
                bytes.extend_from_slice(part.as_bytes());
                bytes.extend_from_slice(&noise);
            }
            let whole = find(&bytes, bytes.len(), Sought::Possible);
            prop_assert_eq!(find(&bytes, size, Sought::Possible), whole);
        }
    }
}
