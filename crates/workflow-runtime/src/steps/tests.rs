//! Runs of one item, over filters that do as they are told, in paused time.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use access_domain::{Clock, Fault, Models, OrganizationId, SecretValues, StoreError};
use deployments_domain::{RunEnd, RunState, Status, Trigger};
use keys_core::{Secret, Timestamp};
use outbound::{HttpClient, NetworkPolicy};
use serde_json::{Map, json};
use uuid::Uuid;

use super::*;
use crate::{
    items::{Carried, carry_out},
    sandbox::SandboxError,
    tools::Confined,
};

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

/// `.` puts out what it was given, `fail X` fails with X, anything else puts itself out as JSON, or as
/// a string where it is none. `flaky` fails twice, in a way that may pass, and then puts itself out.
#[derive(Default)]
struct Mirror {
    flaky: AtomicU32,
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, SandboxError>> + Send + 'a>>;

impl Confined for Mirror {
    fn filter<'a>(
        &'a self,
        filter: &'a str,
        data: &'a StepData<'a>,
        _: Instant,
    ) -> Answer<'a, FilterOutput> {
        if filter == "hang" {
            return Box::pin(std::future::pending());
        }
        let away = SandboxError::Unavailable(std::io::ErrorKind::OutOfMemory.into());
        let output = match (filter, filter.strip_prefix("fail ")) {
            (_, Some(message)) => Err(SandboxError::Refused(message.into())),
            ("flaky", _) if self.flaky.fetch_add(1, Ordering::SeqCst) < 2 => Err(away),
            (".", _) => Ok(serde_json::to_value(data).unwrap()),
            (other, _) => Ok(serde_json::from_str(other).unwrap_or_else(|_| json!(other))),
        };
        let output = output.map(|value| FilterOutput { bytes: json_bytes(&value), value });
        Box::pin(std::future::ready(output))
    }

    /// A schema is what a value must be.
    fn hold_against<'a>(
        &'a self,
        schema: &'a Value,
        value: &'a Value,
        _: Instant,
    ) -> Answer<'a, Vec<Fault>> {
        let faults =
            if schema == value { Vec::new() } else { vec![Fault::invalid("/a", "is another")] };
        Box::pin(std::future::ready(Ok(faults)))
    }

    fn max_document_bytes(&self) -> usize {
        0
    }

    fn text_of<'a>(
        &'a self,
        _: crate::sandbox::DocumentFormat,
        _: &'a [u8],
        _: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<String, crate::sandbox::DocumentError>> + Send + 'a>>
    {
        unreachable!("no text is extracted")
    }
}

struct OneSecret;

impl SecretValues for OneSecret {
    fn reveal(
        &self,
        _: OrganizationId,
        names: &[String],
    ) -> Result<Vec<(String, Secret)>, StoreError> {
        let known = names.iter().filter(|name| *name == "TOKEN");
        Ok(known.map(|name| (name.clone(), Secret::new("hunter22".into()))).collect())
    }
}

/// What was saved, in the order in which it was.
#[derive(Default)]
struct Notebook(Mutex<Vec<Vec<StepRecord>>>);

impl Journal for Notebook {
    fn save(&self, steps: Vec<StepRecord>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.lock().unwrap().push(steps);
        Box::pin(std::future::ready(()))
    }
}

struct Bench {
    notebook: Notebook,
    saved: Vec<StepRecord>,
    max_result_bytes: usize,
    timeout_seconds: u32,
}

impl Bench {
    fn new() -> Self {
        Self {
            notebook: Notebook::default(),
            saved: Vec::new(),
            max_result_bytes: 10_000,
            timeout_seconds: 10,
        }
    }

    async fn carried(&self, definition: Value) -> Carried {
        let run = ClaimedRun {
            id: Uuid::from_u128(1).into(),
            state: RunState { status: Status::Executing, attempt: 1 },
            organization: Uuid::from_u128(2).into(),
            trigger: Trigger::Schedule,
            started_at: Still.now(),
            lost: 0,
            definition,
            input: json!({"a": 1}),
            parameters: Map::from_iter([("unit".to_owned(), json!("EUR"))]),
            files: Vec::new(),
            per_file: false,
            timeout_seconds: self.timeout_seconds,
            trace: None,
        };
        let tools = Tools {
            confined: Arc::new(Mirror::default()),
            http: HttpClient::new(NetworkPolicy::guarded(Vec::new())),
            models: Arc::new(Models::built_in(&BTreeMap::new()).unwrap()),
            secrets: Arc::new(OneSecret),
            clock: Arc::new(Still),
            files: Arc::new(crate::DirectoryFiles::new(std::path::PathBuf::new(), 0)),
        };
        carry_out(&run, self.saved.clone(), &tools, None, &self.notebook, self.max_result_bytes)
            .await
    }

