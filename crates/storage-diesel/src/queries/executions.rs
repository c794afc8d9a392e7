//! Runs: what callers are told of them, and the queue that workers take them from.
//!
//! Leases are compared by the database's clock, so that no server's own clock can take a run from another.

use std::time::Duration;

use access_domain::{ChangeError, DeploymentId, OrganizationId, StoreError};
use deployments_domain::{
    ClaimedRun, Execution, ExecutionId, ExecutionStore, FileId, FoundFiles, NewRun, Retention,
    RunFile, RunLimits, RunMove, Runnable, Status, StepRecord, TooManyExecutions,
};
use diesel::{
    delete, dsl::sql, insert_into, prelude::*, sql_types::Integer, update, upsert::excluded,
};
use keys_core::{KeyId, Timestamp};
use serde_json::Value;

use super::{
    super::{Conn, Store},
    claims::claim,
    events::tell_of_run,
    files::{
        files_of, files_of_run, forget_files, give_files_up, read_claimed, save_files,
        what_is_known_of,
    },
    idempotency::remember,
    lease::NowAnd,
    records::{fill_in, forget_checkpoints},
    retention::{Due, due},
};
use crate::{
    codec,
    error::Stop,
    rows::{ExecutionRow, MoveRow, NewExecutionRow, NewStepRow, RunnableRow, StepRow},
    schema::{
        deployments, execution_steps, executions, keys, organizations, workflow_versions, workflows,
    },
};

/// So many rows go into one statement: SQLite takes 32,766 values in one.
const MAX_ROWS: usize = 500;

impl ExecutionStore for Store {
    fn find_runnable(
        &self,
        organization: OrganizationId,
        deployment: DeploymentId,
        key: KeyId,
    ) -> Result<Option<Runnable>, StoreError> {
        self.read("looking up what to run", |conn| {
            let found = deployments::table
                .inner_join(workflows::table.inner_join(workflow_versions::table))
                .inner_join(keys::table.on(keys::organization_id.eq(deployments::organization_id)))
                .inner_join(
                    organizations::table.on(organizations::id.eq(deployments::organization_id)),
                )
                .filter(keys::id.eq(codec::id(key)))
                // Its own key, or one that opens all of them.
                .filter(
                    keys::deployment_id
                        .eq(deployments::id.nullable())
                        .or(keys::kind.eq("platform").nullable()),
                )
                .filter(deployments::id.eq(codec::id(deployment)))
                .filter(deployments::organization_id.eq(codec::id(organization)))
                .filter(deployments::deleted_at.is_null())
                .select(RunnableRow::as_select())
                .first(conn)
                .optional()?;
            found.map(RunnableRow::read).transpose()
        })
    }

    fn accept(
        &self,
        run: &NewRun,
        limits: RunLimits,
    ) -> Result<(), ChangeError<TooManyExecutions>> {
        self.change("accepting a run", |conn| {
            leave_room(conn, run, limits)?;
            let row = NewExecutionRow::of(run)?;
            if run.state.status == Status::Executing {
                let lease = executions::lease_expires_at.eq(NowAnd::lease(run.lease));
                insert_into(executions::table).values((row, lease)).execute(conn)?;
            } else {
                insert_into(executions::table).values(row).execute(conn)?;
            }
            save_files(conn, run)?;
            let (request, made) = (run.repeatable, run.id.uuid());
            Ok(remember(conn, run.organization, request, run.created_at, made, None)?)
        })
    }

    fn find_execution(
        &self,
        organization: OrganizationId,
        deployment: DeploymentId,
        key: KeyId,
        id: ExecutionId,
    ) -> Result<Option<Execution>, StoreError> {
        self.read("looking a run up", |conn| {
            let found: Option<ExecutionRow> = executions::table
                .inner_join(deployments::table)
                .inner_join(workflow_versions::table)
                .filter(executions::id.eq(codec::id(id)))
                .filter(executions::organization_id.eq(codec::id(organization)))
                .filter(executions::deployment_id.eq(codec::id(deployment)))
                .filter(executions::key_id.eq(codec::id(key)).or(deployments::shared_results))
                .select(ExecutionRow::as_select())
                .first(conn)
                .optional()?;
            found.map(|row| fill_in(conn, row.read()?)).transpose()
        })
    }

