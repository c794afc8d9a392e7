//! What is noted of every change: who did it, what, on what, from where, when. Names, never secrets.

use std::net::IpAddr;

use keys_core::{Entropy, Id, Timestamp};
use uuid::Uuid;

use crate::{
    OrganizationId, Principal, Repeatable, SearchText, TraceContext, derived_id::mixed_id,
};

/// The id of an audit entry.
pub type AuditEntryId = Id<Act>;

/// Where a request came from, as far as that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The caller's address.
    pub address: Option<IpAddr>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// The trace that it is a part of; nothing of the audit.
    pub trace: Option<TraceContext>,
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
    /// The request that asked for it, where it may be sent again: what it made is remembered.
    pub repeatable: Option<Repeatable>,
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
        Self { id: Id::generate(at, entropy), at, actor, action, origin, repeatable: None }
    }

    /// Something that is done to `about` together with this: by the same one, at the same time. Its
    /// id is made of the two, so that storage needs no randomness for it. A request is remembered by
    /// what it asked for, and not by this.
    #[must_use]
    pub fn along_with(&self, action: Action, about: Uuid) -> Self {
        let own = self.id.uuid();
        // The beginning of a UUIDv7 is its time, in which the entries are ordered.
        let millis = u64::try_from(own.as_u128() >> 80).unwrap_or_default();
        let id = mixed_id(millis, &[own.as_bytes(), about.as_bytes()]);
        Self { id: id.into(), action, repeatable: None, ..self.clone() }
    }
}

/// What a deed was done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What kind of thing.
    pub kind: SubjectKind,
    /// Its id; none for an operation.
    pub id: Option<Uuid>,
    /// The name that people know it by.
    pub name: String,
}

impl Subject {
    /// A thing with an id.
    pub fn new<T: ?Sized>(kind: SubjectKind, id: Id<T>, name: impl Into<String>) -> Self {
        Self { kind, id: Some(id.uuid()), name: name.into() }
    }
}

/// The kinds of [`Subject`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectKind {
    /// The organization itself.
    Organization,
    /// A platform key.
    PlatformKey,
    /// A key of a deployment.
    DeploymentKey,
    /// A key of the organization.
    OrganizationKey,
    /// A workflow.
    Workflow,
    /// A deployment.
    Deployment,
    /// A secret of the organization.
    Secret,
    /// A webhook.
    Webhook,
    /// A notice on its way to somebody, named for its event.
    Delivery,
    /// A person.
    User,
    /// An invitation of somebody.
    Invitation,
    /// What a refused caller asked for: a method and an address.
    Operation,
}

impl SubjectKind {
    /// The name in storage and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::PlatformKey => "platform_key",
            Self::DeploymentKey => "deployment_key",
            Self::OrganizationKey => "organization_key",
            Self::Workflow => "workflow",
            Self::Deployment => "deployment",
            Self::Secret => "secret",
            Self::Webhook => "webhook",
            Self::Delivery => "delivery",
            Self::User => "user",
            Self::Invitation => "invitation",
            Self::Operation => "operation",
        }
    }
}

/// What is kept of a deed: texts and numbers exactly as they are stored, since a seal covers what is
/// written, not what somebody reads it as.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is a column of the same name, told of in `migrations/`")]
pub struct AuditEntry {
    pub id: String,
    pub organization_id: String,
    /// Microseconds since 1970.
    pub at: i64,
    pub actor_kind: String,
    pub actor_id: Option<String>,
    pub actor_name: String,
    pub action: String,
    pub subject_kind: String,
    pub subject_id: Option<String>,
    pub subject_name: String,
    pub reason: Option<String>,
    pub occurrences: i32,
    pub address: Option<String>,
    pub request_id: Option<String>,
}

impl AuditEntry {
    /// The entry of `act` on `subject`.
    pub fn of(organization: OrganizationId, act: &Act, subject: Subject) -> Self {
        Self {
            id: act.id.uuid().to_string(),
            organization_id: organization.uuid().to_string(),
            at: act.at.timestamp_micros(),
            actor_kind: act.actor.kind.as_str().into(),
            actor_id: act.actor.id.map(|id| id.to_string()),
            actor_name: act.actor.name.clone(),
            action: act.action.as_str().into(),
            subject_kind: subject.kind.as_str().into(),
            subject_id: subject.id.map(|id| id.to_string()),
            subject_name: subject.name,
            reason: None,
            occurrences: 1,
            address: act.origin.address.map(|address| address.to_string()),
            request_id: act.origin.request_id.clone(),
        }
    }

