//! What the clients of Unstract send and read. Their fields are read as their server reads them, `True`
//! for a truth included; what has no meaning here is refused, where leaving it out would mislead.

use std::time::Duration;

use api_types::{ErrorCode, UnstractStatus};
use auth_actix::ApiError;
use deployments_domain::{Execution, FileOutcome, StartRun};
use serde_json::{Map, Value, json};

use crate::{
    body::{CallBody, object},
    call_input::json_object,
    form::Form,
    parameters::{MAX_WAIT_SECONDS, Query},
};

const MAX_TAG_BYTES: usize = 50;

/// What of a result is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    metadata: bool,
    metrics: bool,
}

/// What a call asks for.
pub(crate) struct UnstractCall {
    pub(crate) run: StartRun,
    pub(crate) wait: Duration,
    pub(crate) wanted: Wanted,
}

impl Wanted {
    /// By the parameters of an address.
    pub(crate) fn of(query: &Query) -> Result<Self, ApiError> {
        let flag = |name| query.once(name)?.map_or(Ok(false), |text| truth(name, text));
        let wanted =
            Self { metadata: flag("include_metadata")?, metrics: flag("include_metrics")? };
        refuse_extracted_text(flag("include_extracted_text")?)?;
        Ok(wanted)
    }
}

/// Reads a call: a form with files, or JSON, which brings none.
pub(crate) async fn parse(body: CallBody) -> Result<UnstractCall, ApiError> {
    let form = match body {
        CallBody::Form(form) => form,
        CallBody::Json(body) => {
            let fields = object::<Map<String, Value>>(body.any_json().await?)?;
            let text = |(name, value)| match value {
                Value::String(text) => (name, text),
                value @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Array(_)
                | Value::Object(_)) => (name, value.to_string()),
            };
            let fields = fields.into_iter().map(text).collect();
            Form { fields, files: Vec::new(), identity: actix_web::web::Bytes::new() }
        }
    };
    let mut call = Fields::default();
    for (name, text) in form.fields {
        call.read(name, text)?;
    }
    if form.files.is_empty() {
        let detail = "send at least one file, as a part named 'files'";
        return Err(ApiError::at(ErrorCode::MissingField, "/files", detail));
    }
    let run = StartRun {
        input: Value::Object(call.input),
        input_pointer: "",
        parameters: call.parameters,
        files: form.files,
        per_file: true,
    };
    Ok(UnstractCall { run, wait: call.wait, wanted: call.wanted })
}

#[derive(Default)]
struct Fields {
    wait: Duration,
    wanted: Wanted,
    parameters: Map<String, Value>,
    input: Map<String, Value>,
}

impl Fields {
    fn read(&mut self, name: String, text: String) -> Result<(), ApiError> {
        match name.as_str() {
            "timeout" => self.wait = wait(&text)?,
            "include_metadata" => self.wanted.metadata = truth(&name, &text)?,
            "include_metrics" => self.wanted.metrics = truth(&name, &text)?,
            "include_extracted_text" => refuse_extracted_text(truth(&name, &text)?)?,
            // Each call is carried out: there is no history that a result could be taken from.
            "use_file_history" => {
                truth(&name, &text)?;
            }
            "tags" => {
                self.parameters.insert(name, json!(tags(&text)?));
            }
            "custom_data" => {
                let data = json_object(&name, &text)?;
                self.parameters.insert(name, Value::Object(data));
            }
            "llm_profile_id" => {
                self.parameters.insert(name, Value::String(text));
            }
            "presigned_urls" => {
                return Err(refused(&name, "files are not fetched from addresses: send them"));
            }
            "hitl_queue_name" | "hitl_packet_id" => {
                return Err(refused(&name, "there are no queues for people to review results"));
            }
            _ => {
                self.input.insert(name, Value::String(text));
            }
        }
        Ok(())
    }
}

fn refused(name: &str, detail: &str) -> ApiError {
    ApiError::at(ErrorCode::UnknownField, format!("/{name}"), detail)
}

fn refuse_extracted_text(wanted: bool) -> Result<(), ApiError> {
    if wanted {
        let detail = "let the workflow put the text of its files out, where callers want it";
        return Err(refused("include_extracted_text", detail));
    }
    Ok(())
}

/// What is no positive number of seconds means that the call does not wait.
fn wait(text: &str) -> Result<Duration, ApiError> {
    match text.trim().parse::<i32>() {
        Ok(seconds @ -1..=0) => Ok(Duration::from_secs(u64::from(seconds.max(0).unsigned_abs()))),
        Ok(seconds) if u32::try_from(seconds).is_ok_and(|s| s <= MAX_WAIT_SECONDS) => {
            Ok(Duration::from_secs(u64::from(seconds.unsigned_abs())))
        }
        Ok(_) | Err(_) => {
            let detail = format!("must be from -1 to {MAX_WAIT_SECONDS} seconds");
            Err(ApiError::at(ErrorCode::InvalidValue, "/timeout", detail))
        }
    }
}

