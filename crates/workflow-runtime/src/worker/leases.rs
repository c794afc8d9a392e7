//! Renews the leases of all runs in hand, in one call. A run that is no longer this worker's is
//! stopped here; one whose lease may have run out stops itself, even when the store never answers.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{Stop, engine::Engine, outage::Outage};

/// Often enough that a cancellation by another process reaches the run within a second.
const HEARTBEAT: Duration = Duration::from_millis(500);

pub(super) async fn serve(engine: Arc<Engine>) {
    let mut outage = Outage::new("renewing leases");
    let lease = engine.config.lease;
    let mut heartbeat = interval(HEARTBEAT.min(lease / 3).max(Duration::from_millis(1)));
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        heartbeat.tick().await;
        let held = engine.held.list();
        if held.is_empty() {
            continue;
        }
        let asked_at = Instant::now();
        let asked = held.clone();
        match engine.ask(move |store| store.renew(&asked, lease)).await {
            Ok(ours) => {
                outage.succeeded();
                let ours: HashSet<_> = ours.into_iter().collect();
                for (id, attempt) in held {
                    if ours.contains(&id) {
                        engine.held.renew(id, attempt, asked_at + lease);
                    } else {
                        engine.held.stop(id, Some(attempt), Stop::Lost);
                    }
                }
            }
            Err(error) => {
                outage.failed(&error);
            }
        }
    }
}
