//! Counting, and storing what was counted, over a store that can be away.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use keys_core::Timestamp;

use super::*;
use crate::{BreakdownFilter, RunOutcome, UsageBy, UsageOf};

/// How many counts of keys a part of memory keeps.
const OF_KEYS: usize = 32;
/// A whole hour.
const START: i64 = 1_795_219_200;

struct Now(AtomicI64);

impl Clock for Now {
    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp(self.0.load(Ordering::SeqCst), 0).unwrap()
    }
}

struct Chance(AtomicU8);

impl Entropy for Chance {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::SeqCst));
    }
}

/// How the store answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Mood {
    #[default]
    Well,
    /// Nothing is saved.
    Away,
    /// It is saved, and the answer is lost.
    Lost,
}

/// Adds up as the real store does.
#[derive(Default)]
struct Sums {
    mood: Mutex<Mood>,
    rows: Mutex<BTreeMap<UsagePlace, u64>>,
    given: Mutex<HashMap<Uuid, i64>>,
    largest: Mutex<usize>,
}

impl UsageStore for Sums {
    fn add_usage(&self, batch: &UsageBatch) -> Result<(), StoreError> {
        let away = || StoreError::Unavailable { doing: "testing", source: "away".into() };
        let mood = *self.mood.lock().unwrap();
        if mood == Mood::Away {
            return Err(away());
        }
        let mut given = self.given.lock().unwrap();
        let last = given.entry(batch.writer).or_default();
        if batch.number > *last {
            *last = batch.number;
            assert!(batch.rows.is_sorted_by(|a, b| a.place < b.place));
            let mut largest = self.largest.lock().unwrap();
            *largest = batch.rows.len().max(*largest);
            let mut rows = self.rows.lock().unwrap();
            for row in &batch.rows {
                *rows.entry(row.place.clone()).or_default() += row.amount;
            }
        }
        if mood == Mood::Lost { Err(away()) } else { Ok(()) }
    }

    fn find_usage(&self, filter: &UsageFilter) -> Result<Vec<(i64, Measure, u64)>, StoreError> {
        let rows = self.rows.lock().unwrap();
        let meant = rows.iter().filter(|(place, _)| {
            place.organization == filter.organization
                && place.key == filter.key
                && place.resolution == filter.resolution
                && (filter.deployment.is_none() || place.deployment == filter.deployment)
                && (filter.from..filter.to).contains(&place.start)
        });
        Ok(meant.map(|(place, sum)| (place.start, place.measure.clone(), *sum)).collect())
    }

    fn find_usage_of(
        &self,
        filter: &BreakdownFilter,
        of: &[UsageOf],
    ) -> Result<Vec<(UsageOf, Measure, u64)>, StoreError> {
        let rows = self.rows.lock().unwrap();
        let parts = rows.iter().filter_map(|(place, sum)| Some((part(place, filter)?, place, sum)));
        let wanted = parts.filter(|(part, ..)| of.contains(part));
        Ok(wanted.map(|(part, place, sum)| (part, place.measure.clone(), *sum)).collect())
    }

    fn find_most_used(
        &self,
        filter: &BreakdownFilter,
        limit: u32,
    ) -> Result<Vec<UsageOf>, StoreError> {
        let mut uses: BTreeMap<UsageOf, u64> = BTreeMap::new();
        for (place, sum) in
            self.rows.lock().unwrap().iter().filter(|(place, _)| place.measure.is_use())
        {
            if let Some(part) = part(place, filter) {
                *uses.entry(part).or_default() += sum;
            }
        }
        let mut uses: Vec<_> = uses.into_iter().collect();
        uses.sort_by_key(|(_, uses)| std::cmp::Reverse(*uses));
        Ok(uses.into_iter().take(limit as usize).map(|(of, _)| of).collect())
    }

    fn find_usage_names(
        &self,
        _: OrganizationId,
        _: UsageBy,
        _: &[Uuid],
    ) -> Result<Vec<(Uuid, String)>, StoreError> {
        Ok(Vec::new())
    }

