//! Who is calling: sessions, users, organizations.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Time;

// No `Debug`: it carries a password.
/// User name and password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogIn {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

/// A session of a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionView {
    /// Whose it is.
    pub user: UserView,
    /// Where they belong.
    pub organizations: Vec<MembershipView>,
    /// To be sent as `X-CSRF-Token` with every request of this session that changes something.
    pub csrf_token: String,
}

// No `Debug`: it carries passwords.
/// The present password and the one in its place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangePassword {
    /// The present password.
    pub current: String,
    /// The new one: another, of at least 12 characters and at most 1024 bytes.
    pub new: String,
}

/// One of a person's sessions, as they see it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OwnSessionView {
    /// Its id.
    pub id: Uuid,
    /// When it began.
    pub created_at: Time,
    /// When it was last in use, to the minute.
    pub last_used_at: Time,
    /// Where its log-in came from; `null` where that is not known.
    pub address: Option<String>,
    /// What the browser said of itself when it logged in: at most 200 printable characters.
    pub user_agent: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// A person.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserView {
    /// Their id.
    pub id: Uuid,
    /// The name they log in by.
    pub username: String,
    /// Where notices go.
    pub email: Option<String>,
}

/// An organization and one's role in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MembershipView {
    /// The organization's id.
    pub id: Uuid,
    /// Its name in addresses.
    pub slug: String,
    /// `admin` or `user`.
    pub role: String,
}

/// An organization.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrganizationView {
    /// Its id.
    pub id: Uuid,
    /// Its name in addresses.
    pub slug: String,
}

/// `GET /v1/whoami`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WhoamiView {
    /// `user`, `platform_key`, `deployment_key` or `organization_key`.
    pub kind: String,
    /// The organization in which the caller acts.
    pub organization: OrganizationView,
    /// What the key was given; empty for people and for kinds of key that have no scopes.
    pub scopes: Vec<String>,
    /// The name of the key; `null` for people.
    pub key_name: Option<String>,
    /// Until when the key is good.
    pub expires_at: Option<Time>,
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use access_domain::{Membership, OrganizationName, Principal, Session, SessionId, User};

    use super::{MembershipView, OrganizationView, OwnSessionView, UserView, WhoamiView};
    use crate::Time;

    impl From<User> for UserView {
        fn from(user: User) -> Self {
            Self {
                id: user.id.uuid(),
                username: user.username.as_str().into(),
                email: user.email.map(|email| email.as_str().into()),
            }
        }
    }

    impl OwnSessionView {
        /// The session, as it is seen by the one with the id `present`.
        pub fn new(session: Session, present: SessionId) -> Self {
            Self {
                id: session.id.uuid(),
                created_at: Time(session.created_at),
                last_used_at: Time(session.last_used_at),
                address: session.address.map(|address| address.to_string()),
                user_agent: session.user_agent,
                current: session.id == present,
            }
        }
    }

    impl From<Membership> for MembershipView {
        fn from(membership: Membership) -> Self {
            let OrganizationName { id, slug } = membership.organization;
            Self { id: id.uuid(), slug, role: membership.role.as_str().into() }
        }
    }

    impl From<OrganizationName> for OrganizationView {
        fn from(organization: OrganizationName) -> Self {
            Self { id: organization.id.uuid(), slug: organization.slug }
        }
    }

    impl From<&Principal> for WhoamiView {
        fn from(who: &Principal) -> Self {
            let (kind, key_name, expires_at) = match who {
                Principal::User { .. } => ("user", None, None),
                Principal::PlatformKey { slot, expires_at, .. } => {
                    ("platform_key", Some(slot.to_string()), *expires_at)
                }
                Principal::DeploymentKey { name, expires_at, .. } => {
                    ("deployment_key", Some(name.clone()), *expires_at)
                }
                Principal::OrganizationKey { name, expires_at, .. } => {
                    ("organization_key", Some(name.clone()), *expires_at)
                }
            };
            let scopes = match who {
                Principal::OrganizationKey { scopes, .. } => {
                    scopes.iter().map(ToString::to_string).collect()
                }
                Principal::User { .. }
                | Principal::PlatformKey { .. }
                | Principal::DeploymentKey { .. } => Vec::new(),
            };
            Self {
                kind: kind.into(),
                organization: who.organization().clone().into(),
                scopes,
                key_name,
                expires_at: expires_at.map(Time),
            }
        }
    }
}
