//! Workflows and their versions.

use access_domain::{
    Act, ChangeError, ListFilter, OrganizationId, Page, PageRequest, StoreError, Subject,
    SubjectKind, Visibility,
};
use deployments_domain::{Workflow, WorkflowId, WorkflowRefusal, WorkflowStore};
use diesel::{insert_into, prelude::*, sql_types::Bool, update};

use super::{
    super::{Conn, Store},
    audit::note,
    owned,
};
use crate::{
    codec,
    error::Stop,
    rows::{VersionRow, WorkflowRow},
    schema::{deployments, workflow_versions, workflows},
};

impl WorkflowStore for Store {
    fn create_workflow(&self, workflow: &Workflow, act: &Act) -> Result<(), StoreError> {
        self.save("creating a workflow", |conn| {
            insert_into(workflows::table).values(WorkflowRow::of(workflow)).execute(conn)?;
            insert_into(workflow_versions::table).values(VersionRow::of(workflow)).execute(conn)?;
            note(conn, workflow.organization, act, subject(workflow))
        })
    }

    fn find_workflow(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: WorkflowId,
    ) -> Result<Option<Workflow>, StoreError> {
        self.read("looking a workflow up", |conn| {
            let found = workflows::table
                .inner_join(workflow_versions::table)
                .filter(visible!(workflows, organization, visibility))
                .filter(workflows::id.eq(codec::id(id)))
                .select((WorkflowRow::as_select(), VersionRow::as_select()))
                .first::<(WorkflowRow, VersionRow)>(conn)
                .optional()?;
            found.map(|(workflow, version)| workflow.read(&version)).transpose()
        })
    }

    fn list_workflows(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        filter: &ListFilter,
        page: PageRequest,
    ) -> Result<Page<Workflow>, StoreError> {
        self.read("listing workflows", |conn| {
            let mut wanted = workflows::table
                .inner_join(workflow_versions::table)
                .filter(visible!(workflows, organization, visibility))
                .order(workflows::id.desc())
                .limit(page.rows())
                .select((WorkflowRow::as_select(), VersionRow::as_select()))
                .into_boxed();
            if let Some(after) = page.after {
                wanted = wanted.filter(workflows::id.lt(after.to_string()));
            }
            if let Some(maker) = filter.created_by {
                wanted = wanted.filter(workflows::created_by.eq(maker.to_string()));
            }
            if let Some(text) = &filter.search {
                wanted = wanted.filter(contains!(workflows::name, text));
            }
            let rows: Vec<(WorkflowRow, VersionRow)> = wanted.load(conn)?;
            let read = |(workflow, version): (WorkflowRow, VersionRow)| workflow.read(&version);
            let items = rows.into_iter().map(read).collect::<QueryResult<_>>()?;
            Ok(page.cut(items, |workflow: &Workflow| workflow.id.uuid()))
        })
    }

    fn workflow_names(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        among: Option<&[WorkflowId]>,
        limit: u32,
    ) -> Result<Vec<(WorkflowId, String)>, StoreError> {
        self.read("naming workflows", |conn| {
            let mut wanted = workflows::table
                .filter(visible!(workflows, organization, visibility))
                .order(workflows::id.desc())
                .limit(limit.into())
                .select((workflows::id, workflows::name))
                .into_boxed();
            if let Some(among) = among {
                wanted = wanted.filter(workflows::id.eq_any(among.iter().copied().map(codec::id)));
            }
            let rows: Vec<(String, String)> = wanted.load(conn)?;
            rows.into_iter().map(|(id, name)| Ok((codec::read_id(&id)?, name))).collect()
        })
    }

    fn change_workflow(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: WorkflowId,
        rule: &dyn Fn(&Workflow) -> Result<Workflow, WorkflowRefusal>,
        act: &Act,
    ) -> Result<Workflow, ChangeError<WorkflowRefusal>> {
        self.change("changing a workflow", |conn| {
            let before = lock(conn, organization, visibility, id)?;
            let after = rule(&before).map_err(Stop::Refused)?;
            if after.version != before.version {
                insert_into(workflow_versions::table)
                    .values(VersionRow::of(&after))
                    .execute(conn)?;
            }
            update(workflows::table.find(codec::id(id)))
                .set((
                    workflows::name.eq(&after.name),
                    workflows::description.eq(&after.description),
                    workflows::workflow_type.eq(after.workflow_type.as_str()),
                    workflows::version_id.eq(codec::id(after.version)),
                    workflows::modified_at.eq(codec::micros(after.modified_at)),
                ))
                .execute(conn)?;
            note(conn, organization, act, subject(&after))?;
            Ok(after)
        })
    }

    fn delete_workflow(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: WorkflowId,
        rule: &dyn Fn(i64) -> Result<(), WorkflowRefusal>,
        act: &Act,
    ) -> Result<(), ChangeError<WorkflowRefusal>> {
        self.change("deleting a workflow", |conn| {
            let workflow = lock(conn, organization, visibility, id)?;
            // Nobody deploys a workflow without its lock: what is counted here cannot grow.
            let standing: i64 = deployments::table
                .filter(deployments::workflow_id.eq(codec::id(id)))
                .filter(deployments::deleted_at.is_null())
                .count()
                .get_result(conn)?;
            rule(standing).map_err(Stop::Refused)?;
            update(workflows::table.find(codec::id(id)))
                .set(workflows::deleted_at.eq(codec::micros(act.at)))
                .execute(conn)?;
            Ok(note(conn, organization, act, subject(&workflow))?)
        })
    }
}

fn subject(workflow: &Workflow) -> Subject {
    Subject::new(SubjectKind::Workflow, workflow.id, workflow.name.as_str())
}

/// Locks the workflow, in order to change it.
fn lock(
    conn: &mut Conn,
    organization: OrganizationId,
    visibility: Visibility,
    id: WorkflowId,
) -> Result<Workflow, Stop<WorkflowRefusal>> {
    let locked: Option<WorkflowRow> = locked!(
        workflows::table
            .filter(visible!(workflows, organization, visibility))
            .filter(workflows::id.eq(codec::id(id)))
            .select(WorkflowRow::as_select())
    )
    .first(conn)
    .optional()?;
    let workflow = locked.ok_or(Stop::Refused(WorkflowRefusal::NotFound))?;
    owned(visibility, &workflow.created_by)?;
    // Not joined to the row above: the join would pair the row as it is once the lock is had with a version as it was before.
    let version = workflow_versions::table
        .find(&workflow.version_id)
        .select(VersionRow::as_select())
        .first(conn)?;
    Ok(workflow.read(&version)?)
}
