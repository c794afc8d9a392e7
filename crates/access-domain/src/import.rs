//! Taking keys over from another system by the hashes that it keeps of them, so that their holders
//! notice nothing. Each row stands for itself: a bad one fails alone. Knows nothing of how such a
//! key is found when it is used.

use std::sync::Arc;

use chrono::TimeDelta;
use keys_core::{
    Entropy, ForeignPrefix, HashAlgorithm, HashEncoding, Id, ImportedHash, KeyId, Timestamp,
};
use uuid::Uuid;

use crate::{
    Act, Action, Clock, DeploymentId, Fault, FaultCode, Granted, KeyDraft, KeyImportStore,
    KeyTerms, ManageKeys, StoreError, TermDraft, check_text,
    managed_key::{MAX_DESCRIPTION, MAX_NAME},
    managed_keys::check_scopes,
};

/// The most rows that are imported at once.
pub const MAX_IMPORTED_KEYS: usize = 1000;
/// How many of them are saved together: others write in between.
const ROWS_PER_TRANSACTION: usize = 100;
/// The longest that is noted of how a key begins, in characters. A key is never that short.
const MAX_PREFIX: usize = 15;

/// A key of another system, as somebody asks to have it imported.
#[derive(Debug, Clone)]
pub struct ImportDraft {
    /// The hash, as the other system stores it.
    pub hash: String,
    /// How it was made.
    pub algorithm: HashAlgorithm,
    /// How it is written; without it, its shape tells.
    pub encoding: Option<HashEncoding>,
    /// What the key begins with.
    pub prefix: Option<String>,
    /// The name; of a deployment's key, whom it is for.
    pub name: String,
    /// What it may be used for, as it was sent.
    pub scopes: Vec<String>,
    /// The deployment that it is to open; without one it becomes a key of the organization.
    pub deployment: Option<DeploymentId>,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
}

/// An imported key that is about to be stored.
#[derive(Debug, Clone)]
pub struct NewImport {
    /// Its id.
    pub id: KeyId,
    /// The deployment that it opens, if it is one's.
    pub deployment: Option<DeploymentId>,
    /// Its name; empty for a deployment's.
    pub name: String,
    /// Everything else.
    pub terms: KeyTerms,
    /// How long it is good from now on: a rotation begins this term anew.
    pub term: Option<TimeDelta>,
    /// What the other system keeps of its secret.
    pub hash: ImportedHash,
    /// What it begins with, as far as that was told.
    pub prefix: Option<String>,
    /// The user or key that imported it.
    pub created_by: Uuid,
    /// When.
    pub created_at: Timestamp,
    /// What is noted if it is saved.
    pub act: Act,
}

/// A row that is a key now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Import {
    /// A new one.
    Made(KeyId),
    /// It was imported before, and is as it is: nothing was changed.
    Found(KeyId),
}

/// Why a row was not imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportRefusal {
    /// Something about it is wrong.
    #[error("the row has {} faults", faults.len())]
    Faults {
        /// All of it; the pointers begin at the row.
        faults: Vec<Fault>,
    },
    /// The caller would give what it has not.
    #[error("nobody gives a scope that they have not")]
    ScopeNotHeld,
    /// Another key of the organization has this name.
    #[error("another key has this name")]
    NameTaken,
    /// There is no such deployment for this caller.
    #[error("there is no such deployment")]
    UnknownDeployment,
    /// It was imported before and then deleted, with its deployment or by itself.
    #[error("this key was imported before and then deleted, which is final")]
    Deleted,
}

/// What became of one row.
pub type ImportOutcome = Result<Import, ImportRefusal>;

/// The use case of importing.
pub struct KeyImports {
    /// Where keys are kept.
    pub store: Arc<dyn KeyImportStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids.
    pub entropy: Arc<dyn Entropy>,
}

impl KeyImports {
    /// Imports the rows, one by one; tells of each, in order, what became of it. May be repeated:
    /// what was imported before is left as it is.
    ///
    /// # Errors
    /// When storage fails. Rows before the failure may have been imported.
    pub fn import(
        &self,
        granted: &Granted<ManageKeys>,
        drafts: &[ImportDraft],
    ) -> Result<Vec<ImportOutcome>, StoreError> {
        let now = self.clock.now();
        let mut outcomes = Vec::with_capacity(drafts.len());
        for drafts in drafts.chunks(ROWS_PER_TRANSACTION) {
            let judged: Vec<_> =
                drafts.iter().map(|draft| self.judge(granted, draft, now)).collect();
            let good: Vec<&NewImport> = judged.iter().flatten().collect();
            let organization = granted.organization();
            let saved = if good.is_empty() {
                Vec::new()
            } else {
                self.store.import_keys(organization, granted.visibility(), &good)?
            };
            let mut saved = saved.into_iter();
            // Storage answers for each row that it was given, so that none is missing here.
            outcomes.extend(judged.into_iter().map(|row| match row {
                Ok(_) => saved.next().unwrap_or(Err(ImportRefusal::UnknownDeployment)),
                Err(refusal) => Err(refusal),
            }));
        }
        Ok(outcomes)
    }

