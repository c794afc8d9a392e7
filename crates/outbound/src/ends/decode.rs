//! Bytes that come piece by piece, made into records. Invariant: what is kept between two pieces is
//! never larger than one record may be; a larger one is left out and told of.

mod csv_rows;
mod json_array;

use std::collections::VecDeque;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use deployments_domain::Format;
use serde_json::{Value, json};

use self::{csv_rows::CsvRows, json_array::JsonArray};
use super::MAX_RECORD_BYTES;

/// Records that were read: each itself, or why it cannot be.
pub(super) type Records = VecDeque<Result<Value, String>>;

/// Reads one file, object or body.
pub(super) enum Decoder {
    /// A document of JSON.
    Json(Box<JsonArray>),
    /// Lines of JSON.
    Ndjson(Lines),
    /// Rows.
    Csv(Box<CsvRows>),
    /// All of it as one record.
    Whole { name: String, is_text: bool, content: Bounded },
}

impl Decoder {
    /// For what is called `name`.
    pub(super) fn new(format: Format, name: &str) -> Self {
        match format {
            Format::Json => Self::Json(Box::default()),
            Format::Ndjson => Self::Ndjson(Lines::default()),
            Format::Csv => Self::Csv(Box::default()),
            Format::Text | Format::Binary => Self::Whole {
                name: name.to_owned(),
                is_text: format == Format::Text,
                content: Bounded::default(),
            },
        }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// When nothing after this can be read either.
    pub(super) fn feed(&mut self, piece: &[u8], records: &mut Records) -> Result<(), String> {
        match self {
            Self::Json(json) => json.feed(piece, records),
            Self::Ndjson(lines) => {
                lines.feed(piece, records);
                Ok(())
            }
            Self::Csv(rows) => rows.feed(piece, records),
            Self::Whole { content, .. } => {
                content.extend(piece);
                Ok(())
            }
        }
    }

    /// There are no more pieces.
    ///
    /// # Errors
    /// When what came breaks off.
    pub(super) fn finish(&mut self, records: &mut Records) -> Result<(), String> {
        match self {
            Self::Json(json) => json.finish(records),
            Self::Ndjson(lines) => {
                lines.finish(records);
                Ok(())
            }
            Self::Csv(rows) => rows.finish(records),
            Self::Whole { name, is_text, content } => {
                records
                    .push_back(content.take().and_then(|content| whole(name, *is_text, content)));
                Ok(())
            }
        }
    }
}

fn whole(name: &str, is_text: bool, content: Vec<u8>) -> Result<Value, String> {
    if is_text {
        let text = String::from_utf8(content).map_err(|_| "is no UTF-8 text".to_owned())?;
        Ok(json!({"name": name, "text": text}))
    } else {
        Ok(json!({"name": name, "size": content.len(), "base64": STANDARD.encode(content)}))
    }
}

fn read_json(text: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(text).map_err(|error| format!("is no JSON: {error}"))
}

fn too_large() -> String {
    format!("is larger than {MAX_RECORD_BYTES} bytes")
}

/// Bytes of one record, as many as it may have.
#[derive(Default)]
pub(super) struct Bounded {
    bytes: Vec<u8>,
    is_over: bool,
}

impl Bounded {
    fn extend(&mut self, piece: &[u8]) {
        if self.is_over || self.bytes.len() + piece.len() > MAX_RECORD_BYTES {
            self.is_over = true;
            self.bytes = Vec::new();
        } else {
            self.bytes.extend_from_slice(piece);
        }
    }

    /// Nothing was put in, or blanks alone.
    fn is_blank(&self) -> bool {
        !self.is_over && self.bytes.iter().all(u8::is_ascii_whitespace)
    }

    fn take(&mut self) -> Result<Vec<u8>, String> {
        let bytes = std::mem::take(&mut self.bytes);
        if std::mem::take(&mut self.is_over) { Err(too_large()) } else { Ok(bytes) }
    }
}

/// A record a line; blank lines are none.
#[derive(Default)]
pub(super) struct Lines {
    line: Bounded,
    mark: ByteOrderMark,
}

impl Lines {
    fn feed(&mut self, piece: &[u8], records: &mut Records) {
        let piece = self.mark.skip(piece);
        let mut parts = piece.split(|byte| *byte == b'\n');
        if let Some(first) = parts.next() {
            self.line.extend(first);
        }
        for part in parts {
            self.finish(records);
            self.line.extend(part);
        }
    }

    fn finish(&mut self, records: &mut Records) {
        if !self.line.is_blank() {
            records.push_back(self.line.take().and_then(|line| read_json(&line)));
        } else {
            let _blank = self.line.take();
        }
    }
}

/// What some programs begin a text with.
#[derive(Default)]
struct ByteOrderMark {
    seen: usize,
}

impl ByteOrderMark {
    const BYTES: [u8; 3] = [0xef, 0xbb, 0xbf];

    /// `piece` without the mark, which may come in several pieces.
    fn skip<'a>(&mut self, mut piece: &'a [u8]) -> &'a [u8] {
        while let Some(expected) = Self::BYTES.get(self.seen) {
            let Some((first, rest)) = piece.split_first() else { break };
            if first != expected {
                self.seen = Self::BYTES.len();
                break;
            }
            self.seen += 1;
            piece = rest;
        }
        piece
    }
}

#[cfg(test)]
mod tests;
