//! What becomes of keys that others have shown.

use std::time::Duration;

use api_types::{KeyChangesView, VerificationView, VerificationsView, VerifyKey};
use serde::Serialize;

use crate::{Client, Error, request::Request};

/// `POST /v1/keys/verify-batch`, borrowed.
#[derive(Serialize)]
struct Batch<'a> {
    keys: &'a [VerifyKey],
}

impl Client {
    /// What becomes of a key that somebody showed you: `POST /v1/keys/verify`, with a platform key or the scope `keys:verify`.
    ///
    /// A key that may not be used is no error: [`VerificationView::is_valid`] and its `code` tell. Only `VALID` lets anybody in;
    /// a newer server may have further codes. This spends the key's own rate limit. Where the answer is lost the question is asked
    /// again, so that one use may then be counted twice.
    ///
    /// Whoever asks often asks a [`Verifier`](crate::Verifier), which remembers.
    ///
    /// # Errors
    /// When the question is refused (`insufficient_scope`; `invalid_value` for an `ip` that is none), or there is no answer. Whether
    /// the key is good is then not known: let nobody in.
    pub async fn verify(&self, question: &VerifyKey) -> Result<VerificationView, Error> {
        self.get(Request::ask(&["v1", "keys", "verify"]).json(question)?).await
    }

    /// The same of up to 100 keys, in their order: `POST /v1/keys/verify-batch`.
    ///
    /// # Errors
    /// As of [`verify`](Self::verify); and `invalid_value` for more than 100 keys.
    pub async fn verify_batch(
        &self,
        questions: &[VerifyKey],
    ) -> Result<Vec<VerificationView>, Error> {
        let request = Request::ask(&["v1", "keys", "verify-batch"]);
        let answer: VerificationsView = self.get(request.json(&Batch { keys: questions })?).await?;
        Ok(answer.results)
    }

    /// The keys that may be verified otherwise than before `since`: `GET /v1/keys/changes`. Has the server wait up to `wait` (whole
    /// seconds, at most 300) for the first. Without `since` it tells only where to begin.
    ///
    /// A [`Verifier`](crate::Verifier) does this by itself.
    ///
    /// # Errors
    /// `insufficient_scope`; or there is no answer.
    pub async fn key_changes(
        &self,
        since: Option<u64>,
        wait: Duration,
    ) -> Result<KeyChangesView, Error> {
        let request = Request::get(&["v1", "keys", "changes"]).query("since", since);
        self.get(request.wait(wait)).await
    }
}
