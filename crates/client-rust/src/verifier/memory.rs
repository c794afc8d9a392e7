//! What a verifier remembers: under which name, for how long, and until what happens. Knows no server.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use api_types::{KeyChangesView, VerificationView, VerifyKey};
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use uuid::Uuid;

/// A question, hashed: the key does not stay in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Name([u8; 32]);

impl Name {
    pub(super) fn of(question: &VerifyKey) -> Self {
        let VerifyKey { key, scopes, ip, cost, explain: _ } = question;
        let mut hash = Sha256::new();
        let mut add = |part: &str| {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        };
        add(key);
        // Where there is no address, no text of one stands there either.
        add(ip.as_deref().unwrap_or_default());
        add(&cost.to_string());
        scopes.iter().for_each(|scope| add(scope));
        Self(hash.finalize().into())
    }
}

/// A time by both clocks of the machine: the steady one stands still while the machine sleeps, and the other may be set back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    steady: Instant,
    wall: SystemTime,
}

impl Moment {
    #[expect(
        clippy::disallowed_methods,
        reason = "the end of a key is a date, and a client has no other clock"
    )]
    pub(super) fn now() -> Self {
        Self { steady: Instant::now(), wall: SystemTime::now() }
    }

    /// How long ago `earlier` was, by whichever clock says more.
    fn since(self, earlier: Self) -> Duration {
        let by_wall = self.wall.duration_since(earlier.wall).unwrap_or_default();
        self.steady.saturating_duration_since(earlier.steady).max(by_wall)
    }

    /// How long it was until this time, in milliseconds since 1970.
    fn until(self, end_ms: i64) -> Duration {
        let now = self.wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        Duration::from_millis(u64::try_from(end_ms).unwrap_or_default()).saturating_sub(now)
    }
}

/// A question that is under way.
#[derive(Clone, Copy)]
pub(super) struct Load {
    begun: Moment,
    epoch: u64,
}

#[derive(Clone)]
struct Held {
    answer: Arc<VerificationView>,
    key_id: Uuid,
    begun: Moment,
    /// How old the answer is when the key itself ends.
    end: Option<Duration>,
}

pub(super) struct Memory {
    held: Cache<Name, Held>,
    /// Grows with everything that makes answers under way worthless.
    epoch: AtomicU64,
    /// What the server allows, in milliseconds; 0 until it was heard.
    max_age_ms: AtomicU64,
    own_max_age: Duration,
    is_following: AtomicBool,
}

impl Memory {
    pub(super) fn new(capacity: usize, own_max_age: Duration) -> Self {
        Self {
            held: Cache::new(capacity),
            epoch: AtomicU64::new(0),
            max_age_ms: AtomicU64::new(0),
            own_max_age,
            is_following: AtomicBool::new(false),
        }
    }

    /// The answer, if it may still be given.
    pub(super) fn get(&self, name: &Name, now: Moment) -> Option<Arc<VerificationView>> {
        let held = self.held.get(name)?;
        let age = now.since(held.begun);
        let is_good = age < self.max_age() && held.end.is_none_or(|end| age < end);
        if !is_good {
            self.held.remove(name);
        }
        is_good.then_some(held.answer)
    }

    /// The server is about to be asked.
    pub(super) fn begin(&self, now: Moment) -> Load {
        Load { begun: now, epoch: self.epoch.load(Ordering::SeqCst) }
    }

    /// The server has answered.
    pub(super) fn keep(&self, name: Name, load: Load, answer: &Arc<VerificationView>) {
        let is_lasting = answer.is_valid() && answer.ratelimit.is_none();
        let Some(key_id) = answer.key_id.filter(|_| is_lasting) else { return };
        if !self.is_following() || self.max_age().is_zero() || self.is_outdated(load) {
            return;
        }
        let end = answer.expires_at.map(|at| load.begun.until(at.0.timestamp_millis()));
        let held = Held { answer: Arc::clone(answer), key_id, begun: load.begun, end };
        self.held.insert(name, held);
        // Whoever raises the epoch forgets afterwards: what was put in before is found, what was put in after is seen here.
        if self.is_outdated(load) {
            self.held.remove(&name);
        }
    }

    /// The server has told what changed.
    pub(super) fn follow(&self, changes: &KeyChangesView) {
        self.max_age_ms.store(changes.max_age_ms, Ordering::SeqCst);
        // What changed before the feed began was never told.
        let is_new = !self.is_following.swap(true, Ordering::SeqCst);
        if changes.reset {
            self.forget_all();
        } else if is_new || !changes.items.is_empty() {
            self.epoch.fetch_add(1, Ordering::SeqCst);
            let changed: HashSet<Uuid> = changes.items.iter().copied().collect();
            self.held.retain(|_, held| !changed.contains(&held.key_id));
        }
    }

    /// The server does not tell what changes: what is kept ages out.
    pub(super) fn lose(&self) {
        self.is_following.store(false, Ordering::SeqCst);
    }

    pub(super) fn is_following(&self) -> bool {
        self.is_following.load(Ordering::SeqCst)
    }

    pub(super) fn forget_all(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.held.clear();
    }

    fn is_outdated(&self, load: Load) -> bool {
        self.epoch.load(Ordering::SeqCst) != load.epoch
    }

