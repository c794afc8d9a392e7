//! Who is calling, once their credential was found good.

use keys_core::{Id, Key, KeyId, Slot, StoredSecret, Timestamp};
use uuid::Uuid;

use crate::{OrganizationName, Role, UserId};

/// Names a deployment in [`DeploymentId`]. This crate knows of deployments that they have ids.
#[derive(Debug)]
pub enum DeploymentTag {}

/// The id of a deployment.
pub type DeploymentId = Id<DeploymentTag>;

/// What a key speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOwner {
    /// The organization: a platform key.
    Platform(Slot),
    /// One deployment.
    Deployment(DeploymentId),
}

/// A key as authentication finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The key's id.
    pub id: KeyId,
    /// The organization that it belongs to.
    pub organization: OrganizationName,
    /// `Key #1` for a platform key, the description of a deployment key.
    pub name: String,
    /// The facts that decide its fate.
    pub key: Key<KeyOwner>,
}

/// A key that is about to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// What is kept of its secret.
    pub secret: StoredSecret,
    /// The id of the user or key that made it; none when the command line did.
    pub created_by: Option<Uuid>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An authenticated caller in one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A person with a session.
    User {
        /// Who.
        id: UserId,
        /// In which of their organizations they act.
        organization: OrganizationName,
        /// Their role there, read for this request.
        role: Role,
    },
    /// A program that manages the organization.
    PlatformKey {
        /// The key.
        id: KeyId,
        /// Its organization.
        organization: OrganizationName,
        /// Its slot.
        slot: Slot,
        /// When it ends, if it does.
        expires_at: Option<Timestamp>,
    },
    /// A program that calls one deployment.
    DeploymentKey {
        /// The key.
        id: KeyId,
        /// Its organization.
        organization: OrganizationName,
        /// Its deployment.
        deployment: DeploymentId,
        /// Its description.
        name: String,
        /// When it ends, if it does.
        expires_at: Option<Timestamp>,
    },
}

impl Principal {
    /// The principal that a good key stands for.
    pub(crate) fn of_key(record: KeyRecord) -> Self {
        let KeyRecord { id, organization, name, key } = record;
        let expires_at = key.expires_at;
        match key.owner {
            KeyOwner::Platform(slot) => Self::PlatformKey { id, organization, slot, expires_at },
            KeyOwner::Deployment(deployment) => {
                Self::DeploymentKey { id, organization, deployment, name, expires_at }
            }
        }
    }

    /// The organization in which the caller acts.
    pub fn organization(&self) -> &OrganizationName {
        match self {
            Self::User { organization, .. }
            | Self::PlatformKey { organization, .. }
            | Self::DeploymentKey { organization, .. } => organization,
        }
    }

    /// The id that `created_by` records.
    pub fn actor(&self) -> Uuid {
        match self {
            Self::User { id, .. } => id.uuid(),
            Self::PlatformKey { id, .. } | Self::DeploymentKey { id, .. } => id.uuid(),
        }
    }
}
