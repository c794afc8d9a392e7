//! The chain of an organization's audit entries: how an entry is sealed, and where a chain is
//! broken. Pure: what is stored comes as it was read, with whatever somebody made of it.
//!
//! # What is sealed
//! A seal is HMAC-SHA-256 under a key of the organization, which HKDF-SHA-256 makes of the pepper
//! for the purpose `audit <organization id>`. The message is a row of fields. Each field is one
//! byte, 0 where there is nothing and else 1, and in the latter case its length as eight bytes, the
//! most significant first, and its bytes. Numbers are eight bytes, the most significant first.
//!
//! * An **entry**: `keywright audit entry 1`, the seal of the entry before (32 zero bytes for the
//!   first), its place, the pepper's name, then every column in the order of [`AuditEntry`].
//! * A **head**: `keywright audit head 1`, the organization's id, the pepper's name, the place and
//!   seal of the last entry, the place and seal of the checkpoint.
//! * The **total**, under the key for `audit total`: `keywright audit total 1`, the pepper's name,
//!   and how many entries were ever sealed.

use std::fmt;

use keys_core::{Digest, Pepper, PepperName, Peppers, Subkey};

use crate::{AuditEntry, OrganizationId};

/// What the first entry of a chain follows.
const BEGINNING: [u8; 32] = [0; 32];

/// The place of an entry in its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Counted from 1.
    pub seq: i64,
    /// The seal itself.
    pub mac: Vec<u8>,
    /// The name of the pepper whose key made it.
    pub pepper: String,
}

/// An entry with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedEntry {
    /// The entry.
    pub entry: AuditEntry,
    /// Its place.
    pub seal: Seal,
}

/// Where a chain ends, and after which place it begins now that what was older is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainHead {
    /// The place of the last entry.
    pub seq: i64,
    /// Its seal.
    pub mac: Vec<u8>,
    /// The place of the last entry that was deleted for its age; 0 if none was.
    pub checkpoint_seq: i64,
    /// Its seal.
    pub checkpoint_mac: Vec<u8>,
    /// The name of the pepper whose key sealed this head.
    pub pepper: String,
    /// The seal over all of this.
    pub head_mac: Vec<u8>,
}

/// What is kept of a chain beside its entries, of one instant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chain {
    /// Its head; none before the first entry is sealed.
    pub head: Option<ChainHead>,
    /// How far it had come, kept apart from the head.
    pub mark: Option<i64>,
    /// Sealed entries before the checkpoint, or after the head.
    pub outside: i64,
    /// Entries that are not sealed yet.
    pub unsealed: i64,
}

/// How many entries were ever sealed, of all organizations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChainTotal {
    /// How many.
    pub sealed: i64,
    /// The seal over it; none while there are none.
    pub mac: Option<Vec<u8>>,
    /// The name of the pepper whose key made it.
    pub pepper: Option<String>,
}

/// What a sealer has storage save.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealing {
    /// The places of the entries, in the order in which they were handed over.
    pub seals: Vec<Seal>,
    /// Where the chain ends then.
    pub head: ChainHead,
    /// And how many are sealed then.
    pub total: ChainTotal,
}

/// Chains entries to what is sealed already.
pub type SealingRule<'a> =
    dyn Fn(&Chain, &ChainTotal, &[AuditEntry]) -> Result<Sealing, ChainBreak> + 'a;

/// Decides where a chain begins from now on, of its first entries; none: where it did.
pub type PruningRule<'a> =
    dyn Fn(&Chain, &[SealedEntry]) -> Result<Option<ChainHead>, ChainBreak> + 'a;

/// How a chain is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakKind {
    /// The entry of this place is gone.
    RowMissing,
    /// The entry of this place is not the one that was sealed.
    RowChanged,
    /// An entry has a place that none was given.
    RowInserted,
    /// The entries from this place on are gone.
    TailCut,
    /// The head is not the one that was sealed.
    HeadChanged,
    /// There are or were sealed entries, and no head.
    HeadMissing,
    /// The head is an earlier one: the entries from this place on are gone with the later ones.
    HeadSetBack,
    /// What says how far the chain had come does not go with its head.
    MarkChanged,
    /// What says how many entries were ever sealed is not what was sealed.
    TotalChanged,
    /// The pepper of a seal is not here: it cannot be told.
    PepperMissing,
}

