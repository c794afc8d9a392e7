//! Deployments.

use std::collections::BTreeSet;

use access_domain::{
    Act, Action, AuditEntry, ChangeError, DeploymentId, KeyRing, ListFilter, NewManagedKey,
    OrganizationId, Page, PageRequest, StoreError, Subject, SubjectKind, Visibility,
};
use deployments_domain::{
    Deployment, DeploymentRefusal, DeploymentRuns, DeploymentStore, LastRun, Status, WorkflowId,
    WorkflowType,
};
use diesel::{delete, insert_into, prelude::*, result::Error, sql_types::Bool, update};
use keys_core::KeyId;

use super::{
    super::{Conn, Store, violated_unique},
    audit::{note, note_both},
    events::tell_of,
    managed_keys::{insert_key, new_subject},
    owned,
};
use crate::{
    codec,
    error::Stop,
    rows::DeploymentRow,
    schema::{deployments, executions, imported_secrets, keys, organizations, workflows},
};

impl DeploymentStore for Store {
    fn find_workflow_type(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        workflow: WorkflowId,
    ) -> Result<Option<WorkflowType>, StoreError> {
        self.read("looking the type of a workflow up", |conn| {
            let found: Option<String> = workflows::table
                .filter(visible!(workflows, organization, visibility))
                .filter(workflows::id.eq(codec::id(workflow)))
                .select(workflows::workflow_type)
                .first(conn)
                .optional()?;
            let read = |name: String| codec::read_name(&name, "workflow type", WorkflowType::parse);
            found.map(read).transpose()
        })
    }

    fn create_deployment(
        &self,
        visibility: Visibility,
        deployment: &Deployment,
        key: &NewManagedKey,
        act: &Act,
    ) -> Result<(), ChangeError<DeploymentRefusal>> {
        let organization = deployment.organization;
        self.change_keys(organization, "creating a deployment", |conn, changed| {
            may_deploy(conn, organization, visibility)?;
            hold_workflow(conn, organization, visibility, deployment.workflow)?;
            insert_into(deployments::table)
                .values(DeploymentRow::of(deployment)?)
                .execute(conn)
                .map_err(taken)?;
            let ring = KeyRing::Deployment(deployment.id, visibility);
            insert_key(conn, organization, ring, key)?;
            changed.insert(key.key.id);
            let with_key = (Action::KeyCreated, new_subject(ring, key));
            Ok(note_both(conn, organization, act, subject(deployment), with_key)?)
        })
    }

    fn find_deployment(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: DeploymentId,
    ) -> Result<Option<Deployment>, StoreError> {
        self.read("looking a deployment up", |conn| {
            let found: Option<DeploymentRow> = deployments::table
                .filter(visible!(deployments, organization, visibility))
                .filter(deployments::id.eq(codec::id(id)))
                .select(DeploymentRow::as_select())
                .first(conn)
                .optional()?;
            found.map(DeploymentRow::read).transpose()
        })
    }

    fn find_deployment_named(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        api_name: &str,
    ) -> Result<Option<Deployment>, StoreError> {
        self.read("looking a deployment up by its name", |conn| {
            let found: Option<DeploymentRow> = deployments::table
                .filter(visible!(deployments, organization, visibility))
                .filter(deployments::api_name.eq(api_name))
                .select(DeploymentRow::as_select())
                .first(conn)
                .optional()?;
            found.map(DeploymentRow::read).transpose()
        })
    }

    fn list_deployments(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        filter: &ListFilter,
        page: PageRequest,
    ) -> Result<Page<Deployment>, StoreError> {
        self.read("listing deployments", |conn| {
            let mut wanted = deployments::table
                .filter(visible!(deployments, organization, visibility))
                .order(deployments::id.desc())
                .limit(page.rows())
                .select(DeploymentRow::as_select())
                .into_boxed();
            if let Some(after) = page.after {
                wanted = wanted.filter(deployments::id.lt(after.to_string()));
            }
            if let Some(maker) = filter.created_by {
                wanted = wanted.filter(deployments::created_by.eq(maker.to_string()));
            }
            if let Some(text) = &filter.search {
                let in_api_name = contains!(deployments::api_name, text);
                wanted = wanted.filter(in_api_name.or(contains!(deployments::display_name, text)));
            }
            let rows: Vec<DeploymentRow> = wanted.load(conn)?;
            let items = rows.into_iter().map(DeploymentRow::read).collect::<QueryResult<_>>()?;
            Ok(page.cut(items, |deployment: &Deployment| deployment.id.uuid()))
        })
    }

