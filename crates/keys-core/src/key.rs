//! The fate of a key: every reason to refuse one, in the order in which they are told.

use std::net::IpAddr;

use crate::{Allowlist, Id, RateLimit, Scope, Scopes, Timestamp};

/// Names a key in [`KeyId`]; there is no value of it.
#[derive(Debug)]
pub enum KeyTag {}

/// The id of a key. It survives a change of secret: limits and usage stay with it.
pub type KeyId = Id<KeyTag>;

/// What a decision about a key needs to know of it. `O` is the embedding program's owner.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields)
)]
pub struct Key<O> {
    /// Whom or what the key speaks for.
    pub owner: O,
    /// Switched on by its manager; can be switched back.
    pub is_active: bool,
    /// Whether what the key opens is itself in service.
    pub owner_is_active: bool,
    /// When it was withdrawn, for good: it is refused from then on, on every clock.
    pub revoked_at: Option<Timestamp>,
    /// Good before this instant, not at it.
    pub expires_at: Option<Timestamp>,
    /// Until when the secret that was presented is good, where another has taken its place.
    pub grace_until: Option<Timestamp>,
    /// What it may be used for.
    pub scopes: Scopes,
    /// Where it may be used from.
    pub allowlist: Allowlist,
    /// Where what the key opens may be reached from, whatever the key. Both must hold.
    pub owner_allowlist: Allowlist,
    /// How often it may be used.
    pub rate_limit: Option<RateLimit>,
}

impl<O> Key<O> {
    /// An active key without any restriction.
    pub fn new(owner: O) -> Self {
        Self {
            owner,
            is_active: true,
            owner_is_active: true,
            revoked_at: None,
            expires_at: None,
            grace_until: None,
            scopes: Scopes::default(),
            allowlist: Allowlist::default(),
            owner_allowlist: Allowlist::default(),
            rate_limit: None,
        }
    }
}

impl<O> Key<O> {
    /// Until when the secret that was presented is good: the end of the key or that of the secret's grace, whichever comes first.
    /// `None`: it has no end.
    pub fn good_until(&self) -> Option<Timestamp> {
        self.expires_at.into_iter().chain(self.grace_until).min()
    }
}

/// What a key is to be used for.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyRequest<'a> {
    /// What it needs; all of them.
    pub scopes: &'a [Scope],
    /// Where the request comes from, where that is known.
    pub address: Option<IpAddr>,
}

/// Why the holder of a right secret is refused; each is one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// Withdrawn for good.
    #[error("this key was revoked")]
    Revoked,
    /// Its time is over, or that of its secret, which was replaced.
    #[error("this key has expired")]
    Expired,
    /// Switched off by its manager.
    #[error("this key is not active")]
    Inactive,
    /// What it opens is switched off.
    #[error("what this key opens is not active")]
    OwnerInactive,
    /// It lacks a scope.
    #[error("this key lacks a scope that is needed")]
    InsufficientScope,
    /// It, or what it opens, may not be used from this address.
    #[error("this key may not be used from this address")]
    AddressNotAllowed,
}

impl Denial {
    /// Every rule, in the order in which they are decided. Revocation outranks expiry, since the
    /// owner of a leaked key must hear the truth. The rate limit, which consumes, comes after them
    /// ([`take`](crate::take)).
    pub const ALL: [Self; 6] = [
        Self::Revoked,
        Self::Expired,
        Self::Inactive,
        Self::OwnerInactive,
        Self::InsufficientScope,
        Self::AddressNotAllowed,
    ];

    /// Whether this reason to refuse `key` holds, whatever the others say.
    pub fn holds<O>(self, key: &Key<O>, request: &KeyRequest<'_>, now: Timestamp) -> bool {
        let is_over = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
        match self {
            // Whatever this node's clock says: a revocation is not planned ahead, and must hold on
            // a node whose clock is late.
            Self::Revoked => key.revoked_at.is_some(),
            Self::Expired => is_over(key.good_until()),
            Self::Inactive => !key.is_active,
            Self::OwnerInactive => !key.owner_is_active,
            Self::InsufficientScope => {
                !request.scopes.iter().all(|scope| key.scopes.include(scope.as_str()))
            }
            Self::AddressNotAllowed => {
                let lists = [&key.allowlist, &key.owner_allowlist];
                !lists.into_iter().all(|list| list.admits(request.address))
            }
        }
    }
}

