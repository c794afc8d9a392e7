//! Deletes the inputs and results of runs that ended long enough ago, and later their records. Must not decide how long.

use std::sync::Arc;

use access_domain::StoreError;
use deployments_domain::{ExecutionStore, Retention};
use tokio::time::sleep;

use super::{engine::Engine, outage::Outage, sweep::sweep};

/// Small, since each batch is one write transaction over payloads that may be large.
const BATCH: u32 = 50;
/// So that one round ends, whatever the store says.
const MAX_BATCHES: usize = 1_000;

pub(super) async fn serve(engine: Arc<Engine>) {
    let mut outage = Outage::new("deleting old results");
    loop {
        sleep(engine.config.retention_interval).await;
        let deleted = delete(&engine).await;
        match deleted.and(sweep(&engine).await) {
            Ok(()) => outage.succeeded(),
            Err(error) => {
                outage.failed(&error);
            }
        }
    }
}

async fn delete(engine: &Engine) -> Result<(), StoreError> {
    let results = engine.config.result_retention;
    let kept = Retention { results, records: engine.config.record_retention };
    let now = engine.clock.now();
    let payloads =
        portions(engine, move |store| store.delete_old_payloads(now, kept, BATCH)).await?;
    let records = portions(engine, move |store| store.delete_old_records(now, kept, BATCH)).await?;
    if payloads > 0 || records > 0 {
        tracing::info!(payloads, records, "deleted old inputs and results, and records of runs");
    }
    Ok(())
}

/// Deletes in portions until nothing is left of what is due.
async fn portions(
    engine: &Engine,
    delete: impl Fn(&dyn ExecutionStore) -> Result<usize, StoreError> + Copy + Send + 'static,
) -> Result<usize, StoreError> {
    let mut total = 0_usize;
    for _ in 0..MAX_BATCHES {
        let deleted = engine.ask(delete).await?;
        total = total.saturating_add(deleted);
        // A portion that is not full may still have left some: organizations are served some at a time.
        if deleted == 0 {
            break;
        }
    }
    Ok(total)
}
