//! Runs, for those who manage what they are runs of.

use access_domain::{OrganizationId, Page, PageRequest, StoreError, Visibility};
use deployments_domain::{
    Execution, ExecutionId, HistoryFilter, HistoryStore, Inclusion, RunDetail, RunStep, Status,
    Trial, WorkflowId,
};
use diesel::{dsl::sql, prelude::*, sql_types::Bool};
use keys_core::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::super::{Conn, Store};
use crate::{
    codec,
    rows::{ExecutionRow, SizedStepRow},
    schema::{
        deployments, execution_steps, executions, organizations, workflow_versions, workflows,
    },
};

/// What a member made, be it deleted, since what was run of it stays on record; and what is shared with them, as long as its
/// owner can say that it is not.
macro_rules! theirs {
    ($table:ident, $organization:expr, $member:expr) => {{
        let member: String = $member;
        $table::table.filter($table::organization_id.eq(codec::id($organization))).filter(
            $table::created_by.eq(member.clone()).or($table::deleted_at.is_null().and(
                $table::shared_with_everyone.or($table::id.eq_any(shared_with!($table, member))),
            )),
        )
    }};
}

/// The runs of an organization that the caller may see, boxed for further conditions.
macro_rules! seen {
    ($organization:expr, $visibility:expr) => {{
        let all = executions::table
            .inner_join(workflow_versions::table)
            .filter(executions::organization_id.eq(codec::id($organization)))
            .into_boxed();
        match $visibility {
            Visibility::Organization => all,
            Visibility::Member(member) => {
                let member = member.to_string();
                let their_deployments = theirs!(deployments, $organization, member.clone())
                    .select(deployments::id.nullable());
                let their_workflows =
                    theirs!(workflows, $organization, member).select(workflows::id.nullable());
                let of_deployment = executions::deployment_id.eq_any(their_deployments);
                let of_workflow = executions::workflow_id.eq_any(their_workflows);
                all.filter(of_deployment.or(executions::deployment_id.is_null().and(of_workflow)))
            }
        }
    }};
}

impl HistoryStore for Store {
    fn list_executions(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        filter: &HistoryFilter,
        page: PageRequest,
    ) -> Result<Page<Execution>, StoreError> {
        self.read("listing runs", |conn| {
            let mut wanted = seen!(organization, visibility);
            if let Some(deployment) = filter.deployment {
                wanted = wanted.filter(executions::deployment_id.eq(codec::id(deployment)));
            }
            if let Some(workflow) = filter.workflow {
                wanted = wanted.filter(executions::workflow_id.eq(codec::id(workflow)));
            }
            if let Some(key) = filter.key {
                wanted = wanted.filter(executions::key_id.eq(codec::id(key)));
            }
            // Spelled out rather than bound: what is bound does not tell that an index of some rows has them all.
            if let Some(status) = filter.status {
                wanted =
                    wanted.filter(literally(&format!("executions.status = '{}'", status.as_str())));
                if matches!(status, Status::Pending | Status::Executing) {
                    wanted = wanted.filter(executions::finished_at.is_null());
                }
            }
            if let Some(kind) = filter.trigger {
                wanted =
                    wanted.filter(literally(&format!("executions.trigger = '{}'", kind.as_str())));
            }
            if let Some(from) = filter.from {
                wanted = wanted.filter(executions::id.ge(first_id(from, 0)));
                wanted = wanted.filter(executions::created_at.ge(codec::micros(from)));
            }
            if let Some(to) = filter.to {
                wanted = wanted.filter(executions::id.lt(first_id(to, 1)));
                wanted = wanted.filter(executions::created_at.lt(codec::micros(to)));
            }
            if let Some(after) = page.after {
                wanted = wanted.filter(executions::id.lt(after.to_string()));
            }
            let rows: Vec<ExecutionRow> = wanted
                .order(executions::id.desc())
                .limit(page.rows())
                .select(ExecutionRow::as_select())
                .load(conn)?;
            let items = rows.into_iter().map(ExecutionRow::read).collect::<QueryResult<_>>()?;
            Ok(page.cut(items, |execution: &Execution| execution.id.uuid()))
        })
    }

    fn find_detail(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: ExecutionId,
        wanted: Inclusion,
    ) -> Result<Option<RunDetail>, StoreError> {
        self.read("looking into a run", |conn| {
            let found: Option<(ExecutionRow, bool)> = seen!(organization, visibility)
                .filter(executions::id.eq(codec::id(id)))
                .select((ExecutionRow::as_select(), executions::has_payload))
                .first(conn)
                .optional()?;
            let Some((row, has_payload)) = found else { return Ok(None) };
            let (input, parameters, result) = payload(conn, id, wanted)?;
            let (steps, has_more_steps) = steps(conn, id, wanted.outputs && has_payload)?;
            let execution = row.read()?;
            let detail = RunDetail {
                execution,
                steps,
                has_more_steps,
                has_payload,
                input: input.as_deref().map(codec::read_json).transpose()?,
                parameters: parameters.as_deref().map(codec::read_json_object).transpose()?,
                result: result.as_deref().map(codec::read_json).transpose()?,
            };
            Ok(Some(detail))
        })
    }

