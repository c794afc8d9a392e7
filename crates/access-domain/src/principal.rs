//! Who is calling, once their credential was found good.

use keys_core::{Id, KeyId, Scope, Scopes, Slot, StoredSecret, Timestamp};
use uuid::Uuid;

use crate::{CallBounds, KeyOwner, KeyRecord, OrganizationName, Role, UserId, Username};

/// Names a deployment in [`DeploymentId`]. This crate knows of deployments that they have ids.
#[derive(Debug)]
pub enum DeploymentTag {}

/// The id of a deployment.
pub type DeploymentId = Id<DeploymentTag>;

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
        /// The name they log in by.
        username: Username,
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
        /// What its calls are bounded by.
        bounds: CallBounds,
    },
    /// A program that does what its key's scopes say.
    OrganizationKey {
        /// The key.
        id: KeyId,
        /// Its organization.
        organization: OrganizationName,
        /// Its name.
        name: String,
        /// What it may do.
        scopes: Scopes,
        /// When it ends, if it does.
        expires_at: Option<Timestamp>,
    },
}

impl Principal {
    /// The principal that a key stands for, if it is good.
    pub fn of_key(record: &KeyRecord) -> Self {
        let KeyRecord { id, organization, name, key, bounds, .. } = record;
        let (id, expires_at, bounds) = (*id, key.expires_at, *bounds);
        let (organization, name) = (organization.clone(), name.clone());
        match key.owner {
            KeyOwner::Platform(slot) => Self::PlatformKey { id, organization, slot, expires_at },
            KeyOwner::Deployment(deployment) => {
                Self::DeploymentKey { id, organization, deployment, name, expires_at, bounds }
            }
            KeyOwner::Organization => {
                let scopes = key.scopes.clone();
                Self::OrganizationKey { id, organization, name, scopes, expires_at }
            }
        }
    }

    /// The organization in which the caller acts.
    pub fn organization(&self) -> &OrganizationName {
        match self {
            Self::User { organization, .. }
            | Self::PlatformKey { organization, .. }
            | Self::DeploymentKey { organization, .. }
            | Self::OrganizationKey { organization, .. } => organization,
        }
    }

    /// The id that `created_by` records.
    pub fn actor(&self) -> Uuid {
        match self {
            Self::User { id, .. } => id.uuid(),
            Self::PlatformKey { id, .. }
            | Self::DeploymentKey { id, .. }
            | Self::OrganizationKey { id, .. } => id.uuid(),
        }
    }

    /// Whether the caller may give a key this scope: administrators and platform keys any, a key
    /// those that it has.
    pub(crate) fn may_give(&self, scope: &Scope) -> bool {
        match self {
            Self::User { role, .. } => *role == Role::Admin,
            Self::PlatformKey { .. } => true,
            Self::DeploymentKey { .. } => false,
            Self::OrganizationKey { scopes, .. } => scopes.include(scope.as_str()),
        }
    }

    /// Whether this is a key that does an administrator's work: a platform key, or one with the
    /// scope `admin`.
    pub(crate) fn is_administrative_key(&self) -> bool {
        match self {
            Self::PlatformKey { .. } => true,
            Self::OrganizationKey { scopes, .. } => scopes.include(Scope::ADMIN),
            Self::User { .. } | Self::DeploymentKey { .. } => false,
        }
    }
}
