//! What the database knows of keys that were found. Reads, and changes nothing.

use std::{path::Path, sync::Arc};

use access_domain::{Clock as _, KeyMatches, PresentedKey};
use keys_core::{Denial, Key, KeyRequest, Peppers, Timestamp, decide};
use serde::Serialize;
use storage_diesel::Storage;

use crate::{
    clock::SystemClock, configuration::Loaded, failure::Failure, node::open_storage, pepper,
};

/// A database and the peppers that its keys are kept under.
pub(super) struct Lookup {
    storage: Arc<dyn Storage>,
    peppers: Peppers,
}

/// A key that the database knows.
#[derive(Serialize)]
pub(super) struct KnownKey {
    pub(super) key_id: String,
    pub(super) organization: String,
    /// `live`, or the first reason why it is not.
    pub(super) status: &'static str,
}

impl Lookup {
    /// Opens what is configured; makes neither a database nor a pepper.
    pub(super) fn open(config: Option<&Path>) -> Result<Self, Failure> {
        let configuration = Loaded::read(config)?.configuration;
        if configuration.embedded_database().is_some_and(|path| !path.exists()) {
            return Err(Failure::Database("there is no database yet".into()));
        }
        let peppers = pepper::find(&configuration)?;
        let peppers =
            peppers.ok_or_else(|| Failure::Configuration("there is no pepper yet".into()))?;
        let storage = open_storage(&configuration, Arc::new(()))?;
        let pending = storage.pending_migrations().map_err(|error| Failure::database(&error))?;
        if !pending.is_empty() {
            return Err(Failure::Database(format!("pending migrations: {}", pending.join(", "))));
        }
        Ok(Self { storage, peppers })
    }

    /// What look-ups make their digests under.
    pub(super) fn peppers(&self) -> &Peppers {
        &self.peppers
    }

    /// For each key, those that it opens. One read, however many there are.
    pub(super) fn ask<'a>(
        &self,
        keys: impl Iterator<Item = &'a PresentedKey>,
    ) -> Result<Vec<Vec<KnownKey>>, Failure> {
        let queries: Vec<_> = keys.map(|key| key.query(&self.peppers)).collect();
        let found = self.storage.find_keys(&queries).map_err(|error| Failure::database(&error))?;
        let now = SystemClock.now();
        Ok(found.iter().map(|matches| known(matches, now)).collect())
    }
}

fn known(matches: &KeyMatches, now: Timestamp) -> Vec<KnownKey> {
    let known = matches.iter().map(|record| KnownKey {
        key_id: record.id.to_string(),
        organization: record.organization.slug.clone(),
        status: status(&record.key, now),
    });
    known.collect()
}

fn status<O>(key: &Key<O>, now: Timestamp) -> &'static str {
    match decide(key, &KeyRequest::default(), now) {
        // It opens something to somebody, and the finder may be that one.
        Ok(()) | Err(Denial::InsufficientScope | Denial::AddressNotAllowed) => "live",
        Err(Denial::Revoked) => "revoked",
        Err(Denial::Expired) => "expired",
        Err(Denial::Inactive) => "inactive",
        Err(Denial::OwnerInactive) => "deployment_inactive",
    }
}
