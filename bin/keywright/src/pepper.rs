//! The peppers: from the configuration, or on the embedded database from a file that is made on
//! first start.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use keys_core::{Entropy, Pepper, Peppers};

use crate::{configuration::Configuration, failure::Failure};

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
        (None, Some(path)) => Some(read(path)?.ok_or_else(|| missing(path))?),
        (None, None) => {
            let path = embedded_path(configuration).ok_or_else(|| {
                let what = "secrets.pepper: must be set with PostgreSQL (32 bytes or more; every server the same)";
                Failure::Configuration(what.into())
            })?;
            read(&path)?
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
    let files = files.map(|path| read(path)?.ok_or_else(|| missing(path)));
    texts.chain(files).map(|text| parse(&text?)).collect()
}

/// Makes the pepper of an embedded database that has no keys yet.
pub(crate) fn make(
    configuration: &Configuration,
    entropy: &dyn Entropy,
) -> Result<Peppers, Failure> {
    let path = embedded_path(configuration);
    let path = path.ok_or_else(|| Failure::Configuration("secrets.pepper: must be set".into()))?;
    Ok(Peppers::new(parse(&make_file(&path, entropy)?)?, accepted(configuration)?))
}

fn parse(text: &str) -> Result<Pepper, Failure> {
    Pepper::new(text.as_bytes())
        .map_err(|error| Failure::Configuration(format!("secrets.pepper: {error}")))
}

/// Where the embedded database's pepper is kept: beside the database.
pub(crate) fn embedded_path(configuration: &Configuration) -> Option<PathBuf> {
    configuration.embedded_database().map(|database| database.with_extension("pepper"))
}

fn read(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(Failure::Configuration(format!("secrets.pepper_file: {}: {error}", path.display())))
        }
    }
}

fn missing(path: &Path) -> Failure {
    Failure::Configuration(format!("secrets.pepper_file: {} does not exist", path.display()))
}

/// 256 bits as hexadecimal digits, in a file that only its owner can read.
fn make_file(path: &Path, entropy: &dyn Entropy) -> Result<String, Failure> {
    use std::fmt::Write as _;
    let cannot =
        |error: std::io::Error| Failure::Failed(format!("cannot make {}: {error}", path.display()));
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    let text = bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(cannot)?;
    }
    // Written aside and linked into place: another process either finds none or a whole one, and
    // whoever comes second takes the first one's.
    let mut suffix = [0; 8];
    entropy.fill(&mut suffix);
    let aside = path.with_extension(format!("pepper.{:016x}", u64::from_ne_bytes(suffix)));
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).map_err(cannot)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(cannot)?;
    let linked = fs::hard_link(&aside, path);
    fs::remove_file(&aside).map_err(cannot)?;
    // A key outlives a loss of power only together with its pepper.
    if let Some(directory) = path.parent() {
        fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(cannot)?;
    }
    match linked {
        Ok(()) => Ok(text),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            read(path)?.ok_or_else(|| missing(path))
        }
        Err(error) => Err(cannot(error)),
    }
}
