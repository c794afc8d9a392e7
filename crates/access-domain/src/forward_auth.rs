//! Forward authentication: whose keys a reverse proxy lets in, to something that is no part of this
//! server.

use std::net::IpAddr;

use keys_core::{KeyRequest, Scope, Timestamp, decide};

use crate::{AuthenticationError, KeyMatches, KeyOwner, KeyRecord, OrganizationRef};

/// Who passes.
#[derive(Debug, Clone)]
pub struct Door {
    /// Keys of this organization, and of no other.
    pub organization: OrganizationRef,
    /// Whether keys of its deployments pass as well. Its platform keys never do.
    pub admits_deployment_keys: bool,
    /// What a key must be allowed; all of them.
    pub scopes: Vec<Scope>,
}

/// Why a key does not pass.
#[derive(Debug, thiserror::Error)]
pub enum TurnedAway {
    /// It is unknown here, or refused.
    #[error("the key is not good here")]
    Refused(#[source] AuthenticationError),
    /// Keys of its kind do not pass.
    #[error("keys of this kind are not let in here")]
    KindNotAdmitted,
}

impl Door {
    /// The key that is meant, of those that were looked up: the organization's own. Whether it may pass
    /// is another question.
    pub fn meant<'a>(&self, found: &'a KeyMatches) -> Option<&'a KeyRecord> {
        found.iter().find(|record| record.organization.answers_to(&self.organization))
    }

    /// The key that may pass, of those that were looked up. Its limit is not spent yet. `named` is
    /// the organization of `X-Organization-Id`.
    ///
    /// # Errors
    /// Why none may. Another organization's key is like none at all.
    pub fn admit<'a>(
        &self,
        found: &'a KeyMatches,
        named: Option<&OrganizationRef>,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<&'a KeyRecord, TurnedAway> {
        let record = self.meant(found).ok_or(TurnedAway::Refused(AuthenticationError::Invalid))?;
        let is_admitted = match record.key.owner {
            KeyOwner::Organization => true,
            KeyOwner::Deployment(_) => self.admits_deployment_keys,
            KeyOwner::Platform(_) => false,
        };
        if !is_admitted {
            return Err(TurnedAway::KindNotAdmitted);
        }
        decide(&record.key, &KeyRequest { scopes: &self.scopes, address }, now)
            .map_err(|denial| TurnedAway::Refused(AuthenticationError::Key(denial)))?;
        if named.is_some_and(|named| !record.organization.answers_to(named)) {
            return Err(TurnedAway::Refused(AuthenticationError::OrganizationMismatch));
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use keys_core::{Key, Slot};
    use uuid::Uuid;

    use super::*;
    use crate::{CallBounds, FoundBy, OrganizationName};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn record(slug: &str, owner: KeyOwner) -> KeyRecord {
        let id = Uuid::from_u128(u128::from(slug.as_bytes()[0])).into();
        KeyRecord {
            id: Uuid::from_u128(1).into(),
            organization: OrganizationName { id, slug: slug.into() },
            name: String::new(),
            key: Key::new(owner),
            bounds: CallBounds::default(),
            secret: FoundBy::Imported,
        }
    }

    fn door() -> Door {
        let organization = "acme".into();
        Door { organization, admits_deployment_keys: false, scopes: Vec::new() }
    }

    #[track_caller]
    fn check(door: &Door, records: Vec<KeyRecord>, named: Option<&str>, expected: &str) {
        let named = named.map(OrganizationRef::from);
        let told = match door.admit(&KeyMatches::new(records), named.as_ref(), None, NOW) {
            Ok(record) => record.organization.slug.clone(),
            Err(TurnedAway::Refused(error)) => format!("{error:?}"),
            Err(TurnedAway::KindNotAdmitted) => "KindNotAdmitted".into(),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn the_organizations_own_keys_pass_and_no_others() {
        let of = |slug| record(slug, KeyOwner::Organization);
        check(&door(), vec![of("acme")], None, "acme");
        check(&door(), vec![of("other")], None, "Invalid");
        check(&door(), vec![], None, "Invalid");
        check(&door(), vec![of("other"), of("acme")], None, "acme");
        check(&door(), vec![of("acme")], Some("acme"), "acme");
        check(&door(), vec![of("acme")], Some("other"), "OrganizationMismatch");
    }

    #[test]
    fn deployment_keys_pass_where_that_was_asked_for_and_platform_keys_never() {
        let wide = Door { admits_deployment_keys: true, ..door() };
        let deployment = || vec![record("acme", KeyOwner::Deployment(Uuid::from_u128(2).into()))];
        check(&door(), deployment(), None, "KindNotAdmitted");
        check(&wide, deployment(), None, "acme");
        let platform = record("acme", KeyOwner::Platform(Slot::One));
        check(&wide, vec![platform], None, "KindNotAdmitted");
    }

    #[test]
    fn a_key_passes_that_is_good_for_what_is_needed() {
        let needs = Door { scopes: vec!["orders:read".parse().unwrap()], ..door() };
        let mut key = record("acme", KeyOwner::Organization);
        check(&needs, vec![key.clone()], None, "Key(InsufficientScope)");
        key.key.expires_at = Some(NOW);
        check(&needs, vec![key], None, "Key(Expired)");
    }
}
