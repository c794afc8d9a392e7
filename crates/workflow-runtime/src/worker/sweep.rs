//! Removes the content of files that no run has any longer, or never had. Must not decide which.

use std::sync::Arc;

use access_domain::StoreError;
use chrono::TimeDelta;
use deployments_domain::{ExecutionStore, FileStore, StoredFile, is_superfluous};
use keys_core::Timestamp;

use super::engine::Engine;

/// What was uploaded this long ago and belongs to no run never will: no call takes as long.
const ORPHANED_AFTER: TimeDelta = TimeDelta::days(2);

/// So many are asked about in one question.
const BATCH: usize = 500;

/// One look through all files. On a thread of its own, since it may take long.
pub(super) async fn sweep(engine: &Arc<Engine>) -> Result<(), StoreError> {
    let (store, files) = (Arc::clone(&engine.store), Arc::clone(&engine.tools.files));
    let Some(before) = engine.clock.now().checked_sub_signed(ORPHANED_AFTER) else { return Ok(()) };
    let swept = tokio::task::spawn_blocking(move || look(&*store, &*files, before)).await;
    let removed = swept.unwrap_or_else(|panicked| {
        Err(StoreError::Broken { doing: "looking through files", source: panicked.into() })
    })?;
    if removed > 0 {
        tracing::info!(files = removed, "removed files that no run has");
    }
    Ok(())
}

pub(super) fn look(
    store: &dyn ExecutionStore,
    files: &dyn FileStore,
    before: Timestamp,
) -> Result<usize, StoreError> {
    let (mut batch, mut removed) = (Vec::with_capacity(BATCH), 0);
    files.look_through(before, &mut |file| {
        batch.push(file);
        if batch.len() < BATCH {
            return Ok(());
        }
        removed += remove(store, files, &batch, before)?;
        batch.clear();
        Ok(())
    })?;
    Ok(removed + remove(store, files, &batch, before)?)
}

fn remove(
    store: &dyn ExecutionStore,
    files: &dyn FileStore,
    batch: &[StoredFile],
    before: Timestamp,
) -> Result<usize, StoreError> {
    if batch.is_empty() {
        return Ok(0);
    }
    let ids: Vec<_> = batch.iter().map(|file| file.id).collect();
    let found = store.find_files(&ids)?;
    let mut removed = 0;
    for file in batch.iter().filter(|file| is_superfluous(file, &found, before)) {
        files.remove(file.organization, file.id)?;
        removed += 1;
    }
    Ok(removed)
}
