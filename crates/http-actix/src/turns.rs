//! Places for work that is costly to the server and cheap to ask for.

use std::sync::Arc;

use auth_actix::ApiError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many at the same time, so many more in line, and everybody else is sent away.
pub(crate) struct Turns {
    at_once: Arc<Semaphore>,
    line: Semaphore,
}

impl Turns {
    pub(crate) fn new(at_once: usize, in_line: usize) -> Self {
        Self { at_once: Arc::new(Semaphore::new(at_once)), line: Semaphore::new(at_once + in_line) }
    }

    /// A place, kept until the permit is dropped.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let _in_line = self.line.try_acquire().map_err(ApiError::unavailable)?;
        Arc::clone(&self.at_once).acquire_owned().await.map_err(ApiError::internal)
    }
}
