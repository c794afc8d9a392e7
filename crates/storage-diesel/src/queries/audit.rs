//! Who did what. Entries are written by the transaction that makes the change; here they are listed, chained and deleted.

use access_domain::{
    Act, Action, AuditEntry, AuditFilter, AuditStore, Chain, ChainBreak, ChainHead, ChainTotal,
    ChangeError, OrganizationId, Page, PageRequest, PruningRule, SealedEntry, SealingRule,
    StoreError, Subject,
};
use diesel::{delete, insert_into, prelude::*, result::Error, sql_query, sql_types::Text, update};
use keys_core::Timestamp;
use uuid::Uuid;

use super::{
    super::{Conn, Store},
    events::tell_of,
    idempotency::remember,
};
use crate::{
    codec,
    error::Stop,
    rows::{AuditRow, ChainRow, HeadRow, SealRow, TotalOfHeadsRow, TotalRow},
    schema::{audit_entries, audit_heads, audit_marks, audit_totals},
};

/// All of one chain in one statement, and so of one instant. Both databases count parameters like this.
const CHAIN: &str = "SELECT h.seq, h.mac, h.checkpoint_seq, h.checkpoint_mac, h.pepper, h.head_mac, m.seq AS mark, \
    (SELECT count(*) FROM audit_entries AS e WHERE e.organization_id = o.id AND e.seq > coalesce(h.seq, 0)) + \
    (SELECT count(*) FROM audit_entries AS e WHERE e.organization_id = o.id AND e.seq <= coalesce(h.checkpoint_seq, 0)) \
    AS outside, \
    (SELECT count(*) FROM audit_entries AS e WHERE e.organization_id = o.id AND e.seq IS NULL) AS unsealed \
    FROM organizations AS o LEFT JOIN audit_heads AS h ON h.organization_id = o.id \
    LEFT JOIN audit_marks AS m ON m.organization_id = o.id WHERE o.id = $1";

