//! Keys of another system, taken over by their hashes.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ProblemError, Time};

/// `POST /v1/api-keys/import`. The rows are read one by one, so that a bad one fails alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportApiKeys {
    /// The keys; at most 1000.
    pub keys: Vec<ImportApiKey>,
}

/// A key of another system.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportApiKey {
    /// The hash of the whole key, as the other system stores it.
    pub hash: String,
    /// How it was made.
    pub algorithm: ImportAlgorithm,
    /// How it is written; absent or `null`: as its shape tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<ImportEncoding>,
    /// What the key begins with. A key under `pbkdf2_sha256` is found by it: there it must be what
    /// stands before the key's first dot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Its name, unique among the keys that are not deleted; of a deployment's key, whom it is for.
    pub name: String,
    /// What it may be used for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The deployment that it opens; absent or `null`: it is a key of the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Uuid>,
    /// Until when it is good; absent or `null`: for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
}

/// How the other system made its hash.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ImportAlgorithm {
    /// SHA-256 of the key.
    Sha256,
    /// SHA-512 of the key.
    Sha512,
    /// PBKDF2 with HMAC-SHA-256, as Django keeps passwords: at most 2,000,000 iterations.
    Pbkdf2Sha256,
}

/// How the other system writes its hash.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ImportEncoding {
    /// Hexadecimal digits.
    Hex,
    /// Standard base64, padded or not.
    Base64,
    /// URL-safe base64, padded or not.
    Base64Url,
    /// `sha512$$…` or `pbkdf2_sha256$iterations$salt$…`
    Django,
}

/// What became of the rows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportView {
    /// How many became keys.
    pub imported: usize,
    /// How many were keys already.
    pub exists: usize,
    /// How many were refused.
    pub failed: usize,
    /// Of each row, in order.
    pub results: Vec<ImportResultView>,
}

/// What became of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ImportResultView {
    /// It is a new key.
    Imported {
        /// Its id.
        key_id: Uuid,
    },
    /// It was imported before, and is as it is.
    Exists {
        /// Its id.
        key_id: Uuid,
    },
    /// It was refused.
    Failed {
        /// Everything that is wrong with it.
        errors: Vec<ProblemError>,
    },
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use access_domain::{Import, ImportDraft};
    use keys_core::{HashAlgorithm, HashEncoding};

    use super::{ImportAlgorithm, ImportApiKey, ImportEncoding, ImportResultView, ImportView};
    use crate::Time;

    impl From<ImportApiKey> for ImportDraft {
        fn from(row: ImportApiKey) -> Self {
            Self {
                hash: row.hash,
                algorithm: match row.algorithm {
                    ImportAlgorithm::Sha256 => HashAlgorithm::Sha256,
                    ImportAlgorithm::Sha512 => HashAlgorithm::Sha512,
                    ImportAlgorithm::Pbkdf2Sha256 => HashAlgorithm::Pbkdf2Sha256,
                },
                encoding: row.encoding.map(|encoding| match encoding {
                    ImportEncoding::Hex => HashEncoding::Hex,
                    ImportEncoding::Base64 => HashEncoding::Base64,
                    ImportEncoding::Base64Url => HashEncoding::Base64Url,
                    ImportEncoding::Django => HashEncoding::Django,
                }),
                prefix: row.prefix,
                name: row.name,
                scopes: row.scopes,
                deployment: row.deployment.map(Into::into),
                expires_at: row.expires_at.map(|Time(at)| at),
            }
        }
    }

    impl From<Import> for ImportResultView {
        fn from(import: Import) -> Self {
            match import {
                Import::Made(id) => Self::Imported { key_id: id.uuid() },
                Import::Found(id) => Self::Exists { key_id: id.uuid() },
            }
        }
    }

    impl From<Vec<ImportResultView>> for ImportView {
        fn from(results: Vec<ImportResultView>) -> Self {
            let (mut imported, mut exists, mut failed) = (0, 0, 0);
            for result in &results {
                *match result {
                    ImportResultView::Imported { .. } => &mut imported,
                    ImportResultView::Exists { .. } => &mut exists,
                    ImportResultView::Failed { .. } => &mut failed,
                } += 1;
            }
            Self { imported, exists, failed, results }
        }
    }
}
