//! `keywright key scan`: reads files and directories, and reports the keys in them.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
    process::ExitCode,
};

use ignore::{DirEntry, Walk, WalkBuilder};
use keys_core::{FoundKey, KeyFinder, Place};

use super::{
    lookup::Lookup,
    report::{Report, keys_in, shown},
};
use crate::{arguments::ScanOptions, failure::Failure};

/// So much of a file is in memory at a time.
const PIECE_BYTES: usize = 64 * 1024;
/// Standard input, among the paths.
const STANDARD_INPUT: &str = "-";

/// What begins with `unst_`, and keys with a checksum, which no expression can check. Without
/// groups, since scanners take a group for the secret.
const EXPRESSIONS: [&str; 4] = [
    "unst_[A-Za-z0-9_-]{43}",
    "unst_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "[a-z][a-z0-9]{1,11}_live_[0-9A-Za-z]{38}",
    "[a-z][a-z0-9]{1,11}_test_[0-9A-Za-z]{38}",
];

/// Scans; exit code 1 when keys were found.
pub(super) fn run(config: Option<&Path>, options: &ScanOptions) -> Result<ExitCode, Failure> {
    if options.print_regex {
        EXPRESSIONS.iter().for_each(|expression| println!("{expression}"));
        return Ok(ExitCode::SUCCESS);
    }
    for path in &options.paths {
        if path.as_os_str() != STANDARD_INPUT
            && let Err(error) = fs::symlink_metadata(path)
        {
            let path = shown(&path.to_string_lossy());
            return Err(Failure::Usage(format!("{path}: {error}")));
        }
    }
    let lookup = options.online.then(|| Lookup::open(config)).transpose()?;
    let mut scan = Scan {
        report: Report::new(options.output.json, lookup),
        piece: vec![0; PIECE_BYTES].into_boxed_slice(),
    };
    for path in &options.paths {
        if path.as_os_str() == STANDARD_INPUT {
            scan.read(STANDARD_INPUT, io::stdin().lock())?;
        } else {
            scan.walk(walk(path, options.no_ignore))?;
        }
    }
    scan.report.finish()?;
    Ok(if scan.report.found == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything below `path` but `.git` and what git ignores. What is named itself is scanned whatever
/// git says of it: it may have been added by force.
fn walk(path: &Path, no_ignore: bool) -> Walk {
    let mut walk = WalkBuilder::new(path);
    walk.hidden(false).ignore(false).require_git(false).follow_links(false);
    walk.git_ignore(!no_ignore).git_exclude(!no_ignore).git_global(!no_ignore).parents(!no_ignore);
    walk.filter_entry(|entry| entry.depth() == 0 || entry.file_name() != ".git");
    walk.build()
}

struct Scan {
    report: Report,
    piece: Box<[u8]>,
}

impl Scan {
    fn walk(&mut self, walk: Walk) -> Result<(), Failure> {
        for entry in walk {
            match entry {
                Ok(entry) => self.visit(&entry)?,
                Err(error) => self.report.complain(&shown(&error.to_string())),
            }
            self.report.progress();
        }
        Ok(())
    }

    fn visit(&mut self, entry: &DirEntry) -> Result<(), Failure> {
        let path = shown(&entry.path().to_string_lossy());
        for found in keys_in(entry.file_name().as_encoded_bytes()) {
            let in_name = FoundKey { place: Place { line: 0, column: 0 }, ..found };
            self.report.find(&path, in_name)?;
        }
        let Some(kind) = entry.file_type() else { return Ok(()) };
        if entry.path_is_symlink() && entry.depth() == 0 {
            self.report.remark(&format!("{path}: symbolic links are not followed"));
        }
        // Reading a pipe or a device might never end.
        if !kind.is_file() || entry.path_is_symlink() {
            return Ok(());
        }
        match File::open(entry.path()) {
            Ok(file) => self.read(&path, file),
            Err(error) => {
                self.report.complain(&format!("{path}: {error}"));
                Ok(())
            }
        }
    }

    fn read(&mut self, path: &str, mut from: impl Read) -> Result<(), Failure> {
        let mut finder = KeyFinder::new(self.report.sought());
        let mut all = Vec::new();
        self.report.files += 1;
        loop {
            match from.read(&mut self.piece) {
                Ok(0) => break,
                Ok(length) => {
                    let piece = self.piece.get(..length).unwrap_or_default();
                    finder.push(piece, &mut |found| all.push(found));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.report.complain(&format!("{path}: {error}"));
                    break;
                }
            }
            all.drain(..).try_for_each(|found| self.report.find(path, found))?;
            self.report.progress();
        }
        finder.finish(&mut |found| all.push(found));
        all.into_iter().try_for_each(|found| self.report.find(path, found))
    }
}
