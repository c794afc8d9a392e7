//! Who may read the metrics where callers are answered too: whoever has the token. How metrics are
//! kept and written is no business of this crate.

use std::{future::Future, pin::Pin};

use access_domain::AuthenticationError;
use actix_web::{HttpRequest, http::header::AUTHORIZATION};
use auth_actix::ApiError;
use subtle::ConstantTimeEq as _;

/// Reads all metrics, as the text that is served.
type Read = Box<dyn Fn() -> Pin<Box<dyn Future<Output = String>>> + Send + Sync>;

/// The metrics, behind a token. No `Debug`: it holds the token.
pub struct MetricsDoor {
    token: Box<str>,
    read: Read,
}

impl MetricsDoor {
    /// Whoever sends `token` is told what `read` reads.
    pub fn new<F>(token: &str, read: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = String> + 'static,
    {
        Self { token: token.into(), read: Box::new(move || Box::pin(read())) }
    }

    /// Lets a request with the token pass.
    pub(crate) fn check(&self, request: &HttpRequest) -> Result<(), ApiError> {
        let sent =
            request.headers().get(AUTHORIZATION).ok_or(AuthenticationError::Missing)?.as_bytes();
        let is_bearer = |scheme: &&[u8]| scheme.eq_ignore_ascii_case(b"bearer ");
        let token = sent.split_at_checked(7).filter(|(scheme, _)| is_bearer(scheme));
        // Its length may be told by the time that this takes, and nothing else.
        if token.is_none_or(|(_, token)| !bool::from(token.ct_eq(self.token.as_bytes()))) {
            return Err(AuthenticationError::Invalid.into());
        }
        Ok(())
    }

    pub(crate) async fn read(&self) -> String {
        (self.read)().await
    }
}
