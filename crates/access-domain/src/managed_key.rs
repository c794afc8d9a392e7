//! Keys that an organization hands out: those of its deployments, and those that stand alone.
//! Each is switched, dated, limited, rotated, revoked and deleted by itself.

use chrono::TimeDelta;
use keys_core::{
    Allowlist, Fingerprint, InvalidScope, KeyEnvironment, KeyId, RateLimit, RotationState, Scope,
    Scopes, StoredSecret, Timestamp,
};
use uuid::Uuid;

use crate::{DeploymentId, Fault, FaultCode, NewKey, check_text};

/// A key's term ends at most this many days ahead: a hundred years, so that no date overflows.
const MAX_TERM_DAYS: i64 = 36_525;
pub(crate) const MAX_NAME: usize = 100;
pub(crate) const MAX_DESCRIPTION: usize = 200;
const MAX_METADATA_BYTES: usize = 4096;
const MAX_REASON: usize = 200;

/// What is told of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedKey {
    /// Its id.
    pub id: KeyId,
    /// The deployment that it opens; none for a key of the organization.
    pub deployment: Option<DeploymentId>,
    /// The name of a key of the organization, fixed at its making; empty for a deployment's.
    pub name: String,
    /// What can be changed of it.
    pub terms: KeyTerms,
    /// How long it was made for: a rotation begins this term anew.
    pub term: Option<TimeDelta>,
    /// When and why it was withdrawn.
    pub revoked: Option<Revocation>,
    /// Its secrets: the present one, and before a rotation's grace is over the one before. None
    /// while an imported key has not been used.
    pub secrets: Vec<KeySecret>,
    /// Where it came from, if another system made it.
    pub imported: Option<Imported>,
    /// The user or key that made it.
    pub created_by: Option<Uuid>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl ManagedKey {
    /// What a rotation needs to know of it.
    pub fn rotation_state(&self) -> RotationState {
        let of_secrets = self.secrets.iter().filter_map(|secret| secret.grace_until);
        let of_import = self.imported.as_ref().and_then(|imported| imported.grace_until);
        let grace_until = of_secrets.chain(of_import).max();
        RotationState { is_revoked: self.revoked.is_some(), grace_until }
    }

    /// When any of its secrets was last used.
    pub fn last_used_at(&self) -> Option<Timestamp> {
        self.secrets.iter().filter_map(|secret| secret.last_used_at).max()
    }
}

/// What can be changed of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTerms {
    /// Whom it is for, or what; may be empty.
    pub description: String,
    /// Whether it is switched on.
    pub is_active: bool,
    /// What it may be used for. Keys of deployments have none.
    pub scopes: Scopes,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
    /// How often it may be used.
    pub rate_limit: Option<RateLimit>,
    /// Where it may be used from.
    pub allowlist: Allowlist,
    /// Whatever its manager notes: a JSON object, of which nothing here asks the inside.
    pub metadata: String,
}

impl Default for KeyTerms {
    /// A key without any restriction.
    fn default() -> Self {
        Self {
            description: String::new(),
            is_active: true,
            scopes: Scopes::default(),
            expires_at: None,
            rate_limit: None,
            allowlist: Allowlist::default(),
            metadata: "{}".into(),
        }
    }
}

/// A withdrawal, which is final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// Why; may be empty.
    pub reason: String,
}

/// One secret of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySecret {
    /// What it is kept as.
    pub digest: keys_core::Digest,
    /// Reminds its owner which one it is.
    pub hint: String,
    /// Names it.
    pub fingerprint: Fingerprint,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is good, where another has taken its place.
    pub grace_until: Option<Timestamp>,
    /// When it was last used, as far as that is stored: see [`crate::Uses`].
    pub last_used_at: Option<Timestamp>,
}

/// Where an imported key came from, until its first use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// How the other system kept it.
    pub algorithm: String,
    /// What the key begins with, as far as that was told.
    pub prefix: Option<String>,
    /// Until when it is good, where a rotation has given the key another secret.
    pub grace_until: Option<Timestamp>,
}

/// A key that is about to be stored.
#[derive(Debug, Clone)]
pub struct NewManagedKey {
    /// Id, secret and maker.
    pub key: NewKey,
    /// Its name; empty for a deployment's.
    pub name: String,
    /// Everything else.
    pub terms: KeyTerms,
    /// How long it is made for.
    pub term: Option<TimeDelta>,
}

