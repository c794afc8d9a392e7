//! Where blocking meets async: the stores are synchronous, the event loops must not wait.

use std::{ops::Deref, sync::Arc, time::Duration};

use actix_web::rt::{task::spawn_blocking, time::timeout};
use api_types::Refusal;
use tracing::Span;

use crate::{ApiError, Turns};

/// Checking filters holds a thread for as long as the filters want, up to the sandbox's limit.
const CHECKS_AT_ONCE: usize = 2;
const CHECKS_IN_LINE: usize = 50;

/// How long a caller waits for what is done off the event loops. More than the waits for a connection and for a statement that
/// storage bounds: past it, the database hangs in a way that storage can only wait for.
pub(crate) const ANSWERED_WITHIN: Duration = Duration::from_secs(15);

/// The same for what takes long by itself.
const LONG_WORK_ANSWERED_WITHIN: Duration = Duration::from_secs(120);

/// Use cases, which block, for the edges of a server, which must not.
pub struct Blocking<U> {
    use_cases: Arc<U>,
    checks: Turns,
}

impl<U: Send + Sync + 'static> Blocking<U> {
    /// The use cases as all edges of a server call them.
    pub fn new(use_cases: U) -> Self {
        let checks = Turns::new(CHECKS_AT_ONCE, CHECKS_IN_LINE);
        Self { use_cases: Arc::new(use_cases), checks }
    }

    /// Calls one use case off the event loop.
    ///
    /// # Errors
    /// What it refused, or that the server is shutting down.
    pub async fn run<T, E>(
        &self,
        call: impl FnOnce(&U) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        E: Into<Refusal>,
    {
        self.run_within(ANSWERED_WITHIN, call).await
    }

    /// The same for what takes long by itself: it may take minutes, and holds a thread for as long.
    ///
    /// # Errors
    /// The same.
    pub async fn run_long<T, E>(
        &self,
        call: impl FnOnce(&U) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        E: Into<Refusal>,
    {
        self.run_within(LONG_WORK_ANSWERED_WITHIN, call).await
    }

    async fn run_within<T, E>(
        &self,
        limit: Duration,
        call: impl FnOnce(&U) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        E: Into<Refusal>,
    {
        let use_cases = Arc::clone(&self.use_cases);
        let call = move || call(&use_cases).map_err(|error| ApiError::from(error.into()));
        run_blocking_within(limit, call).await
    }

    /// Calls a use case that may check filters: so many at the same time, over all edges.
    ///
    /// # Errors
    /// The same, and when the line is full.
    pub async fn run_with_check<T, E>(
        &self,
        call: impl FnOnce(&U) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        E: Into<Refusal>,
    {
        let turn = self.checks.turn().await?;
        self.run_long(move |use_cases| {
            let _turn = turn;
            call(use_cases)
        })
        .await
    }
}

/// For what answers at once.
impl<U> Deref for Blocking<U> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.use_cases
    }
}

/// Runs a use case off the event loop.
///
/// # Errors
/// What the use case answered, that the server is shutting down, or that there is no answer within 15 seconds: a use case that
/// has begun by then goes on, and may still be done.
pub async fn run_blocking<T, E, F>(use_case: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    E: Into<ApiError> + Send + 'static,
    F: FnOnce() -> Result<T, E> + Send + 'static,
{
    run_blocking_within(ANSWERED_WITHIN, use_case).await
}

async fn run_blocking_within<T, E, F>(limit: Duration, use_case: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    E: Into<ApiError> + Send + 'static,
    F: FnOnce() -> Result<T, E> + Send + 'static,
{
    // What is logged there names the request that it is done for.
    let span = Span::current();
    let mut doing = spawn_blocking(move || span.in_scope(use_case));
    match timeout(limit, &mut doing).await {
        Ok(Ok(answer)) => answer.map_err(Into::into),
        Ok(Err(gone)) => Err(ApiError::unavailable(gone)),
        Err(late) => {
            // What still waits for a thread is not done for a caller who has been refused.
            doing.abort();
            Err(ApiError::unavailable(late))
        }
    }
}
