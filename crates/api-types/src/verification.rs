//! Verification of keys for other systems.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Time;

// No `Debug`: it carries a key.
/// `POST /v1/keys/verify`
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerifyKey {
    /// The key that somebody sent you.
    pub key: String,
    /// What it must be allowed to do; all of them.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The address that it was used from. Without it, a key that may only be used from some is
    /// refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// How many calls of its rate limit this use costs: 0 to 1000.
    #[serde(default = "one")]
    pub cost: u32,
    /// Whether every rule shall be told with what it found, while nothing is spent.
    #[serde(default)]
    pub explain: bool,
}

fn one() -> u32 {
    1
}

impl VerifyKey {
    /// Asks about `key` alone: for no scope, from no address, at a cost of 1.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), scopes: Vec::new(), ip: None, cost: one(), explain: false }
    }
}

// No `Debug`: it carries keys.
/// `POST /v1/keys/verify-batch`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerifyKeys {
    /// At most 100.
    pub keys: Vec<VerifyKey>,
}

/// `GET /v1/keys/changes`: what whoever remembers verifications has to forget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyChangesView {
    /// The ids of keys that may be verified otherwise than before; at most 1000, none where `reset` is `true`.
    pub items: Vec<Uuid>,
    /// What to send as `since` the next time.
    pub next: u64,
    /// Forget every key: too much has changed to be told one by one, or `since` is not of this server's past.
    pub reset: bool,
    /// How long a verification may be remembered at most, in milliseconds, whatever is told here.
    pub max_age_ms: u64,
}

/// What becomes of a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerificationView {
    /// Whether it may be used. Absent from explanations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<bool>,
    /// `true` in explanations: nothing was spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// `VALID`, or the first that holds of `NOT_FOUND`, `REVOKED`, `EXPIRED`, `INACTIVE`,
    /// `DEPLOYMENT_INACTIVE`, `INSUFFICIENT_SCOPE`, `IP_NOT_ALLOWED`, `RATE_LIMITED`.
    pub code: String,
    /// The key's id. `null`, like all that follows, for a key that the organization has not.
    pub key_id: Option<Uuid>,
    /// The organization that it belongs to: your own.
    pub organization_id: Option<Uuid>,
    /// Its name: what `GET /v1/whoami` tells its holder as `key_name`.
    pub name: Option<String>,
    /// `platform_key`, `deployment_key` or `organization_key`.
    pub kind: Option<String>,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// Until when it is good: the end of the key, or that of its grace where it was replaced, whichever comes first.
    pub expires_at: Option<Time>,
    /// What is left of its own rate limit. `null` where it has none, and where it was refused
    /// before that was asked.
    pub ratelimit: Option<RatelimitView>,
    /// Every rule, in the order in which they are decided. In explanations alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<RuleView>>,
}

impl VerificationView {
    /// Whether the key may be used. No explanation says so.
    pub fn is_valid(&self) -> bool {
        self.valid == Some(true)
    }
}

/// A rate limit.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RatelimitView {
    /// How many calls a minute.
    pub limit: u32,
    /// How many are left.
    pub remaining: u32,
    /// In how many seconds all of them are there again.
    pub reset: u64,
}

/// A rule, and what it found.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RuleView {
    /// The code of a key that it refuses.
    pub code: String,
    /// Whether it lets this key pass.
    pub allowed: bool,
    /// What it saw.
    pub found: String,
}

/// `POST /v1/keys/verify-batch`: one result for each key, in their order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerificationsView {
    /// The results.
    pub results: Vec<VerificationView>,
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use std::time::Duration;

    use access_domain::{Finding, KeyNews, KeyOwner, KeyRecord, VerificationDraft};
    use keys_core::{KeyId, Verdict};

    use super::{KeyChangesView, RuleView, VerificationView, VerifyKey};
    use crate::Time;

    impl KeyChangesView {
        /// What has changed, for whoever may remember verifications for so long.
        pub fn new(news: KeyNews, max_age: Duration) -> Self {
            Self {
                items: news.changed.into_iter().map(KeyId::uuid).collect(),
                next: news.next,
                reset: news.forgets_all,
                max_age_ms: u64::try_from(max_age.as_millis()).unwrap_or(u64::MAX),
            }
        }
    }

    impl VerifyKey {
        /// The key by itself, and what it is wanted for.
        pub fn split(self) -> (String, VerificationDraft) {
            let Self { key, scopes, ip, cost, explain: _ } = self;
            (key, VerificationDraft { scopes, ip, cost })
        }
    }

    impl VerificationView {
        /// What is told of a key; of one that the organization has not, nothing but that.
        pub fn of(key: Option<&KeyRecord>, code: Verdict) -> Self {
            let scopes = key.iter().flat_map(|record| record.key.scopes.iter());
            Self {
                valid: Some(code == Verdict::Valid),
                dry_run: None,
                code: code.as_str().into(),
                key_id: key.map(|record| record.id.uuid()),
                organization_id: key.map(|record| record.organization.id.uuid()),
                name: key.map(|record| record.name.clone()),
                kind: key.map(|record| kind(record.key.owner).into()),
                scopes: scopes.map(ToString::to_string).collect(),
                expires_at: key.and_then(|record| record.key.good_until()).map(Time),
                ratelimit: None,
                rules: None,
            }
        }

        /// The same as an explanation.
        #[must_use]
        pub fn explained(self, findings: Vec<Finding>) -> Self {
            let rules = findings.into_iter().map(|finding| RuleView {
                code: finding.code.as_str().into(),
                allowed: finding.is_allowed,
                found: finding.found,
            });
            Self { valid: None, dry_run: Some(true), rules: Some(rules.collect()), ..self }
        }
    }

    fn kind(owner: KeyOwner) -> &'static str {
        match owner {
            KeyOwner::Platform(_) => "platform_key",
            KeyOwner::Deployment(_) => "deployment_key",
            KeyOwner::Organization => "organization_key",
        }
    }
}