    fn find_run_record(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: ExecutionId,
    ) -> Result<Option<Execution>, StoreError> {
        self.read("looking a run up", |conn| {
            let found: Option<ExecutionRow> = seen!(organization, visibility)
                .filter(executions::id.eq(codec::id(id)))
                .select(ExecutionRow::as_select())
                .first(conn)
                .optional()?;
            found.map(ExecutionRow::read).transpose()
        })
    }

    fn find_owner(
        &self,
        organization: OrganizationId,
        id: ExecutionId,
    ) -> Result<Option<Uuid>, StoreError> {
        self.read("looking up whose run it is", |conn| {
            let run = executions::table
                .find(codec::id(id))
                .filter(executions::organization_id.eq(codec::id(organization)));
            let of: Option<(Option<String>, Option<String>)> = run
                .select((executions::deployment_id, executions::workflow_id))
                .first(conn)
                .optional()?;
            let maker: Option<String> = match of {
                Some((Some(deployment), _)) => deployments::table
                    .find(deployment)
                    .select(deployments::created_by)
                    .first(conn)
                    .optional()?,
                Some((None, Some(workflow))) => workflows::table
                    .find(workflow)
                    .select(workflows::created_by)
                    .first(conn)
                    .optional()?,
                Some((None, None)) | None => None,
            };
            maker.as_deref().map(codec::read_uuid).transpose()
        })
    }

    fn find_trial(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: WorkflowId,
    ) -> Result<Option<Trial>, StoreError> {
        self.read("looking up what to try out", |conn| {
            let found: Option<(String, String, Option<i32>)> = workflows::table
                .inner_join(workflow_versions::table)
                .inner_join(
                    organizations::table.on(organizations::id.eq(workflows::organization_id)),
                )
                .filter(visible!(workflows, organization, visibility))
                .filter(workflows::id.eq(codec::id(id)))
                .select((
                    workflow_versions::id,
                    workflow_versions::definition,
                    organizations::max_concurrent,
                ))
                .first(conn)
                .optional()?;
            let Some((version, definition, limit)) = found else { return Ok(None) };
            Ok(Some(Trial {
                version: codec::read_id(&version)?,
                definition: codec::read_json(&definition)?,
                organization_limit: limit.map(codec::read_unsigned).transpose()?,
            }))
        })
    }
}

fn literally(condition: &str) -> diesel::expression::SqlLiteral<Bool> {
    sql(condition)
}

/// Ids begin with the millisecond of their making: no run of `at` or later has a smaller one, that many milliseconds on.
fn first_id(at: Timestamp, later: i64) -> String {
    let milliseconds = at.timestamp_millis().saturating_add(later);
    let milliseconds = u128::try_from(milliseconds).unwrap_or_default().min((1 << 48) - 1);
    Uuid::from_u128(milliseconds << 80).to_string()
}

type Payload = (Option<String>, Option<String>, Option<String>);

/// Input, parameters and result, each where it is wanted.
fn payload(conn: &mut Conn, id: ExecutionId, wanted: Inclusion) -> QueryResult<Payload> {
    let run = executions::table.find(codec::id(id));
    let (input, parameters) = if wanted.input {
        run.clone().select((executions::input, executions::parameters)).first(conn)?
    } else {
        (None, None)
    };
    let result = if wanted.result { run.select(executions::result).first(conn)? } else { None };
    Ok((input, parameters, result))
}

/// The first steps of a run, and whether there are more.
fn steps(
    conn: &mut Conn,
    id: ExecutionId,
    with_outputs: bool,
) -> QueryResult<(Vec<RunStep>, bool)> {
    let all = execution_steps::table
        .filter(execution_steps::execution_id.eq(codec::id(id)))
        .order((execution_steps::item, execution_steps::position));
    let most = i64::try_from(RunDetail::MOST_STEPS).unwrap_or(i64::MAX);
    let mut rows: Vec<SizedStepRow> =
        all.clone().limit(most + 1).select(SizedStepRow::as_select()).load(conn)?;
    let has_more = rows.len() > RunDetail::MOST_STEPS;
    rows.truncate(RunDetail::MOST_STEPS);
    let mut outputs: Vec<Option<String>> = Vec::new();
    if with_outputs {
        let told = rows.iter().scan(0, |bytes: &mut usize, row| {
            *bytes = bytes
                .saturating_add(row.output_bytes.map_or(0, |n| usize::try_from(n).unwrap_or(0)));
            (*bytes <= RunDetail::MOST_OUTPUT_BYTES).then_some(())
        });
        let told = i64::try_from(told.count()).unwrap_or(i64::MAX);
        outputs = all.limit(told).select(execution_steps::output).load(conn)?;
    }
    let mut outputs = outputs.into_iter();
    let read = |row: SizedStepRow| {
        let output = outputs.next().flatten();
        let output = output.as_deref().map(codec::read_json).transpose()?;
        Ok(RunStep { record: row.head.read(Value::Null)?, output })
    };
    Ok((rows.into_iter().map(read).collect::<QueryResult<_>>()?, has_more))
}
