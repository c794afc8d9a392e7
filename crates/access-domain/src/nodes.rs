//! The servers over one database: what each has heard of the others' changes of keys, and who has heard of one that somebody
//! asks about. Knows nothing of how they wake each other: storage is the truth, and whatever wakes only makes it be asked sooner.

use std::{sync::Arc, time::Duration};

use keys_core::Id;

use crate::{OrganizationId, StoreError};

/// The id of one run of a server: another start is another node.
pub type NodeId = Id<Node>;

/// One running server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: NodeId,
    /// What its operator knows it by: the machine and the process id, as `machine/process`.
    pub name: String,
}

impl Node {
    /// A node that was not seen for so long counts as gone. What it remembers has been too old to answer from for a long time by then.
    pub const GONE_AFTER: Duration = Duration::from_secs(90);
    /// How often it says that it is there.
    pub const SEEN_EVERY: Duration = Duration::from_secs(10);
}

/// Up to where a node has heard of changes, in storage's own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyMark {
    /// Whose count it is: a database that was restarted, or that took another's place, may count anew.
    pub past: i64,
    /// Every change before this one was heard of.
    pub next: i64,
}

/// What has happened since a node last asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeNews {
    /// Where to go on.
    pub mark: KeyMark,
    /// Organizations whose keys may be decided on differently, each with the number of its last change. One that was told of
    /// before may be among them.
    pub changed: Vec<(OrganizationId, u64)>,
    /// Whether nothing that is remembered may hold any more: too much has changed, or what was asked from is another's past.
    pub forgets_all: bool,
    /// The last roll call.
    pub roll_call: u64,
}

/// Who answered a roll call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roll {
    /// The names of those that did, in order.
    pub answered: Vec<String>,
    /// Of those that are alive, as far as is known, and did not.
    pub missing: Vec<String>,
}

/// Where nodes find each other.
pub trait NodeStore: Send + Sync {
    /// What has happened since `since`, as of one instant after the call began; without it, where things stand now.
    ///
    /// # Errors
    /// When storage fails.
    fn node_news(&self, since: Option<KeyMark>) -> Result<NodeNews, StoreError>;

    /// Notes that the node is there, and has heard of everything before the roll call `answered`. Forgets nodes that are gone.
    ///
    /// # Errors
    /// When storage fails.
    fn be_seen(&self, node: &Node, answered: u64) -> Result<(), StoreError>;

    /// Forgets the node, which remembers nothing any more.
    ///
    /// # Errors
    /// When storage fails.
    fn leave(&self, node: NodeId) -> Result<(), StoreError>;

    /// Calls the roll: whoever answers has heard of every change that was saved before. Returns the call's number.
    ///
    /// # Errors
    /// When storage fails.
    fn call_roll(&self) -> Result<u64, StoreError>;

    /// Who has answered the call of this number, or a later one.
    ///
    /// # Errors
    /// When storage fails.
    fn roll(&self, number: u64) -> Result<Roll, StoreError>;
}

/// The use case of whoever wants to know that a change holds everywhere.
pub struct Nodes {
    /// Where nodes find each other.
    pub store: Arc<dyn NodeStore>,
    /// Has nodes ask sooner than they would by themselves.
    pub bell: Arc<dyn Bell>,
}

impl Nodes {
    /// Asks every node whether it has heard of what was saved until now; returns the number of the question.
    ///
    /// # Errors
    /// When storage fails.
    pub fn call_roll(&self) -> Result<u64, StoreError> {
        let number = self.store.call_roll()?;
        self.bell.ring(Topic::Keys);
        Ok(number)
    }

    /// Who has answered it.
    ///
    /// # Errors
    /// When storage fails.
    pub fn roll(&self, number: u64) -> Result<Roll, StoreError> {
        self.store.roll(number)
    }
}

/// What there is news of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Keys have changed, or the roll is called.
    Keys,
    /// Runs wait for a worker.
    Runs,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 2] = [Self::Keys, Self::Runs];

    /// Its name, between processes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Runs => "runs",
        }
    }

    /// The topic of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == name)
    }
}

/// Wakes other processes. Never waits, and may be lost: whoever is woken would ask by itself before long.
pub trait Bell: Send + Sync {
    /// There is news of `topic`.
    fn ring(&self, topic: Topic);
}

/// For processes that are alone.
impl Bell for () {
    fn ring(&self, _: Topic) {}
}
