//! The secrets of a run: looked up when a template names them, and blanked wherever they come out.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use access_domain::{OrganizationId, SecretValues, StoreError};
use serde_json::Value;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

/// A shorter one would be found by chance, all over what a run puts out.
const SHORTEST_BLANKED: usize = 4;

/// What a run has been told so far.
pub(crate) struct Secrets {
    values: Arc<dyn SecretValues>,
    organization: OrganizationId,
    known: Mutex<BTreeMap<String, Zeroizing<String>>>,
}

impl Secrets {
    pub(crate) fn new(values: Arc<dyn SecretValues>, organization: OrganizationId) -> Self {
        Self { values, organization, known: Mutex::default() }
    }

    /// What a template sees as `secrets`: those that it names.
    ///
    /// # Errors
    /// The name of one that there is not, or that storage failed.
    pub(crate) async fn named(
        &self,
        names: Vec<String>,
    ) -> Result<minijinja::Value, SecretsUnknown> {
        let missing: Vec<String> = {
            let known = self.known();
            names.iter().filter(|name| !known.contains_key(*name)).cloned().collect()
        };
        if !missing.is_empty() {
            let (values, organization) = (Arc::clone(&self.values), self.organization);
            let found = spawn_blocking(move || values.reveal(organization, &missing)).await;
            let found = found.map_err(|_| SecretsUnknown::Lost)?.map_err(SecretsUnknown::Store)?;
            let mut known = self.known();
            for (name, secret) in found {
                known.insert(name, Zeroizing::new(secret.reveal_once()));
            }
        }
        let known = self.known();
        let mut told = BTreeMap::new();
        for name in names {
            let Some(value) = known.get(&name) else { return Err(SecretsUnknown::Named(name)) };
            told.insert(name, minijinja::Value::from(value.as_str()));
        }
        Ok(minijinja::Value::from(told))
    }

    /// A text without the values of secrets.
    pub(crate) fn blanked_text(&self, text: String) -> String {
        let known = self.known();
        let long = known.iter().filter(|(_, value)| value.len() >= SHORTEST_BLANKED);
        long.fold(text, |text, (name, value)| {
            if text.contains(value.as_str()) {
                text.replace(value.as_str(), &format!("[secret {name}]"))
            } else {
                text
            }
        })
    }

    /// A value without the values of secrets, in whatever strings and names they stand.
    pub(crate) fn blanked(&self, value: Value) -> Value {
        if self.known().is_empty() {
            return value;
        }
        match value {
            Value::String(text) => Value::String(self.blanked_text(text)),
            Value::Array(items) => items.into_iter().map(|item| self.blanked(item)).collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(name, item)| (self.blanked_text(name), self.blanked(item)))
                .collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Zeroizing<String>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a template's secrets are not known.
pub(crate) enum SecretsUnknown {
    /// There is none of this name.
    Named(String),
    /// They could not be read.
    Store(StoreError),
    /// Nobody answered.
    Lost,
}
