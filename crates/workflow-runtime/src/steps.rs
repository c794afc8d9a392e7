//! Takes one run through its steps. Knows neither storage nor leases; filters go to whoever runs
//! them, and nothing that a run does here can be seen from outside before it ends.

use std::{collections::BTreeMap, io, pin::Pin};

use access_domain::{Clock, TokenUsage};
use deployments_domain::{
    ClaimedRun, Definition, Failure, FailureCode, RunEnd, Step, StepRecord, StepState, Tool,
};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::sandbox::{FilterOutput, Sandbox, SandboxError};

/// What the outputs of all steps may take together: they stay in memory until the run ends.
const MAX_OUTPUTS_BYTES: usize = 64 << 20;

/// Whoever runs filters.
pub(crate) trait Filters: Send + Sync {
    /// Runs a filter. Ends by the deadline; dropping the future ends the filter.
    fn run<'a>(
        &'a self,
        filter: &'a str,
        data: &'a StepData<'a>,
        deadline: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<FilterOutput, SandboxError>> + Send + 'a>>;
}

impl Filters for Sandbox {
    fn run<'a>(
        &'a self,
        filter: &'a str,
        data: &'a StepData<'a>,
        deadline: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<FilterOutput, SandboxError>> + Send + 'a>> {
        Box::pin(self.run_until(filter, data, deadline))
    }
}

/// What a filter runs over.
#[derive(Serialize)]
pub(crate) struct StepData<'a> {
    input: &'a Value,
    parameters: &'a Map<String, Value>,
    files: [(); 0],
    steps: BTreeMap<&'a str, StepOutput<'a>>,
}

#[derive(Serialize)]
struct StepOutput<'a> {
    output: &'a Value,
}

/// How a run ended, and the steps that it took until then, a failed one included.
pub(crate) struct Carried {
    pub(crate) end: RunEnd,
    pub(crate) steps: Vec<StepRecord>,
}

/// What a run is carried out with.
pub(crate) struct Tools<'a> {
    pub(crate) filters: &'a dyn Filters,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) max_result_bytes: usize,
    pub(crate) deadline: Instant,
}

/// Carries out a run. A definition without filters never reaches the sandbox.
pub(crate) async fn carry_out(run: &ClaimedRun, tools: &Tools<'_>) -> Carried {
    let mut steps = Vec::new();
    let end = match Definition::parse(&run.definition, "") {
        Ok(definition) => result(run, &definition, tools, &mut steps).await,
        Err(_) => Err(step_failed(None, "the saved definition cannot be read")),
    };
    Carried { end: end.map_or_else(RunEnd::Failure, RunEnd::Result), steps }
}

