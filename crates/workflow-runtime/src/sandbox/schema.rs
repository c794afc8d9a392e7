//! Holds values against JSON Schemas (draft 2020-12). Only ever inside a child: a schema that refers
//! to itself may take the process down, or take for ever.

use std::{collections::VecDeque, fmt::Display};

use jsonschema::{PatternOptions, ValidationError, Validator};
use serde::Deserialize;
use serde_json::{Value, json};

use super::reply;

/// The same few schemas come again and again; compiling one takes far longer than using it.
const KEPT: usize = 64;

/// So many places are told; who has mended those asks again.
const MAX_FAULTS: usize = 100;

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What is asked of a child about schemas.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Asked {
    CheckSchema(Value),
    Validate { schema: Value, value: Value },
}

/// The compiler, with what it compiled last.
#[derive(Default)]
pub(super) struct Schemas {
    /// Most recently used first.
    kept: VecDeque<(Value, Validator)>,
}

impl Schemas {
    /// The reply to a request about a schema; `None` to any other.
    pub(super) fn carry_out(&mut self, request: &[u8]) -> Option<Vec<u8>> {
        let is_mine = [b"{\"check_schema\"".as_slice(), b"{\"validate\""];
        if !is_mine.iter().any(|beginning| request.starts_with(beginning)) {
            return None;
        }
        let faults = match serde_json::from_slice(request).ok()? {
            Asked::CheckSchema(schema) => match self.compile(schema) {
                Ok(_) => Vec::new(),
                Err(fault) => vec![fault],
            },
            Asked::Validate { schema, value } => match self.compile(schema) {
                Ok(validator) if validator.is_valid(&value) => Vec::new(),
                Ok(validator) => {
                    validator.iter_errors(&value).take(MAX_FAULTS).map(|e| fault(&e)).collect()
                }
                // It was found good when it was saved.
                Err(_) => return Some(reply::error("the schema does not compile")),
            },
        };
        Some(json!({ "ok": faults }).to_string().into_bytes())
    }

    /// A validator, or what is wrong with the schema.
    fn compile(&mut self, schema: Value) -> Result<&Validator, Value> {
        if let Some(index) = self.kept.iter().position(|(kept, _)| *kept == schema) {
            self.kept.swap(0, index);
        } else {
            let validator = compile(&schema)?;
            self.kept.truncate(KEPT - 1);
            self.kept.push_front((schema, validator));
        }
        self.kept.front().map(|(_, validator)| validator).ok_or(Value::Null)
    }
}

fn compile(schema: &Value) -> Result<Validator, Value> {
    if schema.get("$schema").is_some_and(|draft| draft != DRAFT) {
        return Err(told("/$schema", &format!("must be '{DRAFT}', or left out")));
    }
    jsonschema::draft202012::meta::validate(schema).map_err(|error| fault(&error))?;
    let options = jsonschema::draft202012::options();
    // Patterns that look around could take exponential time, and are refused.
    let options = options.with_pattern_options(PatternOptions::regex());
    options.build(schema).map_err(|error| fault(&error))
}

fn fault(error: &ValidationError<'_>) -> Value {
    // The caller has the value, and it may be long.
    told(error.instance_path().as_str(), &error.masked())
}

fn told(pointer: &str, detail: &dyn Display) -> Value {
    json!({ "pointer": pointer, "detail": reply::bounded(detail) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(request: &Value) -> Value {
        let reply = Schemas::default().carry_out(request.to_string().as_bytes()).unwrap();
        serde_json::from_slice(&reply).unwrap()
    }

    #[track_caller]
    fn check(schema: Value, pointer: Option<&str>) {
        let told = ask(&json!({ "check_schema": schema }));
        let found: Vec<_> = told["ok"].as_array().unwrap().iter().map(|f| &f["pointer"]).collect();
        assert_eq!(found, pointer.iter().collect::<Vec<_>>(), "{told}");
    }

    #[track_caller]
    fn validate(schema: Value, value: Value, pointers: &[&str]) {
        let told = ask(&json!({ "validate": { "schema": schema, "value": value } }));
        let found: Vec<_> = told["ok"].as_array().unwrap().iter().map(|f| &f["pointer"]).collect();
        assert_eq!(found, pointers, "{told}");
    }

    #[test]
    fn a_schema_is_one_of_draft_2020_12() {
        for good in [json!({}), json!(true), json!({"$schema": DRAFT, "type": "object"})] {
            check(good, None);
        }
        check(json!({"type": "text"}), Some("/type"));
        check(json!({"properties": {"a": {"minimum": "1"}}}), Some("/properties/a/minimum"));
        check(json!({"$schema": "http://json-schema.org/draft-07/schema#"}), Some("/$schema"));
        check(json!([]), Some(""));
    }

    #[test]
    fn nothing_is_fetched_and_no_pattern_looks_around() {
        check(json!({"$ref": "http://127.0.0.1:9/schema.json"}), Some(""));
        check(json!({"$ref": "file:///etc/hostname"}), Some(""));
        check(json!({"properties": {"a": {"$ref": "https://example.com/a"}}}), Some(""));
        check(json!({"$defs": {"a": {"type": "null"}}, "$ref": "#/$defs/a"}), None);
        check(json!({"pattern": "^(?=a)"}), Some("/pattern"));
    }

    #[test]
    fn every_place_is_told_and_the_value_is_not() {
        let schema = json!({
            "type": "object", "required": ["total"], "additionalProperties": false,
            "properties": {"total": {"type": "integer"}, "lines": {"items": {"minLength": 2}}}
        });
        validate(schema.clone(), json!({"total": 1}), &[]);
        let value = json!({"lines": ["ab", "c", "d"]});
        validate(schema.clone(), value, &["/lines/1", "/lines/2", ""]);
        let value = json!({ "total": "hunter2" });
        let told = ask(&json!({ "validate": { "schema": schema, "value": value } })).to_string();
        assert!(told.contains("/total") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn so_many_places_are_told_and_no_more() {
        let asked = json!({ "schema": {"items": false}, "value": vec![1; 1000] });
        let told = ask(&json!({ "validate": asked }));
        assert_eq!(told["ok"].as_array().unwrap().len(), MAX_FAULTS);
    }

    #[test]
    fn numbers_keep_their_digits() {
        let schema = json!({ "maximum": 9_007_199_254_740_992_u64 });
        validate(schema.clone(), json!(9_007_199_254_740_993_u64), &[""]);
        validate(schema, json!(9_007_199_254_740_992_u64), &[]);
    }

    #[test]
    fn other_requests_are_somebody_elses() {
        assert!(Schemas::default().carry_out(b"{\"check\":[\".\"]}\n").is_none());
        assert!(Schemas::default().carry_out(b"{\"validate\":1}").is_none());
    }
}
