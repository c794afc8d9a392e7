//! Verification: what another system hears about a key that it was shown. Knows neither how the key
//! was looked up nor who keeps account of its limit; both arrive as facts.

use std::net::{IpAddr, SocketAddr};

use keys_core::{Denial, KeyRequest, RateDecision, Scope, Scopes, Timestamp, Verdict, decide};

use crate::{Fault, KeyOwner, KeyRecord, managed_key::read_scopes};

/// The most calls that one verification may cost.
const MAX_COST: u32 = 1000;

/// What a key is wanted for, as another system asks it.
#[derive(Debug, Clone, Default)]
pub struct VerificationDraft {
    /// What it needs to be allowed, as it was sent.
    pub scopes: Vec<String>,
    /// Where the key was used, as it was sent.
    pub ip: Option<String>,
    /// How many calls of its limit this use costs.
    pub cost: u32,
}

/// A [`VerificationDraft`] that makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    scopes: Vec<Scope>,
    address: Option<IpAddr>,
    /// How many calls of its limit this use costs.
    pub cost: u32,
}

impl VerificationDraft {
    /// Notes what is wrong with it, below `pointer`.
    pub fn check(&self, pointer: &str, faults: &mut Vec<Fault>) -> Verification {
        let mut found = Vec::new();
        let scopes: Scopes = read_scopes(&mut found, &self.scopes);
        let address = self.ip.as_deref().map(str::parse::<IpAddr>);
        if matches!(address, Some(Err(_))) {
            let what = match self.ip.as_deref().map(str::parse::<SocketAddr>) {
                Some(Ok(_)) => "must be an IP address without a port",
                _ => "must be an IPv4 or IPv6 address",
            };
            found.push(Fault::invalid("/ip", what));
        }
        if self.cost > MAX_COST {
            found.push(Fault::invalid("/cost", format!("must be from 0 to {MAX_COST}")));
        }
        faults.extend(found.into_iter().map(|fault| fault.below(pointer)));
        Verification {
            scopes: scopes.iter().cloned().collect(),
            address: address.and_then(Result::ok),
            cost: self.cost,
        }
    }
}

impl Verification {
    /// What is asked of the key.
    pub fn request(&self) -> KeyRequest<'_> {
        KeyRequest { scopes: &self.scopes, address: self.address }
    }
}

/// May the key that was looked up be used so at `now`? The rate limit, which consumes, comes after
/// this: [`Verdict::after`].
pub fn judge(key: Option<&KeyRecord>, wanted: &Verification, now: Timestamp) -> Verdict {
    let Some(record) = key else { return Verdict::NotFound };
    decide(&record.key, &wanted.request(), now).into()
}

/// What one rule found about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What a key is told that this rule refuses.
    pub code: Verdict,
    /// Whether it lets the key pass.
    pub is_allowed: bool,
    /// What it saw, for people.
    pub found: String,
}

/// Every rule with what it finds, in the order in which they are decided; `rate` is what the
/// limiter would say. Of an unknown key there is nothing to find but that.
pub fn explain(
    key: Option<&KeyRecord>,
    wanted: &Verification,
    rate: Option<&RateDecision>,
    now: Timestamp,
) -> Vec<Finding> {
    let first = Finding {
        code: Verdict::NotFound,
        is_allowed: key.is_some(),
        found: key.map_or("the organization has no such key".into(), kind_in_words),
    };
    let Some(record) = key else { return vec![first] };
    let denials = Denial::ALL.into_iter().map(|denial| Finding {
        code: Verdict::Denied(denial),
        is_allowed: !denial.holds(&record.key, &wanted.request(), now),
        found: found(denial, record, wanted),
    });
    let last = Finding {
        code: Verdict::RateLimited,
        is_allowed: rate.is_none_or(|decision| decision.is_allowed),
        found: rate.map_or("it has no limit of its own".into(), |decision| {
            let RateDecision { limit, remaining, .. } = decision;
            format!(
                "{remaining} of {} a minute are left, and it costs {}",
                limit.calls(),
                wanted.cost
            )
        }),
    };
    std::iter::once(first).chain(denials).chain([last]).collect()
}

fn kind_in_words(record: &KeyRecord) -> String {
    let kind = match record.key.owner {
        KeyOwner::Platform(slot) => return format!("it is the platform key \"{slot}\""),
        KeyOwner::Deployment(deployment) => {
            return format!("it is a key of the deployment {deployment}");
        }
        KeyOwner::Organization => "it is a key of the organization",
    };
    kind.into()
}

/// What a rule looks at. Only what its caller sent or may read anyway.
fn found(denial: Denial, record: &KeyRecord, wanted: &Verification) -> String {
    let key = &record.key;
    match denial {
        Denial::Revoked => match key.revoked_at {
            Some(at) => format!("it was revoked at {}", in_words(at)),
            None => "it was not revoked".into(),
        },
        Denial::Expired => {
            let end = match key.expires_at {
                Some(at) => format!("it is good until {}", in_words(at)),
                None => "it does not expire".into(),
            };
            match key.grace_until {
                Some(at) => {
                    format!("{end}; this secret was replaced, and is good until {}", in_words(at))
                }
                None => end,
            }
        }
        Denial::Inactive if key.is_active => "it is switched on".into(),
        Denial::Inactive => "it is switched off".into(),
        Denial::OwnerInactive if key.owner_is_active => "what it opens is active".into(),
        Denial::OwnerInactive => "what it opens is switched off".into(),
        Denial::InsufficientScope => {
            let lacking: Vec<&str> = wanted
                .scopes
                .iter()
                .map(Scope::as_str)
                .filter(|scope| !key.scopes.include(scope))
                .collect();
            match lacking.as_slice() {
                [] if wanted.scopes.is_empty() => "no scope is asked for".into(),
                [] => "it has every scope that is asked for".into(),
                lacking => format!("it lacks {}", lacking.join(", ")),
            }
        }
        Denial::AddressNotAllowed => {
            let networks: Vec<String> = key.allowlist.iter().map(ToString::to_string).collect();
            let from = wanted
                .address
                .map_or("no 'ip' was given".into(), |address| format!("it is used from {address}"));
            match networks.as_slice() {
                [] => "it may be used from anywhere".into(),
                networks => format!("it may be used from {}; {from}", networks.join(", ")),
            }
        }
    }
}

