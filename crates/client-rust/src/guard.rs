//! A server's verdicts for guards of services: [`Verifier`] as a [`KeyCheck`].

use std::time::Duration;

use api_types::{RatelimitView, VerificationView, VerifyKey};
use keys_core::{
    Checked, CheckedKey, KeyCheck, KeyRequest, RateDecision, RateLimit, Scope, Scopes, Verdict,
};
use uuid::Uuid;

use crate::{Error, Verifier};

const WINDOW: Duration = Duration::from_secs(RateLimit::WINDOW_SECONDS as u64);

/// Whom a server's key speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerView {
    /// The organization, which is that of the verifier's own key.
    pub organization_id: Uuid,
    /// `platform_key`, `deployment_key` or `organization_key`.
    pub kind: String,
    /// The key's name.
    pub name: String,
}

/// Why a server's word on a key is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckFailed {
    /// The server could not be asked.
    #[error("the server could not be asked about a key")]
    Asking(#[source] Error),
    /// Its answer makes no sense to this version of the SDK.
    #[error("the server answered '{code}' about a key, which makes no sense here")]
    Answer {
        /// What it said.
        code: String,
    },
}

impl KeyCheck for Verifier {
    type Owner = OwnerView;
    type Error = CheckFailed;

    async fn check(
        &self,
        shown: &str,
        request: &KeyRequest<'_>,
        cost: u32,
    ) -> Result<Checked<OwnerView>, CheckFailed> {
        let question = VerifyKey {
            key: shown.to_owned(),
            scopes: request.scopes.iter().map(ToString::to_string).collect(),
            ip: request.address.map(|address| address.to_string()),
            cost,
            explain: false,
        };
        let answer = self.verify(&question).await.map_err(CheckFailed::Asking)?;
        read(&answer, cost).ok_or_else(|| CheckFailed::Answer { code: answer.code.clone() })
    }
}

/// What the answer says, if it is one: a yes is a yes in all of its parts.
fn read(answer: &VerificationView, cost: u32) -> Option<Checked<OwnerView>> {
    let verdict = Verdict::from_name(&answer.code)?;
    let key = answer.key_id.and_then(|id| {
        // A scope that this version does not know opens nothing here.
        let scopes = answer.scopes.iter().filter_map(|scope| scope.parse::<Scope>().ok());
        Some(CheckedKey {
            id: id.into(),
            owner: OwnerView {
                organization_id: answer.organization_id?,
                kind: answer.kind.clone()?,
                name: answer.name.clone()?,
            },
            scopes: Scopes::new(scopes).ok()?,
            expires_at: answer.expires_at.map(|time| time.0),
        })
    });
    let is_whole = match verdict {
        Verdict::Valid => answer.valid == Some(true) && key.is_some(),
        Verdict::NotFound | Verdict::Denied(_) | Verdict::RateLimited => {
            answer.valid == Some(false)
        }
    };
    let rate = answer.ratelimit.and_then(|told| rate(told, verdict != Verdict::RateLimited, cost));
    is_whole.then_some(Checked { verdict, key, rate })
}

/// The server tells when all of a limit is there again; when a call of this cost may pass follows from
/// it, for a limit comes back evenly.
fn rate(told: RatelimitView, is_allowed: bool, cost: u32) -> Option<RateDecision> {
    let limit = RateLimit::per_minute(told.limit)?;
    let reset = Duration::from_secs(told.reset);
    let not_needed = WINDOW * told.limit.saturating_sub(cost) / told.limit;
    let retry_after = if is_allowed { Duration::ZERO } else { reset.saturating_sub(not_needed) };
    Some(RateDecision { is_allowed, limit, remaining: told.remaining, reset, retry_after })
}

#[cfg(test)]
mod tests {
    use keys_core::{Denial, KeyId};

    use super::*;

    fn answer(valid: bool, code: &str) -> VerificationView {
        VerificationView {
            valid: Some(valid),
            dry_run: None,
            code: code.into(),
            key_id: Some(Uuid::from_u128(1)),
            organization_id: Some(Uuid::from_u128(2)),
            name: Some("orders".into()),
            kind: Some("organization_key".into()),
            scopes: vec!["orders:read".into(), "Of the future!".into()],
            expires_at: None,
            ratelimit: None,
            rules: None,
        }
    }

    #[test]
    fn a_yes_is_a_yes_in_all_of_its_parts() {
        let checked = read(&answer(true, "VALID"), 1).unwrap();
        let key = checked.key.unwrap();
        assert_eq!((checked.verdict, key.id), (Verdict::Valid, KeyId::from_u128(1)));
        assert_eq!(key.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(), ["orders:read"]);
        assert!(read(&answer(false, "VALID"), 1).is_none());
        assert!(read(&VerificationView { key_id: None, ..answer(true, "VALID") }, 1).is_none());
        assert!(read(&VerificationView { valid: None, ..answer(true, "VALID") }, 1).is_none());
        assert!(read(&answer(true, "REVOKED"), 1).is_none());
        assert!(read(&answer(false, "SUSPENDED"), 1).is_none(), "a verdict that is not known");
        let revoked = read(&answer(false, "REVOKED"), 1).unwrap();
        assert_eq!(revoked.verdict, Verdict::Denied(Denial::Revoked));
    }

    #[test]
    fn when_a_call_may_pass_follows_from_when_all_of_the_limit_is_there() {
        let told = |limit, reset, cost| {
            let told = RatelimitView { limit, remaining: 0, reset };
            rate(told, false, cost).unwrap().retry_after_seconds()
        };
        assert_eq!(told(2, 60, 1), 30);
        assert_eq!(told(2, 60, 2), 60);
        assert_eq!(told(60, 60, 1), 1);
        assert_eq!(told(100, 60, 1), 1);
        assert_eq!(told(1, 12, 1), 12);
        let allowed = RatelimitView { limit: 2, remaining: 1, reset: 30 };
        assert_eq!(rate(allowed, true, 1).unwrap().retry_after_seconds(), 0);
    }
}
