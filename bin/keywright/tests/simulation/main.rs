//! Several nodes in one pair of hands: the real memory of keys, limits by the real rule of what holds while nobody keeps account, and workers' moves
//! over the real store, where clocks are set, nodes are stopped, put to sleep and killed, and store, channel and limiter go away or fall silent.
//! An oracle that knows the true time holds every answer against what was true.
//!
//! A seed is a world. One that fails is printed, and is run alone by `KEYWRIGHT_SIMULATION_SEED=… cargo test -p keywright --test simulation`.
//! `just simulate 1000` runs more of them. What a server does around this (its threads, HTTP) is tried by processes elsewhere.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says what it saw"
)]

mod given;
mod hands;
mod keys;
mod limits;
mod moves;
mod node;
mod runs;
mod world;

use std::{
    env,
    panic::catch_unwind,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use self::world::World;

/// So many seeds are part of the suite.
const SEEDS: u64 = 50;
const STEPS: usize = 180;

/// What an oracle says.
type Checked = Result<(), String>;

/// What is broken on purpose, to see that it is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    Nothing,
    /// Nodes say that they have heard of all changes, and have not listened.
    HearsNothing,
    /// What is remembered holds for an hour, whatever was not heard.
    HasNoCeiling,
}

/// What happened in a world: one in which nothing happens proves nothing.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    answers: usize,
    /// Given from memory.
    remembered: usize,
    /// A yes that was one no longer, and within its bound.
    stale: usize,
    unavailable: usize,
    /// Calls that a limit refused, and that were decided without the limiter that all share.
    refused: usize,
    alone: usize,
    ended: usize,
    taken_over: usize,
    stopped: usize,
    /// Nodes that were found to have heard of everything before a roll call.
    acknowledged: usize,
}

impl Tally {
    fn each(self) -> [usize; 10] {
        let Self { answers, remembered, stale, unavailable, refused, .. } = self;
        let Self { alone, ended, taken_over, stopped, acknowledged, .. } = self;
        [
            answers,
            remembered,
            stale,
            unavailable,
            refused,
            alone,
            ended,
            taken_over,
            stopped,
            acknowledged,
        ]
    }

    fn add(&mut self, other: Self) {
        self.answers += other.answers;
        self.remembered += other.remembered;
        self.stale += other.stale;
        self.unavailable += other.unavailable;
        self.refused += other.refused;
        self.alone += other.alone;
        self.ended += other.ended;
        self.taken_over += other.taken_over;
        self.stopped += other.stopped;
        self.acknowledged += other.acknowledged;
    }
}

fn simulate(seed: u64, flaw: Flaw) -> Result<Tally, String> {
    let mut world = World::new(seed, flaw);
    for _ in 0..STEPS {
        world.step()?;
    }
    world.rest()?;
    Ok(world.tally)
}

/// Simulates each seed, and says which failed.
fn simulate_all(seeds: &[u64]) -> (Tally, Vec<String>) {
    let next = AtomicU64::new(0);
    let work = || {
        let (mut tally, mut faults) = (Tally::default(), Vec::new());
        while let Some(seed) =
            seeds.get(usize::try_from(next.fetch_add(1, Ordering::SeqCst)).unwrap())
        {
            match catch_unwind(|| simulate(*seed, Flaw::Nothing)) {
                Ok(Ok(told)) => tally.add(told),
                Ok(Err(fault)) => faults.push(format!("seed {seed}: {fault}")),
                Err(_) => faults.push(format!("seed {seed} panicked")),
            }
        }
        (tally, faults)
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let (mut all, mut faults) = (Tally::default(), Vec::new());
        for done in running {
            let (tally, some) = done.join().unwrap();
            all.add(tally);
            faults.extend(some);
        }
        (all, faults)
    })
}

/// The seeds that are asked for: one, or as many as there shall be.
fn wanted_seeds() -> Vec<u64> {
    let number = |name| env::var(name).ok().map(|text| text.parse().expect("a number"));
    match number("KEYWRIGHT_SIMULATION_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("KEYWRIGHT_SIMULATION_SEEDS").unwrap_or(SEEDS)).collect(),
    }
}

#[test]
fn whatever_fails_no_yes_outlives_its_bound_no_limit_is_passed_and_every_run_ends_once() {
    let seeds = wanted_seeds();
    let (tally, faults) = simulate_all(&seeds);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    println!("{} seeds: {tally:?}", seeds.len());
    if seeds.len() >= usize::try_from(SEEDS).unwrap() {
        for happened in tally.each() {
            assert!(happened >= seeds.len(), "too little of something happens: {tally:?}");
        }
    }
}

#[test]
fn the_simulation_sees_what_is_broken_on_purpose() {
    for flaw in [Flaw::HearsNothing, Flaw::HasNoCeiling] {
        let is_seen = (0..SEEDS).any(|seed| simulate(seed, flaw).is_err());
        assert!(is_seen, "nobody sees {flaw:?}");
    }
}
