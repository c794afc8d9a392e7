//! The section `[etl]`: where the files of workflows lie.

use std::path::PathBuf;

use outbound::Ends;
use serde::{Deserialize, Serialize};

use super::Configuration;

/// What ETL workflows may reach on this machine.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EtlSettings {
    /// Holds one directory for each organization, named by its id; without it, workflows have no
    /// files.
    pub(crate) directory: Option<PathBuf>,
}

impl Configuration {
    /// How workflows reach what they read and write.
    pub(crate) fn ends(&self) -> Ends {
        let is_embedded = self.embedded_database().is_some();
        let own = (!is_embedded).then(|| self.database.url.0.clone());
        Ends::new(self.outbound.policy(), self.etl.directory.clone(), own)
    }
}
