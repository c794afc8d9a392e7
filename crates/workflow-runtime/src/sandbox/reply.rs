//! Writes the child's replies, bounded while they are written. Knows values, but no filter.

use std::fmt::{self, Display, Write as _};

use jaq_json::{Num, Val};

use super::protocol::{MAX_MESSAGE_BYTES, MAX_OUTPUT_DEPTH};

/// The reply that something failed.
pub(super) fn error(message: &str) -> Vec<u8> {
    serde_json::json!({ "error": message }).to_string().into_bytes()
}

/// The reply with the text of a document.
pub(super) fn text(text: String, limit: usize) -> Result<Vec<u8>, Unwritable> {
    let json = serde_json::Value::from(text).to_string();
    if json.len() > limit {
        return Err(Unwritable::LargeText(limit));
    }
    Ok([b"{\"ok\":", json.as_bytes(), b"}"].concat())
}

/// What a filter put out so far, as JSON.
pub(super) struct Output {
    json: Vec<u8>,
    limit: usize,
    values: usize,
}

impl Output {
    pub(super) fn new(limit: usize) -> Self {
        Self { json: Vec::new(), limit, values: 0 }
    }

    /// Adds a value. Outputs are written as they come, so that an endless stream of them ends at
    /// the bound.
    pub(super) fn push(&mut self, value: &Val) -> Result<(), Unwritable> {
        if self.values > 0 {
            self.write(b",")?;
        }
        self.values += 1;
        self.value(value, 0)
    }

    /// The reply.
    pub(super) fn finish(self) -> Vec<u8> {
        let (before, after): (&[u8], &[u8]) = match self.values {
            0 => (b"null", b""),
            1 => (b"", b""),
            _ => (b"[", b"]"),
        };
        [b"{\"ok\":", before, &self.json, after, b"}"].concat()
    }

    // jaq's own writer puts out what is no JSON: NaN, byte strings, keys of any type.
    fn value(&mut self, value: &Val, depth: usize) -> Result<(), Unwritable> {
        if depth > MAX_OUTPUT_DEPTH {
            return Err(Unwritable::Deep);
        }
        match value {
            Val::Null => self.write(b"null"),
            Val::Bool(true) => self.write(b"true"),
            Val::Bool(false) => self.write(b"false"),
            Val::Num(number) => self.number(number),
            Val::TStr(text) => self.text(text),
            Val::BStr(_) => Err(Unwritable::Bytes),
            Val::Arr(items) => {
                self.write(b"[")?;
                for (index, item) in items.iter().enumerate() {
                    self.separator(index)?;
                    self.value(item, depth + 1)?;
                }
                self.write(b"]")
            }
            Val::Obj(members) => {
                self.write(b"{")?;
                for (index, (name, member)) in members.iter().enumerate() {
                    self.separator(index)?;
                    let Val::TStr(name) = name else { return Err(Unwritable::Key) };
                    self.text(name)?;
                    self.write(b":")?;
                    self.value(member, depth + 1)?;
                }
                self.write(b"}")
            }
        }
    }

    fn number(&mut self, number: &Num) -> Result<(), Unwritable> {
        let text = number.to_string();
        if serde_json::from_str::<f64>(&text).is_ok() {
            return self.write(text.as_bytes());
        }
        // A number read from a string may be spelled as JSON does not allow: `+1.5`, `01.5`.
        let float = text.parse().ok().filter(|float: &f64| float.is_finite());
        let Some(float) = float else { return Err(Unwritable::Number(bounded(&text))) };
        self.write(float.to_string().as_bytes())
    }

    fn text(&mut self, text: &[u8]) -> Result<(), Unwritable> {
        if text.len() > self.limit {
            return Err(Unwritable::Large(self.limit));
        }
        let text = serde_json::Value::from(String::from_utf8_lossy(text)).to_string();
        self.write(text.as_bytes())
    }

    fn separator(&mut self, index: usize) -> Result<(), Unwritable> {
        if index > 0 { self.write(b",") } else { Ok(()) }
    }

    fn write(&mut self, part: &[u8]) -> Result<(), Unwritable> {
        if part.len() > self.limit.saturating_sub(self.json.len()) {
            return Err(Unwritable::Large(self.limit));
        }
        self.json.extend_from_slice(part);
        Ok(())
    }
}

/// Why an output cannot be handed on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unwritable {
    #[error("the output has the number {0}, which JSON cannot hold")]
    Number(String),
    #[error("the output has a byte string, which JSON cannot hold")]
    Bytes,
    #[error("the output has an object key that is no string")]
    Key,
    #[error("the output is nested deeper than {MAX_OUTPUT_DEPTH} levels")]
    Deep,
    #[error("the output is larger than {0} bytes")]
    Large(usize),
    #[error("the text is larger than {0} bytes")]
    LargeText(usize),
}

/// The beginning of a message. A message may hold any value, one too large to be built included, so
/// writing it stops at the bound.
pub(super) fn bounded(message: &dyn Display) -> String {
    let mut text = Beginning(String::new());
    if write!(text, "{message}").is_err() {
        text.0.push('…');
    }
    text.0
}

struct Beginning(String);

impl fmt::Write for Beginning {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = MAX_MESSAGE_BYTES.saturating_sub(self.0.len());
        self.0.push_str(part.get(..part.floor_char_boundary(room)).unwrap_or_default());
        if part.len() > room { Err(fmt::Error) } else { Ok(()) }
    }
}
