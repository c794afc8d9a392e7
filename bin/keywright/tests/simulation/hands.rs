//! What the simulation holds in its hands: clocks, what may be away, and the moments at which a look-up goes on.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use access_domain::{
    Clock, ForeignDigests, KeyChanges, KeyLookup, KeyMark, KeyMatches, KeyQuery, KeyRecord, Node,
    NodeId, NodeNews, NodeStore, OrganizationId, Roll, StoreError,
};
use http_actix::KeyEpochs;
use keys_core::{Digest, PepperName, StoredSecret, Timestamp};
use storage_diesel::Storage;

use super::given::SET_UP_AT;

/// Nothing that a thread is waited for takes so long.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// A look-up that joined another one makes none of its own; this long it is waited for all the same, to be sure.
const BRIEFLY: Duration = Duration::from_millis(5);

/// The true time since the beginning, which no node knows.
#[derive(Debug, Default)]
pub(super) struct Truth(AtomicU64);

impl Truth {
    pub(super) fn now(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::SeqCst))
    }

    pub(super) fn passes(&self, by: Duration) {
        self.0.fetch_add(micros(by), Ordering::SeqCst);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap()
}

/// The clocks of one machine: one that can be set, and one that stands still while the machine sleeps.
#[derive(Default)]
pub(super) struct NodeClock {
    truth: Arc<Truth>,
    /// How far the wall clock is off, in microseconds.
    pub(super) off_by: AtomicI64,
    slept: AtomicU64,
}

impl NodeClock {
    /// Right, until something is done to it.
    pub(super) fn by(truth: &Arc<Truth>) -> Self {
        Self { truth: Arc::clone(truth), ..Self::default() }
    }

    pub(super) fn slept(&self, for_how_long: Duration) {
        self.slept.fetch_add(micros(for_how_long), Ordering::SeqCst);
    }
}

impl Clock for NodeClock {
    fn now(&self) -> Timestamp {
        let began = Timestamp::UNIX_EPOCH + SET_UP_AT + Duration::from_secs(3600);
        let off_by = chrono::TimeDelta::microseconds(self.off_by.load(Ordering::SeqCst));
        began + self.truth.now() + off_by
    }

    fn uptime(&self) -> Duration {
        self.truth.now() - Duration::from_micros(self.slept.load(Ordering::SeqCst))
    }
}

/// Whether something answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Reach {
    #[default]
    Here,
    /// Nothing is done.
    Away,
    /// Everything is done, and no answer comes.
    Silent,
}

/// One node's way to something.
#[derive(Debug, Default)]
pub(super) struct Way(Mutex<Reach>);

impl Way {
    pub(super) fn is(&self) -> Reach {
        *self.0.lock().unwrap()
    }

    pub(super) fn set(&self, reach: Reach) {
        *self.0.lock().unwrap() = reach;
    }
}

pub(super) fn away() -> StoreError {
    StoreError::Unavailable { doing: "being simulated", source: "away".into() }
}

/// What storage tells of changes goes to the memory that the node has now.
pub(super) struct Told(pub(super) Mutex<Arc<KeyEpochs>>);

impl KeyChanges for Told {
    fn raise(&self, organization: OrganizationId, number: Option<u64>) {
        let epochs = Arc::clone(&self.0.lock().unwrap());
        epochs.raise(organization, number);
    }
}

/// How far a question to storage has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It has begun, and has not read yet.
    Begun,
    MayRead,
    /// It has read, and nobody has heard what.
    Read,
    MayTell,
}

/// Where questions stop until they may go on. Each has a number.
#[derive(Default)]
pub(super) struct Stops {
    stages: Mutex<(u64, BTreeMap<u64, Stage>)>,
    moved: Condvar,
}

type Stages = (u64, BTreeMap<u64, Stage>);

impl Stops {
    /// How many have begun so far.
    pub(super) fn begun(&self) -> u64 {
        self.stages.lock().unwrap().0
    }

    /// Waits until a question has begun after `before` others. One must come unless it may have joined another.
    pub(super) fn next_after(&self, before: u64, may_have_joined: bool) {
        let patience = if may_have_joined { BRIEFLY } else { PATIENCE };
        let stages = self.stages.lock().unwrap();
        let is_missing = |(begun, _): &mut Stages| *begun == before;
        let (stages, waited) = self.moved.wait_timeout_while(stages, patience, is_missing).unwrap();
        assert!(may_have_joined || !waited.timed_out(), "a question does not begin");
        drop(stages);
    }

