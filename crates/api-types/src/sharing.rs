//! With whom workflows and deployments are shared.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `PUT …/share/`: what is left out is shared no more.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PutSharing {
    /// Members of the organization, each by id or by user name; 500 at most.
    #[serde(default)]
    pub users: Vec<String>,
    /// Whether every member sees it, those of tomorrow too.
    #[serde(default)]
    pub everyone: bool,
}

/// With whom something is shared, beside its owner and the administrators.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SharingView {
    /// The ids of the members.
    pub users: Vec<Uuid>,
    /// Whether every member sees it.
    pub everyone: bool,
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use deployments_domain::{Sharing, SharingDraft};

    use super::{PutSharing, SharingView};

    impl From<PutSharing> for SharingDraft {
        fn from(body: PutSharing) -> Self {
            Self { users: body.users, everyone: body.everyone }
        }
    }

    impl From<Sharing> for SharingView {
        fn from(sharing: Sharing) -> Self {
            let users = sharing.users.iter().map(|user| user.uuid()).collect();
            Self { users, everyone: sharing.everyone }
        }
    }
}