    fn find_result(
        &self,
        organization: OrganizationId,
        id: ExecutionId,
    ) -> Result<Option<Value>, StoreError> {
        self.read("looking a result up", |conn| {
            let found: Option<Option<String>> = executions::table
                .filter(executions::id.eq(codec::id(id)))
                .filter(executions::organization_id.eq(codec::id(organization)))
                .select(executions::result)
                .first(conn)
                .optional()?;
            found.flatten().map(|result| codec::read_json(&result)).transpose()
        })
    }

    fn save_move(&self, run_move: &RunMove) -> Result<bool, StoreError> {
        let is_saved = self.save("saving the move of a run", |conn| {
            let id = codec::id(run_move.id);
            let still_in_from = executions::status
                .eq(run_move.from.status.as_str())
                .and(executions::attempt.eq(run_move.from.attempt));
            let moved = update(executions::table.find(&id).filter(still_in_from))
                .set(MoveRow::of(run_move))
                .execute(conn)?;
            if moved > 0 && !run_move.steps.is_empty() {
                let steps = run_move.steps.iter().map(|step| NewStepRow::of(&id, step)).collect();
                save_steps(conn, &id, steps)?;
            }
            if moved > 0 {
                tell_of_run(conn, run_move)?;
            }
            Ok(moved > 0)
        })?;
        if is_saved {
            self.executions.moved_to(run_move.to.status);
        }
        Ok(is_saved)
    }

    fn save_steps(
        &self,
        id: ExecutionId,
        attempt: i32,
        steps: &[StepRecord],
    ) -> Result<bool, StoreError> {
        self.save("saving steps of a run", |conn| {
            let id = codec::id(id);
            let held = executions::table
                .find(&id)
                .filter(executions::status.eq(Status::Executing.as_str()))
                .filter(executions::attempt.eq(attempt))
                .select(executions::id);
            // Until this is done, nobody else takes the run.
            if locked!(held).first::<String>(conn).optional()?.is_none() {
                return Ok(false);
            }
            save_steps(conn, &id, steps.iter().map(|step| NewStepRow::of(&id, step)).collect())?;
            Ok(true)
        })
    }

    fn find_steps(&self, id: ExecutionId) -> Result<Vec<StepRecord>, StoreError> {
        self.read("looking the steps of a run up", |conn| {
            let rows: Vec<StepRow> = execution_steps::table
                .filter(execution_steps::execution_id.eq(codec::id(id)))
                .order((execution_steps::item, execution_steps::position))
                .select(StepRow::as_select())
                .load(conn)?;
            rows.into_iter().map(StepRow::read).collect()
        })
    }

    fn claim(
        &self,
        limit: u32,
        lease: Duration,
        at: Timestamp,
    ) -> Result<Vec<ClaimedRun>, StoreError> {
        let (rows, mut files) = self.save("claiming runs", |conn| {
            let rows = claim(conn, i64::from(limit), lease, at)?;
            let files = files_of(conn, rows.iter().map(|row| row.id.as_str()))?;
            Ok((rows, files))
        })?;
        // Read after the commit: a row that cannot be read must not keep the others from being carried out.
        Ok(rows.into_iter().filter_map(|row| read_claimed(row, &mut files)).collect())
    }

    fn find_run_files(
        &self,
        organization: OrganizationId,
        id: ExecutionId,
    ) -> Result<Vec<RunFile>, StoreError> {
        self.read("looking up the files of a run", |conn| files_of_run(conn, organization, id))
    }

    fn find_files(&self, ids: &[FileId]) -> Result<FoundFiles, StoreError> {
        self.read("looking files up", |conn| what_is_known_of(conn, ids))
    }

    fn renew(
        &self,
        held: &[(ExecutionId, i32)],
        lease: Duration,
    ) -> Result<Vec<ExecutionId>, StoreError> {
        self.save("renewing leases", |conn| {
            let ids = held.iter().map(|(id, _)| codec::id(*id));
            // In one order for all, or two who renew and two who sweep could wait for each other.
            let found: Vec<(String, i32)> = locked!(
                executions::table
                    .filter(executions::id.eq_any(ids))
                    .filter(executions::status.eq(Status::Executing.as_str()))
                    .order(executions::id)
                    .select((executions::id, executions::attempt))
            )
            .load(conn)?;
            let is_found = |(id, attempt): &&(ExecutionId, i32)| {
                let id = codec::id(*id);
                found.iter().any(|(found, now_at)| *found == id && now_at == attempt)
            };
            let kept: Vec<ExecutionId> = held.iter().filter(is_found).map(|(id, _)| *id).collect();
            let ids = kept.iter().map(|id| codec::id(*id));
            update(executions::table.filter(executions::id.eq_any(ids)))
                .set(executions::lease_expires_at.eq(NowAnd::lease(lease)))
                .execute(conn)?;
            Ok(kept)
        })
    }

