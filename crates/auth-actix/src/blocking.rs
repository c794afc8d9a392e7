//! Where blocking meets async: the stores are synchronous, the event loops must not wait.

use actix_web::web;
use tracing::Span;

use crate::ApiError;

/// Runs a use case off the event loop.
///
/// # Errors
/// What the use case answered, or that the server is shutting down.
pub async fn run_blocking<T, E, F>(use_case: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    E: Into<ApiError> + Send + 'static,
    F: FnOnce() -> Result<T, E> + Send + 'static,
{
    // What is logged there names the request that it is done for.
    let span = Span::current();
    match web::block(move || span.in_scope(use_case)).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(gone) => Err(ApiError::unavailable(gone)),
    }
}
