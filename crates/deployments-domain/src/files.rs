//! Files that come with a run: what is known of them, and where their content lies until the run's
//! input is no longer kept. Must not know how they arrive or what is in them.

use std::io;

use access_domain::{OrganizationId, StoreError, TokenUsage};
use chrono::TimeDelta;
use keys_core::{Id, Timestamp};
use serde_json::{Value, json};

use crate::{StepRecord, StepState};

/// The id of a file that came with a run.
pub type FileId = Id<RunFile>;

/// A file that came with a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFile {
    /// What its content is kept under.
    pub id: FileId,
    /// Its name, as it was sent but for what could lead out of a directory.
    pub name: String,
    /// What it is, judged by its content.
    pub media_type: String,
    /// How large it is, in bytes.
    pub size: u64,
    /// The SHA-256 of its content, in lower-case hexadecimal digits.
    pub sha256: String,
}

/// A file that has arrived whole, and belongs to no run yet.
pub struct Upload {
    /// Its name, harmless.
    pub name: String,
    /// What it is, judged by its content.
    pub media_type: String,
    /// How large it is, in bytes.
    pub size: u64,
    /// The SHA-256 of its content, in lower-case hexadecimal digits.
    pub sha256: String,
    /// What it has in it.
    pub content: Box<dyn Incoming>,
}

/// The content of a file on its way into a [`FileStore`]. Dropping it leaves nothing behind, unless it
/// was kept.
pub trait Incoming: Send {
    /// Adds to it. Blocks where it has become too large for memory.
    ///
    /// # Errors
    /// When the store fails.
    fn write(&mut self, part: &[u8]) -> Result<(), StoreError>;

    /// Keeps it as the content of this file: durable when it returns. Blocks.
    ///
    /// # Errors
    /// When the store fails.
    fn keep(&mut self, organization: OrganizationId, id: FileId) -> Result<(), StoreError>;
}

/// A file in a store, as a look through all of them finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredFile {
    /// The tenant.
    pub organization: OrganizationId,
    /// Its id.
    pub id: FileId,
    /// When it was stored, by the store's own clock.
    pub stored_at: Timestamp,
}

/// Where the content of files is kept, reached by all processes that accept runs or carry them out.
pub trait FileStore: Send + Sync {
    /// A new file without content. Nothing is stored before it grows.
    fn receive(&self) -> Box<dyn Incoming>;

    /// The content of a kept file. Blocks.
    ///
    /// # Errors
    /// When it is not there, or the store fails.
    fn open(
        &self,
        organization: OrganizationId,
        id: FileId,
    ) -> Result<Box<dyn io::Read + Send>, StoreError>;

    /// Removes a file, if it is there. Blocks.
    ///
    /// # Errors
    /// When the store fails.
    fn remove(&self, organization: OrganizationId, id: FileId) -> Result<(), StoreError>;

    /// Shows every kept file to `found`, and removes what was never kept and is older than
    /// `unfinished_before`: its server ended half-way. Blocks.
    ///
    /// # Errors
    /// What `found` answers, or when the store fails.
    fn look_through(
        &self,
        unfinished_before: Timestamp,
        found: &mut dyn FnMut(StoredFile) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;
}

/// What the records say of some files; of others they know nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FoundFiles {
    /// Their content is to be there.
    pub kept: Vec<FileId>,
    /// Their content is no longer wanted.
    pub given_up: Vec<FileId>,
}

/// What became of one file of a run that went over its files one by one.
#[derive(Debug, Clone, PartialEq)]
pub struct FileOutcome {
    /// The file.
    pub file: RunFile,
    /// What the steps put out, or why they did not.
    pub outcome: Result<Value, String>,
    /// What models read and wrote for it.
    pub tokens: TokenUsage,
    /// From its first step's beginning to its last one's end.
    pub seconds: f64,
}

/// What there is to say of a run's files.
#[derive(Debug, Clone, PartialEq)]
pub enum FileOutcomes {
    /// Nothing yet, or nothing ever: the run was stopped.
    None,
    /// One for each file, in their order.
    Of(Vec<FileOutcome>),
    /// They were there and are no longer kept.
    Expired,
}

impl FileOutcome {
    /// A file's part of the result of a run.
    pub fn item(file: &RunFile, outcome: &Result<Value, String>) -> Value {
        let (status, result, error) = match outcome {
            Ok(result) => ("Success", result.clone(), Value::Null),
            Err(reason) => ("Failed", Value::Null, Value::String(reason.clone())),
        };
        json!({
            "file": file.name,
            "media_type": file.media_type,
            "size": file.size,
            "sha256": file.sha256,
            "status": status,
            "result": result,
            "error": error,
        })
    }