    /// How often something was saved before the end.
    fn saves(&self) -> usize {
        self.notebook.0.lock().unwrap().len()
    }
}

async fn carried(steps: Value) -> Carried {
    Bench::new().carried(json!({ "steps": steps })).await
}

#[track_caller]
fn result(carried: &Carried) -> &Value {
    let RunEnd::Result(result) = &carried.end else { panic!("{:?}", carried.end) };
    result
}

#[track_caller]
fn failure(carried: &Carried) -> (FailureCode, Option<&str>, &str) {
    let RunEnd::Failure(failure) = &carried.end else { panic!("{:?}", carried.end) };
    (failure.code, failure.step.as_deref(), &failure.reason)
}

fn states(carried: &Carried) -> Vec<StepState> {
    carried.steps.iter().map(|step| step.state.clone()).collect()
}

#[tokio::test]
async fn each_step_sees_the_outputs_of_those_before() {
    let carried = carried(json!([
        {"id": "taken", "tool": "passthrough"},
        {"id": "shape", "tool": "transform", "filter": "."},
        {"id": "on", "tool": "passthrough"}
    ]))
    .await;
    let shaped = json!({
        "input": {"a": 1},
        "parameters": {"unit": "EUR"},
        "files": [],
        "steps": {"taken": {"output": {"a": 1}}}
    });
    assert_eq!(*result(&carried), shaped);
    let expected = [json!({"a": 1}), shaped.clone(), shaped].map(StepState::Succeeded);
    assert_eq!(states(&carried), expected);
}

#[tokio::test]
async fn the_output_filter_shapes_the_result() {
    let steps = json!([{"id": "taken", "tool": "passthrough"}]);
    let shaped = Bench::new().carried(json!({"steps": steps, "output": "."})).await;
    assert_eq!(result(&shaped)["steps"]["taken"]["output"], json!({"a": 1}));
    let failed = Bench::new().carried(json!({"steps": steps, "output": "fail no"})).await;
    assert_eq!(failure(&failed), (FailureCode::StepFailed, None, "no"));
    assert_eq!(failed.steps.len(), 1);
}

#[tokio::test]
async fn a_run_ends_with_the_step_that_fails() {
    let carried = carried(json!([
        {"id": "taken", "tool": "passthrough"},
        {"id": "shape", "tool": "transform", "filter": "fail no"},
        {"id": "on", "tool": "passthrough"}
    ]))
    .await;
    assert_eq!(failure(&carried), (FailureCode::StepFailed, Some("shape"), "no"));
    let expected = [StepState::Succeeded(json!({"a": 1})), StepState::Failed("no".into())];
    assert_eq!(states(&carried), expected);
}

#[tokio::test]
async fn a_step_may_fail_without_ending_the_run() {
    let carried = carried(json!([
        {"id": "shape", "tool": "transform", "filter": "fail no", "on_error": "continue"},
        {"id": "say", "tool": "template", "template": "{{ steps.shape.output }}, {{ steps.shape.error }}, {{ input.a }}"}
    ]))
    .await;
    assert_eq!(*result(&carried), json!("None, no, 1"));
}

#[tokio::test]
async fn a_step_is_skipped_unless_its_condition_is_true() {
    let carried = carried(json!([
        {"id": "never", "tool": "transform", "filter": "2", "when": "false"},
        {"id": "odd", "tool": "transform", "filter": "3", "when": "1"},
        {"id": "due", "tool": "transform", "filter": "4", "when": "true"},
        {"id": "last", "tool": "passthrough", "when": "false"}
    ]))
    .await;
    assert_eq!(*result(&carried), json!(4));
    let skipped = StepState::Skipped;
    let expected = [skipped.clone(), skipped.clone(), StepState::Succeeded(json!(4)), skipped];
    assert_eq!(states(&carried), expected);
}

