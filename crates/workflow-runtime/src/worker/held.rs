//! The runs that this worker holds, and until when. Knows no store and no steps.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
};

use deployments_domain::ExecutionId;
use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, sleep_until},
};

use super::{Stop, StopSender};

/// The runs in hand.
#[derive(Default)]
pub(super) struct Held {
    book: Mutex<Book>,
    emptied: Notify,
}

#[derive(Default)]
struct Book {
    is_closed: bool,
    runs: HashMap<ExecutionId, Entry>,
}

struct Entry {
    attempt: i32,
    /// By this worker's clock the lease is sure to hold until then.
    until: Instant,
    stop: Option<StopSender>,
}

impl Held {
    /// Notes a run; `None` once this is closed. The receiver hears when to stop.
    pub(super) fn begin(
        &self,
        id: ExecutionId,
        attempt: i32,
        until: Instant,
    ) -> Option<oneshot::Receiver<Stop>> {
        let mut book = self.lock();
        if book.is_closed {
            return None;
        }
        let (stop, stopped) = oneshot::channel();
        book.runs.insert(id, Entry { attempt, until, stop: Some(stop) });
        Some(stopped)
    }

    /// Forgets a run, unless a later attempt has taken its place.
    pub(super) fn end(&self, id: ExecutionId, attempt: i32) {
        let mut book = self.lock();
        if book.runs.get(&id).is_some_and(|entry| entry.attempt == attempt) {
            book.runs.remove(&id);
        }
        if book.runs.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    /// All runs in hand, as the store wants to hear of them.
    pub(super) fn list(&self) -> Vec<(ExecutionId, i32)> {
        self.lock().runs.iter().map(|(id, entry)| (*id, entry.attempt)).collect()
    }

    /// How many are in hand.
    pub(super) fn count(&self) -> usize {
        self.lock().runs.len()
    }

    pub(super) fn renew(&self, id: ExecutionId, attempt: i32, until: Instant) {
        if let Some(entry) = self.lock().runs.get_mut(&id)
            && entry.attempt == attempt
        {
            entry.until = until;
        }
    }

    /// Tells a run to stop; of any attempt where `attempt` is `None`.
    pub(super) fn stop(&self, id: ExecutionId, attempt: Option<i32>, why: Stop) {
        if let Some(entry) = self.lock().runs.get_mut(&id)
            && attempt.is_none_or(|attempt| attempt == entry.attempt)
            && let Some(stop) = entry.stop.take()
        {
            let _ended = stop.send(why);
        }
    }

    /// Takes no more runs.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
    }

    /// Tells all runs to stop.
    pub(super) fn stop_all(&self, why: Stop) {
        for entry in self.lock().runs.values_mut() {
            if let Some(stop) = entry.stop.take() {
                let _ended = stop.send(why);
            }
        }
    }

    /// Waits until no run is in hand.
    pub(super) async fn emptied(&self) {
        loop {
            let mut emptied = pin!(self.emptied.notified());
            // Before looking, so that no end is missed in between.
            emptied.as_mut().enable();
            if self.lock().runs.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Until when the lease of a run in hand is sure to hold.
    pub(super) fn until(&self, id: ExecutionId, attempt: i32) -> Option<Instant> {
        let book = self.lock();
        book.runs.get(&id).filter(|entry| entry.attempt == attempt).map(|entry| entry.until)
    }

    /// Waits until the lease may have run out.
    pub(super) async fn run_out(&self, id: ExecutionId, attempt: i32) {
        while let Some(until) = self.until(id, attempt) {
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
