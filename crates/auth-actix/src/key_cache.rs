//! Keys in memory: what was looked up once is known until it changes, and is asked for once however
//! many want it.
//!
//! Three things end what is remembered: a change that this node hears of, its own or another's ([`KeyEpochs`]); its age, which
//! counts from when it was last known that everything had been heard of; and want of room.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use access_domain::{
    Clock, ForeignDigests, FoundBy, KeyLookup, KeyMatches, KeyQuery, KeyRecord, KeySource,
    PresentedKey, StoreError, Uses,
};
use actix_web::rt::{task::spawn_blocking, time::timeout};
use keys_core::{Outcome, PepperName, Peppers, StoredSecret};
use metrics::gauge;
use quick_cache::sync::Cache;
use tokio::sync::watch;
use tracing::Span;

use self::reads::Reads;
use crate::{
    KeyEpochs, blocking::ANSWERED_WITHIN, key_epochs::Moment, rehash::Rehash,
    slow_hashes::SlowHashes,
};

mod reads;
#[cfg(test)]
mod tests;

/// Texts that are no key are remembered apart, so that they never drive out keys.
const MAX_UNKNOWN: usize = 10_000;
/// Rows that somebody writes by hand are told of to nobody.
const HELD_AT_MOST: Duration = Duration::from_secs(600);
const DOING: &str = "looking a key up";

/// How much is remembered, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct KeyCacheConfig {
    /// How many keys.
    pub max_keys: usize,
    /// For this long a key that was read holds, and after each time that all changes had been heard of; zero remembers nothing.
    pub max_staleness: Duration,
}

/// [`KeySource`] over memory, and over storage for what memory has not.
pub struct KeyCache(Arc<Memory>);

/// The digest under the pepper that mints. It cannot be chosen by who does not know the pepper.
type Name = [u8; 32];

type Loaded = Result<Arc<KeyMatches>, Arc<StoreError>>;

struct Memory {
    lookup: Arc<dyn KeyLookup>,
    peppers: Arc<Peppers>,
    clock: Arc<dyn Clock>,
    epochs: Arc<KeyEpochs>,
    max_staleness: Duration,
    known: Cache<Name, Known>,
    unknown: Cache<Name, Begun>,
    loads: Mutex<HashMap<Name, Load>>,
    rehash: Rehash,
    slow: SlowHashes,
    reads: Reads,
}

/// When a load began: what it found is at least this new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Begun {
    epoch: u64,
    at: Moment,
}

#[derive(Clone)]
struct Known {
    found: Arc<KeyMatches>,
    begun: Begun,
}

/// A load on its way, for whoever comes meanwhile.
struct Load {
    begun: Begun,
    loaded: watch::Receiver<Option<Loaded>>,
}

/// Where the answer to one of many comes from.
enum Place {
    Memory(Arc<KeyMatches>),
    Load(watch::Receiver<Option<Loaded>>),
}

impl KeyCache {
    /// Nothing is remembered at first. Storage must tell its changes to `epochs`. Secrets that are
    /// used and are under one of the `older` peppers are moved to the current one.
    pub fn new(
        lookup: Arc<dyn KeyLookup>,
        uses: Arc<Uses>,
        peppers: Arc<Peppers>,
        older: Vec<PepperName>,
        clock: Arc<dyn Clock>,
        epochs: Arc<KeyEpochs>,
        config: KeyCacheConfig,
    ) -> Self {
        Self(Arc::new(Memory {
            rehash: Rehash::new(Arc::clone(&lookup), uses, older),
            lookup,
            peppers,
            clock,
            epochs,
            max_staleness: config.max_staleness,
            known: Cache::new(config.max_keys),
            unknown: Cache::new(MAX_UNKNOWN),
            loads: Mutex::default(),
            slow: SlowHashes::default(),
            reads: Reads::default(),
        }))
    }

    /// Sets the gauges of what memory holds, for whoever is about to read them.
    pub fn observe(&self) {
        let memory = &self.0;
        gauge!("keywright_key_cache_entries", "holds" => "keys").set(memory.known.len() as f64);
        gauge!("keywright_key_cache_entries", "holds" => "unknown")
            .set(memory.unknown.len() as f64);
        memory.reads.observe(memory.max_staleness);
    }
}

impl KeySource for KeyCache {
    fn get(&self, key: PresentedKey) -> Outcome<Result<Arc<KeyMatches>, StoreError>> {
        if let Some(found) = self.0.remembered(name(&key), self.0.begin()) {
            self.0.reads.hits.increment(1);
            return Outcome::Ready(Ok(found));
        }
        self.0.reads.misses.increment(1);
        let memory = Arc::clone(&self.0);
        Outcome::Later(Box::pin(async move {
            let found = memory.find(vec![key]).await?;
            Ok(found.into_iter().next().unwrap_or_default())
        }))
    }

