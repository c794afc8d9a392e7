//! `[files]`: where files that callers send are kept, and what bounds them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Configuration;

/// The files of executions.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Files {
    /// Where they are kept; `files` beside the embedded database, unless it is said. All servers and
    /// workers of one database must reach the same directory.
    pub(crate) directory: Option<PathBuf>,
    /// A file up to this size stays in memory until its call is accepted.
    pub(crate) memory_bytes: usize,
    /// All files of a call together.
    pub(crate) max_call_bytes: u64,
    /// How long the files of a call may take to arrive.
    pub(crate) upload_seconds: u64,
    /// The largest file that text is extracted from.
    pub(crate) max_document_bytes: usize,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            directory: None,
            memory_bytes: 64 << 10,
            max_call_bytes: 1 << 30,
            upload_seconds: 600,
            max_document_bytes: 32 << 20,
        }
    }
}

impl Files {
    pub(crate) fn ranges(&self) -> [(&'static str, u64, u64, u64); 4] {
        let gibibyte = 1 << 30;
        [
            ("files.memory_bytes", self.memory_bytes as u64, 0, 64 << 20),
            ("files.max_call_bytes", self.max_call_bytes, 1, 1024 * gibibyte),
            ("files.upload_seconds", self.upload_seconds, 1, 86_400),
            ("files.max_document_bytes", self.max_document_bytes as u64, 1, gibibyte),
        ]
    }
}

impl Configuration {
    /// Where files are kept.
    pub(crate) fn files_directory(&self) -> PathBuf {
        if let Some(directory) = &self.files.directory {
            return directory.clone();
        }
        let database = self.embedded_database().unwrap_or_else(|| "data/keywright.db".into());
        database.with_file_name("files")
    }
}
