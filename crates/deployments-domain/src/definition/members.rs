//! Reading the members of a JSON object, noting every fault with its pointer. Knows no tool.

use std::collections::BTreeMap;

use access_domain::{Fault, FaultCode, pointer_segment};
use serde_json::{Map, Value};

/// The longest filter, and the longest template, in bytes.
pub(super) const MAX_CODE_BYTES: usize = 16 * 1024;

/// An object that is being read. What nobody has asked for by the time of [`Members::end`] is
/// unknown.
pub(super) struct Members<'a> {
    members: &'a Map<String, Value>,
    at: String,
    known: Vec<&'static str>,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Members<'a> {
    /// The members of `value`, which stands at `at`; notes a fault where it is no object.
    pub(super) fn of(
        faults: &'a mut Vec<Fault>,
        value: &'a Value,
        at: &str,
        what: &str,
    ) -> Option<Self> {
        let Some(members) = value.as_object() else {
            faults.push(Fault::invalid(at, format!("{what} is an object")));
            return None;
        };
        Some(Self { members, at: at.into(), known: Vec::new(), faults })
    }

    /// The pointer of a member.
    pub(super) fn at(&self, name: &str) -> String {
        format!("{}/{}", self.at, pointer_segment(name))
    }

    /// A member as it is.
    pub(super) fn get(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.members.get(name)
    }

    /// Where faults are noted.
    pub(super) fn faults(&mut self) -> &mut Vec<Fault> {
        self.faults
    }

    /// Notes that a member's value will not do.
    pub(super) fn refuse(&mut self, name: &str, detail: impl Into<String>) {
        let at = self.at(name);
        self.faults.push(Fault::invalid(at, detail));
    }

    /// Notes a member that must be there and is not.
    pub(super) fn miss(&mut self, name: &str, detail: impl Into<String>) {
        let at = self.at(name);
        self.faults.push(Fault::new(at, FaultCode::MissingField, detail));
    }

    /// A text of at most so many bytes, and of at least one.
    pub(super) fn text(&mut self, name: &'static str, most: usize) -> Option<String> {
        let value = self.get(name)?;
        let text = value.as_str().filter(|text| (1..=most).contains(&text.len()));
        if text.is_none() {
            self.refuse(name, format!("must be a string of 1 to {most} bytes"));
        }
        text.map(str::to_owned)
    }

    /// The same, which must be there.
    pub(super) fn needed_text(&mut self, name: &'static str, most: usize) -> Option<String> {
        if !self.members.contains_key(name) {
            self.known.push(name);
            self.miss(name, format!("'{name}' must be given"));
            return None;
        }
        self.text(name, most)
    }

    /// A filter or a template.
    pub(super) fn code(&mut self, name: &'static str) -> Option<String> {
        self.text(name, MAX_CODE_BYTES)
    }

    /// A filter or a template that must be there.
    pub(super) fn needed_code(&mut self, name: &'static str) -> Option<String> {
        self.needed_text(name, MAX_CODE_BYTES)
    }

    /// A flag; `false` where it is left out.
    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        match self.get(name) {
            None => false,
            Some(value) => value.as_bool().unwrap_or_else(|| {
                self.refuse(name, "must be true or false");
                false
            }),
        }
    }

    /// A whole number in a range.
    pub(super) fn whole(&mut self, name: &'static str, least: u32, most: u32) -> Option<u32> {
        let value = self.get(name)?;
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.refuse(name, format!("must be a whole number from {least} to {most}"));
        }
        number
    }

    /// A number in a range.
    pub(super) fn number(&mut self, name: &'static str, least: f64, most: f64) -> Option<f64> {
        let value = self.get(name)?;
        let number = value.as_f64().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.refuse(name, format!("must be a number from {least} to {most}"));
        }
        number
    }

    /// One of some names; the first where it is left out.
    pub(super) fn one_of<T: Copy>(&mut self, name: &'static str, all: &[(&str, T)]) -> Option<T> {
        let Some(value) = self.get(name) else { return all.first().map(|(_, first)| *first) };
        let found = all.iter().find(|(known, _)| value.as_str() == Some(known));
        if found.is_none() {
            let names: Vec<_> = all.iter().map(|(known, _)| format!("\"{known}\"")).collect();
            self.refuse(name, format!("must be one of {}", names.join(", ")));
        }
        found.map(|(_, meant)| *meant)
    }

    /// An object whose values are texts.
    pub(super) fn texts(&mut self, name: &'static str, most: usize) -> BTreeMap<String, String> {
        let Some(value) = self.get(name) else { return BTreeMap::new() };
        let members = value.as_object().filter(|members| members.len() <= most);
        let Some(members) = members else {
            self.refuse(name, format!("must be an object with at most {most} members"));
            return BTreeMap::new();
        };
        let mut texts = BTreeMap::new();
        for (key, value) in members {
            match value.as_str().filter(|text| text.len() <= MAX_CODE_BYTES) {
                Some(text) => {
                    texts.insert(key.clone(), text.to_owned());
                }
                None => {
                    let at = format!("{}/{}", self.at(name), pointer_segment(key));
                    let detail = format!("must be a string of at most {MAX_CODE_BYTES} bytes");
                    self.faults.push(Fault::invalid(at, detail));
                }
            }
        }
        texts
    }

    /// Notes what was not asked for.
    pub(super) fn end(self) {
        for name in self.members.keys().filter(|name| !self.known.contains(&name.as_str())) {
            let detail =
                format!("'{name}' has no meaning here; there are: {}", self.known.join(", "));
            let at = format!("{}/{}", self.at, pointer_segment(name));
            self.faults.push(Fault::new(at, FaultCode::UnknownField, detail));
        }
    }
}