fn in_words(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::TimeDelta;
    use keys_core::{Allowlist, Key, RateLimit};
    use uuid::Uuid;

    use super::*;
    use crate::{CallBounds, FoundBy, OrganizationName};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn record() -> KeyRecord {
        KeyRecord {
            id: Uuid::from_u128(1).into(),
            organization: OrganizationName { id: Uuid::from_u128(2).into(), slug: "acme".into() },
            name: "orders".into(),
            key: Key::new(KeyOwner::Organization),
            bounds: CallBounds::default(),
            secret: FoundBy::Imported,
        }
    }

    fn wanted(scopes: &[&str], ip: Option<&str>) -> Verification {
        let scopes = scopes.iter().map(ToString::to_string).collect();
        let draft = VerificationDraft { scopes, ip: ip.map(Into::into), cost: 1 };
        let mut faults = Vec::new();
        let wanted = draft.check("", &mut faults);
        assert_eq!(faults, []);
        wanted
    }

    fn rate(is_allowed: bool) -> RateDecision {
        let limit = RateLimit::per_minute(100).unwrap();
        let (reset, retry_after) = (Duration::ZERO, Duration::ZERO);
        RateDecision { is_allowed, limit, remaining: 42, reset, retry_after }
    }

    #[test]
    fn the_first_rule_that_refuses_is_told_and_each_has_its_name() {
        let mut record = record();
        record.key.revoked_at = Some(NOW);
        record.key.expires_at = Some(NOW);
        record.key.is_active = false;
        record.key.owner_is_active = false;
        record.key.allowlist = Allowlist::new(vec!["10.0.0.0/8".parse().unwrap()]).unwrap();
        let asked = wanted(&["orders:read"], None);
        let told = |record: &KeyRecord| judge(Some(record), &asked, NOW).as_str();
        assert_eq!(judge(None, &asked, NOW).as_str(), "NOT_FOUND");
        assert_eq!(told(&record), "REVOKED");
        record.key.revoked_at = None;
        assert_eq!(told(&record), "EXPIRED");
        record.key.expires_at = Some(NOW + TimeDelta::microseconds(1));
        assert_eq!(told(&record), "INACTIVE");
        record.key.is_active = true;
        assert_eq!(told(&record), "DEPLOYMENT_INACTIVE");
        record.key.owner_is_active = true;
        assert_eq!(told(&record), "INSUFFICIENT_SCOPE");
        record.key.scopes = Scopes::new(["orders:read".parse().unwrap()]).unwrap();
        assert_eq!(told(&record), "IP_NOT_ALLOWED", "an allowlist, and no address");
        record.key.allowlist = Allowlist::default();
        assert_eq!(told(&record), "VALID");
    }

    #[test]
    fn every_rule_is_explained_in_the_order_of_decision() {
        let mut record = record();
        record.key.expires_at = Some(NOW);
        record.key.allowlist = Allowlist::new(vec!["10.0.0.0/8".parse().unwrap()]).unwrap();
        let asked = wanted(&["b", "a"], Some("192.0.2.1"));
        let findings = explain(Some(&record), &asked, Some(&rate(true)), NOW);
        let told: Vec<_> = findings
            .iter()
            .map(|finding| (finding.code.as_str(), finding.is_allowed, finding.found.as_str()))
            .collect();
        let expected = [
            ("NOT_FOUND", true, "it is a key of the organization"),
            ("REVOKED", true, "it was not revoked"),
            ("EXPIRED", false, "it is good until 1970-01-01T00:00:00.000Z"),
            ("INACTIVE", true, "it is switched on"),
            ("DEPLOYMENT_INACTIVE", true, "what it opens is active"),
            ("INSUFFICIENT_SCOPE", false, "it lacks a, b"),
            ("IP_NOT_ALLOWED", false, "it may be used from 10.0.0.0/8; it is used from 192.0.2.1"),
            ("RATE_LIMITED", true, "42 of 100 a minute are left, and it costs 1"),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn of_an_unknown_key_there_is_one_thing_to_tell() {
        let findings = explain(None, &wanted(&[], None), None, NOW);
        let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [Verdict::NotFound]);
        assert!(!findings[0].is_allowed);
    }

    #[test]
    fn all_that_is_wrong_is_told_with_its_place() {
        let draft = VerificationDraft {
            scopes: vec!["a".into(), "x".repeat(1000)],
            ip: Some("10.0.0.0/8".into()),
            cost: 1001,
        };
        let mut faults = Vec::new();
        draft.check("/keys/3", &mut faults);
        let pointers: Vec<_> = faults.into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(pointers, ["/keys/3/scopes/1", "/keys/3/ip", "/keys/3/cost"]);
        let mut faults = Vec::new();
        VerificationDraft { cost: 1000, ..VerificationDraft::default() }.check("", &mut faults);
        assert_eq!(faults, []);
    }
}
