//! The use cases of the keys that an organization hands out.

use std::{sync::Arc, time::Duration};

use keys_core::{
    Entropy, Id, KeyId, KeyPrefix, Minted, Pattern, Peppers, Rotation, RotationRefusal, Scope,
    Secret, Timestamp, mint,
};

use crate::{
    Action, ChangeError, Clock, DeploymentId, Fault, Granted, KeyChange, KeyDraft, KeyEdit,
    KeyFilter, KeyShape, KeyTerms, ManageDeployments, ManageKeys, ManagedKey, ManagedKeyStore,
    NewKey, NewManagedKey, OrganizationId, OwnerRequired, Page, PageRequest, Principal, Revocation,
    RotationDraft, Uses, Visibility, managed_key::check_reason,
};

/// Which keys are meant: those of one deployment, in the part of the organization that the caller
/// may see, or those that stand alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRing {
    /// The organization.
    Organization,
    /// One deployment.
    Deployment(DeploymentId, Visibility),
}

/// Which form new keys of an organization have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyStyle {
    /// Of deployments: `unst_` and a UUID in place of a token.
    pub uuid_keys: bool,
    /// What checksummed keys begin with.
    pub prefix: KeyPrefix,
}

/// The proof that a caller may manage the keys of one ring.
pub struct KeyDesk(Granted<KeyRing>);

impl KeyDesk {
    /// The keys of a deployment, for whoever may manage deployments.
    pub fn of_deployment(granted: Granted<ManageDeployments>, deployment: DeploymentId) -> Self {
        let ring = KeyRing::Deployment(deployment, granted.visibility());
        Self(granted.narrowed_to(ring))
    }

    /// The keys that stand alone.
    pub fn of_organization(granted: Granted<ManageKeys>) -> Self {
        Self(granted.narrowed_to(KeyRing::Organization))
    }

    fn who(&self) -> &Principal {
        self.0.who()
    }

    fn ring(&self) -> KeyRing {
        *self.0.permission()
    }

    fn organization(&self) -> OrganizationId {
        self.0.organization()
    }
}

