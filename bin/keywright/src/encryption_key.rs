//! The keys that secrets of organizations are sealed under: from the configuration, or on the embedded
//! database from a file beside the pepper that is made on first start.

use std::path::PathBuf;

use access_domain::{EncryptionKey, EncryptionKeys, StoreError};
use keys_core::Entropy;
use storage_diesel::Storage;

use crate::{configuration::Configuration, failure::Failure, secret_file};

const FILE: &str = "secrets.encryption_key_file";
const ACCEPTED: &str = "secrets.accepted_encryption_key_files";

/// The keys that are configured, or that the embedded database has beside it; none where there is
/// none. On PostgreSQL that is how servers run whose organizations have no secrets.
pub(crate) fn find(configuration: &Configuration) -> Result<Option<EncryptionKeys>, Failure> {
    let secrets = &configuration.secrets;
    let text = match (&secrets.encryption_key, &secrets.encryption_key_file) {
        (Some(_), Some(_)) => {
            let what = "secrets.encryption_key and secrets.encryption_key_file: give one of them";
            return Err(Failure::Configuration(what.into()));
        }
        (Some(key), None) => Some(key.0.clone()),
        (None, Some(path)) => Some(secret_file::read_given(path, FILE)?),
        (None, None) => match embedded_path(configuration) {
            Some(path) => secret_file::read(&path, FILE)?,
            None => None,
        },
    };
    let Some(text) = text else { return Ok(None) };
    let given = secrets.accepted_encryption_keys.0.iter().map(|key| Ok(key.0.clone()));
    let files = secrets.accepted_encryption_key_files.0.iter();
    let files = files.map(|path| secret_file::read_given(path, ACCEPTED));
    let accepted = given.chain(files).map(|text| parse(&text?)).collect::<Result<_, _>>()?;
    Ok(Some(EncryptionKeys::new(parse(&text)?, accepted)))
}

/// The same at the start of a server, which makes the key of an embedded database that has no secrets
/// yet. One that has some has lost its key: none of them would open under another.
pub(crate) fn find_or_make(
    configuration: &Configuration,
    storage: &dyn Storage,
    entropy: &dyn Entropy,
) -> Result<Option<EncryptionKeys>, Failure> {
    if let Some(keys) = find(configuration)? {
        return Ok(Some(keys));
    }
    let Some(path) = embedded_path(configuration) else { return Ok(None) };
    let needed = storage.secrets_per_encryption_key();
    if !needed.map_err(|error| Failure::database(&error))?.is_empty() {
        let what = format!(
            "secrets.encryption_key: organizations have secrets, and the file with their key, {}, is gone; restore it",
            path.display()
        );
        return Err(Failure::Configuration(what));
    }
    let text = secret_file::make(&path, FILE, entropy)?;
    Ok(Some(EncryptionKeys::new(parse(&text)?, Vec::new())))
}

/// The keys that secrets are sealed under and that are not here, with how many secrets.
pub(crate) fn lacking(
    storage: &dyn Storage,
    keys: Option<&EncryptionKeys>,
) -> Result<Vec<(String, u64)>, StoreError> {
    let mut needed = storage.secrets_per_encryption_key()?;
    needed.retain(|(name, _)| !keys.is_some_and(|keys| keys.has(name)));
    Ok(needed)
}

/// Where the embedded database's key is kept: beside the database.
pub(crate) fn embedded_path(configuration: &Configuration) -> Option<PathBuf> {
    configuration.embedded_database().map(|database| database.with_extension("encryption-key"))
}

fn parse(text: &str) -> Result<EncryptionKey, Failure> {
    EncryptionKey::new(text.as_bytes())
        .map_err(|error| Failure::Configuration(format!("secrets.encryption_key: {error}")))
}
