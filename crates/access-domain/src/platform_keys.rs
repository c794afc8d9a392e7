//! The platform keys of an organization: two slots, at most one active. The rules of the slots are
//! `keys_core`'s; here stands who may do what, and what storage is asked to save.

use std::sync::Arc;

use keys_core::{
    Entropy, Fingerprint, Id, KeyId, Minted, Pattern, Peppers, PlatformKeyError, PlatformKeys,
    Secret, Slot, StoredSecret, Timestamp, mint,
};
use uuid::Uuid;

use crate::{
    Act, Action, Actor, ChangeError, Clock, Granted, ManagePlatformKeys, NewKey, Operator,
    OrganizationId, Origin, PlatformKeyStore, Principal, RefreshPlatformKey, StoreError,
};

/// What is told of a platform key. Whether it is active, its slots say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformKey {
    /// Its id.
    pub id: KeyId,
    /// Reminds its owner which one it is.
    pub hint: String,
    /// Names its secret.
    pub fingerprint: Fingerprint,
    /// The user or key that made it.
    pub created_by: Option<Uuid>,
    /// When the key was made.
    pub created_at: Timestamp,
    /// When its present secret was made.
    pub secret_created_at: Timestamp,
    /// When its present secret was last in use, as far as that is stored: to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// What is to change in an organization's slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlatformKeyChange {
    /// A key fills an empty slot, and becomes the active one if asked.
    Generate {
        /// The empty slot.
        slot: Slot,
        /// Whether it becomes the active one.
        activate: bool,
        /// The key.
        key: NewKey,
    },
    /// The secret of the key is replaced; the old one dies at once.
    Refresh {
        /// The key's slot.
        slot: Slot,
        /// The new secret.
        secret: StoredSecret,
        /// When it was made.
        at: Timestamp,
        /// Whether the keys that it made are revoked, and those that these made.
        revoke_made: bool,
    },
    /// This slot, or none, is the active one.
    Activate(Option<Slot>),
    /// The key is gone. Deleting the active one leaves none active.
    Delete {
        /// The key's slot.
        slot: Slot,
        /// When.
        at: Timestamp,
        /// Whether the keys that it made are revoked, and those that these made.
        revoke_made: bool,
    },
}

/// Why nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlatformKeyRefusal {
    /// There is no place for another key.
    #[error("there is no place for the key")]
    NoPlace(#[source] PlatformKeyError),
    /// The organization has no such key.
    #[error("there is no such platform key")]
    NotFound,
    /// A platform key refreshes itself and no other.
    #[error("a platform key refreshes only itself")]
    NotItself,
}

type Changed<T> = Result<T, ChangeError<PlatformKeyRefusal>>;

/// The use cases of platform keys.
pub struct PlatformKeysUseCases {
    /// Where the slots are kept.
    pub store: Arc<dyn PlatformKeyStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids and secrets.
    pub entropy: Arc<dyn Entropy>,
    /// What keys are digested under.
    pub peppers: Arc<Peppers>,
}

impl PlatformKeysUseCases {
    /// Both slots.
    ///
    /// # Errors
    /// When storage fails.
    pub fn list(
        &self,
        granted: &Granted<ManagePlatformKeys>,
    ) -> Result<PlatformKeys<PlatformKey>, StoreError> {
        self.store.platform_keys(granted.organization())
    }

    /// Fills the wanted slot, or the first empty one; active as asked, or else only if none is.
    /// Returns the slots, the one that was filled, and its secret, to be shown once.
    ///
    /// # Errors
    /// When both slots or the wanted one are filled.
    pub fn generate(
        &self,
        granted: &Granted<ManagePlatformKeys>,
        wanted: Option<Slot>,
        activate: Option<bool>,
    ) -> Changed<(PlatformKeys<PlatformKey>, Slot, Secret)> {
        let now = self.clock.now();
        let Minted { secret, stored } = mint(Pattern::Uuid, self.peppers.current(), &*self.entropy);
        let id = Id::generate(now, &*self.entropy);
        let key =
            NewKey { id, secret: stored, created_by: Some(granted.who().actor()), created_at: now };
        let act = granted.act(Action::PlatformKeyCreated, now, &*self.entropy);
        let rule = |keys: &PlatformKeys<PlatformKey>| {
            let place = keys.place(wanted, activate).map_err(PlatformKeyRefusal::NoPlace)?;
            Ok(PlatformKeyChange::Generate {
                slot: place.slot,
                activate: place.activate,
                key: key.clone(),
            })
        };
        let keys = self.store.change_platform_keys(granted.organization(), &rule, &act)?;
        let slot = slot_of(&keys, id).map_err(ChangeError::Refused)?;
        Ok((keys, slot, secret))
    }

