//! Where a run in hand keeps its steps while it goes on: the store, for as long as the run is ours.

use std::{future::pending, pin::Pin, sync::Arc};

use access_domain::StoreError;
use deployments_domain::{ExecutionId, ExecutionStore, StepRecord};
use tokio::time::sleep;

use super::{Stop, engine::Engine, outage::Outage};
use crate::steps::Journal;

/// A run in hand, for whoever carries it out.
pub(super) struct HeldRun {
    pub(super) engine: Arc<Engine>,
    pub(super) id: ExecutionId,
    pub(super) attempt: i32,
}

impl HeldRun {
    /// The steps that earlier attempts saved.
    pub(super) async fn saved(&self) -> Vec<StepRecord> {
        let id = self.id;
        self.insist("reading the steps of a run", move |store| store.find_steps(id)).await
    }

    /// Asks until there is an answer. The run's own task ends this when its lease may have run out.
    async fn insist<T: Send + 'static>(
        &self,
        what: &'static str,
        ask: impl Fn(&dyn ExecutionStore) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> T {
        let mut outage = Outage::new(what);
        loop {
            let ask = ask.clone();
            match self.engine.ask(move |store| ask(store)).await {
                Ok(answer) => {
                    outage.succeeded();
                    return answer;
                }
                Err(error) => sleep(outage.failed(&error)).await,
            }
        }
    }
}

impl Journal for HeldRun {
    fn save(&self, steps: Vec<StepRecord>) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let (id, attempt) = (self.id, self.attempt);
        let steps = Arc::new(steps);
        Box::pin(async move {
            let save = move |store: &dyn ExecutionStore| store.save_steps(id, attempt, &steps);
            if !self.insist("saving the steps of a run", save).await {
                self.engine.held.stop(id, Some(attempt), Stop::Lost);
                pending::<()>().await;
            }
        })
    }
}
