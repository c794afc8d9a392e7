//! Places for work that is costly to the server and cheap to ask for.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ApiError;

/// So many at the same time, so many more in line, and everybody else is sent away.
pub struct Turns {
    at_once: Arc<Semaphore>,
    line: Semaphore,
}

impl Turns {
    /// Room for `at_once`, and a line for `in_line` more.
    pub fn new(at_once: usize, in_line: usize) -> Self {
        Self { at_once: Arc::new(Semaphore::new(at_once)), line: Semaphore::new(at_once + in_line) }
    }

    /// A place, kept until the permit is dropped.
    ///
    /// # Errors
    /// When the line is full.
    pub async fn turn(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let _in_line = self.line.try_acquire().map_err(ApiError::unavailable)?;
        Arc::clone(&self.at_once).acquire_owned().await.map_err(ApiError::internal)
    }
}
