//! How often keys may be guessed: a budget for each address, spent by wrong keys alone. Knows
//! nothing of what is behind a key.
//!
//! Only look-ups that memory cannot answer come here, so a key that is in use is never refused for
//! what others try from the same address. Past the budget, a slow lane for all such addresses
//! together still lets right keys in. Nothing is written anywhere.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use access_domain::{Clock, KeyMatches, StoreError};
use api_types::ErrorCode;
use keys_core::{RateLimit, RateState, Timestamp, take};
use metrics::{Counter, counter};

use crate::{ApiError, Turns, rate_limit::whole_seconds};

/// Addresses that are remembered at most; the others share one budget.
const MAX_ADDRESSES: usize = 65_536;
/// Looking for addresses to forget takes long where there are many.
const PRUNED_EVERY: Duration = Duration::from_secs(1);
/// Look-ups in the slow lane: at the same time, in line, and a minute.
const SLOW_AT_ONCE: usize = 2;
const SLOW_IN_LINE: usize = 32;
const SLOW_PER_MINUTE: u32 = 600;

/// Watches over look-ups of keys that are not in memory.
pub struct Guesses {
    clock: Arc<dyn Clock>,
    budgets: Mutex<Budgets>,
    slow: Turns,
    refusals: Counter,
}

impl Guesses {
    /// `limit`: how many wrong keys an address may try.
    pub fn new(limit: RateLimit, clock: Arc<dyn Clock>) -> Self {
        let budgets = Mutex::new(Budgets::new(limit, MAX_ADDRESSES));
        let slow = Turns::new(SLOW_AT_ONCE, SLOW_IN_LINE);
        Self { clock, budgets, slow, refusals: counter!("keywright_guess_refusals_total") }
    }

    /// What `looking` finds, unless this address has guessed too often.
    ///
    /// A wrong key is counted once it turned out wrong: of those that come at the same time, all are
    /// looked up.
    ///
    /// # Errors
    /// When the budget of the address is spent and the slow lane is full, or has found nothing
    /// either; when storage fails.
    pub async fn watch(
        &self,
        address: Option<IpAddr>,
        looking: impl Future<Output = Result<Arc<KeyMatches>, StoreError>>,
    ) -> Result<Arc<KeyMatches>, ApiError> {
        let network = network(address);
        let Some(wait) = self.with(|budgets, now| budgets.wait(network, now)) else {
            let found = looking.await?;
            if let Some(wait) = found.unchecked_for() {
                return Err(self.too_many(wait));
            }
            if found.is_empty() {
                self.with(|budgets, now| budgets.spend(network, now));
            }
            return Ok(found);
        };
        if !self.with(Budgets::enter_slow_lane) {
            return Err(self.too_many(wait));
        }
        let Ok(_turn) = self.slow.turn().await else { return Err(self.too_many(wait)) };
        let found = looking.await?;
        if found.is_empty() { Err(self.too_many(wait)) } else { Ok(found) }
    }

    fn too_many(&self, wait: Duration) -> ApiError {
        self.refusals.increment(1);
        let detail = "too many wrong keys were tried from this address, or at one imported key; try again later";
        ApiError::new(ErrorCode::TooManyBadCredentials, detail).retry_after(whole_seconds(wait))
    }

    fn with<T>(&self, ask: impl FnOnce(&mut Budgets, Timestamp) -> T) -> T {
        // Budgets are whole at every moment; there is no state that poison could warn of.
        ask(&mut self.budgets.lock().unwrap_or_else(PoisonError::into_inner), self.clock.now())
    }
}

