//! Takes a run through its steps: once, over all that came with it.

use std::time::Duration;

use access_domain::TokenUsage;
use deployments_domain::{ClaimedRun, Definition, Failure, FailureCode, RunEnd, StepRecord};
use tokio::time::Instant;

use crate::{
    secrets::Secrets,
    steps::{Item, Journal, Pass, Passed, step_failed},
    tools::Tools,
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
    journal: &dyn Journal,
    max_result_bytes: usize,
) -> Carried {
    let Ok(definition) = Definition::parse(&run.definition, "") else {
        return Carried::failed(step_failed(None, "the saved definition cannot be read"));
    };
    let secrets = Secrets::new(tools.secrets.clone(), run.organization);
    let deadline = Instant::now() + Duration::from_secs(run.timeout_seconds.into());
    let pass = Pass { run, definition: &definition, tools, secrets: &secrets, journal, deadline };
    let item = Item { number: 0, input: &run.input, files: &[] };
    let Passed { result, unsaved, tokens } = pass.carry(item, saved).await;
    let end = match result {
        Ok(result) if result.bytes > max_result_bytes => {
            RunEnd::Failure(too_large(max_result_bytes))
        }
        Ok(result) => RunEnd::Result(result.value),
        Err(failure) => RunEnd::Failure(failure),
    };
    Carried { end, steps: unsaved, tokens }
}

fn too_large(max_result_bytes: usize) -> Failure {
    Failure {
        code: FailureCode::ResultTooLarge,
        step: None,
        reason: format!("the result is larger than {max_result_bytes} bytes"),
    }
}
