//! What happens in an organization that somebody outside may want to hear of. Knows nothing of how they hear.

use keys_core::{Id, Timestamp};
use uuid::Uuid;

use crate::{Action, OrganizationId, derived_id};

/// The id of an event.
pub type EventId = Id<Event>;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id: made of what happened, so that the same happening has the same one wherever it is noticed.
    pub id: EventId,
    /// Where.
    pub organization: OrganizationId,
    /// What.
    pub kind: EventType,
    /// When.
    pub at: Timestamp,
}

impl Event {
    /// What happened to `about` at `at`.
    pub fn new(organization: OrganizationId, kind: EventType, about: Uuid, at: Timestamp) -> Self {
        let id = derived_id(at, &[kind.as_str().as_bytes(), about.as_bytes()]);
        Self { id: id.into(), organization, kind, at }
    }
}

/// Kinds of [`Event`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is named for what it is")]
pub enum EventType {
    KeyCreated,
    KeyRotated,
    KeyRevoked,
    KeyExpiring,
    KeyExpired,
    KeyLimitReached,
    ExecutionCompleted,
    ExecutionFailed,
    MemberInvited,
    WebhookDisabled,
    /// Somebody tries a webhook out: it is told of this alone, and subscribes to it with nothing.
    WebhookTest,
}

impl EventType {
    /// Every type.
    pub const ALL: [Self; 11] = [
        Self::KeyCreated,
        Self::KeyRotated,
        Self::KeyRevoked,
        Self::KeyExpiring,
        Self::KeyExpired,
        Self::KeyLimitReached,
        Self::ExecutionCompleted,
        Self::ExecutionFailed,
        Self::MemberInvited,
        Self::WebhookDisabled,
        Self::WebhookTest,
    ];

    /// The name in storage and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KeyCreated => "key.created",
            Self::KeyRotated => "key.rotated",
            Self::KeyRevoked => "key.revoked",
            Self::KeyExpiring => "key.expiring",
            Self::KeyExpired => "key.expired",
            Self::KeyLimitReached => "key.limit_reached",
            Self::ExecutionCompleted => "execution.completed",
            Self::ExecutionFailed => "execution.failed",
            Self::MemberInvited => "member.invited",
            Self::WebhookDisabled => "webhook.disabled",
            Self::WebhookTest => "webhook.test",
        }
    }

    /// The type of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether a webhook can subscribe to it.
    pub fn is_subscribable(self) -> bool {
        self != Self::WebhookTest
    }

    /// What there is to tell of something that was done to a key. Deleting one is revoking it.
    pub fn of_key(action: Action) -> Option<Self> {
        OF_KEYS.into_iter().find(|(done, _)| *done == action).map(|(_, kind)| kind)
    }
}

const OF_KEYS: [(Action, EventType); 8] = [
    (Action::KeyCreated, EventType::KeyCreated),
    (Action::KeyImported, EventType::KeyCreated),
    (Action::PlatformKeyCreated, EventType::KeyCreated),
    (Action::KeyRotated, EventType::KeyRotated),
    (Action::PlatformKeyRefreshed, EventType::KeyRotated),
    (Action::KeyRevoked, EventType::KeyRevoked),
    (Action::KeyDeleted, EventType::KeyRevoked),
    (Action::PlatformKeyDeleted, EventType::KeyRevoked),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_by_its_name() {
        for kind in EventType::ALL {
            assert_eq!(EventType::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(EventType::parse("key.lost"), None);
    }

    #[test]
    fn the_same_happening_has_the_same_id_and_another_has_another() {
        let (about, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let at = Timestamp::from_timestamp_millis(1_700_000_000_000).unwrap();
        let later = at + chrono::TimeDelta::microseconds(1);
        let id = |kind, about, at| Event::new(Uuid::nil().into(), kind, about, at).id;
        let one = id(EventType::KeyCreated, about, at);
        assert_eq!(one, id(EventType::KeyCreated, about, at));
        for another in [
            id(EventType::KeyRotated, about, at),
            id(EventType::KeyCreated, other, at),
            id(EventType::KeyCreated, about, later),
        ] {
            assert_ne!(one, another);
        }
        assert_eq!(one.uuid().get_version_num(), 7);
        assert_eq!(one.uuid().get_variant(), uuid::Variant::RFC4122);
    }
}
