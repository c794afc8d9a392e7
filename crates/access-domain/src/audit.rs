//! What is noted of every change: who did it, what, on what, from where, when. Names, never secrets.

use std::net::IpAddr;

use keys_core::{Entropy, Id, Timestamp};
use uuid::Uuid;

use crate::Principal;

/// The id of an audit entry.
pub type AuditEntryId = Id<Act>;

/// Where a request came from, as far as that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The caller's address.
    pub address: Option<IpAddr>,
    /// The id of the request.
    pub request_id: Option<String>,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What kind of caller.
    pub kind: ActorKind,
    /// The id of the user or key; none for the command line.
    pub id: Option<Uuid>,
    /// The name that people know them by.
    pub name: String,
}

/// The kinds of [`Actor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    /// A person with a session.
    User,
    /// A platform key.
    PlatformKey,
    /// A deployment key.
    DeploymentKey,
    /// An organization key.
    OrganizationKey,
    /// Whoever ran a command on the server's machine.
    CommandLine,
}

impl ActorKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::User,
        Self::PlatformKey,
        Self::DeploymentKey,
        Self::OrganizationKey,
        Self::CommandLine,
    ];

    /// The name in storage and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::PlatformKey => "platform_key",
            Self::DeploymentKey => "deployment_key",
            Self::OrganizationKey => "organization_key",
            Self::CommandLine => "command_line",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Actor {
    /// The actor that a principal is.
    pub fn of(who: &Principal) -> Self {
        let (kind, name) = match who {
            Principal::User { username, .. } => (ActorKind::User, username.as_str().to_owned()),
            Principal::PlatformKey { slot, .. } => (ActorKind::PlatformKey, slot.to_string()),
            Principal::DeploymentKey { name, .. } => (ActorKind::DeploymentKey, name.clone()),
            Principal::OrganizationKey { name, .. } => (ActorKind::OrganizationKey, name.clone()),
        };
        Self { kind, id: Some(who.actor()), name }
    }

    /// Whoever runs the binary.
    pub fn command_line() -> Self {
        Self { kind: ActorKind::CommandLine, id: None, name: String::new() }
    }
}

/// One deed, as its use case tells storage of it. What it was done to, storage adds from the row
/// that it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// The id of the entry.
    pub id: AuditEntryId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: Action,
    /// From where.
    pub origin: Origin,
}

impl Act {
    /// A deed of `actor` at `at`.
    pub fn new(
        action: Action,
        actor: Actor,
        origin: Origin,
        at: Timestamp,
        entropy: &dyn Entropy,
    ) -> Self {
        Self { id: Id::generate(at, entropy), at, actor, action, origin }
    }
}

/// What can be done that is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named for what it is")]
pub enum Action {
    OrganizationCreated,
    OrganizationChanged,
    PlatformKeyCreated,
    PlatformKeyRefreshed,
    PlatformKeyActivated,
    PlatformKeyDeactivated,
    PlatformKeyDeleted,
    KeyCreated,
    KeyImported,
    KeyChanged,
    KeyRotated,
    KeyRevoked,
    KeyDeleted,
    WorkflowCreated,
    WorkflowChanged,
    WorkflowDeleted,
    DeploymentCreated,
    DeploymentChanged,
    DeploymentDeleted,
    Refused,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 20] = [
        Self::OrganizationCreated,
        Self::OrganizationChanged,
        Self::PlatformKeyCreated,
        Self::PlatformKeyRefreshed,
        Self::PlatformKeyActivated,
        Self::PlatformKeyDeactivated,
        Self::PlatformKeyDeleted,
        Self::KeyCreated,
        Self::KeyImported,
        Self::KeyChanged,
        Self::KeyRotated,
        Self::KeyRevoked,
        Self::KeyDeleted,
        Self::WorkflowCreated,
        Self::WorkflowChanged,
        Self::WorkflowDeleted,
        Self::DeploymentCreated,
        Self::DeploymentChanged,
        Self::DeploymentDeleted,
        Self::Refused,
    ];

    /// The name in storage and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrganizationCreated => "organization.created",
            Self::OrganizationChanged => "organization.changed",
            Self::PlatformKeyCreated => "platform_key.created",
            Self::PlatformKeyRefreshed => "platform_key.refreshed",
            Self::PlatformKeyActivated => "platform_key.activated",
            Self::PlatformKeyDeactivated => "platform_key.deactivated",
            Self::PlatformKeyDeleted => "platform_key.deleted",
            Self::KeyCreated => "key.created",
            Self::KeyImported => "key.imported",
            Self::KeyChanged => "key.changed",
            Self::KeyRotated => "key.rotated",
            Self::KeyRevoked => "key.revoked",
            Self::KeyDeleted => "key.deleted",
            Self::WorkflowCreated => "workflow.created",
            Self::WorkflowChanged => "workflow.changed",
            Self::WorkflowDeleted => "workflow.deleted",
            Self::DeploymentCreated => "deployment.created",
            Self::DeploymentChanged => "deployment.changed",
            Self::DeploymentDeleted => "deployment.deleted",
            Self::Refused => "refused",
        }
    }

    /// The action of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }
}