/// What is to become of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// It has these terms.
    Terms(KeyTerms),
    /// It has a new secret.
    Rotate {
        /// The new secret.
        secret: StoredSecret,
        /// When it was made.
        at: Timestamp,
        /// Until when the present one stays good; those before it are forgotten.
        grace_until: Timestamp,
        /// Until when the key is good.
        expires_at: Option<Timestamp>,
    },
    /// It is withdrawn.
    Revoke(Revocation),
    /// It is withdrawn, unless it was, and no longer listed.
    Delete {
        /// When.
        at: Timestamp,
    },
}

/// How long a key shall be good. At most one of the two may be given; without one, until it is
/// deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TermDraft {
    /// Until when.
    pub expires_at: Option<Timestamp>,
    /// For how many days of 24 hours.
    pub expires_in_days: Option<u32>,
}

impl TermDraft {
    /// When a key of this term ends that is made at `now`.
    pub(crate) fn end(self, now: Timestamp, faults: &mut Vec<Fault>) -> Option<Timestamp> {
        faults.extend(self.expires_at.and_then(|at| check_expiry(at, now)));
        if self.expires_in_days.is_some() && self.expires_at.is_some() {
            let what = "give 'expires_at' or 'expires_in_days', not both";
            faults.push(Fault::invalid("/expires_in_days", what));
        }
        let days = self.expires_in_days.map(i64::from);
        if days.is_some_and(|days| !(1..=MAX_TERM_DAYS).contains(&days)) {
            let what = format!("must be from 1 to {MAX_TERM_DAYS}");
            faults.push(Fault::invalid("/expires_in_days", what));
            return None;
        }
        self.expires_at.or_else(|| days.map(|days| now + TimeDelta::days(days)))
    }
}

fn check_expiry(at: Timestamp, now: Timestamp) -> Option<Fault> {
    if at <= now {
        Some(Fault::invalid("/expires_at", "must be in the future"))
    } else if at > now + TimeDelta::days(MAX_TERM_DAYS) {
        Some(Fault::invalid("/expires_at", "must be within a hundred years"))
    } else {
        None
    }
}

/// Which form the keys of an organization shall have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyShape {
    /// `{prefix}_{live|test}_…` with a checksum.
    #[default]
    Checksummed,
    /// `8.32`.
    PrefixSecret,
}

/// A key as its maker asks for it.
#[derive(Debug, Clone, Default)]
pub struct KeyDraft {
    /// The name; keys of deployments have none.
    pub name: String,
    /// Whom it is for, or what; may be empty.
    pub description: String,
    /// What it may be used for, as it was sent.
    pub scopes: Vec<String>,
    /// How long.
    pub term: TermDraft,
    /// How often a minute; without it, as often as one likes.
    pub rate_limit_per_minute: Option<u32>,
    /// From where, as it was sent; from anywhere if empty.
    pub ip_allowlist: Vec<String>,
    /// A JSON object, as text.
    pub metadata: String,
    /// Its form; of keys of deployments the organization decides.
    pub shape: KeyShape,
    /// What it says it is for.
    pub environment: KeyEnvironment,
}

impl KeyDraft {
    /// The terms of a key that is made at `now`.
    pub(crate) fn terms(&self, now: Timestamp) -> Result<KeyTerms, Vec<Fault>> {
        let mut faults = Vec::new();
        check_text(&mut faults, "/description", &self.description, 0, MAX_DESCRIPTION);
        let terms = KeyTerms {
            description: self.description.clone(),
            is_active: true,
            scopes: read_scopes(&mut faults, &self.scopes),
            expires_at: self.term.end(now, &mut faults),
            rate_limit: read_rate_limit(&mut faults, self.rate_limit_per_minute),
            allowlist: read_allowlist(&mut faults, &self.ip_allowlist),
            metadata: read_metadata(&mut faults, &self.metadata),
        };
        if faults.is_empty() { Ok(terms) } else { Err(faults) }
    }

    pub(crate) fn check_name(&self, faults: &mut Vec<Fault>) {
        check_text(faults, "/name", &self.name, 1, MAX_NAME);
    }
}

/// What is to change of a key; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct KeyEdit {
    /// Whether it is switched on.
    pub is_active: Option<bool>,
    /// Whom it is for; empty clears it.
    pub description: Option<String>,
    /// What it may be used for, as it was sent.
    pub scopes: Option<Vec<String>>,
    /// Until when it is good; `Some(None)` lifts the term.
    pub expires_at: Option<Option<Timestamp>>,
    /// How often a minute; `Some(None)` lifts the limit.
    pub rate_limit_per_minute: Option<Option<u32>>,
    /// From where, as it was sent; empty lifts the restriction.
    pub ip_allowlist: Option<Vec<String>>,
    /// A JSON object, as text.
    pub metadata: Option<String>,
}

