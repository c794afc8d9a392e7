//! Files and objects alike: names in order, contents that are read piece by piece, and contents that
//! are put in place whole.

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use deployments_domain::{Destination, Format};

use super::{
    EndError, Mark, Outcome, OutcomeSink, Record, RecordSource,
    decode::{Decoder, Records},
    encode,
    pattern::Wanted,
};

/// So many names a source may have.
pub(super) const MAX_OBJECTS: usize = 100_000;
/// What is decoded at once: its records are in memory together.
const PIECE_BYTES: usize = 32 << 10;
/// Outcomes that make one object together.
const MOST_IN_ONE: usize = 1000;

/// A place with named contents.
#[async_trait]
pub(super) trait Objects: Send + Sync {
    /// The names that are wanted, sorted; at most [`MAX_OBJECTS`].
    async fn list(&self, wanted: &Wanted) -> Result<Vec<String>, EndError>;

    /// Opens a content.
    async fn open(&self, name: &str) -> Result<Box<dyn Content>, EndError>;

    /// Puts a content in place at once, over what was there. `run` marks what is not yet whole.
    async fn put(&self, name: &str, content: Vec<u8>, run: &str) -> Result<(), EndError>;

    /// Removes a content, if it is there.
    async fn remove(&self, name: &str) -> Result<(), EndError>;
}

/// A content that is read piece by piece.
#[async_trait]
pub(super) trait Content: Send {
    /// The next piece; none after the last.
    async fn next(&mut self) -> Result<Option<Bytes>, EndError>;
}

/// Pieces on their way to a decoder, small enough to be decoded at once.
pub(super) struct Decoding {
    content: Box<dyn Content>,
    decoder: Decoder,
    left: Bytes,
    records: Records,
    is_over: bool,
    name: String,
}

impl Decoding {
    pub(super) fn new(content: Box<dyn Content>, format: Format, name: &str) -> Self {
        Self {
            content,
            decoder: Decoder::new(format, name.rsplit('/').next().unwrap_or(name)),
            left: Bytes::new(),
            records: Records::new(),
            is_over: false,
            name: name.to_owned(),
        }
    }

    pub(super) async fn next(
        &mut self,
    ) -> Result<Option<Result<serde_json::Value, String>>, EndError> {
        loop {
            if let Some(record) = self.records.pop_front() {
                return Ok(Some(record));
            }
            if self.is_over {
                return Ok(None);
            }
            let decoded = if self.left.is_empty() {
                match self.content.next().await? {
                    Some(piece) => {
                        self.left = piece;
                        Ok(())
                    }
                    None => {
                        self.is_over = true;
                        self.decoder.finish(&mut self.records)
                    }
                }
            } else {
                let piece = self.left.split_to(PIECE_BYTES.min(self.left.len()));
                self.decoder.feed(&piece, &mut self.records)
            };
            decoded.map_err(|reason| EndError::new(format!("{} {reason}", self.name)))?;
        }
    }
}

/// Reads contents one after the other.
pub(super) struct ObjectSource {
    objects: Arc<dyn Objects>,
    names: VecDeque<String>,
    format: Format,
    current: Option<(String, Decoding)>,
    index: u64,
    /// So many records of the first content are done.
    done: u64,
}

impl ObjectSource {
    pub(super) async fn open(
        objects: Arc<dyn Objects>,
        location: &str,
        format: Format,
        after: Option<Mark>,
    ) -> Result<Self, EndError> {
        let names = objects.list(&Wanted::read(location)).await?;
        let mut names = VecDeque::from(names);
        let mut done = 0;
        if let Some(Mark { object: Some(object), index }) = after {
            // What sorts before came later than the run, or is done.
            while names.front().is_some_and(|name| *name < object) {
                names.pop_front();
            }
            if names.front() == Some(&object) {
                done = index;
            }
        }
        Ok(Self { objects, names, format, current: None, index: 0, done })
    }
}