/// May `key` be used for `request` at `now`? The first denial that holds is told, in the order of
/// [`Denial::ALL`].
///
/// # Errors
/// The first reason that holds.
///
/// ```
/// use keys_core::{Denial, Key, KeyRequest, Timestamp, decide};
///
/// let now: Timestamp = "2026-11-21T09:30:00Z".parse()?;
/// let key = Key { expires_at: Some(now), ..Key::new("the order service") };
/// assert_eq!(decide(&key, &KeyRequest::default(), now), Err(Denial::Expired));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decide<O>(key: &Key<O>, request: &KeyRequest<'_>, now: Timestamp) -> Result<(), Denial> {
    let first = Denial::ALL.into_iter().find(|denial| denial.holds(key, request, now));
    first.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;
    const TICK: TimeDelta = TimeDelta::microseconds(1);

    #[track_caller]
    fn check(change: impl FnOnce(&mut Key<()>), expected: Result<(), Denial>) {
        let mut key = Key::new(());
        change(&mut key);
        assert_eq!(decide(&key, &KeyRequest::default(), NOW), expected);
    }

    #[test]
    fn a_key_without_faults_is_good() {
        check(|_| {}, Ok(()));
    }

    #[test]
    fn a_key_dies_at_its_expiry_and_not_before() {
        check(|k| k.expires_at = Some(NOW + TICK), Ok(()));
        check(|k| k.expires_at = Some(NOW), Err(Denial::Expired));
    }

    #[test]
    fn a_replaced_secret_dies_at_the_end_of_its_grace_and_not_before() {
        check(|k| k.grace_until = Some(NOW + TICK), Ok(()));
        check(|k| k.grace_until = Some(NOW), Err(Denial::Expired));
    }

    #[test]
    fn a_revocation_holds_on_a_clock_that_is_late() {
        check(|k| k.revoked_at = Some(NOW + TICK), Err(Denial::Revoked));
        check(|k| k.revoked_at = Some(NOW), Err(Denial::Revoked));
    }

    #[test]
    fn all_scopes_that_are_asked_for_are_needed() {
        let scopes = ["a", "b"].map(|scope| scope.parse::<Scope>().unwrap());
        let request = KeyRequest { scopes: &scopes, address: None };
        let with = |of: &[&Scope]| Key {
            scopes: Scopes::new(of.iter().copied().cloned()).unwrap(),
            ..Key::new(())
        };
        let [a, b] = &scopes;
        assert_eq!(decide(&with(&[a, b]), &request, NOW), Ok(()));
        assert_eq!(decide(&with(&[a]), &request, NOW), Err(Denial::InsufficientScope));
        assert_eq!(decide(&with(&[&"admin".parse().unwrap()]), &request, NOW), Ok(()));
    }

    #[test]
    fn an_address_outside_the_allowlist_is_refused_and_so_is_an_unknown_one() {
        let allowlist = Allowlist::new(vec!["10.0.0.0/8".parse().unwrap()]).unwrap();
        let key = Key { allowlist, ..Key::new(()) };
        let from = |address: Option<&str>| {
            let address = address.map(|address| address.parse().unwrap());
            decide(&key, &KeyRequest { scopes: &[], address }, NOW)
        };
        assert_eq!(from(Some("10.1.1.1")), Ok(()));
        assert_eq!(from(Some("11.1.1.1")), Err(Denial::AddressNotAllowed));
        assert_eq!(from(None), Err(Denial::AddressNotAllowed));
    }

    #[test]
    fn the_allowlists_of_a_key_and_of_what_it_opens_must_both_hold() {
        let of = |network: &str| Allowlist::new(vec![network.parse().unwrap()]).unwrap();
        let (allowlist, owner_allowlist) = (of("10.1.0.0/16"), of("10.0.0.0/8"));
        let key = Key { allowlist, owner_allowlist, ..Key::new(()) };
        let from = |key: &Key<()>, address: &str| {
            let address = Some(address.parse().unwrap());
            decide(key, &KeyRequest { scopes: &[], address }, NOW)
        };
        assert_eq!(from(&key, "10.1.1.1"), Ok(()));
        assert_eq!(from(&key, "10.2.1.1"), Err(Denial::AddressNotAllowed));
        let swapped = Key {
            allowlist: key.owner_allowlist.clone(),
            owner_allowlist: key.allowlist.clone(),
            ..Key::new(())
        };
        assert_eq!(from(&swapped, "10.1.1.1"), Ok(()));
        assert_eq!(from(&swapped, "10.2.1.1"), Err(Denial::AddressNotAllowed));
    }

    #[test]
    fn the_order_is_the_one_of_the_table() {
        let mut key = Key::new(());
        let scopes = ["a".parse().unwrap()];
        let request = KeyRequest { scopes: &scopes, address: None };
        key.allowlist = Allowlist::new(vec!["::1".parse().unwrap()]).unwrap();
        key.owner_is_active = false;
        key.is_active = false;
        key.expires_at = Some(NOW);
        key.revoked_at = Some(NOW);
        // Each fault is mended as soon as it was told.
        for next in Denial::ALL {
            assert_eq!(decide(&key, &request, NOW), Err(next));
            match next {
                Denial::Revoked => key.revoked_at = None,
                Denial::Expired => key.expires_at = None,
                Denial::Inactive => key.is_active = true,
                Denial::OwnerInactive => key.owner_is_active = true,
                Denial::InsufficientScope => key.scopes = Scopes::new(scopes.clone()).unwrap(),
                Denial::AddressNotAllowed => key.allowlist = Allowlist::default(),
            }
        }
        assert_eq!(decide(&key, &request, NOW), Ok(()));
    }
}
