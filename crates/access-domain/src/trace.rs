//! The trace that a request belongs to, as W3C Trace Context writes it, and the port that records
//! what was done for it. Must not know who collects that.

use std::{
    fmt,
    num::{NonZeroU64, NonZeroU128},
    str::FromStr,
};

/// A place in a trace: what comes next has it as its parent. Written as `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: NonZeroU128,
    /// The span of it that is the parent of what comes next.
    pub span_id: NonZeroU64,
    /// Whether it is recorded, by whoever was here before, and what else is known of it.
    pub flags: u8,
}

/// The flags that have a meaning; the others are not handed on.
const KNOWN_FLAGS: u8 = 0b11;
/// `00-`, 32 digits, `-`, 16 digits, `-`, 2 digits.
const LENGTH: usize = 55;

/// A text is no `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no `traceparent`")]
pub struct NotATraceContext;

impl TraceContext {
    /// Whether whoever was here before records the trace.
    pub fn is_sampled(self) -> bool {
        self.flags & 1 == 1
    }

    fn read(text: &str) -> Option<Self> {
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let mut parts = known.split('-');
        let version = hexadecimal(parts.next()?, 2)?;
        let context = Self {
            trace_id: NonZeroU128::new(hexadecimal(parts.next()?, 32)?)?,
            span_id: NonZeroU64::new(u64::try_from(hexadecimal(parts.next()?, 16)?).ok()?)?,
            flags: u8::try_from(hexadecimal(parts.next()?, 2)?).ok()? & KNOWN_FLAGS,
        };
        // A later version may have more parts, behind those that are known.
        let is_whole = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        (is_whole && parts.next().is_none()).then_some(context)
    }
}

/// Lower-case digits, and as many of them as there must be.
fn hexadecimal(text: &str, digits: usize) -> Option<u128> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_number = text.len() == digits && text.bytes().all(is_digit);
    is_number.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

impl FromStr for TraceContext {
    type Err = NotATraceContext;

    fn from_str(text: &str) -> Result<Self, NotATraceContext> {
        Self::read(text).ok_or(NotATraceContext)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

/// Records spans: what was done when, as a part of which trace.
pub trait Tracer: fmt::Debug + Send + Sync {
    /// Begins a span, below `parent` or as the first of a trace. Never waits.
    fn begin(&self, kind: SpanKind, parent: Option<TraceContext>) -> Box<dyn OpenSpan>;
}

/// What a span tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// A request that is answered.
    Request,
    /// An execution that is carried out.
    Execution,
}

/// A span that has not ended. It ends when it is dropped, at the latest.
pub trait OpenSpan: Send {
    /// What comes next has this as its parent.
    fn context(&self) -> TraceContext;

    /// Notes a fact; nothing that a caller keeps secret.
    fn note(&mut self, name: &'static str, value: SpanValue);

    /// Ends it under its name.
    fn end(self: Box<Self>, name: String, is_failed: bool);
}

/// A fact of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpanValue {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn read(text: &str) -> Option<String> {
        text.parse::<TraceContext>().ok().map(|context| context.to_string())
    }

    #[test]
    fn a_traceparent_is_read_and_written() {
        let sent = format!("00-{TRACE}-b7ad6b7169203331-01");
        assert_eq!(read(&sent).as_deref(), Some(sent.as_str()));
        let context: TraceContext = sent.parse().unwrap();
        assert!(context.is_sampled());
        let unsampled: TraceContext = format!("00-{TRACE}-b7ad6b7169203331-00").parse().unwrap();
        assert!(!unsampled.is_sampled());
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let known = Some(format!("00-{TRACE}-b7ad6b7169203331-01"));
        assert_eq!(read(&format!("cc-{TRACE}-b7ad6b7169203331-01")), known);
        assert_eq!(read(&format!("cc-{TRACE}-b7ad6b7169203331-f9-what-comes")), known);
        assert_eq!(read(&format!("cc-{TRACE}-b7ad6b7169203331-01.what")), None);
    }

    #[test]
    fn what_is_no_traceparent_is_ignored() {
        for text in [
            String::new(),
            "00".into(),
            format!("ff-{TRACE}-b7ad6b7169203331-01"),
            format!("00-{TRACE}-b7ad6b7169203331-01-what"),
            format!("00-{TRACE}-b7ad6b7169203331-0"),
            format!("00-{TRACE}-b7ad6b7169203331-0G"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            format!("00-{}-b7ad6b7169203331-01", TRACE.to_uppercase()),
            format!("00-+{}-b7ad6b7169203331-01", &TRACE[1..]),
            format!("00_{TRACE}_b7ad6b7169203331_01"),
            format!("00-{TRACE}-b7ad6b716920333-001"),
            format!("00-{TRACE}é-b7ad6b7169203-01"),
        ] {
            assert_eq!(read(&text), None, "{text}");
        }
    }
}
