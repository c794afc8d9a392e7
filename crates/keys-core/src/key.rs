//! The fate of a key: every reason to refuse one, in the order in which they are told.

use crate::{Id, Timestamp};

/// Names a key in [`KeyId`]; there is no value of it.
#[derive(Debug)]
pub enum KeyTag {}

/// The id of a key. It survives a change of secret: limits and usage stay with it.
pub type KeyId = Id<KeyTag>;

/// What a decision about a key needs to know of it. `O` is the embedding program's owner.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// Why the holder of a right secret is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// Withdrawn for good.
    #[error("this key was revoked")]
    Revoked,
    /// Its time is over.
    #[error("this key has expired")]
    Expired,
    /// Switched off by its manager.
    #[error("this key is not active")]
    Inactive,
    /// What it opens is switched off.
    #[error("what this key opens is not active")]
    OwnerInactive,
}

/// May `key` be used at `now`? The first denial that holds is told, in the order of [`Denial`]:
/// revocation outranks expiry, since the owner of a leaked key must hear the truth.
///
/// # Errors
/// The first reason that holds.
pub fn decide<O>(key: &Key<O>, now: Timestamp) -> Result<(), Denial> {
    // Whatever this node's clock says: a revocation is not planned ahead, and must hold on a node
    // whose clock is late.
    if key.revoked_at.is_some() {
        return Err(Denial::Revoked);
    }
    if key.expires_at.is_some_and(|at| at <= now) {
        return Err(Denial::Expired);
    }
    if !key.is_active {
        return Err(Denial::Inactive);
    }
    if !key.owner_is_active {
        return Err(Denial::OwnerInactive);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;
    const TICK: TimeDelta = TimeDelta::microseconds(1);

    #[track_caller]
    fn check(change: impl FnOnce(&mut Key<()>), expected: Result<(), Denial>) {
        let mut key = Key {
            owner: (),
            is_active: true,
            owner_is_active: true,
            revoked_at: None,
            expires_at: None,
        };
        change(&mut key);
        assert_eq!(decide(&key, NOW), expected);
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
    fn a_revocation_holds_on_a_clock_that_is_late() {
        check(|k| k.revoked_at = Some(NOW + TICK), Err(Denial::Revoked));
        check(|k| k.revoked_at = Some(NOW), Err(Denial::Revoked));
    }

    #[test]
    fn the_order_is_revoked_expired_inactive_owner_inactive() {
        check(|k| (k.owner_is_active) = false, Err(Denial::OwnerInactive));
        check(|k| (k.owner_is_active, k.is_active) = (false, false), Err(Denial::Inactive));
        check(|k| (k.is_active, k.expires_at) = (false, Some(NOW)), Err(Denial::Expired));
        check(|k| (k.expires_at, k.revoked_at) = (Some(NOW), Some(NOW)), Err(Denial::Revoked));
    }
}
