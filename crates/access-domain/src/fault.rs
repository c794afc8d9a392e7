//! What is wrong with a request that is well formed: all of it at once, each with its place.

/// One thing that is wrong with what a caller sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A JSON pointer (RFC 6901) into the body.
    pub pointer: String,
    /// The kind of fault, stable for programs.
    pub code: FaultCode,
    /// What to do about it, for people.
    pub detail: String,
}

/// The kinds of [`Fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultCode {
    /// The value is not one of those allowed, or is out of its range.
    InvalidValue,
    /// Something that must be there is not.
    MissingField,
    /// A member that has no meaning here.
    UnknownField,
    /// The tool of a step does not exist.
    UnknownTool,
    /// A filter does not compile.
    InvalidFilter,
    /// A template does not compile.
    InvalidTemplate,
    /// The id of a step is used twice.
    DuplicateStep,
    /// What the value names does not exist for this caller.
    UnknownReference,
}

impl Fault {
    /// A fault at `pointer`.
    pub fn new(pointer: impl Into<String>, code: FaultCode, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code, detail: detail.into() }
    }

    /// The same fault, of something that stands at `pointer`.
    #[must_use]
    pub fn below(self, pointer: &str) -> Self {
        Self { pointer: format!("{pointer}{}", self.pointer), ..self }
    }

    /// A value outside its range, the most frequent fault.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(pointer, FaultCode::InvalidValue, detail)
    }
}

/// A member's name as part of a JSON pointer (RFC 6901, 3).
pub fn pointer_segment(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Notes a fault unless `text` has `least..=most` characters and no control characters but line breaks and tabs.
pub fn check_text(faults: &mut Vec<Fault>, pointer: &str, text: &str, least: usize, most: usize) {
    let length = text.chars().count();
    if length < least || length > most {
        faults.push(Fault::invalid(pointer, format!("must have {least} to {most} characters")));
    } else if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        faults.push(Fault::invalid(pointer, "must not contain control characters"));
    }
}
