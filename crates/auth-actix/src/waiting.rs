//! Requests that wait for something to end, on whichever edge: so many at once, no longer than the server runs, and without
//! holding a thread. Knows nothing of what they wait for.

use std::time::{Duration, Instant};

use tokio::{
    select,
    sync::{Semaphore, oneshot, watch},
    time::sleep,
};

use crate::ApiError;

/// Requests that wait at once; beyond them, answers come at once.
const PLACES: usize = 4096;

/// How often it is asked for what may end in another process.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// At first.
    pub first: Duration,
    /// When it takes long.
    pub longest: Duration,
}

impl Pace {
    /// For what somebody works at.
    pub const OF_WORK: Self =
        Self { first: Duration::from_millis(500), longest: Duration::from_secs(5) };
    /// For what takes a moment, or is not to be had.
    pub const OF_A_MOMENT: Self =
        Self { first: Duration::from_millis(20), longest: Duration::from_millis(500) };
}

/// What is called when this process brings about the end that somebody waits for.
pub type Notify = Box<dyn FnOnce() + Send>;

/// The places of those who wait, shared by all edges of a server.
#[derive(Debug)]
pub struct Waiting {
    places: Semaphore,
    stopping: watch::Sender<bool>,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { places: Semaphore::new(PLACES), stopping: watch::Sender::new(false) }
    }
}

impl Waiting {
    /// Whoever waits is answered now, with where it stands, and nobody waits any more.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// What `ask` tells once that `is_over`, or as it is when `patience` is over, the server stops, or too many wait.
    ///
    /// `watch` has `Notify` called by whoever brings the end about here, until what it returns is dropped; an end elsewhere is
    /// found by asking from time to time.
    ///
    /// # Errors
    /// Whatever `ask` fails with.
    pub async fn until<T, F>(
        &self,
        patience: Duration,
        pace: Pace,
        watch: impl Fn(Notify) -> Box<dyn Send>,
        ask: impl Fn() -> F,
        is_over: impl Fn(&T) -> bool,
    ) -> Result<T, ApiError>
    where
        F: Future<Output = Result<T, ApiError>>,
    {
        let place = self.places.try_acquire();
        let mut deadline = Instant::now() + if place.is_ok() { patience } else { Duration::ZERO };
        let mut pause = pace.first;
        loop {
            let (notify, notified) = oneshot::channel();
            // Watched before it is asked: an end between the two is not missed.
            let _watch = watch(Box::new(move || {
                let _ = notify.send(());
            }));
            let told = ask().await?;
            let left = deadline.saturating_duration_since(Instant::now());
            if is_over(&told) || left.is_zero() {
                return Ok(told);
            }
            // Told or not, it is asked again: what is stored alone knows.
            select! {
                Ok(()) = notified => {}
                () = self.stopped() => deadline = Instant::now(),
                () = sleep(left.min(pause)) => pause = (pause * 2).min(pace.longest),
            }
        }
    }

    /// Ends when nobody shall wait any longer.
    pub async fn stopped(&self) {
        // The sender lives as long as `self`: this ends with `true` alone.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const LONG: Duration = Duration::from_secs(300);

    /// Something that ends when it was asked for so often; nobody tells of it.
    async fn until(waiting: &Waiting, patience: Duration, ends_at: u32) -> u32 {
        let asked = AtomicU32::new(0);
        let ask = || {
            let told = asked.fetch_add(1, Ordering::Relaxed) + 1;
            async move { Ok(told) }
        };
        let watch = |notify: Notify| Box::new(notify) as Box<dyn Send>;
        waiting.until(patience, Pace::OF_WORK, watch, ask, |told| *told >= ends_at).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn what_ends_elsewhere_is_found_by_asking() {
        assert_eq!(until(&Waiting::default(), LONG, 4).await, 4);
    }

    #[tokio::test]
    async fn who_may_not_wait_is_told_where_it_stands() {
        assert_eq!(until(&Waiting::default(), Duration::ZERO, 4).await, 1);
        let full = Waiting { places: Semaphore::new(0), ..Waiting::default() };
        assert_eq!(until(&full, LONG, 4).await, 1);
    }

    #[tokio::test]
    async fn a_server_that_stops_answers_who_waits() {
        let waiting = Waiting::default();
        waiting.stop();
        assert_eq!(until(&waiting, LONG, u32::MAX).await, 2);
    }

    #[tokio::test]
    async fn what_ends_here_is_told_at_once() {
        let (waiting, asked) = (Waiting::default(), AtomicU32::new(0));
        let watch = |notify: Notify| {
            notify();
            Box::new(()) as Box<dyn Send>
        };
        let ask = || {
            let told = asked.fetch_add(1, Ordering::Relaxed) + 1;
            async move { Ok(told) }
        };
        let begun = Instant::now();
        let told = waiting.until(LONG, Pace::OF_WORK, watch, ask, |told| *told >= 20).await;
        assert_eq!(told.unwrap(), 20);
        assert!(begun.elapsed() < Pace::OF_WORK.first, "it slept in between");
    }
}