impl KeyEdit {
    /// The terms after the edit.
    pub(crate) fn apply(&self, old: &KeyTerms, now: Timestamp) -> Result<KeyTerms, Vec<Fault>> {
        let mut faults = Vec::new();
        if let Some(description) = &self.description {
            check_text(&mut faults, "/description", description, 0, MAX_DESCRIPTION);
        }
        faults.extend(self.expires_at.flatten().and_then(|at| check_expiry(at, now)));
        let old = old.clone();
        let terms = KeyTerms {
            description: self.description.clone().unwrap_or(old.description),
            is_active: self.is_active.unwrap_or(old.is_active),
            scopes: self.scopes.as_ref().map_or(old.scopes, |s| read_scopes(&mut faults, s)),
            expires_at: self.expires_at.unwrap_or(old.expires_at),
            rate_limit: self
                .rate_limit_per_minute
                .map_or(old.rate_limit, |limit| read_rate_limit(&mut faults, limit)),
            allowlist: self
                .ip_allowlist
                .as_ref()
                .map_or(old.allowlist, |list| read_allowlist(&mut faults, list)),
            metadata: self
                .metadata
                .as_ref()
                .map_or(old.metadata, |text| read_metadata(&mut faults, text)),
        };
        if faults.is_empty() { Ok(terms) } else { Err(faults) }
    }
}

/// How a key is to be rotated.
#[derive(Debug, Clone, Copy)]
pub struct RotationDraft {
    /// How long the present secret stays good, in seconds.
    pub grace_seconds: u32,
    /// The term from now on; `None`: the original term anew.
    pub term: Option<TermDraft>,
    /// Whether a secret that is still in its grace dies for it.
    pub force: bool,
}

