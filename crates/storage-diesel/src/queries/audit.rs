//! Who did what. Entries are written by the transaction that makes the change, and listed here.

use access_domain::{
    Act, Action, AuditEntry, AuditFilter, AuditStore, OrganizationId, Page, PageRequest,
    StoreError, Subject,
};
use diesel::{insert_into, prelude::*};
use uuid::Uuid;

use super::super::{Conn, Store};
use crate::{codec, rows::AuditRow, schema::audit_entries};

/// Entries that go into one statement: PostgreSQL takes 65,535 values, and each entry has 14.
const ENTRIES_AT_ONCE: usize = 500;

impl AuditStore for Store {
    fn list_entries(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        self.read("listing audit entries", |conn| {
            let mut wanted = audit_entries::table
                .filter(audit_entries::organization_id.eq(codec::id(organization)))
                .order(audit_entries::id.desc())
                .limit(page.rows())
                .select(AuditRow::as_select())
                .into_boxed();
            if let Some(after) = page.after {
                wanted = wanted.filter(audit_entries::id.lt(after.to_string()));
            }
            if let Some(action) = filter.action {
                wanted = wanted.filter(audit_entries::action.eq(Action::as_str(action)));
            }
            if let Some(actor) = &filter.actor {
                let (id, name) = (audit_entries::actor_id, audit_entries::actor_name);
                wanted = wanted.filter(id.assume_not_null().eq(actor).or(name.eq(actor)));
            }
            if let Some(from) = filter.from {
                wanted = wanted.filter(audit_entries::at.ge(codec::micros(from)));
            }
            if let Some(to) = filter.to {
                wanted = wanted.filter(audit_entries::at.lt(codec::micros(to)));
            }
            let rows: Vec<AuditRow> = wanted.load(conn)?;
            let items = rows.into_iter().map(AuditEntry::from).collect();
            let id = |entry: &AuditEntry| Uuid::try_parse(&entry.id).unwrap_or_default();
            Ok(page.cut(items, id))
        })
    }

    fn note_refusals(&self, entries: Vec<AuditEntry>) -> Result<(), StoreError> {
        self.save("noting refusals", |conn| note_all(conn, entries))
    }
}

/// Writes down what is done in this transaction.
pub(super) fn note(
    conn: &mut Conn,
    organization: OrganizationId,
    act: &Act,
    subject: Subject,
) -> QueryResult<()> {
    note_all(conn, [AuditEntry::of(organization, act, subject)])
}

/// Writes down several things that are done in this transaction.
pub(super) fn note_all(
    conn: &mut Conn,
    entries: impl IntoIterator<Item = AuditEntry>,
) -> QueryResult<()> {
    let rows: Vec<AuditRow> = entries.into_iter().map(AuditRow::from).collect();
    for rows in rows.chunks(ENTRIES_AT_ONCE) {
        insert_into(audit_entries::table).values(rows).execute(conn)?;
    }
    Ok(())
}
