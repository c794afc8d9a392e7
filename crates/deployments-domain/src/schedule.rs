//! When a workflow is started by itself: a cron expression, and what each run then begins with.

use access_domain::{Fault, FaultCode, OrganizationId};
use croner::parser::{CronParser, Seconds, Year};
use keys_core::Timestamp;
use serde_json::{Map, Value};

use crate::{ExecutionId, WorkflowId};

const MAX_EXPRESSION_BYTES: usize = 200;
const DEFAULT_TIMEOUT_SECONDS: u32 = 3600;
const MAX_TIMEOUT_SECONDS: u32 = 86_400;
const MAX_JSON_BYTES: usize = 64 * 1024;

/// A cron expression of five fields, in UTC: no two of its times lie closer than a minute.
#[derive(Debug, Clone)]
pub struct Cron(Box<croner::Cron>);

/// Why a text is no cron expression that a schedule can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidCron {
    reason: String,
}

impl Cron {
    /// Reads minute, hour, day of month, month and day of week, or `@hourly` and its like.
    ///
    /// # Errors
    /// When the text is no such expression.
    pub fn parse(text: &str) -> Result<Self, InvalidCron> {
        let fault = |reason: String| InvalidCron { reason };
        if text.len() > MAX_EXPRESSION_BYTES {
            return Err(fault(format!("must have at most {MAX_EXPRESSION_BYTES} bytes")));
        }
        let is_nickname = text.trim_start().starts_with('@');
        if !is_nickname && text.split_whitespace().count() != 5 {
            let what = "must have five fields: minute, hour, day of month, month, day of week";
            return Err(fault(what.into()));
        }
        let parser =
            CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let parsed = parser.parse(text).map_err(|error| {
            fault(format!("is no cron expression: {}", error.to_string().trim_end_matches('.')))
        })?;
        Ok(Self(Box::new(parsed)))
    }

    /// The first of its times after `now`; none where it names days that no year has.
    pub fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        self.0.find_next_occurrence(&now, false).ok()
    }
}

/// What starts a workflow again and again. A workflow has one at most.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// The workflow.
    pub workflow: WorkflowId,
    /// The tenant.
    pub organization: OrganizationId,
    /// When, in UTC; [`Cron::parse`] accepted it.
    pub cron: String,
    /// Whether it starts anything.
    pub is_active: bool,
    /// How long a run may take, in seconds, from when a worker takes it.
    pub timeout_seconds: u32,
    /// The input of each run.
    pub input: Value,
    /// The parameters of each run.
    pub parameters: Map<String, Value>,
    /// When the next run is due; none while it is not active.
    pub next_run_at: Option<Timestamp>,
    /// When it last started a run.
    pub last_run_at: Option<Timestamp>,
    /// The run that it last started.
    pub last_execution: Option<ExecutionId>,
    /// When a run was last left out, since the one before was not finished.
    pub last_skipped_at: Option<Timestamp>,
    /// When it was set.
    pub modified_at: Timestamp,
}

/// A schedule as it is sent.
#[derive(Debug, Clone)]
pub struct ScheduleDraft {
    /// The cron expression.
    pub cron: String,
    /// The time zone; `UTC` and nothing else.
    pub timezone: Option<String>,
    /// Whether it starts anything.
    pub is_active: bool,
    /// How long a run may take, in seconds; an hour without it.
    pub timeout_seconds: Option<u32>,
    /// The input of each run.
    pub input: Value,
    /// The parameters of each run.
    pub parameters: Map<String, Value>,
}

