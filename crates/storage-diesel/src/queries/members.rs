//! Members of organizations.

use access_domain::{
    Act, ChangeError, Made, Member, MemberFacts, MemberRefusal, MemberStore, OrganizationId, Page,
    PageRequest, RemovedMember, Role, StoreError, Subject, SubjectKind, User, UserId,
};
use diesel::{delete, dsl::count_star, prelude::*, update};

use super::{
    super::{Conn, Store},
    audit::note,
    invitations::withdraw_made_by,
    sessions::{UserRow, read_user},
};
use crate::{
    codec,
    error::Stop,
    schema::{deployments, keys, memberships, organizations, users, workflows},
};

/// A member's row. Where it tells no time, the membership is as old as its organization.
type MemberRow = (UserRow, String, Option<i64>, i64);

macro_rules! members {
    ($organization:expr) => {
        memberships::table
            .inner_join(users::table)
            .inner_join(organizations::table)
            .filter(memberships::organization_id.eq(codec::id($organization)))
            .select((
                (users::id, users::username, users::email, users::created_at),
                memberships::role,
                memberships::created_at,
                organizations::created_at,
            ))
    };
}

impl MemberStore for Store {
    fn list_members(
        &self,
        organization: OrganizationId,
        page: PageRequest,
    ) -> Result<Page<Member>, StoreError> {
        self.read("listing members", |conn| {
            let mut wanted = members!(organization)
                .order(memberships::user_id.desc())
                .limit(page.rows())
                .into_boxed();
            if let Some(after) = page.after {
                wanted = wanted.filter(memberships::user_id.lt(after.to_string()));
            }
            let rows: Vec<MemberRow> = wanted.load(conn)?;
            let items = rows.into_iter().map(read).collect::<QueryResult<_>>()?;
            Ok(page.cut(items, |member: &Member| member.user.id.uuid()))
        })
    }

    fn find_member(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<Member>, StoreError> {
        self.read("finding a member", |conn| find(conn, organization, user))
    }

    fn change_role(
        &self,
        organization: OrganizationId,
        user: UserId,
        rule: &dyn Fn(&MemberFacts) -> Result<Role, MemberRefusal>,
        act: &Act,
    ) -> Result<Member, ChangeError<MemberRefusal>> {
        self.change("changing a role", |conn| {
            let facts = facts(conn, organization, user, act)?;
            let role = rule(&facts).map_err(Stop::Refused)?;
            let MemberFacts { member, .. } = facts;
            // What stays as it was is no change.
            if role != member.role {
                update(memberships::table.find((codec::id(organization), codec::id(user))))
                    .set(memberships::role.eq(role.as_str()))
                    .execute(conn)?;
                note(conn, organization, act, subject(&member.user))?;
                if role != Role::Admin {
                    withdraw_made_by(conn, organization, user, act)?;
                }
            }
            Ok(Member { role, ..member })
        })
    }

    fn remove_member(
        &self,
        organization: OrganizationId,
        user: UserId,
        rule: &dyn Fn(&MemberFacts) -> Result<(), MemberRefusal>,
        act: &Act,
    ) -> Result<RemovedMember, ChangeError<MemberRefusal>> {
        self.change("removing a member", |conn| {
            let facts = facts(conn, organization, user, act)?;
            rule(&facts).map_err(Stop::Refused)?;
            delete(memberships::table.find((codec::id(organization), codec::id(user))))
                .execute(conn)?;
            note(conn, organization, act, subject(&facts.member.user))?;
            withdraw_made_by(conn, organization, user, act)?;
            let made = made_by(conn, organization, &codec::id(user))?;
            Ok(RemovedMember { member: facts.member, made })
        })
    }
}

/// Whoever changes who belongs to an organization does so one after the other, on however many servers: an administrator who
/// is counted here is one until the end of the transaction.
pub(super) fn lock_members(conn: &mut Conn, organization: OrganizationId) -> QueryResult<()> {
    let row = organizations::table.find(codec::id(organization)).select(organizations::id);
    locked!(row).first::<String>(conn).map(drop)
}

fn find(
    conn: &mut Conn,
    organization: OrganizationId,
    user: UserId,
) -> QueryResult<Option<Member>> {
    let row: Option<MemberRow> = members!(organization)
        .filter(memberships::user_id.eq(codec::id(user)))
        .first(conn)
        .optional()?;
    row.map(read).transpose()
}

fn facts(
    conn: &mut Conn,
    organization: OrganizationId,
    user: UserId,
    act: &Act,
) -> Result<MemberFacts, Stop<MemberRefusal>> {
    lock_members(conn, organization)?;
    let member = find(conn, organization, user)?;
    let member = member.ok_or(Stop::Refused(MemberRefusal::NotFound))?;
    let other_admins = memberships::table
        .filter(memberships::organization_id.eq(codec::id(organization)))
        .filter(memberships::role.eq(Role::Admin.as_str()))
        .filter(memberships::user_id.ne(codec::id(user)))
        .select(count_star())
        .first(conn)?;
    let actor_role = role_of_actor(conn, organization, act)?;
    Ok(MemberFacts { member, other_admins, actor_role })
}

/// What whoever does this is in the organization now, which is locked.
pub(super) fn role_of_actor(
    conn: &mut Conn,
    organization: OrganizationId,
    act: &Act,
) -> QueryResult<Option<Role>> {
    let Some(actor) = act.actor.id else { return Ok(None) };
    let role: Option<String> = memberships::table
        .find((codec::id(organization), actor.to_string()))
        .select(memberships::role)
        .first(conn)
        .optional()?;
    role.map(|role| codec::read_name(&role, "role", Role::parse)).transpose()
}

fn made_by(conn: &mut Conn, organization: OrganizationId, user: &str) -> QueryResult<Made> {
    let organization = codec::id(organization);
    let workflows = workflows::table
        .filter(workflows::organization_id.eq(&organization))
        .filter(workflows::created_by.eq(user))
        .filter(workflows::deleted_at.is_null())
        .select(count_star())
        .first(conn)?;
    let deployments = deployments::table
        .filter(deployments::organization_id.eq(&organization))
        .filter(deployments::created_by.eq(user))
        .filter(deployments::deleted_at.is_null())
        .select(count_star())
        .first(conn)?;
    let keys = keys::table
        .filter(keys::organization_id.eq(&organization))
        .filter(keys::created_by.eq(user))
        .filter(keys::deleted_at.is_null())
        .filter(keys::revoked_at.is_null())
        .select(count_star())
        .first(conn)?;
    Ok(Made { workflows, deployments, keys })
}

pub(super) fn subject(user: &User) -> Subject {
    Subject::new(SubjectKind::User, user.id, user.username.as_str())
}

fn read((user, role, since, organization_since): MemberRow) -> QueryResult<Member> {
    Ok(Member {
        user: read_user(user)?,
        role: codec::read_name(&role, "role", Role::parse)?,
        since: codec::read_micros(since.unwrap_or(organization_since))?,
    })
}
