//! Hears what other servers over the same database change of keys.
//!
//! Storage is asked again and again, and nothing depends on being woken: whoever wakes it only has it ask sooner.

use std::{collections::HashMap, sync::Arc, time::Duration};

use access_domain::{Clock, KeyMark, Node, NodeStore, OrganizationId, StoreError};

use crate::{KeyEpochs, key_epochs::Moment};

/// One server that follows the others.
pub struct Follower {
    store: Arc<dyn NodeStore>,
    epochs: Arc<KeyEpochs>,
    clock: Arc<dyn Clock>,
    node: Node,
    mark: Option<KeyMark>,
    /// What was told from the present mark on: it is told again for as long as somebody else's transaction holds the mark.
    told: HashMap<OrganizationId, u64>,
    answered: u64,
    /// By uptime.
    seen: Duration,
}

impl Follower {
    /// Begins where things stand. From now on, whoever asks whether everybody has heard of a change waits for this node, too.
    ///
    /// # Errors
    /// When storage fails.
    pub fn begin(
        store: Arc<dyn NodeStore>,
        epochs: Arc<KeyEpochs>,
        clock: Arc<dyn Clock>,
        node: Node,
    ) -> Result<Self, StoreError> {
        let (mark, answered, seen, told) = (None, 0, Duration::ZERO, HashMap::new());
        let mut follower = Self { store, epochs, clock, node, mark, told, answered, seen };
        follower.step()?;
        Ok(follower)
    }

    /// Asks once. When it returns, nothing that was saved before it was called is answered otherwise from memory, and who called
    /// the roll is told so.
    ///
    /// # Errors
    /// When storage fails: what is remembered grows older.
    pub fn step(&mut self) -> Result<(), StoreError> {
        let began = Moment::of(&*self.clock);
        let news = self.store.node_news(self.mark)?;
        if news.forgets_all || self.mark.is_none() {
            self.epochs.raise_all();
        }
        if self.mark != Some(news.mark) {
            self.told.clear();
        }
        for (organization, number) in news.changed {
            if self.told.insert(organization, number) != Some(number) {
                self.epochs.hear(organization, number);
            }
        }
        self.epochs.confirm(began);
        let is_first = self.mark.replace(news.mark).is_none();
        let is_unseen = self.clock.uptime().saturating_sub(self.seen) >= Node::SEEN_EVERY;
        if is_first || is_unseen || news.roll_call != self.answered {
            self.store.be_seen(&self.node, news.roll_call)?;
            (self.answered, self.seen) = (news.roll_call, self.clock.uptime());
        }
        Ok(())
    }

    /// Says that this node remembers nothing any more. One that does not is missed for [`Node::GONE_AFTER`].
    ///
    /// # Errors
    /// When storage fails.
    pub fn leave(self) -> Result<(), StoreError> {
        self.store.leave(self.node.id)
    }
}
