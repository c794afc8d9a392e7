//! The keys of a deployment: as many as wanted, each switched, dated and deleted by itself.

use std::sync::Arc;

use access_domain::{
    ChangeError, Clock, DeploymentId, Fault, Granted, ManageDeployments, NewKey, check_text,
};
use chrono::TimeDelta;
use keys_core::{Entropy, Fingerprint, Form, Id, KeyId, Minted, Pepper, Secret, Timestamp, mint};
use uuid::Uuid;

use crate::{DeploymentKeyStore, DeploymentRefusal, Page, PageRequest};

/// A key's term ends at most this many days ahead: a hundred years, so that no date overflows.
const MAX_TERM_DAYS: i64 = 36_525;
const MAX_DESCRIPTION: usize = 200;

/// What is told of a deployment key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentKey {
    /// Its id.
    pub id: KeyId,
    /// What it opens.
    pub deployment: DeploymentId,
    /// Whom it was made for; may be empty.
    pub description: String,
    /// Whether it is switched on.
    pub is_active: bool,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
    /// Reminds its owner which one it is.
    pub hint: String,
    /// Names its secret.
    pub fingerprint: Fingerprint,
    /// The user or key that made it.
    pub created_by: Option<Uuid>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A deployment key that is about to be stored.
#[derive(Debug, Clone)]
pub struct NewDeploymentKey {
    /// Id, secret and maker.
    pub key: NewKey,
    /// Whom it is for.
    pub description: String,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
}

/// A key as its maker asks for it. At most one of the two terms may be given; without one the key
/// is good until it is deleted.
#[derive(Debug, Clone, Default)]
pub struct KeyDraft {
    /// Whom it is for; may be empty.
    pub description: String,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
    /// For how many days of 24 hours it is good.
    pub expires_in_days: Option<u32>,
}