impl ScheduleDraft {
    /// The schedule that it makes at `now`, without any past.
    ///
    /// # Errors
    /// Everything that is wrong, each with its pointer.
    pub(crate) fn schedule(
        self,
        organization: OrganizationId,
        workflow: WorkflowId,
        now: Timestamp,
    ) -> Result<Schedule, Vec<Fault>> {
        let mut faults = Vec::new();
        let next_run_at = match Cron::parse(&self.cron) {
            Ok(cron) => {
                let next = cron.next_after(now);
                if next.is_none() {
                    faults.push(Fault::invalid("/cron", "names a time that never comes"));
                }
                next
            }
            Err(invalid) => {
                faults.push(Fault::invalid("/cron", invalid.to_string()));
                None
            }
        };
        if self.timezone.is_some_and(|zone| zone != "UTC") {
            faults.push(Fault::invalid("/timezone", "must be \"UTC\": schedules know no other"));
        }
        let timeout_seconds = self.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS);
        if !(1..=MAX_TIMEOUT_SECONDS).contains(&timeout_seconds) {
            let detail = format!("must be from 1 to {MAX_TIMEOUT_SECONDS} seconds");
            faults.push(Fault::invalid("/timeout_seconds", detail));
        }
        let parameters = Value::Object(self.parameters.clone());
        for (pointer, value) in [("/input", &self.input), ("/parameters", &parameters)] {
            if value.to_string().len() > MAX_JSON_BYTES {
                let detail = format!("must have at most {MAX_JSON_BYTES} bytes as JSON");
                faults.push(Fault::new(pointer, FaultCode::InvalidValue, detail));
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Schedule {
            workflow,
            organization,
            cron: self.cron,
            is_active: self.is_active,
            timeout_seconds,
            input: self.input,
            parameters: self.parameters,
            next_run_at: next_run_at.filter(|_| self.is_active),
            last_run_at: None,
            last_execution: None,
            last_skipped_at: None,
            modified_at: now,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[track_caller]
    fn next(cron: &str, after: &str, expected: &str) {
        let found = Cron::parse(cron).unwrap().next_after(at(after));
        assert_eq!(found, Some(at(expected)), "{cron}");
    }

    #[test]
    fn the_next_time_lies_after_now() {
        next("0 6 * * *", "2024-03-01T05:59:59.999999Z", "2024-03-01T06:00:00Z");
        next("0 6 * * *", "2024-03-01T06:00:00Z", "2024-03-02T06:00:00Z");
        next("*/15 * * * *", "2024-03-01T06:07:30Z", "2024-03-01T06:15:00Z");
        next("30 3 29 2 *", "2024-03-01T00:00:00Z", "2028-02-29T03:30:00Z");
        next("0 0 * * MON", "2024-03-01T00:00:00Z", "2024-03-04T00:00:00Z");
        next("@hourly", "2024-03-01T06:07:30Z", "2024-03-01T07:00:00Z");
    }

    #[test]
    fn no_schedule_runs_more_often_than_once_a_minute() {
        for text in ["* * * * * *", "*/5 * * * * *", "0 0 0 1 1 * 2030"] {
            assert!(Cron::parse(text).unwrap_err().to_string().contains("five fields"), "{text}");
        }
    }

    #[test]
    fn what_is_no_expression_is_told() {
        for text in ["", "a b c d e", "60 * * * *", "* 24 * * *", "@sometimes", "* * * * * 1"] {
            assert!(Cron::parse(text).is_err(), "{text}");
        }
        assert!(Cron::parse(&"1,".repeat(200)).is_err());
    }

    #[test]
    fn a_draft_tells_all_its_faults() {
        let draft = ScheduleDraft {
            cron: "0 0 30 2 *".into(),
            timezone: Some("Europe/Rome".into()),
            is_active: true,
            timeout_seconds: Some(0),
            input: json!("x".repeat(MAX_JSON_BYTES)),
            parameters: Map::new(),
        };
        let faults =
            draft.schedule(Uuid::nil().into(), Uuid::nil().into(), at("2024-03-01T00:00:00Z"));
        let pointers: Vec<_> = faults.unwrap_err().into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(pointers, ["/cron", "/timezone", "/timeout_seconds", "/input"]);
    }

    #[test]
    fn an_inactive_schedule_has_no_next_run() {
        let draft = |is_active| ScheduleDraft {
            cron: "0 6 * * *".into(),
            timezone: Some("UTC".into()),
            is_active,
            timeout_seconds: None,
            input: Value::Null,
            parameters: Map::new(),
        };
        let made = |is_active| {
            let now = at("2024-03-01T00:00:00Z");
            draft(is_active).schedule(Uuid::nil().into(), Uuid::nil().into(), now).unwrap()
        };
        assert_eq!(made(true).next_run_at, Some(at("2024-03-01T06:00:00Z")));
        assert_eq!(made(false).next_run_at, None);
        assert_eq!(made(true).timeout_seconds, DEFAULT_TIMEOUT_SECONDS);
    }
}