    fn max_age(&self) -> Duration {
        Duration::from_millis(self.max_age_ms.load(Ordering::SeqCst)).min(self.own_max_age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const KEY: Uuid = Uuid::from_u128(1);

    fn changes(items: &[Uuid], max_age_seconds: u64) -> KeyChangesView {
        KeyChangesView {
            items: items.into(),
            next: 1,
            reset: false,
            max_age_ms: max_age_seconds * 1000,
        }
    }

    fn answer(expires_at: &str) -> Arc<VerificationView> {
        let view = format!(
            r#"{{"valid":true,"code":"VALID","key_id":"{KEY}","scopes":[],"expires_at":{expires_at}}}"#
        );
        Arc::new(serde_json::from_str(&view).unwrap())
    }

    fn later(now: Moment, by: Duration) -> Moment {
        Moment { steady: now.steady + by, wall: now.wall + by }
    }

    fn name() -> Name {
        Name::of(&VerifyKey::new("kw_live_shown"))
    }

    /// A memory that follows a server with this ceiling, and holds one answer since `now`.
    fn given(max_age_seconds: u64, own: Duration, expires_at: &str, now: Moment) -> Memory {
        let memory = Memory::new(10, own);
        memory.follow(&changes(&[], max_age_seconds));
        memory.keep(name(), memory.begin(now), &answer(expires_at));
        memory
    }

    #[test]
    fn an_answer_is_as_old_as_its_question_and_dies_at_the_lower_ceiling() {
        let now = Moment::now();
        for (own, ceiling) in [(Duration::MAX, 5), (2 * SECOND, 2), (9 * SECOND, 5)] {
            let memory = given(5, own, "null", now);
            let last = later(now, ceiling * SECOND - SECOND / 1000);
            assert!(memory.get(&name(), last).is_some(), "{own:?}");
            let over = later(now, ceiling * SECOND);
            assert!(memory.get(&name(), over).is_none(), "{own:?}");
        }
    }

    #[test]
    fn an_answer_ages_while_the_machine_sleeps() {
        let now = Moment::now();
        let asleep = |seconds| Moment { wall: now.wall + seconds * SECOND, ..now };
        let memory = given(60, Duration::MAX, "null", now);
        assert!(memory.get(&name(), asleep(59)).is_some());
        assert!(memory.get(&name(), asleep(60)).is_none());
        // A key that ends in five seconds, by the clock that ends it.
        let now = Moment { wall: UNIX_EPOCH + 1_000_000_000 * SECOND, ..now };
        let asleep = |seconds| Moment { wall: now.wall + seconds * SECOND, ..now };
        let memory = given(60, Duration::MAX, "\"2001-09-09T01:46:45Z\"", now);
        assert!(memory.get(&name(), asleep(4)).is_some());
        assert!(memory.get(&name(), asleep(5)).is_none());
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_answer_younger() {
        let now = Moment { wall: UNIX_EPOCH + 1_000_000_000 * SECOND, ..Moment::now() };
        let set_back = |seconds| Moment {
            steady: now.steady + seconds * SECOND,
            wall: now.wall - 3600 * SECOND,
        };
        for (ceiling, end) in [(5, "null"), (60, "\"2001-09-09T01:46:45Z\"")] {
            let memory = given(ceiling, Duration::MAX, end, now);
            assert!(memory.get(&name(), set_back(4)).is_some(), "{end}");
            assert!(memory.get(&name(), set_back(5)).is_none(), "{end}");
        }
    }

    #[test]
    fn nothing_new_is_kept_while_the_feed_is_interrupted() {
        let now = Moment::now();
        let memory = given(60, Duration::MAX, "null", now);
        memory.lose();
        assert!(memory.get(&name(), now).is_some(), "it ages out");
        let other = Name::of(&VerifyKey::new("kw_live_other"));
        memory.keep(other, memory.begin(now), &answer("null"));
        assert!(memory.get(&other, now).is_none());
    }

    #[test]
    fn a_server_that_lowers_its_ceiling_is_heard_for_what_is_kept_already() {
        let now = Moment::now();
        let memory = given(60, Duration::MAX, "null", now);
        memory.follow(&changes(&[], 1));
        assert!(memory.get(&name(), later(now, SECOND)).is_none());
    }

    #[test]
    fn nothing_is_kept_past_the_keys_own_end_or_by_a_ceiling_of_nought() {
        let now = Moment::now();
        assert!(
            given(60, Duration::MAX, "\"1999-01-01T00:00:00Z\"", now).get(&name(), now).is_none()
        );
        assert!(
            given(60, Duration::MAX, "\"9999-01-01T00:00:00Z\"", now).get(&name(), now).is_some()
        );
        assert!(given(0, Duration::MAX, "null", now).get(&name(), now).is_none());
        assert!(given(60, Duration::ZERO, "null", now).get(&name(), now).is_none());
    }

    #[test]
    fn what_was_asked_before_a_change_is_not_kept_whatever_changed() {
        let now = Moment::now();
        let memory = given(60, Duration::MAX, "null", now);
        let load = memory.begin(now);
        memory.follow(&changes(&[Uuid::from_u128(2)], 60));
        assert!(memory.get(&name(), now).is_some(), "another key changed");
        let other = Name::of(&VerifyKey::new("kw_live_other"));
        memory.keep(other, load, &answer("null"));
        assert!(memory.get(&other, now).is_none(), "whose it is was not known then");
        memory.follow(&changes(&[KEY], 60));
        assert!(memory.get(&name(), now).is_none());
    }

    #[test]
    fn there_is_room_for_no_more_than_the_capacity() {
        let now = Moment::now();
        let memory = given(60, Duration::MAX, "null", now);
        for number in 0..1000 {
            let name = Name::of(&VerifyKey::new(number.to_string()));
            memory.keep(name, memory.begin(now), &answer("null"));
        }
        assert!((1..=10).contains(&memory.held.len()), "{}", memory.held.len());
    }
}