    fn get_all(
        &self,
        keys: Vec<PresentedKey>,
    ) -> Outcome<Result<Vec<Arc<KeyMatches>>, StoreError>> {
        let now = self.0.begin();
        let remembered: Option<Vec<_>> =
            keys.iter().map(|key| self.0.remembered(name(key), now)).collect();
        let asked = u64::try_from(keys.len()).unwrap_or(u64::MAX);
        if let Some(found) = remembered {
            self.0.reads.hits.increment(asked);
            return Outcome::Ready(Ok(found));
        }
        // As one: what is missing is loaded together, and the rest waits for it.
        self.0.reads.misses.increment(asked);
        let memory = Arc::clone(&self.0);
        Outcome::Later(Box::pin(async move { memory.find(keys).await }))
    }
}

impl Memory {
    /// A load that begins now.
    fn begin(&self) -> Begun {
        Begun { epoch: self.epochs.now(), at: Moment::of(&*self.clock) }
    }

    /// What memory has, if it still holds.
    fn remembered(&self, name: Name, now: Begun) -> Option<Arc<KeyMatches>> {
        if let Some(known) = self.known.get(&name)
            && self.holds(&known.found, known.begun, now)
        {
            return Some(known.found);
        }
        let nothing = Arc::<KeyMatches>::default;
        let begun = self.unknown.get(&name)?;
        (self.is_fresh(begun, now) && begun.epoch == self.epochs.now()).then(nothing)
    }

    /// Whether what a load found that began at `begun` is still so, as far as this node knows.
    ///
    /// Whether it is fresh is asked first: all that was heard before a confirmation is then seen, too.
    fn holds(&self, found: &KeyMatches, begun: Begun, now: Begun) -> bool {
        if !self.is_fresh(begun, now) {
            return false;
        }
        let has_changed =
            |record: &KeyRecord| self.epochs.last_change(record.organization.id) > begun.epoch;
        // What is none of an organization's own keys can become one of any organization.
        let is_open = found.is_empty()
            || found.iter().any(|record| matches!(record.secret, FoundBy::Imported));
        if is_open { begun.epoch == self.epochs.now() } else { !found.iter().any(has_changed) }
    }

    /// What has not changed since it was read is as old as the reading, or as what is known of changes, whichever is younger.
    fn is_fresh(&self, begun: Begun, now: Begun) -> bool {
        let read = begun.at.age(now.at);
        let confirmed = self.epochs.confirmed().map(|confirmed| confirmed.age(now.at));
        let age = confirmed.map_or(read, |confirmed| read.min(confirmed));
        let is_fresh = age < self.max_staleness && read < self.max_staleness.max(HELD_AT_MOST);
        if is_fresh {
            self.reads.note_age(age);
        }
        is_fresh
    }

    fn remember(&self, name: Name, found: &Arc<KeyMatches>, begun: Begun) {
        if !self.holds(found, begun, self.begin()) {
            return;
        }
        if found.is_empty() {
            self.known.remove(&name);
            self.unknown.insert(name, begun);
        } else {
            self.known.insert(name, Known { found: Arc::clone(found), begun });
        }
    }

    /// From memory, from loads that are on their way, and the rest in one load.
    async fn find(
        self: Arc<Self>,
        keys: Vec<PresentedKey>,
    ) -> Result<Vec<Arc<KeyMatches>>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        for place in self.places(keys) {
            found.push(match place {
                Place::Memory(found) => found,
                Place::Load(loaded) => hear(loaded).await?,
            });
        }
        Ok(found)
    }

    fn places(self: &Arc<Self>, keys: Vec<PresentedKey>) -> Vec<Place> {
        let now = self.begin();
        let mut own = Vec::new();
        let mut loads = self.loads();
        let places = keys.into_iter().map(|key| {
            let name = name(&key);
            // Asked again under the lock: the load that this one missed in memory may have ended.
            if let Some(found) = self.remembered(name, now) {
                return Place::Memory(found);
            }
            let joined = loads.get(&name).filter(|load| {
                // One that began before the last change may not have seen it, and one that takes too long hangs.
                let patience = self.max_staleness.min(ANSWERED_WITHIN);
                let is_young = load.begun.at.age(now.at) < patience;
                load.begun.epoch >= now.epoch && is_young || load.begun == now
            });
            if let Some(load) = joined {
                return Place::Load(load.loaded.clone());
            }
            let (tell, loaded) = watch::channel(None);
            loads.insert(name, Load { begun: now, loaded: loaded.clone() });
            own.push((key, tell));
            Place::Load(loaded)
        });
        let places = places.collect();
        drop(loads);
        if !own.is_empty() {
            let loading = Loading { memory: Arc::clone(self), begun: now, wanted: own };
            // Goes on when nobody waits any more: others may have joined.
            let span = Span::current();
            drop(spawn_blocking(move || span.in_scope(|| loading.carry_out())));
        }
        places
    }

    /// Nothing panics while it is held, so that there is no state that poison could warn of.
    fn loads(&self) -> MutexGuard<'_, HashMap<Name, Load>> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A load in the hands of the thread that carries it out. Whatever becomes of that thread, the load
