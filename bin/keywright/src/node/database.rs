//! The database of a node: opened, brought up to date, and held against the peppers that are here.

use std::{sync::Arc, time::Duration};

use access_domain::{KeyChanges, StoreError};
use keys_core::{OsEntropy, PepperName, Peppers};
use storage_diesel::{OpenError, Options, Storage};

use crate::{configuration::Configuration, failure::Failure, pepper};

/// How long a request waits for a connection before the database counts as away.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(3);
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// What a start does about pending migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Migrations {
    /// Applies them.
    Apply,
    /// Applies them on the embedded database, which nobody else migrates; refuses to start elsewhere.
    ApplyIfEmbedded,
}

/// The first pepper of an embedded database. One that has keys already has lost its pepper: under
/// another, none of them would ever be found again.
pub(super) fn make_pepper(
    configuration: &Configuration,
    storage: &dyn Storage,
    entropy: &OsEntropy,
) -> Result<Peppers, Failure> {
    let needed = storage.secrets_per_pepper().map_err(|error| Failure::database(&error))?;
    if needed.is_empty() {
        return pepper::make(configuration, entropy);
    }
    let what =
        "secrets.pepper: the database has keys, and the file with their pepper is gone; restore it";
    Err(Failure::Configuration(what.into()))
}

/// The peppers that are to be left: those under which there are secrets already, the current one
/// apart. A pepper that comes into use while this process runs is the next one, which the servers
/// that started after this one mint with.
pub(super) fn older_peppers(
    storage: &dyn Storage,
    peppers: &Peppers,
) -> Result<Vec<PepperName>, Failure> {
    let counted = storage.secrets_per_pepper().map_err(|error| Failure::database(&error))?;
    let names = counted.into_iter().map(|(name, _)| name);
    Ok(names.filter(|name| name != peppers.current().name()).collect())
}

/// The peppers that stored keys were digested under and that `peppers` has not.
pub(crate) fn lacking_peppers(
    storage: &dyn Storage,
    peppers: &Peppers,
) -> Result<Vec<String>, StoreError> {
    let needed = storage.secrets_per_pepper()?.into_iter().map(|(name, _)| name);
    let lacking = needed.filter(|name| peppers.named(name).is_none());
    Ok(lacking.map(|name| name.as_str().to_owned()).collect())
}

/// Opens the database that the configuration names; its changes of keys are told to `changes`.
pub(crate) fn open_storage(
    configuration: &Configuration,
    changes: Arc<dyn KeyChanges>,
) -> Result<Arc<dyn Storage>, Failure> {
    let options = Options {
        max_connections: configuration.database.pool_size,
        connection_timeout: CONNECTION_TIMEOUT,
        statement_timeout: STATEMENT_TIMEOUT,
    };
    let opened = storage_diesel::open(&configuration.database.url.0, &options, changes);
    opened.map_err(|error| match error {
        OpenError::UnknownUrl | OpenError::TlsMissing { .. } => {
            Failure::Configuration(format!("database.url: {error}"))
        }
        OpenError::File { .. } | OpenError::Unavailable { .. } => Failure::database(&error),
    })
}

pub(super) fn settle_schema(
    storage: &dyn Storage,
    configuration: &Configuration,
    wanted: Migrations,
) -> Result<(), Failure> {
    let database = |error: StoreError| Failure::database(&error);
    let unknown = storage.unknown_migrations().map_err(database)?;
    if unknown.len() > 1 {
        let what =
            format!("a newer version made this schema ({}); run that version", unknown.join(", "));
        return Err(Failure::Database(what));
    }
    let pending = storage.pending_migrations().map_err(database)?;
    let is_embedded = configuration.embedded_database().is_some();
    if pending.is_empty() {
        return Ok(());
    }
    if wanted == Migrations::Apply || is_embedded {
        let applied = storage.migrate().map_err(database)?;
        tracing::info!(migrations = applied.join(", "), "the schema was brought up to date");
        return Ok(());
    }
    let what = format!(
        "pending migrations: {}; run 'keywright migrate run' or serve with --migrate",
        pending.join(", ")
    );
    Err(Failure::Database(what))
}
