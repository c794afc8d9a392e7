//! Files that hold a secret of the server: read, or made where they must never be made twice.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use keys_core::Entropy;

use crate::failure::Failure;

/// What is in the file, without white space around it; none where there is no file. `setting` names
/// what the file was given by.
pub(crate) fn read(path: &Path, setting: &str) -> Result<Option<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(Failure::Configuration(format!("{setting}: {}: {error}", path.display())))
        }
    }
}

/// The same of a file that must be there.
pub(crate) fn read_given(path: &Path, setting: &str) -> Result<String, Failure> {
    let missing = || {
        let what = format!("{setting}: {} does not exist", path.display());
        Failure::Configuration(what)
    };
    read(path, setting)?.ok_or_else(missing)
}

/// 256 bits as hexadecimal digits, in a file that only its owner can read.
pub(crate) fn make(path: &Path, setting: &str, entropy: &dyn Entropy) -> Result<String, Failure> {
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
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{:016x}", u64::from_ne_bytes(suffix)));
    let aside = Path::new(&aside);
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(aside).map_err(cannot)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(cannot)?;
    let linked = fs::hard_link(aside, path);
    fs::remove_file(aside).map_err(cannot)?;
    // What is kept under a secret outlives a loss of power only together with it.
    if let Some(directory) = path.parent() {
        fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(cannot)?;
    }
    match linked {
        Ok(()) => Ok(text),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read_given(path, setting),
        Err(error) => Err(cannot(error)),
    }
}
