//! How far an ETL run is, and what is kept of that so that another attempt can go on.

use access_domain::StoreError;
use serde_json::Value;

use crate::ExecutionId;

/// How many records a run has come through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecordCounts {
    /// Those that were read.
    pub read: u64,
    /// Those whose outcomes were written.
    pub written: u64,
    /// Those that failed.
    pub failed: u64,
}

/// Where an ETL run stands, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// All records before this many are done: written, or counted as failed.
    pub counts: RecordCounts,
    /// What the runtime needs to go on from there.
    pub state: Value,
}

/// Where the progress of ETL runs is kept.
pub trait RecordStore: Send + Sync {
    /// Notes how far a run is, for whoever asks; `false` when this attempt no longer has it.
    ///
    /// # Errors
    /// When storage fails.
    fn note_records(
        &self,
        id: ExecutionId,
        attempt: i32,
        counts: RecordCounts,
    ) -> Result<bool, StoreError>;

    /// Notes that all records up to here are done, and forgets the steps of those; `false`, and
    /// nothing is saved, when this attempt no longer has the run.
    ///
    /// # Errors
    /// When storage fails.
    fn save_checkpoint(
        &self,
        id: ExecutionId,
        attempt: i32,
        checkpoint: &Checkpoint,
    ) -> Result<bool, StoreError>;

    /// The checkpoint that an earlier attempt left.
    ///
    /// # Errors
    /// When storage fails.
    fn find_checkpoint(&self, id: ExecutionId) -> Result<Option<Checkpoint>, StoreError>;
}
