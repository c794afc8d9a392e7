//! How often passwords may be guessed: a budget for each address and one for each user name, spent by log-ins that fail.
//! Asked before a password is hashed, so that what is refused here costs nothing. Nothing is written anywhere.
//!
//! Nobody is locked out for ever: when the budget of a name is spent, one more try is let through now and then. And whoever
//! logged in before brings a device: the devices of a user have a budget of their own in place of both, so that nobody's guesses keep an
//! owner out of what is theirs.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use access_domain::{Clock, Device, UserId};
use api_types::ErrorCode;
use keys_core::{Pace, Pepper, RateLimit, Subkey, Timestamp};
use metrics::counter;

use crate::{
    ApiError,
    budgets::{Budgets, network},
    rate_limit::whole_seconds,
};

/// Addresses, names and devices that are remembered at most, of each so many; the others share one budget.
const MOST: usize = 65_536;
/// It is logged that log-ins are refused at most so often: a guesser must not fill the log.
const TOLD_EVERY: Duration = Duration::from_secs(60);
const COUNTER: &str = "keywright_log_ins_total";
const OUTCOMES: [&str; 4] = ["succeeded", "failed", "throttled", "turned_away"];

/// How many log-ins may fail.
#[derive(Debug, Clone, Copy)]
pub struct LogInLimits {
    /// From one address.
    pub per_address: RateLimit,
    /// At one user name, whether it is somebody's or not; and in one browser in which its user has
    /// logged in before.
    pub per_account: Pace,
}

/// Watches over tries to log in.
pub struct LogIns {
    clock: Arc<dyn Clock>,
    /// Names are kept as digests: what strangers write may be long, and a password by mistake.
    names: Subkey,
    budgets: Mutex<AllBudgets>,
}

struct AllBudgets {
    addresses: Budgets<IpAddr>,
    accounts: Budgets<[u8; 32]>,
    devices: Budgets<UserId>,
    told_at: Option<Timestamp>,
}

/// Where a try is counted.
#[derive(Clone, Copy)]
enum Counted {
    AtStrangers { address: IpAddr, account: [u8; 32] },
    AtDevice(UserId),
}

/// A try that was let through. It counts as failed until its end is known; dropped before that, it has taught nobody
/// anything, and does not count.
pub struct Try {
    log_ins: Arc<LogIns>,
    counted: Counted,
    has_failed: bool,
}

impl LogIns {
    /// Watches by these limits.
    pub fn new(limits: LogInLimits, clock: Arc<dyn Clock>, pepper: &Pepper) -> Self {
        let LogInLimits { per_address, per_account } = limits;
        let budgets = AllBudgets {
            addresses: Budgets::new(per_address.into(), MOST),
            accounts: Budgets::new(per_account, MOST),
            devices: Budgets::new(per_account, MOST),
            told_at: None,
        };
        // Told from the start on, so that a first failure shows as a rise.
        OUTCOMES.iter().for_each(|outcome| counter!(COUNTER, "outcome" => *outcome).increment(0));
        let names = pepper.subkey("user name of a log-in");
        Self { clock, names, budgets: Mutex::new(budgets) }
    }

    /// Lets a try through, at `username` from `address`; `device`: the browser, if this user has logged
    /// in with it before.
    ///
    /// # Errors
    /// When too many failed before, with after how long to try again. It is the same whether there
    /// is such a user or not.
    pub fn begin(
        self: &Arc<Self>,
        address: Option<IpAddr>,
        username: &str,
        device: Option<&Device>,
    ) -> Result<Try, ApiError> {
        let counted = match device {
            Some(device) => Counted::AtDevice(device.user()),
            None => Counted::AtStrangers {
                address: network(address),
                account: *self.names.mac(username.as_bytes()).as_bytes(),
            },
        };
        let now = self.clock.now();
        let (wait, is_told) = self.with(|budgets| {
            let wait = match &counted {
                Counted::AtDevice(id) => budgets.devices.wait(id, now),
                Counted::AtStrangers { address, account } => {
                    budgets.addresses.wait(address, now).max(budgets.accounts.wait(account, now))
                }
            };
            // Counted before it fails: of those that come at the same time no more get through.
            match counted {
                _ if wait.is_some() => {}
                Counted::AtDevice(id) => budgets.devices.spend(id, now),
                Counted::AtStrangers { address, account } => {
                    budgets.addresses.spend(address, now);
                    budgets.accounts.spend(account, now);
                }
            }
            let is_told = budgets.told_at.is_some_and(|at| now < at + TOLD_EVERY);
            if wait.is_some() && !is_told {
                budgets.told_at = Some(now);
            }
            (wait, is_told)
        });
        match wait {
            None => Ok(Try { log_ins: Arc::clone(self), counted, has_failed: false }),
            Some(wait) => {
                // Not the name: it may be a password that was typed into the wrong field.
                if !is_told {
                    tracing::warn!(address = %network(address), "too many log-ins failed");
                }
                Err(too_many(wait))
            }
        }
    }

