//! A limit of two calls a minute: what is told, when the next may pass, and how its state is kept.

use std::{error::Error, time::Duration};

use keys_core::{KeyId, MemoryLimits, RateLimit, RateState, Timestamp, take};

fn main() -> Result<(), Box<dyn Error>> {
    let limit = RateLimit::per_minute(2).ok_or("a limit of nothing")?;
    let now: Timestamp = "2026-11-21T09:30:00Z".parse()?;

    // One process: a table in memory, which forgets what is idle.
    let (limits, key) = (MemoryLimits::default(), KeyId::from_u128(1));
    let calls = [1, 2, 3].map(|_| limits.take(key, limit, now, 1));
    assert_eq!(calls.map(|told| told.is_allowed), [true, true, false]);
    let [.., refused] = calls;
    assert_eq!(refused.retry_after_seconds(), 30);
    for (name, value) in refused.headers("key") {
        assert!(!name.is_empty() && !value.is_empty(), "for the answer: {name}: {value}");
    }
    assert!(limits.take(key, limit, now + Duration::from_secs(30), 1).is_allowed);

    // Several processes: one number in a row that is locked while it is changed.
    let row = RateState::default().as_nanos();
    let (after, told) = take(RateState::from_nanos(row), limit, now, 2);
    assert_eq!((told.is_allowed, told.remaining), (true, 0));
    let (_, told) = take(RateState::from_nanos(after.as_nanos()), limit, now, 1);
    assert!(!told.is_allowed);
    Ok(())
}
