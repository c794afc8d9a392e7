//! Who waits for which run. Knows nothing of how runs end.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use deployments_domain::ExecutionId;

type Notify = Box<dyn FnOnce() + Send>;

/// Those who wait.
#[derive(Clone, Default)]
pub(super) struct Waiters(Arc<Mutex<Registry>>);

#[derive(Default)]
struct Registry {
    next: u64,
    waiting: HashMap<ExecutionId, Vec<(u64, Notify)>>,
}

/// Dropping it takes the waiter off the list.
pub(super) struct Waiting {
    waiters: Waiters,
    id: ExecutionId,
    number: u64,
}

impl Waiters {
    pub(super) fn watch(&self, id: ExecutionId, notify: Notify) -> Waiting {
        let mut registry = self.lock();
        registry.next += 1;
        let number = registry.next;
        registry.waiting.entry(id).or_default().push((number, notify));
        Waiting { waiters: self.clone(), id, number }
    }

    /// Notifies everyone who waits for the run, once.
    pub(super) fn notify(&self, id: ExecutionId) {
        let waiting = self.lock().waiting.remove(&id).unwrap_or_default();
        // Outside the lock: what is called may watch again.
        for (_, notify) in waiting {
            notify();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut registry = self.waiters.lock();
        let mut dropped = Vec::new();
        if let Some(waiting) = registry.waiting.get_mut(&self.id) {
            let (mine, others) =
                mem::take(waiting).into_iter().partition(|(number, _)| *number == self.number);
            (dropped, *waiting) = (mine, others);
            if waiting.is_empty() {
                registry.waiting.remove(&self.id);
            }
        }
        drop(registry);
        // Outside the lock: it may own another of these guards.
        drop(dropped);
    }
}