#[tokio::test(start_paused = true)]
async fn a_step_is_tried_again_after_longer_and_longer_pauses() {
    let flaky = |attempts: u32| {
        let retry = json!({"attempts": attempts, "delay_seconds": 1});
        json!([{"id": "shape", "tool": "transform", "filter": "flaky", "retry": retry}])
    };
    let begun = Instant::now();
    let done = carried(flaky(3)).await;
    assert_eq!(*result(&done), json!("flaky"));
    assert!((1.5..=3.1).contains(&begun.elapsed().as_secs_f64()), "{:?}", begun.elapsed());
    let said: Vec<_> = done.steps[0].log.iter().map(|line| &line.message).collect();
    assert_eq!(said.len(), 2);
    assert!(said[0].starts_with("try 1 of 3 failed: the filter could not be run; trying again in"));

    let failed = carried(flaky(2)).await;
    let reason = "the filter could not be run";
    assert_eq!(failure(&failed), (FailureCode::StepFailed, Some("shape"), reason));
    let lasting =
        json!([{"id": "s", "tool": "transform", "filter": "fail no", "retry": {"attempts": 9}}]);
    assert!(carried(lasting).await.steps[0].log.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_step_has_its_own_time_and_the_run_has_more() {
    let step = json!({"id": "s", "tool": "transform", "filter": "hang", "timeout_seconds": 2});
    let own = carried(json!([step])).await;
    let reason = "it did not finish within 2 seconds";
    assert_eq!(failure(&own), (FailureCode::StepFailed, Some("s"), reason));
    let wait = json!({"id": "w", "tool": "delay", "seconds": 60, "on_error": "continue"});
    let over = carried(json!([wait])).await;
    let reason = "the execution did not finish within 10 seconds";
    assert_eq!(failure(&over), (FailureCode::TimedOut, Some("w"), reason));
    let begun = Instant::now();
    let waited = carried(json!([{"id": "w", "tool": "delay", "seconds": 1.5}])).await;
    assert_eq!(*result(&waited), json!({"a": 1}));
    assert_eq!(begun.elapsed().as_secs_f64().round(), 2.0);
}

#[tokio::test]
async fn templates_models_and_schemas_do_their_work() {
    let carried = carried(json!([
        {"id": "ask", "tool": "llm", "model": "echo", "prompt": "{\"total\": {{ input.a }}}", "response_format": "json"},
        {"id": "hold", "tool": "validate", "schema": {"total": 1}},
        {"id": "say", "tool": "template", "template": "[{{ steps.ask.output.total }}, \"{{ parameters.unit }}\"]", "format": "json"}
    ]))
    .await;
    assert_eq!(*result(&carried), json!([1, "EUR"]));
    assert_eq!((carried.tokens.prompt_tokens, carried.tokens.completion_tokens), (2, 2));
}

#[tokio::test]
async fn what_breaks_a_schema_or_is_no_model_ends_the_run_with_a_plain_reason() {
    let broken = carried(json!([{"id": "v", "tool": "validate", "schema": {"b": 1}}])).await;
    let reason = "the value breaks the schema: /a: is another";
    assert_eq!(failure(&broken), (FailureCode::StepFailed, Some("v"), reason));
    let unknown = carried(json!([{"id": "l", "tool": "llm", "model": "x", "prompt": "hi"}])).await;
    assert_eq!(failure(&unknown).2, "there is no model 'x'");
    let prose = json!([{"id": "l", "tool": "llm", "model": "echo", "prompt": "hi", "response_format": "json"}]);
    let prose = carried(prose).await;
    assert_eq!(failure(&prose).2, "the model's answer is no JSON");
    assert_eq!(prose.tokens.prompt_tokens, 1, "it was paid for");
    let inside = json!([{"id": "h", "tool": "http_request", "url": "http://127.0.0.1:9/"}]);
    let inside = carried(inside).await;
    assert!(failure(&inside).2.contains("127.0.0.1 is not an address"), "{:?}", inside.end);
}

#[tokio::test]
async fn secrets_are_known_by_name_and_come_out_blanked() {
    let carried = carried(json!([
        {"id": "say", "tool": "template", "template": "{\"k\": \"Bearer {{ secrets.TOKEN }}\"}", "format": "json"},
        {"id": "fail", "tool": "template", "template": "{{ secrets.TOKEN }}", "format": "json", "on_error": "continue"},
        {"id": "on", "tool": "transform", "filter": "\"hunter22\""}
    ]))
    .await;
    assert_eq!(*result(&carried), json!("[secret TOKEN]"));
    assert_eq!(carried.steps[0].state.output(), Some(&json!({"k": "Bearer [secret TOKEN]"})));
    let unknown = Bench::new();
    let steps = json!([{"id": "s", "tool": "template", "template": "{{ secrets.NOBODY }}"}]);
    let unknown = unknown.carried(json!({ "steps": steps })).await;
    assert_eq!(failure(&unknown).2, "the organization has no secret 'NOBODY'");
}

#[tokio::test]
async fn what_must_not_be_done_twice_is_noted_before_and_saved_after_it_is_done() {
    let bench = Bench::new();
    let steps = json!([
        {"id": "taken", "tool": "passthrough"},
        {"id": "ask", "tool": "llm", "model": "echo", "prompt": "hi"},
        {"id": "on", "tool": "passthrough"}
    ]);
    let carried = bench.carried(json!({ "steps": steps })).await;
    let saved = bench.notebook.0.lock().unwrap();
    let told = |steps: &[StepRecord]| {
        steps.iter().map(|s| (s.position, s.state.as_str())).collect::<Vec<_>>()
    };
    assert_eq!(told(&saved[0]), [(0, "SUCCEEDED"), (1, "BEGUN")]);
    assert_eq!(told(&saved[1]), [(1, "SUCCEEDED")]);
    assert_eq!((saved.len(), told(&carried.steps)), (2, vec![(2, "SUCCEEDED")]));
}

#[tokio::test]
async fn what_is_harmless_to_repeat_is_saved_with_the_end() {
    let bench = Bench::new();
    let ask =
        json!({"id": "ask", "tool": "llm", "model": "echo", "prompt": "hi", "idempotent": true});
    let carried = bench.carried(json!({ "steps": [ask] })).await;
    assert_eq!((bench.saves(), carried.steps.len()), (0, 1));
}

fn saved(position: i32, state: StepState) -> StepRecord {
    StepRecord {
        item: 0,
        position,
        id: "ask".into(),
        started_at: Still.now(),
        finished_at: (state != StepState::Begun).then(|| Still.now()),
        state,
        tokens: TokenUsage { prompt_tokens: 5, ..TokenUsage::default() },
        log: Vec::new(),
    }
}

#[tokio::test]
async fn a_run_goes_on_after_its_last_finished_step() {
    let steps = json!([
        {"id": "ask", "tool": "llm", "model": "nobody asks it", "prompt": "hi"},
        {"id": "say", "tool": "template", "template": "{{ steps.ask.output }} again"}
    ]);
    let done = saved(0, StepState::Succeeded(json!("once")));
    let bench = Bench { saved: vec![done], ..Bench::new() };
    let carried = bench.carried(json!({ "steps": steps })).await;
    assert_eq!(*result(&carried), json!("once again"));
    assert_eq!((carried.steps.len(), carried.tokens.prompt_tokens), (1, 5));
}

#[tokio::test]
async fn a_step_that_had_begun_is_repeated_only_if_that_is_harmless() {
    let ask = json!({"id": "ask", "tool": "llm", "model": "echo", "prompt": "hi", "on_error": "continue"});
    let bench = Bench { saved: vec![saved(0, StepState::Begun)], ..Bench::new() };
    let interrupted = bench.carried(json!({ "steps": [ask] })).await;
    let (code, step, reason) = failure(&interrupted);
    assert_eq!((code, step), (FailureCode::Interrupted, Some("ask")));
    assert!(reason.contains("must not be done twice"));
    assert!(matches!(interrupted.steps[0].state, StepState::Failed(_)));

    let mut harmless = ask;
    harmless["idempotent"] = json!(true);
    let bench = Bench { saved: vec![saved(0, StepState::Begun)], ..Bench::new() };
    let repeated = bench.carried(json!({ "steps": [harmless] })).await;
    assert_eq!(*result(&repeated), json!("hi"));
}

#[tokio::test]
async fn a_result_has_a_largest_size() {
    let passthrough = json!({"steps": [{"id": "a", "tool": "passthrough"}]});
    let bench = Bench { max_result_bytes: r#"{"a":1}"#.len(), ..Bench::new() };
    assert_eq!(*result(&bench.carried(passthrough.clone()).await), json!({"a": 1}));
    let bench = Bench { max_result_bytes: 6, ..Bench::new() };
    let large = bench.carried(passthrough).await;
    let reason = "the result is larger than 6 bytes";
    assert_eq!(failure(&large), (FailureCode::ResultTooLarge, None, reason));
}

#[tokio::test]
async fn a_damaged_definition_fails_the_run() {
    let carried = Bench::new().carried(json!({"steps": []})).await;
    assert_eq!(failure(&carried).2, "the saved definition cannot be read");
}
