//! How much each of many may still try: a table that is bounded, and that forgets whoever has all of it again. Knows
//! nothing of what is tried.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use keys_core::{Pace, RateState, Timestamp};

/// Looking for those to forget takes long where there are many.
const PRUNED_EVERY: Duration = Duration::from_secs(1);

/// Who has tried how often.
pub(crate) struct Budgets<K> {
    pace: Pace,
    most: usize,
    known: HashMap<K, RateState>,
    /// Those for whom there was no room: they share one budget.
    others: RateState,
    pruned_at: Timestamp,
}

impl<K: Hash + Eq> Budgets<K> {
    /// `pace` for each, of whom `most` are remembered.
    pub(crate) fn new(pace: Pace, most: usize) -> Self {
        let (others, known) = Default::default();
        Self { pace, most, known, others, pruned_at: Timestamp::UNIX_EPOCH }
    }

    /// How long until this one may try again; `None`: they may now.
    pub(crate) fn wait(&self, who: &K, now: Timestamp) -> Option<Duration> {
        let is_full = self.known.len() >= self.most;
        let state = self.known.get(who).copied();
        let state = state.unwrap_or(if is_full { self.others } else { RateState::default() });
        self.pace.take(state, now).1
    }

    pub(crate) fn spend(&mut self, who: K, now: Timestamp) {
        let is_known = self.known.contains_key(&who);
        if !is_known && self.known.len() >= self.most {
            self.prune(now);
        }
        let state = if is_known || self.known.len() < self.most {
            self.known.entry(who).or_default()
        } else {
            &mut self.others
        };
        (*state, _) = self.pace.take(*state, now);
    }

    /// What was spent counts as not spent.
    pub(crate) fn give_back(&mut self, who: &K) {
        let state = self.known.get_mut(who).unwrap_or(&mut self.others);
        *state = self.pace.give_back(*state);
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Forgets who has all of the budget again.
    fn prune(&mut self, now: Timestamp) {
        let since = (now - self.pruned_at).to_std();
        if since.is_ok_and(|since| since < PRUNED_EVERY) {
            return;
        }
        self.pruned_at = now;
        self.known.retain(|_, state| !state.is_idle(now));
    }
}

/// What shares a budget: an IPv4 address, or an IPv6 network of 64 bits, which a single host has for
/// itself. A caller without an address is one, too.
pub(crate) fn network(address: Option<IpAddr>) -> IpAddr {
    match address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use keys_core::RateLimit;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn budgets(per_minute: u32, most: usize) -> Budgets<u32> {
        Budgets::new(RateLimit::per_minute(per_minute).unwrap().into(), most)
    }

    fn after(seconds: u64) -> Timestamp {
        NOW + Duration::from_secs(seconds)
    }

    #[test]
    fn a_spent_budget_comes_back_by_and_by() {
        let mut budgets = budgets(60, 10);
        for _ in 0..60 {
            assert_eq!(budgets.wait(&1, NOW), None);
            budgets.spend(1, NOW);
        }
        assert_eq!(budgets.wait(&1, NOW), Some(Duration::from_secs(1)));
        assert_eq!(budgets.wait(&2, NOW), None, "another has their own");
        assert_eq!(budgets.wait(&1, after(1)), None);
        budgets.give_back(&1);
        assert_eq!(budgets.wait(&1, NOW), None);
    }

    #[test]
    fn a_network_of_64_bits_is_one_guesser() {
        let of = |text: &str| network(Some(text.parse().unwrap()));
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_who_has_the_whole_budget_again() {
        let mut budgets = budgets(60, 3);
        for number in 0..100 {
            budgets.spend(number, NOW);
        }
        assert_eq!(budgets.len(), 3);
        assert!(budgets.wait(&99, NOW).is_some(), "the others share one, which is spent");
        assert_eq!(budgets.wait(&1, NOW), None);
        budgets.spend(200, after(2));
        assert_eq!(budgets.len(), 1, "the guesses of before are forgotten");
    }

    #[test]
    fn a_clock_that_was_set_back_throttles_nobody_for_long() {
        let mut budgets = budgets(1, 3);
        budgets.spend(1, after(86_400));
        assert_eq!(budgets.wait(&1, NOW), None);
        budgets.spend(1, NOW);
        assert!(budgets.wait(&1, NOW).is_some());
    }
}