    fn deployment_names(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        limit: u32,
    ) -> Result<Vec<(DeploymentId, String)>, StoreError> {
        self.read("naming deployments", |conn| {
            let rows: Vec<(String, String)> = deployments::table
                .filter(visible!(deployments, organization, visibility))
                .order(deployments::id.desc())
                .limit(limit.into())
                .select((deployments::id, deployments::api_name))
                .load(conn)?;
            rows.into_iter().map(|(id, name)| Ok((codec::read_id(&id)?, name))).collect()
        })
    }

    fn find_visible_deployments(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        ids: &[DeploymentId],
    ) -> Result<Vec<DeploymentId>, StoreError> {
        self.read("looking up which deployments are visible", |conn| {
            let ids: Vec<String> = ids.iter().map(|id| codec::id(*id)).collect();
            let found: Vec<String> = deployments::table
                .filter(visible!(deployments, organization, visibility))
                .filter(deployments::id.eq_any(ids))
                .select(deployments::id)
                .load(conn)?;
            found.iter().map(|id| codec::read_id(id)).collect()
        })
    }

    fn find_runs_of(
        &self,
        organization: OrganizationId,
        ids: &[DeploymentId],
    ) -> Result<Vec<(String, DeploymentRuns)>, StoreError> {
        self.read("looking up runs of deployments", |conn| {
            ids.iter().map(|id| runs_of(conn, organization, *id)).collect()
        })
    }

    fn change_deployment(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: DeploymentId,
        rule: &dyn Fn(&Deployment) -> Result<Deployment, DeploymentRefusal>,
        act: &Act,
    ) -> Result<Deployment, ChangeError<DeploymentRefusal>> {
        self.change_keys(organization, "changing a deployment", |conn, changed| {
            let before = lock(conn, organization, visibility, id)?
                .ok_or(Stop::Refused(DeploymentRefusal::NotFound))?;
            owned(visibility, &before.created_by.to_string())?;
            let after = rule(&before).map_err(Stop::Refused)?;
            if after.workflow != before.workflow {
                // Another workflow behind an old address is another API.
                may_deploy(conn, organization, visibility)?;
                // Against the order of locks, since the rule alone knows the workflow. Nobody who holds a workflow waits for
                // a deployment that is there already.
                hold_workflow(conn, organization, visibility, after.workflow)?;
            }
            update(deployments::table.find(codec::id(id)))
                .set(DeploymentRow::of(&after)?.into_terms())
                .execute(conn)
                .map_err(taken)?;
            note(conn, organization, act, subject(&after))?;
            if (after.is_active, &after.allowlist) != (before.is_active, &before.allowlist) {
                *changed = keys_of(conn, id)?;
            }
            Ok(after)
        })
    }

    fn delete_deployment(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        id: DeploymentId,
        act: &Act,
    ) -> Result<(), ChangeError<DeploymentRefusal>> {
        self.change_keys(organization, "deleting a deployment", |conn, changed| {
            let deployment = lock(conn, organization, visibility, id)?
                .ok_or(Stop::Refused(DeploymentRefusal::NotFound))?;
            owned(visibility, &deployment.created_by.to_string())?;
            let at = Some(codec::micros(act.at));
            let revoked = keys_to_revoke(conn, id)?;
            *changed = keys_of(conn, id)?;
            update(deployments::table.find(codec::id(id)))
                .set(deployments::deleted_at.eq(at))
                .execute(conn)?;
            update(keys::table)
                .filter(keys::deployment_id.eq(codec::id(id)))
                .filter(keys::deleted_at.is_null())
                .set((keys::revoked_at.eq(at), keys::deleted_at.eq(at)))
                .execute(conn)?;
            note(conn, organization, act, subject(&deployment))?;
            for (key, name) in revoked {
                tell_of_revoked(conn, organization, act, key, &name)?;
            }
            let its_keys = keys::table.filter(keys::deployment_id.eq(codec::id(id)));
            delete(imported_secrets::table)
                .filter(imported_secrets::key_id.eq_any(its_keys.select(keys::id)))
                .execute(conn)?;
            Ok(())
        })
    }
}

fn subject(deployment: &Deployment) -> Subject {
    Subject::new(SubjectKind::Deployment, deployment.id, deployment.api_name.as_str())
}

/// Locks the deployment, if it is visible.
pub(super) fn lock(
    conn: &mut Conn,
    organization: OrganizationId,
    visibility: Visibility,
    id: DeploymentId,
) -> QueryResult<Option<Deployment>> {
    let locked: Option<DeploymentRow> = locked!(
        deployments::table
            .filter(visible!(deployments, organization, visibility))
            .filter(deployments::id.eq(codec::id(id)))
            .select(DeploymentRow::as_select())
    )
    .first(conn)
    .optional()?;
    locked.map(DeploymentRow::read).transpose()
}

