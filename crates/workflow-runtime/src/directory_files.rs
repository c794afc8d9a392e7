//! Files of runs in a directory: `<directory>/<organization>/<file>`. Several machines share it by
//! sharing a file system.
//!
//! Must not know runs: whether a file is still wanted is asked elsewhere.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use access_domain::{OrganizationId, StoreError};
use deployments_domain::{FileId, FileStore, Incoming, StoredFile};
use keys_core::Timestamp;
use tempfile::NamedTempFile;
use uuid::Uuid;

/// Files that are not whole yet, in a directory of the same file system, so that keeping one is a
/// rename.
const UNFINISHED: &str = "incoming";

/// Files in a directory, which is made when the first one is kept.
pub struct DirectoryFiles {
    place: Arc<Place>,
}

struct Place {
    directory: PathBuf,
    memory_bytes: usize,
}

impl DirectoryFiles {
    /// Files up to `memory_bytes` stay in memory until they are kept; larger ones grow on disk.
    pub fn new(directory: PathBuf, memory_bytes: usize) -> Self {
        Self { place: Arc::new(Place { directory, memory_bytes }) }
    }
}

impl FileStore for DirectoryFiles {
    fn receive(&self) -> Box<dyn Incoming> {
        Box::new(Arriving { place: Arc::clone(&self.place), content: Content::Memory(Vec::new()) })
    }

    fn open(
        &self,
        organization: OrganizationId,
        id: FileId,
    ) -> Result<Box<dyn Read + Send>, StoreError> {
        let file =
            File::open(self.place.path(organization, id)).map_err(failed("reading a file"))?;
        Ok(Box::new(file))
    }

    fn remove(&self, organization: OrganizationId, id: FileId) -> Result<(), StoreError> {
        absent_is_fine(fs::remove_file(self.place.path(organization, id)))
            .map_err(failed("removing a file"))
    }

    fn look_through(
        &self,
        unfinished_before: Timestamp,
        found: &mut dyn FnMut(StoredFile) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for directory in entries(&self.place.directory)? {
            let Some(name) = directory.file_name().and_then(|name| name.to_str()) else { continue };
            if name == UNFINISHED {
                remove_unfinished(&directory, unfinished_before)?;
            }
            let Ok(organization) = Uuid::try_parse(name) else { continue };
            for path in entries(&directory)? {
                let id = path.file_name().and_then(|name| Uuid::try_parse(name.to_str()?).ok());
                // One that goes meanwhile was removed by another process.
                let (Some(id), Some(stored_at)) = (id, stored_at(&path)?) else { continue };
                let (organization, id) = (organization.into(), id.into());
                found(StoredFile { organization, id, stored_at })?;
            }
        }
        Ok(())
    }
}

impl Place {
    fn path(&self, organization: OrganizationId, id: FileId) -> PathBuf {
        self.directory.join(organization.to_string()).join(id.to_string())
    }

    fn unfinished(&self) -> io::Result<NamedTempFile> {
        let directory = self.directory.join(UNFINISHED);
        make(&directory)?;
        NamedTempFile::new_in(directory)
    }
}

/// A file that arrives.
struct Arriving {
    place: Arc<Place>,
    content: Content,
}

enum Content {
    Memory(Vec<u8>),
    /// Removed when it is dropped.
    Disk(NamedTempFile),
    Kept,
}

impl Arriving {
    fn add(&mut self, part: &[u8]) -> io::Result<()> {
        match &mut self.content {
            Content::Memory(bytes) if bytes.len() + part.len() <= self.place.memory_bytes => {
                bytes.extend_from_slice(part);
            }
            Content::Memory(bytes) => {
                let mut file = self.place.unfinished()?;
                file.write_all(bytes)?;
                file.write_all(part)?;
                self.content = Content::Disk(file);
            }
            Content::Disk(file) => file.write_all(part)?,
            Content::Kept => return Err(io::ErrorKind::InvalidInput.into()),
        }
        Ok(())
    }

    fn settle(&mut self, path: &Path) -> io::Result<()> {
        let file = match std::mem::replace(&mut self.content, Content::Kept) {
            Content::Memory(bytes) => {
                let mut file = self.place.unfinished()?;
                file.write_all(&bytes)?;
                file
            }
            Content::Disk(file) => file,
            Content::Kept => return Err(io::ErrorKind::InvalidInput.into()),
        };
        file.as_file().sync_all()?;
        let Some(directory) = path.parent() else { return Err(io::ErrorKind::InvalidInput.into()) };
        make(directory)?;
        file.persist(path).map_err(|error| error.error)?;
        // The name of a file is durable when its directory is.
        File::open(directory)?.sync_all()
    }
}

impl Incoming for Arriving {
    fn write(&mut self, part: &[u8]) -> Result<(), StoreError> {
        self.add(part).map_err(failed("receiving a file"))
    }

