//! From a credential to a principal. How a credential travels is the edges' business.

use std::sync::Arc;

use std::net::IpAddr;

use keys_core::{Denial, Digest, Form, KeyRequest, NotOurs, Peppers, Presented, Secret, decide};
use subtle::ConstantTimeEq;

use crate::{
    Clock, KeyMatches, KeyRecord, OrganizationRef, PresentedKey, Principal, Quotas, SessionRecord,
    SessionStore, StoreError, Uses, session::csrf_token, session::session_digest,
};

/// No key of another system is shorter, or it could be guessed. In bytes.
const MIN_FOREIGN_BYTES: usize = 16;

/// Why a credential does not make a principal.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError {
    /// None was sent.
    #[error("the request carries no credential")]
    Missing,
    /// It is none that the server made, or one that ended without trace.
    #[error("the credential is not valid")]
    Invalid,
    /// It is right, and refused all the same: its holder is told why.
    #[error("the key is refused")]
    Key(#[source] Denial),
    /// An unsafe request of a session lacks its CSRF token.
    #[error("the request lacks the CSRF token of its session")]
    CsrfTokenRequired,
    /// The session's user belongs to several organizations and named none.
    #[error("the session's user belongs to several organizations: name one")]
    OrganizationRequired,
    /// `X-Organization-Id` names another organization than the credential's.
    #[error("the credential belongs to another organization than the one named")]
    OrganizationMismatch,
    /// The path names an organization that this caller cannot see.
    #[error("the organization does not exist for this caller")]
    OrganizationHidden,
    /// Storage failed: the credential may well be good.
    #[error("the credential could not be checked")]
    Store(#[source] StoreError),
}

/// Which organization a request is about.
#[derive(Debug, Clone, Default)]
pub struct RequestedOrganization {
    /// As the path names it.
    pub path: Option<OrganizationRef>,
    /// As `X-Organization-Id` names it.
    pub header: Option<OrganizationRef>,
}

/// What an unsafe request of a session proves its intent with.
#[derive(Debug, Clone, Copy)]
pub enum Csrf<'a> {
    /// The method is safe (RFC 9110, 9.2.1): nothing has to be proved.
    NotNeeded,
    /// The value of `X-CSRF-Token`, where one was sent.
    Needed(Option<&'a str>),
}

/// A good key, and what its use spends.
#[derive(Debug)]
pub struct Admitted {
    /// What the key stands for.
    pub who: Principal,
    /// What its call spends. Not spent yet.
    pub quotas: Quotas,
}

/// Finds out who is calling.
pub struct Authentication {
    /// Where sessions are found.
    pub sessions: Arc<dyn SessionStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What credentials are digested under.
    pub peppers: Arc<Peppers>,
    /// Where the use of keys is noted.
    pub uses: Arc<Uses>,
}

impl Authentication {
    /// What a text is looked up by. `None` when no key looks so: that costs no look-up.
    pub fn present(&self, text: &str) -> Option<PresentedKey> {
        present(text, &self.peppers)
    }

    /// The principal of a key that was looked up.
    ///
    /// # Errors
    /// When the key is unknown or refused, or the request is about another organization.
    pub fn admit_key(
        &self,
        found: &KeyMatches,
        requested: &RequestedOrganization,
        address: Option<IpAddr>,
    ) -> Result<Admitted, AuthenticationError> {
        let record = self.admit(found, requested, &KeyRequest { scopes: &[], address })?;
        if requested.path.as_ref().is_some_and(|named| !record.organization.answers_to(named)) {
            return Err(AuthenticationError::OrganizationHidden);
        }
        Ok(Admitted { who: Principal::of_key(record), quotas: record.quotas_of_call() })
    }

    /// The key that was looked up, if it is good for `request`. Its use is noted then.
    ///
    /// # Errors
    /// When it is unknown or refused, or `X-Organization-Id` names another organization.
    pub fn admit<'a>(
        &self,
        found: &'a KeyMatches,
        requested: &RequestedOrganization,
        request: &KeyRequest<'_>,
    ) -> Result<&'a KeyRecord, AuthenticationError> {
        let named = requested.header.as_ref();
        let record =
            found.choose(named.or(requested.path.as_ref())).ok_or(AuthenticationError::Invalid)?;
        let now = self.clock.now();
        decide(&record.key, request, now).map_err(AuthenticationError::Key)?;
        if named.is_some_and(|named| !record.organization.answers_to(named)) {
            return Err(AuthenticationError::OrganizationMismatch);
        }
        self.uses.note(&record.secret, now);
        Ok(record)
    }

    /// The session of a cookie, noted as in use. Asks storage: not for an event loop.
    ///
    /// # Errors
    /// When there is no such session any more, or an unsafe request lacks its CSRF token.
    pub fn session(
        &self,
        token: &str,
        csrf: Csrf<'_>,
    ) -> Result<SessionRecord, AuthenticationError> {
        let now = self.clock.now();
        let digests: Vec<Digest> =
            self.peppers.iter().map(|pepper| session_digest(pepper, token)).collect();
        let found = self.sessions.find_session(&digests).map_err(AuthenticationError::Store)?;
        let record = found
            .filter(|found| found.session.is_alive(now))
            .ok_or(AuthenticationError::Invalid)?;
        if let Csrf::Needed(sent) = csrf {
            // Under any of the peppers: while one is swapped, a page may come from another server.
            let is_token = |expected: String| {
                sent.is_some_and(|sent| sent.as_bytes().ct_eq(expected.as_bytes()).into())
            };
            if !self.peppers.iter().any(|pepper| is_token(csrf_token(pepper, token))) {
                return Err(AuthenticationError::CsrfTokenRequired);
            }
        }
        if record.session.is_due_for_touch(now) {
            // A session that was read is good: that its use was not noted may only end it earlier.
            let _ = self.sessions.touch_session(record.session.id, now);
        }
        Ok(record)
    }

    /// The CSRF token that unsafe requests of the session with this cookie must carry.
    pub fn csrf_token(&self, session_token: &str) -> String {
        csrf_token(self.peppers.current(), session_token)
    }
}

