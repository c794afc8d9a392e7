//! The keys of a deployment. Who may see a deployment may see its keys.

use access_domain::{ChangeError, DeploymentId, OrganizationId, StoreError, Visibility};
use deployments_domain::{
    DeploymentKey, DeploymentKeyStore, DeploymentRefusal, NewDeploymentKey, Page, PageRequest,
};
use diesel::{prelude::*, sql_types::Bool, update};
use keys_core::{KeyId, Timestamp};

use super::{
    super::{Conn, Store},
    deployments::{insert_key, lock as lock_deployment},
};
use crate::{
    codec,
    error::Stop,
    rows::DeploymentKeyRow,
    schema::{deployments, key_secrets, keys},
};

impl DeploymentKeyStore for Store {
    fn create_key(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        deployment: DeploymentId,
        key: &NewDeploymentKey,
    ) -> Result<Option<DeploymentKey>, StoreError> {
        self.save("creating a key", |conn| {
            // Locked, or a key could be made behind the back of whoever deletes the deployment with its keys.
            if lock_deployment(conn, organization, visibility, deployment)?.is_none() {
                return Ok(None);
            }
            insert_key(conn, organization, deployment, key)?;
            find(conn, deployment, key.key.id)
        })
    }

    fn list_keys(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        deployment: DeploymentId,
        page: PageRequest,
    ) -> Result<Option<Page<DeploymentKey>>, StoreError> {
        self.read("listing keys", |conn| {
            if !is_visible(conn, organization, visibility, deployment)? {
                return Ok(None);
            }
            let mut wanted = keys::table
                .inner_join(key_secrets::table)
                .filter(keys::deployment_id.eq(codec::id(deployment)))
                .filter(keys::deleted_at.is_null())
                .order(keys::id.desc())
                .limit(page.rows())
                .select(DeploymentKeyRow::as_select())
                .into_boxed();
            if let Some(after) = page.after {
                wanted = wanted.filter(keys::id.lt(after.to_string()));
            }
            let rows: Vec<DeploymentKeyRow> = wanted.load(conn)?;
            let read = |row: DeploymentKeyRow| row.read(deployment);
            let items = rows.into_iter().map(read).collect::<QueryResult<_>>()?;
            Ok(Some(page.cut(items, |key: &DeploymentKey| key.id.uuid())))
        })
    }

    fn find_key_of(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        deployment: DeploymentId,
        id: KeyId,
    ) -> Result<Option<DeploymentKey>, StoreError> {
        self.read("looking a deployment's key up", |conn| {
            if is_visible(conn, organization, visibility, deployment)? {
                find(conn, deployment, id)
            } else {
                Ok(None)
            }
        })
    }

    fn change_key(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        deployment: DeploymentId,
        id: KeyId,
        rule: &dyn Fn(&DeploymentKey) -> Result<DeploymentKey, DeploymentRefusal>,
    ) -> Result<DeploymentKey, ChangeError<DeploymentRefusal>> {
        self.change("changing a key", |conn| {
            let before = lock(conn, organization, visibility, deployment, id)?
                .ok_or(Stop::Refused(DeploymentRefusal::NotFound))?;
            let after = rule(&before).map_err(Stop::Refused)?;
            update(keys::table.find(codec::id(id)))
                .set((
                    keys::description.eq(&after.description),
                    keys::is_active.eq(Some(after.is_active)),
                    keys::expires_at.eq(after.expires_at.map(codec::micros)),
                ))
                .execute(conn)?;
            Ok(after)
        })
    }

    fn delete_key(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        deployment: DeploymentId,
        id: KeyId,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.save("deleting a key", |conn| {
            if lock(conn, organization, visibility, deployment, id)?.is_none() {
                return Ok(false);
            }
            let at = Some(codec::micros(at));
            update(keys::table.find(codec::id(id)))
                .set((keys::revoked_at.eq(at), keys::deleted_at.eq(at)))
                .execute(conn)?;
            Ok(true)
        })
    }
}

/// Locks the key of a visible deployment. The deployment itself need not be locked: whoever deletes it marks its keys too,
/// and a key that is marked is not found here.
fn lock(
    conn: &mut Conn,
    organization: OrganizationId,
    visibility: Visibility,
    deployment: DeploymentId,
    id: KeyId,
) -> QueryResult<Option<DeploymentKey>> {
    if !is_visible(conn, organization, visibility, deployment)? {
        return Ok(None);
    }
    let locked: Option<String> = locked!(
        keys::table
            .filter(keys::id.eq(codec::id(id)))
            .filter(keys::deployment_id.eq(codec::id(deployment)))
            .filter(keys::deleted_at.is_null())
            .select(keys::id)
    )
    .first(conn)
    .optional()?;
    if locked.is_some() { find(conn, deployment, id) } else { Ok(None) }
}

fn is_visible(
    conn: &mut Conn,
    organization: OrganizationId,
    visibility: Visibility,
    deployment: DeploymentId,
) -> QueryResult<bool> {
    let found: Option<String> = deployments::table
        .filter(visible!(deployments, organization, visibility))
        .filter(deployments::id.eq(codec::id(deployment)))
        .select(deployments::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

fn find(
    conn: &mut Conn,
    deployment: DeploymentId,
    id: KeyId,
) -> QueryResult<Option<DeploymentKey>> {
    let found: Option<DeploymentKeyRow> = keys::table
        .inner_join(key_secrets::table)
        .filter(keys::id.eq(codec::id(id)))
        .filter(keys::deployment_id.eq(codec::id(deployment)))
        .filter(keys::deleted_at.is_null())
        .select(DeploymentKeyRow::as_select())
        .first(conn)
        .optional()?;
    found.map(|row| row.read(deployment)).transpose()
}
