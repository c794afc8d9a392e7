//! The terms of a deployment as fields of a form, the same for a new one and for one that is changed.

use deployments_domain::{Deployment, DeploymentEdit};
use keys_core::RateLimit;
use serde_json::Value;

use crate::{
    pages::reading::{Reading, whole_number},
    parts::{Field, Filled, bytes},
};

/// What it is called.
pub(super) fn names() -> Vec<Field> {
    vec![
        Field::text("api_name", "API name")
            .hint("For programs: 1 to 30 letters, digits, “_” or “-”, once in the organization.")
            .required(),
        Field::text("display_name", "Display name").hint("For people. Without one, the API name."),
        Field::area("description", "Description", 2),
    ]
}

/// A size, told as people read it.
fn size(name: &str, label: &str, filled: &Filled) -> Field {
    let field = Field::number(name, label).required();
    let size = whole_number(filled.value(name).trim());
    match size {
        Some(size) => field.hint(bytes(size.into())),
        None => field,
    }
}

/// On which terms it is called, in a form in which `filled` stands.
pub(super) fn terms(filled: &Filled) -> Vec<Field> {
    vec![
        Field::number("rate_limit_per_minute", "Requests a minute")
            .hint("By all of its keys together. Empty: no limit."),
        Field::number("max_concurrent", "Unfinished executions at once").hint("Empty: no bound."),
        Field::number("timeout_seconds", "Longest execution, in seconds")
            .hint("1 to 3600.")
            .required(),
        size("max_body_bytes", "Largest body, in bytes", filled),
        size("max_file_bytes", "Largest file, in bytes", filled),
        Field::area("ip_allowlist", "Allowed networks", 3)
            .hint("One in a line, as 192.0.2.7 or 10.0.0.0/8. Empty: from anywhere."),
        Field::code("input_schema", "Input schema", 6)
            .hint("A JSON Schema (2020-12) that every input must obey. Empty: any input."),
        Field::code("default_parameters", "Default parameters", 3)
            .hint("A JSON object: parameters of every execution, under those that a call brings."),
        Field::tick("shared_results", "Every key sees the executions of all keys")
            .hint("Otherwise each key sees those that it started."),
    ]
}

/// What stands in those fields for `edit`.
pub(super) fn filled(edit: &DeploymentEdit) -> Filled {
    let number = |number: Option<u32>| number.map(|one| one.to_string()).unwrap_or_default();
    let json = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let parameters = edit.default_parameters.clone().filter(|members| !members.is_empty());
    let schema = edit.input_schema.clone().flatten();
    Filled::blank()
        .with("api_name", edit.api_name.clone().unwrap_or_default())
        .with("display_name", edit.display_name.clone().unwrap_or_default())
        .with("description", edit.description.clone().unwrap_or_default())
        .with("rate_limit_per_minute", number(edit.rate_limit_per_minute.flatten()))
        .with("max_concurrent", number(edit.max_concurrent.flatten()))
        .with("timeout_seconds", number(edit.timeout_seconds))
        .with("max_body_bytes", number(edit.max_body_bytes))
        .with("max_file_bytes", number(edit.max_file_bytes))
        .with("ip_allowlist", edit.ip_allowlist.clone().unwrap_or_default().join("\n"))
        .with("input_schema", schema.map(|schema| json(&schema)).unwrap_or_default())
        .with("default_parameters", parameters.map(|all| json(&all.into())).unwrap_or_default())
        .with_tick("shared_results", edit.shared_results.unwrap_or_default())
}

/// The edit that would make `deployment` what it is.
pub(super) fn of(deployment: &Deployment) -> DeploymentEdit {
    let deployment = deployment.clone();
    DeploymentEdit {
        api_name: Some(deployment.api_name),
        display_name: Some(deployment.display_name),
        description: Some(deployment.description),
        default_parameters: Some(deployment.default_parameters),
        timeout_seconds: Some(deployment.timeout_seconds),
        max_concurrent: Some(deployment.max_concurrent),
        shared_results: Some(deployment.shared_results),
        rate_limit_per_minute: Some(deployment.rate_limit.map(RateLimit::calls)),
        ip_allowlist: Some(deployment.allowlist.iter().map(ToString::to_string).collect()),
        max_body_bytes: Some(deployment.max_body_bytes),
        max_file_bytes: Some(deployment.max_file_bytes),
        input_schema: Some(deployment.input_schema),
        ..DeploymentEdit::default()
    }
}

/// What was typed. Its workflow and whether it is active are not among it.
pub(super) fn read(reading: &mut Reading<'_>, typed: &crate::typed::Typed) -> DeploymentEdit {
    DeploymentEdit {
        api_name: Some(reading.text("api_name")),
        display_name: Some(reading.text("display_name")),
        description: Some(reading.text("description")),
        rate_limit_per_minute: Some(reading.number("rate_limit_per_minute")),
        max_concurrent: Some(reading.number("max_concurrent")),
        timeout_seconds: reading.required_number("timeout_seconds"),
        max_body_bytes: reading.required_number("max_body_bytes"),
        max_file_bytes: reading.required_number("max_file_bytes"),
        ip_allowlist: Some(reading.list("ip_allowlist")),
        input_schema: Some(reading.json("input_schema")),
        default_parameters: Some(reading.object("default_parameters")),
        shared_results: Some(typed.is_ticked("shared_results")),
        ..DeploymentEdit::default()
    }
}