    fn with<T>(&self, ask: impl FnOnce(&mut AllBudgets) -> T) -> T {
        // Budgets are whole at every moment; there is no state that poison could warn of.
        ask(&mut self.budgets.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Try {
    /// The password was the right one.
    pub fn succeeded(self) {
        count("succeeded");
    }

    /// The name or the password was wrong.
    pub fn failed(mut self) {
        self.has_failed = true;
        count("failed");
    }

    /// There was no room to find out.
    pub fn turned_away(self) {
        count("turned_away");
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        if self.has_failed {
            return;
        }
        self.log_ins.with(|budgets| match &self.counted {
            Counted::AtDevice(id) => budgets.devices.give_back(id),
            Counted::AtStrangers { address, account } => {
                budgets.addresses.give_back(address);
                budgets.accounts.give_back(account);
            }
        });
    }
}

fn too_many(wait: Duration) -> ApiError {
    count("throttled");
    let detail = "too many log-ins failed at this name or from this address; `Retry-After` tells when to try again";
    ApiError::new(ErrorCode::TooManyLogIns, detail).retry_after(whole_seconds(wait))
}

fn count(outcome: &'static str) {
    counter!(COUNTER, "outcome" => outcome).increment(1);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use keys_core::{Entropy, Timestamp};
    use uuid::Uuid;

    use super::*;

    #[derive(Default)]
    struct Seconds(AtomicI64);
    impl Clock for Seconds {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
                + Duration::from_secs(self.0.load(Ordering::Relaxed).unsigned_abs())
        }
    }

    #[derive(Default)]
    struct Counting(AtomicI64);
    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            let next = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            bytes.iter_mut().zip(next.into_iter().cycle()).for_each(|(to, from)| *to = from);
        }
    }

    fn log_ins(clock: &Arc<Seconds>) -> Arc<LogIns> {
        let limits = LogInLimits {
            per_address: RateLimit::per_minute(30).unwrap(),
            per_account: Pace::new(10, Duration::from_secs(30)).unwrap(),
        };
        let pepper = Pepper::new(&[7; 32]).unwrap();
        Arc::new(LogIns::new(limits, clock.clone(), &pepper))
    }

    fn host(number: u32) -> Option<IpAddr> {
        Some(IpAddr::V4(number.into()))
    }

    fn fail(log_ins: &Arc<LogIns>, address: u32, name: &str, device: Option<&Device>) -> bool {
        log_ins.begin(host(address), name, device).map(Try::failed).is_ok()
    }

    fn device(entropy: &Counting) -> Device {
        Device::new(Uuid::from_u128(1).into(), None, Timestamp::UNIX_EPOCH, entropy)
    }

    #[test]
    fn ten_failures_at_a_name_from_anywhere_and_then_one_in_thirty_seconds() {
        let clock = Arc::default();
        let log_ins = log_ins(&clock);
        assert_eq!((0..50).filter(|host| fail(&log_ins, *host, "owner", None)).count(), 10);
        assert!(fail(&log_ins, 1, "another", None));
        clock.0.store(30, Ordering::Relaxed);
        assert_eq!((0..50).filter(|host| fail(&log_ins, *host, "owner", None)).count(), 1);
    }

    #[test]
    fn thirty_failures_from_an_address_whatever_the_names() {
        let clock = Arc::default();
        let log_ins = log_ins(&clock);
        let failed = (0..50).filter(|name| fail(&log_ins, 1, &format!("user{name}"), None));
        assert_eq!(failed.count(), 30);
        assert!(fail(&log_ins, 2, "user0", None));
        clock.0.store(2, Ordering::Relaxed);
        assert!(fail(&log_ins, 1, "user99", None));
    }

    #[test]
    fn what_did_not_fail_does_not_count_and_what_is_under_way_does() {
        let clock = Arc::default();
        let log_ins = log_ins(&clock);
        let begin = || log_ins.begin(host(1), "owner", None);
        for _ in 0..100 {
            begin().unwrap().succeeded();
            begin().unwrap().turned_away();
            drop(begin().unwrap());
        }
        let under_way: Vec<_> = (0..20).filter_map(|_| begin().ok()).collect();
        assert_eq!(under_way.len(), 10);
        drop(under_way);
        assert!(begin().is_ok());
    }

    #[test]
    fn the_devices_of_a_user_have_a_budget_of_their_own() {
        let clock = Arc::default();
        let log_ins = log_ins(&clock);
        let entropy = Counting::default();
        let (one, two) = (device(&entropy), device(&entropy));
        while fail(&log_ins, 1, "owner", None) {}
        while fail(&log_ins, 1, "another", None) || fail(&log_ins, 1, "a third", None) {}
        assert_eq!((0..50).filter(|_| fail(&log_ins, 1, "owner", Some(&one))).count(), 10);
        // Whoever logs in often has many, and no more tries by that.
        assert!(!fail(&log_ins, 1, "owner", Some(&two)));
    }
}