    fn keep(&mut self, organization: OrganizationId, id: FileId) -> Result<(), StoreError> {
        let path = self.place.path(organization, id);
        self.settle(&path).map_err(failed("keeping a file"))
    }
}

/// Makes a directory that nobody else may read, and those above it, durably.
fn make(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    match directory.parent() {
        Some(above) if above != Path::new("") => File::open(above)?.sync_all(),
        _ => Ok(()),
    }
}

/// What lies in a directory; nothing, where it is not there.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let read = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    match read() {
        Err(error) if is_elsewhere(&error) => Ok(Vec::new()),
        read => read.map_err(failed("looking through files")),
    }
}

fn is_elsewhere(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.kind() == io::ErrorKind::NotADirectory
}

fn stored_at(path: &Path) -> Result<Option<Timestamp>, StoreError> {
    match fs::metadata(path).and_then(|metadata| metadata.modified()) {
        Ok(modified) => Ok(Some(modified.into())),
        Err(error) if is_elsewhere(&error) => Ok(None),
        Err(error) => Err(failed("looking through files")(error)),
    }
}

fn remove_unfinished(directory: &Path, before: Timestamp) -> Result<(), StoreError> {
    for path in entries(directory)? {
        if stored_at(&path)?.is_some_and(|at| at < before) {
            absent_is_fine(fs::remove_file(&path)).map_err(failed("removing a file"))?;
        }
    }
    Ok(())
}

fn absent_is_fine(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Unavailable { doing, source: source.into() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tempfile::TempDir;

    use super::*;

    const ORGANIZATION: Uuid = Uuid::from_u128(1);
    const EVER: Timestamp = Timestamp::MAX_UTC;

    fn given(memory_bytes: usize) -> (DirectoryFiles, TempDir) {
        let directory = TempDir::new().unwrap();
        (DirectoryFiles::new(directory.path().join("files"), memory_bytes), directory)
    }

    fn read(files: &DirectoryFiles, id: u128) -> Option<String> {
        let mut text = String::new();
        let mut file = files.open(ORGANIZATION.into(), Uuid::from_u128(id).into()).ok()?;
        file.read_to_string(&mut text).unwrap();
        Some(text)
    }

    fn kept(files: &DirectoryFiles, id: u128, parts: &[&str]) {
        let mut incoming = files.receive();
        parts.iter().for_each(|part| incoming.write(part.as_bytes()).unwrap());
        incoming.keep(ORGANIZATION.into(), Uuid::from_u128(id).into()).unwrap();
    }

    fn found(files: &DirectoryFiles) -> Vec<u128> {
        let mut found = Vec::new();
        let mut see = |file: StoredFile| {
            assert_eq!(file.organization, ORGANIZATION.into());
            found.push(file.id.uuid().as_u128());
            Ok(())
        };
        files.look_through(EVER, &mut see).unwrap();
        found.sort_unstable();
        found
    }

    #[test]
    fn a_kept_file_is_read_whether_it_was_small_or_large() {
        let (files, _directory) = given(4);
        kept(&files, 1, &["ab", "cd"]);
        kept(&files, 2, &["ab", "cd", "e", "f"]);
        kept(&files, 3, &[]);
        let read = [1, 2, 3, 4].map(|id| read(&files, id));
        assert_eq!(read, [Some("abcd".into()), Some("abcdef".into()), Some(String::new()), None]);
        assert_eq!(found(&files), [1, 2, 3]);
    }

    #[test]
    fn a_file_that_is_not_kept_leaves_nothing_behind() {
        let (files, directory) = given(1);
        assert_eq!(found(&files), []);
        let mut incoming = files.receive();
        incoming.write(b"large").unwrap();
        let unfinished = directory.path().join("files").join(UNFINISHED);
        assert_eq!(fs::read_dir(&unfinished).unwrap().count(), 1);
        drop(incoming);
        assert_eq!(fs::read_dir(&unfinished).unwrap().count(), 0);
    }

    #[test]
    fn what_a_dead_server_began_goes_when_it_is_old() {
        let (files, directory) = given(1);
        let unfinished = directory.path().join("files").join(UNFINISHED);
        fs::create_dir_all(&unfinished).unwrap();
        fs::write(unfinished.join("left"), "x").unwrap();
        let long_ago = Timestamp::UNIX_EPOCH + Duration::from_secs(1);
        files.look_through(long_ago, &mut |_| Ok(())).unwrap();
        assert!(unfinished.join("left").exists());
        assert_eq!(found(&files), []);
        assert!(!unfinished.join("left").exists());
    }

    #[test]
    fn a_removed_file_is_gone_and_removing_it_again_is_no_fault() {
        let (files, _directory) = given(100);
        kept(&files, 1, &["a"]);
        for _ in 0..2 {
            files.remove(ORGANIZATION.into(), Uuid::from_u128(1).into()).unwrap();
            assert_eq!(read(&files, 1), None);
        }
    }
}
