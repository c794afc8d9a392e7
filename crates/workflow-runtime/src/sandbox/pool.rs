//! A few children, one call on one child at a time. A child that did not answer properly is never
//! used again. Lives in one runtime, and must not know who calls.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::de::DeserializeOwned;
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::spawn_blocking,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    SandboxConfig, SandboxError,
    process::{Broken, Process},
    protocol::{Limits, Reply},
};

const CHILDREN_FOR_CHECKS: usize = 2;
const CHILDREN_FOR_SCHEMAS: usize = 2;

/// A reply has a few bytes around what a filter puts out.
const ENVELOPE_BYTES: usize = 4 << 10;

/// Larger replies are parsed away from the thread that all children are served on.
const LARGE_REPLY_BYTES: usize = 64 << 10;

/// What a child answered, and its size as JSON.
pub(super) type Answer<T> = Result<(T, usize), SandboxError>;

/// What the pool's thread does: waits for the end, then ends the children.
pub(super) async fn serve(
    pool: Arc<Pool>,
    stopped: oneshot::Receiver<()>,
    mut gone: mpsc::Receiver<()>,
) {
    let _dropped = stopped.await;
    pool.close();
    // Nothing is ever sent: this ends when the last child does.
    if timeout(Duration::from_secs(5), gone.recv()).await.is_err() {
        tracing::warn!("a sandbox process did not end when it was killed");
    }
}

/// One request to a child.
pub(super) struct Call {
    pub(super) request: Vec<u8>,
    pub(super) deadline: Instant,
    /// How long the child may take, once there is one; `None` for a run, which has its deadline.
    pub(super) patience: Option<Duration>,
    /// Which children it may use.
    pub(super) places: Places,
}

/// What children are for. Each has a number of its own, so that a workflow can be saved, and an input
/// checked, while long runs hold all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Places {
    /// Running filters.
    Runs,
    /// Compiling filters.
    Checks,
    /// Schemas.
    Schemas,
    /// The text of documents, in the places of runs.
    Documents,
}

/// The children.
pub(super) struct Pool {
    pub(super) config: SandboxConfig,
    for_runs: Semaphore,
    for_checks: Semaphore,
    for_schemas: Semaphore,
    idle: Mutex<Idle>,
}

struct Idle {
    processes: Vec<Process>,
    /// `None` once the pool is closed.
    alive: Option<mpsc::Sender<()>>,
}

impl Pool {
    pub(super) fn new(config: SandboxConfig, alive: mpsc::Sender<()>) -> Self {
        let for_runs = Semaphore::new(config.children.max(1));
        let idle = Mutex::new(Idle { processes: Vec::new(), alive: Some(alive) });
        let for_checks = Semaphore::new(CHILDREN_FOR_CHECKS);
        Self {
            config,
            for_runs,
            for_checks,
            for_schemas: Semaphore::new(CHILDREN_FOR_SCHEMAS),
            idle,
        }
    }

    /// Sends a call to a child and waits for its answer. Dropping this kills the child.
    pub(super) async fn answer<T: DeserializeOwned + Send + 'static>(
        &self,
        call: &Call,
    ) -> Answer<T> {
        let places = match call.places {
            Places::Runs | Places::Documents => &self.for_runs,
            Places::Checks => &self.for_checks,
            Places::Schemas => &self.for_schemas,
        };
        let place = timeout_at(call.deadline, places.acquire()).await;
        let _place = place.ok().and_then(Result::ok).ok_or(SandboxError::Busy)?;
        let mut process = match timeout_at(call.deadline, self.process()).await {
            Ok(process) => process.map_err(SandboxError::Unavailable)?,
            Err(_) => return Err(SandboxError::Busy),
        };
        let deadline = call
            .patience
            .map_or(call.deadline, |patience| call.deadline.min(Instant::now() + patience));
        let max_reply_bytes = self.config.max_output_bytes.saturating_add(ENVELOPE_BYTES);
        let reply = timeout_at(deadline, process.converse(&call.request, max_reply_bytes)).await;
        let reply = match reply {
            Ok(Ok(reply)) => reply,
            Ok(Err(Broken::Died)) => return Err(SandboxError::Died),
            Ok(Err(Broken::Talkative)) => return Err(broken("a reply was too large")),
            Err(_) => return Err(SandboxError::TimedOut),
        };
        let bytes = reply.len().saturating_sub(b"{\"ok\":}".len());
        let reply: Reply<T> = parse(reply).await?;
        // What reading a document left on the heap of its child is never used again.
        if call.places != Places::Documents {
            self.keep(process);
        }
        match reply {
            Reply::Ok(value) => Ok((value, bytes)),
            Reply::Error(message) => Err(SandboxError::Refused(message)),
        }
    }

    /// An idle child, or a new one.
    async fn process(&self) -> io::Result<Process> {
        let limits = Limits {
            memory_bytes: self.config.memory_bytes,
            max_output_bytes: self.config.max_output_bytes,
        };
        let mut delays = [50, 200, 800].into_iter().map(Duration::from_millis);
        loop {
            let alive = {
                let mut idle = self.idle();
                while let Some(mut process) = idle.processes.pop() {
                    if process.is_running() {
                        return Ok(process);
                    }
                }
                idle.alive.clone().ok_or(io::ErrorKind::NotConnected)?
            };
            match Process::start(&self.config.command, &limits, alive).await {
                Ok(process) => return Ok(process),
                // A machine short of memory or processes may have some in a moment.
                Err(error) => match delays.next() {
                    Some(delay) => sleep(delay).await,
                    None => return Err(error),
                },
            }
        }
    }

    fn keep(&self, process: Process) {
        let mut idle = self.idle();
        if process.is_reusable() && idle.alive.is_some() {
            idle.processes.push(process);
        }
    }

    fn close(&self) {
        let mut idle = self.idle();
        idle.alive = None;
        idle.processes.clear();
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn parse<T: DeserializeOwned + Send + 'static>(
    reply: Vec<u8>,
) -> Result<Reply<T>, SandboxError> {
    let is_large = reply.len() > LARGE_REPLY_BYTES;
    let read = move || serde_json::from_slice(&reply);
    let parsed = if is_large {
        spawn_blocking(read).await.map_err(|_| broken("a reply could not be read"))?
    } else {
        read()
    };
    parsed.map_err(|_| broken("a reply was no JSON"))
}

fn broken(what: &'static str) -> SandboxError {
    SandboxError::Unavailable(io::Error::other(what))
}
