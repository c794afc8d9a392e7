//! What was typed into fields that are no text: numbers, instants, lists, JSON. All that cannot be read is told at once, each
//! beside its field; whether it makes sense is the domain's to say.

use access_domain::Fault;
use auth_actix::ApiError;
use keys_core::Timestamp;
use serde_json::{Map, Value};

use crate::{parts::read_date_time, typed::Typed};

/// A form that is being read.
pub(super) struct Reading<'a> {
    typed: &'a Typed,
    faults: Vec<Fault>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(typed: &'a Typed) -> Self {
        Self { typed, faults: Vec::new() }
    }

    fn fault(&mut self, name: &str, detail: impl Into<String>) {
        self.faults.push(Fault::invalid(format!("/{name}"), detail.into()));
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.typed.text(name).to_owned()
    }

    /// A number; nothing where the field was left empty.
    pub(super) fn number(&mut self, name: &str) -> Option<u32> {
        let number = whole_number(self.typed.given(name)?);
        if number.is_none() {
            self.fault(name, "must be a whole number");
        }
        number
    }

    /// The same, where something must stand.
    pub(super) fn required_number(&mut self, name: &str) -> Option<u32> {
        if self.typed.given(name).is_none() {
            self.fault(name, "must be given");
        }
        self.number(name)
    }

    /// A day and a time in UTC.
    pub(super) fn instant(&mut self, name: &str) -> Option<Timestamp> {
        let instant = read_date_time(self.typed.given(name)?);
        if instant.is_none() {
            self.fault(name, "must be a day and a time, as 2026-12-31T23:59");
        }
        instant
    }

    /// What stands in a field one below the other, or with commas between.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let parts = self.typed.text(name).split(['\n', ',']).map(str::trim);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// Any JSON; nothing where the field was left empty.
    pub(super) fn json(&mut self, name: &str) -> Option<Value> {
        match serde_json::from_str(self.typed.given(name)?) {
            Ok(value) => Some(value),
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                self.fault(name, format!("is no JSON from line {line}, column {column} on"));
                None
            }
        }
    }

    /// A JSON object; an empty one where the field was left empty.
    pub(super) fn object(&mut self, name: &str) -> Map<String, Value> {
        match self.json(name) {
            Some(Value::Object(members)) => members,
            Some(_) => {
                self.fault(name, "must be a JSON object");
                Map::new()
            }
            None => Map::new(),
        }
    }

    /// `read`, if all that led to it could be read.
    ///
    /// # Errors
    /// Everything that could not.
    pub(super) fn done<T>(self, read: T) -> Result<T, ApiError> {
        if self.faults.is_empty() { Ok(read) } else { Err(ApiError::faults(self.faults)) }
    }
}

/// Digits, as people write large numbers: with one kind of mark between groups of three. `1,5` is no whole number, and is not
/// taken for another one.
pub(super) fn whole_number(text: &str) -> Option<u32> {
    const MARKS: [char; 7] = [',', '.', ' ', '_', '\'', '\u{a0}', '\u{202f}'];
    let mark = text.chars().find(|c| MARKS.contains(c));
    let mut groups = text.split(|c| Some(c) == mark);
    let first = groups.next().unwrap_or_default();
    let is_grouped = mark.is_none() || (1..=3).contains(&first.len());
    let mut digits = first.to_owned();
    for group in groups {
        if group.len() != 3 {
            return None;
        }
        digits.push_str(group);
    }
    let is_number = is_grouped && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn typed(query: &str) -> Typed {
        Typed::query(&TestRequest::with_uri(&format!("/?{query}")).to_http_request())
    }

    #[test]
    fn all_that_cannot_be_read_is_told_at_once() {
        let typed = typed("n=many&at=soon&j=%7B&o=%5B%5D");
        let mut reading = Reading::of(&typed);
        assert_eq!((reading.number("n"), reading.required_number("m")), (None, None));
        assert_eq!((reading.instant("at"), reading.json("j")), (None, None));
        assert!(reading.object("o").is_empty());
        let faults = reading.done(()).unwrap_err().into_errors();
        let places: Vec<_> = faults.iter().map(|fault| fault.attr.as_deref().unwrap()).collect();
        assert_eq!(places, ["/n", "/m", "/at", "/j", "/o"]);
    }

    #[test]
    fn numbers_and_lists_are_read_as_people_write_them() {
        let typed = typed("n=10,485,760&l=10.0.0.0/8%0A%0A192.0.2.1,+::1&e=+");
        let mut reading = Reading::of(&typed);
        assert_eq!((reading.number("n"), reading.number("e")), (Some(10_485_760), None));
        assert_eq!(reading.list("l"), ["10.0.0.0/8", "192.0.2.1", "::1"]);
        assert!(reading.done(()).is_ok());
    }

    #[test]
    fn marks_stand_between_groups_of_three_digits_alone() {
        for (text, number) in [
            ("7", 7),
            ("1048576", 1_048_576),
            ("1,000", 1000),
            ("1.000", 1000),
            ("10 485 760", 10_485_760),
            ("1_000_000", 1_000_000),
            ("1'000", 1000),
        ] {
            assert_eq!(whole_number(text), Some(number), "{text}");
        }
        let none = [
            "1,5",
            "1.5",
            "1,00",
            "1,0000",
            "1000,000",
            ",000",
            "1,",
            "1,000.000",
            "+1",
            "-1",
            "1,+00",
            "4294967296",
            "x",
        ];
        for text in none {
            assert_eq!(whole_number(text), None, "{text}");
        }
    }
}
