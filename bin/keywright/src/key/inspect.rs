//! `keywright key inspect`: what a key tells of itself.

use std::{
    io::{IsTerminal as _, Read as _, Write as _},
    process::ExitCode,
};

use keys_core::{Fingerprint, Form, KeyPrefix, NotOurs};
use serde::Serialize;

use super::{kind, name};
use crate::{arguments::Output, failure::Failure};

/// More than any key has; the rest need not be read to know that it is none.
const MAX_BYTES: u64 = 4096;

/// What is told of a text. Nothing that it does not have.
#[derive(Serialize, Default)]
struct Inspection {
    is_key: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    form: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum_holds: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

/// Reads a key and tells what it is.
pub(super) fn run(output: Output) -> Result<ExitCode, Failure> {
    let text = read().map_err(|error| {
        Failure::Failed(format!("the key cannot be read from standard input: {error}"))
    })?;
    let (inspection, fault) = inspect(&text);
    if output.json {
        let json = serde_json::to_string(&inspection).map_err(|error| Failure::failed(&error))?;
        println!("{json}");
    } else if fault.is_none() {
        print(&inspection);
    }
    fault.map_or(Ok(ExitCode::SUCCESS), |fault| Err(Failure::Failed(fault.into())))
}

/// The text without the white space around it, which comes with pasting.
fn read() -> std::io::Result<String> {
    let input = std::io::stdin();
    if input.is_terminal() {
        writeln!(std::io::stderr(), "Type or paste the key, then Enter and Ctrl-D:")?;
    }
    let mut bytes = Vec::new();
    input.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

fn inspect(text: &str) -> (Inspection, Option<&'static str>) {
    let label = KeyPrefix::of_key(text);
    let form = match Form::read(text) {
        Ok(form) => form,
        Err(NotOurs::Mistyped) => {
            let inspection =
                Inspection { checksum_holds: Some(false), ..shaped(Form::Checksummed) };
            let fault = "the checksum does not hold: this is an organization key that was mistyped or cut, and it never worked";
            return (labelled(inspection, label), Some(fault));
        }
        Err(NotOurs::Foreign) => {
            let fault = if text.is_empty() {
                "there is nothing on standard input"
            } else {
                "this is no key: it has none of the forms of Keywright's keys"
            };
            return (Inspection::default(), Some(fault));
        }
    };
    let inspection = Inspection {
        is_key: true,
        checksum_holds: (form == Form::Checksummed).then_some(true),
        fingerprint: Some(Fingerprint::of(text).as_str().to_owned()),
        hint: Some(form.hint(text)),
        note: note(form),
        ..shaped(form)
    };
    (if form == Form::Checksummed { labelled(inspection, label) } else { inspection }, None)
}

fn shaped(form: Form) -> Inspection {
    Inspection { kind: Some(kind(form)), form: Some(name(form)), ..Inspection::default() }
}

fn labelled(
    inspection: Inspection,
    label: Option<(KeyPrefix, keys_core::KeyEnvironment)>,
) -> Inspection {
    let Some((prefix, environment)) = label else { return inspection };
    Inspection {
        prefix: Some(prefix.as_str().to_owned()),
        environment: Some(environment.as_str()),
        ..inspection
    }
}

/// What the form alone does not settle.
fn note(form: Form) -> Option<&'static str> {
    match form {
        Form::Uuid => Some("any UUIDv4 looks so; 'key scan --online' tells whether this is a key"),
        Form::PrefixSecret => Some("keys of djangorestframework-api-key look so, too"),
        Form::Token | Form::PrefixedUuid | Form::Checksummed => None,
    }
}

fn print(inspection: &Inspection) {
    let kind = inspection.kind.map(|kind| format!("{kind} key"));
    let checksum = inspection.checksum_holds.map(|_| "holds".to_owned());
    let rows = [
        ("kind", kind),
        ("form", inspection.form.map(str::to_owned)),
        ("prefix", inspection.prefix.clone()),
        ("environment", inspection.environment.map(str::to_owned)),
        ("checksum", checksum),
        ("fingerprint", inspection.fingerprint.clone()),
        ("hint", inspection.hint.clone()),
        ("note", inspection.note.map(str::to_owned)),
    ];
    for (name, value) in rows {
        if let Some(value) = value {
            println!("{name:11}  {value}");
        }
    }
}