    /// Replaces the secret of a key, which stays as active as it was. The old secret dies at once,
    /// and with `revoke_made` every key that it made.
    ///
    /// # Errors
    /// When the key is not there, or a platform key asks for another than itself.
    pub fn refresh(
        &self,
        granted: &Granted<RefreshPlatformKey>,
        id: KeyId,
        revoke_made: bool,
    ) -> Changed<(PlatformKeys<PlatformKey>, Slot, Secret)> {
        let at = self.clock.now();
        let Minted { secret, stored } = mint(Pattern::Uuid, self.peppers.current(), &*self.entropy);
        let act = granted.act(Action::PlatformKeyRefreshed, at, &*self.entropy);
        let rule = |keys: &PlatformKeys<PlatformKey>| {
            let slot = slot_of(keys, id)?;
            if matches!(granted.who(), Principal::PlatformKey { id: own, .. } if *own != id) {
                return Err(PlatformKeyRefusal::NotItself);
            }
            Ok(PlatformKeyChange::Refresh { slot, secret: stored.clone(), at, revoke_made })
        };
        let keys = self.store.change_platform_keys(granted.organization(), &rule, &act)?;
        let slot = slot_of(&keys, id).map_err(ChangeError::Refused)?;
        Ok((keys, slot, secret))
    }

    /// Both slots, as an operator sees them.
    ///
    /// # Errors
    /// When storage fails.
    pub fn list_for_operator(
        &self,
        _: Operator,
        organization: OrganizationId,
    ) -> Result<PlatformKeys<PlatformKey>, StoreError> {
        self.store.platform_keys(organization)
    }

    /// [`PlatformKeysUseCases::refresh`] at the command line, where nobody has a key any more.
    ///
    /// # Errors
    /// When the slot is empty, or storage fails.
    pub fn refresh_for_operator(
        &self,
        _: Operator,
        organization: OrganizationId,
        slot: Slot,
    ) -> Changed<(PlatformKeys<PlatformKey>, Secret)> {
        let at = self.clock.now();
        let Minted { secret, stored } = mint(Pattern::Uuid, self.peppers.current(), &*self.entropy);
        let (who, from) = (Actor::command_line(), Origin::default());
        let act = Act::new(Action::PlatformKeyRefreshed, who, from, at, &*self.entropy);
        let rule = |keys: &PlatformKeys<PlatformKey>| match keys.get(slot) {
            Some(_) => {
                let secret = stored.clone();
                Ok(PlatformKeyChange::Refresh { slot, secret, at, revoke_made: false })
            }
            None => Err(PlatformKeyRefusal::NotFound),
        };
        let keys = self.store.change_platform_keys(organization, &rule, &act)?;
        Ok((keys, secret))
    }

    /// Switches a key on, and with that the other off; or off, which leaves none on.
    ///
    /// # Errors
    /// When the key is not there.
    pub fn set_active(
        &self,
        granted: &Granted<ManagePlatformKeys>,
        id: KeyId,
        active: bool,
    ) -> Changed<(PlatformKeys<PlatformKey>, Slot)> {
        let action =
            if active { Action::PlatformKeyActivated } else { Action::PlatformKeyDeactivated };
        let act = granted.act(action, self.clock.now(), &*self.entropy);
        let rule = |keys: &PlatformKeys<PlatformKey>| {
            let slot = slot_of(keys, id)?;
            let others = keys.active().filter(|other| *other != slot);
            Ok(PlatformKeyChange::Activate(if active { Some(slot) } else { others }))
        };
        let keys = self.store.change_platform_keys(granted.organization(), &rule, &act)?;
        let slot = slot_of(&keys, id).map_err(ChangeError::Refused)?;
        Ok((keys, slot))
    }

    /// Removes a key; its slot is empty afterwards. With `revoke_made` every key that it made is
    /// revoked.
    ///
    /// # Errors
    /// When the key is not there.
    pub fn delete(
        &self,
        granted: &Granted<ManagePlatformKeys>,
        id: KeyId,
        revoke_made: bool,
    ) -> Changed<()> {
        let at = self.clock.now();
        let act = granted.act(Action::PlatformKeyDeleted, at, &*self.entropy);
        let rule = |keys: &PlatformKeys<PlatformKey>| {
            Ok(PlatformKeyChange::Delete { slot: slot_of(keys, id)?, at, revoke_made })
        };
        self.store.change_platform_keys(granted.organization(), &rule, &act).map(drop)
    }
}

fn slot_of(keys: &PlatformKeys<PlatformKey>, id: KeyId) -> Result<Slot, PlatformKeyRefusal> {
    keys.slot_of(|key| key.id == id).ok_or(PlatformKeyRefusal::NotFound)
}