/// Whether the organization lets the caller deploy; of administrators it is not asked.
fn may_deploy(
    conn: &mut Conn,
    organization: OrganizationId,
    visibility: Visibility,
) -> Result<(), Stop<DeploymentRefusal>> {
    if visibility == Visibility::Organization {
        return Ok(());
    }
    let users_may: bool = organizations::table
        .find(codec::id(organization))
        .select(organizations::users_may_deploy)
        .first(conn)?;
    if users_may { Ok(()) } else { Err(Stop::Refused(DeploymentRefusal::AdminsDeploy)) }
}

/// Sees to it that the workflow is there for the caller, and stays so until the end of the transaction.
fn hold_workflow(
    conn: &mut Conn,
    organization: OrganizationId,
    visibility: Visibility,
    id: WorkflowId,
) -> Result<(), Stop<DeploymentRefusal>> {
    let held: Option<String> = locked!(
        workflows::table
            .filter(visible!(workflows, organization, visibility))
            .filter(workflows::id.eq(codec::id(id)))
            .select(workflows::id)
    )
    .first(conn)
    .optional()?;
    held.map(drop).ok_or(Stop::Refused(DeploymentRefusal::UnknownWorkflow))
}

/// The keys of a deployment that are good until now, with what they are known by.
fn keys_to_revoke(conn: &mut Conn, id: DeploymentId) -> QueryResult<Vec<(String, String)>> {
    // Locked in the order in which others lock several keys.
    let live: Vec<(String, String, Option<i64>)> = locked!(
        keys::table
            .filter(keys::deployment_id.eq(codec::id(id)))
            .filter(keys::deleted_at.is_null())
            .order(keys::id)
            .select((keys::id, keys::description, keys::revoked_at))
    )
    .load(conn)?;
    let good = live.into_iter().filter(|(.., revoked_at)| revoked_at.is_none());
    Ok(good.map(|(id, description, _)| (id, description)).collect())
}

fn keys_of(conn: &mut Conn, id: DeploymentId) -> QueryResult<BTreeSet<KeyId>> {
    let ids: Vec<String> = keys::table
        .filter(keys::deployment_id.eq(codec::id(id)))
        .filter(keys::deleted_at.is_null())
        .select(keys::id)
        .load(conn)?;
    ids.iter().map(|id| codec::read_id(id)).collect()
}

/// The audit says of a deleted deployment that it is deleted, and nothing of each key; whoever wants to hear of keys does.
fn tell_of_revoked(
    conn: &mut Conn,
    organization: OrganizationId,
    act: &Act,
    key: String,
    name: &str,
) -> QueryResult<()> {
    let key: KeyId = codec::read_id(&key)?;
    let act = act.along_with(Action::KeyRevoked, key.uuid());
    let entry =
        AuditEntry::of(organization, &act, Subject::new(SubjectKind::DeploymentKey, key, name));
    tell_of(conn, &entry.because("its deployment was deleted"))
}

fn taken(error: Error) -> Stop<DeploymentRefusal> {
    match violated_unique(&error).as_deref() {
        Some("deployments_organization_id_api_name_key") => {
            Stop::Refused(DeploymentRefusal::ApiNameTaken)
        }
        _ => Stop::Failed(error),
    }
}

fn runs_of(
    conn: &mut Conn,
    organization: OrganizationId,
    id: DeploymentId,
) -> QueryResult<(String, DeploymentRuns)> {
    let workflow: Option<String> = deployments::table
        .inner_join(workflows::table)
        .filter(deployments::id.eq(codec::id(id)))
        .filter(deployments::organization_id.eq(codec::id(organization)))
        .select(workflows::name)
        .first(conn)
        .optional()?;
    let runs = || {
        executions::table
            .filter(executions::organization_id.eq(codec::id(organization)))
            .filter(executions::deployment_id.eq(codec::id(id)))
    };
    let count = runs().count().get_result(conn)?;
    let rows: Vec<(String, String, i64)> = runs()
        // Ids grow with time.
        .order(executions::id.desc())
        .limit(5)
        .select((executions::id, executions::status, executions::created_at))
        .load(conn)?;
    let last = rows.into_iter().rev().map(|(id, status, created_at)| {
        Ok(LastRun {
            id: codec::read_id(&id)?,
            status: codec::read_name(&status, "status", Status::parse)?,
            created_at: codec::read_micros(created_at)?,
        })
    });
    let last = last.collect::<QueryResult<_>>()?;
    Ok((workflow.unwrap_or_default(), DeploymentRuns { count, last }))
}
