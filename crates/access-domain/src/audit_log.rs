//! The use cases of the audit: to read it, to chain it, to let go of what is old, and to verify it.

use std::{sync::Arc, time::Duration};

use keys_core::Peppers;

use crate::{
    AuditEntry, AuditFilter, AuditStore, BreakKind, Chain, ChainBreak, ChangeError, Clock, Granted,
    Operator, OrganizationId, Page, PageRequest, ReadAudit, StoreError,
    audit_chain::{ChainReader, check_total, seal},
};

/// Entries that are sealed, pruned or verified in one go.
const ENTRIES_AT_ONCE: i64 = 500;
/// Organizations that one pass of the sealer serves.
const ORGANIZATIONS_AT_ONCE: i64 = 1000;
/// How often a chain is read anew because entries were pruned meanwhile.
const TRIES: u32 = 5;

/// The use cases of the audit.
pub struct AuditLog {
    /// Where entries are kept.
    pub store: Arc<dyn AuditStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What the keys of the chains are derived from.
    pub peppers: Arc<Peppers>,
    /// How long entries are kept.
    pub retention: Duration,
}

/// What a pass of the sealer did.
#[derive(Debug, Default)]
pub struct Upkeep {
    /// How many entries it sealed, or deleted.
    pub entries: usize,
    /// The chains that it left alone, since they are broken.
    pub broken: Vec<ChainBreak>,
}

/// A chain that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedChain {
    /// How many entries are there and as they were sealed.
    pub verified: i64,
    /// How many are not sealed yet.
    pub unsealed: i64,
    /// The place of the last one; 0 where there is none.
    pub seq: i64,
    /// Its seal: kept elsewhere, it tells later whether this chain goes on from here.
    pub mac: Vec<u8>,
}

/// Why a chain was not found to be whole.
pub type Unverified = ChangeError<ChainBreak>;

impl AuditLog {
    /// The organization's entries, newest first.
    ///
    /// # Errors
    /// When storage fails.
    pub fn list(
        &self,
        granted: &Granted<ReadAudit>,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        self.store.list_entries(granted.organization(), filter, page)
    }

    /// Chains everything that is not chained yet. A broken chain is left as it is, for whoever looks
    /// into it: nothing is built on it.
    ///
    /// # Errors
    /// When storage fails.
    pub fn seal(&self) -> Result<Upkeep, StoreError> {
        let organizations = self.store.find_unsealed(ORGANIZATIONS_AT_ONCE)?;
        self.each(organizations, &|organization| {
            self.store.seal_entries(organization, ENTRIES_AT_ONCE, &|chain, total, entries| {
                seal(&self.peppers, organization, chain, total, entries)
            })
        })
    }

    /// Deletes entries that were kept long enough, and seals where their chains begin from now on.
    /// They are verified first: what was tampered with does not vanish by its age.
    ///
    /// # Errors
    /// When storage fails.
    pub fn prune(&self) -> Result<Upkeep, StoreError> {
        let Some(before) = self.clock.now().checked_sub_signed(
            chrono::TimeDelta::from_std(self.retention).unwrap_or(chrono::TimeDelta::MAX),
        ) else {
            return Ok(Upkeep::default());
        };
        let organizations = self.store.find_prunable(before, ORGANIZATIONS_AT_ONCE)?;
        self.each(organizations, &|organization| {
            self.store.prune_entries(organization, ENTRIES_AT_ONCE, &|chain, entries| {
                let mut reader = ChainReader::begin(&self.peppers, organization, chain)?;
                let old = |at| at < before.timestamp_micros();
                for sealed in entries.iter().take_while(|sealed| old(sealed.entry.at)) {
                    reader.read(sealed)?;
                }
                Ok(reader.pruned())
            })
        })
    }

