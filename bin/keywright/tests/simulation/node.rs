//! One simulated node: the real memory of keys, limiter and worker's moves, with clocks and ways that the simulation holds.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::Duration,
};

use access_domain::{FallbackLimiter, KeyMatches, OnLimiterFailure, OrganizationId, StoreError};
use auth_actix::{Follower, KeyCache};
use client_rust::Uuid;
use http_actix::{KeyCacheConfig, KeyEpochs};
use storage_diesel::{Options, Storage};
use test_support::databases::Database;

use super::{
    Flaw,
    given::peppers,
    hands::{Lookups, News, NodeClock, Reach, Stops, Told, Truth, Way},
    limits::{Keeper, Noted, Passes, Shared},
    runs::Held,
};

/// How long a node goes on answering from memory when it hears nothing.
pub(super) const CEILING: Duration = Duration::from_secs(5);
/// How often it asks what has changed.
pub(super) const ASKS_EVERY: Duration = Duration::from_millis(500);

/// What all nodes have in common.
pub(super) struct Common {
    pub(super) truth: Arc<Truth>,
    pub(super) database: Database,
    pub(super) shared: Arc<Noted>,
    pub(super) passes: Arc<Passes>,
    pub(super) policy: OnLimiterFailure,
    pub(super) flaw: Flaw,
}

/// A machine with a process on it.
pub(super) struct Node {
    pub(super) clock: Arc<NodeClock>,
    pub(super) storage: Arc<dyn Storage>,
    told: Arc<Told>,
    pub(super) store_way: Arc<Way>,
    pub(super) limiter_way: Arc<Way>,
    pub(super) process: Process,
    /// By the true time, until when what is wrong stays so.
    pub(super) wrong: Wrong,
}

/// Until when what is wrong, of the true time.
#[derive(Default)]
pub(super) struct Wrong {
    pub(super) store: Duration,
    pub(super) limiter: Duration,
    /// Nobody wakes it.
    pub(super) channel: Duration,
    pub(super) stopped: Duration,
    /// Whether its clock goes on while it is stopped.
    pub(super) asleep_since: Option<Duration>,
    /// When one of its clocks last told of too little: stood still, or was set back.
    pub(super) lied_last: Option<Duration>,
    /// When it last could not ask the store, and since when the limiter can be asked again.
    pub(super) store_last: Option<Duration>,
    pub(super) limiter_since: Duration,
}

impl Wrong {
    /// Of two clocks one may lie at a time: as long as anything is remembered from before.
    pub(super) fn lied_lately(&self, now: Duration) -> bool {
        self.lied_last.is_some_and(|last| now < last + 3 * CEILING)
    }
}

/// What is gone when a process is killed.
pub(super) struct Process {
    /// Each start is another one.
    pub(super) keeper: usize,
    epochs: Arc<KeyEpochs>,
    pub(super) cache: Arc<KeyCache>,
    pub(super) stops: Arc<Stops>,
    pub(super) limiter: FallbackLimiter,
    news: Arc<News>,
    /// The follower, while it is not asking.
    following: Option<Following>,
    /// Since when it is asking, and what becomes of it.
    asking: Option<(Duration, JoinHandle<(Following, bool)>)>,
    pub(super) asks_next: Duration,
    /// It has heard of everything that was saved before.
    pub(super) heard: Duration,
    /// When a change that it made itself was answered, by organization.
    pub(super) changed: BTreeMap<OrganizationId, Duration>,
    pub(super) asked: Vec<Asked>,
    pub(super) held: Vec<Held>,
    pub(super) renews_next: Duration,
}

/// What somebody wants to know of a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    pub(super) key: usize,
    pub(super) text: usize,
    pub(super) at: Duration,
    /// No answer may be older.
    pub(super) floor: Duration,
    /// When the oldest look-up began that it may have joined.
    pub(super) since: Duration,
}

/// A question that is not answered yet.
pub(super) struct Asked {
    pub(super) question: Question,
    pub(super) answer: Pin<Box<dyn Future<Output = Found> + Send>>,
}

pub(super) type Found = Result<Arc<KeyMatches>, StoreError>;

impl Node {
    pub(super) fn new(common: &Common, keeper: usize) -> Self {
        let clock = Arc::new(NodeClock::by(&common.truth));
        let told = Arc::new(Told(Mutex::default()));
        let options = Options {
            max_connections: 2,
            connection_timeout: Duration::from_secs(30),
            ..Options::default()
        };
        let storage = storage_diesel::open(common.database.url(), &options, told.clone()).unwrap();
        let (store_way, limiter_way) = (Arc::<Way>::default(), Arc::<Way>::default());
        let process = Process::start(common, keeper, &clock, &storage, &store_way, &limiter_way);
        *told.0.lock().unwrap() = Arc::clone(&process.epochs);
        Self { clock, storage, told, store_way, limiter_way, process, wrong: Wrong::default() }
    }

    /// Another process in place of one that is killed.
    pub(super) fn restart(&mut self, common: &Common, keeper: usize) {
        self.process.end();
        self.process = Process::start(
            common,
            keeper,
            &self.clock,
            &self.storage,
            &self.store_way,
            &self.limiter_way,
        );
        *self.told.0.lock().unwrap() = Arc::clone(&self.process.epochs);
    }

