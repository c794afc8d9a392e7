//! Keys as authentication finds them: who holds the right secret, and what decides their fate.

use std::{fmt, time::Duration};

use keys_core::{
    Digest, ForeignPrefix, Form, Key, KeyId, Pbkdf2Hash, PepperName, Peppers, RateLimit, Secret,
    Slot,
};
use sha2::{Digest as _, Sha256, Sha512};

use crate::{
    DeploymentId, OrganizationId, OrganizationName, OrganizationRef, Quota, Quotas, RateSubject,
};

/// What a key speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOwner {
    /// The organization, whose administrators' work it does: a platform key.
    Platform(Slot),
    /// One deployment.
    Deployment(DeploymentId),
    /// The organization, for what its scopes say.
    Organization,
}

/// A key that was found by one of its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The key's id.
    pub id: KeyId,
    /// The organization that it belongs to.
    pub organization: OrganizationName,
    /// `Key #1` for a platform key, the description of a deployment key, the name of an
    /// organization key.
    pub name: String,
    /// The facts that decide its fate.
    pub key: Key<KeyOwner>,
    /// What bounds its calls beside its own terms.
    pub bounds: CallBounds,
    /// The secret that it was found by.
    pub secret: FoundBy,
}

/// What a deployment bounds its calls by, whichever of its keys is used. Calls that are to no
/// deployment have no such bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallBounds {
    /// How often it may be called, by all of its keys together.
    pub rate_limit: Option<RateLimit>,
    /// The largest body that it takes, in bytes.
    pub max_body_bytes: Option<u32>,
    /// The largest file that it takes, in bytes.
    pub max_file_bytes: Option<u32>,
    /// Its name in addresses.
    pub api_name: Option<ApiName>,
}

/// A deployment's name in addresses: 1 to 30 ASCII characters, kept in place, since it is copied with
/// each call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ApiName {
    /// Zero after the name's end.
    bytes: [u8; Self::MAX_BYTES],
}

impl ApiName {
    const MAX_BYTES: usize = 30;

    /// The name, where the text can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if text.is_empty() || !text.bytes().all(allowed) {
            return None;
        }
        let mut bytes = [0; Self::MAX_BYTES];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { bytes })
    }
}

impl fmt::Debug for ApiName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(&self.bytes);
        f.write_str(text.trim_end_matches('\0'))
    }
}

/// The secret that a key was found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundBy {
    /// One that is kept under a pepper.
    Native {
        /// What it is kept as.
        digest: Digest,
        /// Under which pepper.
        pepper: PepperName,
    },
    /// One that is still kept as another system had it.
    Imported,
}

/// The keys that a presented text stands for. More than one only where several organizations
/// imported the same key of another system.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyMatches {
    found: Vec<KeyRecord>,
    candidates: Vec<Candidate>,
    unchecked_for: Option<Duration>,
}

/// A key that the presented text may stand for: its prefix is the same. Only its salted hash tells,
/// and that is slow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The key.
    pub record: KeyRecord,
    /// What the text is to be held against.
    pub hash: Pbkdf2Hash,
}

impl KeyMatches {
    /// Of what was found, native secrets win over imported ones. Of one organization's, which may
    /// have imported a key twice under two algorithms, the older is meant.
    pub fn new(mut found: Vec<KeyRecord>) -> Self {
        if found.iter().any(KeyRecord::is_native) {
            found.retain(KeyRecord::is_native);
        }
        found.sort_by_key(|record| (record.organization.id.uuid(), record.id.uuid()));
        found.dedup_by_key(|record| record.organization.id.uuid());
        Self { found, ..Self::default() }
    }

    /// The same, where further keys may be meant that are not checked yet. A native secret wins
    /// unchecked.
    #[must_use]
    pub fn with_candidates(self, candidates: Vec<Candidate>) -> Self {
        if self.found.iter().any(KeyRecord::is_native) { self } else { Self { candidates, ..self } }
    }

