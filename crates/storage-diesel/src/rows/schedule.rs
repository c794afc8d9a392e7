//! Schedules.

use deployments_domain::Schedule;
use diesel::{QueryResult, prelude::*};

use crate::{codec, schema::schedules};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = schedules, treat_none_as_default_value = false, treat_none_as_null = true)]
pub(crate) struct ScheduleRow {
    pub(crate) workflow_id: String,
    organization_id: String,
    cron: String,
    is_active: bool,
    timeout_seconds: i32,
    input: String,
    parameters: String,
    next_run_at: Option<i64>,
    last_run_at: Option<i64>,
    pub(crate) last_execution_id: Option<String>,
    last_skipped_at: Option<i64>,
    modified_at: i64,
}

impl ScheduleRow {
    pub(crate) fn of(schedule: &Schedule) -> QueryResult<Self> {
        Ok(Self {
            workflow_id: codec::id(schedule.workflow),
            organization_id: codec::id(schedule.organization),
            cron: schedule.cron.clone(),
            is_active: schedule.is_active,
            timeout_seconds: codec::integer(schedule.timeout_seconds),
            input: schedule.input.to_string(),
            parameters: codec::json_object(&schedule.parameters)?,
            next_run_at: schedule.next_run_at.map(codec::micros),
            last_run_at: schedule.last_run_at.map(codec::micros),
            last_execution_id: schedule.last_execution.map(codec::id),
            last_skipped_at: schedule.last_skipped_at.map(codec::micros),
            modified_at: codec::micros(schedule.modified_at),
        })
    }

    pub(crate) fn read(self) -> QueryResult<Schedule> {
        Ok(Schedule {
            workflow: codec::read_id(&self.workflow_id)?,
            organization: codec::read_id(&self.organization_id)?,
            cron: self.cron,
            is_active: self.is_active,
            timeout_seconds: codec::read_unsigned(self.timeout_seconds)?,
            input: codec::read_json(&self.input)?,
            parameters: codec::read_json_object(&self.parameters)?,
            next_run_at: self.next_run_at.map(codec::read_micros).transpose()?,
            last_run_at: self.last_run_at.map(codec::read_micros).transpose()?,
            last_execution: self.last_execution_id.as_deref().map(codec::read_id).transpose()?,
            last_skipped_at: self.last_skipped_at.map(codec::read_micros).transpose()?,
            modified_at: codec::read_micros(self.modified_at)?,
        })
    }
}
