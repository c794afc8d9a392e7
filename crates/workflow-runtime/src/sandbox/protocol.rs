//! What parent and child say to each other: one line of JSON each way, the parent first.
//!
//! The parent opens with [`Limits`]; the child answers [`READY`] once they bind it. Then requests
//! and replies alternate:
//! `{"check":["<filter>",…]}` → `{"ok":[{"fault":null|"<what is wrong>","steps":["<id>",…]},…]}`,
//! `{"run":{"filter":"<filter>","data":…}}` → `{"ok":<output>}` or `{"error":"<why>"}`, and
//! `{"check_schema":…}` or `{"validate":{"schema":…,"value":…}}` →
//! `{"ok":[{"pointer":"…","detail":"…"},…]}`.
//!
//! A document follows its request as it is, byte by byte: `{"extract":{"format":"pdf","bytes":9}}` and
//! nine bytes → `{"ok":"<text>"}` or `{"error":"<why>"}`.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The child's answer to its limits.
pub(super) const READY: &str = "{\"ready\":true}";

/// The longest message that a filter may fail with, in bytes.
pub(super) const MAX_MESSAGE_BYTES: usize = 500;

/// How deep an output may be nested. `serde_json` reads 128 levels, here and wherever the output is
/// stored and read again; the rest is for the envelopes around it.
pub(super) const MAX_OUTPUT_DEPTH: usize = 120;

/// What is wrong with a filter that its compiler cannot cope with.
pub(super) const TOO_DEEP: &str = "the filter is nested too deeply or too large";

/// What a child sets on itself before it touches a filter.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Limits {
    pub(super) memory_bytes: u64,
    pub(super) max_output_bytes: usize,
}

/// What is asked of a child.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request<'a, D> {
    Check(&'a [&'a str]),
    Run { filter: &'a str, data: &'a D },
    CheckSchema(&'a Value),
    Validate { schema: &'a Value, value: &'a Value },
    Extract(Announced),
}

/// A document that follows.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Announced {
    pub(super) format: DocumentFormat,
    pub(super) bytes: u64,
}

/// How a document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DocumentFormat {
    /// As it is, once its characters are decoded: plain text, CSV, JSON.
    Text,
    /// A page, of which the words are wanted.
    Html,
    /// A PDF.
    Pdf,
}

/// What a child answers.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reply<T> {
    Ok(T),
    Error(String),
}

/// The line of a message; `None` when it would be longer than `limit`.
pub(super) fn line(message: &impl Serialize, limit: usize) -> Option<Vec<u8>> {
    let mut line = Bounded { bytes: Vec::new(), limit };
    serde_json::to_writer(&mut line, message).ok()?;
    line.bytes.push(b'\n');
    Some(line.bytes)
}

/// A buffer that refuses to grow past its limit, so that what is too large is never built.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for Bounded {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if part.len() > self.limit.saturating_sub(self.bytes.len()) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
