//! With whom workflows and deployments are shared.

use access_domain::{
    Act, ChangeError, OrganizationId, StoreError, Subject, SubjectKind, User, UserId, Visibility,
};
use deployments_domain::{Shareable, Sharing, SharingDraft, SharingRefusal, SharingStore};
use diesel::{delete, insert_into, prelude::*, sql_types::Bool, update};
use uuid::Uuid;

use super::{
    super::{Conn, Store},
    audit::note,
    owned,
    sessions::read_user,
};
use crate::{
    codec,
    error::Stop,
    schema::{deployment_shares, deployments, memberships, users, workflow_shares, workflows},
};

/// Id, maker, name, whether everyone sees it.
type SharedRow = (String, String, String, bool);

/// The row of what is shared, if it is visible.
macro_rules! shared_row {
    ($table:ident, $name:ident, $organization:expr, $visibility:expr, $id:expr) => {
        $table::table
            .filter(visible!($table, $organization, $visibility))
            .filter($table::id.eq(codec::id($id)))
            .select(($table::id, $table::created_by, $table::$name, $table::shared_with_everyone))
    };
}

/// Saves with whom a row of the table is shared.
macro_rules! save_sharing {
    ($conn:expr, $table:ident, $shares:ident, $id:ident, $organization:expr, $shared:expr, $sharing:expr) => {{
        let (organization, shared): (String, &str) = ($organization, $shared);
        update($table::table.find(shared))
            .set($table::shared_with_everyone.eq($sharing.everyone))
            .execute($conn)?;
        delete($shares::table.filter($shares::$id.eq(shared))).execute($conn)?;
        let row = |user: &UserId| {
            (
                $shares::user_id.eq(codec::id(*user)),
                $shares::$id.eq(shared),
                $shares::organization_id.eq(organization.clone()),
            )
        };
        let rows: Vec<_> = $sharing.users.iter().map(row).collect();
        insert_into($shares::table).values(rows).execute($conn)?;
    }};
}

/// With whom the rows of these ids are shared: who with everyone, and then each with whom.
macro_rules! read_sharings {
    ($conn:expr, $table:ident, $shares:ident, $id:ident, $organization:expr, $ids:expr) => {{
        let of_everyone: Vec<String> = $table::table
            .filter($table::organization_id.eq(codec::id($organization)))
            .filter($table::id.eq_any($ids))
            .filter($table::shared_with_everyone)
            .select($table::id)
            .load($conn)?;
        let of_users: Vec<(String, String)> = $shares::table
            .filter($shares::organization_id.eq(codec::id($organization)))
            .filter($shares::$id.eq_any($ids))
            .order($shares::user_id)
            .select(($shares::$id, $shares::user_id))
            .load($conn)?;
        (of_everyone, of_users)
    }};
}

impl SharingStore for Store {
    fn share(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        what: Shareable,
        draft: &SharingDraft,
        act: &Act,
    ) -> Result<Sharing, ChangeError<SharingRefusal>> {
        self.change("sharing something", |conn| {
            let row: Option<SharedRow> = match what {
                Shareable::Workflow(id) => {
                    locked!(shared_row!(workflows, name, organization, visibility, id)).first(conn)
                }
                Shareable::Deployment(id) => {
                    locked!(shared_row!(deployments, api_name, organization, visibility, id))
                        .first(conn)
                }
            }
            .optional()?;
            let (id, maker, name, _) = row.ok_or(Stop::Refused(SharingRefusal::NotFound))?;
            owned(visibility, &maker)?;
            let members = members(conn, organization, draft)?;
            let sharing = draft
                .resolve(&members)
                .map_err(|faults| Stop::Refused(SharingRefusal::Faults { faults }))?;
            let within = codec::id(organization);
            let subject = match what {
                Shareable::Workflow(workflow) => {
                    save_sharing!(
                        conn,
                        workflows,
                        workflow_shares,
                        workflow_id,
                        within,
                        &id,
                        sharing
                    );
                    Subject::new(SubjectKind::Workflow, workflow, name)
                }
                Shareable::Deployment(deployment) => {
                    save_sharing!(
                        conn,
                        deployments,
                        deployment_shares,
                        deployment_id,
                        within,
                        &id,
                        sharing
                    );
                    Subject::new(SubjectKind::Deployment, deployment, name)
                }
            };
            note(conn, organization, act, subject)?;
            Ok(sharing)
        })
    }

