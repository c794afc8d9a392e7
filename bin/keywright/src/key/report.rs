//! What a scan tells: one line, or one member of a JSON array, for each find. Never a key.

use std::{
    fmt::Write as _,
    io::{self, BufWriter, IsTerminal as _, StderrLock, StdoutLock, Write},
    time::{Duration, Instant},
};

use access_domain::PresentedKey;
use keys_core::{Fingerprint, Form, FoundKey, KeyFinder, Place, Sought};
use serde::Serialize;

use super::{
    lookup::{KnownKey, Lookup},
    name,
};
use crate::failure::Failure;

/// So many finds wait for one question to the database.
const BATCH: usize = 100;
/// Who waits longer is told how far it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where finds go.
pub(super) struct Report {
    out: BufWriter<StdoutLock<'static>>,
    complaints: StderrLock<'static>,
    is_json: bool,
    lookup: Option<Lookup>,
    waiting: Vec<(Find, PresentedKey)>,
    told_at: Option<Instant>,
    has_progress: bool,
    /// How many keys were found.
    pub(super) found: u64,
    /// How many files were read.
    pub(super) files: u64,
    /// How many files and directories could not be read.
    pub(super) unreadable: u64,
}

#[derive(Serialize)]
struct Find {
    path: String,
    /// From 1; 0 where the key is a part of the file's name.
    line: u64,
    column: u64,
    form: &'static str,
    hint: String,
    fingerprint: String,
    /// What the database knows of it, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<Vec<KnownKey>>,
}

impl Report {
    pub(super) fn new(is_json: bool, lookup: Option<Lookup>) -> Self {
        Self {
            out: BufWriter::new(io::stdout().lock()),
            complaints: io::stderr().lock(),
            is_json,
            lookup,
            waiting: Vec::new(),
            told_at: io::stderr().is_terminal().then(Instant::now),
            has_progress: false,
            found: 0,
            files: 0,
            unreadable: 0,
        }
    }

    /// Which forms are worth finding: what the database can tell from all that looks alike.
    pub(super) fn sought(&self) -> Sought {
        if self.lookup.is_some() { Sought::Possible } else { Sought::Certain }
    }

    /// A key was found at `path`, which is [`shown`] already.
    pub(super) fn find(&mut self, path: &str, found: FoundKey) -> Result<(), Failure> {
        let FoundKey { place: Place { line, column }, form, key } = found;
        let text = key.for_digest();
        let fingerprint = Fingerprint::of(text).as_str().to_owned();
        let (form_name, hint) = (name(form), form.hint(text));
        let path = path.to_owned();
        let find = Find { path, line, column, form: form_name, hint, fingerprint, keys: None };
        let Some(lookup) = &self.lookup else { return self.tell(&find) };
        let digest = lookup.peppers().current().digest(text);
        self.waiting.push((find, PresentedKey { digest, form: Some(form), plaintext: key }));
        if self.waiting.len() >= BATCH { self.ask() } else { Ok(()) }
    }

    /// Asks the database about the finds that wait, and tells them.
    fn ask(&mut self) -> Result<(), Failure> {
        let waiting = std::mem::take(&mut self.waiting);
        let Some(lookup) = &self.lookup else { return Ok(()) };
        let known = lookup.ask(waiting.iter().map(|(_, key)| key))?;
        for ((find, key), known) in waiting.into_iter().zip(known) {
            let is_certain = !matches!(key.form, Some(Form::Uuid | Form::PrefixSecret));
            if is_certain || !known.is_empty() {
                self.tell(&Find { keys: Some(known), ..find })?;
            }
        }
        Ok(())
    }

    fn tell(&mut self, find: &Find) -> Result<(), Failure> {
        self.clear_progress();
        let start = if self.found == 0 { "{\"found\":[" } else { "," };
        self.found += 1;
        let line = if self.is_json {
            let find = serde_json::to_string(find).map_err(|error| Failure::failed(&error))?;
            format!("{start}{find}")
        } else {
            format!("{find}\n")
        };
        self.out.write_all(line.as_bytes()).map_err(cannot_write)
    }

    /// Something could not be read.
    pub(super) fn complain(&mut self, what: &str) {
        self.unreadable += 1;
        self.remark(what);
    }

    /// Something that the caller may want to know.
    pub(super) fn remark(&mut self, what: &str) {
        self.clear_progress();
        let _ = writeln!(self.complaints, "keywright: {what}");
    }

    /// Tells whoever sits at a terminal how far it is, now and then.
    pub(super) fn progress(&mut self) {
        let Some(at) = self.told_at else { return };
        if at.elapsed() < PATIENCE {
            return;
        }
        self.told_at = Some(Instant::now());
        self.has_progress = true;
        let (files, found) = (self.files, self.found);
        let _ = write!(self.complaints, "\r\x1b[Kscanned {files} files, found {found} keys …");
    }

    fn clear_progress(&mut self) {
        if std::mem::take(&mut self.has_progress) {
            let _ = write!(self.complaints, "\r\x1b[K");
        }
    }

    /// The scan is over.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        self.ask()?;
        self.clear_progress();
        let Self { files, unreadable, found, .. } = *self;
        if self.is_json {
            let start = if found == 0 { "{\"found\":[" } else { "" };
            let totals = format!("\"files\":{files},\"unreadable\":{unreadable}");
            writeln!(self.out, "{start}],{totals}}}").map_err(cannot_write)?;
        } else if found > 0 || unreadable > 0 {
            let unread = match unreadable {
                0 => String::new(),
                many => format!("; {many} could not be read"),
            };
            self.remark(&format!("{found} found in {files} files{unread}"));
        }
        self.out.flush().map_err(cannot_write)
    }
}

impl std::fmt::Display for Find {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, line, column, form, hint, fingerprint, keys } = self;
        write!(f, "{path}:{line}:{column}  {form}  {hint}  {fingerprint}")?;
        let Some(keys) = keys else { return Ok(()) };
        if keys.is_empty() {
            f.write_str("  unknown")?;
        }
        keys.iter().try_for_each(|KnownKey { key_id, organization, status }| {
            write!(f, "  {status} {organization} {key_id}")
        })
    }
}

/// A path as it may be shown: without a key that is a part of it, and in one line.
pub(super) fn shown(path: &str) -> String {
    let mut text = path.to_owned();
    for one in keys_in(path.as_bytes()) {
        let key = one.key.for_digest();
        text = text.replace(key, &one.form.hint(key));
    }
    text.chars().fold(String::with_capacity(text.len()), |mut line, c| {
        let _ = if c.is_control() {
            write!(line, "{}", c.escape_default())
        } else {
            line.write_char(c)
        };
        line
    })
}

/// The keys in a short text that tell by themselves that they are.
pub(super) fn keys_in(text: &[u8]) -> Vec<FoundKey> {
    let mut all = Vec::new();
    let mut finder = KeyFinder::new(Sought::Certain);
    finder.push(text, &mut |one| all.push(one));
    finder.finish(&mut |one| all.push(one));
    all
}

fn cannot_write(error: io::Error) -> Failure {
    Failure::Failed(format!("cannot write to standard output: {error}"))
}