    fn delete_old_usage(&self, _: Resolution, _: i64, limit: u32) -> Result<usize, StoreError> {
        let mut rows = self.rows.lock().unwrap();
        let before = rows.len();
        for _ in 0..limit {
            rows.pop_first();
        }
        Ok(before - rows.len())
    }
}

/// Which part of a breakdown a row belongs to.
fn part(place: &UsagePlace, filter: &BreakdownFilter) -> Option<UsageOf> {
    let is_meant = place.organization == filter.organization
        && place.resolution == filter.resolution
        && (filter.deployment.is_none() || place.deployment == filter.deployment)
        && (filter.from..filter.to).contains(&place.start);
    let part = match filter.by {
        UsageBy::Deployment => {
            place.key.is_none().then_some(place.deployment.map(DeploymentId::uuid))
        }
        UsageBy::Key => place.key.map(|key| Some(key.uuid())),
    };
    part.filter(|_| is_meant)
}

struct Bench {
    clock: Arc<Now>,
    store: Arc<Sums>,
    usage: Usage,
}

impl Bench {
    fn new() -> Self {
        let (clock, store) = (Arc::new(Now(AtomicI64::new(START))), Arc::<Sums>::default());
        let chance = Chance(AtomicU8::new(1));
        let usage = Usage::of_size(store.clone(), clock.clone(), &chance, OF_KEYS);
        Self { clock, store, usage }
    }

    fn is(&self, mood: Mood) {
        *self.store.mood.lock().unwrap() = mood;
    }

    fn call(&self, key: u128, outcome: CallOutcome) {
        let tokens = TokenUsage::default();
        self.usage.note(Call { consumer: consumer(key), outcome, tokens });
    }

    /// The sums of a day, of the organization or of one key.
    fn sums(&self, key: Option<u128>, measure: &Measure) -> Vec<(i64, u64)> {
        let filter = UsageFilter {
            organization: Uuid::from_u128(1).into(),
            key: key.map(|key| Uuid::from_u128(key).into()),
            deployment: None,
            resolution: Resolution::Minute,
            from: START,
            to: START + 24 * 3600,
        };
        let sums = self.usage.sums(&filter).unwrap();
        let meant = sums.into_iter().filter(|((_, found), _)| found == measure);
        meant.map(|((start, _), sum)| (start - START, sum)).collect()
    }

    /// Rows as they are stored, of single keys and of all together.
    fn stored(&self) -> (usize, usize) {
        let rows = self.store.rows.lock().unwrap();
        let of_keys = rows.keys().filter(|place| place.key.is_some()).count();
        (of_keys, rows.len() - of_keys)
    }
}

fn consumer(key: u128) -> Consumer {
    let deployment = Some(Uuid::from_u128(2).into());
    Consumer {
        organization: Uuid::from_u128(1).into(),
        key: Some(Uuid::from_u128(key).into()),
        deployment,
    }
}

#[test]
fn what_is_counted_is_told_at_once_and_after_it_was_stored() {
    let bench = Bench::new();
    let told = || (bench.sums(None, &Measure::Succeeded), bench.sums(Some(7), &Measure::Succeeded));
    bench.call(7, CallOutcome::Succeeded);
    bench.call(8, CallOutcome::Succeeded);
    bench.call(7, CallOutcome::Rejected("rate_limited"));
    let expected = (vec![(0, 2)], vec![(0, 1)]);
    assert_eq!(told(), expected);
    bench.usage.flush(Flush::Closed).unwrap();
    assert_eq!(told(), expected);
    bench.usage.flush(Flush::All).unwrap();
    assert_eq!(told(), expected);
    assert_eq!(bench.sums(Some(7), &Measure::Rejected("rate_limited".into())), [(0, 1)]);
}

