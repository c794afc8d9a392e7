//! Invitations into organizations. Nothing that opens anything is stored: an invitation's token is derived from its id.

use access_domain::{
    Act, Action, AuditEntry, ChangeError, Email, Invitation, InvitationFacts, InvitationId,
    InvitationRefusal, InvitationStore, Joining, Membership, OrganizationId, Page, PageRequest,
    PasswordHash, Role, ShownInvitation, StoreError, Subject, SubjectKind, User, UserId, Username,
};
use diesel::{
    delete, dsl::count_star, dsl::exists, insert_into, prelude::*, result::Error, select, update,
};
use keys_core::Timestamp;

use super::{
    super::{Conn, Store, violated_unique},
    audit::{note, note_all},
    members::{lock_members, role_of_actor, subject as member},
    sessions::memberships_of,
};
use crate::{
    codec,
    error::Stop,
    schema::{invitations, memberships, organizations, users},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = invitations)]
struct InvitationRow {
    id: String,
    organization_id: String,
    email: String,
    role: String,
    is_mailed: bool,
    created_by: String,
    created_by_name: String,
    created_at: i64,
    expires_at: i64,
    accepted_at: Option<i64>,
    withdrawn_at: Option<i64>,
}

impl InvitationStore for Store {
    fn invite(
        &self,
        new: &Invitation,
        since: Timestamp,
        rule: &dyn Fn(&InvitationFacts) -> Result<(), InvitationRefusal>,
        act: &Act,
    ) -> Result<(), ChangeError<InvitationRefusal>> {
        self.change("inviting somebody", |conn| {
            lock_members(conn, new.organization)?;
            rule(&facts(conn, new, since, act)?).map_err(Stop::Refused)?;
            let replaced = withdraw_for(conn, new)?;
            insert_into(invitations::table).values(InvitationRow::of(new)).execute(conn)?;
            note(conn, new.organization, act, subject(new))?;
            let entries = replaced.iter().map(|old| {
                let act = act.along_with(Action::InvitationWithdrawn, old.id.uuid());
                AuditEntry::of(new.organization, &act, subject(old)).because("it was replaced")
            });
            Ok(note_all(conn, entries)?)
        })
    }

    fn list_invitations(
        &self,
        organization: OrganizationId,
        now: Timestamp,
        page: PageRequest,
    ) -> Result<Page<Invitation>, StoreError> {
        self.read("listing invitations", |conn| {
            let mut wanted = invitations::table
                .filter(invitations::organization_id.eq(codec::id(organization)))
                .filter(invitations::accepted_at.is_null())
                .filter(invitations::withdrawn_at.is_null())
                .filter(invitations::expires_at.gt(codec::micros(now)))
                .order(invitations::id.desc())
                .limit(page.rows())
                .select(InvitationRow::as_select())
                .into_boxed();
            if let Some(after) = page.after {
                wanted = wanted.filter(invitations::id.lt(after.to_string()));
            }
            let rows: Vec<InvitationRow> = wanted.load(conn)?;
            let items = rows.into_iter().map(InvitationRow::read).collect::<QueryResult<_>>()?;
            Ok(page.cut(items, |invitation: &Invitation| invitation.id.uuid()))
        })
    }

    fn find_invitation(&self, id: InvitationId) -> Result<Option<ShownInvitation>, StoreError> {
        self.read("looking an invitation up", |conn| {
            let Some(invitation) = find(conn, id)? else { return Ok(None) };
            let (slug, name) = organizations::table
                .find(codec::id(invitation.organization))
                .select((organizations::slug, organizations::name))
                .first(conn)?;
            Ok(Some(ShownInvitation { invitation, slug, name }))
        })
    }

    fn withdraw_invitation(
        &self,
        organization: OrganizationId,
        id: InvitationId,
        rule: &dyn Fn(&Invitation) -> Result<(), InvitationRefusal>,
        act: &Act,
    ) -> Result<(), ChangeError<InvitationRefusal>> {
        self.change("withdrawing an invitation", |conn| {
            lock_members(conn, organization)?;
            let found = find(conn, id)?.filter(|found| found.organization == organization);
            let invitation = found.ok_or(Stop::Refused(InvitationRefusal::NotFound))?;
            rule(&invitation).map_err(Stop::Refused)?;
            update(invitations::table.find(codec::id(id)))
                .set(invitations::withdrawn_at.eq(codec::micros(act.at)))
                .execute(conn)?;
            Ok(note(conn, organization, act, subject(&invitation))?)
        })
    }

