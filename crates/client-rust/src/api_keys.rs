//! Organization keys: `/v1/api-keys`.

use api_types::{
    CreateApiKey, CreatedKeyView, ImportApiKeys, ImportView, KeyView, PatchApiKey, RevokeKey,
    RotateKey,
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{Client, Error, Pages, request::Request};

/// The organization keys of the caller's organization. Wants a platform key, or an organization key with `admin`.
#[derive(Debug, Clone)]
pub struct ApiKeys {
    client: Client,
}

/// What of a list of keys is wanted: all of it, unless told.
#[derive(Debug, Clone, Default)]
pub struct KeyFilter {
    /// Only the one of this name; there is at most one that is not deleted.
    pub name: Option<String>,
    /// Only those with this in their name (of keys of deployments: their description), whichever case it is written in: at most
    /// 100 characters.
    pub search: Option<String>,
    /// Only what this user or key made.
    pub created_by: Option<Uuid>,
    /// Only those that are revoked, or only those that are not.
    pub revoked: Option<bool>,
}

impl KeyFilter {
    pub(crate) fn on(&self, request: Request) -> Request {
        request
            .query("name", self.name.as_ref())
            .query("search", self.search.as_ref())
            .query("created_by", self.created_by)
            .query("revoked", self.revoked)
    }
}

impl Client {
    /// The organization keys of the caller's organization.
    #[must_use]
    pub fn api_keys(&self) -> ApiKeys {
        ApiKeys { client: self.clone() }
    }
}

impl ApiKeys {
    /// All of them, the revoked ones too.
    pub fn list(&self) -> Pages<KeyView> {
        self.find(&KeyFilter::default())
    }

    /// Those that the filter lets pass.
    pub fn find(&self, filter: &KeyFilter) -> Pages<KeyView> {
        Pages::new(self.client.clone(), filter.on(Request::get(&path(&[]))))
    }

    /// Makes a key. The answer shows it, this once: `None` where an answer was lost and the client asked again; the key is then
    /// [rotated](Self::rotate) to get at one.
    ///
    /// # Errors
    /// `name_taken`; `insufficient_scope` for a scope that the caller lacks; faults of single terms, as `invalid_value`.
    pub async fn create(&self, key: &CreateApiKey) -> Result<CreatedKeyView, Error> {
        self.send(Request::make(&path(&[])).json(key)?).await
    }

    /// Takes over keys of another system by their hashes, so that they go on working: at most 1000. Repeatable: what was imported
    /// before is told as such.
    ///
    /// # Errors
    /// Only for the request as a whole; what is wrong with one row is told as that row's result.
    pub async fn import(&self, keys: &ImportApiKeys) -> Result<ImportView, Error> {
        self.send(Request::ask(&path(&["import"])).json(keys)?).await
    }

    /// One key.
    ///
    /// # Errors
    /// `not_found`
    pub async fn get(&self, id: Uuid) -> Result<KeyView, Error> {
        self.send(Request::get(&path(&[&id.to_string()]))).await
    }

    /// Changes what is told and leaves the rest. The name never changes.
    ///
    /// # Errors
    /// `not_found`; `key_revoked`; `name_immutable`; faults of single terms.
    pub async fn change(&self, id: Uuid, change: &PatchApiKey) -> Result<KeyView, Error> {
        self.send(Request::patch(&path(&[&id.to_string()]), change)?).await
    }

    /// Gives the key a new secret, which the answer shows this once. The old one stays good for the grace.
    ///
    /// Never sent twice by the client: where the answer is lost, [`get`](Self::get) tells by the secrets whether it was done.
    ///
    /// # Errors
    /// `rotation_in_grace` while an older secret is still good, unless forced; `key_revoked`; `not_found`.
    pub async fn rotate(&self, id: Uuid, how: &RotateKey) -> Result<CreatedKeyView, Error> {
        self.send(Request::post(&path(&[&id.to_string(), "rotate"])).json(how)?).await
    }

    /// Revokes the key, for good.
    ///
    /// # Errors
    /// `key_revoked` where that is done already, perhaps by this very call, whose answer was lost; `not_found`.
    pub async fn revoke(&self, id: Uuid, reason: &str) -> Result<KeyView, Error> {
        let body = RevokeKey { reason: reason.to_owned() };
        self.send(Request::ask(&path(&[&id.to_string(), "revoke"])).json(&body)?).await
    }

    /// Revokes the key and hides it; its name is free again. Its id, its usage and its audit stay.
    ///
    /// # Errors
    /// `not_found`; not so where this very call may have deleted it, its answer was lost, and it was sent again: that counts as done,
    /// also when it was not there before.
    pub async fn delete(&self, id: Uuid) -> Result<(), Error> {
        self.client.done(Request::delete(&path(&[&id.to_string()]))).await
    }

    async fn send<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.client.get(request).await
    }
}

fn path<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    [&["v1", "api-keys"], rest].concat()
}
