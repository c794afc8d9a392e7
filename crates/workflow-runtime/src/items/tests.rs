//! Runs over files, one by one, over filters that fail for files called `bad`.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use access_domain::{Clock, Fault, Models, OrganizationId, SecretValues, StoreError};
use deployments_domain::{RunState, Status, StepState, Trigger};
use keys_core::{Secret, Timestamp};
use outbound::{HttpClient, NetworkPolicy};
use serde_json::Map;
use uuid::Uuid;

use super::*;
use crate::{
    DirectoryFiles,
    sandbox::{DocumentError, DocumentFormat, SandboxError},
    tools::{Confined, StepData},
};

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

impl SecretValues for Still {
    fn reveal(&self, _: OrganizationId, _: &[String]) -> Result<Vec<(String, Secret)>, StoreError> {
        Ok(Vec::new())
    }
}

/// Puts out the name of the file, and counts.
#[derive(Default)]
struct Names {
    asked: AtomicUsize,
}

type Answer<'a, T, E = SandboxError> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

impl Confined for Names {
    fn filter<'a>(
        &'a self,
        filter: &'a str,
        data: &'a StepData<'a>,
        _: Instant,
    ) -> Answer<'a, FilterOutput> {
        if filter == "hang" {
            return Box::pin(std::future::pending());
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        let names: Vec<_> = data.files.iter().map(|file| file["name"].clone()).collect();
        let output = match names.as_slice() {
            [Value::String(bad)] if bad == "bad" => Err(SandboxError::Refused("no".into())),
            _ => Ok(FilterOutput { value: json!(names), bytes: 10 }),
        };
        Box::pin(std::future::ready(output))
    }

    fn hold_against<'a>(
        &'a self,
        _: &'a Value,
        _: &'a Value,
        _: Instant,
    ) -> Answer<'a, Vec<Fault>> {
        unreachable!("no schema is held against anything")
    }

    fn max_document_bytes(&self) -> usize {
        0
    }

    fn text_of<'a>(
        &'a self,
        _: DocumentFormat,
        _: &'a [u8],
        _: Instant,
    ) -> Answer<'a, String, DocumentError> {
        unreachable!("no text is extracted")
    }
}

/// What was saved.
#[derive(Default)]
struct Notebook(Mutex<Vec<StepRecord>>);

impl Journal for Notebook {
    fn save(&self, steps: Vec<StepRecord>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.lock().unwrap().extend(steps);
        Box::pin(std::future::ready(()))
    }
}

struct Bench {
    names: Arc<Names>,
    notebook: Notebook,
}

impl Bench {
    fn new() -> Self {
        Self { names: Arc::default(), notebook: Notebook::default() }
    }

    async fn carried(&self, files: &[&str], filter: &str, saved: Vec<StepRecord>) -> Carried {
        let file = |name: &&str| RunFile {
            id: Uuid::from_u128(3).into(),
            name: (*name).into(),
            media_type: "text/plain".into(),
            size: 1,
            sha256: "00".into(),
        };
        let run = ClaimedRun {
            id: Uuid::from_u128(1).into(),
            state: RunState { status: Status::Executing, attempt: 1 },
            organization: Uuid::from_u128(2).into(),
            trigger: Trigger::Schedule,
            started_at: Still.now(),
            lost: 0,
            definition: json!({"steps": [{"id": "name", "tool": "transform", "filter": filter}]}),
            input: json!({}),
            parameters: Map::new(),
            files: files.iter().map(file).collect(),
            per_file: true,
            timeout_seconds: 10,
            trace: None,
        };
        let tools = Tools {
            confined: self.names.clone(),
            http: HttpClient::new(NetworkPolicy::guarded(Vec::new())),
            models: Arc::new(Models::built_in(&BTreeMap::new()).unwrap()),
            secrets: Arc::new(Still),
            clock: Arc::new(Still),
            files: Arc::new(DirectoryFiles::new(PathBuf::new(), 0)),
        };
        carry_out(&run, saved, &tools, None, &self.notebook, 10_000).await
    }
}

fn told(carried: &Carried) -> Vec<(Value, Value, Value)> {
    let RunEnd::Result(Value::Array(items)) = &carried.end else { panic!("{:?}", carried.end) };
    let item =
        |item: &Value| (item["status"].clone(), item["result"].clone(), item["error"].clone());
    items.iter().map(item).collect()
}

#[tokio::test]
async fn each_file_succeeds_or_fails_for_itself() {
    let bench = Bench::new();
    let carried = bench.carried(&["a", "bad", "c"], ".", Vec::new()).await;
    let success = |name: &str| (json!("Success"), json!([name]), Value::Null);
    let failed = (json!("Failed"), Value::Null, json!("step 'name' failed: no"));
    assert_eq!(told(&carried), [success("a"), failed, success("c")]);
    let saved = bench.notebook.0.lock().unwrap();
    let items: Vec<_> = saved.iter().map(|step| step.item).collect();
    assert_eq!((items.as_slice(), carried.steps.len()), ([0, 1, 2].as_slice(), 0));
}

#[tokio::test]
async fn a_run_fails_when_no_file_succeeds() {
    let carried = Bench::new().carried(&["bad", "bad"], ".", Vec::new()).await;
    let RunEnd::Failure(failure) = carried.end else { panic!("{:?}", carried.end) };
    assert_eq!((failure.code, failure.step.as_deref()), (FailureCode::StepFailed, Some("name")));
    assert_eq!(failure.reason, "none of 2 files succeeded; bad: no");
}

#[tokio::test]
async fn files_that_are_done_are_not_done_again() {
    let first = Bench::new();
    let whole = first.carried(&["a", "bad", "c"], ".", Vec::new()).await;
    let mut saved = first.notebook.0.lock().unwrap().clone();
    saved.retain(|step| step.item < 2);
    assert!(matches!(saved[1].state, StepState::Failed(_)));
    let second = Bench::new();
    let resumed = second.carried(&["a", "bad", "c"], ".", saved).await;
    assert_eq!(told(&resumed), told(&whole));
    assert_eq!(second.names.asked.load(Ordering::SeqCst), 1, "only the last was left");
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_run_is_that_of_all_its_files() {
    let carried = Bench::new().carried(&["a", "b"], "hang", Vec::new()).await;
    let RunEnd::Failure(failure) = carried.end else { panic!("{:?}", carried.end) };
    assert_eq!(failure.code, FailureCode::TimedOut);
}