/// ends, and who waits for it hears so.
struct Loading {
    memory: Arc<Memory>,
    begun: Begun,
    wanted: Vec<(PresentedKey, watch::Sender<Option<Loaded>>)>,
}

impl Loading {
    fn carry_out(self) {
        let memory = Arc::clone(&self.memory);
        let query = |(key, _): &(PresentedKey, _)| key.query(&memory.peppers);
        let queries: Vec<KeyQuery> = self.wanted.iter().map(query).collect();
        match memory.lookup.find_keys(&queries) {
            Ok(found) => {
                // Those that only a slow hash can tell come last: nobody else waits for them.
                let (slow, quick): (Vec<_>, Vec<_>) =
                    self.wanted.iter().zip(found).partition(|(_, found)| is_slow(found));
                for ((key, tell), found) in quick {
                    self.answer(key, tell, found);
                }
                for ((key, tell), found) in slow {
                    self.answer(key, tell, memory.slow.check(key, found, &*memory.clock));
                }
                self.adopt();
            }
            Err(error) => {
                let error = Arc::new(error);
                for (_, tell) in &self.wanted {
                    let _ = tell.send(Some(Err(Arc::clone(&error))));
                }
            }
        }
        // Everybody has the answer: the thread is free for what is not urgent.
        drop(self);
        memory.rehash.carry_out(memory.peppers.current().name(), |moved| {
            // What is remembered names the secret as it was.
            memory.known.remove(moved.as_bytes());
        });
    }
}

impl Loading {
    fn answer(&self, key: &PresentedKey, tell: &watch::Sender<Option<Loaded>>, found: KeyMatches) {
        let found = Arc::new(found);
        // What was not checked is asked again.
        if found.unchecked_for().is_none() {
            self.memory.remember(name(key), &found, self.begun);
        }
        self.memory.rehash.note(&found, key.digest);
        let _ = tell.send(Some(Ok(found)));
    }

    /// Keeps as ours from now on what another system had kept, now that everybody has the answer.
    fn adopt(&self) {
        for (key, tell) in &self.wanted {
            let Some(Ok(found)) = tell.borrow().clone() else { continue };
            let Some(record) = found.adoptable() else { continue };
            let text = key.plaintext.for_digest();
            let secret = StoredSecret::adopted(text, self.memory.peppers.current());
            let (foreign, now) = (ForeignDigests::of(text), self.memory.clock.now());
            // The key goes on being found where it is, and is adopted at a later use.
            if let Err(error) = self.memory.lookup.adopt(record, &secret, &foreign, now) {
                tracing::warn!(%error, "an imported secret was not adopted");
            }
        }
    }
}

fn is_slow(found: &KeyMatches) -> bool {
    !found.candidates().is_empty()
}

impl Drop for Loading {
    fn drop(&mut self) {
        let mut loads = self.memory.loads();
        for (key, _) in &self.wanted {
            let name = name(key);
            if loads.get(&name).is_some_and(|load| load.begun == self.begun) {
                loads.remove(&name);
            }
        }
    }
}

async fn hear(mut loaded: watch::Receiver<Option<Loaded>>) -> Result<Arc<KeyMatches>, StoreError> {
    let unavailable = |source| StoreError::Unavailable { doing: DOING, source };
    let told = timeout(ANSWERED_WITHIN, loaded.wait_for(Option::is_some)).await;
    let told = told.map_err(|late| unavailable(late.into()))?;
    let told = told.map(|told| (*told).clone()).map_err(|gone| unavailable(gone.into()))?;
    match told {
        Some(Ok(found)) => Ok(found),
        Some(Err(error)) => Err(copy(&error)),
        None => Err(unavailable("no answer".into())),
    }
}

/// Everybody who waits gets the error, which cannot be cloned.
fn copy(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unavailable { doing, source } => {
            StoreError::Unavailable { doing, source: source.to_string().into() }
        }
        StoreError::Broken { doing, source } => {
            StoreError::Broken { doing, source: source.to_string().into() }
        }
        StoreError::Repeated { doing } => StoreError::Repeated { doing },
    }
}

fn name(key: &PresentedKey) -> Name {
    *key.digest.as_bytes()
}
