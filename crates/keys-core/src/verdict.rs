//! What becomes of a key that was shown, in one word.

use std::fmt;

use crate::{Denial, RateDecision};

/// What becomes of a key that was shown: the first rule that refuses it, or none.
///
/// The names are those that `POST /v1/keys/verify` of a Keywright server answers, so that a program
/// may move from keys of its own to a server's, or back.
///
/// ```
/// use keys_core::{Denial, Verdict};
///
/// assert_eq!(Verdict::Denied(Denial::Revoked).as_str(), "REVOKED");
/// assert_eq!(Verdict::from_name("RATE_LIMITED"), Some(Verdict::RateLimited));
/// assert_eq!(Verdict::from_name("revoked"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may be used.
    Valid,
    /// There is no such key.
    NotFound,
    /// It is refused.
    Denied(Denial),
    /// It was used as often as it may be.
    RateLimited,
}

impl Verdict {
    /// Every one there is: first that nothing refuses, then the rules in the order in which they are
    /// decided.
    pub const ALL: [Self; 9] = [
        Self::Valid,
        Self::NotFound,
        Self::Denied(Denial::Revoked),
        Self::Denied(Denial::Expired),
        Self::Denied(Denial::Inactive),
        Self::Denied(Denial::OwnerInactive),
        Self::Denied(Denial::InsufficientScope),
        Self::Denied(Denial::AddressNotAllowed),
        Self::RateLimited,
    ];

    /// Its stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::NotFound => "NOT_FOUND",
            Self::Denied(Denial::Revoked) => "REVOKED",
            Self::Denied(Denial::Expired) => "EXPIRED",
            Self::Denied(Denial::Inactive) => "INACTIVE",
            Self::Denied(Denial::OwnerInactive) => "DEPLOYMENT_INACTIVE",
            Self::Denied(Denial::InsufficientScope) => "INSUFFICIENT_SCOPE",
            Self::Denied(Denial::AddressNotAllowed) => "IP_NOT_ALLOWED",
            Self::RateLimited => "RATE_LIMITED",
        }
    }

    /// The verdict of a name, exact in its letters.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == name)
    }

    /// The same, after the last rule: what the limit said, where it was asked.
    #[must_use]
    pub fn after(self, rate: Option<&RateDecision>) -> Self {
        match rate {
            Some(decision) if self == Self::Valid && !decision.is_allowed => Self::RateLimited,
            _ => self,
        }
    }
}

impl From<Result<(), Denial>> for Verdict {
    /// Of what [`decide`](crate::decide) says. The limit is still to be asked.
    fn from(decided: Result<(), Denial>) -> Self {
        decided.map_or_else(Self::Denied, |()| Self::Valid)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::RateLimit;

    #[test]
    fn the_rate_limit_is_the_last_rule() {
        let rate = |is_allowed| {
            let limit = RateLimit::per_minute(100).unwrap();
            let (reset, retry_after) = (Duration::ZERO, Duration::from_secs(1));
            RateDecision { is_allowed, limit, remaining: 42, reset, retry_after }
        };
        assert_eq!(Verdict::Valid.after(Some(&rate(false))).as_str(), "RATE_LIMITED");
        assert_eq!(Verdict::Valid.after(Some(&rate(true))), Verdict::Valid);
        assert_eq!(Verdict::Valid.after(None), Verdict::Valid);
        let denied = Verdict::from(Err(Denial::Expired));
        assert_eq!(denied.after(Some(&rate(false))), denied);
    }

    #[test]
    fn every_denial_has_a_verdict_and_every_verdict_its_own_name() {
        for denial in Denial::ALL {
            assert!(Verdict::ALL.contains(&Verdict::Denied(denial)), "{denial:?}");
        }
        for verdict in Verdict::ALL {
            assert_eq!(Verdict::from_name(verdict.as_str()), Some(verdict));
        }
    }
}
