//! What was counted, told apart by deployment or by key: in storage, and in memory what is not stored yet.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::PoisonError,
};

use access_domain::StoreError;
use keys_core::KeyId;

use super::{
    super::{BreakdownFilter, UsageBy, UsageOf},
    Measure, Shard, Slot, Usage, lock,
};

/// Of each the sum of each measure.
type Sums = BTreeMap<UsageOf, BTreeMap<Measure, u64>>;

impl Usage {
    /// The sums of `of`; those of which nothing was counted are left out.
    pub(in super::super) fn sums_of(
        &self,
        filter: &BreakdownFilter,
        of: &[UsageOf],
    ) -> Result<Sums, StoreError> {
        let _seen_once = self.moving.read().unwrap_or_else(PoisonError::into_inner);
        self.add_up(filter, of)
    }

    /// The sums of those that were used most by what is stored, and by what is not: up to `limit` of each.
    pub(in super::super) fn most_used(
        &self,
        filter: &BreakdownFilter,
        limit: u32,
    ) -> Result<Sums, StoreError> {
        let _seen_once = self.moving.read().unwrap_or_else(PoisonError::into_inner);
        let mut found: HashSet<UsageOf> =
            self.store.find_most_used(filter, limit)?.into_iter().collect();
        let mut uses: HashMap<UsageOf, u64> = HashMap::new();
        for shard in &self.shards {
            for (slot, amount) in
                lock(shard).counts(filter).filter(|(slot, _)| slot.measure.is_use())
            {
                let sum = uses.entry(slot.part(filter.by)).or_default();
                *sum = sum.saturating_add(*amount);
            }
        }
        let mut uses: Vec<(UsageOf, u64)> = uses.into_iter().collect();
        uses.sort_unstable_by_key(|(of, uses)| (std::cmp::Reverse(*uses), *of));
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        found.extend(uses.into_iter().take(most).map(|(of, _)| of));
        let found: Vec<UsageOf> = found.into_iter().collect();
        self.add_up(filter, &found)
    }

    /// Must not be called but where nothing is moved meanwhile.
    fn add_up(&self, filter: &BreakdownFilter, of: &[UsageOf]) -> Result<Sums, StoreError> {
        let mut sums = Sums::new();
        let mut add = |of: UsageOf, measure: Measure, amount: u64| {
            let sum = sums.entry(of).or_default().entry(measure).or_default();
            *sum = u64::saturating_add(*sum, amount);
        };
        if of.is_empty() {
            return Ok(sums);
        }
        for (of, measure, amount) in self.store.find_usage_of(filter, of)? {
            add(of, measure, amount);
        }
        let wanted: HashSet<UsageOf> = of.iter().copied().collect();
        for shard in &self.shards {
            for (slot, amount) in lock(shard).counts(filter) {
                let part = slot.part(filter.by);
                if wanted.contains(&part) {
                    add(part, slot.measure.clone(), *amount);
                }
            }
        }
        Ok(sums)
    }
}

impl Shard {
    /// What is meant by a filter.
    fn counts<'s>(
        &'s self,
        filter: &'s BreakdownFilter,
    ) -> impl Iterator<Item = (&'s Slot, &'s u64)> {
        let counts = match filter.by {
            UsageBy::Deployment => &self.totals,
            UsageBy::Key => &self.of_keys,
        };
        counts.iter().filter(|(slot, _)| {
            let start = filter.resolution.start_of(slot.minute);
            slot.organization == filter.organization
                && (filter.deployment.is_none() || slot.deployment == filter.deployment)
                && (filter.from..filter.to).contains(&start)
        })
    }
}

impl Slot {
    fn part(&self, by: UsageBy) -> UsageOf {
        match by {
            UsageBy::Deployment => self.deployment.map(access_domain::DeploymentId::uuid),
            UsageBy::Key => self.key.map(KeyId::uuid),
        }
    }
}
