//! What a process does for its counts beside its work: stores usage and when keys were last used, and
//! lets go of old sums.

use std::{sync::Arc, time::Duration};

use access_domain::{Flush, StoreError, Uses};
use actix_web::web;
use deployments_domain::{Usage, UsageRetention};
use storage_diesel::Storage;
use tokio::time::sleep;

use crate::{every_second::every_second, metrics::Task};

/// In passes: every ten minutes.
const PRUNE_EVERY: u64 = 600;
/// How often a process that ends tries to store what it has counted, and how long it waits between.
const LAST_TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// The counts of this process.
#[derive(Clone)]
pub(crate) struct Counts {
    pub(crate) usage: Arc<Usage>,
    pub(crate) uses: Arc<Uses>,
    pub(crate) store: Arc<dyn Storage>,
    pub(crate) retention: UsageRetention,
}

impl Counts {
    /// Goes on until the process ends.
    pub(crate) async fn keep(self) {
        let trouble = "what was counted was not stored; it stays counted";
        let pass = move |number: u64| self.pass(Flush::Closed, number.is_multiple_of(PRUNE_EVERY));
        every_second(Task::Usage, trouble, pass, drop).await;
    }

    /// Stores what is left, before the process ends.
    pub(crate) async fn close(self) {
        for last in 1..=LAST_TRIES {
            let counts = self.clone();
            match web::block(move || counts.pass(Flush::All, false)).await {
                Ok(Err(error)) if last < LAST_TRIES => {
                    tracing::warn!(%error, "what was counted was not stored; trying on");
                    sleep(BETWEEN_TRIES).await;
                }
                Ok(Err(error)) => tracing::error!(%error, "what was counted is lost"),
                Ok(Ok(())) | Err(_) => return,
            }
        }
    }

    fn pass(&self, which: Flush, with_pruning: bool) -> Result<(), StoreError> {
        let flushed = self.usage.flush(which)?;
        if flushed.missed > 0 {
            let missed = flushed.missed;
            tracing::warn!(missed, "more keys are in use than there is room to count for each");
        }
        if flushed.has_closed_minute {
            let missed = self.uses.flush(&*self.store)?;
            if missed > 0 {
                tracing::warn!(
                    missed,
                    "more keys are in use than there is room to note the use of"
                );
            }
        }
        if with_pruning {
            self.usage.prune(&self.retention)?;
        }
        Ok(())
    }
}