/// The total and what the heads tell, in one statement. Where the row is gone, nothing was ever sealed.
const TOTAL: &str = "SELECT CAST(coalesce(t.sealed, 0) AS bigint) AS sealed, t.mac, t.pepper, h.told FROM \
    (SELECT CAST(coalesce(sum(seq), 0) AS bigint) AS told FROM audit_heads) AS h LEFT JOIN audit_totals AS t ON t.id = 1";

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
            if let Some(text) = &filter.search {
                wanted = wanted.filter(contains!(audit_entries::subject_name, text));
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

    fn find_unsealed(&self, limit: i64) -> Result<Vec<OrganizationId>, StoreError> {
        self.read("looking for entries to seal", |conn| {
            let found: Vec<String> = audit_entries::table
                .filter(audit_entries::seq.is_null())
                .select(audit_entries::organization_id)
                .distinct()
                .limit(limit)
                .load(conn)?;
            found.iter().map(|id| codec::read_id(id)).collect()
        })
    }

    fn seal_entries(
        &self,
        organization: OrganizationId,
        limit: i64,
        rule: &SealingRule<'_>,
    ) -> Result<usize, ChangeError<ChainBreak>> {
        self.change("sealing audit entries", |conn| {
            let total = lock_chains(conn)?;
            let chain = chain(conn, organization)?;
            let rows: Vec<AuditRow> = audit_entries::table
                .filter(audit_entries::organization_id.eq(codec::id(organization)))
                .filter(audit_entries::seq.is_null())
                .order(audit_entries::id)
                .limit(limit)
                .select(AuditRow::as_select())
                .load(conn)?;
            let entries: Vec<AuditEntry> = rows.into_iter().map(AuditEntry::from).collect();
            if entries.is_empty() {
                return Ok(0);
            }
            let sealing = rule(&chain, &total, &entries).map_err(Stop::Refused)?;
            for (entry, seal) in entries.iter().zip(sealing.seals) {
                update(audit_entries::table.find(&entry.id))
                    .set(SealRow::from(seal))
                    .execute(conn)?;
            }
            let organization = codec::id(organization);
            insert_into(audit_marks::table)
                .values((
                    audit_marks::organization_id.eq(&organization),
                    audit_marks::seq.eq(sealing.head.seq),
                ))
                .on_conflict(audit_marks::organization_id)
                .do_update()
                .set(audit_marks::seq.eq(sealing.head.seq))
                .execute(conn)?;
            save_head(conn, &organization, sealing.head)?;
            update(audit_totals::table.find(1)).set(TotalRow::from(sealing.total)).execute(conn)?;
            Ok(entries.len())
        })
    }

    fn find_prunable(
        &self,
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        self.read("looking for old audit entries", |conn| {
            let found: Vec<String> = audit_entries::table
                .filter(audit_entries::at.lt(codec::micros(before)))
                .filter(audit_entries::seq.is_not_null())
                .select(audit_entries::organization_id)
                .distinct()
                .limit(limit)
                .load(conn)?;
            found.iter().map(|id| codec::read_id(id)).collect()
        })
    }

    fn prune_entries(
        &self,
        organization: OrganizationId,
        limit: i64,
        rule: &PruningRule<'_>,
    ) -> Result<usize, ChangeError<ChainBreak>> {
        self.change("deleting old audit entries", |conn| {
            lock_chains(conn)?;
            let chain = chain(conn, organization)?;
            let entries = sealed(conn, organization, i64::MIN, limit)?;
            let Some(head) = rule(&chain, &entries).map_err(Stop::Refused)? else { return Ok(0) };
            let organization = codec::id(organization);
            let deleted = delete(audit_entries::table)
                .filter(audit_entries::organization_id.eq(&organization))
                .filter(audit_entries::seq.le(head.checkpoint_seq))
                .execute(conn)?;
            save_head(conn, &organization, head)?;
            Ok(deleted)
        })
    }

    fn audit_chain(&self, organization: OrganizationId) -> Result<Chain, StoreError> {
        self.read("reading a chain of audit entries", |conn| chain(conn, organization))
    }

    fn sealed_entries(
        &self,
        organization: OrganizationId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<SealedEntry>, StoreError> {
        self.read("reading sealed audit entries", |conn| sealed(conn, organization, after, limit))
    }

    fn audit_total(&self) -> Result<(ChainTotal, i64), StoreError> {
        self.read("reading how many entries were sealed", |conn| {
            sql_query(TOTAL).get_result::<TotalOfHeadsRow>(conn).map(TotalOfHeadsRow::read)
        })
    }
}

/// Keeps every other sealer out until the end of the transaction.
fn lock_chains(conn: &mut Conn) -> QueryResult<ChainTotal> {
    let row: Option<TotalRow> = locked!(audit_totals::table.find(1).select(TotalRow::as_select()))
        .first(conn)
        .optional()?;
    // Without the row nothing would be locked, and who took it away did no good.
    let row = row.ok_or_else(|| Error::DeserializationError("audit_totals has no row".into()))?;
    Ok(row.into())
}

fn chain(conn: &mut Conn, organization: OrganizationId) -> QueryResult<Chain> {
    sql_query(CHAIN)
        .bind::<Text, _>(codec::id(organization))
        .get_result::<ChainRow>(conn)
        .map(ChainRow::read)
}

fn sealed(
    conn: &mut Conn,
    organization: OrganizationId,
    after: i64,
    limit: i64,
) -> QueryResult<Vec<SealedEntry>> {
    let rows: Vec<(AuditRow, SealRow)> = audit_entries::table
        .filter(audit_entries::organization_id.eq(codec::id(organization)))
        .filter(audit_entries::seq.gt(after))
        .order(audit_entries::seq)
        .limit(limit)
        .select((AuditRow::as_select(), SealRow::as_select()))
        .load(conn)?;
    Ok(rows.into_iter().map(|(entry, seal)| seal.of(entry)).collect())
}

fn save_head(conn: &mut Conn, organization: &str, head: ChainHead) -> QueryResult<()> {
    let row = HeadRow::from(head);
    insert_into(audit_heads::table)
        .values((audit_heads::organization_id.eq(organization), &row))
        .on_conflict(audit_heads::organization_id)
        .do_update()
        .set(&row)
        .execute(conn)
        .map(drop)
}

/// Writes down what is done in this transaction, and remembers the request that asked for it, where it may be sent again.
pub(super) fn note(
    conn: &mut Conn,
    organization: OrganizationId,
    act: &Act,
    subject: Subject,
) -> QueryResult<()> {
    if let Some(made) = subject.id {
        remember(conn, organization, act.repeatable, act.at, made, None)?;
    }
    note_all(conn, [AuditEntry::of(organization, act, subject)])
}

/// The same for something that is done with another thing along with it.
pub(super) fn note_both(
    conn: &mut Conn,
    organization: OrganizationId,
    act: &Act,
    subject: Subject,
    (action, along): (Action, Subject),
) -> QueryResult<()> {
    if let Some(made) = subject.id {
        remember(conn, organization, act.repeatable, act.at, made, along.id)?;
    }
    let along_with = act.along_with(action, along.id.unwrap_or_default());
    let entries = [(act, subject), (&along_with, along)];
    note_all(conn, entries.map(|(act, subject)| AuditEntry::of(organization, act, subject)))
}

/// Writes down several things that are done in this transaction, and tells those who want to hear of them.
pub(super) fn note_all(
    conn: &mut Conn,
    entries: impl IntoIterator<Item = AuditEntry>,
) -> QueryResult<()> {
    let entries: Vec<AuditEntry> = entries.into_iter().collect();
    for entry in &entries {
        tell_of(conn, entry)?;
    }
    let rows: Vec<AuditRow> = entries.into_iter().map(AuditRow::from).collect();
    for rows in rows.chunks(ENTRIES_AT_ONCE) {
        insert_into(audit_entries::table).values(rows).execute(conn)?;
    }
    Ok(())
}