async fn result(
    run: &ClaimedRun,
    definition: &Definition,
    tools: &Tools<'_>,
    records: &mut Vec<StepRecord>,
) -> Result<Value, Failure> {
    let input_bytes = json_bytes(&run.input);
    let (mut last_bytes, mut all_bytes) = (input_bytes, 0_usize);
    for step in &definition.steps {
        let started_at = tools.clock.now();
        let mut output = carry_out_step(run, step, tools, records, last_bytes).await;
        if let Ok(output) = &output {
            last_bytes = output.bytes;
            all_bytes = all_bytes.saturating_add(last_bytes);
        }
        if all_bytes > MAX_OUTPUTS_BYTES {
            let reason = format!("the steps put out more than {MAX_OUTPUTS_BYTES} bytes together");
            output = Err(step_failed(Some(&step.id), reason));
        }
        let (outcome, failure) = match output {
            Ok(output) => (Ok(output.value), None),
            Err(failure) => (Err(failure.reason.clone()), Some(failure)),
        };
        records.push(StepRecord {
            item: 0,
            position: i32::try_from(records.len()).unwrap_or(i32::MAX),
            id: step.id.clone(),
            started_at,
            finished_at: Some(tools.clock.now()),
            state: outcome.map_or_else(StepState::Failed, StepState::Succeeded),
            tokens: TokenUsage::default(),
            log: Vec::new(),
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
    }
    let result = match &definition.output {
        Some(filter) => run_filter(run, None, filter, tools, records).await?,
        None => FilterOutput { value: last(run, records).clone(), bytes: last_bytes },
    };
    if result.bytes > tools.max_result_bytes {
        return Err(Failure {
            code: FailureCode::ResultTooLarge,
            step: None,
            reason: format!("the result is larger than {} bytes", tools.max_result_bytes),
        });
    }
    Ok(result.value)
}

async fn carry_out_step(
    run: &ClaimedRun,
    step: &Step,
    tools: &Tools<'_>,
    records: &[StepRecord],
    last_bytes: usize,
) -> Result<FilterOutput, Failure> {
    match &step.tool {
        Tool::Passthrough => {
            Ok(FilterOutput { value: last(run, records).clone(), bytes: last_bytes })
        }
        Tool::Transform { filter } => run_filter(run, Some(&step.id), filter, tools, records).await,
        Tool::Template { .. }
        | Tool::HttpRequest(_)
        | Tool::Llm(_)
        | Tool::ExtractText
        | Tool::Validate { .. }
        | Tool::Delay { .. } => Err(step_failed(Some(&step.id), "no such tool yet")),
    }
}

async fn run_filter(
    run: &ClaimedRun,
    step: Option<&str>,
    filter: &str,
    tools: &Tools<'_>,
    records: &[StepRecord],
) -> Result<FilterOutput, Failure> {
    let outputs = records.iter().filter_map(|record| {
        let output = record.state.output()?;
        Some((record.id.as_str(), StepOutput { output }))
    });
    let data = StepData {
        input: &run.input,
        parameters: &run.parameters,
        files: [],
        steps: outputs.collect(),
    };
    let output = tools.filters.run(filter, &data, tools.deadline).await;
    output.map_err(|error| match error {
        // Its filter may only use what is left of the run's time.
        SandboxError::TimedOut | SandboxError::Busy => timed_out(run, step),
        SandboxError::Unavailable(_) => {
            tracing::error!(
                execution_id = %run.id,
                attempt = run.state.attempt,
                error = &error as &dyn std::error::Error,
                "the sandbox failed"
            );
            step_failed(step, error.to_string())
        }
        SandboxError::Died | SandboxError::Refused(_) => step_failed(step, error.to_string()),
    })
}

/// The output of the step before, or the run's input.
fn last<'a>(run: &'a ClaimedRun, records: &'a [StepRecord]) -> &'a Value {
    records.last().and_then(|record| record.state.output()).unwrap_or(&run.input)
}

fn timed_out(run: &ClaimedRun, step: Option<&str>) -> Failure {
    Failure {
        code: FailureCode::TimedOut,
        step: step.map(str::to_owned),
        reason: format!("the execution did not finish within {} seconds", run.timeout_seconds),
    }
}

pub(crate) fn step_failed(step: Option<&str>, reason: impl Into<String>) -> Failure {
    Failure { code: FailureCode::StepFailed, step: step.map(str::to_owned), reason: reason.into() }
}

/// The size of a value as JSON, which is written for that and kept nowhere.
fn json_bytes(value: &Value) -> usize {
    struct Counter(usize);
    impl io::Write for Counter {
        fn write(&mut self, part: &[u8]) -> io::Result<usize> {
            self.0 = self.0.saturating_add(part.len());
            Ok(part.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // A `Value` always serialises; if not, it is too large for anything.
    serde_json::to_writer(&mut counter, value).map_or(usize::MAX, |()| counter.0)
}

#[cfg(test)]
mod tests {
    use deployments_domain::{RunState, Status, Trigger};
    use keys_core::{Entropy, Id, Timestamp};
    use serde_json::json;

    use super::*;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
    }

    impl Entropy for Still {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    /// Puts out what it was given, or fails with the text after `fail`.
    struct Mirror;

    impl Filters for Mirror {
        fn run<'a>(
            &'a self,
            filter: &'a str,
            data: &'a StepData<'a>,
            _: Instant,
        ) -> Pin<Box<dyn Future<Output = Result<FilterOutput, SandboxError>> + Send + 'a>> {
            let output = match filter.strip_prefix("fail ") {
                Some(message) => Err(SandboxError::Refused(message.into())),
                None => {
                    let value = serde_json::to_value(data).unwrap();
                    Ok(FilterOutput { bytes: json_bytes(&value), value })
                }
            };
            Box::pin(std::future::ready(output))
        }
    }

    async fn carried(definition: Value, max_result_bytes: usize) -> Carried {
        let run = ClaimedRun {
            id: Id::generate(Still.now(), &Still),
            state: RunState { status: Status::Executing, attempt: 1 },
            organization: Id::generate(Still.now(), &Still),
            trigger: Trigger::Schedule,
            started_at: Still.now(),
            lost: 0,
            definition,
            input: json!({"a": 1}),
            parameters: [("unit".to_owned(), json!("EUR"))].into_iter().collect(),
            files: Vec::new(),
            per_file: false,
            timeout_seconds: 10,
            trace: None,
        };
        let deadline = Instant::now() + std::time::Duration::from_secs(10);
        let tools = Tools { filters: &Mirror, clock: &Still, max_result_bytes, deadline };
        carry_out(&run, &tools).await
    }

    fn steps() -> Value {
        json!([
            {"id": "taken", "tool": "passthrough"},
            {"id": "shape", "tool": "transform", "filter": "."},
            {"id": "on", "tool": "passthrough"}
        ])
    }

    #[tokio::test]
    async fn each_step_sees_the_outputs_of_those_before() {
        let carried = carried(json!({ "steps": steps() }), 1_000).await;
        let shaped = json!({
            "input": {"a": 1},
            "parameters": {"unit": "EUR"},
            "files": [],
            "steps": {"taken": {"output": {"a": 1}}}
        });
        assert_eq!(carried.end, RunEnd::Result(shaped.clone()));
        let outputs: Vec<_> = carried.steps.into_iter().map(|step| step.state).collect();
        let expected = [json!({"a": 1}), shaped.clone(), shaped].map(StepState::Succeeded);
        assert_eq!(outputs, expected);
    }

    #[tokio::test]
    async fn the_output_filter_shapes_the_result() {
        let carried = carried(json!({"steps": steps(), "output": "."}), 1_000).await;
        let RunEnd::Result(result) = carried.end else { panic!("{:?}", carried.end) };
        assert_eq!(result["steps"].as_object().map(Map::len), Some(3));
    }

    #[tokio::test]
    async fn a_run_ends_with_the_step_that_fails() {
        let steps = json!([
            {"id": "taken", "tool": "passthrough"},
            {"id": "shape", "tool": "transform", "filter": "fail no"},
            {"id": "on", "tool": "passthrough"}
        ]);
        let carried = carried(json!({ "steps": steps }), 1_000).await;
        assert_eq!(carried.end, RunEnd::Failure(step_failed(Some("shape"), "no")));
        let outcomes: Vec<_> =
            carried.steps.into_iter().map(|step| (step.position, step.state)).collect();
        let expected =
            [(0, StepState::Succeeded(json!({"a": 1}))), (1, StepState::Failed("no".into()))];
        assert_eq!(outcomes, expected);
    }

    #[tokio::test]
    async fn a_failing_output_filter_is_no_steps_fault() {
        let carried = carried(json!({"steps": steps(), "output": "fail no"}), 1_000).await;
        assert_eq!(carried.end, RunEnd::Failure(step_failed(None, "no")));
        assert_eq!(carried.steps.len(), 3);
    }

    #[tokio::test]
    async fn a_result_has_a_largest_size() {
        let passthrough = json!({"steps": [{"id": "a", "tool": "passthrough"}]});
        let fits = carried(passthrough.clone(), r#"{"a":1}"#.len()).await;
        assert_eq!(fits.end, RunEnd::Result(json!({"a": 1})));
        let RunEnd::Failure(failure) = carried(passthrough, 6).await.end else { panic!() };
        assert_eq!((failure.code, failure.step), (FailureCode::ResultTooLarge, None));
    }

    #[tokio::test]
    async fn a_damaged_definition_fails_the_run() {
        let carried = carried(json!({"steps": []}), 1_000).await;
        let failure = step_failed(None, "the saved definition cannot be read");
        assert_eq!(carried.end, RunEnd::Failure(failure));
    }
}
