//! Outcomes made into what is written: one by one, or several together.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use deployments_domain::Format;
use serde_json::Value;

use super::MAX_RECORD_BYTES;

/// So many bytes a name may have, its extension and what marks it as unfinished left out.
const MAX_NAME_BYTES: usize = 150;

/// Whether `value` can be written at all, by itself.
///
/// # Errors
/// Why not.
pub(super) fn check(format: Format, value: &Value) -> Result<(), String> {
    match format {
        Format::Json | Format::Ndjson => {}
        Format::Csv if value.is_object() => {}
        Format::Csv => return Err("the outcome is no object, and CSV has columns".into()),
        Format::Text => drop(text(value)?),
        Format::Binary => drop(content(value)?),
    }
    Ok(())
}

/// The bytes of outcomes that were found good. Texts and contents come one by one.
pub(super) fn encode(format: Format, values: &[&Value]) -> Result<Vec<u8>, String> {
    match format {
        Format::Json => Ok(array(values)),
        Format::Ndjson => {
            Ok(values.iter().flat_map(|value| format!("{value}\n").into_bytes()).collect())
        }
        Format::Csv => csv(values),
        Format::Text => values.first().map_or(Ok(""), |value| text(value)).map(Vec::from),
        Format::Binary => values.first().map_or(Ok(Vec::new()), |value| content(value)),
    }
}

/// One outcome that is named by its key: as itself, and not as an array of one.
pub(super) fn encode_one(format: Format, value: &Value) -> Result<Vec<u8>, String> {
    match format {
        Format::Json => Ok(format!("{value}\n").into_bytes()),
        Format::Ndjson | Format::Csv | Format::Text | Format::Binary => encode(format, &[value]),
    }
}

/// How names of what is written in this format end.
pub(super) fn extension(format: Format) -> &'static str {
    match format {
        Format::Json => ".json",
        Format::Ndjson => ".ndjson",
        Format::Csv => ".csv",
        // Their keys are names with an extension of their own.
        Format::Text | Format::Binary => "",
    }
}

/// What is said of a body in this format.
pub(super) fn media_type(format: Format) -> &'static str {
    match format {
        Format::Json => "application/json",
        Format::Ndjson => "application/x-ndjson",
        Format::Csv => "text/csv; charset=utf-8",
        Format::Text => "text/plain; charset=utf-8",
        Format::Binary => "application/octet-stream",
    }
}

/// The key of an outcome as a text.
///
/// # Errors
/// When it has none.
pub(super) fn key(value: &Value, member: &str) -> Result<String, String> {
    match value.get(member) {
        Some(Value::String(key)) if !key.is_empty() => Ok(key.clone()),
        Some(key @ (Value::Number(_) | Value::Bool(_))) => Ok(key.to_string()),
        Some(Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_)) | None => {
            Err(format!("the outcome has no text or number '{member}' to be written by"))
        }
    }
}

/// A key as one part of a path: whatever is not plain is written as `%` and its bytes, so that no
/// two keys share a name and none leads elsewhere.
///
/// # Errors
/// When that is longer than names may be.
pub(super) fn file_name(key: &str) -> Result<String, String> {
    let mut name = String::with_capacity(key.len());
    for (at, byte) in key.bytes().enumerate() {
        let is_plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if is_plain || (byte == b'.' && at > 0) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    if name.len() > MAX_NAME_BYTES {
        return Err("the key of the outcome is too long for a name".into());
    }
    Ok(name)
}

fn array(values: &[&Value]) -> Vec<u8> {
    let mut text = String::from("[\n");
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            text.push_str(",\n");
        }
        text.push_str(&value.to_string());
    }
    text.push_str("\n]\n");
    text.into_bytes()
}

/// The columns are all members that there are, in order; what is not there is empty, and what is no
/// scalar is written as JSON.
fn csv(values: &[&Value]) -> Result<Vec<u8>, String> {
    let objects = values.iter().filter_map(|value| value.as_object());
    let columns: BTreeSet<&String> = objects.clone().flat_map(|object| object.keys()).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| error.to_string();
    writer.write_record(&columns).map_err(failed)?;
    for object in objects {
        let fields = columns.iter().map(|column| match object.get(*column) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        });
        writer.write_record(fields).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| error.to_string())
}

fn text(value: &Value) -> Result<&str, String> {
    let text = value.as_str().or_else(|| value.get("text").and_then(Value::as_str));
    text.ok_or_else(|| "the outcome is no text, and has no member 'text'".into())
}

fn content(value: &Value) -> Result<Vec<u8>, String> {
    let encoded = value.as_str().or_else(|| value.get("base64").and_then(Value::as_str));
    let encoded = encoded.ok_or("the outcome is no base64 text, and has no member 'base64'")?;
    if encoded.len() / 4 * 3 > MAX_RECORD_BYTES + 2 {
        return Err(format!("the outcome is larger than {MAX_RECORD_BYTES} bytes"));
    }
    STANDARD.decode(encoded).map_err(|_| "the outcome is no base64".into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_encoded(format: Format, values: &[Value], expected: &str) {
        let values: Vec<&Value> = values.iter().collect();
        let encoded = encode(format, &values).unwrap();
        assert_eq!(String::from_utf8(encoded).unwrap(), expected);
    }

    #[test]
    fn outcomes_are_written_in_every_format() {
        let values = [json!({"a": 1, "b": "x,\"y\""}), json!({"a": null, "c": [1]})];
        check_encoded(
            Format::Ndjson,
            &values,
            "{\"a\":1,\"b\":\"x,\\\"y\\\"\"}\n{\"a\":null,\"c\":[1]}\n",
        );
        check_encoded(Format::Csv, &values, "a,b,c\n1,\"x,\"\"y\"\"\",\n,,[1]\n");
        check_encoded(Format::Json, &[json!(1), json!(2)], "[\n1,\n2\n]\n");
        check_encoded(Format::Text, &[json!({"name": "a", "text": "hi"})], "hi");
        check_encoded(Format::Binary, &[json!("aGk=")], "hi");
        assert_eq!(encode_one(Format::Json, &json!({"a": 1})).unwrap(), b"{\"a\":1}\n");
    }

    #[test]
    fn what_a_format_cannot_hold_is_told() {
        assert!(check(Format::Csv, &json!([1])).is_err());
        assert!(check(Format::Text, &json!({"a": 1})).is_err());
        assert!(check(Format::Binary, &json!("!")).is_err());
        assert!(check(Format::Json, &json!(null)).is_ok());
    }

    #[test]
    fn no_key_leads_elsewhere_and_no_two_share_a_name() {
        assert_eq!(file_name("invoice-7.pdf").unwrap(), "invoice-7.pdf");
        assert_eq!(file_name("../a/b").unwrap(), "%2E.%2Fa%2Fb");
        assert_eq!(file_name("%2E").unwrap(), "%252E");
        assert_eq!(file_name("ä").unwrap(), "%C3%A4");
        assert!(file_name(&"x".repeat(151)).is_err());
        assert_eq!(key(&json!({"id": 7}), "id").unwrap(), "7");
        for bad in [json!({}), json!({"id": ""}), json!({"id": null}), json!([1])] {
            assert!(key(&bad, "id").is_err(), "{bad}");
        }
    }
}
