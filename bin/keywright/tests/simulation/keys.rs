//! The oracle of keys: what each text was worth at each moment of the true time, and which answers can therefore be right.

use std::time::Duration;

use access_domain::{
    Action, ChangeError, KeyChange, KeyRefusal, KeyTerms, ManagedKey, Revocation, StoreError,
};
use keys_core::{Denial, RateLimit, Timestamp, Verdict};
use storage_diesel::Storage;

use super::given::{CALLS, GivenKey, deed};
use test_support::clock::CountingEntropy;

/// What dies at once has died by every node's clock: so the use case has it, too.
const CLOCKS_APART: Duration = Duration::from_secs(300);

/// What an operator does to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Make,
    SwitchOff,
    SwitchOn,
    /// With no grace: the secret before dies at once.
    Rotate,
    Revoke,
}

/// A key with its past.
pub(super) struct Key {
    pub(super) given: GivenKey,
    exists: bool,
    is_active: bool,
    is_revoked: bool,
    current: usize,
    /// Of each of its texts: what it was worth, and from when on.
    pub(super) past: Vec<Vec<(Duration, Verdict)>>,
}

impl Key {
    pub(super) fn new(given: &GivenKey) -> Self {
        let past = vec![Vec::new(); given.secrets.len()];
        let mut key = Self {
            given: given.clone(),
            exists: given.exists,
            is_active: true,
            is_revoked: false,
            current: 0,
            past,
        };
        key.note(Duration::ZERO);
        key
    }

    /// What can be done to it now.
    pub(super) fn deeds(&self) -> Vec<Deed> {
        if !self.exists {
            return vec![Deed::Make];
        }
        if self.is_revoked {
            return Vec::new();
        }
        let switch = if self.is_active { Deed::SwitchOff } else { Deed::SwitchOn };
        let mut deeds = vec![switch, switch, switch, Deed::Revoke];
        if self.current + 1 < self.given.secrets.len() {
            deeds.push(Deed::Rotate);
        }
        deeds
    }

    /// It was done, and is durable.
    pub(super) fn done(&mut self, deed: Deed, at: Duration) {
        match deed {
            Deed::Make => self.exists = true,
            Deed::SwitchOff => self.is_active = false,
            Deed::SwitchOn => self.is_active = true,
            Deed::Rotate => self.current += 1,
            Deed::Revoke => self.is_revoked = true,
        }
        self.note(at);
    }

    fn note(&mut self, at: Duration) {
        for number in 0..self.past.len() {
            let worth = self.worth(number);
            self.past[number].push((at, worth));
        }
    }

    /// What the text of this number is worth now.
    pub(super) fn worth(&self, number: usize) -> Verdict {
        // The secret before the present one is remembered until the next rotation.
        if !self.exists || number > self.current || number + 1 < self.current {
            Verdict::NotFound
        } else if self.is_revoked {
            Verdict::Denied(Denial::Revoked)
        } else if number < self.current {
            Verdict::Denied(Denial::Expired)
        } else if !self.is_active {
            Verdict::Denied(Denial::Inactive)
        } else {
            Verdict::Valid
        }
    }

    /// Everything that the text was worth at some moment from `from` to `to`.
    pub(super) fn worths(&self, number: usize, from: Duration, to: Duration) -> Vec<Verdict> {
        let past = &self.past[number];
        let ends = past.iter().skip(1).map(|(at, _)| *at).chain([Duration::MAX]);
        let spans = past.iter().zip(ends);
        let meant = spans.filter(|((begin, _), end)| *begin <= to && *end > from);
        meant.map(|((_, worth), _)| *worth).collect()
    }

    /// Does it, by what a node's clock says.
    pub(super) fn carry_out(
        &self,
        deed_: Deed,
        storage: &dyn Storage,
        at: Timestamp,
        entropy: &CountingEntropy,
    ) -> Result<(), StoreError> {
        let GivenKey { id, organization, ring, .. } = self.given;
        let outcome = if deed_ == Deed::Make {
            let act = deed(Action::KeyCreated, at, entropy);
            storage.create_key(organization, ring, &self.given.draft(at), &act)
        } else {
            let act = deed(Action::KeyChanged, at, entropy);
            let rule = |_: &ManagedKey| self.change(deed_, at);
            storage.change_key(organization, ring, id, &rule, &act)
        };
        match outcome {
            Ok(_) => Ok(()),
            Err(ChangeError::Store(error)) => Err(error),
            Err(ChangeError::Refused(refusal)) => panic!("{deed_:?} was refused: {refusal}"),
        }
    }

    fn change(&self, deed: Deed, at: Timestamp) -> Result<KeyChange, KeyRefusal> {
        let terms = |is_active| KeyTerms {
            is_active,
            rate_limit: RateLimit::per_minute(CALLS),
            ..KeyTerms::default()
        };
        Ok(match deed {
            Deed::Make | Deed::SwitchOff => KeyChange::Terms(terms(false)),
            Deed::SwitchOn => KeyChange::Terms(terms(true)),
            Deed::Rotate => {
                let (_, secret) = self.given.secrets[self.current + 1].clone();
                KeyChange::Rotate { secret, at, grace_until: at - CLOCKS_APART, expires_at: None }
            }
            Deed::Revoke => KeyChange::Revoke(Revocation { at, reason: String::new() }),
        })
    }
}
