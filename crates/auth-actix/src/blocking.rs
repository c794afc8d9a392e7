//! Where blocking meets async: the stores are synchronous, the event loops must not wait.

use std::sync::Arc;

use access_domain::{KeyLookup, KeyMatches, KeyQuery, KeySource, PresentedKey, StoreError};
use actix_web::web;
use keys_core::{Outcome, Peppers};

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
pub struct StoredKeys {
    /// Where keys are kept.
    pub lookup: Arc<dyn KeyLookup>,
    /// What they are digested under.
    pub peppers: Arc<Peppers>,
}

impl KeySource for StoredKeys {
    fn get(&self, key: PresentedKey) -> Outcome<Result<Arc<KeyMatches>, StoreError>> {
        let found = match self.get_all(vec![key]) {
            Outcome::Ready(found) => return Outcome::Ready(found.map(first)),
            Outcome::Later(found) => found,
        };
        Outcome::Later(Box::pin(async move { found.await.map(first) }))
    }

    fn get_all(
        &self,
        keys: Vec<PresentedKey>,
    ) -> Outcome<Result<Vec<Arc<KeyMatches>>, StoreError>> {
        let (lookup, peppers) = (Arc::clone(&self.lookup), Arc::clone(&self.peppers));
        // The hop begins here, so that the future that is awaited holds no actix type and may travel.
        let hop = web::block(move || {
            let queries: Vec<KeyQuery> = keys.iter().map(|key| key.query(&peppers)).collect();
            Ok(lookup.find_keys(&queries)?.into_iter().map(Arc::new).collect())
        });
        Outcome::Later(Box::pin(async move {
            hop.await.unwrap_or_else(|gone| {
                Err(StoreError::Unavailable { doing: "looking a key up", source: Box::new(gone) })
            })
        }))
    }
}

fn first(found: Vec<Arc<KeyMatches>>) -> Arc<KeyMatches> {
    found.into_iter().next().unwrap_or_default()
}
