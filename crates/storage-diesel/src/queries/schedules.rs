//! Schedules, and the runs that they begin.

use access_domain::{
    Act, ChangeError, OrganizationId, StoreError, Subject, SubjectKind, Visibility,
};
use deployments_domain::{
    Begun, DueSchedule, Schedule, ScheduleRefusal, ScheduleStore, WorkflowId,
};
use diesel::{delete, insert_into, prelude::*, select, sql_types::Bool, update};
use keys_core::Timestamp;

use super::{
    super::{Conn, Store},
    audit::note,
    lease::NowAnd,
    owned,
};
use crate::{
    codec,
    error::Stop,
    rows::{NewExecutionRow, ScheduleRow},
    schema::{executions, schedules, workflow_versions, workflows},
};

impl ScheduleStore for Store {
    fn find_schedule(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        workflow: WorkflowId,
    ) -> Result<Option<Schedule>, StoreError> {
        self.read("looking a schedule up", |conn| {
            let found: Option<ScheduleRow> = schedules::table
                .inner_join(workflows::table)
                .filter(visible!(workflows, organization, visibility))
                .filter(schedules::workflow_id.eq(codec::id(workflow)))
                .select(ScheduleRow::as_select())
                .first(conn)
                .optional()?;
            found.map(ScheduleRow::read).transpose()
        })
    }

    fn set_schedule(
        &self,
        visibility: Visibility,
        schedule: &Schedule,
        act: &Act,
    ) -> Result<Schedule, ChangeError<ScheduleRefusal>> {
        self.change("setting a schedule", |conn| {
            let (organization, workflow) = (schedule.organization, schedule.workflow);
            let name = hold_workflow(conn, organization, visibility, workflow)?;
            let before: Option<ScheduleRow> = locked!(
                schedules::table.find(codec::id(workflow)).select(ScheduleRow::as_select())
            )
            .first(conn)
            .optional()?;
            let before = before.map(ScheduleRow::read).transpose()?;
            let mut after = schedule.clone();
            if let Some(before) = before {
                after.last_run_at = before.last_run_at;
                after.last_execution = before.last_execution;
                after.last_skipped_at = before.last_skipped_at;
                let row = ScheduleRow::of(&after)?;
                update(schedules::table.find(codec::id(workflow))).set(row).execute(conn)?;
            } else {
                // Nobody else sets one meanwhile: the workflow is held.
                insert_into(schedules::table).values(ScheduleRow::of(&after)?).execute(conn)?;
            }
            note(conn, organization, act, subject(workflow, &name))?;
            Ok(after)
        })
    }

    fn remove_schedule(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        workflow: WorkflowId,
        act: &Act,
    ) -> Result<(), ChangeError<ScheduleRefusal>> {
        self.change("removing a schedule", |conn| {
            let name = hold_workflow(conn, organization, visibility, workflow)?;
            if delete(schedules::table.find(codec::id(workflow))).execute(conn)? == 0 {
                return Err(Stop::Refused(ScheduleRefusal::NotFound));
            }
            Ok(note(conn, organization, act, subject(workflow, &name))?)
        })
    }

    fn begin_due(
        &self,
        limit: u32,
        rule: &dyn Fn(&DueSchedule, Timestamp) -> Begun,
    ) -> Result<usize, StoreError> {
        // A look that locks nothing: mostly nothing is due, and every server asks every second.
        let is_due = self.read("looking for schedules that are due", |conn| {
            let due = schedules::table.filter(schedules::next_run_at.le(NowAnd::nothing()));
            select(diesel::dsl::exists(due)).get_result::<bool>(conn)
        })?;
        if !is_due {
            return Ok(0);
        }
        self.save("beginning the runs of schedules", |conn| {
            let now: Option<i64> = select(NowAnd::nothing()).get_result(conn)?;
            let now = codec::read_micros(now.unwrap_or_default())?;
            let due: Vec<ScheduleRow> = claimable!(
                schedules::table
                    .filter(schedules::next_run_at.le(NowAnd::nothing()))
                    .order(schedules::next_run_at)
                    .limit(i64::from(limit))
                    .select(ScheduleRow::as_select())
            )
            .load(conn)?;
            let mut begun = 0;
            for row in due {
                begun += usize::from(begin(conn, row, now, rule)?);
            }
            Ok(begun)
        })
    }
}

/// One schedule that is due and held. Its workflow is not locked: a change of that comes before this
/// or after.
fn begin(
    conn: &mut Conn,
    row: ScheduleRow,
    now: Timestamp,
    rule: &dyn Fn(&DueSchedule, Timestamp) -> Begun,
) -> QueryResult<bool> {
    let its = schedules::table.find(row.workflow_id.clone());
    let found: Option<(String, String)> = workflows::table
        .inner_join(workflow_versions::table)
        .filter(workflows::id.eq(&row.workflow_id))
        .filter(workflows::deleted_at.is_null())
        .select((workflow_versions::id, workflow_versions::definition))
        .first(conn)
        .optional()?;
    let Some((version, definition)) = found else {
        // The workflow was deleted.
        delete(its).execute(conn)?;
        return Ok(false);
    };
    let running = executions::table
        .filter(executions::id.nullable().eq(&row.last_execution_id))
        .filter(executions::finished_at.is_null());
    let is_running = select(diesel::dsl::exists(running)).get_result(conn)?;
    let due = DueSchedule {
        version: codec::read_id(&version)?,
        definition: codec::read_json(&definition)?,
        schedule: row.read()?,
        is_running,
    };
    let Begun { run, next_run_at } = rule(&due, now);
    let (next, at) = (next_run_at.map(codec::micros), codec::micros(now));
    let Some(run) = run else {
        update(its)
            .set((schedules::next_run_at.eq(next), schedules::last_skipped_at.eq(Some(at))))
            .execute(conn)?;
        return Ok(false);
    };
    insert_into(executions::table).values(NewExecutionRow::of(&run)?).execute(conn)?;
    update(its)
        .set((
            schedules::next_run_at.eq(next),
            schedules::last_run_at.eq(Some(at)),
            schedules::last_execution_id.eq(Some(codec::id(run.id))),
        ))
        .execute(conn)?;
    Ok(true)
}

/// The name of a workflow that the caller may change, and that stays as long as this transaction.
fn hold_workflow(
    conn: &mut Conn,
    organization: OrganizationId,
    visibility: Visibility,
    id: WorkflowId,
) -> Result<String, Stop<ScheduleRefusal>> {
    let held: Option<(String, String)> = locked!(
        workflows::table
            .filter(visible!(workflows, organization, visibility))
            .filter(workflows::id.eq(codec::id(id)))
            .select((workflows::name, workflows::created_by))
    )
    .first(conn)
    .optional()?;
    let (name, maker) = held.ok_or(Stop::Refused(ScheduleRefusal::NotFound))?;
    owned(visibility, &maker)?;
    Ok(name)
}

fn subject(workflow: WorkflowId, name: &str) -> Subject {
    Subject::new(SubjectKind::Workflow, workflow, name)
}
