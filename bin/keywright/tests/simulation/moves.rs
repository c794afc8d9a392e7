//! What operators and workers do in a simulated world.

use std::time::Duration;

use access_domain::Clock as _;
use deployments_domain::{Event, RunMove, Status};
use serde_json::Value;

use super::{
    Checked,
    node::{CEILING, name_of},
    runs::{self, BOUND, Held, LEASE, SEATS},
    world::World,
};

const RENEWS_EVERY: Duration = Duration::from_secs(3);
/// Whoever is woken asks so soon.
const WOKEN_AFTER: Duration = Duration::from_millis(10);
/// However much was lost, it is done after so many seconds without faults.
const REST: usize = 120;
/// So many of them pass in any case: until nothing of what was wrong can be remembered any more.
const AT_LEAST: usize = 8;

impl World {
    /// An operator changes a key by way of this node.
    pub(super) fn change(&mut self, number: usize) {
        let (now, chosen) = (self.now(), self.chance.usize(..self.keys.len()));
        let Some(deed) = self.chance.choice(self.keys[chosen].deeds()) else { return };
        let (key, node, entropy) = (&mut self.keys[chosen], &mut self.nodes[number], &self.entropy);
        let at = node.clock.now();
        match node.ask(|storage| key.carry_out(deed, storage, at, entropy)) {
            Ok(done) => {
                done.unwrap();
                key.done(deed, now);
                node.process.changed.insert(key.given.organization, now);
                self.wake_others(number);
            }
            Err(Some(done)) => {
                done.unwrap();
                key.done(deed, now);
            }
            Err(None) => {}
        }
    }

    fn wake_others(&mut self, number: usize) {
        let now = self.now();
        if self.nodes[number].wrong.channel > now {
            return;
        }
        for (other, node) in self.nodes.iter_mut().enumerate() {
            if other != number && node.wrong.channel <= now {
                node.process.asks_next = node.process.asks_next.min(now + WOKEN_AFTER);
            }
        }
    }

    /// Somebody wants to know whether everybody has heard.
    pub(super) fn call_roll(&mut self, number: usize) {
        if let Ok(call) = self.nodes[number].ask(|storage| storage.call_roll()) {
            self.calls.push((call.unwrap(), self.now()));
            self.wake_others(number);
        }
    }

    /// Who answered has heard of everything before the call; and whoever still answers from memory is among those who are told of.
    pub(super) fn read_roll(&mut self) -> Checked {
        self.shift_leases();
        let Some((call, called_at)) = self.chance.choice(self.calls.clone()) else { return Ok(()) };
        let roll = self.nodes[0].storage.roll(call).map_err(|error| error.to_string())?;
        let now = self.now();
        for node in &mut self.nodes {
            let name = name_of(node.process.keeper);
            let process = &mut node.process;
            if roll.answered.contains(&name) {
                process.heard = process.heard.max(called_at);
                self.tally.acknowledged += 1;
            } else if !roll.missing.contains(&name) && process.heard > now.saturating_sub(CEILING) {
                return Err(format!(
                    "{name} has heard until {:?}, and {roll:?} does not tell of it",
                    process.heard
                ));
            }
        }
        Ok(())
    }

    /// Lets go of what may not be this worker's any more, and renews the rest when that is due.
    pub(super) fn keep_leases(&mut self, number: usize) -> Checked {
        let uptime = self.nodes[number].clock.uptime();
        let process = &mut self.nodes[number].process;
        process.held.retain(|held| held.until > uptime);
        if process.renews_next > uptime || process.held.is_empty() {
            return Ok(());
        }
        process.renews_next = uptime + RENEWS_EVERY;
        let held: Vec<_> = process.held.iter().map(|held| (held.id, held.state.attempt)).collect();
        self.shift_leases();
        let node = &mut self.nodes[number];
        if let Ok(renewed) = node.ask(|storage| storage.renew(&held, LEASE)) {
            let ours = renewed.map_err(|error| error.to_string())?;
            node.process.held.retain_mut(|held| {
                held.until = uptime + LEASE;
                ours.contains(&held.id)
            });
        }
        Ok(())
    }

    /// Somebody calls the deployment.
    pub(super) fn accept(&mut self, number: usize) -> Checked {
        self.shift_leases();
        let node = &mut self.nodes[number];
        let is_claimed = node.process.held.len() < SEATS && self.chance.bool();
        let (at, uptime) = (node.clock.now(), node.clock.uptime());
        let run = runs::new_run(&super::given::given().deployed, is_claimed, at, &self.entropy);
        let (told, is_heard) = match node.ask(|storage| runs::accept(storage, &run)) {
            Ok(told) => (told, true),
            Err(Some(told)) => (told, false),
            Err(None) => return Ok(()),
        };
        if !told.map_err(|error| error.to_string())? {
            return Ok(());
        }
        self.runs.accepted(run.id);
        if is_claimed {
            self.runs.claimed(run.id, run.state.attempt)?;
        }
        if is_claimed && is_heard {
            let held =
                Held { id: run.id, state: run.state, is_given_up: false, until: uptime + LEASE };
            node.process.held.push(held);
        }
        let depth = node.storage.queue_depth().map_err(|error| error.to_string())?;
        if depth.pending + depth.executing > BOUND {
            return Err(format!("{depth:?}: more than {BOUND} are not finished"));
        }
        Ok(())
    }

