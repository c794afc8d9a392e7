//! Claims runs that wait, as many as there are free seats, whenever woken and now and then. Must
//! never end while the worker works, whatever the store does.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    select,
    time::{Instant, sleep},
};

use super::{engine::Engine, outage::Outage};
use crate::tools::about;

pub(super) async fn serve(engine: Arc<Engine>) {
    let mut outage = Outage::new("claiming runs");
    let mut pause = Duration::ZERO;
    while !engine.is_stopping() {
        // While the store is away, being woken is no reason to ask it sooner.
        if pause > Duration::ZERO {
            select! {
                () = sleep(pause) => {}
                () = until_stopping(&engine) => {}
            }
        } else {
            select! {
                () = engine.wakeups.notified() => {}
                () = sleep(about(engine.config.poll_interval)) => {}
            }
        }
        pause = claim(&engine, &mut outage).await;
    }
}

/// Claims until nothing waits or no seat is free. Returns how long to leave the store alone.
async fn claim(engine: &Arc<Engine>, outage: &mut Outage) -> Duration {
    while !engine.is_stopping() {
        let free = u32::try_from(engine.seats.available_permits()).unwrap_or(u32::MAX);
        // Taken before asking: a seat that is given away meanwhile could not hold what was claimed.
        let Ok(mut permits) = engine.seats.clone().try_acquire_many_owned(free) else { continue };
        if free == 0 {
            engine.has_backlog.store(true, Ordering::SeqCst);
            // A run that ended just before saw no reason to wake this loop.
            if engine.seats.available_permits() > 0 {
                continue;
            }
            return Duration::ZERO;
        }
        let (lease, at, asked_at) = (engine.config.lease, engine.clock.now(), Instant::now());
        let claimed = match engine.ask(move |store| store.claim(free, lease, at)).await {
            Ok(claimed) => claimed,
            Err(error) => return outage.failed(&error),
        };
        outage.succeeded();
        let is_full = claimed.len() >= usize::try_from(free).unwrap_or(usize::MAX);
        engine.has_backlog.store(is_full, Ordering::SeqCst);
        for run in claimed {
            let permit = permits.split(1);
            let refused = match permit {
                Some(permit) => engine.begin(run, permit, asked_at).err(),
                None => Some(Box::new(run)),
            };
            if let Some(run) = refused {
                let giver = engine.clone();
                let given = tokio::task::spawn_blocking(move || giver.hand_back(run.id, run.state));
                let _panicked = given.await;
            }
        }
        if !is_full {
            break;
        }
    }
    Duration::ZERO
}

async fn until_stopping(engine: &Engine) {
    while !engine.is_stopping() {
        engine.wakeups.notified().await;
    }
}
