//! What a platform key may do with platform keys: have itself refreshed. All else about them is for people.

use api_types::{CreatedPlatformKeyView, WithdrawPlatformKey};
use uuid::Uuid;

use crate::{Error, Organization, request::Request};

impl Organization {
    /// Gives the caller's own platform key a new secret, which the answer shows this once; the old one dies at once. `key` is its id,
    /// as the console shows it.
    ///
    /// Never sent twice by the client: where the answer is lost, somebody has to refresh the key at the console.
    ///
    /// # Errors
    /// `admin_required` for another key than the caller's own; `not_found`.
    pub async fn refresh_platform_key(
        &self,
        key: Uuid,
        how: &WithdrawPlatformKey,
    ) -> Result<CreatedPlatformKeyView, Error> {
        let key = key.to_string();
        let request = Request::post(&self.path(&["platform-keys", &key, "refresh"]));
        self.client().get(request.json(how)?).await
    }
}
