//! How long to wait before something is done again.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(300);

/// A quarter more or less, so that several who wait do not ask in step.
pub(crate) fn about(pause: Duration) -> Duration {
    pause * (768 + chance() % 512) / 1024
}

/// The pause after the try of this number, from 1: the first may take `first`, each further one
/// twice as long; the real one is anything from half of that up.
pub(crate) fn longer_each_time(first: Duration, tries: u32) -> Duration {
    let doublings = tries.saturating_sub(1).min(16);
    let longest = first.saturating_mul(2_u32.pow(doublings)).min(LONGEST);
    longest * (512 + chance() % 513) / 1024
}

fn chance() -> u32 {
    u32::try_from(RandomState::new().build_hasher().finish() % (1 << 20)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_are_never_equal() {
        let first = Duration::from_secs(1);
        let pauses: Vec<_> = (0..200).map(|_| longer_each_time(first, 3)).collect();
        assert!(pauses.iter().all(|pause| (2.0..=4.0).contains(&pause.as_secs_f64())));
        assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        assert!(longer_each_time(first, 99) <= LONGEST);
        assert_eq!(longer_each_time(Duration::ZERO, 2), Duration::ZERO);
        assert!((0.75..1.25).contains(&about(first).as_secs_f64()));
    }
}