    fn accept_invitation(
        &self,
        id: InvitationId,
        joining: &Joining,
        rule: &dyn Fn(&Invitation) -> Result<(), InvitationRefusal>,
        act: &Act,
    ) -> Result<Vec<Membership>, ChangeError<InvitationRefusal>> {
        self.change("accepting an invitation", |conn| {
            let not_found = || Stop::Refused(InvitationRefusal::NotFound);
            let organization = find(conn, id)?.ok_or_else(not_found)?.organization;
            lock_members(conn, organization)?;
            // Read anew: it may have ended while the lock was waited for.
            let invitation = find(conn, id)?.ok_or_else(not_found)?;
            rule(&invitation).map_err(Stop::Refused)?;
            let user = joining.user();
            if let Joining::New(user, password) = joining {
                make_account(conn, user, password)?;
            }
            let place = (codec::id(organization), codec::id(user.id));
            if select(exists(memberships::table.find(place.clone()))).get_result(conn)? {
                return Err(Stop::Refused(InvitationRefusal::AlreadyMember));
            }
            insert_into(memberships::table)
                .values((
                    memberships::organization_id.eq(place.0),
                    memberships::user_id.eq(&place.1),
                    memberships::role.eq(invitation.role.as_str()),
                    memberships::created_at.eq(codec::micros(act.at)),
                ))
                .execute(conn)?;
            update(invitations::table.find(codec::id(id)))
                .set(invitations::accepted_at.eq(codec::micros(act.at)))
                .execute(conn)?;
            note(conn, organization, act, member(user))?;
            Ok(memberships_of(conn, &place.1)?)
        })
    }

    fn delete_old_invitations(&self, before: Timestamp, limit: i64) -> Result<usize, StoreError> {
        self.save("deleting old invitations", |conn| {
            let old: Vec<String> = claimable!(
                invitations::table
                    .filter(invitations::expires_at.lt(codec::micros(before)))
                    .limit(limit)
                    .select(invitations::id)
            )
            .load(conn)?;
            delete(invitations::table.filter(invitations::id.eq_any(old))).execute(conn)
        })
    }

    fn is_username_taken(&self, username: &Username) -> Result<bool, StoreError> {
        self.read("looking a user name up", |conn| {
            let named = users::table.filter(users::username.eq(username.as_str()));
            select(exists(named)).get_result(conn)
        })
    }
}

fn find(conn: &mut Conn, id: InvitationId) -> QueryResult<Option<Invitation>> {
    let row: Option<InvitationRow> = invitations::table
        .find(codec::id(id))
        .select(InvitationRow::as_select())
        .first(conn)
        .optional()?;
    row.map(InvitationRow::read).transpose()
}

fn facts(
    conn: &mut Conn,
    new: &Invitation,
    since: Timestamp,
    act: &Act,
) -> QueryResult<InvitationFacts> {
    let owner = codec::id(new.organization);
    let open = invitations::table
        .filter(invitations::organization_id.eq(&owner))
        .filter(invitations::email.ne(new.email.as_str()))
        .filter(invitations::accepted_at.is_null())
        .filter(invitations::withdrawn_at.is_null())
        .filter(invitations::expires_at.gt(codec::micros(new.created_at)))
        .select(count_star())
        .first(conn)?;
    let of_late = || {
        invitations::table
            .filter(invitations::organization_id.eq(&owner))
            .filter(invitations::created_at.gt(codec::micros(since)))
    };
    let made = of_late().select(count_star()).first(conn)?;
    let made_for_address = of_late()
        .filter(invitations::email.eq(new.email.as_str()))
        .select(count_star())
        .first(conn)?;
    let actor_role = role_of_actor(conn, new.organization, act)?;
    Ok(InvitationFacts { open, made, made_for_address, actor_role })
}

