//! Users as they log in, and their sessions.

use access_domain::{
    Act, Email, MOST_SESSIONS, Membership, OrganizationName, Page, PageRequest, PasswordChange,
    PasswordHash, Role, Session, SessionId, SessionRecord, SessionStore, StoreError, Subject,
    SubjectKind, User, UserId, UserRecord, Username,
};
use diesel::{delete, insert_into, prelude::*, update};
use keys_core::{Digest, Timestamp};

use super::{
    super::{Conn, Store},
    audit::note,
};
use crate::{
    codec,
    schema::{memberships, organizations, sessions, users},
};

/// Id, user name, mail address, creation.
pub(super) type UserRow = (String, String, Option<String>, i64);
/// Id, user, token, creation, last use, address, user agent.
type SessionRow = (String, String, Vec<u8>, i64, i64, Option<String>, String);

impl SessionStore for Store {
    fn find_user(&self, username: &Username) -> Result<Option<UserRecord>, StoreError> {
        self.read("looking a user up", |conn| {
            let found: Option<(UserRow, String, Option<i64>)> = users::table
                .filter(users::username.eq(username.as_str()))
                .select((
                    (users::id, users::username, users::email, users::created_at),
                    users::password_hash,
                    users::password_changed_at,
                ))
                .first(conn)
                .optional()?;
            let read = |(user, hash, changed): (UserRow, String, Option<i64>)| {
                let password = PasswordHash::from_stored(hash);
                let password_changed_at = changed.map(codec::read_micros).transpose()?;
                Ok(UserRecord { user: read_user(user)?, password, password_changed_at })
            };
            found.map(read).transpose()
        })
    }

    fn begin_session(
        &self,
        session: &Session,
        unchanged_since: Option<Timestamp>,
        instead_of: &[Digest],
    ) -> Result<bool, StoreError> {
        self.save("beginning a session", |conn| {
            if !is_unchanged(conn, session.user, unchanged_since)? {
                return Ok(false);
            }
            let ended = instead_of.iter().map(|digest| digest.as_bytes().as_slice());
            delete(sessions::table.filter(sessions::token_digest.eq_any(ended))).execute(conn)?;
            let user = codec::id(session.user);
            // Of two at the same time, both under the lock of their user, the second sees the first.
            let idle: Vec<String> = sessions::table
                .filter(sessions::user_id.eq(&user))
                .order((sessions::last_used_at.desc(), sessions::id.desc()))
                .offset(i64::from(MOST_SESSIONS) - 1)
                .limit(i64::from(MOST_SESSIONS))
                .select(sessions::id)
                .load(conn)?;
            delete(sessions::table.filter(sessions::id.eq_any(idle))).execute(conn)?;
            insert_into(sessions::table)
                .values((
                    sessions::id.eq(codec::id(session.id)),
                    sessions::user_id.eq(user),
                    sessions::token_digest.eq(session.token_digest.as_bytes().as_slice()),
                    sessions::created_at.eq(codec::micros(session.created_at)),
                    sessions::last_used_at.eq(codec::micros(session.last_used_at)),
                    sessions::address.eq(session.address.map(|address| address.to_string())),
                    sessions::user_agent.eq(&session.user_agent),
                ))
                .execute(conn)?;
            Ok(true)
        })
    }

    fn rehash_password(
        &self,
        user: UserId,
        from: &PasswordHash,
        to: &PasswordHash,
    ) -> Result<(), StoreError> {
        self.save("hashing a password anew", |conn| {
            let same = users::password_hash.eq(from.as_str());
            update(users::table.find(codec::id(user)).filter(same))
                .set(users::password_hash.eq(to.as_str()))
                .execute(conn)
                .map(drop)
        })
    }

    fn change_password(&self, change: &PasswordChange, act: &Act) -> Result<bool, StoreError> {
        self.save("changing a password", |conn| {
            if !is_unchanged(conn, change.user, change.unchanged_since)? {
                return Ok(false);
            }
            let (user, (kept, token)) = (codec::id(change.user), change.kept);
            let kept = codec::id(kept);
            let own = sessions::table.find(&kept).filter(sessions::user_id.eq(&user));
            if locked!(own.select(sessions::id)).first::<String>(conn).optional()?.is_none() {
                return Ok(false);
            }
            update(users::table.find(&user))
                .set((
                    users::password_hash.eq(change.password.as_str()),
                    users::password_changed_at.eq(codec::micros(act.at)),
                ))
                .execute(conn)?;
            delete(sessions::table.filter(sessions::user_id.eq(&user)))
                .filter(sessions::id.ne(&kept))
                .execute(conn)?;
            update(sessions::table.find(&kept))
                .set(sessions::token_digest.eq(token.as_bytes().as_slice()))
                .execute(conn)?;
            for member in memberships_of(conn, &user)? {
                let organization = member.organization.id;
                let act = act.along_with(act.action, organization.uuid());
                let name = act.actor.name.as_str();
                let subject = Subject::new(SubjectKind::User, change.user, name);
                note(conn, organization, &act, subject)?;
            }
            Ok(true)
        })
    }

