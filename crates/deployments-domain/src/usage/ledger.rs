//! Where is counted: in the memory of this process, from which it is stored now and then.
//!
//! Whoever counts pays for one short lock. Totals are stored with each flush; what belongs to a single
//! key once its minute is over, since it is many rows. What could not be stored stays, and is stored
//! later, once: a batch of which nobody knows whether it was saved is given again as it was.

mod parts;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use access_domain::{
    Call, CallLog, CallOutcome, Clock, Consumer, DeploymentId, Flush, OrganizationId, StoreError,
    TokenUsage,
};
use keys_core::{Entropy, Id, KeyId};
use uuid::Uuid;

use super::{
    Measure, Resolution, RunEnded, RunLog, UsageBatch, UsageFilter, UsagePlace, UsageRow,
    UsageStore, histogram::bucket_of,
};

/// So many parts are locked by themselves, so that calls by different keys rarely meet.
const SHARDS: usize = 64;
/// Counts of single keys that a part keeps; what is beyond is let go, and how often is told.
const MAX_OF_KEYS: usize = 4096;
/// Totals that a part keeps by the minute; what is beyond is counted in the first minute of its hour.
const MAX_TOTALS: usize = 4096;
/// Counts that are stored in one transaction, each in three rows at most.
const BATCH: usize = 330;
/// Rows that are deleted in one transaction.
const PRUNED_AT_ONCE: u32 = 1000;
/// Such transactions of one pass at most, for each resolution.
const MAX_PORTIONS: usize = 500;

/// The usage of this process, and what is stored of it.
pub struct Usage {
    store: Arc<dyn UsageStore>,
    clock: Arc<dyn Clock>,
    shards: Box<[Mutex<Shard>]>,
    /// Held by whoever moves counts into storage, and shared by those who add both up: they see
    /// each count exactly once. Nobody counts under it.
    moving: RwLock<()>,
    writer: Mutex<Writer>,
}

/// What became of a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flushed {
    /// Whether it was the first after the end of a minute, or of all.
    pub has_closed_minute: bool,
    /// How often something was not counted for its key since the last time, for want of room.
    pub missed: u64,
}

/// For how long usage is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageRetention {
    /// By the minute.
    pub minutes: Duration,
    /// By the hour.
    pub hours: Duration,
    /// By the day.
    pub days: Duration,
}

struct Shard {
    totals: HashMap<Slot, u64>,
    of_keys: HashMap<Slot, u64>,
    /// What was not counted for its key, for want of room.
    missed: u64,
    /// How many counts of single keys it keeps.
    capacity: usize,
}

/// What is counted together in memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Slot {
    organization: OrganizationId,
    key: Option<KeyId>,
    deployment: Option<DeploymentId>,
    /// When its minute begins, in seconds since 1970.
    minute: i64,
    measure: Measure,
}

/// Part of a count that is to be stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    slot: Slot,
    shard: usize,
    amount: u64,
}

/// What storage was given by this process.
struct Writer {
    id: Uuid,
    batches: i64,
    /// Given, and not known to be stored. Nothing else is given before it is.
    unsure: Option<Vec<Part>>,
    /// What belongs to keys is stored as far as it was counted in minutes before this one.
    keys_before: i64,
}

impl Usage {
    /// Nothing is counted yet.
    pub fn new(store: Arc<dyn UsageStore>, clock: Arc<dyn Clock>, entropy: &dyn Entropy) -> Self {
        Self::of_size(store, clock, entropy, MAX_OF_KEYS)
    }

    fn of_size(
        store: Arc<dyn UsageStore>,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
        capacity: usize,
    ) -> Self {
        let id = Id::<Writer>::generate(clock.now(), entropy).uuid();
        let writer = Writer { id, batches: 0, unsure: None, keys_before: i64::MIN };
        let shard = || Mutex::new(Shard::new(capacity));
        let shards = std::iter::repeat_with(shard).take(SHARDS).collect();
        let (moving, writer) = (RwLock::default(), Mutex::new(writer));
        Self { store, clock, shards, moving, writer }
    }

