//! Accounts as an operator sees them: of no organization, and of all that they belong to.

use access_domain::{
    Account, AccountStore, Act, AuditEntry, MemberCounts, OrganizationId, PasswordHash, Role,
    StoreError, User, UserId, Username,
};
use diesel::{delete, dsl::count_star, prelude::*, update};
use keys_core::Timestamp;

use super::{
    super::Store,
    audit::note_all,
    members::subject,
    sessions::{UserRow, memberships_of, read_user},
};
use crate::{
    codec,
    schema::{memberships, sessions, users},
};

macro_rules! user_columns {
    () => {
        (users::id, users::username, users::email, users::created_at)
    };
}

impl AccountStore for Store {
    fn find_account(
        &self,
        username: &Username,
        begun: Timestamp,
        used: Timestamp,
    ) -> Result<Option<Account>, StoreError> {
        self.read("looking an account up", |conn| {
            let row: Option<UserRow> = users::table
                .filter(users::username.eq(username.as_str()))
                .select(user_columns!())
                .first(conn)
                .optional()?;
            let Some(row) = row else { return Ok(None) };
            let memberships = memberships_of(conn, &row.0)?;
            let sessions = sessions::table
                .filter(sessions::user_id.eq(&row.0))
                .filter(sessions::created_at.gt(codec::micros(begun)))
                .filter(sessions::last_used_at.gt(codec::micros(used)))
                .select(count_star())
                .first(conn)?;
            Ok(Some(Account { user: read_user(row)?, memberships, sessions }))
        })
    }

    fn reset_password(
        &self,
        user: UserId,
        password: &PasswordHash,
        act: &Act,
    ) -> Result<usize, StoreError> {
        self.save("resetting a password", |conn| {
            let row: UserRow =
                users::table.find(codec::id(user)).select(user_columns!()).first(conn)?;
            update(users::table.find(codec::id(user)))
                .set((
                    users::password_hash.eq(password.as_str()),
                    // A log-in that is under way with the old one begins no session.
                    users::password_changed_at.eq(codec::micros(act.at)),
                ))
                .execute(conn)?;
            let ended = delete(sessions::table.filter(sessions::user_id.eq(codec::id(user))))
                .execute(conn)?;
            let belongs = memberships_of(conn, &row.0)?;
            let user: User = read_user(row)?;
            let entries = belongs.iter().map(|membership| {
                let organization = membership.organization.id;
                let act = act.along_with(act.action, organization.uuid());
                AuditEntry::of(organization, &act, subject(&user))
            });
            note_all(conn, entries)?;
            Ok(ended)
        })
    }

    fn member_counts(&self) -> Result<Vec<(OrganizationId, MemberCounts)>, StoreError> {
        self.read("counting members", |conn| {
            let rows: Vec<(String, String, i64)> = memberships::table
                .group_by((memberships::organization_id, memberships::role))
                .select((memberships::organization_id, memberships::role, count_star()))
                .order(memberships::organization_id)
                .load(conn)?;
            let mut counts: Vec<(OrganizationId, MemberCounts)> = Vec::new();
            for (organization, role, number) in rows {
                let organization = codec::read_id(&organization)?;
                if counts.last().is_none_or(|(last, _)| *last != organization) {
                    counts.push((organization, MemberCounts::default()));
                }
                let Some((_, counted)) = counts.last_mut() else { continue };
                counted.members += number;
                if codec::read_name(&role, "role", Role::parse)? == Role::Admin {
                    counted.admins += number;
                }
            }
            Ok(counts)
        })
    }
}