impl BreakKind {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RowMissing => "row missing",
            Self::RowChanged => "row changed",
            Self::RowInserted => "row inserted",
            Self::TailCut => "tail cut",
            Self::HeadChanged => "head changed",
            Self::HeadMissing => "head missing",
            Self::HeadSetBack => "head set back",
            Self::MarkChanged => "mark changed",
            Self::TotalChanged => "total changed",
            Self::PepperMissing => "pepper not here",
        }
    }
}

/// The first place at which a chain is not what was sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ChainBreak {
    /// Whose chain; none where several may be meant.
    pub organization: Option<OrganizationId>,
    /// The place, as far as there is one.
    pub seq: Option<i64>,
    /// The id of the entry at that place, if there is one.
    pub entry: Option<String>,
    /// How.
    pub kind: BreakKind,
}

impl fmt::Display for ChainBreak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        if let Some(seq) = self.seq {
            write!(f, " at {seq}")?;
        }
        if let Some(entry) = &self.entry {
            write!(f, " (entry {entry})")?;
        }
        if let Some(organization) = self.organization {
            write!(f, ", organization {organization}")?;
        }
        Ok(())
    }
}

/// A chain that is followed, entry by entry, from its checkpoint to its head.
pub(crate) struct ChainReader<'a> {
    keys: ChainKeys<'a>,
    head: Option<ChainHead>,
    seq: i64,
    mac: Vec<u8>,
}

impl<'a> ChainReader<'a> {
    /// Begins at the checkpoint.
    ///
    /// # Errors
    /// When the head is not what was sealed, or does not go with its mark.
    pub(crate) fn begin(
        peppers: &'a Peppers,
        organization: OrganizationId,
        chain: &Chain,
    ) -> Result<Self, ChainBreak> {
        let keys = ChainKeys { peppers, organization, key: None };
        let broken = |kind, seq| Err(keys.broken(kind, seq, None));
        let Some(head) = &chain.head else {
            if chain.mark.is_some() || chain.outside > 0 {
                return broken(BreakKind::HeadMissing, None);
            }
            return Ok(Self { keys, head: None, seq: 0, mac: BEGINNING.into() });
        };
        let Some(pepper) = named(peppers, &head.pepper) else {
            return broken(BreakKind::PepperMissing, Some(head.seq));
        };
        if !is(&keys.head_mac(&key_of(pepper, organization), head), &head.head_mac) {
            return broken(BreakKind::HeadChanged, Some(head.seq));
        }
        match chain.mark {
            Some(mark) if mark > head.seq => broken(BreakKind::HeadSetBack, Some(head.seq + 1)),
            Some(mark) if mark == head.seq => Ok(Self {
                keys,
                seq: head.checkpoint_seq,
                mac: head.checkpoint_mac.clone(),
                head: Some(head.clone()),
            }),
            Some(_) | None => broken(BreakKind::MarkChanged, Some(head.seq)),
        }
    }

    /// The place of the entry that was read last, or of the checkpoint.
    pub(crate) fn seq(&self) -> i64 {
        self.seq
    }

    /// The place of the last entry that there should be.
    pub(crate) fn last(&self) -> i64 {
        self.head.as_ref().map_or(0, |head| head.seq)
    }