/// What a text is looked up by. `None` when no key of ours looks so, and no other system would have
/// made it.
pub fn present(text: &str, peppers: &Peppers) -> Option<PresentedKey> {
    if text.len() > Presented::MAX_BYTES {
        return None;
    }
    let form = match Form::read(text) {
        Ok(form) => Some(form),
        Err(NotOurs::Mistyped) => return None,
        Err(NotOurs::Foreign) if is_plausible(text) => None,
        Err(NotOurs::Foreign) => return None,
    };
    let digest = peppers.current().digest(text);
    Some(PresentedKey { digest, form, plaintext: Secret::new(text.to_owned()) })
}

fn is_plausible(text: &str) -> bool {
    text.len() >= MIN_FOREIGN_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The principal of a session in the organization that the request is about; a user of a single
/// organization need not name it.
///
/// # Errors
/// When the user does not belong there, or to several and named none.
pub fn principal_of_session(
    record: &SessionRecord,
    requested: &RequestedOrganization,
) -> Result<Principal, AuthenticationError> {
    let by_header = match &requested.header {
        Some(named) => {
            Some(record.membership(named).ok_or(AuthenticationError::OrganizationMismatch)?)
        }
        None => None,
    };
    let membership = match (&requested.path, by_header) {
        (Some(named), by_header) => {
            let member = record.membership(named).ok_or(AuthenticationError::OrganizationHidden)?;
            if by_header.is_some_and(|other| other.organization.id != member.organization.id) {
                return Err(AuthenticationError::OrganizationMismatch);
            }
            member
        }
        (None, Some(member)) => member,
        (None, None) => match record.memberships.as_slice() {
            [only] => only,
            _ => return Err(AuthenticationError::OrganizationRequired),
        },
    };
    let organization = membership.organization.clone();
    let (id, username) = (record.user.id, record.user.username.clone());
    Ok(Principal::User { id, username, organization, role: membership.role })
}

#[cfg(test)]
mod tests {
    use keys_core::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::{Membership, OrganizationName, Role, Session, User, Username};

    fn record(slugs: &[&str]) -> SessionRecord {
        let (id, now) = (Uuid::from_u128(1).into(), Timestamp::UNIX_EPOCH);
        let user =
            User { id, username: Username::parse("u").unwrap(), email: None, created_at: now };
        let session = Session {
            id: Uuid::from_u128(2).into(),
            user: id,
            token_digest: [0; 32].into(),
            created_at: now,
            last_used_at: now,
            address: None,
            user_agent: String::new(),
        };
        let memberships = slugs.iter().zip(10..).map(|(slug, id)| {
            let organization =
                OrganizationName { id: Uuid::from_u128(id).into(), slug: (*slug).into() };
            Membership { organization, name: (*slug).into(), role: Role::User }
        });
        SessionRecord { session, user, memberships: memberships.collect() }
    }

    #[track_caller]
    fn check(
        member_of: &[&str],
        path: Option<&str>,
        header: Option<&str>,
        expected: Result<&str, &str>,
    ) {
        let requested =
            RequestedOrganization { path: path.map(Into::into), header: header.map(Into::into) };
        let principal = principal_of_session(&record(member_of), &requested);
        let slug = principal
            .map(|who| who.organization().slug.clone())
            .map_err(|error| format!("{error:?}"));
        assert_eq!(slug, expected.map(str::to_owned).map_err(str::to_owned));
    }

    #[test]
    fn the_only_organization_need_not_be_named() {
        check(&["a"], None, None, Ok("a"));
        check(&["a", "b"], None, None, Err("OrganizationRequired"));
        check(&[], None, None, Err("OrganizationRequired"));
    }

    #[test]
    fn the_path_or_the_header_names_it() {
        check(&["a", "b"], Some("b"), None, Ok("b"));
        check(&["a", "b"], None, Some("b"), Ok("b"));
        check(&["a", "b"], Some("b"), Some("b"), Ok("b"));
        check(&["a", "b"], Some("b"), Some("a"), Err("OrganizationMismatch"));
    }

    #[test]
    fn an_organization_of_others_is_hidden_in_a_path_and_a_mismatch_in_the_header() {
        check(&["a"], Some("z"), None, Err("OrganizationHidden"));
        check(&["a"], None, Some("z"), Err("OrganizationMismatch"));
    }
}