#[test]
fn totals_are_stored_at_once_and_keys_when_their_minute_is_over() {
    let bench = Bench::new();
    assert!(bench.usage.flush(Flush::Closed).unwrap().has_closed_minute);
    bench.call(7, CallOutcome::Failed);
    assert!(!bench.usage.flush(Flush::Closed).unwrap().has_closed_minute);
    assert_eq!(bench.stored(), (0, 3));
    bench.clock.0.fetch_add(60, Ordering::SeqCst);
    bench.call(7, CallOutcome::Failed);
    bench.usage.flush(Flush::Closed).unwrap();
    assert_eq!(bench.stored(), (3, 4), "minute, hour and day; another minute of the totals");
    bench.usage.flush(Flush::All).unwrap();
    assert_eq!(bench.stored(), (4, 4));
    assert_eq!(bench.sums(Some(7), &Measure::Failed), [(0, 1), (60, 1)]);
}

#[test]
fn what_was_not_stored_is_stored_later() {
    let bench = Bench::new();
    bench.call(7, CallOutcome::Succeeded);
    bench.is(Mood::Away);
    bench.usage.flush(Flush::All).unwrap_err();
    bench.call(7, CallOutcome::Succeeded);
    assert_eq!(bench.sums(Some(7), &Measure::Succeeded), [(0, 2)]);
    bench.usage.flush(Flush::All).unwrap_err();
    bench.is(Mood::Well);
    bench.usage.flush(Flush::All).unwrap();
    assert_eq!(bench.sums(Some(7), &Measure::Succeeded), [(0, 2)]);
    assert_eq!(bench.sums(None, &Measure::Succeeded), [(0, 2)]);
    assert_eq!(bench.stored(), (3, 3));
}

#[test]
fn what_was_stored_without_an_answer_is_not_stored_twice() {
    let bench = Bench::new();
    bench.call(7, CallOutcome::Succeeded);
    bench.is(Mood::Lost);
    bench.usage.flush(Flush::All).unwrap_err();
    bench.call(7, CallOutcome::Succeeded);
    bench.is(Mood::Away);
    bench.usage.flush(Flush::All).unwrap_err();
    bench.is(Mood::Well);
    bench.usage.flush(Flush::All).unwrap();
    assert_eq!(bench.sums(None, &Measure::Succeeded), [(0, 2)]);
    assert_eq!(bench.sums(Some(7), &Measure::Succeeded), [(0, 2)]);
}

#[test]
fn many_keys_are_stored_in_portions_and_too_many_are_told_of() {
    let bench = Bench::new();
    let most = u128::try_from(SHARDS * OF_KEYS).unwrap();
    for key in 0..most + 2 {
        bench.call(key, CallOutcome::Succeeded);
    }
    bench.call(0, CallOutcome::Succeeded);
    assert_eq!(bench.usage.flush(Flush::All).unwrap().missed, 2);
    assert!(*bench.store.largest.lock().unwrap() <= 1000);
    let all = u64::try_from(most).unwrap() + 3;
    assert_eq!(bench.sums(None, &Measure::Succeeded), [(0, all)]);
    assert_eq!(bench.stored().0, SHARDS * OF_KEYS * 3);
    assert_eq!(bench.usage.flush(Flush::All).unwrap().missed, 0);
}

#[test]
fn totals_are_never_let_go_of_though_a_long_outage_coarsens_them() {
    let bench = Bench::new();
    for _ in 0..MAX_TOTALS + 61 {
        bench.call(7, CallOutcome::Succeeded);
        bench.clock.0.fetch_add(60, Ordering::SeqCst);
    }
    bench.usage.flush(Flush::All).unwrap();
    let rows = bench.store.rows.lock().unwrap();
    let days =
        rows.iter().filter(|(place, _)| place.key.is_none() && place.resolution == Resolution::Day);
    let total: u64 = days.map(|(_, sum)| sum).sum();
    assert_eq!(total, u64::try_from(MAX_TOTALS + 61).unwrap());
    let minutes =
        rows.keys().filter(|place| place.key.is_none() && place.resolution == Resolution::Minute);
    assert!(minutes.count() <= MAX_TOTALS + 3);
}

