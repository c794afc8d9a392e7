//! Between domain values and columns. A column that no domain value was made into is an error, never a panic: someone else
//! may have written to the database.

use access_domain::NoticeDays;
use chrono::DateTime;
use diesel::{QueryResult, result::Error};
use keys_core::{Allowlist, Digest, Id, RateLimit, Scopes, Timestamp};
use serde_json::{Map, Value};
use uuid::Uuid;

/// A stored value that cannot be what it should be.
#[derive(Debug, thiserror::Error)]
#[error("the column holds {found}, which is no {expected}")]
struct Undecodable {
    found: String,
    expected: &'static str,
}

fn undecodable(found: impl Into<String>, expected: &'static str) -> Error {
    Error::DeserializationError(Box::new(Undecodable { found: found.into(), expected }))
}

pub(crate) fn id<T: ?Sized>(id: Id<T>) -> String {
    id.uuid().to_string()
}

pub(crate) fn read_id<T: ?Sized>(text: &str) -> QueryResult<Id<T>> {
    read_uuid(text).map(Id::from)
}

pub(crate) fn read_uuid(text: &str) -> QueryResult<Uuid> {
    Uuid::try_parse(text).map_err(|_| undecodable(text, "UUID"))
}

/// The least id that something of this instant can have: ids begin with their time.
pub(crate) fn first_id(at: Timestamp) -> String {
    const MOST: u128 = (1 << 48) - 1;
    let milliseconds = u128::try_from(at.timestamp_millis()).unwrap_or_default();
    Uuid::from_u128(milliseconds.min(MOST) << 80).to_string()
}

/// Microseconds since 1970; what is finer is cut off.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.timestamp_micros()
}

pub(crate) fn read_micros(micros: i64) -> QueryResult<Timestamp> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| undecodable(micros.to_string(), "instant"))
}

pub(crate) fn json_object(object: &Map<String, Value>) -> QueryResult<String> {
    serde_json::to_string(object).map_err(|error| Error::SerializationError(Box::new(error)))
}

// Neither error shows the text: it is a tenant's payload, and errors are logged.
pub(crate) fn read_json(text: &str) -> QueryResult<Value> {
    serde_json::from_str(text).map_err(|_| undecodable("a text (not shown)", "JSON"))
}

pub(crate) fn read_json_object(text: &str) -> QueryResult<Map<String, Value>> {
    serde_json::from_str(text).map_err(|_| undecodable("a text (not shown)", "JSON object"))
}

/// A list of texts, as a JSON array.
pub(crate) fn texts<T: ToString>(list: impl Iterator<Item = T>) -> QueryResult<String> {
    let list: Vec<String> = list.map(|item| item.to_string()).collect();
    serde_json::to_string(&list).map_err(|error| Error::SerializationError(Box::new(error)))
}

fn read_texts<T: std::str::FromStr>(text: &str, expected: &'static str) -> QueryResult<Vec<T>> {
    // Most keys have neither scopes nor networks.
    if text == "[]" {
        return Ok(Vec::new());
    }
    let list: Vec<String> = serde_json::from_str(text).map_err(|_| undecodable(text, expected))?;
    list.iter().map(|item| item.parse().map_err(|_| undecodable(text, expected))).collect()
}

pub(crate) fn read_scopes(text: &str) -> QueryResult<Scopes> {
    Scopes::new(read_texts(text, "list of scopes")?)
        .map_err(|_| undecodable(text, "list of scopes"))
}

pub(crate) fn read_allowlist(text: &str) -> QueryResult<Allowlist> {
    Allowlist::new(read_texts(text, "list of networks")?)
        .map_err(|_| undecodable(text, "list of networks"))
}

/// Numbers of days, as a JSON array.
pub(crate) fn notice_days(days: &NoticeDays) -> String {
    Value::from(days.iter().collect::<Vec<_>>()).to_string()
}

pub(crate) fn read_notice_days(text: &str) -> QueryResult<NoticeDays> {
    let days: Option<Vec<u32>> = serde_json::from_str(text).ok();
    let days = days.and_then(|days| NoticeDays::new(&days).ok());
    days.ok_or_else(|| undecodable(text, "list of days"))
}

pub(crate) fn read_rate_limit(calls: Option<i32>) -> QueryResult<Option<RateLimit>> {
    let read = |calls: i32| u32::try_from(calls).ok().and_then(RateLimit::per_minute);
    calls
        .map(|calls| read(calls).ok_or_else(|| undecodable(calls.to_string(), "rate limit")))
        .transpose()
}

pub(crate) fn read_digest(bytes: Vec<u8>) -> QueryResult<Digest> {
    let bytes: [u8; 32] = bytes
        .try_into()
        .map_err(|bytes: Vec<u8>| undecodable(format!("{} bytes", bytes.len()), "digest"))?;
    Ok(Digest::from(bytes))
}

pub(crate) fn read_name<T>(
    name: &str,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> QueryResult<T> {
    parse(name).ok_or_else(|| undecodable(name, expected))
}

/// A count or a span that the domain holds unsigned.
pub(crate) fn integer(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

pub(crate) fn read_unsigned(number: i32) -> QueryResult<u32> {
    u32::try_from(number).map_err(|_| undecodable(number.to_string(), "unsigned number"))
}

/// Text from strangers' programs, such as the reason of a failure. PostgreSQL refuses the character NUL in text, and a run
/// whose failure cannot be saved would never end.
pub(crate) fn printable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_back_to_the_microsecond() {
        for micros in [0, 1, -1, 1_700_000_000_123_456] {
            assert_eq!(super::micros(read_micros(micros).unwrap()), micros);
        }
        assert!(read_micros(i64::MAX).is_err());
    }

    #[test]
    fn what_nobody_wrote_is_an_error_that_does_not_show_payload() {
        assert!(read_id::<str>("x").is_err());
        assert!(read_digest(vec![1; 31]).is_err());
        let error = read_json("{\"password\": \"hunter2\"").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
