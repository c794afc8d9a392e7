//! The system's clock, the only place that asks it.

use std::{
    sync::LazyLock,
    time::{Duration, Instant, SystemTime},
};

use access_domain::Clock;
use chrono::SubsecRound as _;
use keys_core::Timestamp;

/// The system's clock, cut to the microseconds that storage keeps.
pub(crate) struct SystemClock;

/// Some instant of this process.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the port's adapter")]
    fn now(&self) -> Timestamp {
        Timestamp::from(SystemTime::now()).trunc_subsecs(6)
    }

    fn uptime(&self) -> Duration {
        BEGAN.elapsed()
    }
}
