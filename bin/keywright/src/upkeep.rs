//! What a process does for the audit beside its work: writes refusals down, chains entries, and lets
//! go of old ones.

use std::{collections::HashSet, sync::Arc};

use access_domain::{AuditLog, Flush, Refusals, StoreError};
use actix_web::web;
use metrics::gauge;

use crate::{every_second::every_second, metrics::Task};

/// In passes: every ten minutes.
const PRUNE_EVERY: u64 = 600;
/// Broken chains that are remembered to have been told of.
const TOLD_AT_MOST: usize = 1000;

/// The audit of this process.
#[derive(Clone)]
pub(crate) struct Audit {
    pub(crate) log: Arc<AuditLog>,
    pub(crate) refusals: Arc<Refusals>,
}

impl Audit {
    /// Goes on until the process ends.
    pub(crate) async fn keep(self) {
        let mut told = HashSet::new();
        gauge!("keywright_audit_broken_chains").set(0.0);
        let pass = move |number: u64| self.pass(Flush::Closed, number.is_multiple_of(PRUNE_EVERY));
        every_second(Task::Audit, "the audit was not sealed", pass, |broken: Vec<String>| {
            for place in broken {
                if told.len() < TOLD_AT_MOST && told.insert(place.clone()) {
                    tracing::error!(place, "the audit is broken; its chain is left as it is");
                    gauge!("keywright_audit_broken_chains").set(told.len() as f64);
                }
            }
        })
        .await;
    }

    /// Writes down and chains what is left, before the process ends.
    pub(crate) async fn close(self) {
        if let Ok(Err(error)) = web::block(move || self.pass(Flush::All, false)).await {
            tracing::warn!(%error, "the audit was not sealed; the next process does it");
        }
    }

    /// Returns the places where chains are broken.
    fn pass(&self, flush: Flush, with_pruning: bool) -> Result<Vec<String>, StoreError> {
        let dropped = self.refusals.flush(flush)?;
        if dropped > 0 {
            tracing::warn!(dropped, "more refusals of different kinds than are noted");
        }
        let mut broken = self.log.seal()?.broken;
        if with_pruning {
            broken.extend(self.log.prune()?.broken);
        }
        Ok(broken.iter().map(ToString::to_string).collect())
    }
}
