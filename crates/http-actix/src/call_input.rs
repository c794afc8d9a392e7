//! What the body of a call asks for: input, parameters, files, and how long the request may wait.

use std::time::Duration;

use api_types::{ErrorCode, ExecutionRequest};
use auth_actix::ApiError;
use deployments_domain::StartRun;
use serde_json::{Map, Value};

use crate::{
    body::{CallBody, object},
    form::Form,
    parameters::MAX_WAIT_SECONDS,
};

/// The run that a call asks for, and how long it may wait.
pub(crate) async fn parse(body: CallBody) -> Result<(StartRun, Duration), ApiError> {
    match body {
        CallBody::Json(body) => of_json(body.any_json().await?),
        CallBody::Form(form) => of_form(form),
    }
}

fn of_json(body: Value) -> Result<(StartRun, Duration), ApiError> {
    let run = StartRun {
        input: Value::Null,
        input_pointer: "",
        parameters: Map::new(),
        files: Vec::new(),
        per_file: false,
    };
    if body.get("input_data").is_none() {
        return Ok((StartRun { input: body, ..run }, Duration::ZERO));
    }
    let ExecutionRequest { input_data, parameters, timeout } = object(body)?;
    let run = StartRun { input: input_data, input_pointer: "/input_data", parameters, ..run };
    Ok((run, wait(timeout.unwrap_or(0))?))
}

fn of_form(form: Form) -> Result<(StartRun, Duration), ApiError> {
    if form.files.is_empty() {
        let detail = "a form brings its files as parts named 'files'";
        return Err(ApiError::at(ErrorCode::MissingField, "/files", detail));
    }
    let (mut input, mut members) = (None, Map::new());
    let (mut parameters, mut wait_seconds) = (Map::new(), 0);
    for (name, text) in form.fields {
        match name.as_str() {
            "input_data" => input = Some(json(&name, &text)?),
            "parameters" => parameters = json_object(&name, &text)?,
            "timeout" => {
                let seconds = text.trim().parse();
                wait_seconds = seconds.map_err(|_| whole_seconds())?;
            }
            _ => {
                members.insert(name, Value::String(text));
            }
        }
    }
    let input_pointer = if input.is_some() { "/input_data" } else { "" };
    let input = with_members(input, members)?;
    let run = StartRun { input, input_pointer, parameters, files: form.files, per_file: false };
    Ok((run, wait(wait_seconds)?))
}

/// The input, with what else the form says as its members.
fn with_members(input: Option<Value>, members: Map<String, Value>) -> Result<Value, ApiError> {
    match input {
        Some(input) if members.is_empty() => Ok(input),
        Some(Value::Object(mut input)) => {
            input.extend(members);
            Ok(Value::Object(input))
        }
        Some(_) => {
            let detail = "must be an object where the form has further fields";
            Err(ApiError::at(ErrorCode::InvalidType, "/input_data", detail))
        }
        None => Ok(Value::Object(members)),
    }
}

/// A part of a form as JSON.
pub(crate) fn json(name: &str, text: &str) -> Result<Value, ApiError> {
    serde_json::from_str(text).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let detail = format!("'{name}' is not JSON ({place})");
        ApiError::at(ErrorCode::MalformedJson, format!("/{name}"), detail)
    })
}

/// A part of a form as a JSON object.
pub(crate) fn json_object(name: &str, text: &str) -> Result<Map<String, Value>, ApiError> {
    match json(name, text)? {
        Value::Object(object) => Ok(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            let detail = format!("'{name}' must be a JSON object");
            Err(ApiError::at(ErrorCode::InvalidType, format!("/{name}"), detail))
        }
    }
}

fn wait(seconds: u32) -> Result<Duration, ApiError> {
    if seconds > MAX_WAIT_SECONDS {
        return Err(whole_seconds());
    }
    Ok(Duration::from_secs(seconds.into()))
}

fn whole_seconds() -> ApiError {
    let detail = format!("must be from 0 to {MAX_WAIT_SECONDS} seconds");
    ApiError::at(ErrorCode::InvalidValue, "/timeout", detail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(input: Option<Value>, members: Value, expected: Option<Value>) {
        let Value::Object(members) = members else { panic!() };
        assert_eq!(with_members(input, members).ok(), expected);
    }

    #[test]
    fn further_fields_become_members_of_the_input() {
        check(None, json!({}), Some(json!({})));
        check(None, json!({"a": "1"}), Some(json!({"a": "1"})));
        check(Some(json!({"b": 2})), json!({"a": "1"}), Some(json!({"a": "1", "b": 2})));
        check(Some(json!([1])), json!({}), Some(json!([1])));
        check(Some(json!([1])), json!({"a": "1"}), None);
    }

    #[test]
    fn a_part_that_is_no_json_is_pointed_at() {
        assert_eq!(json("parameters", "{").unwrap_err().code(), ErrorCode::MalformedJson);
        assert_eq!(json_object("parameters", "[]").unwrap_err().code(), ErrorCode::InvalidType);
        assert!(json_object("parameters", "{\"a\": 1}").is_ok());
    }
}