    /// A worker takes what waits.
    pub(super) fn claim(&mut self, number: usize) -> Checked {
        let node = &self.nodes[number];
        let free = u32::try_from(SEATS - node.process.held.len()).unwrap();
        if free == 0 {
            return Ok(());
        }
        self.shift_leases();
        let node = &mut self.nodes[number];
        let (at, uptime) = (node.clock.now(), node.clock.uptime());
        let (claimed, is_heard) = match node.ask(|storage| storage.claim(free, LEASE, at)) {
            Ok(claimed) => (claimed, true),
            Err(Some(claimed)) => (claimed, false),
            Err(None) => return Ok(()),
        };
        for run in claimed.map_err(|error| error.to_string())? {
            self.runs.claimed(run.id, run.state.attempt)?;
            if is_heard {
                node.process.held.push(Held::of(&run, uptime + LEASE));
            }
        }
        Ok(())
    }

    /// A worker ends one of its runs.
    pub(super) fn end(&mut self, number: usize) -> Checked {
        let node = &self.nodes[number];
        let places = node.process.held.len();
        if places == 0 {
            return Ok(());
        }
        let place = self.chance.usize(..places);
        let node = &self.nodes[number];
        let (run_move, result) = node.process.held[place].end(number, node.clock.now());
        if self.save(number, &run_move, result)? {
            self.nodes[number].process.held.remove(place);
        }
        Ok(())
    }

    /// A worker gives one of its runs back.
    pub(super) fn release(&mut self, number: usize) -> Checked {
        let node = &mut self.nodes[number];
        let Some(held) = node.process.held.pop() else { return Ok(()) };
        let run_move = held.release(node.clock.now());
        self.save(number, &run_move, None).map(drop)
    }

    /// A caller wants a run no longer.
    pub(super) fn cancel(&mut self, number: usize) -> Checked {
        let Some(id) = self.chance.choice(self.runs.unfinished()) else { return Ok(()) };
        let node = &self.nodes[number];
        let found = runs::find(&*node.storage, &super::given::given().deployed, id)?;
        let Some(state) = found.filter(|state| !state.status.is_finished()) else {
            return Err(format!("the run {id} did not end, and is {found:?}"));
        };
        let run_move = runs::moved(id, state, Event::Cancel, node.clock.now());
        self.save(number, &run_move, None).map(drop)
    }

    /// Saves a move; whether there is an answer, whatever it says.
    fn save(
        &mut self,
        number: usize,
        run_move: &RunMove,
        result: Option<Value>,
    ) -> Result<bool, String> {
        let node = &self.nodes[number];
        let (saved, is_heard) = match node.ask(|storage| storage.save_move(run_move)) {
            Ok(saved) => (saved, true),
            Err(Some(saved)) => (saved, false),
            Err(None) => return Ok(false),
        };
        let is_saved = saved.map_err(|error| error.to_string())?;
        if is_saved && run_move.to.status.is_finished() {
            self.runs.ended(run_move.id, run_move.to.status, result)?;
        }
        Ok(is_heard)
    }

    /// Everything that is wrong ends; then everything that was accepted must end, and every answer be right at once.
    pub(super) fn rest(&mut self) -> Checked {
        for second in 0..REST {
            self.common.truth.passes(Duration::from_secs(1));
            self.mend(true);
            for node in 0..self.nodes.len() {
                self.settle(node)?;
            }
            if second >= AT_LEAST && self.runs.unfinished().is_empty() {
                break;
            }
        }
        for node in 0..self.nodes.len() {
            for key in 0..self.keys.len() {
                for text in 0..self.keys[key].past.len() {
                    self.common.truth.passes(Duration::from_micros(1));
                    self.verify(node, key, text)?;
                    self.answer_all(node)?;
                }
            }
        }
        self.common.passes.check()?;
        let deployed = &super::given::given().deployed;
        self.runs.check(&*self.nodes[0].storage, deployed)?;
        self.tally.ended = self.runs.count_ended();
        self.tally.taken_over = self.runs.count_taken_over();
        self.tally.stopped = self.runs.count(Status::Stopped);
        Ok(())
    }

    /// One second of a node with which nothing is wrong.
    fn settle(&mut self, number: usize) -> Checked {
        self.answer_all(number)?;
        let now = self.now();
        let node = &mut self.nodes[number];
        node.hear(now);
        node.ask_for_news(now);
        node.hear(now);
        self.keep_leases(number)?;
        self.claim(number)?;
        while !self.nodes[number].process.held.is_empty() {
            self.end(number)?;
        }
        Ok(())
    }

    fn answer_all(&mut self, number: usize) -> Checked {
        while let Some(load) = self.nodes[number].process.stops.stopped().first().copied() {
            self.go_on(number, load)?;
        }
        self.collect(number)
    }
}
