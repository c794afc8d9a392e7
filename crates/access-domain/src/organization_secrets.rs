//! Secrets of an organization: set by its administrators under a name, used by its workflows by that
//! name, and told to nobody. What is stored is sealed.

use std::sync::Arc;

use keys_core::{Entropy, Secret, Timestamp};
use uuid::Uuid;

use crate::{
    Act, Action, ChangeError, Clock, EncryptionKeys, Fault, Granted, ManageSecrets, OrganizationId,
    ReadOrganization, Sealed, SecretValues, StoreError,
};

const MAX_NAME: usize = 64;
const MAX_BYTES: usize = 64 << 10;
/// How many secrets an organization may have.
const MAX_SECRETS: usize = 1000;
/// More of them are not looked up at once.
const MAX_WANTED: usize = 100;

/// What a secret is called: `^[A-Z][A-Z0-9_]{0,63}$`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretName(String);

impl SecretName {
    /// The name, if `text` is one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_first = |byte: &u8| byte.is_ascii_uppercase();
        let is_next = |byte: &u8| is_first(byte) || byte.is_ascii_digit() || *byte == b'_';
        let (first, rest) = text.as_bytes().split_first()?;
        let is_name = is_first(first) && rest.iter().all(is_next) && text.len() <= MAX_NAME;
        is_name.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is told of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationSecret {
    /// Its name.
    pub name: SecretName,
    /// When its value was set.
    pub set_at: Timestamp,
    /// The user who set it.
    pub set_by: Uuid,
    /// Their name at that time.
    pub set_by_name: String,
}

/// A secret as it is to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSecret {
    /// What is told of it.
    pub secret: OrganizationSecret,
    /// Its value.
    pub value: Sealed,
}

/// Where sealed secrets are kept.
pub trait SecretStore: Send + Sync {
    /// Every secret of the organization by name, without values.
    ///
    /// # Errors
    /// When storage fails.
    fn list_secrets(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<OrganizationSecret>, StoreError>;

    /// Those of `names` that there are, with their sealed values.
    ///
    /// # Errors
    /// When storage fails.
    fn find_secrets(
        &self,
        organization: OrganizationId,
        names: &[SecretName],
    ) -> Result<Vec<(SecretName, Sealed)>, StoreError>;

    /// Saves the secret in place of one of its name, unless it were one more than `most`.
    ///
    /// # Errors
    /// `TooMany`, or that storage failed.
    fn put_secret(
        &self,
        organization: OrganizationId,
        new: &NewSecret,
        most: usize,
        act: &Act,
    ) -> Result<(), ChangeError<SecretRefusal>>;

    /// Deletes the secret.
    ///
    /// # Errors
    /// `NotFound`, or that storage failed.
    fn delete_secret(
        &self,
        organization: OrganizationId,
        name: &SecretName,
        act: &Act,
    ) -> Result<(), ChangeError<SecretRefusal>>;
}

/// Why a secret was not set or deleted.
#[derive(Debug, thiserror::Error)]
pub enum SecretRefusal {
    /// There is none of this name.
    #[error("there is no such secret")]
    NotFound,
    /// Something that was sent is wrong.
    #[error("what was sent has {} faults", faults.len())]
    Faults {
        /// All of it.
        faults: Vec<Fault>,
    },
    /// The organization has as many as it may.
    #[error("an organization has at most {MAX_SECRETS} secrets")]
    TooMany,
    /// The operator gave no key to seal with.
    #[error(
        "this server has no key to encrypt secrets with: its operator sets secrets.encryption_key"
    )]
    NoKey,
}

/// The use cases of an organization's secrets, and their values for its workflows.
#[derive(Clone)]
pub struct SecretDesk {
    /// Where they are kept.
    pub store: Arc<dyn SecretStore>,
    /// What they are sealed with; without it, none can be set.
    pub keys: Option<Arc<EncryptionKeys>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for sealing and for the ids of audit entries.
    pub entropy: Arc<dyn Entropy>,
}

impl SecretDesk {
    /// Every secret by name, without values.
    ///
    /// # Errors
    /// When storage fails.
    pub fn list(
        &self,
        granted: &Granted<ReadOrganization>,
    ) -> Result<Vec<OrganizationSecret>, StoreError> {
        self.store.list_secrets(granted.organization())
    }

