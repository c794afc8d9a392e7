//! What several nodes share over Redis: limits, and a bell that one rings and all hear.
//!
//! Redis is asked for nothing that must not be lost: an account of a limit is worth a minute, and
//! whoever misses the bell finds out a moment later by asking the database. What holds while Redis is
//! away is decided elsewhere ([`access_domain::FallbackLimiter`]); here it is found out, at once.
//!
//! Knows no HTTP, no SQL and no settings file.

mod bell;
mod limiter;
mod link;
mod settings;

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::{
    runtime::{Builder, Handle},
    sync::Notify,
};

use self::{bell::Ringer, link::Link, settings::Place};
pub use self::{
    limiter::RedisLimiter,
    link::RedisAway,
    settings::{InvalidSettings, RedisSettings},
};

/// A connection to Redis that is made anew whenever it is lost, on a thread of its own.
pub struct Redis {
    link: Arc<Link>,
    ringer: Arc<Ringer>,
    thread: Arc<Thread>,
}

/// The thread that talks with Redis; it ends with the last who needs it.
pub(crate) struct Thread {
    handle: Handle,
    stop: Arc<Notify>,
}

/// Why no thread was started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something is set that cannot be.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    /// The system gives no thread, or no way to wait for connections.
    #[error("the thread that talks with Redis does not start")]
    Thread(#[source] std::io::Error),
}

impl Redis {
    /// Begins to connect. Nobody waits for it: until it is there, Redis is away.
    ///
    /// # Errors
    /// When a setting cannot be, or the system has no thread to give.
    pub fn start(settings: &RedisSettings) -> Result<Self, StartError> {
        let place = Arc::new(Place::of(settings)?);
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
        let link = Arc::new(Link::to(place));
        let (handle, stop) = (runtime.handle().clone(), Arc::new(Notify::new()));
        let ringer = Arc::new(Ringer::default());
        handle.spawn(Arc::clone(&link).keep());
        handle.spawn(Arc::clone(&ringer).ring_on(Arc::clone(&link)));
        let stopped = Arc::clone(&stop);
        thread::Builder::new()
            .name("redis".into())
            .spawn(move || runtime.block_on(stopped.notified()))
            .map_err(StartError::Thread)?;
        Ok(Self { link, ringer, thread: Arc::new(Thread { handle, stop }) })
    }

    /// Limits that all nodes with this Redis and this prefix keep together.
    pub fn limiter(&self) -> RedisLimiter {
        RedisLimiter::over(Arc::clone(&self.link), Some(Arc::clone(&self.thread)))
    }

    /// Rings for every node that listens to `topic`, this one among them. Answers at once and never
    /// fails; rings of one topic that nobody has carried out yet become one. While Redis is away
    /// nobody is told: this wakes those who would find out by themselves.
    pub fn publish(&self, topic: &'static str) {
        self.ringer.ring(topic);
    }

    /// Calls `heard` at every ring for `topic`, and whenever listening begins or begins again, since
    /// nobody knows what was missed. It is called on the thread that talks with Redis: it must answer
    /// at once. Ends with this value and its limiters.
    pub fn subscribe(&self, topic: &'static str, heard: impl Fn() + Send + Sync + 'static) {
        self.thread.handle.spawn(bell::listen(Arc::clone(self.link.place()), topic, heard));
    }

    /// Whether Redis answers, as far as was known a moment ago: it is asked every second.
    ///
    /// # Errors
    /// When it does not, with what went wrong last.
    pub fn check(&self) -> Result<(), RedisAway> {
        self.link.connection().map(drop)
    }

    /// Waits until Redis answers, and whether it can do what is asked of it. For commands that end: it
    /// blocks.
    ///
    /// # Errors
    /// When it does not within `patience`, or refuses what limits need.
    pub fn settle(&self, patience: Duration) -> Result<(), RedisAway> {
        let until = Instant::now() + patience;
        let link = Arc::clone(&self.link);
        let (done, answered) = std::sync::mpsc::channel();
        self.thread.handle.spawn(async move {
            let mut tried = limiter::try_out(&link).await;
            while tried.is_err() && Instant::now() < until {
                tokio::time::sleep(link::RETRY_EVERY).await;
                tried = limiter::try_out(&link).await;
            }
            let _ = done.send(tried);
        });
        answered.recv().unwrap_or_else(|_| Err(RedisAway::stopped()))
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.stop.notify_one();
    }
}