    fn find_sharing(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        what: Shareable,
    ) -> Result<Option<(Uuid, Sharing)>, StoreError> {
        self.read("looking up with whom something is shared", |conn| {
            let row: Option<SharedRow> = match what {
                Shareable::Workflow(id) => {
                    shared_row!(workflows, name, organization, visibility, id).first(conn)
                }
                Shareable::Deployment(id) => {
                    shared_row!(deployments, api_name, organization, visibility, id).first(conn)
                }
            }
            .optional()?;
            let Some((_, maker, ..)) = row else { return Ok(None) };
            let sharing = sharings(conn, organization, &[what])?.pop().unwrap_or_default();
            Ok(Some((codec::read_uuid(&maker)?, sharing)))
        })
    }

    fn members_named(
        &self,
        organization: OrganizationId,
        users: &[UserId],
    ) -> Result<Vec<User>, StoreError> {
        self.read("naming members", |conn| {
            let members: Vec<String> = memberships::table
                .filter(memberships::organization_id.eq(codec::id(organization)))
                .filter(memberships::user_id.eq_any(users.iter().copied().map(codec::id)))
                .select(memberships::user_id)
                .load(conn)?;
            users_of(conn, members)
        })
    }

    fn sharings(
        &self,
        organization: OrganizationId,
        what: &[Shareable],
    ) -> Result<Vec<Sharing>, StoreError> {
        if what.is_empty() {
            return Ok(Vec::new());
        }
        self.read("looking up with whom things are shared", |conn| {
            sharings(conn, organization, what)
        })
    }
}

fn sharings(
    conn: &mut Conn,
    organization: OrganizationId,
    what: &[Shareable],
) -> QueryResult<Vec<Sharing>> {
    let (mut workflow_ids, mut deployment_ids) = (Vec::new(), Vec::new());
    for one in what {
        match one {
            Shareable::Workflow(id) => workflow_ids.push(codec::id(*id)),
            Shareable::Deployment(id) => deployment_ids.push(codec::id(*id)),
        }
    }
    let (mut of_everyone, mut of_users) = (Vec::new(), Vec::new());
    if !workflow_ids.is_empty() {
        (of_everyone, of_users) = read_sharings!(
            conn,
            workflows,
            workflow_shares,
            workflow_id,
            organization,
            &workflow_ids
        );
    }
    if !deployment_ids.is_empty() {
        let (everyones, users) = read_sharings!(
            conn,
            deployments,
            deployment_shares,
            deployment_id,
            organization,
            &deployment_ids
        );
        of_everyone.extend(everyones);
        of_users.extend(users);
    }
    let sharing = |one: &Shareable| {
        let id = match one {
            Shareable::Workflow(id) => codec::id(*id),
            Shareable::Deployment(id) => codec::id(*id),
        };
        let its = of_users.iter().filter(|(of, _)| *of == id);
        let users = its.map(|(_, user)| codec::read_id(user)).collect::<QueryResult<_>>()?;
        Ok(Sharing { users, everyone: of_everyone.contains(&id) })
    };
    what.iter().map(sharing).collect()
}

/// The members whom the draft names. They stay members until the end of the transaction.
fn members(
    conn: &mut Conn,
    organization: OrganizationId,
    draft: &SharingDraft,
) -> QueryResult<Vec<User>> {
    let ids: Vec<String> = draft.ids().map(codec::id).collect();
    let names: Vec<String> = draft.usernames().map(|name| name.as_str().to_owned()).collect();
    let named: Vec<String> = users::table
        .filter(users::id.eq_any(ids).or(users::username.eq_any(names)))
        .select(users::id)
        .load(conn)?;
    let held: Vec<String> = locked!(
        memberships::table
            .filter(memberships::organization_id.eq(codec::id(organization)))
            .filter(memberships::user_id.eq_any(named))
            .order(memberships::user_id)
            .select(memberships::user_id)
    )
    .load(conn)?;
    users_of(conn, held)
}

fn users_of(conn: &mut Conn, ids: Vec<String>) -> QueryResult<Vec<User>> {
    let rows = users::table
        .filter(users::id.eq_any(ids))
        .select((users::id, users::username, users::email, users::created_at))
        .load(conn)?;
    rows.into_iter().map(read_user).collect()
}