    fn list_sessions(
        &self,
        user: UserId,
        begun: Timestamp,
        used: Timestamp,
        page: PageRequest,
    ) -> Result<Page<Session>, StoreError> {
        self.read("listing sessions", |conn| {
            let mut wanted = sessions::table
                .filter(sessions::user_id.eq(codec::id(user)))
                .filter(sessions::created_at.gt(codec::micros(begun)))
                .filter(sessions::last_used_at.gt(codec::micros(used)))
                .order(sessions::id.desc())
                .limit(page.rows())
                .select(sessions::all_columns)
                .into_boxed();
            if let Some(after) = page.after {
                wanted = wanted.filter(sessions::id.lt(after.to_string()));
            }
            let rows: Vec<SessionRow> = wanted.load(conn)?;
            let items = rows.into_iter().map(read_session).collect::<QueryResult<_>>()?;
            Ok(page.cut(items, |session: &Session| session.id.uuid()))
        })
    }

    fn find_session(&self, token: &[Digest]) -> Result<Option<SessionRecord>, StoreError> {
        self.read("looking a session up", |conn| {
            let digests = token.iter().map(|digest| digest.as_bytes().as_slice());
            let found: Option<(SessionRow, UserRow)> = sessions::table
                .inner_join(users::table)
                .filter(sessions::token_digest.eq_any(digests))
                .select((
                    sessions::all_columns,
                    (users::id, users::username, users::email, users::created_at),
                ))
                .first(conn)
                .optional()?;
            let Some((session, user)) = found else { return Ok(None) };
            let memberships = memberships_of(conn, &user.0)?;
            let (session, user) = (read_session(session)?, read_user(user)?);
            Ok(Some(SessionRecord { session, user, memberships }))
        })
    }

    fn touch_session(&self, id: SessionId, at: Timestamp) -> Result<(), StoreError> {
        self.save("noting the use of a session", |conn| {
            // Of two requests at once, the later one may be written first.
            let older = sessions::last_used_at.lt(codec::micros(at));
            update(sessions::table.find(codec::id(id)).filter(older))
                .set(sessions::last_used_at.eq(codec::micros(at)))
                .execute(conn)
                .map(drop)
        })
    }

    fn end_session(&self, user: UserId, id: SessionId) -> Result<bool, StoreError> {
        self.save("ending a session", |conn| {
            let own = sessions::user_id.eq(codec::id(user));
            let ended = delete(sessions::table.find(codec::id(id)).filter(own)).execute(conn)?;
            Ok(ended > 0)
        })
    }

    fn delete_stale_sessions(
        &self,
        begun: Timestamp,
        used: Timestamp,
        limit: i64,
    ) -> Result<usize, StoreError> {
        self.save("deleting stale sessions", |conn| {
            let too_old = sessions::created_at.lt(codec::micros(begun));
            let idle = sessions::last_used_at.lt(codec::micros(used));
            let stale: Vec<String> = claimable!(
                sessions::table.filter(too_old.or(idle)).limit(limit).select(sessions::id)
            )
            .load(conn)?;
            delete(sessions::table.filter(sessions::id.eq_any(stale))).execute(conn)
        })
    }
}

/// Whether the user's password is the one of `since` still. Locks the user: what stands on the answer is saved before it is
/// changed.
fn is_unchanged(conn: &mut Conn, user: UserId, since: Option<Timestamp>) -> QueryResult<bool> {
    let changed: Option<Option<i64>> =
        locked!(users::table.find(codec::id(user)).select(users::password_changed_at))
            .first(conn)
            .optional()?;
    Ok(changed == Some(since.map(codec::micros)))
}

pub(super) fn memberships_of(conn: &mut Conn, user: &str) -> QueryResult<Vec<Membership>> {
    let rows: Vec<(String, String, String, String)> = memberships::table
        .inner_join(organizations::table)
        .filter(memberships::user_id.eq(user))
        .order(organizations::slug)
        .select((organizations::id, organizations::slug, organizations::name, memberships::role))
        .load(conn)?;
    let read = |(id, slug, name, role): (String, String, String, String)| {
        let organization = OrganizationName { id: codec::read_id(&id)?, slug };
        Ok(Membership { organization, name, role: codec::read_name(&role, "role", Role::parse)? })
    };
    rows.into_iter().map(read).collect()
}

pub(super) fn read_user((id, username, email, created_at): UserRow) -> QueryResult<User> {
    let parse_email =
        |email: String| codec::read_name(&email, "mail address", |email| Email::parse(email).ok());
    Ok(User {
        id: codec::read_id(&id)?,
        username: codec::read_name(&username, "user name", |name| Username::parse(name).ok())?,
        email: email.map(parse_email).transpose()?,
        created_at: codec::read_micros(created_at)?,
    })
}

fn read_session(row: SessionRow) -> QueryResult<Session> {
    let (id, user, token, created_at, last_used_at, address, user_agent) = row;
    let read_address =
        |address: String| codec::read_name(&address, "address", |text| text.parse().ok());
    Ok(Session {
        id: codec::read_id(&id)?,
        user: codec::read_id(&user)?,
        token_digest: codec::read_digest(token)?,
        created_at: codec::read_micros(created_at)?,
        last_used_at: codec::read_micros(last_used_at)?,
        address: address.map(read_address).transpose()?,
        user_agent,
    })
}
