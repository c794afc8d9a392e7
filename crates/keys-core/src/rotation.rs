//! Rotation: a key gets a new secret, and the old one stays good for a while.

use std::time::Duration;

use chrono::TimeDelta;

use crate::Timestamp;

/// What a rotation needs to know of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RotationState {
    /// Whether the key was withdrawn.
    pub is_revoked: bool,
    /// Until when the secret before the present one is good, where there is one.
    pub grace_until: Option<Timestamp>,
}

/// How a key is to be rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// How long the present secret stays good; at most [`Rotation::MAX_GRACE`].
    pub grace: Duration,
    /// Whether a secret that is still in its grace dies for it.
    pub force: bool,
}

/// Why a key is not rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RotationRefusal {
    /// A revoked key stays revoked.
    #[error("this key was revoked, which is final")]
    Revoked,
    /// The secret before the present one is still good.
    #[error("the secret before is still good until {until}; force the rotation to end it now")]
    InGrace {
        /// Until when.
        until: Timestamp,
    },
    /// The grace is longer than [`Rotation::MAX_GRACE`].
    #[error("a grace is at most 30 days")]
    GraceTooLong,
}

impl Rotation {
    /// The longest grace: 30 days.
    pub const MAX_GRACE: Duration = Duration::from_secs(30 * 24 * 3600);

    /// Until when the present secret of the key stays good; every older one is to be forgotten.
    ///
    /// # Errors
    /// Why the key is not rotated.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use keys_core::{Rotation, RotationState, Timestamp};
    ///
    /// let (day, now) = (Duration::from_secs(24 * 3600), Timestamp::UNIX_EPOCH);
    /// let rotation = Rotation { grace: day, force: false };
    /// assert_eq!(rotation.grace_until(RotationState::default(), now), Ok(now + day));
    /// ```
    pub fn grace_until(
        self,
        state: RotationState,
        now: Timestamp,
    ) -> Result<Timestamp, RotationRefusal> {
        if state.is_revoked {
            return Err(RotationRefusal::Revoked);
        }
        if let Some(until) = state.grace_until.filter(|until| *until > now && !self.force) {
            return Err(RotationRefusal::InGrace { until });
        }
        if self.grace > Self::MAX_GRACE {
            return Err(RotationRefusal::GraceTooLong);
        }
        let grace = TimeDelta::from_std(self.grace).unwrap_or(TimeDelta::MAX);
        now.checked_add_signed(grace).ok_or(RotationRefusal::GraceTooLong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;
    const DAY: Duration = Duration::from_secs(24 * 3600);

    #[track_caller]
    fn check(state: RotationState, force: bool, expected: Result<Timestamp, RotationRefusal>) {
        assert_eq!(Rotation { grace: DAY, force }.grace_until(state, NOW), expected);
    }

    #[test]
    fn the_present_secret_stays_good_for_the_grace() {
        check(RotationState::default(), false, Ok(NOW + TimeDelta::days(1)));
        let at_once = Rotation { grace: Duration::ZERO, force: false };
        assert_eq!(at_once.grace_until(RotationState::default(), NOW), Ok(NOW));
    }

    #[test]
    fn within_a_grace_only_force_rotates() {
        let until = NOW + TimeDelta::microseconds(1);
        let state = RotationState { is_revoked: false, grace_until: Some(until) };
        check(state, false, Err(RotationRefusal::InGrace { until }));
        check(state, true, Ok(NOW + TimeDelta::days(1)));
        let over = RotationState { is_revoked: false, grace_until: Some(NOW) };
        check(over, false, Ok(NOW + TimeDelta::days(1)));
    }

    #[test]
    fn a_revoked_key_is_never_rotated() {
        let state = RotationState { is_revoked: true, grace_until: None };
        check(state, true, Err(RotationRefusal::Revoked));
    }

    #[test]
    fn a_grace_has_an_end() {
        let long = Rotation { grace: Rotation::MAX_GRACE + Duration::from_secs(1), force: false };
        assert_eq!(
            long.grace_until(RotationState::default(), NOW),
            Err(RotationRefusal::GraceTooLong)
        );
    }
}
