//! What is counted, and over how long. Knows the names that both have in storage.

use std::borrow::Cow;

/// Something that is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Measure {
    /// Requests that were done.
    Succeeded,
    /// Requests that the server failed, or the run that they waited for.
    Failed,
    /// Requests that were refused for this reason: an error code.
    Rejected(Cow<'static, str>),
    /// What models read.
    PromptTokens,
    /// What models wrote.
    CompletionTokens,
    /// What both cost, in millionths of the operator's unit of money.
    CostMicros,
    /// Runs that ended so.
    Executions(RunOutcome),
    /// Milliseconds that runs took, all together.
    ExecutionMs,
    /// Runs that took so long: the number of a bucket of the histogram.
    ExecutionMsIn(u16),
    /// Keys that other systems asked about.
    Verifications,
    /// Those of them that were refused.
    VerificationsRefused,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RunOutcome {
    /// With a result.
    Completed,
    /// With a failure.
    Failed,
    /// It was cancelled.
    Stopped,
}

const REJECTED: &str = "rejected.";
const EXECUTION_MS_IN: &str = "execution_ms.";

impl Measure {
    /// The name in storage.
    pub fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Rejected(code) => return format!("{REJECTED}{code}").into(),
            Self::ExecutionMsIn(bucket) => return format!("{EXECUTION_MS_IN}{bucket}").into(),
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::PromptTokens => "prompt_tokens",
            Self::CompletionTokens => "completion_tokens",
            Self::CostMicros => "cost_micros",
            Self::Executions(RunOutcome::Completed) => "executions.completed",
            Self::Executions(RunOutcome::Failed) => "executions.failed",
            Self::Executions(RunOutcome::Stopped) => "executions.stopped",
            Self::ExecutionMs => "execution_ms",
            Self::Verifications => "verifications",
            Self::VerificationsRefused => "verifications_refused",
        })
    }

    /// Whether it counts how often something was used: requests, however they ended, and questions about a key.
    pub fn is_use(&self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Rejected(_) | Self::Verifications => true,
            Self::PromptTokens
            | Self::CompletionTokens
            | Self::CostMicros
            | Self::Executions(_)
            | Self::ExecutionMs
            | Self::ExecutionMsIn(_)
            | Self::VerificationsRefused => false,
        }
    }

    /// The measure of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "succeeded" => Self::Succeeded,
            "failed" => Self::Failed,
            "prompt_tokens" => Self::PromptTokens,
            "completion_tokens" => Self::CompletionTokens,
            "cost_micros" => Self::CostMicros,
            "executions.completed" => Self::Executions(RunOutcome::Completed),
            "executions.failed" => Self::Executions(RunOutcome::Failed),
            "executions.stopped" => Self::Executions(RunOutcome::Stopped),
            "execution_ms" => Self::ExecutionMs,
            "verifications" => Self::Verifications,
            "verifications_refused" => Self::VerificationsRefused,
            _ => {
                if let Some(code) = name.strip_prefix(REJECTED) {
                    return Some(Self::Rejected(code.to_owned().into()));
                }
                Self::ExecutionMsIn(name.strip_prefix(EXECUTION_MS_IN)?.parse().ok()?)
            }
        })
    }
}

/// Over how long is summed up. Each begins at a whole one in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resolution {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl Resolution {
    /// All of them, the finest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The resolution of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resolution| resolution.as_str() == name)
    }

    /// How long one is.
    pub fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 60 * 60,
            Self::Day => 24 * 60 * 60,
        }
    }

    /// When that begins in which `at` lies; both in seconds since 1970.
    pub fn start_of(self, at: i64) -> i64 {
        at.saturating_sub(at.rem_euclid(self.seconds()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_is_read_by_its_name() {
        let all = [
            Measure::Succeeded,
            Measure::Failed,
            Measure::Rejected("rate_limited".into()),
            Measure::PromptTokens,
            Measure::CompletionTokens,
            Measure::CostMicros,
            Measure::Executions(RunOutcome::Completed),
            Measure::Executions(RunOutcome::Failed),
            Measure::Executions(RunOutcome::Stopped),
            Measure::ExecutionMs,
            Measure::ExecutionMsIn(0),
            Measure::ExecutionMsIn(131),
            Measure::Verifications,
            Measure::VerificationsRefused,
        ];
        for measure in all {
            assert_eq!(Measure::parse(&measure.name()), Some(measure));
        }
        assert_eq!(Measure::parse("execution_ms.x"), None);
        assert_eq!(Measure::parse("else"), None);
    }

    #[test]
    fn each_begins_at_a_whole_one() {
        let at = 1_795_221_000 + 61;
        assert_eq!(Resolution::Minute.start_of(at), 1_795_221_060);
        assert_eq!(Resolution::Hour.start_of(at), 1_795_219_200);
        assert_eq!(Resolution::Day.start_of(at), 1_795_219_200);
        assert_eq!(Resolution::Day.start_of(-1), -24 * 60 * 60);
    }
}
