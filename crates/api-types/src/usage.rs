//! How much was called.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Time;

/// What was counted in one minute, hour or day.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsageView {
    /// When it begins, in UTC.
    pub start: Time,
    /// Requests that came with a right key and were answered: the sum of the next three.
    pub requests: u64,
    /// Those that were done.
    pub succeeded: u64,
    /// Those that the server failed, or the execution that they waited for.
    pub failed: u64,
    /// Those that were refused.
    pub rejected: u64,
    /// Those that were refused, by error code.
    pub rejected_by: BTreeMap<String, u64>,
    /// How many of all requests failed, from 0 to 1; 0 where there were none.
    pub error_rate: f64,
    /// What models read.
    pub prompt_tokens: u64,
    /// What models wrote.
    pub completion_tokens: u64,
    /// What both cost by the prices that the server's operator gave, in millionths of the operator's
    /// unit of money.
    pub cost_micros: u64,
    /// Executions that ended.
    pub executions: ExecutionCountsView,
    /// How often other services asked what becomes of a key.
    pub verifications: u64,
    /// How often they heard that it is refused.
    pub verifications_refused: u64,
    /// How long executions took; `null` where none ended, and of a single key.
    pub execution_ms: Option<ExecutionTimesView>,
}

/// What one deployment or key was used in a span of time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsageShareView {
    /// The id of the deployment or key; `null`: what belongs to no deployment.
    pub id: Option<Uuid>,
    /// The deployment's `api_name`, or the name or description of the key.
    pub name: Option<String>,
    /// What was counted; it starts with the whole span.
    #[serde(flatten)]
    pub usage: UsageView,
}

/// Executions that ended, by how.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExecutionCountsView {
    /// With a result.
    pub completed: u64,
    /// With a failure.
    pub failed: u64,
    /// They were cancelled.
    pub stopped: u64,
}

/// How long executions took from their first start, in milliseconds. Percentiles are within an eighth
/// of the truth.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExecutionTimesView {
    /// Half of them took no longer.
    pub p50: u64,
    /// 95 of 100.
    pub p95: u64,
    /// 99 of 100.
    pub p99: u64,
    /// On average.
    pub mean: f64,
}

impl UsageView {
    /// The columns of a table of usage.
    pub const COLUMNS: [&'static str; 19] = [
        "start",
        "requests",
        "succeeded",
        "failed",
        "rejected",
        "rejected_by",
        "error_rate",
        "prompt_tokens",
        "completion_tokens",
        "cost_micros",
        "executions_completed",
        "executions_failed",
        "executions_stopped",
        "verifications",
        "verifications_refused",
        "execution_ms_p50",
        "execution_ms_p95",
        "execution_ms_p99",
        "execution_ms_mean",
    ];

    /// It as a row of that table. `rejected_by` is as `rate_limited:3 input_invalid:1`.
    pub fn cells(self) -> [String; 19] {
        let reasons: Vec<String> =
            self.rejected_by.iter().map(|(code, count)| format!("{code}:{count}")).collect();
        let times = self.execution_ms;
        let percentile = |read: fn(ExecutionTimesView) -> u64| {
            times.map_or_else(String::new, |times| read(times).to_string())
        };
        [
            self.start.to_string(),
            self.requests.to_string(),
            self.succeeded.to_string(),
            self.failed.to_string(),
            self.rejected.to_string(),
            reasons.join(" "),
            self.error_rate.to_string(),
            self.prompt_tokens.to_string(),
            self.completion_tokens.to_string(),
            self.cost_micros.to_string(),
            self.executions.completed.to_string(),
            self.executions.failed.to_string(),
            self.executions.stopped.to_string(),
            self.verifications.to_string(),
            self.verifications_refused.to_string(),
            percentile(|times| times.p50),
            percentile(|times| times.p95),
            percentile(|times| times.p99),
            times.map_or_else(String::new, |times| times.mean.to_string()),
        ]
    }
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use deployments_domain::{UsageBucket, UsageShare};

    use super::{ExecutionCountsView, ExecutionTimesView, UsageShareView, UsageView};
    use crate::Time;

    impl From<UsageShare> for UsageShareView {
        fn from(share: UsageShare) -> Self {
            Self { id: share.of, name: share.name, usage: share.usage.into() }
        }
    }

    impl From<UsageBucket> for UsageView {
        fn from(bucket: UsageBucket) -> Self {
            Self {
                start: Time(bucket.start),
                requests: bucket.requests(),
                succeeded: bucket.succeeded,
                failed: bucket.failed,
                rejected: bucket.rejected(),
                error_rate: rounded(bucket.error_rate(), 6),
                prompt_tokens: bucket.prompt_tokens,
                completion_tokens: bucket.completion_tokens,
                cost_micros: bucket.cost_micros,
                executions: ExecutionCountsView {
                    completed: bucket.executions_completed,
                    failed: bucket.executions_failed,
                    stopped: bucket.executions_stopped,
                },
                verifications: bucket.verifications,
                verifications_refused: bucket.verifications_refused,
                execution_ms: bucket.execution_ms.map(|times| ExecutionTimesView {
                    p50: times.p50,
                    p95: times.p95,
                    p99: times.p99,
                    mean: rounded(times.mean, 1),
                }),
                rejected_by: bucket.rejected_by,
            }
        }
    }

    fn rounded(number: f64, digits: i32) -> f64 {
        let unit = 10_f64.powi(digits);
        (number * unit).round() / unit
    }
}
