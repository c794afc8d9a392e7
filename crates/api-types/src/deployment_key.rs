//! Keys of deployments.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Time,
    body::{clearable, present},
};

/// `POST …/api-deployment/{id}/keys/`. At most one of the two expiries may be given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateDeploymentKey {
    /// Whom it is for.
    #[serde(default)]
    pub description: String,
    /// Until when it is good; absent or `null`: for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// For how many days it is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u32>,
}

/// `PATCH …/keys/{key_id}/`: what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PatchDeploymentKey {
    /// Whether it is switched on.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
    /// Whom it is for; `null` clears it.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// Until when it is good; `null` lifts the term.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Option<Time>>,
}

/// What is told of a key after its making.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeploymentKeyView {
    /// Its id.
    pub id: Uuid,
    /// The deployment that it opens.
    pub deployment: Uuid,
    /// Whom it is for.
    pub description: String,
    /// Whether it is switched on.
    pub is_active: bool,
    /// Until when it is good.
    pub expires_at: Option<Time>,
    /// Reminds its owner which one it is.
    pub hint: String,
    /// The first 16 hexadecimal digits of the key's SHA-256.
    pub fingerprint: String,
    /// The user or key that made it.
    pub created_by: Option<Uuid>,
    /// When it was made.
    pub created_at: Time,
}

/// A new key.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedDeploymentKeyView {
    /// What is told of it later as well.
    #[serde(flatten)]
    pub record: DeploymentKeyView,
    /// The key. It is shown this once.
    pub key: String,
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use deployments_domain::{DeploymentKey, DeploymentKeyEdit, KeyDraft};

    use super::{CreateDeploymentKey, DeploymentKeyView, PatchDeploymentKey};
    use crate::Time;

    impl From<CreateDeploymentKey> for KeyDraft {
        fn from(body: CreateDeploymentKey) -> Self {
            Self {
                description: body.description,
                expires_at: body.expires_at.map(|Time(at)| at),
                expires_in_days: body.expires_in_days,
            }
        }
    }

    impl From<PatchDeploymentKey> for DeploymentKeyEdit {
        fn from(body: PatchDeploymentKey) -> Self {
            Self {
                is_active: body.is_active,
                description: body.description.map(Option::unwrap_or_default),
                expires_at: body.expires_at.map(|at| at.map(|Time(at)| at)),
            }
        }
    }

    impl From<DeploymentKey> for DeploymentKeyView {
        fn from(key: DeploymentKey) -> Self {
            Self {
                id: key.id.uuid(),
                deployment: key.deployment.uuid(),
                description: key.description,
                is_active: key.is_active,
                expires_at: key.expires_at.map(Time),
                hint: key.hint,
                fingerprint: key.fingerprint.as_str().into(),
                created_by: key.created_by,
                created_at: Time(key.created_at),
            }
        }
    }
}
