//! How long runs took, in buckets that can be added up: eight to each doubling, so that what is told
//! of them is within an eighth of the truth. Below 16 ms each millisecond has its own.

use std::collections::BTreeMap;

/// Buckets to a doubling.
const PARTS: u64 = 8;
/// Two to this power are [`PARTS`].
const PARTS_LOG: u32 = 3;

/// How long runs took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExecutionTimes {
    /// Half of them took no longer.
    pub p50: u64,
    /// 95 of 100.
    pub p95: u64,
    /// 99 of 100.
    pub p99: u64,
    /// On average.
    pub mean: f64,
}

impl ExecutionTimes {
    /// Those of `runs` by bucket, which took `total_ms` together; none where there are none.
    pub(super) fn of(runs: &BTreeMap<u16, u64>, total_ms: u64) -> Option<Self> {
        let count: u64 = runs.values().sum();
        if count == 0 {
            return None;
        }
        let percentile = |hundredths| percentile(runs, count, hundredths);
        Some(Self {
            p50: percentile(50),
            p95: percentile(95),
            p99: percentile(99),
            mean: ratio(total_ms, count),
        })
    }
}

/// One number in another.
#[expect(
    clippy::cast_precision_loss,
    reason = "what is told is rounded; counts stay below 2^53 for millennia"
)]
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The bucket of a time.
pub(super) fn bucket_of(ms: u64) -> u16 {
    if ms < PARTS {
        return u16::try_from(ms).unwrap_or_default();
    }
    let doublings = u64::from(ms.ilog2() - PARTS_LOG);
    let part = (ms >> doublings) - PARTS;
    u16::try_from(PARTS + doublings * PARTS + part).unwrap_or(u16::MAX)
}

/// The shortest time of a bucket, and the longest.
fn bounds(bucket: u16) -> (u64, u64) {
    let bucket = u64::from(bucket);
    if bucket < PARTS {
        return (bucket, bucket);
    }
    let (doublings, part) = ((bucket - PARTS) / PARTS, (bucket - PARTS) % PARTS);
    // Beyond 64 bits there is no time that would have been put there.
    let width = u32::try_from(doublings).ok().and_then(|by| 1_u64.checked_shl(by)).unwrap_or(0);
    let least = (PARTS + part).saturating_mul(width);
    (least, least.saturating_add(width.saturating_sub(1)))
}

/// The time that so many of a hundred runs did not pass, as if those of a bucket were spread evenly
/// over it.
fn percentile(runs: &BTreeMap<u16, u64>, count: u64, hundredths: u64) -> u64 {
    let rank = wide(count).saturating_mul(wide(hundredths)).div_ceil(100).max(1);
    let mut before = 0_u128;
    let mut longest = 0;
    for (bucket, runs) in runs {
        let (least, most) = bounds(*bucket);
        let here = rank.saturating_sub(before);
        if here <= wide(*runs) {
            // The middle of its share of the bucket.
            let halves = here.saturating_mul(2).saturating_sub(1);
            let into = wide(most - least).saturating_mul(halves) / wide(*runs).saturating_mul(2);
            return least.saturating_add(u64::try_from(into).unwrap_or(0));
        }
        before = before.saturating_add(wide(*runs));
        longest = most;
    }
    longest
}

fn wide(number: u64) -> u128 {
    number.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(runs: &[u64]) -> Option<ExecutionTimes> {
        let mut buckets = BTreeMap::new();
        for ms in runs {
            *buckets.entry(bucket_of(*ms)).or_default() += 1;
        }
        ExecutionTimes::of(&buckets, runs.iter().sum())
    }

    #[test]
    fn without_runs_there_are_no_times() {
        assert_eq!(times(&[]), None);
    }

    #[test]
    fn short_times_are_told_exactly() {
        let told = times(&[1, 2, 3, 4]).unwrap();
        assert_eq!((told.p50, told.p95, told.p99, told.mean), (2, 4, 4, 2.5));
        let told = times(&[15]).unwrap();
        assert_eq!((told.p50, told.p99), (15, 15));
    }

    #[test]
    fn buckets_follow_each_other_without_gaps() {
        for bucket in 0..400 {
            let (least, most) = bounds(bucket);
            assert_eq!((bucket_of(least), bucket_of(most)), (bucket, bucket));
            assert_eq!(bounds(bucket + 1).0, most + 1);
        }
        assert_eq!(bounds(bucket_of(u64::MAX)).1, u64::MAX);
    }

    proptest! {
        #[test]
        fn a_percentile_is_within_an_eighth(mut runs in prop::collection::vec(0_u64..400_000, 1..300)) {
            let told = times(&runs).unwrap();
            runs.sort_unstable();
            for (hundredths, told) in [(50, told.p50), (95, told.p95), (99, told.p99)] {
                let rank = (runs.len() * hundredths).div_ceil(100).max(1);
                let truth = runs[rank - 1];
                prop_assert!(told.abs_diff(truth) * PARTS <= truth, "{told} for {truth}");
                prop_assert_eq!(bucket_of(told), bucket_of(truth));
            }
        }

        #[test]
        fn every_time_has_a_bucket_around_it(ms: u64) {
            let (least, most) = bounds(bucket_of(ms));
            prop_assert!(least <= ms && ms <= most);
        }
    }
}
