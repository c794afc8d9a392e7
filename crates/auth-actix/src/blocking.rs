//! Where blocking meets async: the stores are synchronous, the event loops must not wait.

use std::sync::Arc;

use access_domain::{KeyLookup, KeyRecord, KeySource, StoreError};
use actix_web::web;
use keys_core::{Digest, Outcome};

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
    match web::block(use_case).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(gone) => Err(ApiError::unavailable(gone)),
    }
}

/// Keys straight from storage: each look-up is one hop to a blocking thread.
pub struct StoredKeys(pub Arc<dyn KeyLookup>);

impl KeySource for StoredKeys {
    fn get(&self, digest: Digest) -> Outcome<Result<Option<KeyRecord>, StoreError>> {
        let lookup = Arc::clone(&self.0);
        // The hop begins here, so that the future that is awaited holds no actix type and may travel.
        let hop = web::block(move || lookup.find_key(&digest));
        Outcome::Later(Box::pin(async move {
            hop.await.unwrap_or_else(|gone| {
                Err(StoreError::Unavailable { doing: "looking a key up", source: Box::new(gone) })
            })
        }))
    }
}
