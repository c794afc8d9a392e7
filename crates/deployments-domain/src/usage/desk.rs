//! What is told of usage, and to whom.

use std::{collections::BTreeMap, sync::Arc};

use access_domain::{
    Clock, DeploymentId, Granted, Principal, ReadUsage, Role, StoreError, Visibility,
};
use keys_core::{KeyId, Timestamp};

use super::{
    ExecutionTimes, Measure, Resolution, RunOutcome, Usage, UsageFilter, histogram::ratio,
};
use crate::DeploymentStore;

/// So many buckets one answer has at most.
const MAX_BUCKETS: i64 = 10_000;
/// So many there are, where nobody says from when.
const DEFAULT_BUCKETS: i64 = 24;

/// Whose usage is asked for, and when.
#[derive(Debug, Clone, Copy)]
pub struct UsageQuery {
    /// Of this deployment alone.
    pub deployment: Option<DeploymentId>,
    /// Of this key alone.
    pub key: Option<KeyId>,
    /// How long a bucket is.
    pub bucket: Resolution,
    /// From the bucket in which this lies; else so many that there are 24 of them.
    pub from: Option<Timestamp>,
    /// Up to the bucket in which the last instant before this lies; else to that in which now is.
    pub to: Option<Timestamp>,
}

/// Why usage was not told.
#[derive(Debug, thiserror::Error)]
pub enum UsageRefusal {
    /// Somebody who does not see all of the organization named no deployment.
    #[error("only an administrator sees the usage of the whole organization: name a deployment")]
    DeploymentRequired,
    /// There is no such deployment for this caller.
    #[error("there is no such deployment")]
    NotFound,
    /// It ends before it begins.
    #[error("'from' must be before 'to'")]
    NoBuckets,
    /// More than one answer has.
    #[error("there are {wanted} buckets from 'from' to 'to', and at most {MAX_BUCKETS} are told")]
    TooManyBuckets {
        /// How many.
        wanted: i64,
    },
    /// Storage failed.
    #[error("the usage was not read")]
    Store(#[source] StoreError),
}

/// What was counted in one span of time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UsageBucket {
    /// When it begins.
    pub start: Timestamp,
    /// Requests that were done.
    pub succeeded: u64,
    /// Requests that the server failed, or the run that they waited for.
    pub failed: u64,
    /// Requests that were refused, by their error codes.
    pub rejected_by: BTreeMap<String, u64>,
    /// What models read.
    pub prompt_tokens: u64,
    /// What models wrote.
    pub completion_tokens: u64,
    /// What both cost, in millionths of the operator's unit of money.
    pub cost_micros: u64,
    /// Runs that ended with a result.
    pub executions_completed: u64,
    /// Runs that failed.
    pub executions_failed: u64,
    /// Runs that were cancelled.
    pub executions_stopped: u64,
    /// Keys that other systems asked about.
    pub verifications: u64,
    /// Those of them that were refused.
    pub verifications_refused: u64,
    /// How long runs took; `None` where there were none, and of a single key.
    pub execution_ms: Option<ExecutionTimes>,
}

impl UsageBucket {
    /// What was counted from `start` on, in seconds since 1970.
    pub(super) fn of(start: i64, sums: BTreeMap<Measure, u64>) -> Self {
        let mut bucket = Self {
            start: Timestamp::from_timestamp(start, 0).unwrap_or_default(),
            ..Self::default()
        };
        let (mut runs, mut total_ms) = (BTreeMap::new(), 0);
        for (measure, amount) in sums {
            match measure {
                Measure::ExecutionMs => total_ms = amount,
                Measure::ExecutionMsIn(number) => drop(runs.insert(number, amount)),
                Measure::Rejected(code) => drop(bucket.rejected_by.insert(code.into(), amount)),
                Measure::Succeeded => bucket.succeeded = amount,
                Measure::Failed => bucket.failed = amount,
                Measure::PromptTokens => bucket.prompt_tokens = amount,
                Measure::CompletionTokens => bucket.completion_tokens = amount,
                Measure::CostMicros => bucket.cost_micros = amount,
                Measure::Executions(RunOutcome::Completed) => bucket.executions_completed = amount,
                Measure::Executions(RunOutcome::Failed) => bucket.executions_failed = amount,
                Measure::Executions(RunOutcome::Stopped) => bucket.executions_stopped = amount,
                Measure::Verifications => bucket.verifications = amount,
                Measure::VerificationsRefused => bucket.verifications_refused = amount,
            }
        }
        bucket.execution_ms = ExecutionTimes::of(&runs, total_ms);
        bucket
    }

