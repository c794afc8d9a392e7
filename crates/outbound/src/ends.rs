//! The two ends of an ETL run: records are read from one and outcomes written to the other, piece by
//! piece, so that no more than a few of them are in memory however many there are.
//!
//! `decode` and `encode` know formats and no places; `files`, `s3`, `http` and `postgres` know places
//! and no formats; `objects` is what the first two have in common.

mod decode;
mod encode;
mod files;
mod http;
mod objects;
mod pattern;
mod postgres;
mod s3;

use std::{error::Error, path::PathBuf, sync::Arc};

use access_domain::OrganizationId;
use async_trait::async_trait;
use deployments_domain::{Destination, Place, Source};
use serde_json::Value;

use self::{
    files::Directory,
    http::{HttpSink, HttpSource},
    objects::{ObjectSink, ObjectSource, Objects},
    postgres::{PostgresSink, PostgresSource},
    s3::Bucket,
};
use crate::{HttpClient, NetworkPolicy};

/// The largest record, and the largest outcome that is written, in bytes.
pub const MAX_RECORD_BYTES: usize = 8 << 20;

/// Why an end cannot be read or written any further. `Display` may be told to whoever runs the
/// workflow; the source may not.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct EndError {
    reason: String,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl EndError {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), source: None }
    }

    fn because(reason: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { reason: reason.into(), source: Some(source.into()) }
    }
}

/// Where a record stands in its source: after it, reading can be taken up again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mark {
    /// The file or object, where there are several.
    pub object: Option<String>,
    /// How many records of it there are up to here, this one included.
    pub index: u64,
}

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Where it stands.
    pub mark: Mark,
    /// The record, or why it cannot be read; those after it can.
    pub value: Result<Value, String>,
}

/// What became of a record, about to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The number of the record in its run, from 1.
    pub record: u64,
    /// The outcome.
    pub value: Value,
}

/// Whence records come.
#[async_trait]
pub trait RecordSource: Send {
    /// The next record; none after the last.
    async fn next(&mut self) -> Result<Option<Record>, EndError>;
}

/// Whither outcomes go.
#[async_trait]
pub trait OutcomeSink: Send {
    /// How many outcomes it takes at once, at most.
    fn most(&self) -> usize;

    /// Whether outcomes that are written make one thing together, which had better not be small.
    fn gathers(&self) -> bool;

    /// Removes what an earlier attempt of the run wrote, where another one would not replace it.
    async fn begin_anew(&mut self) -> Result<(), EndError>;

    /// Writes outcomes; returns for each why it could not be written, if it could not. What was
    /// written is durable then as far as the service says so.
    async fn write(&mut self, outcomes: Vec<Outcome>) -> Result<Vec<Option<String>>, EndError>;
}

/// How this server reaches ends.
#[derive(Clone)]
pub struct Ends {
    client: HttpClient,
    policy: NetworkPolicy,
    directory: Option<PathBuf>,
    own_database: Option<Arc<str>>,
}

/// Whose run it is, and which.
#[derive(Debug, Clone, Copy)]
pub struct RunName<'a> {
    /// The tenant.
    pub organization: OrganizationId,
    /// The execution's id.
    pub execution: &'a str,
}

impl Ends {
    /// Ends within `policy`. Files lie in `directory`, one directory for each organization; without
    /// it there are none. `own_database` is the URL of this server's own PostgreSQL, which is refused.
    pub fn new(
        policy: NetworkPolicy,
        directory: Option<PathBuf>,
        own_database: Option<String>,
    ) -> Self {
        let client = HttpClient::new(policy.clone());
        Self { client, policy, directory, own_database: own_database.map(Into::into) }
    }

    /// Whether there may be files at all.
    pub fn has_files(&self) -> bool {
        self.directory.is_some()
    }

    /// Opens a source, after the record at `after` where an earlier attempt came so far.
    ///
    /// # Errors
    /// When there is nothing to read, or it may not be read.
    pub async fn open_source(
        &self,
        run: RunName<'_>,
        source: &Source,
        secret: Option<&str>,
        after: Option<Mark>,
    ) -> Result<Box<dyn RecordSource>, EndError> {
        Ok(match &source.place {
            Place::Files { path } => {
                let objects: Arc<dyn Objects> = Arc::new(self.directory(run)?);
                Box::new(ObjectSource::open(objects, path, source.format, after).await?)
            }
            Place::S3 { prefix, .. } => {
                let objects: Arc<dyn Objects> =
                    Arc::new(Bucket::open(&self.client, &source.place, secret)?);
                Box::new(ObjectSource::open(objects, prefix, source.format, after).await?)
            }
            Place::Http { .. } => {
                Box::new(HttpSource::open(&self.client, source, secret, after).await?)
            }
            Place::Postgres { url, wanted } => {
                let connection = self.connect(url, secret).await?;
                Box::new(PostgresSource::open(connection, wanted, after).await?)
            }
        })
    }

    /// Opens a destination.
    ///
    /// # Errors
    /// When it may not be written.
    pub async fn open_destination(
        &self,
        run: RunName<'_>,
        destination: &Destination,
        secret: Option<&str>,
    ) -> Result<Box<dyn OutcomeSink>, EndError> {
        Ok(match &destination.place {
            Place::Files { path } => {
                let objects: Arc<dyn Objects> = Arc::new(self.directory(run)?);
                Box::new(ObjectSink::new(objects, path, destination, run.execution))
            }
            Place::S3 { prefix, .. } => {
                let objects: Arc<dyn Objects> =
                    Arc::new(Bucket::open(&self.client, &destination.place, secret)?);
                Box::new(ObjectSink::new(objects, prefix, destination, run.execution))
            }
            Place::Http { .. } => {
                Box::new(HttpSink::new(&self.client, destination, secret, run.execution)?)
            }
            Place::Postgres { url, wanted } => {
                let connection = self.connect(url, secret).await?;
                Box::new(PostgresSink::new(connection, wanted, destination))
            }
        })
    }

    fn directory(&self, run: RunName<'_>) -> Result<Directory, EndError> {
        let none = || EndError::new("this server has no directory for files of workflows");
        let root = self.directory.as_ref().ok_or_else(none)?;
        Ok(Directory::new(root.clone(), run.organization.to_string()))
    }

    async fn connect(
        &self,
        url: &str,
        secret: Option<&str>,
    ) -> Result<postgres::Connected, EndError> {
        postgres::connect(&self.policy, self.own_database.as_deref(), url, secret).await
    }
}

#[cfg(test)]
mod tests;
