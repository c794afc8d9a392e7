//! How often keys may be guessed: a budget for each address, spent by wrong keys alone. Knows
//! nothing of what is behind a key.
//!
//! Only look-ups that memory cannot answer come here, so a key that is in use is never refused for
//! what others try from the same address. Past the budget, a slow lane for all such addresses
//! together still lets right keys in. Nothing is written anywhere.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use access_domain::{Clock, KeyMatches, StoreError};
use api_types::ErrorCode;
use keys_core::{RateLimit, RateState, Timestamp, take};
use metrics::{Counter, counter};

use crate::{
    ApiError, Turns,
    budgets::{Budgets, network},
    rate_limit::whole_seconds,
};

/// Addresses that are remembered at most; the others share one budget.
const MAX_ADDRESSES: usize = 65_536;
/// Look-ups in the slow lane: at the same time, in line, and a minute.
const SLOW_AT_ONCE: usize = 2;
const SLOW_IN_LINE: usize = 32;
const SLOW_PER_MINUTE: u32 = 600;

/// Watches over look-ups of keys that are not in memory.
pub struct Guesses {
    clock: Arc<dyn Clock>,
    guesses: Mutex<Spent>,
    slow: Turns,
    refusals: Counter,
}

impl Guesses {
    /// `limit`: how many wrong keys an address may try.
    pub fn new(limit: RateLimit, clock: Arc<dyn Clock>) -> Self {
        let addresses = Budgets::new(limit.into(), MAX_ADDRESSES);
        let guesses = Mutex::new(Spent { addresses, slow: RateState::default() });
        let slow = Turns::new(SLOW_AT_ONCE, SLOW_IN_LINE);
        Self { clock, guesses, slow, refusals: counter!("keywright_guess_refusals_total") }
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
        let Some(wait) = self.with(|spent, now| spent.addresses.wait(&network, now)) else {
            let found = looking.await?;
            if let Some(wait) = found.unchecked_for() {
                return Err(self.too_many(wait));
            }
            if found.is_empty() {
                self.with(|spent, now| spent.addresses.spend(network, now));
            }
            return Ok(found);
        };
        if !self.with(Spent::enter_slow_lane) {
            return Err(self.too_many(wait));
        }
        let Ok(_turn) = self.slow.turn().await else { return Err(self.too_many(wait)) };
        let found = looking.await?;
        if found.is_empty() { Err(self.too_many(wait)) } else { Ok(found) }
    }

    /// Counts a wrong credential of another kind, which cost no look-up.
    ///
    /// # Errors
    /// When the budget of the address is spent.
    pub fn spend(&self, address: Option<IpAddr>) -> Result<(), ApiError> {
        let network = network(address);
        if let Some(wait) = self.with(|spent, now| spent.addresses.wait(&network, now)) {
            return Err(self.too_many(wait));
        }
        self.with(|spent, now| spent.addresses.spend(network, now));
        Ok(())
    }

    fn too_many(&self, wait: Duration) -> ApiError {
        self.refusals.increment(1);
        let detail = "too many wrong keys were tried from this address, or at one imported key; try again later";
        ApiError::new(ErrorCode::TooManyBadCredentials, detail).retry_after(whole_seconds(wait))
    }

    fn with<T>(&self, ask: impl FnOnce(&mut Spent, Timestamp) -> T) -> T {
        // Budgets are whole at every moment; there is no state that poison could warn of.
        ask(&mut self.guesses.lock().unwrap_or_else(PoisonError::into_inner), self.clock.now())
    }
}

/// What was guessed.
struct Spent {
    addresses: Budgets<IpAddr>,
    slow: RateState,
}

impl Spent {
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

    #[test]
    fn the_slow_lane_is_bounded() {
        let limit = RateLimit::per_minute(1).unwrap();
        let addresses = Budgets::new(limit.into(), 3);
        let mut spent = Spent { addresses, slow: RateState::default() };
        let now = Timestamp::UNIX_EPOCH;
        let entered = (0..1000).filter(|_| spent.enter_slow_lane(now)).count();
        assert_eq!(entered, SLOW_PER_MINUTE as usize);
        assert!(spent.enter_slow_lane(now + Duration::from_secs(1)));
    }
}
