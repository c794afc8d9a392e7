//! How many deliveries of each lane are under way here, and how many more there may be. Knows nothing of what they
//! are.

use std::collections::HashMap;

/// Lanes that are remembered to fail though nothing of them is under way; more are forgotten.
const MAX_REMEMBERED: usize = 10_000;

/// The lanes of which something is under way here, or that failed last time.
#[derive(Clone)]
pub(super) struct Lanes {
    lanes: HashMap<String, Lane>,
    per_lane: usize,
    most: usize,
    under_way: usize,
}

#[derive(Clone, Default)]
struct Lane {
    under_way: usize,
    is_failing: bool,
}

impl Lanes {
    /// Room for `most` deliveries in all, and for `per_lane` of one lane.
    pub(super) fn new(per_lane: usize, most: usize) -> Self {
        Self { lanes: HashMap::new(), per_lane, most, under_way: 0 }
    }

    /// How many more there may be in all.
    pub(super) fn room(&self) -> usize {
        self.most.saturating_sub(self.under_way)
    }

    /// How many more of this lane there may be. One that failed last time gets one place until it does
    /// not, so that many who fail leave room for the others.
    pub(super) fn room_of(&self, lane: &str) -> usize {
        let Some(lane) = self.lanes.get(lane) else { return self.per_lane };
        let most = if lane.is_failing { 1 } else { self.per_lane };
        most.saturating_sub(lane.under_way)
    }

    /// One more is under way.
    pub(super) fn begin(&mut self, lane: &str) {
        self.under_way += 1;
        self.lanes.entry(lane.to_owned()).or_default().under_way += 1;
    }

    /// One of them ended.
    pub(super) fn end(&mut self, name: &str, is_failing: bool) {
        self.under_way = self.under_way.saturating_sub(1);
        if let Some(lane) = self.lanes.get_mut(name) {
            lane.under_way = lane.under_way.saturating_sub(1);
            lane.is_failing = is_failing;
            if lane.under_way == 0 && !is_failing {
                self.lanes.remove(name);
            }
        }
        if self.lanes.len() > MAX_REMEMBERED {
            self.lanes.retain(|_, lane| lane.under_way > 0);
        }
    }

    /// How many are under way.
    pub(super) fn under_way(&self) -> usize {
        self.under_way
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_that_fails_gets_one_place_until_it_succeeds() {
        let mut lanes = Lanes::new(3, 10);
        lanes.begin("a");
        lanes.begin("a");
        assert_eq!((lanes.room_of("a"), lanes.room_of("b"), lanes.room()), (1, 3, 8));
        lanes.end("a", true);
        assert_eq!(lanes.room_of("a"), 0);
        lanes.end("a", true);
        assert_eq!((lanes.room_of("a"), lanes.room()), (1, 10));
        lanes.begin("a");
        lanes.end("a", false);
        assert_eq!((lanes.room_of("a"), lanes.under_way()), (3, 0));
    }

    #[test]
    fn no_more_is_remembered_than_memory_is_meant_for() {
        let mut lanes = Lanes::new(1, usize::MAX);
        lanes.begin("held");
        for lane in 0..=MAX_REMEMBERED {
            lanes.begin(&lane.to_string());
            lanes.end(&lane.to_string(), true);
        }
        assert!(lanes.lanes.len() < 10, "{}", lanes.lanes.len());
        assert_eq!((lanes.room_of("held"), lanes.under_way()), (0, 1));
    }
}