    /// Stores the totals, and what belongs to keys of minutes that are over, or of all. What cannot be
    /// stored stays counted. Asks storage: not for an event loop.
    ///
    /// # Errors
    /// When storage fails.
    pub fn flush(&self, which: Flush) -> Result<Flushed, StoreError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(unsure) = writer.unsure.take() {
            self.give(&mut writer, unsure)?;
        }
        let minute = self.minute();
        let keys_before = match which {
            Flush::All => Some(i64::MAX),
            Flush::Closed => (minute > writer.keys_before).then_some(minute),
        };
        let due = self.due(keys_before);
        for batch in due.chunks(BATCH) {
            self.give(&mut writer, batch.to_vec())?;
        }
        writer.keys_before = minute;
        let missed = self.shards.iter().map(|shard| std::mem::take(&mut lock(shard).missed)).sum();
        Ok(Flushed { has_closed_minute: keys_before.is_some(), missed })
    }

    /// Deletes what was kept long enough. Asks storage: not for an event loop.
    ///
    /// # Errors
    /// When storage fails.
    pub fn prune(&self, retention: &UsageRetention) -> Result<usize, StoreError> {
        let mut deleted = 0_usize;
        for resolution in Resolution::ALL {
            let kept = match resolution {
                Resolution::Minute => retention.minutes,
                Resolution::Hour => retention.hours,
                Resolution::Day => retention.days,
            };
            let kept = i64::try_from(kept.as_secs()).unwrap_or(i64::MAX);
            let before = self.clock.now().timestamp().saturating_sub(kept);
            for _ in 0..MAX_PORTIONS {
                let portion = self.store.delete_old_usage(resolution, before, PRUNED_AT_ONCE)?;
                deleted = deleted.saturating_add(portion);
                if portion < usize::try_from(PRUNED_AT_ONCE).unwrap_or(usize::MAX) {
                    break;
                }
            }
        }
        Ok(deleted)
    }

    /// Where is stored what is counted.
    pub(super) fn store(&self) -> &dyn UsageStore {
        &*self.store
    }

    /// The sums of each start and measure, what is not stored yet included.
    pub(super) fn sums(
        &self,
        filter: &UsageFilter,
    ) -> Result<BTreeMap<(i64, Measure), u64>, StoreError> {
        let _seen_once = self.moving.read().unwrap_or_else(PoisonError::into_inner);
        let mut sums = BTreeMap::new();
        let mut add = |start: i64, measure: Measure, amount: u64| {
            let sum: &mut u64 = sums.entry((start, measure)).or_default();
            *sum = sum.saturating_add(amount);
        };
        for (start, measure, amount) in self.store.find_usage(filter)? {
            add(start, measure, amount);
        }
        for shard in &self.shards {
            let shard = lock(shard);
            let counts = if filter.key.is_some() { &shard.of_keys } else { &shard.totals };
            for (slot, amount) in counts.iter().filter(|(slot, _)| slot.is_meant(filter)) {
                add(filter.resolution.start_of(slot.minute), slot.measure.clone(), *amount);
            }
        }
        Ok(sums)
    }

    fn minute(&self) -> i64 {
        Resolution::Minute.start_of(self.clock.now().timestamp())
    }

    /// The part of memory in which everything about a key is counted, and what has none about its
    /// organization.
    fn shard_of(&self, consumer: Consumer) -> Option<MutexGuard<'_, Shard>> {
        let id = consumer.key.map_or_else(|| consumer.organization.uuid(), KeyId::uuid);
        // The last bits of an id are random.
        let spread = usize::try_from(id.as_u128() & 0xffff).unwrap_or_default();
        self.shards.get(spread % self.shards.len().max(1)).map(lock)
    }

    fn due(&self, keys_before: Option<i64>) -> Vec<Part> {
        let mut due = Vec::new();
        for (number, shard) in self.shards.iter().enumerate() {
            let shard = lock(shard);
            let part = |(slot, amount): (&Slot, &u64)| {
                let (slot, amount) = (slot.clone(), *amount);
                Part { slot, shard: number, amount }
            };
            due.extend(shard.totals.iter().map(part));
            if let Some(before) = keys_before {
                let closed = shard.of_keys.iter().filter(|(slot, _)| slot.minute < before);
                due.extend(closed.map(part));
            }
        }
        due.sort_unstable();
        due
    }

    /// Has a batch stored, and takes it out of memory.
    fn give(&self, writer: &mut Writer, parts: Vec<Part>) -> Result<(), StoreError> {
        let batch = UsageBatch {
            writer: writer.id,
            number: writer.batches + 1,
            at: self.clock.now().timestamp(),
            rows: roll_up(&parts),
        };
        let _seen_once = self.moving.write().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = self.store.add_usage(&batch) {
            writer.unsure = Some(parts);
            return Err(error);
        }
        writer.batches = batch.number;
        for Part { slot, shard, amount } in parts {
            if let Some(shard) = self.shards.get(shard) {
                lock(shard).take(&slot, amount);
            }
        }
        Ok(())
    }
}