    /// The next entry.
    ///
    /// # Errors
    /// When it is not the one that was sealed to come next.
    pub(crate) fn read(&mut self, sealed: &SealedEntry) -> Result<(), ChainBreak> {
        let SealedEntry { entry, seal } = sealed;
        let broken = |keys: &ChainKeys<'_>, kind, seq| {
            Err(keys.broken(kind, Some(seq), Some(entry.id.clone())))
        };
        let expected = self.seq + 1;
        if seal.seq < expected || seal.seq > self.last() {
            return broken(&self.keys, BreakKind::RowInserted, seal.seq);
        }
        if seal.seq > expected {
            return Err(self.keys.broken(BreakKind::RowMissing, Some(expected), None));
        }
        let previous = self.mac.as_slice();
        match self.keys.entry_mac(&seal.pepper, previous, expected, entry) {
            None => return broken(&self.keys, BreakKind::PepperMissing, expected),
            Some(mac) if !is(&mac, &seal.mac) => {
                return broken(&self.keys, BreakKind::RowChanged, expected);
            }
            Some(_) => {}
        }
        self.seq = expected;
        self.mac.clone_from(&seal.mac);
        Ok(())
    }

    /// The end: everything was read that is there.
    ///
    /// # Errors
    /// When the chain does not end where its head says.
    pub(crate) fn end(self) -> Result<(), ChainBreak> {
        let Some(head) = self.head else { return Ok(()) };
        if self.seq < head.seq {
            return Err(self.keys.broken(BreakKind::TailCut, Some(self.seq + 1), None));
        }
        if self.mac != head.mac {
            return Err(self.keys.broken(BreakKind::HeadChanged, Some(head.seq), None));
        }
        Ok(())
    }

    /// The head of the same chain, beginning after the entry that was read last; none where that
    /// was no entry.
    pub(crate) fn pruned(self) -> Option<ChainHead> {
        let head = self.head?;
        if self.seq == head.checkpoint_seq {
            return None;
        }
        let cut = ChainHead { checkpoint_seq: self.seq, checkpoint_mac: self.mac, ..head };
        Some(self.keys.seal_head(cut))
    }
}

/// Chains `entries` to what was sealed before.
///
/// # Errors
/// When what was sealed before is not what it was. Nothing is built on that.
pub(crate) fn seal(
    peppers: &Peppers,
    organization: OrganizationId,
    chain: &Chain,
    total: &ChainTotal,
    entries: &[AuditEntry],
) -> Result<Sealing, ChainBreak> {
    let ChainReader { mut keys, head, .. } = ChainReader::begin(peppers, organization, chain)?;
    let sealed = check_total(peppers, total)?;
    let pepper = peppers.current().name().as_str();
    let mut head = head.unwrap_or_else(|| ChainHead {
        seq: 0,
        mac: BEGINNING.into(),
        checkpoint_seq: 0,
        checkpoint_mac: BEGINNING.into(),
        pepper: pepper.into(),
        head_mac: Vec::new(),
    });
    let mut seals = Vec::with_capacity(entries.len());
    for entry in entries {
        head.seq += 1;
        let mac = keys.entry_mac(pepper, &head.mac, head.seq, entry);
        let missing = || keys.broken(BreakKind::PepperMissing, Some(head.seq), None);
        head.mac = mac.ok_or_else(missing)?.as_bytes().to_vec();
        seals.push(Seal { seq: head.seq, mac: head.mac.clone(), pepper: pepper.into() });
    }
    let sealed = sealed.saturating_add(i64::try_from(seals.len()).unwrap_or(i64::MAX));
    let (mac, total_pepper) = (total_mac(peppers.current(), sealed), pepper.to_owned());
    let total =
        ChainTotal { sealed, mac: Some(mac.as_bytes().to_vec()), pepper: Some(total_pepper) };
    Ok(Sealing { seals, head: keys.seal_head(head), total })
}

/// How many entries were ever sealed, if that is what was sealed.
///
/// # Errors
/// When it is not.
pub(crate) fn check_total(peppers: &Peppers, total: &ChainTotal) -> Result<i64, ChainBreak> {
    let broken = |kind| ChainBreak { organization: None, seq: None, entry: None, kind };
    let (Some(mac), Some(pepper)) = (&total.mac, &total.pepper) else {
        let is_new = total.sealed == 0 && total.mac.is_none() && total.pepper.is_none();
        return if is_new { Ok(0) } else { Err(broken(BreakKind::TotalChanged)) };
    };
    let pepper = named(peppers, pepper).ok_or_else(|| broken(BreakKind::PepperMissing))?;
    if is(&total_mac(pepper, total.sealed), mac) {
        Ok(total.sealed)
    } else {
        Err(broken(BreakKind::TotalChanged))
    }
}