pub(crate) fn check_reason(reason: &str) -> Result<(), Vec<Fault>> {
    let mut faults = Vec::new();
    check_text(&mut faults, "/reason", reason, 0, MAX_REASON);
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Scopes as they were sent, with the faults of `/scopes`.
pub(crate) fn read_scopes(faults: &mut Vec<Fault>, texts: &[String]) -> Scopes {
    let mut scopes = Vec::new();
    // What is far too long is not read through.
    for (position, text) in texts.iter().take(Scopes::MAX * 4).enumerate() {
        match text.parse::<Scope>() {
            Ok(scope) => scopes.push(scope),
            Err(error @ (InvalidScope::Malformed | InvalidScope::Reserved)) => {
                faults.push(Fault::invalid(format!("/scopes/{position}"), error.to_string()));
            }
        }
    }
    let read = if texts.len() > Scopes::MAX * 4 {
        Err(keys_core::TooManyScopes)
    } else {
        Scopes::new(scopes)
    };
    read.unwrap_or_else(|error| {
        faults.push(Fault::invalid("/scopes", error.to_string()));
        Scopes::default()
    })
}

/// A limit as it was sent, with the fault of `/rate_limit_per_minute`.
pub fn read_rate_limit(faults: &mut Vec<Fault>, calls: Option<u32>) -> Option<RateLimit> {
    let limit = RateLimit::per_minute(calls?);
    if limit.is_none() {
        let what = format!("must be from 1 to {}", RateLimit::MAX);
        faults.push(Fault::invalid("/rate_limit_per_minute", what));
    }
    limit
}

/// Networks as they were sent, with the faults of `/ip_allowlist`.
pub fn read_allowlist(faults: &mut Vec<Fault>, texts: &[String]) -> Allowlist {
    let mut networks = Vec::new();
    for (position, text) in texts.iter().take(Allowlist::MAX + 1).enumerate() {
        match text.parse() {
            Ok(network) => networks.push(network),
            Err(keys_core::InvalidNetwork) => {
                let what = keys_core::InvalidNetwork.to_string();
                faults.push(Fault::invalid(format!("/ip_allowlist/{position}"), what));
            }
        }
    }
    Allowlist::new(networks).unwrap_or_else(|error| {
        faults.push(Fault::invalid("/ip_allowlist", error.to_string()));
        Allowlist::default()
    })
}

fn read_metadata(faults: &mut Vec<Fault>, text: &str) -> String {
    if text.len() > MAX_METADATA_BYTES {
        let what = format!("must have at most {MAX_METADATA_BYTES} bytes as JSON");
        faults.push(Fault::new("/metadata", FaultCode::InvalidValue, what));
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn draft() -> KeyDraft {
        KeyDraft { metadata: "{}".into(), ..KeyDraft::default() }
    }

    fn terms() -> KeyTerms {
        draft().terms(NOW).unwrap()
    }

    fn pointers(faults: Vec<Fault>) -> Vec<String> {
        faults.into_iter().map(|fault| fault.pointer).collect()
    }

    fn term(
        expires_at: Option<Timestamp>,
        expires_in_days: Option<u32>,
    ) -> Result<Option<Timestamp>, usize> {
        let mut faults = Vec::new();
        let end = TermDraft { expires_at, expires_in_days }.end(NOW, &mut faults);
        if faults.is_empty() { Ok(end) } else { Err(faults.len()) }
    }

    #[test]
    fn a_term_of_days_is_counted_from_the_making() {
        assert_eq!(term(None, Some(1)), Ok(Some(NOW + TimeDelta::days(1))));
        assert_eq!(term(None, None), Ok(None));
        assert_eq!(term(None, Some(0)), Err(1));
        assert_eq!(term(None, Some(u32::MAX)), Err(1));
    }

    #[test]
    fn all_that_is_wrong_with_a_term_is_told_at_once() {
        assert_eq!(term(Some(NOW), None), Err(1));
        assert_eq!(term(Some(NOW), Some(0)), Err(3));
    }

    #[test]
    fn a_term_ends_in_the_future_and_within_a_century() {
        let century = TimeDelta::days(MAX_TERM_DAYS);
        let is_accepted = |at| {
            let edit = KeyEdit { expires_at: Some(Some(at)), ..KeyEdit::default() };
            edit.apply(&terms(), NOW).is_ok() && term(Some(at), None).is_ok()
        };
        assert!(!is_accepted(NOW));
        assert!(is_accepted(NOW + TimeDelta::microseconds(1)));
        assert!(is_accepted(NOW + century));
        assert!(!is_accepted(NOW + century + TimeDelta::microseconds(1)));
    }

    #[test]
    fn every_fault_of_a_draft_is_told_with_its_place() {
        let wrong = KeyDraft {
            description: "x".repeat(MAX_DESCRIPTION + 1),
            scopes: vec!["orders:read".into(), "x".repeat(1000), "inference:none".into()],
            term: TermDraft { expires_at: Some(NOW), expires_in_days: None },
            rate_limit_per_minute: Some(0),
            ip_allowlist: vec!["10.0.0.0/8".into(), "10.0.0.0/33".into()],
            metadata: "x".repeat(MAX_METADATA_BYTES + 1),
            ..draft()
        };
        let expected = [
            "/description",
            "/scopes/1",
            "/scopes/2",
            "/expires_at",
            "/rate_limit_per_minute",
            "/ip_allowlist/1",
            "/metadata",
        ];
        assert_eq!(wrong.terms(NOW).map_err(pointers), Err(expected.map(str::to_owned).to_vec()));
    }

    #[test]
    fn lists_are_bounded() {
        let scopes =
            |n: usize| KeyDraft { scopes: (0..n).map(|i| format!("s{i}")).collect(), ..draft() };
        assert!(scopes(50).terms(NOW).is_ok());
        assert_eq!(scopes(51).terms(NOW).map_err(pointers), Err(vec!["/scopes".into()]));
        assert_eq!(scopes(1000).terms(NOW).map_err(pointers), Err(vec!["/scopes".into()]));
        let networks = |n: usize| KeyDraft { ip_allowlist: vec!["::1".into(); n], ..draft() };
        assert!(networks(100).terms(NOW).is_ok());
        assert_eq!(networks(101).terms(NOW).map_err(pointers), Err(vec!["/ip_allowlist".into()]));
    }

    #[test]
    fn an_edit_changes_what_it_names_and_nothing_else() {
        let limited = KeyDraft { rate_limit_per_minute: Some(5), ..draft() }.terms(NOW).unwrap();
        assert_eq!(KeyEdit::default().apply(&limited, NOW), Ok(limited.clone()));
        let lifted = KeyEdit { rate_limit_per_minute: Some(None), ..KeyEdit::default() };
        assert_eq!(lifted.apply(&limited, NOW), Ok(KeyTerms { rate_limit: None, ..limited }));
    }
}
