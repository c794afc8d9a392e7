//! Entries of the audit, as they are written and as they are sealed.

use access_domain::AuditEntry;
use diesel::prelude::*;

use crate::schema::audit_entries;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_entries, treat_none_as_default_value = false)]
pub(crate) struct AuditRow {
    id: String,
    organization_id: String,
    at: i64,
    actor_kind: String,
    actor_id: Option<String>,
    actor_name: String,
    action: String,
    subject_kind: String,
    subject_id: Option<String>,
    subject_name: String,
    reason: Option<String>,
    occurrences: i32,
    address: Option<String>,
    request_id: Option<String>,
}

impl From<AuditEntry> for AuditRow {
    fn from(entry: AuditEntry) -> Self {
        Self {
            id: entry.id,
            organization_id: entry.organization_id,
            at: entry.at,
            actor_kind: entry.actor_kind,
            actor_id: entry.actor_id,
            actor_name: entry.actor_name,
            action: entry.action,
            subject_kind: entry.subject_kind,
            subject_id: entry.subject_id,
            subject_name: entry.subject_name,
            reason: entry.reason,
            occurrences: entry.occurrences,
            address: entry.address,
            request_id: entry.request_id,
        }
    }
}

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        Self {
            id: row.id,
            organization_id: row.organization_id,
            at: row.at,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            actor_name: row.actor_name,
            action: row.action,
            subject_kind: row.subject_kind,
            subject_id: row.subject_id,
            subject_name: row.subject_name,
            reason: row.reason,
            occurrences: row.occurrences,
            address: row.address,
            request_id: row.request_id,
        }
    }
}
