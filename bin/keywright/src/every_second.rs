//! What a process does each second beside its work, for as long as it lives.

use std::time::Duration;

use access_domain::StoreError;
use actix_web::web;
use tokio::time::{MissedTickBehavior, interval};

use crate::metrics::Task;

const EVERY: Duration = Duration::from_secs(1);

/// Goes on until the process ends. `pass` hears its number, counted from 0, and asks storage: it runs off the event loop. `done`
/// hears what came of it. That storage is away is told of once, as `trouble`, and not each second until it is back.
pub(crate) async fn every_second<T: Send + 'static>(
    task: Task,
    trouble: &'static str,
    pass: impl Fn(u64) -> Result<T, StoreError> + Clone + Send + 'static,
    mut done: impl FnMut(T),
) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_away = false;
    for number in 0_u64.. {
        ticks.tick().await;
        let pass = pass.clone();
        // It fails where the pass panicked, which was told of there.
        let Ok(went) = web::block(move || pass(number)).await else { continue };
        task.went(went.is_ok());
        match went {
            Ok(what) => {
                if std::mem::take(&mut is_away) {
                    tracing::info!(task = task.as_str(), "storage answers again");
                }
                done(what);
            }
            Err(error) => {
                if !std::mem::replace(&mut is_away, true) {
                    tracing::warn!(%error, "{trouble}");
                }
            }
        }
    }
}