    /// The same, with why it was done.
    #[must_use]
    pub fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()).filter(|reason| !reason.is_empty()), ..self }
    }
}

/// Which entries are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Those of this action.
    pub action: Option<Action>,
    /// Those of whoever has this id or this name.
    pub actor: Option<String>,
    /// Those from then on.
    pub from: Option<Timestamp>,
    /// Those before then.
    pub to: Option<Timestamp>,
    /// Those of something that has this in its name.
    pub search: Option<SearchText>,
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
    ScheduleSet,
    ScheduleRemoved,
    DeploymentCreated,
    DeploymentChanged,
    DeploymentDeleted,
    SecretSet,
    SecretDeleted,
    WebhookCreated,
    WebhookChanged,
    WebhookRotated,
    WebhookDeleted,
    DeliveryReplayed,
    PasswordChanged,
    WorkflowShared,
    DeploymentShared,
    MemberInvited,
    MemberJoined,
    MemberRoleChanged,
    MemberRemoved,
    MemberLeft,
    InvitationWithdrawn,
    PasswordReset,
    Refused,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 39] = [
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
        Self::ScheduleSet,
        Self::ScheduleRemoved,
        Self::DeploymentCreated,
        Self::DeploymentChanged,
        Self::DeploymentDeleted,
        Self::SecretSet,
        Self::SecretDeleted,
        Self::WebhookCreated,
        Self::WebhookChanged,
        Self::WebhookRotated,
        Self::WebhookDeleted,
        Self::DeliveryReplayed,
        Self::PasswordChanged,
        Self::WorkflowShared,
        Self::DeploymentShared,
        Self::MemberInvited,
        Self::MemberJoined,
        Self::MemberRoleChanged,
        Self::MemberRemoved,
        Self::MemberLeft,
        Self::InvitationWithdrawn,
        Self::PasswordReset,
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
            Self::ScheduleSet => "schedule.set",
            Self::ScheduleRemoved => "schedule.removed",
            Self::DeploymentCreated => "deployment.created",
            Self::DeploymentChanged => "deployment.changed",
            Self::DeploymentDeleted => "deployment.deleted",
            Self::SecretSet => "secret.set",
            Self::SecretDeleted => "secret.deleted",
            Self::WebhookCreated => "webhook.created",
            Self::WebhookChanged => "webhook.changed",
            Self::WebhookRotated => "webhook.rotated",
            Self::WebhookDeleted => "webhook.deleted",
            Self::DeliveryReplayed => "delivery.replayed",
            Self::PasswordChanged => "user.password_changed",
            Self::WorkflowShared => "workflow.shared",
            Self::DeploymentShared => "deployment.shared",
            Self::MemberInvited => "member.invited",
            Self::MemberJoined => "member.joined",
            Self::MemberRoleChanged => "member.role_changed",
            Self::MemberRemoved => "member.removed",
            Self::MemberLeft => "member.left",
            Self::InvitationWithdrawn => "invitation.withdrawn",
            Self::PasswordReset => "user.password_reset",
            Self::Refused => "refused",
        }
    }

    /// The action of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_along_with_a_deed_has_its_time_and_an_id_of_its_own() {
        let id = Uuid::from_u128(0x0190_0000_1234_7abc_8def_0123_4567_89ab).into();
        let (at, origin) = (Timestamp::UNIX_EPOCH, Origin::default());
        let actor = Actor::command_line();
        let action = Action::DeploymentCreated;
        let act = Act { id, at, actor, action, origin, repeatable: None };
        let about = |key: u128| act.along_with(Action::KeyCreated, Uuid::from_u128(key)).id.uuid();
        let one = about(0x0190_0000_9999_7123_8456_0000_0000_0001);
        assert_eq!(one.as_u128() >> 76, id.uuid().as_u128() >> 76);
        assert_eq!(one.get_version_num(), 7);
        assert_eq!(one.get_variant(), uuid::Variant::RFC4122);
        assert_ne!(one, id.uuid());
        assert_ne!(one, about(0x0190_0000_9999_7123_8456_0000_0000_0002));
    }
}