/// Why a key was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyRefusal {
    /// There is no such key, or no such deployment, for this caller.
    #[error("there is no such key")]
    NotFound,
    /// The caller sees the deployment and did not make it.
    #[error(transparent)]
    NotOwner(#[from] OwnerRequired),
    /// Something that was sent is wrong.
    #[error("what was sent has {} faults", faults.len())]
    Faults {
        /// All of it.
        faults: Vec<Fault>,
    },
    /// Another key of the organization has this name.
    #[error("another key has this name")]
    NameTaken,
    /// The caller would give what it has not.
    #[error("nobody gives a scope that they have not")]
    ScopeNotHeld,
    /// The key is not rotated.
    #[error("the key was not rotated")]
    NotRotated(#[source] RotationRefusal),
    /// The key was withdrawn before.
    #[error("this key was revoked, which is final")]
    Revoked,
}

type Changed<T> = Result<T, ChangeError<KeyRefusal>>;

/// So far may the clocks of servers be apart. A secret that is to die at once has died by each of them.
const CLOCKS_APART: Duration = Duration::from_secs(300);

/// The use cases of keys.
pub struct ManagedKeys {
    /// Where they are kept.
    pub store: Arc<dyn ManagedKeyStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids and secrets.
    pub entropy: Arc<dyn Entropy>,
    /// What keys are digested under.
    pub peppers: Arc<Peppers>,
    /// Uses that are not stored yet.
    pub uses: Arc<Uses>,
}

impl ManagedKeys {
    /// Makes a key; its secret is shown once.
    ///
    /// # Errors
    /// When the deployment is not there for the caller, the name is taken, what was sent is wrong,
    /// or a scope is given that the caller has not.
    pub fn create(&self, desk: &KeyDesk, draft: &KeyDraft) -> Changed<(ManagedKey, Secret)> {
        let now = self.clock.now();
        let mut faults = Vec::new();
        if desk.ring() == KeyRing::Organization {
            draft.check_name(&mut faults);
        }
        let terms = match draft.terms(now) {
            Ok(terms) if faults.is_empty() => terms,
            Ok(_) => return Err(refused(faults)),
            Err(others) => {
                faults.extend(others);
                return Err(refused(faults));
            }
        };
        check_scopes(desk.who(), terms.scopes.iter()).map_err(ChangeError::Refused)?;
        let style = self.store.key_style(desk.organization()).map_err(ChangeError::Store)?;
        let (shape, environment) = (draft.shape, draft.environment);
        let pattern = match (desk.ring(), shape) {
            (KeyRing::Deployment(..), _) => deployment_pattern(&style),
            (KeyRing::Organization, KeyShape::Checksummed) => {
                Pattern::Checksummed { prefix: &style.prefix, environment }
            }
            (KeyRing::Organization, KeyShape::PrefixSecret) => Pattern::PrefixSecret,
        };
        let Minted { secret, stored } = mint(pattern, self.peppers.current(), &*self.entropy);
        let id = Id::generate(now, &*self.entropy);
        let created_by = Some(desk.who().actor());
        let key = NewKey { id, secret: stored, created_by, created_at: now };
        let term = terms.expires_at.map(|end| end - now);
        let new = NewManagedKey { key, name: draft.name.clone(), terms, term };
        let act = desk.0.act(Action::KeyCreated, now, &*self.entropy);
        let key = self.store.create_key(desk.organization(), desk.ring(), &new, &act)?;
        Ok((key, secret))
    }

    /// The ring's keys, newest first.
    ///
    /// # Errors
    /// When the deployment is not there for the caller.
    pub fn list(
        &self,
        desk: &KeyDesk,
        filter: &KeyFilter,
        page: PageRequest,
    ) -> Changed<Page<ManagedKey>> {
        let listed = self.store.list_keys(desk.organization(), desk.ring(), filter, page);
        let page = listed.map_err(ChangeError::Store)?;
        let mut page = page.ok_or(ChangeError::Refused(KeyRefusal::NotFound))?;
        page.items = page.items.into_iter().map(|key| self.uses.told_of(key)).collect();
        Ok(page)
    }

    /// One of the ring's keys.
    ///
    /// # Errors
    /// When it is not there for the caller.
    pub fn get(&self, desk: &KeyDesk, id: KeyId) -> Changed<ManagedKey> {
        let found = self.store.find_managed_key(desk.organization(), desk.ring(), id);
        let found = found.map_err(ChangeError::Store)?.map(|key| self.uses.told_of(key));
        found.ok_or(ChangeError::Refused(KeyRefusal::NotFound))
    }

    /// Changes what `edit` names.
    ///
    /// # Errors
    /// When the key is not there for the caller, what was sent is wrong, or a scope is given that
    /// the caller has not.
    pub fn change(&self, desk: &KeyDesk, id: KeyId, edit: &KeyEdit) -> Changed<ManagedKey> {
        let now = self.clock.now();
        self.save(desk, id, Action::KeyChanged, now, &|key| {
            let terms =
                edit.apply(&key.terms, now).map_err(|faults| KeyRefusal::Faults { faults })?;
            let is_new = |scope: &&Scope| key.terms.scopes.iter().all(|had| had != *scope);
            check_scopes(desk.who(), terms.scopes.iter().filter(is_new))?;
            Ok(KeyChange::Terms(terms))
        })
    }

    /// Gives a key a new secret; the present one stays good for the grace, but never past the
    /// term that it was made for. Returns the new secret, to be shown once.
    ///
    /// # Errors
    /// When the key is not there for the caller, was revoked, is in a grace, or what was sent is
    /// wrong.
    pub fn rotate(
        &self,
        desk: &KeyDesk,
        id: KeyId,
        draft: &RotationDraft,
    ) -> Changed<(ManagedKey, Secret)> {
        let now = self.clock.now();
        let mut faults = Vec::new();
        let wanted = draft.term.map(|term| term.end(now, &mut faults));
        let grace = Duration::from_secs(draft.grace_seconds.into());
        if grace > Rotation::MAX_GRACE {
            let most = Rotation::MAX_GRACE.as_secs();
            faults.push(Fault::invalid("/grace_seconds", format!("must be from 0 to {most}")));
        }
        if !faults.is_empty() {
            return Err(refused(faults));
        }
        let style = self.store.key_style(desk.organization()).map_err(ChangeError::Store)?;
        let before = self.get(desk, id)?;
        let pattern = successor(&before, &style);
        let Minted { secret, stored } = mint(pattern, self.peppers.current(), &*self.entropy);
        let rotation = Rotation { grace, force: draft.force };
        let key = self.save(desk, id, Action::KeyRotated, now, &|key| {
            let grace_until =
                rotation.grace_until(key.rotation_state(), now).map_err(KeyRefusal::NotRotated)?;
            let grace_until = key.terms.expires_at.map_or(grace_until, |end| end.min(grace_until));
            let at_once = grace.is_zero().then(|| now - CLOCKS_APART);
            let grace_until = at_once.map_or(grace_until, |past| past.min(grace_until));
            let expires_at = wanted.unwrap_or_else(|| key.term.map(|term| now + term));
            Ok(KeyChange::Rotate { secret: stored.clone(), at: now, grace_until, expires_at })
        })?;
        Ok((key, secret))
    }

    /// Withdraws a key, for good.
    ///
    /// # Errors
    /// When the key is not there for the caller, or was revoked before.
    pub fn revoke(&self, desk: &KeyDesk, id: KeyId, reason: &str) -> Changed<ManagedKey> {
        check_reason(reason).map_err(refused)?;
        let now = self.clock.now();
        self.save(desk, id, Action::KeyRevoked, now, &|key| match key.revoked {
            Some(_) => Err(KeyRefusal::Revoked),
            None => Ok(KeyChange::Revoke(Revocation { at: now, reason: reason.to_owned() })),
        })
    }

    /// Deletes a key: it opens nothing from now on and is no longer listed; its id stays with what
    /// was done with it.
    ///
    /// # Errors
    /// When the key is not there for the caller.
    pub fn delete(&self, desk: &KeyDesk, id: KeyId) -> Changed<()> {
        let now = self.clock.now();
        let rule = |_: &ManagedKey| Ok(KeyChange::Delete { at: now });
        self.save(desk, id, Action::KeyDeleted, now, &rule).map(drop)
    }

    fn save(
        &self,
        desk: &KeyDesk,
        id: KeyId,
        action: Action,
        now: Timestamp,
        rule: &dyn Fn(&ManagedKey) -> Result<KeyChange, KeyRefusal>,
    ) -> Changed<ManagedKey> {
        let act = desk.0.act(action, now, &*self.entropy);
        let changed = self.store.change_key(desk.organization(), desk.ring(), id, rule, &act);
        changed.map(|key| self.uses.told_of(key))
    }
}

/// The first key of a deployment that is about to be made, good until it is deleted.
pub fn first_key(
    style: &KeyStyle,
    peppers: &Peppers,
    entropy: &dyn Entropy,
    maker: &Principal,
    now: Timestamp,
    description: String,
) -> (NewManagedKey, Secret) {
    let Minted { secret, stored } = mint(deployment_pattern(style), peppers.current(), entropy);
    let id = Id::generate(now, entropy);
    let key = NewKey { id, secret: stored, created_by: Some(maker.actor()), created_at: now };
    let terms = KeyTerms { description, ..KeyTerms::default() };
    (NewManagedKey { key, name: String::new(), terms, term: None }, secret)
}

fn deployment_pattern(style: &KeyStyle) -> Pattern<'_> {
    if style.uuid_keys { Pattern::PrefixedUuid } else { Pattern::Token }
}

/// The next secret of a key looks like the present one; that of a key from elsewhere as a new one
/// would.
fn successor<'a>(key: &ManagedKey, style: &'a KeyStyle) -> Pattern<'a> {
    if key.deployment.is_some() {
        return deployment_pattern(style);
    }
    let hint = key.secrets.first().map_or("", |secret| secret.hint.as_str());
    if hint.contains('.') {
        return Pattern::PrefixSecret;
    }
    let environment = if hint.contains("_test_") {
        keys_core::KeyEnvironment::Test
    } else {
        keys_core::KeyEnvironment::Live
    };
    Pattern::Checksummed { prefix: &style.prefix, environment }
}

/// No caller gives a scope that it lacks.
pub(crate) fn check_scopes<'a>(
    who: &Principal,
    mut scopes: impl Iterator<Item = &'a Scope>,
) -> Result<(), KeyRefusal> {
    if scopes.all(|scope| who.may_give(scope)) { Ok(()) } else { Err(KeyRefusal::ScopeNotHeld) }
}

fn refused(faults: Vec<Fault>) -> ChangeError<KeyRefusal> {
    ChangeError::Refused(KeyRefusal::Faults { faults })
}
