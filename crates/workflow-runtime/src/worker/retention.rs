//! Deletes the inputs and results of runs that ended long enough ago. Must not decide how long.

use std::sync::Arc;

use access_domain::StoreError;
use chrono::TimeDelta;
use tokio::time::sleep;

use super::{engine::Engine, outage::Outage};

/// Small, since each batch is one write transaction over payloads that may be large.
const BATCH: u32 = 50;
/// So that one round ends, whatever the store says.
const MAX_BATCHES: usize = 1_000;

pub(super) async fn serve(engine: Arc<Engine>) {
    let mut outage = Outage::new("deleting old results");
    loop {
        sleep(engine.config.retention_interval).await;
        match delete(&engine).await {
            Ok(()) => outage.succeeded(),
            Err(error) => {
                outage.failed(&error);
            }
        }
    }
}

async fn delete(engine: &Engine) -> Result<(), StoreError> {
    let retention = TimeDelta::from_std(engine.config.result_retention).unwrap_or(TimeDelta::MAX);
    // A retention from before all time deletes nothing.
    let Some(before) = engine.clock.now().checked_sub_signed(retention) else { return Ok(()) };
    let mut total = 0_usize;
    for _ in 0..MAX_BATCHES {
        let deleted = engine.ask(move |store| store.delete_old_payloads(before, BATCH)).await?;
        total = total.saturating_add(deleted);
        if deleted < usize::try_from(BATCH).unwrap_or(usize::MAX) {
            break;
        }
    }
    if total > 0 {
        tracing::info!(runs = total, "deleted old inputs and results");
    }
    Ok(())
}
