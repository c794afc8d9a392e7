//! What was done, by whom.

use serde::{Deserialize, Serialize};

use crate::Time;

/// One entry of the audit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntryView {
    /// The entry's id.
    pub id: String,
    /// When.
    pub at: Time,
    /// What, as `key.revoked`; `refused` where a known caller might not.
    pub action: String,
    /// Who.
    pub actor: ActorView,
    /// On what.
    pub subject: SubjectView,
    /// Why a key was revoked, or the code of the refusal.
    pub reason: Option<String>,
    /// How often within the minute: refusals are counted, everything else stands alone.
    pub occurrences: i32,
    /// From where.
    pub address: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
}

/// Who did it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ActorView {
    /// `user`, `platform_key`, `deployment_key`, `organization_key` or `command_line`.
    pub kind: String,
    /// The id of the user or key; `null` for the command line.
    pub id: Option<String>,
    /// The name that it had then.
    pub name: String,
}

/// What it was done to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SubjectView {
    /// `organization`, `platform_key`, `deployment_key`, `organization_key`, `workflow`, `deployment`,
    /// or `operation` where a caller was refused.
    pub kind: String,
    /// Its id; `null` for an operation.
    pub id: Option<String>,
    /// The name that it had then; of an operation its method and the pattern of its address.
    pub name: String,
}

impl AuditEntryView {
    /// The columns of a table of entries.
    pub const COLUMNS: [&'static str; 13] = [
        "id",
        "at",
        "action",
        "actor_kind",
        "actor_id",
        "actor_name",
        "subject_kind",
        "subject_id",
        "subject_name",
        "reason",
        "occurrences",
        "address",
        "request_id",
    ];

    /// The entry as a row of that table.
    pub fn cells(self) -> [String; 13] {
        let (actor, subject) = (self.actor, self.subject);
        [
            self.id,
            self.at.to_string(),
            self.action,
            actor.kind,
            actor.id.unwrap_or_default(),
            actor.name,
            subject.kind,
            subject.id.unwrap_or_default(),
            subject.name,
            self.reason.unwrap_or_default(),
            self.occurrences.to_string(),
            self.address.unwrap_or_default(),
            self.request_id.unwrap_or_default(),
        ]
    }
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use access_domain::AuditEntry;
    use chrono::DateTime;

    use super::{ActorView, AuditEntryView, SubjectView};
    use crate::Time;

    impl From<AuditEntry> for AuditEntryView {
        fn from(entry: AuditEntry) -> Self {
            Self {
                id: entry.id,
                // Nobody but who tampers with the database writes a time that is none.
                at: Time(DateTime::from_timestamp_micros(entry.at).unwrap_or_default()),
                action: entry.action,
                actor: ActorView {
                    kind: entry.actor_kind,
                    id: entry.actor_id,
                    name: entry.actor_name,
                },
                subject: SubjectView {
                    kind: entry.subject_kind,
                    id: entry.subject_id,
                    name: entry.subject_name,
                },
                reason: entry.reason,
                occurrences: entry.occurrences,
                address: entry.address,
                request_id: entry.request_id,
            }
        }
    }
}
