//! Answered requests, as whoever counts them hears of them. Knows nothing of how they are counted.

use keys_core::KeyId;

use crate::{DeploymentId, KeyOwner, KeyRecord, OrganizationId, TokenUsage};

/// For whom something is counted: a key, with what it belongs to. Unknown keys are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consumer {
    /// The tenant.
    pub organization: OrganizationId,
    /// The key; none where a run is counted that no key started.
    pub key: Option<KeyId>,
    /// The deployment that it opens, if it is a deployment's key.
    pub deployment: Option<DeploymentId>,
}

impl Consumer {
    /// For whom the use of a key is counted, whether it is good or not.
    pub fn of(record: &KeyRecord) -> Self {
        let deployment = match record.key.owner {
            KeyOwner::Deployment(deployment) => Some(deployment),
            KeyOwner::Platform(_) | KeyOwner::Organization => None,
        };
        Self { organization: record.organization.id, key: Some(record.id), deployment }
    }
}

/// How a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// It was done.
    Succeeded,
    /// It was let in, and the server or the run that it waited for failed.
    Failed,
    /// It was not let in, or asked for what cannot be: the stable name of the refusal.
    Rejected(&'static str),
}

/// A request that came with a right key and was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Who made it.
    pub consumer: Consumer,
    /// What they were answered.
    pub outcome: CallOutcome,
    /// What a model read and wrote for it.
    pub tokens: TokenUsage,
}

/// What hears of calls. Answers at once and never fails: whoever tells is about to answer a caller.
pub trait CallLog: Send + Sync {
    /// A request was answered.
    fn note(&self, call: Call);

    /// Another system asked what becomes of a key, and was told.
    fn note_verification(&self, tested: Consumer, is_valid: bool);
}

/// For edges that count nothing.
impl CallLog for () {
    fn note(&self, _: Call) {}

    fn note_verification(&self, _: Consumer, _: bool) {}
}
