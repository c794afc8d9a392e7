//! Users as they log in, and their sessions.

use access_domain::{
    Email, Membership, OrganizationName, PasswordHash, Role, Session, SessionId, SessionRecord,
    SessionStore, StoreError, User, UserRecord, Username,
};
use diesel::{delete, insert_into, prelude::*, update};
use keys_core::{Digest, Timestamp};

use super::super::{Conn, Store};
use crate::{
    codec,
    schema::{memberships, organizations, sessions, users},
};

/// Id, user name, mail address, creation.
type UserRow = (String, String, Option<String>, i64);
/// Id, user, token, creation, last use.
type SessionRow = (String, String, Vec<u8>, i64, i64);

impl SessionStore for Store {
    fn find_user(&self, username: &Username) -> Result<Option<UserRecord>, StoreError> {
        self.read("looking a user up", |conn| {
            let found: Option<(UserRow, String)> = users::table
                .filter(users::username.eq(username.as_str()))
                .select((
                    (users::id, users::username, users::email, users::created_at),
                    users::password_hash,
                ))
                .first(conn)
                .optional()?;
            let read = |(user, hash)| {
                Ok(UserRecord { user: read_user(user)?, password: PasswordHash::from_stored(hash) })
            };
            found.map(read).transpose()
        })
    }

    fn begin_session(&self, session: &Session) -> Result<(), StoreError> {
        self.save("beginning a session", |conn| {
            insert_into(sessions::table)
                .values((
                    sessions::id.eq(codec::id(session.id)),
                    sessions::user_id.eq(codec::id(session.user)),
                    sessions::token_digest.eq(session.token_digest.as_bytes().as_slice()),
                    sessions::created_at.eq(codec::micros(session.created_at)),
                    sessions::last_used_at.eq(codec::micros(session.last_used_at)),
                ))
                .execute(conn)
                .map(drop)
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

    fn end_session(&self, id: SessionId) -> Result<(), StoreError> {
        self.save("ending a session", |conn| {
            delete(sessions::table.find(codec::id(id))).execute(conn).map(drop)
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

fn memberships_of(conn: &mut Conn, user: &str) -> QueryResult<Vec<Membership>> {
    let rows: Vec<(String, String, String)> = memberships::table
        .inner_join(organizations::table)
        .filter(memberships::user_id.eq(user))
        .order(organizations::slug)
        .select((organizations::id, organizations::slug, memberships::role))
        .load(conn)?;
    let read = |(id, slug, role): (String, String, String)| {
        let organization = OrganizationName { id: codec::read_id(&id)?, slug };
        Ok(Membership { organization, role: codec::read_name(&role, "role", Role::parse)? })
    };
    rows.into_iter().map(read).collect()
}

fn read_user((id, username, email, created_at): UserRow) -> QueryResult<User> {
    let parse_email =
        |email: String| codec::read_name(&email, "mail address", |email| Email::parse(email).ok());
    Ok(User {
        id: codec::read_id(&id)?,
        username: codec::read_name(&username, "user name", |name| Username::parse(name).ok())?,
        email: email.map(parse_email).transpose()?,
        created_at: codec::read_micros(created_at)?,
    })
}

fn read_session((id, user, token, created_at, last_used_at): SessionRow) -> QueryResult<Session> {
    Ok(Session {
        id: codec::read_id(&id)?,
        user: codec::read_id(&user)?,
        token_digest: codec::read_digest(token)?,
        created_at: codec::read_micros(created_at)?,
        last_used_at: codec::read_micros(last_used_at)?,
    })
}