    /// What the run's result and its steps say of the file that is item number `item`. A run that
    /// failed as a whole, for `failure`, has no result.
    pub(crate) fn read(
        item: usize,
        file: RunFile,
        result: Option<&Value>,
        steps: &[StepRecord],
        failure: &str,
    ) -> Self {
        let steps = steps.iter().filter(|step| usize::try_from(step.item) == Ok(item));
        let (mut tokens, mut span) = (TokenUsage::default(), None::<(Timestamp, Timestamp)>);
        let mut failed = None;
        for step in steps {
            tokens = tokens.plus(step.tokens);
            let end = step.finished_at.unwrap_or(step.started_at);
            let (first, last) = span.unwrap_or((step.started_at, end));
            span = Some((first.min(step.started_at), last.max(end)));
            if let StepState::Failed(reason) = &step.state {
                failed = Some(format!("step '{}' failed: {reason}", step.id));
            }
        }
        let took = span.map_or_else(TimeDelta::zero, |(first, last)| last - first);
        let told = result.and_then(|result| result.get(item));
        let error = told.and_then(|told| told.get("error")).and_then(Value::as_str);
        let outcome = match (told, error) {
            (Some(told), None) => Ok(told.get("result").cloned().unwrap_or_default()),
            (Some(_), Some(reason)) => Err(reason.to_owned()),
            (None, _) => Err(failed.unwrap_or_else(|| failure.to_owned())),
        };
        Self { file, outcome, tokens, seconds: took.as_seconds_f64() }
    }
}

/// Whether a stored file goes: one that a run gave up at once, and one that no run ever had when it has
/// lain there since before `orphaned_before`. Until then its run may be about to be accepted.
pub fn is_superfluous(file: &StoredFile, found: &FoundFiles, orphaned_before: Timestamp) -> bool {
    if found.kept.contains(&file.id) {
        return false;
    }
    found.given_up.contains(&file.id) || file.stored_at < orphaned_before
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;

    fn step(item: i32, second: u64, state: StepState) -> StepRecord {
        let at = |seconds| Timestamp::UNIX_EPOCH + Duration::from_secs(seconds);
        StepRecord {
            item,
            position: i32::try_from(second).unwrap(),
            id: "ask".into(),
            started_at: at(second),
            finished_at: Some(at(second + 1)),
            state,
            tokens: TokenUsage { prompt_tokens: 3, ..TokenUsage::default() },
            log: Vec::new(),
        }
    }

    #[test]
    fn what_became_of_a_file_is_read_from_result_and_steps() {
        let file = RunFile {
            id: Uuid::from_u128(1).into(),
            name: "a.txt".into(),
            media_type: "text/plain".into(),
            size: 1,
            sha256: "00".into(),
        };
        let steps = [
            step(0, 0, StepState::Succeeded(json!(1))),
            step(1, 5, StepState::Succeeded(json!(1))),
            step(1, 7, StepState::Failed("no".into())),
        ];
        let items: Vec<_> = [Ok(json!({"total": 2})), Err("step 'ask' failed: no".to_owned())]
            .iter()
            .map(|outcome| FileOutcome::item(&file, outcome))
            .collect();
        let result = Value::Array(items);
        let read = |item, result| FileOutcome::read(item, file.clone(), result, &steps, "too late");
        let first = read(0, Some(&result));
        assert_eq!((first.outcome, first.seconds), (Ok(json!({"total": 2})), 1.0));
        let second = read(1, Some(&result));
        assert_eq!(second.outcome, Err("step 'ask' failed: no".into()));
        assert_eq!((second.tokens.prompt_tokens, second.seconds), (6, 3.0));
        // A run that failed as a whole has no result: its steps tell, or else its own reason.
        assert_eq!(read(1, None).outcome, Err("step 'ask' failed: no".into()));
        assert_eq!(read(2, None).outcome, Err("too late".into()));
    }

    #[test]
    fn a_file_goes_with_its_run_or_when_it_never_had_one() {
        let at = |seconds| Timestamp::UNIX_EPOCH + Duration::from_secs(seconds);
        let id: FileId = Uuid::from_u128(1).into();
        let stored = |seconds| StoredFile {
            organization: Uuid::from_u128(2).into(),
            id,
            stored_at: at(seconds),
        };
        let kept = FoundFiles { kept: vec![id], given_up: Vec::new() };
        let given_up = FoundFiles { kept: Vec::new(), given_up: vec![id] };
        let unknown = FoundFiles::default();
        for (found, stored_at, goes) in [
            (&kept, 0, false),
            (&given_up, 0, true),
            (&given_up, 20, true),
            (&unknown, 9, true),
            (&unknown, 10, false),
        ] {
            assert_eq!(is_superfluous(&stored(stored_at), found, at(10)), goes, "{found:?}");
        }
    }
}