/// What shares a budget: an IPv4 address, or an IPv6 network of 64 bits, which a single host has for
/// itself. A caller without an address is one, too.
fn network(address: Option<IpAddr>) -> IpAddr {
    match address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Who has guessed how often.
struct Budgets {
    limit: RateLimit,
    max_networks: usize,
    networks: HashMap<IpAddr, RateState>,
    /// Those for whom there was no room.
    others: RateState,
    slow: RateState,
    pruned_at: Timestamp,
}

impl Budgets {
    fn new(limit: RateLimit, max_networks: usize) -> Self {
        let (others, slow) = Default::default();
        let (networks, pruned_at) = (HashMap::new(), Timestamp::UNIX_EPOCH);
        Self { limit, max_networks, networks, others, slow, pruned_at }
    }

    /// How long until the network may guess again; `None`: it may now.
    fn wait(&self, network: IpAddr, now: Timestamp) -> Option<Duration> {
        let state = self.networks.get(&network).copied();
        let is_full = self.networks.len() >= self.max_networks;
        let state = state.unwrap_or(if is_full { self.others } else { RateState::default() });
        let (_, decision) = take(state, self.limit, now, 1);
        (!decision.is_allowed).then_some(decision.retry_after)
    }

    fn spend(&mut self, network: IpAddr, now: Timestamp) {
        let is_known = self.networks.contains_key(&network);
        if !is_known && self.networks.len() >= self.max_networks {
            self.prune(now);
        }
        let state = if is_known || self.networks.len() < self.max_networks {
            self.networks.entry(network).or_default()
        } else {
            &mut self.others
        };
        (*state, _) = take(*state, self.limit, now, 1);
    }

    /// Forgets who has all of the budget again.
    fn prune(&mut self, now: Timestamp) {
        let since = (now - self.pruned_at).to_std();
        if since.is_ok_and(|since| since < PRUNED_EVERY) {
            return;
        }
        self.pruned_at = now;
        self.networks.retain(|_, state| !state.is_idle(now));
    }

    /// Whether one more may look a key up although its own budget is spent.
    fn enter_slow_lane(&mut self, now: Timestamp) -> bool {
        let Some(limit) = RateLimit::per_minute(SLOW_PER_MINUTE) else { return false };
        let (state, decision) = take(self.slow, limit, now, 1);
        self.slow = state;
        decision.is_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn budgets(per_minute: u32, max_networks: usize) -> Budgets {
        Budgets::new(RateLimit::per_minute(per_minute).unwrap(), max_networks)
    }

    fn host(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    fn after(seconds: u64) -> Timestamp {
        NOW + Duration::from_secs(seconds)
    }

    #[test]
    fn a_spent_budget_comes_back_by_and_by() {
        let mut budgets = budgets(60, 10);
        for _ in 0..60 {
            assert_eq!(budgets.wait(host(1), NOW), None);
            budgets.spend(host(1), NOW);
        }
        assert_eq!(budgets.wait(host(1), NOW), Some(Duration::from_secs(1)));
        assert_eq!(budgets.wait(host(2), NOW), None, "another address has its own");
        assert_eq!(budgets.wait(host(1), after(1)), None);
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
            budgets.spend(host(number), NOW);
        }
        assert_eq!(budgets.networks.len(), 3);
        assert!(budgets.wait(host(99), NOW).is_some(), "the others share one, which is spent");
        assert_eq!(budgets.wait(host(1), NOW), None);
        budgets.spend(host(200), after(2));
        assert_eq!(budgets.networks.len(), 1, "the guesses of before are forgotten");
    }

    #[test]
    fn the_slow_lane_is_bounded() {
        let mut budgets = budgets(1, 3);
        let entered = (0..1000).filter(|_| budgets.enter_slow_lane(NOW)).count();
        assert_eq!(entered, SLOW_PER_MINUTE as usize);
        assert!(budgets.enter_slow_lane(after(1)));
    }

    #[test]
    fn a_clock_that_was_set_back_throttles_nobody_for_long() {
        let mut budgets = budgets(1, 3);
        budgets.spend(host(1), after(86_400));
        assert_eq!(budgets.wait(host(1), NOW), None);
        budgets.spend(host(1), NOW);
        assert!(budgets.wait(host(1), NOW).is_some());
    }
}