fn truth(name: &str, text: &str) -> Result<bool, ApiError> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "t" | "yes" | "on" => Ok(true),
        "false" | "0" | "f" | "no" | "off" | "" => Ok(false),
        _ => {
            let detail = format!("'{name}' must be true or false");
            Err(ApiError::at(ErrorCode::InvalidValue, format!("/{name}"), detail))
        }
    }
}

fn tags(text: &str) -> Result<Vec<String>, ApiError> {
    let tags: Vec<_> = text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect();
    let is_tag = |tag: &&str| {
        tag.len() <= MAX_TAG_BYTES
            && tag.starts_with(|c: char| c.is_ascii_alphabetic())
            && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    if tags.len() > 1 || !tags.iter().all(is_tag) {
        let detail = format!(
            "one tag of at most {MAX_TAG_BYTES} letters, digits, '_' or '-', which begins with a letter"
        );
        return Err(ApiError::at(ErrorCode::InvalidValue, "/tags", detail));
    }
    Ok(tags.into_iter().map(str::to_owned).collect())
}

/// How an execution reads that has the outcomes of its files, once it has ended.
pub(crate) fn status(
    execution: &Execution,
    files: Option<Vec<FileOutcome>>,
    organization: &str,
    wanted: Wanted,
) -> UnstractStatus {
    let item = |file| item(execution, file, organization, wanted);
    UnstractStatus {
        status: execution.state.status.as_str().into(),
        message: files.map(|files| files.into_iter().map(item).collect()),
        error: execution.failure.as_ref().map(|failure| failure.reason.clone()),
    }
}

fn item(execution: &Execution, file: FileOutcome, organization: &str, wanted: Wanted) -> Value {
    let usage = json!({
        "file_execution_id": file.file.id.to_string(),
        "embedding_tokens": 0,
        "prompt_tokens": file.tokens.prompt_tokens,
        "completion_tokens": file.tokens.completion_tokens,
        "cost_in_dollars": file.tokens.cost_micros as f64 / 1e6,
        "total_tokens": file.tokens.prompt_tokens.saturating_add(file.tokens.completion_tokens),
    });
    let told = [
        ("source_name", json!(file.file.name)),
        ("source_hash", json!(file.file.sha256)),
        ("workflow_id", json!(execution.workflow.to_string())),
        ("execution_id", json!(execution.id.to_string())),
        ("file_execution_id", json!(file.file.id.to_string())),
        ("organization_id", json!(organization)),
        ("total_elapsed_time", json!(file.seconds)),
    ];
    let mut metadata: Map<String, Value> =
        told.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    if wanted.metadata || wanted.metrics {
        metadata.insert("usage".into(), usage.clone());
    }
    let (status, result, error) = match file.outcome {
        Ok(output) => {
            let mut result = Map::from_iter([("output".to_owned(), output)]);
            if wanted.metadata {
                result.insert("metadata".into(), json!({ "usage": usage }));
            }
            if wanted.metrics {
                result.insert("metrics".into(), json!({ "total_elapsed_time": file.seconds }));
            }
            ("Success", Value::Object(result), Value::Null)
        }
        Err(reason) => ("Failed", Value::Null, Value::String(reason)),
    };
    json!({
        "file": file.file.name,
        "file_execution_id": file.file.id.to_string(),
        "status": status,
        "result": result,
        "error": error,
        "metadata": metadata,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truths_are_written_in_many_ways() {
        for (text, expected) in
            [("True", Some(true)), ("1", Some(true)), ("False", Some(false)), ("maybe", None)]
        {
            assert_eq!(truth("include_metadata", text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_call_waits_for_so_many_seconds_or_not_at_all() {
        for (text, expected) in [
            ("300", Some(300)),
            ("1", Some(1)),
            ("0", Some(0)),
            ("-1", Some(0)),
            ("301", None),
            ("-2", None),
            ("x", None),
        ] {
            assert_eq!(wait(text).ok().map(|wait| wait.as_secs()), expected, "{text}");
        }
    }

    #[test]
    fn one_tag_is_taken() {
        assert_eq!(tags("invoice-1").ok(), Some(vec!["invoice-1".to_owned()]));
        assert_eq!(tags("").ok(), Some(Vec::new()));
        for bad in ["a,b", "1a", "a b", &"a".repeat(51)] {
            assert!(tags(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_has_no_meaning_here_is_refused_and_what_is_unknown_is_input() {
        let read = |name: &str, text: &str| {
            let mut fields = Fields::default();
            fields.read(name.into(), text.into()).map(|()| fields)
        };
        for (name, text) in [
            ("presigned_urls", "https://a.s3.amazonaws.com/x"),
            ("hitl_queue_name", "q"),
            ("include_extracted_text", "True"),
            ("custom_data", "[]"),
        ] {
            assert!(read(name, text).is_err(), "{name}");
        }
        let fields = read("custom_data", "{\"a\": 1}").unwrap();
        assert_eq!(fields.parameters["custom_data"], json!({"a": 1}));
        assert_eq!(read("customer", "7").unwrap().input["customer"], json!("7"));
        assert!(read("use_file_history", "true").unwrap().input.is_empty());
    }
}