impl CallLog for Usage {
    fn note(&self, call: Call) {
        let Call { consumer, outcome, tokens } = call;
        let measure = match outcome {
            CallOutcome::Succeeded => Measure::Succeeded,
            CallOutcome::Failed => Measure::Failed,
            CallOutcome::Rejected(code) => Measure::Rejected(code.into()),
        };
        let minute = self.minute();
        let Some(mut shard) = self.shard_of(consumer) else { return };
        shard.count(consumer, minute, measure, 1);
        shard.count_tokens(consumer, minute, tokens);
    }

    fn note_verification(&self, tested: Consumer, is_valid: bool) {
        let minute = self.minute();
        let Some(mut shard) = self.shard_of(tested) else { return };
        shard.count(tested, minute, Measure::Verifications, 1);
        if !is_valid {
            shard.count(tested, minute, Measure::VerificationsRefused, 1);
        }
    }
}

impl RunLog for Usage {
    fn ended(&self, run: RunEnded) {
        let RunEnded { consumer, outcome, took, tokens } = run;
        let minute = self.minute();
        let Some(mut shard) = self.shard_of(consumer) else { return };
        shard.count(consumer, minute, Measure::Executions(outcome), 1);
        shard.count_tokens(consumer, minute, tokens);
        if let Some(took) = took {
            let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            // Told per deployment alone: by key it would be too many rows.
            shard.count_total(consumer, minute, Measure::ExecutionMs, ms);
            shard.count_total(consumer, minute, Measure::ExecutionMsIn(bucket_of(ms)), 1);
        }
    }
}

impl Shard {
    fn new(capacity: usize) -> Self {
        Self { totals: HashMap::new(), of_keys: HashMap::new(), missed: 0, capacity }
    }

    fn count(&mut self, consumer: Consumer, minute: i64, measure: Measure, amount: u64) {
        self.count_total(consumer, minute, measure.clone(), amount);
        let Consumer { organization, key, deployment } = consumer;
        if key.is_none() {
            return;
        }
        let slot = Slot { organization, key, deployment, minute, measure };
        let has_room = self.of_keys.len() < self.capacity;
        if let Some(counted) = self.of_keys.get_mut(&slot) {
            *counted = counted.saturating_add(amount);
        } else if has_room {
            self.of_keys.insert(slot, amount);
        } else {
            self.missed += 1;
        }
    }

    fn count_total(&mut self, consumer: Consumer, minute: i64, measure: Measure, amount: u64) {
        let Consumer { organization, deployment, .. } = consumer;
        let is_full = self.totals.len() >= MAX_TOTALS;
        let minute = if is_full { Resolution::Hour.start_of(minute) } else { minute };
        let slot = Slot { organization, key: None, deployment, minute, measure };
        let counted = self.totals.entry(slot).or_default();
        *counted = counted.saturating_add(amount);
    }

    fn count_tokens(&mut self, consumer: Consumer, minute: i64, tokens: TokenUsage) {
        let TokenUsage { prompt_tokens, completion_tokens, cost_micros } = tokens;
        for (measure, amount) in [
            (Measure::PromptTokens, prompt_tokens),
            (Measure::CompletionTokens, completion_tokens),
            (Measure::CostMicros, cost_micros),
        ] {
            if amount > 0 {
                self.count(consumer, minute, measure, amount);
            }
        }
    }

    /// What is stored is counted there from now on.
    fn take(&mut self, slot: &Slot, amount: u64) {
        let counts = if slot.key.is_some() { &mut self.of_keys } else { &mut self.totals };
        if let Some(counted) = counts.get_mut(slot) {
            *counted = counted.saturating_sub(amount);
            if *counted == 0 {
                counts.remove(slot);
            }
        }
    }
}

impl Slot {
    fn is_meant(&self, filter: &UsageFilter) -> bool {
        let start = filter.resolution.start_of(self.minute);
        self.organization == filter.organization
            && self.key == filter.key
            && (filter.deployment.is_none() || self.deployment == filter.deployment)
            && (filter.from..filter.to).contains(&start)
    }
}

/// What each row of each resolution grows by, in the order of their places: two processes that add
/// to the same rows then never wait for each other.
fn roll_up(parts: &[Part]) -> Vec<UsageRow> {
    let mut rows: BTreeMap<UsagePlace, u64> = BTreeMap::new();
    for Part { slot, amount, .. } in parts {
        for resolution in Resolution::ALL {
            let place = UsagePlace {
                organization: slot.organization,
                key: slot.key,
                resolution,
                start: resolution.start_of(slot.minute),
                deployment: slot.deployment,
                measure: slot.measure.clone(),
            };
            let sum = rows.entry(place).or_default();
            *sum = sum.saturating_add(*amount);
        }
    }
    rows.into_iter().map(|(place, amount)| UsageRow { place, amount }).collect()
}

/// Whoever panicked under the lock left whole counts: each is one number.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
