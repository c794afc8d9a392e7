//! Secrets of an organization, as far as anybody is told of them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Time;

/// `PUT …/secrets/{name}/`
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PutSecret {
    /// The value, of 1 byte to 64 KiB. It is never told again.
    pub value: String,
}

/// A secret, without its value.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecretView {
    /// Its name, by which workflows use it: `{{ secrets.NAME }}`.
    pub name: String,
    /// When its value was set.
    pub set_at: Time,
    /// The user who set it.
    pub set_by: Uuid,
    /// Their name at that time.
    pub set_by_name: String,
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use access_domain::OrganizationSecret;

    use super::SecretView;
    use crate::Time;

    impl From<OrganizationSecret> for SecretView {
        fn from(secret: OrganizationSecret) -> Self {
            Self {
                name: secret.name.as_str().to_owned(),
                set_at: Time(secret.set_at),
                set_by: secret.set_by,
                set_by_name: secret.set_by_name,
            }
        }
    }
}
