//! How far runs over records are.

use access_domain::StoreError;
use deployments_domain::{Checkpoint, Execution, ExecutionId, RecordCounts, RecordStore, Status};
use diesel::{delete, insert_into, prelude::*, result::Error, update};
use serde_json::json;

use super::super::{Conn, Store};
use crate::{
    codec,
    schema::{execution_records, execution_steps, executions},
};

impl RecordStore for Store {
    fn note_records(
        &self,
        id: ExecutionId,
        attempt: i32,
        counts: RecordCounts,
    ) -> Result<bool, StoreError> {
        self.save("noting the progress of a run", |conn| {
            let id = codec::id(id);
            if !hold(conn, &id, attempt)? {
                return Ok(false);
            }
            let counted = counted(counts);
            insert_into(execution_records::table)
                .values((execution_records::execution_id.eq(&id), counted))
                .on_conflict(execution_records::execution_id)
                .do_update()
                .set(counted)
                .execute(conn)?;
            Ok(true)
        })
    }

    fn save_checkpoint(
        &self,
        id: ExecutionId,
        attempt: i32,
        checkpoint: &Checkpoint,
    ) -> Result<bool, StoreError> {
        self.save("saving the checkpoint of a run", |conn| {
            let id = codec::id(id);
            if !hold(conn, &id, attempt)? {
                return Ok(false);
            }
            let counted = counted(checkpoint.counts);
            let RecordCounts { read, written, failed } = checkpoint.counts;
            // With the counts that it stands for: those beside it are ahead of it.
            let text = json!([read, written, failed, checkpoint.state]).to_string();
            let state = || execution_records::checkpoint.eq(Some(&text));
            insert_into(execution_records::table)
                .values((execution_records::execution_id.eq(&id), counted, state()))
                .on_conflict(execution_records::execution_id)
                .do_update()
                .set((counted, state()))
                .execute(conn)?;
            let done = i32::try_from(checkpoint.counts.read).unwrap_or(i32::MAX);
            let of_done = execution_steps::table
                .filter(execution_steps::execution_id.eq(&id))
                .filter(execution_steps::item.le(done));
            delete(of_done).execute(conn)?;
            Ok(true)
        })
    }

    fn find_checkpoint(&self, id: ExecutionId) -> Result<Option<Checkpoint>, StoreError> {
        self.read("looking the checkpoint of a run up", |conn| {
            let id = codec::id(id);
            let found: Option<Option<String>> = execution_records::table
                .find(&id)
                .select(execution_records::checkpoint)
                .first(conn)
                .optional()?;
            let Some(text) = found.flatten() else { return Ok(None) };
            let (read, written, failed, state) = serde_json::from_str(&text)
                .map_err(|error| Error::DeserializationError(Box::new(error)))?;
            let counts = RecordCounts { read, written, failed };
            Ok(Some(Checkpoint { counts, state }))
        })
    }
}

/// The run with how many records it has come through.
pub(super) fn fill_in(conn: &mut Conn, mut execution: Execution) -> QueryResult<Execution> {
    execution.progress.records = find_counts(conn, &codec::id(execution.id))?;
    Ok(execution)
}

/// No attempt goes on with runs that ended.
pub(super) fn forget_checkpoints(conn: &mut Conn, ended: &[String]) -> QueryResult<()> {
    update(execution_records::table.filter(execution_records::execution_id.eq_any(ended)))
        .set(execution_records::checkpoint.eq(None::<String>))
        .execute(conn)
        .map(drop)
}

fn find_counts(conn: &mut Conn, id: &str) -> QueryResult<Option<RecordCounts>> {
    let found: Option<(i64, i64, i64)> = execution_records::table
        .find(id)
        .select((
            execution_records::records_read,
            execution_records::records_written,
            execution_records::records_failed,
        ))
        .first(conn)
        .optional()?;
    let count = |stored: i64| u64::try_from(stored).unwrap_or_default();
    Ok(found.map(|(read, written, failed)| RecordCounts {
        read: count(read),
        written: count(written),
        failed: count(failed),
    }))
}

/// Whether the run is this attempt's; nobody else takes it before the transaction ends.
fn hold(conn: &mut Conn, id: &str, attempt: i32) -> QueryResult<bool> {
    let held: Option<String> = locked!(
        executions::table
            .find(id)
            .filter(executions::status.eq(Status::Executing.as_str()))
            .filter(executions::attempt.eq(attempt))
            .select(executions::id)
    )
    .first(conn)
    .optional()?;
    Ok(held.is_some())
}

type Counted = (
    diesel::dsl::Eq<execution_records::records_read, i64>,
    diesel::dsl::Eq<execution_records::records_written, i64>,
    diesel::dsl::Eq<execution_records::records_failed, i64>,
);

fn counted(counts: RecordCounts) -> Counted {
    let stored = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    (
        execution_records::records_read.eq(stored(counts.read)),
        execution_records::records_written.eq(stored(counts.written)),
        execution_records::records_failed.eq(stored(counts.failed)),
    )
}
