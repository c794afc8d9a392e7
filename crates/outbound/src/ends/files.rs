//! Files below one organization's directory. Every part of a path is opened by itself, and none that
//! is a link: whoever can write there cannot lead elsewhere. What is no regular file is none.

use std::{
    ffi::CString,
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
};

use async_trait::async_trait;
use bytes::Bytes;
use rustix::{
    fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags},
    io::Errno,
};

use super::{
    EndError,
    objects::{Content, MAX_OBJECTS, Objects},
    pattern::Wanted,
};

const PIECE_BYTES: usize = 64 << 10;
const MAX_DEPTH: usize = 32;

/// One organization's directory. It need not be there until something is written.
#[derive(Clone)]
pub(super) struct Directory {
    allowed: PathBuf,
    organization: String,
}

impl Directory {
    pub(super) fn new(allowed: PathBuf, organization: String) -> Self {
        Self { allowed, organization }
    }

    /// Opens the directory at `parts`, and makes what is missing of it where that is wanted.
    fn open_directory(&self, parts: &[&str], makes: bool) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        // The operator may have links above.
        let mut at = fs::openat(CWD, &self.allowed, flags, Mode::empty())?;
        for part in [self.organization.as_str()].iter().chain(parts) {
            if matches!(*part, "" | "." | "..") || part.contains('/') {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            if makes {
                match fs::mkdirat(&at, *part, Mode::from_raw_mode(0o750)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            at = fs::openat(&at, *part, flags | OFlags::NOFOLLOW, Mode::empty())?;
        }
        Ok(at)
    }

    fn list_now(&self, wanted: &Wanted) -> io::Result<Vec<String>> {
        let root = match self.open_directory(&[], false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            root => root?,
        };
        let mut names = Vec::new();
        let mut left = vec![(String::new(), root, 0)];
        while let Some((prefix, directory, depth)) = left.pop() {
            for entry in Dir::read_from(&directory)? {
                let entry = entry?;
                // A name that is no text is none that a location could mean.
                let Ok(name) = entry.file_name().to_str() else { continue };
                if name == "." || name == ".." {
                    continue;
                }
                let path = format!("{prefix}{name}");
                let kind = file_type(&directory, name)?;
                if kind == FileType::RegularFile && wanted.admits(&path) {
                    names.push(path);
                } else if kind == FileType::Directory && depth < MAX_DEPTH && leads(wanted, &path) {
                    let flags =
                        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    let below = fs::openat(&directory, name, flags, Mode::empty())?;
                    left.push((format!("{path}/"), below, depth + 1));
                }
                if names.len() > MAX_OBJECTS {
                    return Err(io::Error::other(format!("there are more than {MAX_OBJECTS}")));
                }
            }
        }
        names.sort();
        Ok(names)
    }

    fn open_now(&self, path: &str) -> io::Result<File> {
        let (parts, name) = split(path);
        let directory = self.open_directory(&parts, false)?;
        // Without waiting: a pipe would never begin.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = fs::openat(&directory, name, flags, Mode::empty())?;
        if !FileType::from_raw_mode(fs::fstat(&file)?.st_mode).is_file() {
            return Err(io::Error::other("is no regular file"));
        }
        Ok(file.into())
    }

    fn put_now(&self, path: &str, content: &[u8], run: &str) -> io::Result<()> {
        let (parts, name) = split(path);
        let directory = self.open_directory(&parts, true)?;
        let unfinished = format!(".{name}.{run}");
        match fs::unlinkat(&directory, &unfinished, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o640);
        let mut file = File::from(fs::openat(&directory, &unfinished, flags, mode)?);
        file.write_all(content)?;
        file.sync_all()?;
        fs::renameat(&directory, &unfinished, &directory, name)?;
        // The name is on disk, too.
        fs::fsync(&directory)?;
        Ok(())
    }

    fn remove_now(&self, path: &str) -> io::Result<()> {
        let (parts, name) = split(path);
        let directory = self.open_directory(&parts, false)?;
        match fs::unlinkat(&directory, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Does something that may block, elsewhere.
    async fn on_disk<T: Send + 'static>(
        &self,
        what: String,
        work: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> Result<T, EndError> {
        let directory = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&directory)).await;
        let done = done.map_err(|panicked| EndError::because(what.clone(), panicked))?;
        done.map_err(|error| {
            let is = |kind| error.kind() == kind;
            // What opening a link without following it says.
            let is_link = error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
                || is(io::ErrorKind::NotADirectory);
            let told = if is(io::ErrorKind::NotFound) {
                "it is not there"
            } else if is(io::ErrorKind::PermissionDenied) {
                "the server may not"
            } else if is(io::ErrorKind::StorageFull) {
                "the disk is full"
            } else if is_link {
                "links are not followed"
            } else {
                "the system refused"
            };
            EndError::because(format!("{what}: {told}"), error)
        })
    }
}

#[async_trait]
impl Objects for Directory {
    async fn list(&self, wanted: &Wanted) -> Result<Vec<String>, EndError> {
        let (wanted, one) = (wanted.clone(), wanted.clone());
        let what = "the files could not be listed".to_owned();
        let names = self.on_disk(what, move |directory| directory.list_now(&wanted)).await?;
        match one {
            Wanted::One(path) if names.is_empty() => {
                Err(EndError::new(format!("there is no file '{path}'")))
            }
            Wanted::One(_) | Wanted::Below(_) | Wanted::Matching { .. } => Ok(names),
        }
    }

    async fn open(&self, name: &str) -> Result<Box<dyn Content>, EndError> {
        let path = name.to_owned();
        let what = format!("the file '{name}' could not be opened");
        let file = self.on_disk(what, move |directory| directory.open_now(&path)).await?;
        Ok(Box::new(FileContent { file: Some(file), name: name.to_owned() }))
    }

    async fn put(&self, name: &str, content: Vec<u8>, run: &str) -> Result<(), EndError> {
        let (path, run) = (name.to_owned(), run.to_owned());
        let what = format!("the file '{name}' could not be written");
        self.on_disk(what, move |directory| directory.put_now(&path, &content, &run)).await
    }

    async fn remove(&self, name: &str) -> Result<(), EndError> {
        let path = name.to_owned();
        let what = format!("the file '{name}' could not be removed");
        self.on_disk(what, move |directory| directory.remove_now(&path)).await
    }
}

struct FileContent {
    /// Not there only while it is read.
    file: Option<File>,
    name: String,
}

#[async_trait]
impl Content for FileContent {
    async fn next(&mut self) -> Result<Option<Bytes>, EndError> {
        let failed = |name: &str| format!("the file '{name}' could not be read");
        let Some(mut file) = self.file.take() else { return Ok(None) };
        let reading = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE_BYTES];
            let read = file.read(&mut piece)?;
            piece.truncate(read);
            Ok::<_, io::Error>((file, piece))
        });
        let read = reading.await.map_err(|error| EndError::because(failed(&self.name), error))?;
        let (file, piece) = read.map_err(|error| EndError::because(failed(&self.name), error))?;
        if piece.is_empty() {
            return Ok(None);
        }
        self.file = Some(file);
        Ok(Some(piece.into()))
    }
}

fn split(path: &str) -> (Vec<&str>, &str) {
    let mut parts: Vec<&str> = path.split('/').collect();
    let name = parts.pop().unwrap_or_default();
    // Checked when the definition was saved; here lest it matter who checks.
    (parts, if matches!(name, "." | "..") { "" } else { name })
}

fn file_type(directory: &OwnedFd, name: &str) -> io::Result<FileType> {
    let name = CString::new(name).map_err(io::Error::other)?;
    match fs::statat(directory.as_fd(), name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(FileType::from_raw_mode(stat.st_mode)),
        // It was removed meanwhile.
        Err(Errno::NOENT) => Ok(FileType::Unknown),
        Err(error) => Err(error.into()),
    }
}

/// Whether what is wanted may lie in the directory at `path`.
fn leads(wanted: &Wanted, path: &str) -> bool {
    let towards = |goal: &str| {
        goal.is_empty()
            || goal == path
            || goal.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
            || path.strip_prefix(goal).is_some_and(|rest| rest.starts_with('/'))
    };
    match wanted {
        Wanted::One(goal) | Wanted::Below(goal) => towards(goal),
        Wanted::Matching { directory, .. } => {
            directory == path
                || directory.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
        }
    }
}

#[cfg(test)]
mod tests;