    /// Sets a secret, new or in place of the one of its name.
    ///
    /// # Errors
    /// What is wrong with the name or the value; nothing was changed then.
    pub fn set(
        &self,
        granted: &Granted<ManageSecrets>,
        name: &str,
        value: &Secret,
    ) -> Result<OrganizationSecret, ChangeError<SecretRefusal>> {
        let refuse = |refusal| Err(ChangeError::Refused(refusal));
        let name = match check(name, value) {
            Ok(name) => name,
            Err(faults) => return refuse(SecretRefusal::Faults { faults }),
        };
        let Some(keys) = &self.keys else { return refuse(SecretRefusal::NoKey) };
        let (organization, now) = (granted.organization(), self.clock.now());
        let act = granted.act(Action::SecretSet, now, &*self.entropy);
        let set_by = granted.who().actor();
        let secret =
            OrganizationSecret { set_at: now, set_by, set_by_name: act.actor.name.clone(), name };
        let value = keys.seal(value, &place(organization, &secret.name), &*self.entropy);
        let new = NewSecret { secret, value };
        self.store.put_secret(organization, &new, MAX_SECRETS, &act)?;
        Ok(new.secret)
    }

    /// Deletes a secret: workflows that name it fail from then on.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn delete(
        &self,
        granted: &Granted<ManageSecrets>,
        name: &str,
    ) -> Result<(), ChangeError<SecretRefusal>> {
        let name = SecretName::parse(name).ok_or(ChangeError::Refused(SecretRefusal::NotFound))?;
        let act = granted.act(Action::SecretDeleted, self.clock.now(), &*self.entropy);
        self.store.delete_secret(granted.organization(), &name, &act)
    }
}

impl SecretValues for SecretDesk {
    fn reveal(
        &self,
        organization: OrganizationId,
        names: &[String],
    ) -> Result<Vec<(String, Secret)>, StoreError> {
        let names: Vec<_> =
            names.iter().take(MAX_WANTED).filter_map(|name| SecretName::parse(name)).collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let open = |(name, sealed): (SecretName, Sealed)| {
            let opened = match &self.keys {
                Some(keys) => keys.open(&sealed, &place(organization, &name)),
                None => Err(crate::Unsealable::KeyMissing(sealed.key)),
            };
            opened.map(|value| (name.0, value)).map_err(|error| StoreError::Broken {
                doing: "opening a secret",
                source: error.into(),
            })
        };
        self.store.find_secrets(organization, &names)?.into_iter().map(open).collect()
    }
}

/// What a value is sealed for: moved to another name or organization, it does not open.
fn place(organization: OrganizationId, name: &SecretName) -> Vec<u8> {
    [organization.uuid().as_bytes(), name.0.as_bytes()].concat()
}

fn check(name: &str, value: &Secret) -> Result<SecretName, Vec<Fault>> {
    let mut faults = Vec::new();
    let name = SecretName::parse(name);
    if name.is_none() {
        let what = "the name must be 1 to 64 of A-Z, 0-9 and _, beginning with a letter";
        faults.push(Fault::invalid("/name", what));
    }
    let text = value.for_digest();
    if text.is_empty() || text.len() > MAX_BYTES {
        faults.push(Fault::invalid("/value", format!("must have 1 to {MAX_BYTES} bytes")));
    }
    name.filter(|_| faults.is_empty()).ok_or(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_a_template_can_say() {
        for good in ["A", "CRM_TOKEN", "X9__", &"A".repeat(64)] {
            assert_eq!(SecretName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a", "9A", "_A", "A-B", "A B", "É", "A\n", &"A".repeat(65)] {
            assert_eq!(SecretName::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let faults = |name: &str, value: &str| {
            let faults = check(name, &Secret::new(value.into())).unwrap_err();
            faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>()
        };
        assert_eq!(faults("a", ""), ["/name", "/value"]);
        assert_eq!(faults("A", &"x".repeat(MAX_BYTES + 1)), ["/value"]);
        assert!(check("A", &Secret::new("x".repeat(MAX_BYTES))).is_ok());
    }
}
