//! What a cache must never do: say yes after no was told.

use std::{
    collections::HashMap,
    sync::{
        Condvar,
        atomic::{AtomicUsize, Ordering},
    },
};

use access_domain::{CallBounds, KeyChanges, KeyOwner, OrganizationId, OrganizationName};
use actix_web::rt::spawn;
use keys_core::{Digest, Key, Pepper, Secret, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// Keys by their digests, and how often they were read; reading can be held up.
#[derive(Default)]
struct Table {
    rows: Mutex<HashMap<Name, KeyMatches>>,
    reads: AtomicUsize,
    moved: Mutex<Vec<(Name, Name)>>,
    adopted: Mutex<Vec<Uuid>>,
    gate: Mutex<bool>,
    opened: Condvar,
}

impl Table {
    fn put(&self, key: &str, organization: u8, is_active: bool) {
        let found = KeyMatches::new(vec![record(organization, is_active, pepper(1).digest(key))]);
        self.rows.lock().unwrap().insert(*pepper(1).digest(key).as_bytes(), found);
    }

    fn close(&self, is_closed: bool) {
        *self.gate.lock().unwrap() = is_closed;
        self.opened.notify_all();
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }
}

impl KeyLookup for Table {
    fn find_keys(&self, queries: &[KeyQuery]) -> Result<Vec<KeyMatches>, StoreError> {
        let found = {
            let rows = self.rows.lock().unwrap();
            let row = |digest: &Digest| rows.get(digest.as_bytes()).cloned();
            let find = |query: &KeyQuery| query.digests.iter().find_map(row).unwrap_or_default();
            queries.iter().map(find).collect()
        };
        self.reads.fetch_add(1, Ordering::SeqCst);
        let gate = self.gate.lock().unwrap();
        drop(self.opened.wait_while(gate, |is_closed| *is_closed).unwrap());
        Ok(found)
    }

    fn rehash(&self, from: &Digest, to: &Digest, _: &PepperName) -> Result<(), StoreError> {
        self.moved.lock().unwrap().push((*from.as_bytes(), *to.as_bytes()));
        Ok(())
    }

    fn adopt(
        &self,
        key: &KeyRecord,
        _: &StoredSecret,
        _: &ForeignDigests,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        self.adopted.lock().unwrap().push(key.id.uuid());
        Ok(())
    }

    fn note_uses(&self, _: &[(Digest, Timestamp)]) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A clock that tests move.
struct Hands(Mutex<Timestamp>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

struct Given {
    table: Arc<Table>,
    epochs: Arc<KeyEpochs>,
    clock: Arc<Hands>,
    cache: KeyCache,
}

fn pepper(byte: u8) -> Pepper {
    Pepper::new(&[byte; 32]).unwrap()
}

fn organization(number: u8) -> OrganizationId {
    Uuid::from_u128(number.into()).into()
}

fn record(number: u8, is_active: bool, digest: Digest) -> KeyRecord {
    let secret = FoundBy::Native { digest, pepper: pepper(1).name().clone() };
    let organization = OrganizationName { id: organization(number), slug: number.to_string() };
    let key = Key { is_active, ..Key::new(KeyOwner::Organization) };
    let (id, name, bounds) = (Uuid::from_u128(1).into(), String::new(), CallBounds::default());
    KeyRecord { id, organization, name, key, bounds, secret }
}

fn given_with(peppers: Peppers, older: Vec<PepperName>) -> Given {
    let (table, epochs) = (Arc::new(Table::default()), Arc::new(KeyEpochs::default()));
    let clock = Arc::new(Hands(Mutex::new(Timestamp::UNIX_EPOCH)));
    let config = KeyCacheConfig { max_keys: 100, max_staleness: Duration::from_secs(60) };
    let peppers = Arc::new(peppers);
    let uses = Arc::default();
    let cache =
        KeyCache::new(table.clone(), uses, peppers, older, clock.clone(), epochs.clone(), config);
    Given { table, epochs, clock, cache }
}

fn given() -> Given {
    given_with(pepper(1).into(), Vec::new())
}

impl Given {
    fn passes(&self, seconds: u64) {
        *self.clock.0.lock().unwrap() += Duration::from_secs(seconds);
    }

    fn present(&self, text: &str) -> PresentedKey {
        let digest = self.cache.0.peppers.current().digest(text);
        PresentedKey { digest, form: None, plaintext: Secret::new(text.into()) }
    }

    fn get(&self, text: &str) -> Outcome<Result<Arc<KeyMatches>, StoreError>> {
        self.cache.get(self.present(text))
    }

    /// Whether the key is active; `None` if there is none.
    async fn is_active(&self, text: &str) -> Option<bool> {
        told(&self.get(text).wait().await.unwrap())
    }

    fn is_remembered(&self, text: &str) -> bool {
        matches!(self.get(text), Outcome::Ready(_))
    }

    /// Waits until no load is on its way. One is answered before its thread takes it off the list.
    async fn loads_ended(&self) {
        while !self.cache.0.loads().is_empty() {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until so many reads have begun.
    async fn reads_begun(&self, reads: usize) {
        while self.table.reads() < reads {
            tokio::task::yield_now().await;
        }
    }
}

fn told(found: &KeyMatches) -> Option<bool> {
    found.iter().next().map(|record| record.key.is_active)
}

#[actix_web::test]
async fn a_key_is_read_once_and_again_after_a_change_of_its_organization() {
    let given = given();
    given.table.put("k", 1, true);
    for _ in 0..3 {
        assert_eq!(given.is_active("k").await, Some(true));
    }
    given.epochs.raise(organization(2), None);
    assert_eq!((given.is_active("k").await, given.table.reads()), (Some(true), 1));
    given.table.put("k", 1, false);
    given.epochs.raise(organization(1), None);
    assert_eq!((given.is_active("k").await, given.table.reads()), (Some(false), 2));
}

#[actix_web::test]
async fn what_is_no_key_is_read_again_after_any_change() {
    let given = given();
    assert_eq!((given.is_active("k").await, given.is_active("k").await), (None, None));
    assert_eq!(given.table.reads(), 1);
    given.table.put("k", 7, true);
    given.epochs.raise(organization(7), None);
    assert_eq!(given.is_active("k").await, Some(true));
}

#[actix_web::test]
async fn a_key_that_several_may_have_imported_is_read_again_after_any_change() {
    let given = given();
    let imported = KeyRecord { secret: FoundBy::Imported, ..record(1, true, [0; 32].into()) };
    let digest = *pepper(1).digest("k").as_bytes();
    given.table.rows.lock().unwrap().insert(digest, KeyMatches::new(vec![imported]));
    given.is_active("k").await;
    assert!(given.is_remembered("k"));
    given.epochs.raise(organization(2), None);
    assert!(!given.is_remembered("k"));
}

#[actix_web::test]
async fn a_hundred_misses_at_once_are_one_read() {
    let given = Arc::new(given());
    given.table.put("k", 1, true);
    given.table.close(true);
    let ask = |given: Arc<Given>| async move { given.is_active("k").await };
    let all: Vec<_> = (0..100).map(|_| spawn(ask(given.clone()))).collect();
    given.reads_begun(1).await;
    given.table.close(false);
    for one in all {
        assert_eq!(one.await.unwrap(), Some(true));
    }
    assert_eq!(given.table.reads(), 1);
}

#[actix_web::test]
async fn many_keys_are_one_read_and_those_in_memory_none() {
    let given = given();
    for key in ["a", "b", "c"] {
        given.table.put(key, 1, true);
    }
    given.is_active("b").await;
    let all = || ["a", "b", "x", "c", "a"].map(|key| given.present(key)).into();
    let found = given.cache.get_all(all()).wait().await.unwrap();
    let told: Vec<_> = found.iter().map(|found| told(found)).collect();
    assert_eq!(told, [Some(true), Some(true), None, Some(true), Some(true)]);
    assert_eq!(given.table.reads(), 2);
    assert!(matches!(given.cache.get_all(all()), Outcome::Ready(Ok(found)) if found.len() == 5));
}

#[actix_web::test]
async fn a_load_that_began_before_a_change_is_neither_kept_nor_joined() {
    let given = Arc::new(given());
    given.table.put("k", 1, true);
    given.table.close(true);
    let ask = |given: Arc<Given>| async move { given.is_active("k").await };
    let early = spawn(ask(given.clone()));
    given.reads_begun(1).await;
    given.table.put("k", 1, false);
    given.epochs.raise(organization(1), None);
    let late = spawn(ask(given.clone()));
    given.reads_begun(2).await;
    given.table.close(false);
    assert_eq!(early.await.unwrap(), Some(true), "asked before the change was answered");
    assert_eq!(late.await.unwrap(), Some(false));
    assert_eq!(given.is_active("k").await, Some(false));
    assert_eq!(given.table.reads(), 2);
    given.loads_ended().await;
}

#[actix_web::test]
async fn what_is_too_old_by_the_wall_clock_is_read_again_and_a_clock_set_back_keeps_nothing_longer()
{
    let given = given();
    given.table.put("k", 1, true);
    given.is_active("k").await;
    given.passes(59);
    assert!(given.is_remembered("k"));
    given.passes(1);
    assert!(!given.is_remembered("k"));
    let memory = &given.cache.0;
    let begun = memory.begin();
    let by_uptime = |seconds| {
        let wall = begun.at.wall - Duration::from_secs(86_400);
        let uptime = begun.at.uptime + Duration::from_secs(seconds);
        Begun { at: Moment { wall, uptime }, ..begun }
    };
    assert!(memory.is_fresh(begun, by_uptime(59)));
    assert!(!memory.is_fresh(begun, by_uptime(60)));
}

#[actix_web::test]
async fn what_has_not_changed_holds_as_long_as_it_is_known_that_nothing_did() {
    let given = given();
    given.table.put("k", 1, true);
    given.is_active("k").await;
    for _ in 0..9 {
        given.passes(59);
        given.epochs.confirm(Moment::of(&*given.clock));
        assert!(given.is_remembered("k"));
    }
    given.passes(60);
    assert!(!given.is_remembered("k"), "nobody knows what has changed since");
    given.epochs.confirm(Moment::of(&*given.clock));
    assert!(given.is_remembered("k"));
    given.passes(9);
    given.epochs.confirm(Moment::of(&*given.clock));
    assert!(!given.is_remembered("k"), "rows may have been written by hand");
}

#[actix_web::test]
async fn what_another_node_changes_is_read_again_once() {
    let given = given();
    given.table.put("k", 1, true);
    given.is_active("k").await;
    given.epochs.hear(organization(1), 7);
    assert!(!given.is_remembered("k"));
    given.is_active("k").await;
    for number in [7, 6] {
        given.epochs.hear(organization(1), number);
        assert!(given.is_remembered("k"), "it was heard of before");
    }
    given.epochs.raise(organization(1), Some(8));
    assert!(!given.is_remembered("k"));
    given.is_active("k").await;
    given.epochs.raise_all();
    assert!(!given.is_remembered("k"));
    given.is_active("k").await;
    given.epochs.hear(organization(1), 1);
    assert!(!given.is_remembered("k"), "numbers of another past");
}

#[actix_web::test]
async fn garbage_drives_out_no_key() {
    let given = given();
    given.table.put("k", 1, true);
    given.is_active("k").await;
    for number in 0..20_000 {
        let (name, begun) =
            (*pepper(1).digest(&number.to_string()).as_bytes(), given.cache.0.begin());
        given.cache.0.remember(name, &Arc::default(), begun);
    }
    assert!(given.is_remembered("k"));
    assert!(given.cache.0.unknown.len() <= MAX_UNKNOWN);
    for number in 0..1000_u32 {
        let found = KeyMatches::new(vec![record(1, true, [0; 32].into())]);
        let name = *pepper(1).digest(&number.to_string()).as_bytes();
        given.cache.0.remember(name, &Arc::new(found), given.cache.0.begin());
    }
    assert!(given.cache.0.known.len() <= 100);
}

#[actix_web::test]
async fn a_key_under_an_older_pepper_is_moved_when_it_is_used() {
    let older = vec![pepper(1).name().clone()];
    let given = given_with(Peppers::new(pepper(2), vec![pepper(1)]), older);
    given.table.put("k", 1, true);
    assert_eq!(given.is_active("k").await, Some(true));
    while given.table.moved.lock().unwrap().is_empty() || given.is_remembered("k") {
        tokio::task::yield_now().await;
    }
    let expected = (*pepper(1).digest("k").as_bytes(), *pepper(2).digest("k").as_bytes());
    assert_eq!(*given.table.moved.lock().unwrap(), [expected]);
}

#[actix_web::test]
async fn a_key_under_a_pepper_that_is_not_an_older_one_stays() {
    let given = given_with(Peppers::new(pepper(2), vec![pepper(1)]), Vec::new());
    given.table.put("k", 1, true);
    given.is_active("k").await;
    given.is_active("x").await;
    assert_eq!(given.table.moved.lock().unwrap().len(), 0);
}

/// One step of several processes over one table, in any order.
#[derive(Debug, Clone)]
enum Step {
    /// A load of this key begins, and later reads the table, and later still is kept.
    Begin(u8),
    Read(usize),
    Keep(usize),
    /// The key comes to be, or is switched on or off; its organization hears so later.
    Change(u8, bool),
    Raise(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..4u8).prop_map(Step::Begin),
        (0..8usize).prop_map(Step::Read),
        (0..8usize).prop_map(Step::Keep),
        (0..4u8, any::<bool>()).prop_map(|(key, is_active)| Step::Change(key, is_active)),
        (0..4u8).prop_map(Step::Raise),
    ]
}

/// A load of [`Step`]s.
struct StepLoad {
    key: u8,
    begun: Begun,
    read: Option<Arc<KeyMatches>>,
}

proptest! {
    #[test]
    fn what_is_remembered_is_never_older_than_the_last_raise(
        steps in prop::collection::vec(step(), 1..120)
    ) {
        let given = given();
        let memory = &given.cache.0;
        let mut loads: Vec<StepLoad> = Vec::new();
        // The versions of each key, and the first of them that may still be told.
        let mut versions: [Vec<Option<bool>>; 4] = std::array::from_fn(|_| vec![None]);
        let mut oldest = [0; 4];
        let name = |key: u8| -> Name { [key; 32] };
        for step in steps {
            match step {
                Step::Begin(key) => loads.push(StepLoad { key, begun: memory.begin(), read: None }),
                Step::Read(load) => if let Some(load) = loads.get_mut(load) {
                    let newest = *versions[usize::from(load.key)].last().unwrap();
                    let found = newest.map(|is_active| record(load.key, is_active, [0; 32].into()));
                    load.read = Some(Arc::new(KeyMatches::new(found.into_iter().collect())));
                },
                Step::Keep(load) => if load < loads.len() {
                    let StepLoad { key, begun, read } = loads.remove(load);
                    if let Some(found) = read {
                        memory.remember(name(key), &found, begun);
                    }
                },
                Step::Change(key, is_active) => versions[usize::from(key)].push(Some(is_active)),
                Step::Raise(key) => {
                    given.epochs.raise(organization(key), None);
                    oldest[usize::from(key)] = versions[usize::from(key)].len() - 1;
                }
            }
            for key in 0..4 {
                if let Some(found) = memory.remembered(name(key), memory.begin()) {
                    let may_be_told = &versions[usize::from(key)][oldest[usize::from(key)]..];
                    prop_assert!(may_be_told.contains(&told(&found)), "{found:?}: {may_be_told:?}");
                }
            }
        }
    }
}
