//! The peppers: from the configuration, or on the embedded database from a file that is made on
//! first start.

use std::path::PathBuf;

use keys_core::{Entropy, Pepper, Peppers};

use crate::{configuration::Configuration, failure::Failure, secret_file};

const FILE: &str = "secrets.pepper_file";

/// The pepper that is configured, or that the embedded database has beside it, with those that are
/// accepted besides; none where there is none yet.
pub(crate) fn find(configuration: &Configuration) -> Result<Option<Peppers>, Failure> {
    let secrets = &configuration.secrets;
    let text = match (&secrets.pepper, &secrets.pepper_file) {
        (Some(_), Some(_)) => {
            return Err(Failure::Configuration(
                "secrets.pepper and secrets.pepper_file: give one of them".into(),
            ));
        }
        (Some(pepper), None) => Some(pepper.0.clone()),
        (None, Some(path)) => Some(secret_file::read_given(path, FILE)?),
        (None, None) => {
            let path = embedded_path(configuration).ok_or_else(|| {
                let what = "secrets.pepper: must be set with PostgreSQL (32 bytes or more; every server the same)";
                Failure::Configuration(what.into())
            })?;
            secret_file::read(&path, FILE)?
        }
    };
    let Some(current) = text.as_deref().map(parse).transpose()? else { return Ok(None) };
    Ok(Some(Peppers::new(current, accepted(configuration)?)))
}

/// The peppers that only verify.
pub(crate) fn accepted(configuration: &Configuration) -> Result<Vec<Pepper>, Failure> {
    let secrets = &configuration.secrets;
    let texts = secrets.accepted_peppers.0.iter().map(|text| Ok(text.0.clone()));
    let files = secrets.accepted_pepper_files.0.iter();
    let files = files.map(|path| secret_file::read_given(path, FILE));
    texts.chain(files).map(|text| parse(&text?)).collect()
}

/// Makes the pepper of an embedded database that has no keys yet.
pub(crate) fn make(
    configuration: &Configuration,
    entropy: &dyn Entropy,
) -> Result<Peppers, Failure> {
    let path = embedded_path(configuration);
    let path = path.ok_or_else(|| Failure::Configuration("secrets.pepper: must be set".into()))?;
    Ok(Peppers::new(parse(&secret_file::make(&path, FILE, entropy)?)?, accepted(configuration)?))
}

fn parse(text: &str) -> Result<Pepper, Failure> {
    Pepper::new(text.as_bytes())
        .map_err(|error| Failure::Configuration(format!("secrets.pepper: {error}")))
}

/// Where the embedded database's pepper is kept: beside the database.
pub(crate) fn embedded_path(configuration: &Configuration) -> Option<PathBuf> {
    configuration.embedded_database().map(|database| database.with_extension("pepper"))
}