impl KeyDraft {
    /// When the key ends, for one made at `now`.
    fn check(&self, now: Timestamp) -> Result<Option<Timestamp>, Vec<Fault>> {
        let mut faults = Vec::new();
        check_text(&mut faults, "/description", &self.description, 0, MAX_DESCRIPTION);
        faults.extend(self.expires_at.and_then(|at| check_expiry(at, now)));
        if self.expires_in_days.is_some() && self.expires_at.is_some() {
            faults.push(Fault::invalid(
                "/expires_in_days",
                "give 'expires_at' or 'expires_in_days', not both",
            ));
        }
        let days = self.expires_in_days.map(i64::from);
        if days.is_some_and(|days| !(1..=MAX_TERM_DAYS).contains(&days)) {
            faults.push(Fault::invalid(
                "/expires_in_days",
                format!("must be from 1 to {MAX_TERM_DAYS}"),
            ));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(self.expires_at.or_else(|| days.map(|days| now + TimeDelta::days(days))))
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

/// What is to change of a key; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct DeploymentKeyEdit {
    /// Whether it is switched on.
    pub is_active: Option<bool>,
    /// Whom it is for; empty clears it.
    pub description: Option<String>,
    /// Until when it is good; `Some(None)` lifts the term.
    pub expires_at: Option<Option<Timestamp>>,
}

impl DeploymentKeyEdit {
    fn check(&self, now: Timestamp) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        if let Some(description) = &self.description {
            check_text(&mut faults, "/description", description, 0, MAX_DESCRIPTION);
        }
        faults.extend(self.expires_at.flatten().and_then(|at| check_expiry(at, now)));
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    fn apply(self, key: &DeploymentKey) -> DeploymentKey {
        let old = key.clone();
        DeploymentKey {
            is_active: self.is_active.unwrap_or(old.is_active),
            description: self.description.unwrap_or(old.description),
            expires_at: self.expires_at.unwrap_or(old.expires_at),
            ..old
        }
    }
}

type Changed<T> = Result<T, ChangeError<DeploymentRefusal>>;

/// The use cases of a deployment's keys.
pub struct DeploymentKeys {
    /// Where they are kept.
    pub store: Arc<dyn DeploymentKeyStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids and secrets.
    pub entropy: Arc<dyn Entropy>,
    /// What keys are digested under.
    pub pepper: Arc<Pepper>,
}

impl DeploymentKeys {
    /// Makes a key; its secret is shown once.
    ///
    /// # Errors
    /// When the deployment is not there for the caller, or what was sent is wrong.
    pub fn create(
        &self,
        granted: &Granted<ManageDeployments>,
        deployment: DeploymentId,
        draft: KeyDraft,
    ) -> Changed<(DeploymentKey, Secret)> {
        let now = self.clock.now();
        let expires_at = draft.check(now);
        let expires_at = expires_at
            .map_err(|faults| ChangeError::Refused(DeploymentRefusal::Faults { faults }))?;
        let description = draft.description;
        let (new, secret) =
            make(&self.pepper, &*self.entropy, granted, now, description, expires_at);
        let saved =
            self.store.create_key(granted.organization(), granted.visibility(), deployment, &new);
        let key = saved
            .map_err(ChangeError::Store)?
            .ok_or(ChangeError::Refused(DeploymentRefusal::NotFound))?;
        Ok((key, secret))
    }

    /// The deployment's keys, newest first.
    ///
    /// # Errors
    /// When the deployment is not there for the caller.
    pub fn list(
        &self,
        granted: &Granted<ManageDeployments>,
        deployment: DeploymentId,
        page: PageRequest,
    ) -> Changed<Page<DeploymentKey>> {
        let listed =
            self.store.list_keys(granted.organization(), granted.visibility(), deployment, page);
        listed.map_err(ChangeError::Store)?.ok_or(ChangeError::Refused(DeploymentRefusal::NotFound))
    }

    /// One of the deployment's keys.
    ///
    /// # Errors
    /// When it is not there for the caller.
    pub fn get(
        &self,
        granted: &Granted<ManageDeployments>,
        deployment: DeploymentId,
        id: KeyId,
    ) -> Changed<DeploymentKey> {
        let found =
            self.store.find_key_of(granted.organization(), granted.visibility(), deployment, id);
        found.map_err(ChangeError::Store)?.ok_or(ChangeError::Refused(DeploymentRefusal::NotFound))
    }

    /// Changes what `edit` names.
    ///
    /// # Errors
    /// When the key is not there for the caller, or what was sent is wrong.
    pub fn change(
        &self,
        granted: &Granted<ManageDeployments>,
        deployment: DeploymentId,
        id: KeyId,
        edit: DeploymentKeyEdit,
    ) -> Changed<DeploymentKey> {
        edit.check(self.clock.now())
            .map_err(|faults| ChangeError::Refused(DeploymentRefusal::Faults { faults }))?;
        let rule = |key: &DeploymentKey| Ok(edit.clone().apply(key));
        self.store.change_key(granted.organization(), granted.visibility(), deployment, id, &rule)
    }

    /// Deletes a key: it opens nothing from now on and is no longer listed; its id stays with the
    /// runs that it started.
    ///
    /// # Errors
    /// When the key is not there for the caller.
    pub fn delete(
        &self,
        granted: &Granted<ManageDeployments>,
        deployment: DeploymentId,
        id: KeyId,
    ) -> Changed<()> {
        let (organization, visibility) = (granted.organization(), granted.visibility());
        let deleted =
            self.store.delete_key(organization, visibility, deployment, id, self.clock.now());
        if deleted.map_err(ChangeError::Store)? {
            Ok(())
        } else {
            Err(ChangeError::Refused(DeploymentRefusal::NotFound))
        }
    }
}

/// A new deployment key with its secret.
pub(crate) fn make(
    pepper: &Pepper,
    entropy: &dyn Entropy,
    granted: &Granted<ManageDeployments>,
    now: Timestamp,
    description: String,
    expires_at: Option<Timestamp>,
) -> (NewDeploymentKey, Secret) {
    let Minted { secret, stored } = mint(Form::Token, pepper, entropy);
    let id = Id::generate(now, entropy);
    let key =
        NewKey { id, secret: stored, created_by: Some(granted.who().actor()), created_at: now };
    (NewDeploymentKey { key, description, expires_at }, secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn is_accepted(expires_at: Timestamp) -> bool {
        DeploymentKeyEdit { expires_at: Some(Some(expires_at)), ..Default::default() }
            .check(NOW)
            .is_ok()
    }

    fn term(
        expires_at: Option<Timestamp>,
        expires_in_days: Option<u32>,
    ) -> Result<Option<Timestamp>, usize> {
        let draft = KeyDraft { expires_at, expires_in_days, ..KeyDraft::default() };
        draft.check(NOW).map_err(|faults| faults.len())
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
        assert!(!is_accepted(NOW));
        assert!(is_accepted(NOW + TimeDelta::microseconds(1)));
        assert!(is_accepted(NOW + TimeDelta::days(MAX_TERM_DAYS)));
        assert!(!is_accepted(NOW + TimeDelta::days(MAX_TERM_DAYS + 1)));
    }
}
