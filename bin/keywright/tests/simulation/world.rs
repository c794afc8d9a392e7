//! The world of one seed: nodes over one store, what goes wrong, and what goes on meanwhile. Every choice is the generator's, so that the same seed is the
//! same world.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use access_domain::{
    Clock as _, KeySource as _, Limiter as _, OnLimiterFailure, Quotas, Verification,
    VerificationDraft, judge, present,
};
use keys_core::{Outcome, Verdict};
use test_support::{clock::CountingEntropy, databases::Database};
use tokio::runtime::{Builder, Runtime};

use super::{
    Checked, Flaw, Tally,
    given::{given, peppers},
    hands::{PATIENCE, Reach, Stage, Truth},
    keys::Key,
    limits::{HEALED_AFTER, Keeper, Noted, Passes, clock_of},
    node::{Asked, Common, Found, Node, Question},
    runs::Runs,
};

/// How many nodes there are.
const NODES: usize = 3;
/// What the database's clock is moved by. It is the machine's own, so what it is compared with is moved instead.
const SHIFT: Duration = Duration::from_secs(5);

pub(super) struct World {
    pub(super) chance: fastrand::Rng,
    runtime: Runtime,
    pub(super) common: Common,
    pub(super) nodes: Vec<Node>,
    pub(super) keys: Vec<Key>,
    pub(super) runs: Runs,
    pub(super) entropy: CountingEntropy,
    starts: usize,
    shifted: Duration,
    /// Roll calls, with when they were made.
    pub(super) calls: Vec<(u64, Duration)>,
    wanted: Verification,
    pub(super) tally: Tally,
}