    /// Requests that were refused.
    pub fn rejected(&self) -> u64 {
        self.rejected_by.values().sum()
    }

    /// All requests.
    pub fn requests(&self) -> u64 {
        self.succeeded + self.failed + self.rejected()
    }

    /// How often it was used: all requests, and how often others asked about a key.
    pub fn uses(&self) -> u64 {
        self.requests().saturating_add(self.verifications)
    }

    /// How many of all requests failed, from 0 to 1.
    pub fn error_rate(&self) -> f64 {
        ratio(self.failed, self.requests())
    }
}

/// The use case of usage.
pub struct UsageDesk {
    /// What is counted.
    pub usage: Arc<Usage>,
    /// Where deployments are found.
    pub deployments: Arc<dyn DeploymentStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl UsageDesk {
    /// What was counted in each bucket from the first to the last, empty ones included.
    ///
    /// # Errors
    /// When the caller may not see it, or asks for none or too much.
    pub fn read(
        &self,
        granted: &Granted<ReadUsage>,
        query: &UsageQuery,
    ) -> Result<Vec<UsageBucket>, UsageRefusal> {
        self.check(granted, query.deployment)?;
        let (from, to) = span(query, self.clock.now())?;
        let filter = UsageFilter {
            organization: granted.organization(),
            key: query.key,
            deployment: query.deployment,
            resolution: query.bucket,
            from,
            to,
        };
        let sums = self.usage.sums(&filter).map_err(UsageRefusal::Store)?;
        Ok(buckets(&filter, sums))
    }

    /// Whoever does not see the whole organization asks of one deployment that they see.
    pub(super) fn check(
        &self,
        granted: &Granted<ReadUsage>,
        deployment: Option<DeploymentId>,
    ) -> Result<(), UsageRefusal> {
        if reach(granted) == Visibility::Organization {
            return Ok(());
        }
        let deployment = deployment.ok_or(UsageRefusal::DeploymentRequired)?;
        let seen = self.seen(granted, &[deployment])?;
        if seen.is_empty() { Err(UsageRefusal::NotFound) } else { Ok(()) }
    }

    /// Those of the deployments that the caller sees.
    pub(super) fn seen(
        &self,
        granted: &Granted<ReadUsage>,
        ids: &[DeploymentId],
    ) -> Result<Vec<DeploymentId>, UsageRefusal> {
        let visibility = reach(granted);
        if visibility == Visibility::Organization {
            return Ok(ids.to_vec());
        }
        let organization = granted.organization();
        let found = self.deployments.find_visible_deployments(organization, visibility, ids);
        found.map_err(UsageRefusal::Store)
    }
}

/// What of the organization the caller sees the usage of.
fn reach(granted: &Granted<ReadUsage>) -> Visibility {
    match granted.who() {
        Principal::User { role: Role::User, id, .. } => Visibility::Member(id.uuid()),
        Principal::User { role: Role::Admin, .. }
        | Principal::PlatformKey { .. }
        | Principal::OrganizationKey { .. }
        | Principal::DeploymentKey { .. } => Visibility::Organization,
    }
}

/// The start of the first bucket, and of the one after the last.
pub(super) fn span(query: &UsageQuery, now: Timestamp) -> Result<(i64, i64), UsageRefusal> {
    let length = query.bucket.seconds();
    // What is counted right now belongs to the answer as well.
    let last = query.to.map_or_else(|| now.timestamp(), before);
    let is_over = |from: Timestamp| query.to.map_or(from > now, |to| from >= to);
    if query.from.is_some_and(is_over) {
        return Err(UsageRefusal::NoBuckets);
    }
    let last = query.bucket.start_of(last);
    let end = last.saturating_add(length);
    let begin = match query.from {
        Some(from) => query.bucket.start_of(from.timestamp()),
        None => end.saturating_sub(length.saturating_mul(DEFAULT_BUCKETS)),
    };
    let wanted = end.saturating_sub(begin) / length;
    if wanted > MAX_BUCKETS {
        return Err(UsageRefusal::TooManyBuckets { wanted });
    }
    Ok((begin, end))
}

/// The second in which the last instant before `at` lies.
fn before(at: Timestamp) -> i64 {
    let is_whole = at.timestamp_subsec_nanos() == 0;
    at.timestamp().saturating_sub(i64::from(is_whole))
}

fn buckets(filter: &UsageFilter, sums: BTreeMap<(i64, Measure), u64>) -> Vec<UsageBucket> {
    let mut sums = sums.into_iter().peekable();
    let mut buckets = Vec::new();
    let mut start = filter.from;
    while start < filter.to {
        let mut of_this = BTreeMap::new();
        while let Some(((_, measure), amount)) = sums.next_if(|((at, _), _)| *at <= start) {
            of_this.insert(measure, amount);
        }
        buckets.push(UsageBucket::of(start, of_this));
        start = start.saturating_add(filter.resolution.seconds());
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(bucket: Resolution, from: Option<&str>, to: Option<&str>, expected: &str) {
        let (from, to) = (from.map(at), to.map(at));
        let query = UsageQuery { deployment: None, key: None, bucket, from, to };
        let told = match span(&query, at("2026-11-21T10:30:00Z")) {
            Ok((begin, end)) => {
                let text = |seconds| {
                    let text = Timestamp::from_timestamp(seconds, 0).unwrap().to_rfc3339();
                    text.replace("2026-", "").replace(":00+00:00", "")
                };
                format!("{} to {}", text(begin), text(end))
            }
            Err(refusal) => format!("{refusal:?}"),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn without_a_wish_it_is_the_last_24_buckets() {
        check(Resolution::Minute, None, None, "11-21T10:07 to 11-21T10:31");
        check(Resolution::Hour, None, None, "11-20T11:00 to 11-21T11:00");
        check(Resolution::Day, None, None, "10-29T00:00 to 11-22T00:00");
    }

    #[test]
    fn buckets_are_whole() {
        let (from, to) = (Some("2026-11-21T08:59:59Z"), Some("2026-11-21T10:00:00.001Z"));
        check(Resolution::Hour, from, to, "11-21T08:00 to 11-21T11:00");
        let (from, to) = (Some("2026-11-21T09:00:00Z"), Some("2026-11-21T10:00:00Z"));
        check(Resolution::Hour, from, to, "11-21T09:00 to 11-21T10:00");
        check(Resolution::Day, from, to, "11-21T00:00 to 11-22T00:00");
    }

    #[test]
    fn an_answer_has_at_least_one_bucket_and_at_most_ten_thousand() {
        let same = Some("2026-11-21T09:00:00Z");
        check(Resolution::Hour, same, same, "NoBuckets");
        check(Resolution::Hour, Some("2026-11-22T09:00:00Z"), None, "NoBuckets");
        let (from, to) = (Some("2026-11-01T00:00:00Z"), Some("2026-11-07T22:40:00Z"));
        check(Resolution::Minute, from, to, "11-01T00:00 to 11-07T22:40");
        let to = Some("2026-11-07T22:40:01Z");
        check(Resolution::Minute, from, to, "TooManyBuckets { wanted: 10001 }");
    }
}