    /// The keys that are still to be held against the text.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The same, once the candidates were checked: those of `is_right` are found, the others not.
    #[must_use]
    pub fn checked(self, is_right: impl Fn(&Pbkdf2Hash) -> bool) -> Self {
        let right = self.candidates.into_iter().filter(|candidate| is_right(&candidate.hash));
        Self::new(self.found.into_iter().chain(right.map(|candidate| candidate.record)).collect())
    }

    /// Nothing, since the candidates may not be checked before `wait` is over.
    pub fn unchecked(wait: Duration) -> Self {
        Self { unchecked_for: Some(wait), ..Self::default() }
    }

    /// How long to wait before the same is asked again, where it was not checked.
    pub fn unchecked_for(&self) -> Option<Duration> {
        self.unchecked_for
    }

    /// The key whose secret may be kept as one of ours from now on: the only one, still kept as
    /// another system had it.
    pub fn adoptable(&self) -> Option<&KeyRecord> {
        match self.found.as_slice() {
            [only] if only.secret == FoundBy::Imported => Some(only),
            _ => None,
        }
    }

    /// The key, where one is meant: the only one, or the one of the organization that is `named`.
    pub fn choose(&self, named: Option<&OrganizationRef>) -> Option<&KeyRecord> {
        match self.found.as_slice() {
            [only] => Some(only),
            several => several
                .iter()
                .find(|record| named.is_some_and(|named| record.organization.answers_to(named))),
        }
    }

    /// The organization's own, of however many.
    pub fn of_organization(&self, organization: OrganizationId) -> Option<&KeyRecord> {
        self.found.iter().find(|record| record.organization.id == organization)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &KeyRecord> {
        self.found.iter()
    }

    /// Whether nobody ever got such a key.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

impl KeyRecord {
    /// What its use spends, if it is limited. All its secrets spend the same.
    pub fn quota(&self) -> Option<Quota> {
        self.limit_of(RateSubject::Key(self.id), self.key.rate_limit)
    }

    /// What a call with it spends: of its own, and of the deployment that it opens.
    pub fn quotas_of_call(&self) -> Quotas {
        let of_deployment = match self.key.owner {
            KeyOwner::Deployment(deployment) => {
                self.limit_of(RateSubject::Deployment(deployment), self.bounds.rate_limit)
            }
            KeyOwner::Platform(_) | KeyOwner::Organization => None,
        };
        Quotas::new(self.quota(), of_deployment)
    }

    fn limit_of(&self, subject: RateSubject, limit: Option<RateLimit>) -> Option<Quota> {
        let organization = self.organization.id;
        limit.map(|limit| Quota { organization, subject, limit })
    }

    fn is_native(&self) -> bool {
        matches!(self.secret, FoundBy::Native { .. })
    }
}

/// A text that may be a key: what somebody sent as their credential, or asks to have verified.
pub struct PresentedKey {
    /// Its digest under the pepper that mints.
    pub digest: Digest,
    /// Its form; none where only another system can have made it.
    pub form: Option<Form>,
    /// The text itself, for digests under other peppers and of other systems.
    pub plaintext: Secret,
}

impl PresentedKey {
    /// What it is looked up by.
    pub fn query(&self, peppers: &Peppers) -> KeyQuery {
        let text = self.plaintext.for_digest();
        let others = peppers.iter().skip(1).map(|pepper| pepper.digest(text));
        let is_only_ours = matches!(self.form, Some(Form::Token | Form::Checksummed));
        let foreign = (!is_only_ours).then(|| ForeignDigests::of(text));
        KeyQuery { digests: std::iter::once(self.digest).chain(others).collect(), foreign }
    }
}

/// What a presented key is looked up by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyQuery {
    /// Its digests, under each pepper; the one that mints first.
    pub digests: Vec<Digest>,
    /// Its digests as other systems make them, where one of them may have made it.
    pub foreign: Option<ForeignDigests>,
}

/// Digests without a pepper, as other systems keep them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignDigests {
    /// SHA-256.
    pub sha256: [u8; 32],
    /// SHA-512.
    pub sha512: [u8; 64],
    /// What finds a salted hash, where the text has one.
    pub prefix: Option<ForeignPrefix>,
}