    fn judge(
        &self,
        granted: &Granted<ManageKeys>,
        draft: &ImportDraft,
        now: Timestamp,
    ) -> Result<NewImport, ImportRefusal> {
        let (hash, terms) = draft.read(now).map_err(|faults| ImportRefusal::Faults { faults })?;
        check_scopes(granted.who(), terms.scopes.iter())
            .map_err(|_| ImportRefusal::ScopeNotHeld)?;
        let is_deployments = draft.deployment.is_some();
        Ok(NewImport {
            id: Id::generate(now, &*self.entropy),
            deployment: draft.deployment,
            name: if is_deployments { String::new() } else { draft.name.clone() },
            term: terms.expires_at.map(|end| end - now),
            terms,
            hash,
            prefix: draft.prefix.clone(),
            created_by: granted.who().actor(),
            created_at: now,
            act: granted.act(Action::KeyImported, now, &*self.entropy),
        })
    }
}

impl ImportDraft {
    /// The hash and the terms of a key that is imported at `now`.
    fn read(&self, now: Timestamp) -> Result<(ImportedHash, KeyTerms), Vec<Fault>> {
        let mut faults = Vec::new();
        let hash = ImportedHash::parse(&self.hash, self.algorithm, self.encoding);
        let hash = hash.map_err(|error| faults.push(Fault::invalid("/hash", error.to_string())));
        self.check_prefix(&mut faults);
        let is_deployments = self.deployment.is_some();
        let (least, most) = if is_deployments { (0, MAX_DESCRIPTION) } else { (1, MAX_NAME) };
        check_text(&mut faults, "/name", &self.name, least, most);
        if is_deployments && !self.scopes.is_empty() {
            let what = "a key of a deployment has no scopes: it opens its deployment";
            faults.push(Fault::invalid("/scopes", what));
        }
        let draft = KeyDraft {
            scopes: self.scopes.clone(),
            term: TermDraft { expires_at: self.expires_at, expires_in_days: None },
            metadata: "{}".into(),
            ..KeyDraft::default()
        };
        let terms = draft.terms(now).map_err(|others| faults.extend(others));
        match (hash, terms) {
            (Ok(hash), Ok(terms)) if faults.is_empty() => {
                let description = if is_deployments { self.name.clone() } else { String::new() };
                Ok((hash, KeyTerms { description, ..terms }))
            }
            _ => Err(faults),
        }
    }

    fn check_prefix(&self, faults: &mut Vec<Fault>) {
        match (&self.prefix, self.algorithm) {
            (None, HashAlgorithm::Pbkdf2Sha256) => {
                let what = "a key under pbkdf2_sha256 is found by its prefix: give it";
                faults.push(Fault::new("/prefix", FaultCode::MissingField, what));
            }
            (Some(prefix), HashAlgorithm::Pbkdf2Sha256) => {
                if let Err(error) = ForeignPrefix::parse(prefix) {
                    faults.push(Fault::invalid("/prefix", error.to_string()));
                }
            }
            (Some(prefix), _) => check_text(faults, "/prefix", prefix, 0, MAX_PREFIX),
            (None, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn draft() -> ImportDraft {
        ImportDraft {
            hash: "00".repeat(32),
            algorithm: HashAlgorithm::Sha256,
            encoding: None,
            prefix: None,
            name: "shop".into(),
            scopes: Vec::new(),
            deployment: None,
            expires_at: None,
        }
    }

    #[track_caller]
    fn check(draft: &ImportDraft, expected: &[&str]) {
        let faults = draft.read(NOW).err().unwrap_or_default();
        let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, expected);
    }

    #[test]
    fn every_fault_of_a_row_is_told_with_its_place() {
        check(&draft(), &[]);
        let wrong = ImportDraft {
            hash: "0".into(),
            prefix: Some("x".repeat(MAX_PREFIX + 1)),
            name: String::new(),
            scopes: vec!["A".into()],
            expires_at: Some(NOW),
            ..draft()
        };
        check(&wrong, &["/hash", "/prefix", "/name", "/scopes/0", "/expires_at"]);
    }

    #[test]
    fn a_salted_hash_needs_a_prefix_that_finds_it() {
        let hash = format!("pbkdf2_sha256$1$salt${}=", "A".repeat(43));
        let salted = ImportDraft { hash, algorithm: HashAlgorithm::Pbkdf2Sha256, ..draft() };
        let with = |prefix: &str| ImportDraft { prefix: Some(prefix.into()), ..salted.clone() };
        check(&salted, &["/prefix"]);
        check(&with("pre.fix"), &["/prefix"]);
        check(&with("n58lzybi"), &[]);
    }

    #[test]
    fn a_deployments_key_has_a_description_in_place_of_a_name_and_no_scopes() {
        let deployment = Some(Uuid::from_u128(1).into());
        let of_deployment = ImportDraft { deployment, ..draft() };
        let (_, terms) = of_deployment.read(NOW).unwrap();
        assert_eq!(terms.description, "shop");
        check(&ImportDraft { name: String::new(), ..of_deployment.clone() }, &[]);
        check(&ImportDraft { scopes: vec!["a".into()], ..of_deployment }, &["/scopes"]);
    }
}
