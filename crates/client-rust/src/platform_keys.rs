//! The two platform keys of an organization.

use api_types::{
    CreatePlatformKey, CreatedPlatformKeyView, PatchPlatformKey, PlatformKeyView, PlatformKeysView,
    WithdrawPlatformKey,
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{Error, Organization, request::Request};

/// The two platform keys of an organization.
///
/// They are managed by people: a platform key reads [`list`](Self::list) and does nothing here but [`refresh`](Self::refresh) itself. All
/// else is refused with `admin_required`.
#[derive(Debug, Clone)]
pub struct PlatformKeys {
    organization: Organization,
}

impl PlatformKeys {
    pub(crate) fn of(organization: Organization) -> Self {
        Self { organization }
    }

    /// Both slots, filled or empty.
    ///
    /// # Errors
    /// `admin_required`
    pub async fn list(&self) -> Result<Vec<PlatformKeyView>, Error> {
        let slots: PlatformKeysView = self.send(Request::get(&self.path(&[]))).await?;
        Ok(slots.items)
    }

    /// Fills an empty slot. The answer shows the key, this once: `None` where an answer was lost and the client asked again.
    ///
    /// # Errors
    /// `platform_key_limit` where both are filled; `platform_key_slot_taken`; `admin_required`.
    pub async fn create(&self, key: &CreatePlatformKey) -> Result<CreatedPlatformKeyView, Error> {
        self.send(Request::make(&self.path(&[])).json(key)?).await
    }

    /// Gives the key a new secret, which the answer shows this once; the old one dies at once. Never sent twice by the client: where
    /// the answer is lost, somebody at the console has to help.
    ///
    /// # Errors
    /// `admin_required` for another key than the caller's own; `not_found`.
    pub async fn refresh(
        &self,
        id: Uuid,
        how: &WithdrawPlatformKey,
    ) -> Result<CreatedPlatformKeyView, Error> {
        self.send(Request::post(&self.path(&[&id.to_string(), "refresh"])).json(how)?).await
    }

    /// Switches the key on, and the other off; or switches it off.
    ///
    /// # Errors
    /// `admin_required`; `not_found`.
    pub async fn set_active(&self, id: Uuid, is_active: bool) -> Result<PlatformKeyView, Error> {
        let body = PatchPlatformKey { is_active };
        self.send(Request::patch(&self.path(&[&id.to_string()]), &body)?).await
    }

    /// Empties the key's slot. Where it was the active one, none is.
    ///
    /// # Errors
    /// `admin_required`; `not_found`.
    pub async fn delete(&self, id: Uuid, how: &WithdrawPlatformKey) -> Result<(), Error> {
        let request = Request::delete(&self.path(&[&id.to_string()])).json(how)?;
        self.organization.client().done(request).await
    }

    async fn send<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.organization.client().get(request).await
    }

    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        self.organization.path(&[&["platform-keys"], rest].concat())
    }
}