#[test]
fn runs_are_counted_with_their_times_and_tokens_and_stopped_ones_without() {
    let bench = Bench::new();
    let tokens = TokenUsage { prompt_tokens: 5, completion_tokens: 2, cost_micros: 0 };
    let run = RunEnded {
        consumer: consumer(7),
        outcome: RunOutcome::Completed,
        took: Some(Duration::from_millis(12)),
        tokens,
    };
    bench.usage.ended(run);
    let stopped =
        RunEnded { outcome: RunOutcome::Stopped, took: None, tokens: TokenUsage::default(), ..run };
    bench.usage.ended(stopped);
    bench.usage.flush(Flush::All).unwrap();
    let sum = |key, measure: Measure| bench.sums(key, &measure).first().map(|(_, sum)| *sum);
    for key in [None, Some(7)] {
        assert_eq!(sum(key, Measure::Executions(RunOutcome::Completed)), Some(1));
        assert_eq!(sum(key, Measure::Executions(RunOutcome::Stopped)), Some(1));
        assert_eq!(sum(key, Measure::PromptTokens), Some(5));
        assert_eq!(sum(key, Measure::CompletionTokens), Some(2));
    }
    assert_eq!(sum(None, Measure::ExecutionMs), Some(12));
    assert_eq!(sum(None, Measure::ExecutionMsIn(bucket_of(12))), Some(1));
    assert_eq!(sum(Some(7), Measure::ExecutionMs), None);
}

#[test]
fn nothing_is_seen_twice_or_missed_while_it_is_counted_stored_and_told_at_once() {
    let bench = Bench::new();
    let counted = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for key in 1..=4 {
            let (bench, counted) = (&bench, &counted);
            scope.spawn(move || {
                for _ in 0..2000 {
                    bench.call(key, CallOutcome::Succeeded);
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for _ in 0..100 {
            bench.usage.flush(Flush::All).unwrap();
            let least = counted.load(Ordering::SeqCst);
            let told = bench.sums(None, &Measure::Succeeded).first().map_or(0, |(_, sum)| *sum);
            // Each of the four may have counted once more than it has said.
            let most = counted.load(Ordering::SeqCst) + 4;
            assert!((least..=most).contains(&told), "{least} {told} {most}");
        }
    });
    bench.usage.flush(Flush::All).unwrap();
    assert_eq!(bench.sums(None, &Measure::Succeeded), [(0, 8000)]);
    for key in 1..=4 {
        assert_eq!(bench.sums(Some(key), &Measure::Succeeded), [(0, 2000)]);
    }
}

#[test]
fn what_is_old_is_deleted_in_portions() {
    let bench = Bench::new();
    for key in 0..1500 {
        bench.call(key, CallOutcome::Succeeded);
    }
    bench.usage.flush(Flush::All).unwrap();
    let day = Duration::from_secs(24 * 3600);
    let retention = UsageRetention { minutes: day, hours: day, days: day };
    assert_eq!(bench.usage.prune(&retention).unwrap(), 4503);
    assert_eq!(bench.stored(), (0, 0));
}

#[test]
fn what_was_used_most_is_told_from_storage_and_memory_together() {
    let bench = Bench::new();
    let most = |by, limit| {
        let filter = BreakdownFilter {
            organization: Uuid::from_u128(1).into(),
            by,
            deployment: None,
            resolution: Resolution::Hour,
            from: START,
            to: START + 3600,
        };
        let sums = bench.usage.most_used(&filter, limit).unwrap();
        let uses = |sums: &BTreeMap<Measure, u64>| sums.values().sum::<u64>();
        let told = sums.iter().map(|(of, sums)| (of.unwrap().as_u128(), uses(sums)));
        told.collect::<Vec<_>>()
    };
    for key in [7, 7, 7, 8] {
        bench.call(key, CallOutcome::Succeeded);
    }
    assert_eq!(most(UsageBy::Key, 1), [(7, 3)]);
    bench.usage.flush(Flush::All).unwrap();
    for key in [7, 8, 9] {
        bench.call(key, CallOutcome::Rejected("rate_limited"));
    }
    assert_eq!(most(UsageBy::Key, 9), [(7, 4), (8, 2), (9, 1)]);
    assert_eq!(most(UsageBy::Deployment, 9), [(2, 7)]);
}