#[async_trait]
impl RecordSource for ObjectSource {
    async fn next(&mut self) -> Result<Option<Record>, EndError> {
        loop {
            let Some((name, decoding)) = &mut self.current else {
                let Some(name) = self.names.pop_front() else { return Ok(None) };
                let content = self.objects.open(&name).await?;
                let decoding = Decoding::new(content, self.format, &name);
                self.current = Some((name, decoding));
                self.index = 0;
                continue;
            };
            let Some(value) = decoding.next().await? else {
                self.current = None;
                self.done = 0;
                continue;
            };
            self.index += 1;
            if self.index <= self.done {
                continue;
            }
            let mark = Mark { object: Some(name.clone()), index: self.index };
            return Ok(Some(Record { mark, value }));
        }
    }
}

/// Writes contents: one for each outcome, named by its key; or for many outcomes together, named by
/// the run and the first of them.
pub(super) struct ObjectSink {
    objects: Arc<dyn Objects>,
    directory: String,
    format: Format,
    key: Option<String>,
    most: usize,
    run: String,
}

impl ObjectSink {
    pub(super) fn new(
        objects: Arc<dyn Objects>,
        location: &str,
        destination: &Destination,
        run: &str,
    ) -> Self {
        let directory = location.trim_end_matches('/').to_owned();
        let batch = usize::try_from(destination.batch).unwrap_or(MOST_IN_ONE);
        Self {
            objects,
            directory,
            format: destination.format,
            key: destination.key.clone(),
            most: batch.clamp(1, MOST_IN_ONE),
            run: run.to_owned(),
        }
    }

    fn below(&self, name: &str) -> String {
        if self.directory.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.directory)
        }
    }

    async fn write_one(&self, outcome: &Outcome, member: &str) -> Result<Option<String>, EndError> {
        let named = encode::key(&outcome.value, member)
            .and_then(|key| encode::file_name(&key))
            .and_then(|name| Ok((name, encode::encode_one(self.format, &outcome.value)?)));
        match named {
            Err(reason) => Ok(Some(reason)),
            Ok((name, content)) => {
                let name = self.below(&format!("{name}{}", encode::extension(self.format)));
                self.objects.put(&name, content, &self.run).await?;
                Ok(None)
            }
        }
    }
}

#[async_trait]
impl OutcomeSink for ObjectSink {
    fn most(&self) -> usize {
        self.most
    }

    fn gathers(&self) -> bool {
        self.key.is_none()
    }

    async fn begin_anew(&mut self) -> Result<(), EndError> {
        if self.key.is_some() {
            return Ok(());
        }
        let directory = self.below(&self.run);
        for name in self.objects.list(&Wanted::read(&format!("{directory}/"))).await? {
            self.objects.remove(&name).await?;
        }
        Ok(())
    }

    async fn write(&mut self, outcomes: Vec<Outcome>) -> Result<Vec<Option<String>>, EndError> {
        let mut reasons: Vec<Option<String>> = outcomes
            .iter()
            .map(|outcome| encode::check(self.format, &outcome.value).err())
            .collect();
        if let Some(member) = self.key.clone() {
            for (outcome, reason) in outcomes.iter().zip(&mut reasons) {
                if reason.is_none() {
                    *reason = self.write_one(outcome, &member).await?;
                }
            }
            return Ok(reasons);
        }
        let good = outcomes.iter().zip(&reasons).filter(|(_, reason)| reason.is_none());
        let good: Vec<&serde_json::Value> = good.map(|(outcome, _)| &outcome.value).collect();
        if let (Some(first), false) = (outcomes.first(), good.is_empty()) {
            let content = encode::encode(self.format, &good).map_err(EndError::new)?;
            let extension = encode::extension(self.format);
            // By its first record, which every attempt that takes the run up here begins with.
            let name = format!("{}/part-{:010}{extension}", self.run, first.record);
            self.objects.put(&self.below(&name), content, &self.run).await?;
        }
        Ok(reasons)
    }
}