    /// Asks the store, if it can be asked. What it did may have stood although no answer came.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&dyn Storage) -> T) -> Result<T, Option<T>> {
        match self.store_way.is() {
            Reach::Here => Ok(question(&*self.storage)),
            Reach::Away => Err(None),
            Reach::Silent => Err(Some(question(&*self.storage))),
        }
    }

    /// The node asks what has changed, and stops before it tells what it has read. Between the two anything may happen.
    pub(super) fn ask_for_news(&mut self, now: Duration) {
        let process = &mut self.process;
        let Some(following) = process.following.take() else { return };
        let news = Arc::clone(&process.news);
        let begun = news.stops.begun();
        let (epochs, clock) = (Arc::clone(&process.epochs), Arc::clone(&self.clock));
        let step = thread::spawn(move || following.step(news, epochs, clock));
        process.news.stops.next_after(begun, false);
        process.asking = Some((now, step));
    }

    /// What was read is told.
    pub(super) fn hear(&mut self, now: Duration) {
        let process = &mut self.process;
        let Some((read_at, step)) = process.asking.take() else { return };
        process.news.stops.open();
        let (following, is_heard) = step.join().unwrap();
        process.following = Some(following);
        if is_heard {
            process.heard = process.heard.max(read_at);
        }
        process.asks_next = now + ASKS_EVERY;
    }

    /// Whether an answer may be missing to what was asked at `since`, or later.
    pub(super) fn could_not_ask_since(&self, since: Duration) -> bool {
        self.store_way.is() != Reach::Here
            || self.wrong.store_last.is_some_and(|last| last >= since)
    }

    pub(super) fn is_asking(&self) -> bool {
        self.process.asking.is_some()
    }

    /// Nothing that is answered to a question that begins now may be older.
    pub(super) fn floor(&self, now: Duration, organization: OrganizationId) -> Duration {
        let changed = self.process.changed.get(&organization).copied().unwrap_or_default();
        now.saturating_sub(CEILING).max(self.process.heard).max(changed)
    }
}

/// A follower, or what becomes one.
enum Following {
    Begins(access_domain::Node),
    Follows(Follower),
}

impl Following {
    /// Asks once; whether that went well.
    fn step(self, news: Arc<News>, epochs: Arc<KeyEpochs>, clock: Arc<NodeClock>) -> (Self, bool) {
        match self {
            Self::Begins(node) => match Follower::begin(news, epochs, clock, node.clone()) {
                Ok(follower) => (Self::Follows(follower), true),
                Err(_) => (Self::Begins(node), false),
            },
            Self::Follows(mut follower) => {
                let is_heard = follower.step().is_ok();
                (Self::Follows(follower), is_heard)
            }
        }
    }
}

impl Process {
    /// Nothing of it is left; its threads end.
    pub(super) fn end(&mut self) {
        self.asked.clear();
        self.stops.open();
        self.news.stops.open();
        if let Some((_, step)) = self.asking.take() {
            drop(step.join());
        }
    }

    fn start(
        common: &Common,
        keeper: usize,
        clock: &Arc<NodeClock>,
        storage: &Arc<dyn Storage>,
        store_way: &Arc<Way>,
        limiter_way: &Arc<Way>,
    ) -> Self {
        let epochs = Arc::new(KeyEpochs::default());
        let stops = Arc::<Stops>::default();
        let lookups = Lookups {
            storage: Arc::clone(storage),
            way: Arc::clone(store_way),
            stops: Arc::clone(&stops),
        };
        let is_deaf = common.flaw == Flaw::HearsNothing;
        let news = News {
            storage: Arc::clone(storage),
            way: Arc::clone(store_way),
            stops: Arc::default(),
            is_deaf,
        };
        let max_staleness =
            if common.flaw == Flaw::HasNoCeiling { Duration::from_secs(3600) } else { CEILING };
        let config = KeyCacheConfig { max_keys: 100, max_staleness };
        let (uses, peppers) = (Arc::default(), Arc::new(peppers()));
        let cache = KeyCache::new(
            Arc::new(lookups),
            uses,
            peppers,
            Vec::new(),
            clock.clone(),
            Arc::clone(&epochs),
            config,
        );
        let limiter = limiter(common, keeper, clock, limiter_way);
        let now = common.truth.now();
        Self {
            keeper,
            epochs,
            cache: Arc::new(cache),
            stops,
            limiter,
            news: Arc::new(news),
            following: Some(Following::Begins(node_of(keeper))),
            asking: None,
            asks_next: now,
            heard: Duration::ZERO,
            changed: BTreeMap::new(),
            asked: Vec::new(),
            held: Vec::new(),
            renews_next: now,
        }
    }
}

/// What all share, and what the process keeps by itself while that is away.
fn limiter(
    common: &Common,
    keeper: usize,
    clock: &Arc<NodeClock>,
    way: &Arc<Way>,
) -> FallbackLimiter {
    let shared = Shared { limiter: Arc::clone(&common.shared), way: Arc::clone(way) };
    let local = Noted::new(Keeper::Local(keeper), clock.clone(), Arc::clone(&common.passes));
    FallbackLimiter::new(
        Arc::new(shared),
        Arc::new(local),
        common.policy,
        clock.clone(),
        Arc::new(()),
    )
}

/// Under which name a process is known to the others.
fn node_of(keeper: usize) -> access_domain::Node {
    let id = Uuid::from_u128(u128::try_from(keeper).unwrap() + 1).into();
    access_domain::Node { id, name: name_of(keeper) }
}

pub(super) fn name_of(keeper: usize) -> String {
    format!("node-{keeper}")
}