    /// Does `work` in each organization until there is less of it than it takes at once.
    fn each(
        &self,
        organizations: Vec<OrganizationId>,
        work: &dyn Fn(OrganizationId) -> Result<usize, ChangeError<ChainBreak>>,
    ) -> Result<Upkeep, StoreError> {
        let mut upkeep = Upkeep::default();
        for organization in organizations {
            loop {
                match work(organization) {
                    Ok(done) => {
                        upkeep.entries += done;
                        if i64::try_from(done).unwrap_or(i64::MAX) < ENTRIES_AT_ONCE {
                            break;
                        }
                    }
                    Err(ChangeError::Refused(broken)) => {
                        upkeep.broken.push(broken);
                        break;
                    }
                    Err(ChangeError::Store(error)) => return Err(error),
                }
            }
        }
        Ok(upkeep)
    }

    /// Whether the organization's chain is whole, from its checkpoint to its head. Only reads, in
    /// pages, while sealing and pruning go on.
    ///
    /// # Errors
    /// The first place where it is not, or that storage failed.
    pub fn verify(
        &self,
        _: Operator,
        organization: OrganizationId,
    ) -> Result<VerifiedChain, Unverified> {
        let chain = || self.store.audit_chain(organization).map_err(ChangeError::Store);
        let begins_at = |chain: &Chain| chain.head.as_ref().map(|head| head.checkpoint_seq);
        let mut before = chain()?;
        for _ in 1..TRIES {
            let outcome = self.follow(organization, &before);
            if !matches!(outcome, Err(ChangeError::Refused(_))) {
                return outcome;
            }
            // What looks like a break may have been pruned while it was read.
            let after = chain()?;
            if begins_at(&after) == begins_at(&before) {
                return outcome;
            }
            before = after;
        }
        self.follow(organization, &before)
    }

    fn follow(
        &self,
        organization: OrganizationId,
        chain: &Chain,
    ) -> Result<VerifiedChain, Unverified> {
        let refused = ChangeError::Refused;
        let mut reader = ChainReader::begin(&self.peppers, organization, chain).map_err(refused)?;
        let begin = reader.seq();
        if chain.outside > 0 {
            return Err(self.first_outside(organization, begin, reader.last()));
        }
        while reader.seq() < reader.last() {
            let page = self.store.sealed_entries(organization, reader.seq(), ENTRIES_AT_ONCE);
            let mut page = page.map_err(ChangeError::Store)?;
            // What was sealed since is for the next time.
            page.retain(|sealed| sealed.seal.seq <= reader.last());
            if page.is_empty() {
                break;
            }
            page.iter().try_for_each(|sealed| reader.read(sealed)).map_err(refused)?;
        }
        let (seq, verified) = (reader.seq(), reader.seq() - begin);
        reader.end().map_err(refused)?;
        let mac = chain.head.as_ref().map_or_else(Vec::new, |head| head.mac.clone());
        Ok(VerifiedChain { verified, unsealed: chain.unsealed, seq, mac })
    }

    /// The break that an entry before the checkpoint or after the head is.
    fn first_outside(&self, organization: OrganizationId, begin: i64, last: i64) -> Unverified {
        let find = |after| self.store.sealed_entries(organization, after, 1);
        let found = find(i64::MIN).and_then(|first| match first.into_iter().next() {
            Some(first) if first.seal.seq <= begin => Ok(Some(first)),
            _ => Ok(find(last)?.into_iter().next()),
        });
        let found = match found {
            Ok(found) => found,
            Err(error) => return ChangeError::Store(error),
        };
        let (seq, entry) = found.map(|sealed| (sealed.seal.seq, sealed.entry.id)).unzip();
        let (organization, kind) = (Some(organization), BreakKind::RowInserted);
        ChangeError::Refused(ChainBreak { organization, seq, entry, kind })
    }

    /// Whether the chains together are as long as was ever sealed. A head that was set back together
    /// with its mark makes them shorter.
    ///
    /// # Errors
    /// That they are not, or that storage failed.
    pub fn verify_total(&self, _: Operator) -> Result<i64, Unverified> {
        let (total, told) = self.store.audit_total().map_err(ChangeError::Store)?;
        let sealed = check_total(&self.peppers, &total).map_err(ChangeError::Refused)?;
        if sealed == told {
            return Ok(sealed);
        }
        let kind = if told < sealed { BreakKind::HeadSetBack } else { BreakKind::TotalChanged };
        Err(ChangeError::Refused(ChainBreak { organization: None, seq: None, entry: None, kind }))
    }
}