/// The keys of one organization's chain. Most of it is under one pepper: that one's is kept.
struct ChainKeys<'a> {
    peppers: &'a Peppers,
    organization: OrganizationId,
    key: Option<(&'a Pepper, Subkey)>,
}

impl ChainKeys<'_> {
    fn broken(&self, kind: BreakKind, seq: Option<i64>, entry: Option<String>) -> ChainBreak {
        ChainBreak { organization: Some(self.organization), seq, entry, kind }
    }

    /// None where the pepper is not here.
    fn entry_mac(
        &mut self,
        pepper: &str,
        previous: &[u8],
        seq: i64,
        entry: &AuditEntry,
    ) -> Option<Digest> {
        let is_kept = |(kept, _): &(&Pepper, Subkey)| kept.name().as_str() == pepper;
        if !self.key.as_ref().is_some_and(is_kept) {
            let found = named(self.peppers, pepper)?;
            self.key = Some((found, key_of(found, self.organization)));
        }
        let (_, key) = self.key.as_ref()?;
        Some(key.mac(&entry_message(previous, seq, pepper, entry)))
    }

    fn head_mac(&self, key: &Subkey, head: &ChainHead) -> Digest {
        let message = Message::new("keywright audit head 1")
            .text(&self.organization.uuid().to_string())
            .text(&head.pepper)
            .number(head.seq)
            .bytes(&head.mac)
            .number(head.checkpoint_seq)
            .bytes(&head.checkpoint_mac);
        key.mac(&message.0)
    }

    fn seal_head(&self, head: ChainHead) -> ChainHead {
        let pepper = self.peppers.current();
        let head = ChainHead { pepper: pepper.name().as_str().into(), ..head };
        let mac = self.head_mac(&key_of(pepper, self.organization), &head);
        ChainHead { head_mac: mac.as_bytes().to_vec(), ..head }
    }
}

fn named<'a>(peppers: &'a Peppers, name: &str) -> Option<&'a Pepper> {
    peppers.named(&PepperName::from_stored(name.into()))
}

fn key_of(pepper: &Pepper, organization: OrganizationId) -> Subkey {
    pepper.subkey(&format!("audit {}", organization.uuid()))
}

fn total_mac(pepper: &Pepper, sealed: i64) -> Digest {
    let message =
        Message::new("keywright audit total 1").text(pepper.name().as_str()).number(sealed);
    pepper.subkey("audit total").mac(&message.0)
}

fn entry_message(previous: &[u8], seq: i64, pepper: &str, entry: &AuditEntry) -> Vec<u8> {
    let message = Message::new("keywright audit entry 1")
        .bytes(previous)
        .number(seq)
        .text(pepper)
        .text(&entry.id)
        .text(&entry.organization_id)
        .number(entry.at)
        .text(&entry.actor_kind)
        .maybe(entry.actor_id.as_deref())
        .text(&entry.actor_name)
        .text(&entry.action)
        .text(&entry.subject_kind)
        .maybe(entry.subject_id.as_deref())
        .text(&entry.subject_name)
        .maybe(entry.reason.as_deref())
        .number(entry.occurrences.into())
        .maybe(entry.address.as_deref())
        .maybe(entry.request_id.as_deref());
    message.0
}

/// Whether what is stored is this seal, in the same time wherever the two differ.
fn is(mac: &Digest, stored: &[u8]) -> bool {
    <[u8; 32]>::try_from(stored).is_ok_and(|stored| Digest::from(stored) == *mac)
}

/// A message as the module's documentation has it.
struct Message(Vec<u8>);

impl Message {
    fn new(label: &str) -> Self {
        Self(Vec::with_capacity(512)).text(label)
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.push(1);
        self.0.extend(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.extend(bytes);
        self
    }

    fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    fn maybe(mut self, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(text),
            None => {
                self.0.push(0);
                self
            }
        }
    }

    fn number(self, number: i64) -> Self {
        self.bytes(&number.to_be_bytes())
    }
}

#[cfg(test)]
mod tests;
