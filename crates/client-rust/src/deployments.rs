//! Deployments: made, changed, withdrawn; and their keys.

use api_types::{
    CreateDeployment, CreateDeploymentKey, CreatedDeploymentView, CreatedKeyView, DeploymentView,
    KeyView, PatchDeployment, PatchDeploymentKey, RevokeKey, RotateKey,
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{Error, KeyFilter, ListFilter, Organization, Pages, request::Request};

/// The deployments of an organization, as they are managed. They are called by [`Client::deployment`](crate::Client::deployment).
#[derive(Debug, Clone)]
pub struct Deployments {
    organization: Organization,
}

impl Deployments {
    pub(crate) fn of(organization: Organization) -> Self {
        Self { organization }
    }

    /// All that the key may see.
    pub fn list(&self) -> Pages<DeploymentView> {
        self.find(&ListFilter::default())
    }

    /// Those that the filter lets pass.
    pub fn find(&self, filter: &ListFilter) -> Pages<DeploymentView> {
        let request = filter.on(Request::get(&self.path(&[])));
        Pages::new(self.organization.client().clone(), request)
    }

    /// Deploys a workflow. The answer has the first key, this once: `None` where an answer was lost and the client asked again; the
    /// key is then rotated to get at one.
    ///
    /// # Errors
    /// `api_name_taken`; `unknown_reference` for a workflow that is not there; faults of single terms.
    pub async fn create(
        &self,
        deployment: &CreateDeployment,
    ) -> Result<CreatedDeploymentView, Error> {
        self.send(Request::make(&self.path(&[])).json(deployment)?).await
    }

    /// One deployment.
    ///
    /// # Errors
    /// `not_found`
    pub async fn get(&self, id: Uuid) -> Result<DeploymentView, Error> {
        self.send(Request::get(&self.path(&[&id.to_string()]))).await
    }

    /// Changes what is told and leaves the rest.
    ///
    /// # Errors
    /// `not_found`; and those of [`create`](Self::create).
    pub async fn change(
        &self,
        id: Uuid,
        change: &PatchDeployment,
    ) -> Result<DeploymentView, Error> {
        self.send(Request::patch(&self.path(&[&id.to_string()]), change)?).await
    }

    /// Sets every term anew; what is left out goes back to its default. Keys and executions stay.
    ///
    /// # Errors
    /// As of [`change`](Self::change).
    pub async fn replace(&self, id: Uuid, by: &CreateDeployment) -> Result<DeploymentView, Error> {
        self.send(Request::put(&self.path(&[&id.to_string()]), by)?).await
    }

    /// Deletes a deployment: its keys open nothing from now on. Executions that were accepted go on.
    ///
    /// # Errors
    /// `not_found`; not so where this very call may have deleted it, its answer was lost, and it was sent again: that counts as done,
    /// also when it was not there before.
    pub async fn delete(&self, id: Uuid) -> Result<(), Error> {
        let request = Request::delete(&self.path(&[&id.to_string()]));
        self.organization.client().done(request).await
    }

    /// The keys of one deployment.
    #[must_use]
    pub fn keys(&self, deployment: Uuid) -> DeploymentKeys {
        let (organization, deployment) = (self.organization.clone(), deployment.to_string());
        DeploymentKeys { organization, deployment }
    }

    async fn send<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.organization.client().get(request).await
    }

    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        self.organization.path(&[&["api-deployment"], rest].concat())
    }
}

/// The keys of one deployment.
#[derive(Debug, Clone)]
pub struct DeploymentKeys {
    organization: Organization,
    deployment: String,
}

impl DeploymentKeys {
    /// All of them, the revoked ones too.
    pub fn list(&self) -> Pages<KeyView> {
        self.find(&KeyFilter::default())
    }

    /// Those that the filter lets pass; keys of deployments have no `name`.
    pub fn find(&self, filter: &KeyFilter) -> Pages<KeyView> {
        let request = filter.on(Request::get(&self.path(&[])));
        Pages::new(self.organization.client().clone(), request)
    }

    /// Makes a key. The answer shows it, this once: `None` where an answer was lost and the client asked again; the key is then
    /// [rotated](Self::rotate) to get at one.
    ///
    /// # Errors
    /// `not_found` for a deployment that is not there; faults of single terms.
    pub async fn create(&self, key: &CreateDeploymentKey) -> Result<CreatedKeyView, Error> {
        self.send(Request::make(&self.path(&[])).json(key)?).await
    }

    /// One key.
    ///
    /// # Errors
    /// `not_found`
    pub async fn get(&self, id: Uuid) -> Result<KeyView, Error> {
        self.send(Request::get(&self.path(&[&id.to_string()]))).await
    }

    /// Changes what is told and leaves the rest.
    ///
    /// # Errors
    /// `not_found`; `key_revoked`; faults of single terms.
    pub async fn change(&self, id: Uuid, change: &PatchDeploymentKey) -> Result<KeyView, Error> {
        self.send(Request::patch(&self.path(&[&id.to_string()]), change)?).await
    }

    /// Gives the key a new secret, which the answer shows this once. The old one stays good for the grace.
    ///
    /// Never sent twice by the client: where the answer is lost, [`get`](Self::get) tells by the secrets whether it was done.
    ///
    /// # Errors
    /// `rotation_in_grace` while an older secret is still good, unless forced; `key_revoked`; `not_found`.
    pub async fn rotate(&self, id: Uuid, how: &RotateKey) -> Result<CreatedKeyView, Error> {
        self.send(Request::post(&self.path(&[&id.to_string(), "rotate"])).json(how)?).await
    }

    /// Revokes the key, for good.
    ///
    /// # Errors
    /// `key_revoked` where that is done already, perhaps by this very call, whose answer was lost; `not_found`.
    pub async fn revoke(&self, id: Uuid, reason: &str) -> Result<KeyView, Error> {
        let body = RevokeKey { reason: reason.to_owned() };
        self.send(Request::ask(&self.path(&[&id.to_string(), "revoke"])).json(&body)?).await
    }

    /// Revokes the key and hides it. Its id, its usage and its audit stay.
    ///
    /// # Errors
    /// `not_found`; not so where this very call may have deleted it, its answer was lost, and it was sent again: that counts as done,
    /// also when it was not there before.
    pub async fn delete(&self, id: Uuid) -> Result<(), Error> {
        let request = Request::delete(&self.path(&[&id.to_string()]));
        self.organization.client().done(request).await
    }

    async fn send<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.organization.client().get(request).await
    }

    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        self.organization.path(&[&["api-deployment", &self.deployment, "keys"], rest].concat())
    }
}