impl World {
    pub(super) fn new(seed: u64, flaw: Flaw) -> Self {
        let (database, truth) = (Database::sqlite(), Arc::<Truth>::default());
        let path = database.url().strip_prefix("sqlite://").unwrap();
        std::fs::write(path, &given().file).unwrap();
        let passes = Arc::<Passes>::default();
        let shared = Arc::new(Noted::new(Keeper::Shared, clock_of(&truth), Arc::clone(&passes)));
        let policies = [OnLimiterFailure::Local, OnLimiterFailure::Deny, OnLimiterFailure::Allow];
        let policy = policies[usize::try_from(seed % 3).unwrap()];
        let common = Common { truth, database, shared, passes, policy, flaw };
        let nodes = (0..NODES).map(|number| Node::new(&common, number)).collect();
        Self {
            chance: fastrand::Rng::with_seed(seed),
            runtime: Builder::new_current_thread().enable_time().build().unwrap(),
            common,
            nodes,
            keys: given().keys.iter().map(Key::new).collect(),
            runs: Runs::default(),
            entropy: CountingEntropy::default(),
            starts: NODES,
            shifted: Duration::ZERO,
            calls: Vec::new(),
            wanted: VerificationDraft::default().check("", &mut Vec::new()),
            tally: Tally::default(),
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.common.truth.now()
    }

    pub(super) fn is_running(&self, node: usize) -> bool {
        self.nodes[node].wrong.stopped <= self.now()
    }

    /// Something happens, time passes with it, and what is due by then is done.
    pub(super) fn step(&mut self) -> Checked {
        let by = [5, 20, 50, 100, 200][self.chance.usize(..5)];
        self.common.truth.passes(Duration::from_millis(by));
        self.mend(false);
        if self.chance.u8(..12) == 0 {
            self.break_something();
        }
        for node in 0..NODES {
            if self.is_running(node) {
                self.follow(node);
                self.keep_leases(node)?;
            }
        }
        for _ in 0..self.chance.usize(1..=4) {
            // No two things at once: the oracle asks what came first.
            self.common.truth.passes(Duration::from_micros(1));
            let node = self.chance.usize(..NODES);
            if self.is_running(node) {
                self.act(node)?;
                self.collect(node)?;
            }
        }
        Ok(())
    }

    fn act(&mut self, node: usize) -> Checked {
        match self.chance.u8(..100) {
            0..54 => {
                let (key, text) = self.some_text();
                self.verify(node, key, text)
            }
            54..79 => {
                let stopped = self.nodes[node].process.stops.stopped();
                let Some(load) = self.chance.choice(stopped) else { return Ok(()) };
                self.go_on(node, load)
            }
            79..83 => {
                self.change(node);
                Ok(())
            }
            83..87 => self.accept(node),
            87..91 => self.claim(node),
            91..96 => self.end(node),
            96 => self.release(node),
            97 => {
                self.call_roll(node);
                self.read_roll()
            }
            _ => self.cancel(node),
        }
    }

    fn some_text(&mut self) -> (usize, usize) {
        let key = self.chance.usize(..self.keys.len());
        let texts = self.keys[key].past.len();
        // Most callers have the right one.
        let valid = (0..texts).find(|text| self.keys[key].worth(*text) == Verdict::Valid);
        match valid {
            Some(text) if self.chance.u8(..4) > 0 => (key, text),
            _ => (key, self.chance.usize(..texts)),
        }
    }

    /// What is wrong for long enough is mended; all of it, if everything shall come to rest.
    pub(super) fn mend(&mut self, all: bool) {
        let now = self.now();
        for node in &mut self.nodes {
            let (wrong, over) = (&mut node.wrong, |until: Duration| all || until <= now);
            if node.store_way.is() != Reach::Here {
                wrong.store_last = Some(now);
                if over(wrong.store) {
                    node.store_way.set(Reach::Here);
                }
            }
            if node.limiter_way.is() != Reach::Here && over(wrong.limiter) {
                node.limiter_way.set(Reach::Here);
                wrong.limiter_since = now;
            }
            if over(wrong.stopped) {
                wrong.stopped = wrong.stopped.min(now);
                if let Some(since) = wrong.asleep_since.take() {
                    node.clock.slept(now - since);
                    wrong.lied_last = Some(now);
                }
            }
        }
    }

    fn break_something(&mut self) {
        let (now, number) = (self.now(), self.chance.usize(..NODES));
        let until = now + Duration::from_millis(self.chance.u64(200..9000));
        let reach = if self.chance.bool() { Reach::Away } else { Reach::Silent };
        let kind = self.chance.u8(..13);
        let seconds = self.chance.i64(-120..=120);
        let node = &mut self.nodes[number];
        match kind {
            0..4 => {
                node.store_way.set(reach);
                node.wrong.store = until;
                node.wrong.store_last = Some(now);
            }
            4..6 => {
                node.limiter_way.set(reach);
                node.wrong.limiter = until;
            }
            6..8 => node.wrong.channel = until,
            8 => node.wrong.stopped = until,
            9 if node.wrong.stopped <= now && !node.wrong.lied_lately(now) => {
                node.wrong.stopped = until;
                node.wrong.asleep_since = Some(now);
            }
            10..12 => node.set_clock(seconds, now),
            _ => {
                self.starts += 1;
                node.wrong.stopped = now;
                if let Some(since) = node.wrong.asleep_since.take() {
                    node.clock.slept(now - since);
                    node.wrong.lied_last = Some(now);
                }
                node.restart(&self.common, self.starts);
            }
        }
    }

    /// Hears of what has changed, when that is due; sometimes much later than it was read.
    fn follow(&mut self, number: usize) {
        let (now, dawdles) = (self.now(), self.chance.u8(..5) == 0);
        let node = &mut self.nodes[number];
        if !node.is_asking() && node.process.asks_next <= now {
            node.ask_for_news(now);
        }
        if !dawdles {
            node.hear(now);
        }
    }

    /// Somebody shows a key.
    pub(super) fn verify(&mut self, node: usize, key: usize, text: usize) -> Checked {
        let now = self.now();
        let given = &self.keys[key].given;
        let floor = self.nodes[node].floor(now, given.organization);
        let process = &mut self.nodes[node].process;
        let questions = process.asked.iter().map(|asked| asked.question);
        let joinable = questions.filter(|asked| (asked.key, asked.text) == (key, text));
        let oldest = joinable.map(|asked| asked.since).min();
        let question = Question { key, text, at: now, floor, since: oldest.unwrap_or(now) };
        let presented = present(&given.secrets[text].0, &peppers()).unwrap();
        let begun = process.stops.begun();
        match process.cache.get(presented) {
            Outcome::Ready(found) => {
                self.tally.remembered += 1;
                self.answered(node, question, found)
            }
            Outcome::Later(mut answer) => {
                let context = self.runtime.enter();
                let found = poll(&mut answer);
                drop(context);
                if let Some(found) = found {
                    return self.answered(node, question, found);
                }
                let process = &mut self.nodes[node].process;
                process.stops.next_after(begun, oldest.is_some());
                process.asked.push(Asked { question, answer });
                Ok(())
            }
        }
    }

    /// A look-up goes on to its next stop.
    pub(super) fn go_on(&mut self, node: usize, (load, stage): (u64, Stage)) -> Checked {
        let process = &mut self.nodes[node].process;
        process.stops.go_on(load);
        if stage == Stage::Begun {
            return Ok(());
        }
        // Whoever waits for it hears a moment after its thread has the answer.
        let (waiting, begun) = (process.asked.len(), Instant::now());
        while waiting > 0 && self.nodes[node].process.asked.len() == waiting {
            assert!(begun.elapsed() < PATIENCE, "nobody hears what was read");
            self.collect(node)?;
            std::thread::yield_now();
        }
        Ok(())
    }

    /// Takes the answers that have come.
    pub(super) fn collect(&mut self, node: usize) -> Checked {
        let mut came = Vec::new();
        let context = self.runtime.enter();
        self.nodes[node].process.asked.retain_mut(|asked| match poll(&mut asked.answer) {
            Some(found) => {
                came.push((asked.question, found));
                false
            }
            None => true,
        });
        drop(context);
        came.into_iter().try_for_each(|(question, found)| self.answered(node, question, found))
    }

    fn answered(&mut self, number: usize, asked: Question, found: Found) -> Checked {
        let (now, node) = (self.now(), &self.nodes[number]);
        let key = &self.keys[asked.key];
        let found = match found {
            Ok(found) => found,
            Err(_) if node.could_not_ask_since(asked.since) => {
                self.tally.unavailable += 1;
                return Ok(());
            }
            Err(error) => {
                return Err(format!("node {number} failed while nothing was away: {error}"));
            }
        };
        let record = found.choose(None);
        let verdict = judge(record, &self.wanted, node.clock.now());
        let right = key.worths(asked.text, asked.floor, now);
        if !right.contains(&verdict) {
            return Err(format!(
                "node {number} said {verdict:?} of text {} of key {}, asked at {:?} and answered at {now:?}; since {:?} it was worth {right:?}",
                asked.text, asked.key, asked.at, asked.floor
            ));
        }
        self.tally.answers += 1;
        let is_yes = verdict == Verdict::Valid;
        self.tally.stale += usize::from(is_yes && key.worth(asked.text) != Verdict::Valid);
        let quotas = record.filter(|_| is_yes).map(access_domain::KeyRecord::quotas_of_call);
        quotas.map_or(Ok(()), |quotas| self.spend(number, quotas))
    }

    /// A good key spends its limits.
    fn spend(&mut self, number: usize, quotas: Quotas) -> Checked {
        let (now, node) = (self.now(), &self.nodes[number]);
        let (passes, keeper) = (&self.common.passes, Keeper::Local(node.process.keeper));
        let before = (passes.count(Keeper::Shared), passes.count(keeper));
        let told = self.runtime.block_on(node.process.limiter.take(quotas, 1).wait());
        let by_shared = passes.count(Keeper::Shared) > before.0;
        let by_itself = passes.count(keeper) > before.1;
        let is_healed =
            node.limiter_way.is() == Reach::Here && now >= node.wrong.limiter_since + HEALED_AFTER;
        let (is_right, is_alone) = match told {
            Ok(Some(limited)) if limited.decision.is_allowed => (by_shared || by_itself, by_itself),
            Ok(Some(_)) => {
                self.tally.refused += 1;
                (true, false)
            }
            Ok(None) => (self.common.policy == OnLimiterFailure::Allow, true),
            Err(_) => (self.common.policy == OnLimiterFailure::Deny, true),
        };
        self.tally.alone += usize::from(is_alone);
        if !is_right || (is_alone && is_healed) {
            let policy = self.common.policy;
            return Err(format!(
                "node {number} let a call pass by {policy:?}, alone: {is_alone}, healed: {is_healed}"
            ));
        }
        Ok(())
    }

    /// The database's clock goes on.
    pub(super) fn shift_leases(&mut self) {
        let due =
            self.now().saturating_sub(self.shifted).as_secs() / SHIFT.as_secs() * SHIFT.as_secs();
        if due > 0 {
            self.shifted += Duration::from_secs(due);
            let micros = due * 1_000_000;
            self.common.database.execute(&format!(
                "UPDATE executions SET lease_expires_at = lease_expires_at - {micros} WHERE lease_expires_at IS NOT NULL;
                UPDATE nodes SET seen_at = seen_at - {micros}"
            ));
        }
    }
}

impl Node {
    fn set_clock(&mut self, seconds: i64, now: Duration) {
        let micros = seconds * 1_000_000;
        let was = self.clock.off_by.load(Ordering::SeqCst);
        if micros >= was || !(self.wrong.lied_lately(now) || self.wrong.asleep_since.is_some()) {
            if micros < was {
                self.wrong.lied_last = Some(now);
            }
            self.clock.off_by.store(micros, Ordering::SeqCst);
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for node in &self.nodes {
            node.process.stops.open();
        }
    }
}

fn poll<T>(future: &mut Pin<Box<dyn Future<Output = T> + Send>>) -> Option<T> {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}
