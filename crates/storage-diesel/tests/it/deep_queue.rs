//! A queue as deep as it gets where nothing bounds it: neither accepting nor claiming nor measuring becomes slower, and another
//! organization's run is not kept waiting.

use std::time::{Duration, Instant};

use deployments_domain::RunLimits;
use test_support::{contract::Given, databases::Database};

use crate::raw::Raw;

/// Far more than a plan that goes through all of them can hide.
const DEPTH: u32 = 100_000;
/// The shortest of so many tries: what the machine does besides disturbs some, and a bad plan all of them.
const TRIES: usize = 8;
/// Test machines are slow, and measuring counts up to its bound, which is more than there was before.
const NOISE: Duration = Duration::from_millis(40);

fn shortest<T>(mut work: impl FnMut() -> T) -> Duration {
    let tries = (0..TRIES).map(|_| {
        let began = Instant::now();
        work();
        began.elapsed()
    });
    tries.min().unwrap()
}

/// As many as said beside the one that waits, and as many that the organization has had before.
fn deepen(database: &Database, numbers: &str) {
    let columns = "organization_id, version_id, \"trigger\", deployment_id, key_id, attempt, lost, timeout_seconds, per_file,
        steps_total, steps_completed, workflow_id";
    let copies = |id: &str, more: &str, values: &str| {
        format!(
            "INSERT INTO executions (id, {columns}, {more}) SELECT '{id}-' || s.n, {columns}, {values}
             FROM (SELECT * FROM executions WHERE status = 'PENDING' AND id NOT LIKE 'deep-%' LIMIT 1) AS e, {numbers};"
        )
    };
    let waiting = copies(
        "deep",
        "status, input, parameters, created_at, has_payload",
        "status, input, parameters, created_at + s.n, has_payload",
    );
    let past = copies(
        "past",
        "status, created_at, started_at, finished_at, has_payload",
        "'COMPLETED', created_at - s.n, created_at, created_at, false",
    );
    database.execute(&past);
    database.execute(&waiting);
    if !database.url().starts_with("sqlite://") {
        // As PostgreSQL does by itself within a minute. SQLite is never asked to.
        database.execute("ANALYZE executions");
    }
}

fn a_deep_queue_slows_nobody(database: &Database, numbers: &str) {
    let given = Given::empty(database.open());
    let [deep, quiet] = given.two_waiting_runs();
    let stores = &given.stores;
    let unbounded = RunLimits { deployment: None, organization: None };
    let bounded = RunLimits { deployment: Some(20), organization: Some(50) };
    let lease = Duration::from_secs(3600);
    let accept = || shortest(|| stores.accept(&given.another_run(&deep), unbounded).unwrap());
    let refuse =
        || shortest(|| assert!(stores.accept(&given.another_run(&deep), bounded).is_err()));
    let claim = || shortest(|| assert_eq!(stores.claim(2, lease, given.now()).unwrap().len(), 2));
    let measure = || shortest(|| stores.queue_depth().unwrap());
    for _ in 0..4 * TRIES {
        stores.accept(&given.another_run(&deep), unbounded).unwrap();
    }
    let before = [accept(), refuse(), claim(), measure()];
    deepen(database, numbers);
    let after = [accept(), refuse(), claim(), measure()];
    for (what, (before, after)) in
        ["accept", "refuse", "claim", "measure"].iter().zip(before.iter().zip(after))
    {
        assert!(after < *before * 5 + NOISE, "{what}: {before:?}, and {after:?} at the depth");
    }
    // Whoever comes last, and has fewer in hand, is next.
    let run = given.another_run(&quiet);
    stores.accept(&run, bounded).unwrap();
    let claimed = stores.claim(1, lease, given.now()).unwrap();
    assert_eq!(claimed[0].id, run.id);
    let left = Raw::to(database)
        .lines("SELECT CAST(count(*) AS text) AS line FROM executions WHERE status = 'PENDING'");
    assert!(left[0].parse::<u32>().unwrap() > DEPTH);
}

#[test]
fn a_deep_queue_slows_nobody_on_sqlite() {
    let numbers = format!(
        "(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {DEPTH}) SELECT n FROM s) AS s"
    );
    a_deep_queue_slows_nobody(&Database::sqlite(), &numbers);
}

#[test]
fn a_deep_queue_slows_nobody_on_postgres() {
    a_deep_queue_slows_nobody(
        &Database::postgres(),
        &format!("generate_series(1, {DEPTH}) AS s (n)"),
    );
}
