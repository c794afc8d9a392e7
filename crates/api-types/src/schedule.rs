//! Schedules of workflows.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::Time;

fn yes() -> bool {
    true
}

/// `PUT …/workflow/{id}/schedule/`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PutSchedule {
    /// A cron expression of five fields: minute, hour, day of month, month, day of week.
    pub cron: String,
    /// `UTC`, which is also meant where it is left out.
    #[serde(default)]
    pub timezone: Option<String>,
    /// Whether it starts anything.
    #[serde(default = "yes")]
    pub is_active: bool,
    /// How long an execution may take: 1 to 86,400 seconds, an hour where it is left out.
    #[serde(default)]
    pub timeout_seconds: Option<u32>,
    /// The input of each execution.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Value))]
    pub input: Value,
    /// The parameters of each execution.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub parameters: Map<String, Value>,
}

/// What starts a workflow again and again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScheduleView {
    /// The workflow.
    pub workflow: Uuid,
    /// The cron expression.
    pub cron: String,
    /// `UTC`.
    pub timezone: String,
    /// Whether it starts anything.
    pub is_active: bool,
    /// How long an execution may take, in seconds.
    pub timeout_seconds: u32,
    /// The input of each execution.
    #[cfg_attr(feature = "openapi", schema(value_type = Value))]
    pub input: Value,
    /// The parameters of each execution.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub parameters: Map<String, Value>,
    /// When the next execution is due; `null` while it is not active.
    pub next_run_at: Option<Time>,
    /// When it last started an execution.
    pub last_run_at: Option<Time>,
    /// The execution that it last started.
    pub last_execution_id: Option<Uuid>,
    /// When an execution was last left out, since the one before was not finished.
    pub last_skipped_at: Option<Time>,
    /// When it was set.
    pub modified_at: Time,
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use deployments_domain::{Schedule, ScheduleDraft};

    use super::{PutSchedule, ScheduleView};
    use crate::Time;

    impl From<PutSchedule> for ScheduleDraft {
        fn from(body: PutSchedule) -> Self {
            let PutSchedule { cron, timezone, is_active, timeout_seconds, input, parameters } =
                body;
            Self { cron, timezone, is_active, timeout_seconds, input, parameters }
        }
    }

    impl From<Schedule> for ScheduleView {
        fn from(schedule: Schedule) -> Self {
            Self {
                workflow: schedule.workflow.uuid(),
                cron: schedule.cron,
                timezone: "UTC".into(),
                is_active: schedule.is_active,
                timeout_seconds: schedule.timeout_seconds,
                input: schedule.input,
                parameters: schedule.parameters,
                next_run_at: schedule.next_run_at.map(Time),
                last_run_at: schedule.last_run_at.map(Time),
                last_execution_id: schedule.last_execution.map(|id| id.uuid()),
                last_skipped_at: schedule.last_skipped_at.map(Time),
                modified_at: Time(schedule.modified_at),
            }
        }
    }
}
