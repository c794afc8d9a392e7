//! The two platform keys of an organization.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Time, body::present};

/// `POST …/platform-keys/`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatePlatformKey {
    /// 1 or 2; the first empty one when absent.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub slot: Option<i16>,
    /// Whether it becomes the active one; absent: only if none is.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub activate: Option<bool>,
}

/// `PATCH …/platform-keys/{id}/`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PatchPlatformKey {
    /// Activating one deactivates the other.
    pub is_active: bool,
}

/// `POST …/platform-keys/{id}/refresh/` and `DELETE …/platform-keys/{id}/`, where the old secret
/// dies.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WithdrawPlatformKey {
    /// Whether every key that it made is revoked, and every key that these made: for a key that
    /// leaked.
    #[serde(default)]
    pub revoke_made: bool,
}

/// Both slots.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlatformKeysView {
    /// Always two.
    pub items: Vec<PlatformKeyView>,
}

/// One slot; of an empty one only `slot` and `id: null` are told.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlatformKeyView {
    /// 1 or 2.
    pub slot: i16,
    /// The key's id.
    pub id: Option<Uuid>,
    /// `Key #1` or `Key #2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
    /// Whether it is the active one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
    /// Reminds its owner which one it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The first 16 hexadecimal digits of the key's SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The user that made it; absent when it was made with the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<Uuid>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    /// When its present secret was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_created_at: Option<Time>,
}

/// A platform key with a new secret.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedPlatformKeyView {
    /// What is told of it later as well.
    #[serde(flatten)]
    pub record: PlatformKeyView,
    /// The key. It is shown this once: `null` where the request was answered before.
    pub key: Option<String>,
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use access_domain::PlatformKey;
    use keys_core::{PlatformKeys, Slot};

    use super::{PlatformKeyView, PlatformKeysView};
    use crate::Time;

    impl PlatformKeyView {
        /// The view of one slot.
        pub fn of(keys: &PlatformKeys<PlatformKey>, slot: Slot) -> Self {
            let number = slot.number();
            let Some(key) = keys.get(slot) else {
                return Self { slot: number, ..Self::default() };
            };
            Self {
                slot: number,
                id: Some(key.id.uuid()),
                key_name: Some(slot.to_string()),
                is_active: Some(keys.active() == Some(slot)),
                hint: Some(key.hint.clone()),
                fingerprint: Some(key.fingerprint.as_str().into()),
                created_by: key.created_by,
                created_at: Some(Time(key.created_at)),
                secret_created_at: Some(Time(key.secret_created_at)),
            }
        }
    }

    impl From<&PlatformKeys<PlatformKey>> for PlatformKeysView {
        fn from(keys: &PlatformKeys<PlatformKey>) -> Self {
            Self { items: Slot::ALL.map(|slot| PlatformKeyView::of(keys, slot)).into() }
        }
    }
}