/// Withdraws what is open for the same address; one that is over by age is no longer told of.
fn withdraw_for(conn: &mut Conn, new: &Invitation) -> QueryResult<Option<Invitation>> {
    let row: Option<InvitationRow> = invitations::table
        .filter(invitations::organization_id.eq(codec::id(new.organization)))
        .filter(invitations::email.eq(new.email.as_str()))
        .filter(invitations::accepted_at.is_null())
        .filter(invitations::withdrawn_at.is_null())
        .select(InvitationRow::as_select())
        .first(conn)
        .optional()?;
    let Some(old) = row.map(InvitationRow::read).transpose()? else { return Ok(None) };
    update(invitations::table.find(codec::id(old.id)))
        .set(invitations::withdrawn_at.eq(codec::micros(new.created_at)))
        .execute(conn)?;
    Ok(Some(old).filter(|old| old.check_open(new.created_at).is_ok()))
}

/// Withdraws what somebody made who is an administrator no longer: they may have kept a link for themselves.
pub(super) fn withdraw_made_by(
    conn: &mut Conn,
    organization: OrganizationId,
    user: UserId,
    act: &Act,
) -> QueryResult<()> {
    let open = || {
        invitations::table
            .filter(invitations::organization_id.eq(codec::id(organization)))
            .filter(invitations::created_by.eq(codec::id(user)))
            .filter(invitations::expires_at.gt(codec::micros(act.at)))
            .filter(invitations::accepted_at.is_null())
            .filter(invitations::withdrawn_at.is_null())
    };
    let rows: Vec<InvitationRow> = open().select(InvitationRow::as_select()).load(conn)?;
    update(open()).set(invitations::withdrawn_at.eq(codec::micros(act.at))).execute(conn)?;
    let withdrawn = rows.into_iter().map(InvitationRow::read).collect::<QueryResult<Vec<_>>>()?;
    let entries = withdrawn.iter().map(|old| {
        let act = act.along_with(Action::InvitationWithdrawn, old.id.uuid());
        let entry = AuditEntry::of(organization, &act, subject(old));
        entry.because("whoever made it is no administrator any more")
    });
    note_all(conn, entries)
}

fn make_account(
    conn: &mut Conn,
    user: &User,
    password: &PasswordHash,
) -> Result<(), Stop<InvitationRefusal>> {
    let taken = |error: Error| match violated_unique(&error).as_deref() {
        Some("users_username_key") => Stop::Refused(InvitationRefusal::UsernameTaken),
        Some("users_email_key") => Stop::Refused(InvitationRefusal::EmailTaken),
        _ => Stop::Failed(error),
    };
    insert_into(users::table)
        .values((
            users::id.eq(codec::id(user.id)),
            users::username.eq(user.username.as_str()),
            users::email.eq(user.email.as_ref().map(|email| email.as_str())),
            users::password_hash.eq(password.as_str()),
            users::created_at.eq(codec::micros(user.created_at)),
        ))
        .execute(conn)
        .map(drop)
        .map_err(taken)
}

fn subject(invitation: &Invitation) -> Subject {
    Subject::new(SubjectKind::Invitation, invitation.id, invitation.email.as_str())
}

impl InvitationRow {
    fn of(invitation: &Invitation) -> Self {
        Self {
            id: codec::id(invitation.id),
            organization_id: codec::id(invitation.organization),
            email: invitation.email.as_str().to_owned(),
            role: invitation.role.as_str().to_owned(),
            is_mailed: invitation.is_mailed,
            created_by: invitation.created_by.to_string(),
            created_by_name: codec::printable(&invitation.created_by_name),
            created_at: codec::micros(invitation.created_at),
            expires_at: codec::micros(invitation.expires_at),
            accepted_at: invitation.accepted_at.map(codec::micros),
            withdrawn_at: invitation.withdrawn_at.map(codec::micros),
        }
    }

    fn read(self) -> QueryResult<Invitation> {
        let email = |text: &str| Email::parse(text).ok();
        Ok(Invitation {
            id: codec::read_id(&self.id)?,
            organization: codec::read_id(&self.organization_id)?,
            email: codec::read_name(&self.email, "mail address", email)?,
            role: codec::read_name(&self.role, "role", Role::parse)?,
            is_mailed: self.is_mailed,
            created_by: codec::read_uuid(&self.created_by)?,
            created_by_name: self.created_by_name,
            created_at: codec::read_micros(self.created_at)?,
            expires_at: codec::read_micros(self.expires_at)?,
            accepted_at: self.accepted_at.map(codec::read_micros).transpose()?,
            withdrawn_at: self.withdrawn_at.map(codec::read_micros).transpose()?,
        })
    }
}
