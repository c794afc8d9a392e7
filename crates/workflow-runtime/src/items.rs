//! Takes a run through its steps: once over all that came with it, or once for each of its files, or
//! of its source's records.

use std::time::Duration;

use access_domain::TokenUsage;
use deployments_domain::{
    ClaimedRun, Definition, Failure, FailureCode, FileOutcome, RunEnd, RunFile, StepRecord,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    etl::{Etl, EtlPorts},
    sandbox::FilterOutput,
    secrets::Secrets,
    steps::{Item, Journal, Pass, Passed, by_item, step_failed},
    tools::{Tools, json_bytes},
};

/// How a run ended.
pub(crate) struct Carried {
    pub(crate) end: RunEnd,
    /// The steps that are not saved yet.
    pub(crate) steps: Vec<StepRecord>,
    /// What models read and wrote for it, in earlier attempts too.
    pub(crate) tokens: TokenUsage,
}

impl Carried {
    pub(crate) fn failed(failure: Failure) -> Self {
        Self { end: RunEnd::Failure(failure), steps: Vec::new(), tokens: TokenUsage::default() }
    }
}

/// Carries out a run, from where an earlier attempt has left off.
pub(crate) async fn carry_out(
    run: &ClaimedRun,
    saved: Vec<StepRecord>,
    tools: &Tools,
    etl: Option<&EtlPorts>,
    journal: &dyn Journal,
    max_result_bytes: usize,
) -> Carried {
    let Ok(definition) = Definition::parse(&run.definition, "") else {
        return Carried::failed(step_failed(None, "the saved definition cannot be read"));
    };
    let secrets = Secrets::new(tools.secrets.clone(), run.organization);
    let deadline = Instant::now() + Duration::from_secs(run.timeout_seconds.into());
    let pass = Pass { run, definition: &definition, tools, secrets: &secrets, journal, deadline };
    if let (Some(source), Some(destination)) = (&definition.source, &definition.destination) {
        let Some(ports) = etl else {
            return Carried::failed(step_failed(None, "this server runs no ETL workflows"));
        };
        let (result, tokens) = Etl { pass, source, destination, ports }.carry_out(saved).await;
        let end = result.map_or_else(RunEnd::Failure, RunEnd::Result);
        return Carried { end, steps: Vec::new(), tokens };
    }
    let Passed { result, unsaved, tokens } =
        if run.per_file { each_file(&pass, saved).await } else { all_at_once(&pass, saved).await };
    let end = match result {
        Ok(result) if result.bytes > max_result_bytes => {
            RunEnd::Failure(too_large(max_result_bytes))
        }
        Ok(result) => RunEnd::Result(result.value),
        Err(failure) => RunEnd::Failure(failure),
    };
    Carried { end, steps: unsaved, tokens }
}

async fn all_at_once(pass: &Pass<'_>, saved: Vec<StepRecord>) -> Passed {
    let run = pass.run;
    let files: Vec<Value> = run.files.iter().map(told).collect();
    let item = Item { number: 0, input: &run.input, files: &files, uploads: &run.files };
    pass.carry(item, saved).await
}

/// One file after the other. What goes wrong with one is told in its place; only what ends the run's
/// time ends them all, and a run of which no file succeeded has failed.
async fn each_file(pass: &Pass<'_>, saved: Vec<StepRecord>) -> Passed {
    let mut saved = by_item(saved);
    let (mut items, mut unsaved, mut tokens) = (Vec::new(), Vec::new(), TokenUsage::default());
    let mut first_failure = None;
    for (number, file) in (0..).zip(&pass.run.files) {
        let files = [told(file)];
        let uploads = std::slice::from_ref(file);
        let item = Item { number, input: &pass.run.input, files: &files, uploads };
        let passed = pass.carry(item, saved.remove(&number).unwrap_or_default()).await;
        tokens = tokens.plus(passed.tokens);
        unsaved.extend(passed.unsaved);
        let outcome = match passed.result {
            Ok(output) => Ok(output.value),
            Err(failure) if failure.code == FailureCode::TimedOut => {
                return Passed { result: Err(failure), unsaved, tokens };
            }
            Err(failure) => {
                let reason = reason(&failure);
                first_failure.get_or_insert((file, failure));
                Err(reason)
            }
        };
        items.push(FileOutcome::item(file, &outcome));
        // A file that is done is not done again, whatever becomes of this worker.
        if !unsaved.is_empty() {
            pass.journal.save(std::mem::take(&mut unsaved)).await;
        }
    }
    let succeeded = items.iter().any(|item| item.get("error").is_some_and(Value::is_null));
    let result = match first_failure {
        Some((file, failure)) if !succeeded => Err(all_failed(file, failure, items.len())),
        Some(_) | None => {
            let value = Value::Array(items);
            Ok(FilterOutput { bytes: json_bytes(&value), value })
        }
    };
    Passed { result, unsaved, tokens }
}

/// A file, as filters and templates see it.
fn told(file: &RunFile) -> Value {
    json!({
        "name": file.name,
        "media_type": file.media_type,
        "size": file.size,
        "sha256": file.sha256,
    })
}

fn reason(failure: &Failure) -> String {
    match &failure.step {
        Some(step) => format!("step '{step}' failed: {}", failure.reason),
        None => failure.reason.clone(),
    }
}

fn all_failed(file: &RunFile, failure: Failure, files: usize) -> Failure {
    let reason = match files {
        1 => format!("{}: {}", file.name, failure.reason),
        many => {
            format!("none of {many} files succeeded; {}: {}", file.name, failure.reason)
        }
    };
    Failure { code: failure.code, ..step_failed(failure.step.as_deref(), reason) }
}

fn too_large(max_result_bytes: usize) -> Failure {
    Failure {
        code: FailureCode::ResultTooLarge,
        step: None,
        reason: format!("the result is larger than {max_result_bytes} bytes"),
    }
}

#[cfg(test)]
mod tests;