    /// Those that stop somewhere.
    pub(super) fn stopped(&self) -> Vec<(u64, Stage)> {
        self.stages.lock().unwrap().1.iter().map(|(id, stage)| (*id, *stage)).collect()
    }

    /// Lets one go on to its next stop, or to its end.
    pub(super) fn go_on(&self, id: u64) {
        let mut stages = self.stages.lock().unwrap();
        let Some(stage) = stages.1.get_mut(&id) else { return };
        let (next, then) = match *stage {
            Stage::Begun | Stage::MayRead => (Stage::MayRead, Some(Stage::Read)),
            Stage::Read | Stage::MayTell => (Stage::MayTell, None),
        };
        *stage = next;
        self.moved.notify_all();
        let is_under_way = |(_, all): &mut Stages| all.get(&id).copied() != then;
        let (stages, waited) =
            self.moved.wait_timeout_while(stages, PATIENCE, is_under_way).unwrap();
        drop(stages);
        assert!(!waited.timed_out(), "a question does not go on");
    }

    /// Lets all go to their ends: their node is no more.
    pub(super) fn open(&self) {
        for (id, stage) in self.stopped() {
            self.go_on(id);
            if stage == Stage::Begun {
                self.go_on(id);
            }
        }
    }

    /// Stops until it may go on; the first time under a number of its own, which it returns.
    fn stop(&self, id: Option<u64>, at: Stage, until: Stage) -> u64 {
        let mut stages = self.stages.lock().unwrap();
        let id = id.unwrap_or(stages.0 + 1);
        stages.0 = stages.0.max(id);
        stages.1.insert(id, at);
        self.moved.notify_all();
        let must_wait = |(_, all): &mut Stages| all.get(&id) != Some(&until);
        drop(self.moved.wait_while(stages, must_wait).unwrap());
        id
    }

    fn end(&self, id: u64) {
        self.stages.lock().unwrap().1.remove(&id);
        self.moved.notify_all();
    }
}

/// Look-ups of keys, each of which stops before it reads and before it tells.
pub(super) struct Lookups {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) way: Arc<Way>,
    pub(super) stops: Arc<Stops>,
}

impl KeyLookup for Lookups {
    fn find_keys(&self, queries: &[KeyQuery]) -> Result<Vec<KeyMatches>, StoreError> {
        let id = self.stops.stop(None, Stage::Begun, Stage::MayRead);
        let found = match self.way.is() {
            Reach::Here => self.storage.find_keys(queries),
            Reach::Away | Reach::Silent => Err(away()),
        };
        self.stops.stop(Some(id), Stage::Read, Stage::MayTell);
        self.stops.end(id);
        found
    }

    fn rehash(&self, _: &Digest, _: &Digest, _: &PepperName) -> Result<(), StoreError> {
        Ok(())
    }

    fn adopt(
        &self,
        _: &KeyRecord,
        _: &StoredSecret,
        _: &ForeignDigests,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn note_uses(&self, _: &[(Digest, Timestamp)]) -> Result<(), StoreError> {
        Ok(())
    }
}

/// What a follower asks: it stops before it tells what it has read.
pub(super) struct News {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) way: Arc<Way>,
    pub(super) stops: Arc<Stops>,
    pub(super) is_deaf: bool,
}

impl NodeStore for News {
    fn node_news(&self, since: Option<KeyMark>) -> Result<NodeNews, StoreError> {
        let told = match self.way.is() {
            Reach::Here => self.storage.node_news(since),
            Reach::Away | Reach::Silent => Err(away()),
        };
        let id = self.stops.stop(None, Stage::Read, Stage::MayTell);
        self.stops.end(id);
        let changed = |news: NodeNews| if self.is_deaf { Vec::new() } else { news.changed };
        told.map(|news| NodeNews { changed: changed(news.clone()), ..news })
    }

    fn be_seen(&self, node: &Node, answered: u64) -> Result<(), StoreError> {
        match self.way.is() {
            Reach::Here => self.storage.be_seen(node, answered),
            Reach::Away => Err(away()),
            Reach::Silent => self.storage.be_seen(node, answered).and(Err(away())),
        }
    }

    fn leave(&self, node: NodeId) -> Result<(), StoreError> {
        self.storage.leave(node)
    }

    fn call_roll(&self) -> Result<u64, StoreError> {
        self.storage.call_roll()
    }

    fn roll(&self, number: u64) -> Result<Roll, StoreError> {
        self.storage.roll(number)
    }
}
