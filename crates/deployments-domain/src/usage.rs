//! Usage: how much was called, by whom, and what became of it. Counted in memory as it happens, stored
//! now and then, told from both.
//!
//! `measure` is what is counted, `ledger` where, `histogram` how long runs took, `desk` what is told of a span of time bucket by
//! bucket, `breakdown` what is told of it by deployment or by key.

mod breakdown;
mod desk;
mod histogram;
mod ledger;
mod measure;

pub use self::{
    breakdown::{BreakdownFilter, BreakdownQuery, UsageBy, UsageOf, UsageShare},
    desk::{UsageBucket, UsageDesk, UsageQuery, UsageRefusal},
    histogram::ExecutionTimes,
    ledger::{Flushed, Usage, UsageRetention},
    measure::{Measure, Resolution, RunOutcome},
};

use access_domain::{Consumer, DeploymentId, OrganizationId, StoreError, TokenUsage};
use keys_core::KeyId;
use uuid::Uuid;

use std::time::Duration;

/// A run that has ended, as whoever counts runs hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunEnded {
    /// The key that started it, with its deployment.
    pub consumer: Consumer,
    /// How it ended.
    pub outcome: RunOutcome,
    /// From its first start to its end, where a worker ended it.
    pub took: Option<Duration>,
    /// What models read and wrote for it.
    pub tokens: TokenUsage,
}

/// What hears of runs that ended. Answers at once and never fails.
pub trait RunLog: Send + Sync {
    /// The end of a run was saved.
    fn ended(&self, run: RunEnded);
}

/// For processes that count nothing.
impl RunLog for () {
    fn ended(&self, _: RunEnded) {}
}

/// Part of a sum: what is to be added to one row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsageRow {
    /// Which sum.
    pub place: UsagePlace,
    /// How much.
    pub amount: u64,
}

/// Which sum a row is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsagePlace {
    /// The tenant.
    pub organization: OrganizationId,
    /// Of this key alone; `None`: of all keys together.
    pub key: Option<KeyId>,
    /// Over how long.
    pub resolution: Resolution,
    /// When that begins, in seconds since 1970.
    pub start: i64,
    /// Of this deployment; `None`: of no deployment.
    pub deployment: Option<DeploymentId>,
    /// Of what.
    pub measure: Measure,
}

/// What one process adds in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageBatch {
    /// The process.
    pub writer: Uuid,
    /// Counts its batches. One that is given again has the number that it had: it is added once,
    /// however often its writer did not hear of it.
    pub number: i64,
    /// When, in seconds since 1970.
    pub at: i64,
    /// Each place once.
    pub rows: Vec<UsageRow>,
}

/// Which sums are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageFilter {
    /// The tenant.
    pub organization: OrganizationId,
    /// Of this key alone.
    pub key: Option<KeyId>,
    /// Of this deployment alone.
    pub deployment: Option<DeploymentId>,
    /// Over how long each.
    pub resolution: Resolution,
    /// The first start, in seconds since 1970.
    pub from: i64,
    /// The start that is no longer asked for.
    pub to: i64,
}

/// Sums of what was counted.
pub trait UsageStore: Send + Sync {
    /// Adds a batch, unless this writer's batch of that number was added before.
    ///
    /// # Errors
    /// When storage fails; whether the batch was added is not known then.
    fn add_usage(&self, batch: &UsageBatch) -> Result<(), StoreError>;

    /// The sums of each start and measure.
    ///
    /// # Errors
    /// When storage fails.
    fn find_usage(&self, filter: &UsageFilter) -> Result<Vec<(i64, Measure, u64)>, StoreError>;

    /// The sums of each measure, of each of `of`.
    ///
    /// # Errors
    /// When storage fails.
    fn find_usage_of(
        &self,
        filter: &BreakdownFilter,
        of: &[UsageOf],
    ) -> Result<Vec<(UsageOf, Measure, u64)>, StoreError>;

    /// Up to `limit` that were used at all, the most used first.
    ///
    /// # Errors
    /// When storage fails.
    fn find_most_used(
        &self,
        filter: &BreakdownFilter,
        limit: u32,
    ) -> Result<Vec<UsageOf>, StoreError>;

    /// What those of `of` are known by that the organization ever had, deleted ones included.
    ///
    /// # Errors
    /// When storage fails.
    fn find_usage_names(
        &self,
        organization: OrganizationId,
        by: UsageBy,
        of: &[Uuid],
    ) -> Result<Vec<(Uuid, String)>, StoreError>;

    /// Deletes up to `limit` rows that start before `before`, in seconds since 1970, and forgets
    /// processes that have added nothing since. Returns how many rows.
    ///
    /// # Errors
    /// When storage fails.
    fn delete_old_usage(
        &self,
        resolution: Resolution,
        before: i64,
        limit: u32,
    ) -> Result<usize, StoreError>;
}