impl ForeignDigests {
    /// Those of a presented text.
    pub fn of(text: &str) -> Self {
        Self {
            sha256: Sha256::digest(text).into(),
            sha512: Sha512::digest(text).into(),
            prefix: ForeignPrefix::of_key(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn record(organization: &str, secret: FoundBy) -> KeyRecord {
        let slug = organization.to_owned();
        let id = Uuid::from_u128(u128::from(slug.as_bytes()[0])).into();
        KeyRecord {
            id: Uuid::from_u128(1).into(),
            organization: OrganizationName { id, slug },
            name: String::new(),
            key: Key::new(KeyOwner::Organization),
            bounds: CallBounds::default(),
            secret,
        }
    }

    #[track_caller]
    fn check(found: Vec<KeyRecord>, named: Option<&str>, expected: Option<&str>) {
        let matches = KeyMatches::new(found);
        let named = named.map(OrganizationRef::from);
        let chosen = matches.choose(named.as_ref()).map(|record| record.organization.slug.as_str());
        assert_eq!(chosen, expected);
    }

    #[test]
    fn of_several_the_named_organizations_key_is_meant_and_without_a_name_none() {
        let both = || vec![record("a", FoundBy::Imported), record("b", FoundBy::Imported)];
        check(both(), None, None);
        check(both(), Some("b"), Some("b"));
        check(both(), Some("c"), None);
        check(vec![record("a", FoundBy::Imported)], None, Some("a"));
        check(vec![record("a", FoundBy::Imported)], Some("b"), Some("a"));
        check(vec![], Some("a"), None);
    }

    #[test]
    fn a_call_spends_the_limits_of_its_key_and_of_the_deployment_that_it_opens() {
        let limit = RateLimit::per_minute(5).unwrap();
        let mut key = record("a", FoundBy::Imported);
        key.bounds.rate_limit = Some(limit);
        assert!(key.quotas_of_call().is_empty(), "it opens no deployment");
        let deployment = Uuid::from_u128(7).into();
        key.key.owner = KeyOwner::Deployment(deployment);
        let subjects = |key: &KeyRecord| {
            key.quotas_of_call().iter().map(|quota| quota.subject).collect::<Vec<_>>()
        };
        assert_eq!(subjects(&key), [RateSubject::Deployment(deployment)]);
        key.key.rate_limit = Some(limit);
        assert_eq!(subjects(&key), [RateSubject::Key(key.id), RateSubject::Deployment(deployment)]);
    }

    #[test]
    fn of_one_organizations_two_the_older_is_meant() {
        let older = record("a", FoundBy::Imported);
        let younger = KeyRecord { id: Uuid::from_u128(2).into(), ..older.clone() };
        assert_eq!(KeyMatches::new(vec![younger, older.clone()]).choose(None), Some(&older));
    }

    #[test]
    fn a_candidate_is_meant_only_once_it_was_checked() {
        let hash = Pbkdf2Hash::new(1, "salt".into(), [0; 32].into()).unwrap();
        let candidate = Candidate { record: record("a", FoundBy::Imported), hash };
        let given = || KeyMatches::default().with_candidates(vec![candidate.clone()]);
        assert!(given().is_empty() && given().adoptable().is_none());
        assert!(given().checked(|_| false).is_empty());
        assert_eq!(given().checked(|_| true).adoptable(), Some(&candidate.record));
        let other = KeyMatches::new(vec![record("b", FoundBy::Imported)]);
        let both = other.with_candidates(vec![candidate.clone()]).checked(|_| true);
        assert_eq!((both.iter().count(), both.adoptable()), (2, None));
        let pepper = PepperName::from_stored("p".into());
        let native = record("b", FoundBy::Native { digest: [0; 32].into(), pepper });
        let native = KeyMatches::new(vec![native]).with_candidates(vec![candidate]);
        assert_eq!((native.candidates().len(), native.adoptable()), (0, None));
    }

    #[test]
    fn a_native_secret_wins_over_imported_ones() {
        let pepper = PepperName::from_stored("p".into());
        let native = FoundBy::Native { digest: [0; 32].into(), pepper };
        check(vec![record("a", FoundBy::Imported), record("b", native)], Some("a"), Some("b"));
    }
}
