//! What the holder of a key is told who is not let in: the same at every door, Keywright's own and
//! those of other services.

use keys_core::{Denial, RateDecision, Verdict};

use super::Refusal;
use crate::ErrorCode;

impl Refusal {
    /// No key was sent.
    pub fn missing_credential() -> Self {
        Self::new(ErrorCode::MissingCredential, "the request carries no credential")
    }

    /// What was sent is no key that is known here, for whatever reason.
    pub fn invalid_credential() -> Self {
        Self::new(ErrorCode::InvalidCredential, "the credential is not valid")
    }

    /// Two headers carry different keys.
    pub fn ambiguous_credentials() -> Self {
        Self::new(ErrorCode::AmbiguousCredentials, "send one key, in one header")
    }

    /// The limit called `name` refused.
    pub fn rate_limited(name: &str, decision: &RateDecision) -> Self {
        let detail = format!(
            "{} calls a minute are allowed ({name}); `Retry-After` tells when to go on",
            decision.limit.calls(),
        );
        Self::new(ErrorCode::RateLimited, detail).retry_after(decision.retry_after_seconds())
    }

    /// What the holder of a key hears of this verdict; nothing, where the key is let in. `rate`: what
    /// its limit said.
    pub fn of_verdict(verdict: Verdict, rate: Option<&RateDecision>) -> Option<Self> {
        match (verdict, rate) {
            (Verdict::Valid, _) => None,
            (Verdict::NotFound, _) => Some(Self::invalid_credential()),
            (Verdict::Denied(denial), _) => Some(denial.into()),
            (Verdict::RateLimited, Some(decision)) => Some(Self::rate_limited("key", decision)),
            (Verdict::RateLimited, None) => {
                Some(Self::new(ErrorCode::RateLimited, "the limit of the key is spent"))
            }
        }
    }
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        let code = match denial {
            Denial::Revoked => ErrorCode::KeyRevoked,
            Denial::Expired => ErrorCode::KeyExpired,
            Denial::Inactive => ErrorCode::KeyInactive,
            Denial::OwnerInactive => ErrorCode::DeploymentInactive,
            Denial::InsufficientScope => ErrorCode::InsufficientScope,
            Denial::AddressNotAllowed => ErrorCode::IpNotAllowed,
        };
        Self::new(code, denial.to_string())
    }
}
