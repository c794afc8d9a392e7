//! Entries of the audit, as they are written and as they are sealed.

use access_domain::{AuditEntry, Chain, ChainHead, ChainTotal, Seal, SealedEntry};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Binary, Nullable, Text},
};

use crate::schema::{audit_entries, audit_heads, audit_totals};

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

/// The place of an entry.
#[derive(Queryable, Selectable, AsChangeset)]
#[diesel(table_name = audit_entries, treat_none_as_null = true)]
pub(crate) struct SealRow {
    seq: Option<i64>,
    mac: Option<Vec<u8>>,
    pepper: Option<String>,
}

impl From<Seal> for SealRow {
    fn from(seal: Seal) -> Self {
        Self { seq: Some(seal.seq), mac: Some(seal.mac), pepper: Some(seal.pepper) }
    }
}

impl SealRow {
    /// What lacks a part, which the database refuses, is a seal that nothing made.
    pub(crate) fn of(self, entry: AuditRow) -> SealedEntry {
        let seal = Seal {
            seq: self.seq.unwrap_or_default(),
            mac: self.mac.unwrap_or_default(),
            pepper: self.pepper.unwrap_or_default(),
        };
        SealedEntry { entry: entry.into(), seal }
    }
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = audit_heads)]
pub(crate) struct HeadRow {
    seq: i64,
    mac: Vec<u8>,
    checkpoint_seq: i64,
    checkpoint_mac: Vec<u8>,
    pepper: String,
    head_mac: Vec<u8>,
}

impl From<ChainHead> for HeadRow {
    fn from(head: ChainHead) -> Self {
        let ChainHead { seq, mac, checkpoint_seq, checkpoint_mac, pepper, head_mac } = head;
        Self { seq, mac, checkpoint_seq, checkpoint_mac, pepper, head_mac }
    }
}

impl From<HeadRow> for ChainHead {
    fn from(row: HeadRow) -> Self {
        let HeadRow { seq, mac, checkpoint_seq, checkpoint_mac, pepper, head_mac } = row;
        Self { seq, mac, checkpoint_seq, checkpoint_mac, pepper, head_mac }
    }
}

/// All that is kept of a chain beside its entries, read by one statement.
#[derive(QueryableByName)]
pub(crate) struct ChainRow {
    #[diesel(sql_type = Nullable<BigInt>)]
    seq: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    mac: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    checkpoint_seq: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    checkpoint_mac: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    pepper: Option<String>,
    #[diesel(sql_type = Nullable<Binary>)]
    head_mac: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    mark: Option<i64>,
    #[diesel(sql_type = BigInt)]
    outside: i64,
    #[diesel(sql_type = BigInt)]
    unsealed: i64,
}

impl ChainRow {
    pub(crate) fn read(self) -> Chain {
        let head = self.seq.map(|seq| ChainHead {
            seq,
            mac: self.mac.unwrap_or_default(),
            checkpoint_seq: self.checkpoint_seq.unwrap_or_default(),
            checkpoint_mac: self.checkpoint_mac.unwrap_or_default(),
            pepper: self.pepper.unwrap_or_default(),
            head_mac: self.head_mac.unwrap_or_default(),
        });
        Chain { head, mark: self.mark, outside: self.outside, unsealed: self.unsealed }
    }
}

/// The one row of the total, beside what the heads tell.
#[derive(QueryableByName)]
pub(crate) struct TotalOfHeadsRow {
    #[diesel(sql_type = BigInt)]
    sealed: i64,
    #[diesel(sql_type = Nullable<Binary>)]
    mac: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    pepper: Option<String>,
    #[diesel(sql_type = BigInt)]
    told: i64,
}

impl TotalOfHeadsRow {
    pub(crate) fn read(self) -> (ChainTotal, i64) {
        let Self { sealed, mac, pepper, told } = self;
        (ChainTotal { sealed, mac, pepper }, told)
    }
}

#[derive(Queryable, Selectable, AsChangeset)]
#[diesel(table_name = audit_totals, treat_none_as_null = true)]
pub(crate) struct TotalRow {
    sealed: i64,
    mac: Option<Vec<u8>>,
    pepper: Option<String>,
}

impl From<ChainTotal> for TotalRow {
    fn from(total: ChainTotal) -> Self {
        let ChainTotal { sealed, mac, pepper } = total;
        Self { sealed, mac, pepper }
    }
}

impl From<TotalRow> for ChainTotal {
    fn from(row: TotalRow) -> Self {
        let TotalRow { sealed, mac, pepper } = row;
        Self { sealed, mac, pepper }
    }
}
