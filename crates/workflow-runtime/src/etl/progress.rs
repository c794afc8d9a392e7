//! Where it is kept how far a run is.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use access_domain::StoreError;
use deployments_domain::{Checkpoint, ExecutionId, RecordCounts, RecordStore};
use tokio::{task::spawn_blocking, time::sleep};

/// Between two tries while the store is away.
const PAUSE: Duration = Duration::from_millis(500);

/// The progress of one attempt.
pub(super) struct Progress {
    store: Arc<dyn RecordStore>,
    id: ExecutionId,
    attempt: i32,
    is_telling: Arc<AtomicBool>,
}

impl Progress {
    pub(super) fn new(store: Arc<dyn RecordStore>, id: ExecutionId, attempt: i32) -> Self {
        Self { store, id, attempt, is_telling: Arc::default() }
    }

    /// The checkpoint of an earlier attempt.
    pub(super) async fn find(&self) -> Option<Checkpoint> {
        loop {
            let (store, id) = (Arc::clone(&self.store), self.id);
            match asked(spawn_blocking(move || store.find_checkpoint(id)).await) {
                Some(found) => return found,
                None => sleep(PAUSE).await,
            }
        }
    }

    /// Notes that everything up to here is done; durable when it returns. While it cannot be noted,
    /// and once the run is somebody else's, it does not return: whoever holds the run ends it then.
    pub(super) async fn save(&self, checkpoint: Checkpoint) {
        let checkpoint = Arc::new(checkpoint);
        loop {
            let (store, id, attempt) = (Arc::clone(&self.store), self.id, self.attempt);
            let saving = Arc::clone(&checkpoint);
            let saved = spawn_blocking(move || store.save_checkpoint(id, attempt, &saving)).await;
            match asked(saved) {
                Some(true) => return,
                Some(false) => pending::<()>().await,
                None => sleep(PAUSE).await,
            }
        }
    }

    /// Notes how far the run is, for whoever asks; nobody waits for it.
    pub(super) fn tell(&self, counts: RecordCounts) {
        if self.is_telling.swap(true, Ordering::SeqCst) {
            return;
        }
        let (store, id, attempt) = (Arc::clone(&self.store), self.id, self.attempt);
        let is_telling = Arc::clone(&self.is_telling);
        spawn_blocking(move || {
            if let Err(error) = store.note_records(id, attempt, counts) {
                tracing::debug!(%error, "the progress of a run was not noted");
            }
            is_telling.store(false, Ordering::SeqCst);
        });
    }
}

/// What the store answered, if it did.
fn asked<T>(answer: Result<Result<T, StoreError>, tokio::task::JoinError>) -> Option<T> {
    match answer {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the checkpoint of a run cannot be kept now");
            None
        }
        Err(_) => None,
    }
}
