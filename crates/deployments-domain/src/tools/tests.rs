//! How a deployment's terms and schema become those of a tool.

use keys_core::Allowlist;
use uuid::Uuid;

use super::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn deployment(input_schema: Option<Value>) -> Deployment {
    Deployment { input_schema, ..Deployment::blank(Uuid::nil().into(), Uuid::nil(), NOW) }
}

#[track_caller]
fn check_schema(schema: Value, expected: Value) {
    assert_eq!(Value::Object(input_schema(&deployment(Some(schema)))), expected);
}

#[track_caller]
fn check_input(schema: Option<Value>, arguments: Value, expected: Result<(Value, &str), &str>) {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    let read =
        input_of(&deployment(schema), arguments).map(|run| (run.input, run.input_pointer)).map_err(
            |faults| faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>().join(" "),
        );
    assert_eq!(read, expected.map_err(str::to_owned));
}

#[test]
fn a_schema_of_an_object_is_that_of_the_tool() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    check_schema(schema.clone(), schema.clone());
    check_input(Some(schema), json!({"input": 1}), Ok((json!({"input": 1}), "")));
}

#[test]
fn any_other_schema_is_that_of_the_one_argument_input() {
    let around = |schema: Value| {
        json!({
            "type": "object", "properties": {"input": schema}, "required": ["input"],
            "additionalProperties": false,
        })
    };
    for schema in [
        json!({"type": "array", "items": {"type": "string"}}),
        json!({"properties": {"a": true}}),
        json!({"type": ["object", "null"]}),
        json!(true),
    ] {
        check_schema(schema.clone(), around(schema.clone()));
        check_input(Some(schema.clone()), json!({"input": [1]}), Ok((json!([1]), "/input")));
        check_input(Some(schema.clone()), json!({}), Err("/input"));
        check_input(Some(schema), json!({"input": 1, "a/b": 2}), Err("/a~1b"));
    }
}

#[test]
fn references_by_place_follow_the_schema_to_its_new_place() {
    let inner = |schema: Value| {
        let whole = input_schema(&deployment(Some(schema)));
        (whole["properties"]["input"].clone(), whole.get("$schema").cloned())
    };
    let dialect = json!("https://json-schema.org/draft/2020-12/schema");
    let schema = json!({
        "$schema": dialect, "type": "array", "items": {"anyOf": [{"$ref": "#/$defs/x"}, {"$ref": "#"}]},
        "$defs": {"x": {"const": {"$ref": "#/y"}}, "z": {"$ref": "https://example.com/#/a"}},
    });
    let moved = json!({
        "type": "array",
        "items": {"anyOf": [{"$ref": "#/properties/input/$defs/x"}, {"$ref": "#/properties/input"}]},
        "$defs": {"x": {"const": {"$ref": "#/y"}}, "z": {"$ref": "https://example.com/#/a"}},
    });
    assert_eq!(inner(schema), (moved, Some(dialect)));
    // They begin at the `$id`, wherever that lies.
    let named = json!({"$id": "https://example.com/a", "items": {"$ref": "#/$defs/x"}, "$defs": {"x": true}});
    assert_eq!(inner(named.clone()), (named, None));
}

#[test]
fn without_a_schema_the_argument_input_is_anything_or_left_out() {
    let whole = input_schema(&deployment(None));
    assert_eq!((&whole["type"], whole.get("required")), (&json!("object"), None));
    check_input(None, json!({"input": "x"}), Ok((json!("x"), "/input")));
    check_input(None, json!({}), Ok((Value::Null, "/input")));
    check_input(None, json!({"text": "x"}), Err("/text"));
}

#[test]
fn a_deployments_own_terms_hold_for_whoever_calls_it() {
    let (inside, outside) = ("10.0.0.1".parse().ok(), "11.0.0.1".parse().ok());
    let open = deployment(None);
    assert_eq!(admits(&open, None, NOW), Ok(()));
    let allowlist = Allowlist::new(vec!["10.0.0.0/8".parse().unwrap()]).unwrap();
    let fenced = Deployment { allowlist, ..open.clone() };
    assert_eq!(admits(&fenced, inside, NOW), Ok(()));
    assert_eq!(admits(&fenced, outside, NOW), Err(Denial::AddressNotAllowed));
    assert_eq!(admits(&fenced, None, NOW), Err(Denial::AddressNotAllowed));
    let closed = Deployment { is_active: false, ..fenced };
    assert_eq!(admits(&closed, inside, NOW), Err(Denial::OwnerInactive));
}