    fn delete_old_payloads(
        &self,
        now: Timestamp,
        kept: Retention,
        limit: u32,
    ) -> Result<usize, StoreError> {
        self.save("deleting old payloads", |conn| {
            let old = due(conn, Due::Payload, now, kept, limit)?;
            update(execution_steps::table)
                .filter(execution_steps::execution_id.eq_any(&old))
                .set(execution_steps::output.eq(None::<String>))
                .execute(conn)?;
            give_files_up(conn, &old)?;
            forget_checkpoints(conn, &old)?;
            update(executions::table.filter(executions::id.eq_any(&old)))
                .set((
                    executions::has_payload.eq(false),
                    executions::input.eq(None::<String>),
                    executions::parameters.eq(None::<String>),
                    executions::result.eq(None::<String>),
                ))
                .execute(conn)
        })
    }

    fn delete_old_records(
        &self,
        now: Timestamp,
        kept: Retention,
        limit: u32,
    ) -> Result<usize, StoreError> {
        self.save("deleting old records of runs", |conn| {
            let old = due(conn, Due::Record, now, kept, limit)?;
            let steps = execution_steps::table.filter(execution_steps::execution_id.eq_any(&old));
            delete(steps).execute(conn)?;
            forget_files(conn, &old)?;
            delete(executions::table.filter(executions::id.eq_any(&old))).execute(conn)
        })
    }
}

/// What is bounded is locked before its runs are counted, so that no two callers take the last place.
fn leave_room(
    conn: &mut Conn,
    run: &NewRun,
    limits: RunLimits,
) -> Result<(), Stop<TooManyExecutions>> {
    let organization = codec::id(run.organization);
    // Not all are counted, of which there may be a hundred thousand where there was no bound before: if there is one at the
    // bound's place, there is room for none.
    let unfinished = |limit: u32| {
        executions::table
            .filter(executions::organization_id.eq(codec::id(run.organization)))
            .filter(executions::finished_at.is_null())
            .select(executions::id)
            .offset(i64::from(limit.saturating_sub(1)))
            .limit(1)
    };
    if let Some(limit) = limits.organization {
        locked!(organizations::table.find(organization).select(organizations::id))
            .first::<String>(conn)?;
        let last: Option<String> = unfinished(limit).first(conn).optional()?;
        if limit == 0 || last.is_some() {
            return Err(Stop::Refused(TooManyExecutions::OfOrganization { limit }));
        }
    }
    if let Some(limit) = limits.deployment
        && let Some(deployment) = run.trigger.deployment().map(codec::id)
    {
        locked!(deployments::table.find(&deployment).select(deployments::id))
            .first::<String>(conn)?;
        let of_deployment = unfinished(limit).filter(executions::deployment_id.eq(&deployment));
        let last: Option<String> = of_deployment.first(conn).optional()?;
        if limit == 0 || last.is_some() {
            return Err(Stop::Refused(TooManyExecutions::OfDeployment { limit }));
        }
    }
    Ok(())
}

/// Steps that a later attempt takes again are saved over those of the one before.
fn save_steps(conn: &mut Conn, execution: &str, steps: Vec<NewStepRow>) -> QueryResult<()> {
    use execution_steps as saved;

    for steps in steps.chunks(MAX_ROWS) {
        insert_into(saved::table)
            .values(steps)
            .on_conflict((saved::execution_id, saved::item, saved::position))
            .do_update()
            .set((
                saved::step_id.eq(excluded(saved::step_id)),
                saved::state.eq(excluded(saved::state)),
                saved::started_at.eq(excluded(saved::started_at)),
                saved::finished_at.eq(excluded(saved::finished_at)),
                saved::output.eq(excluded(saved::output)),
                saved::error.eq(excluded(saved::error)),
                saved::prompt_tokens.eq(excluded(saved::prompt_tokens)),
                saved::completion_tokens.eq(excluded(saved::completion_tokens)),
                saved::cost_micros.eq(excluded(saved::cost_micros)),
                saved::log.eq(excluded(saved::log)),
            ))
            .execute(conn)?;
    }
    let completed = sql::<Integer>(
        "(SELECT count(*) FROM execution_steps WHERE execution_id = executions.id AND state IN ('SUCCEEDED', 'SKIPPED'))",
    );
    update(executions::table.find(execution))
        .set(executions::steps_completed.eq(completed))
        .execute(conn)?;
    Ok(())
}
