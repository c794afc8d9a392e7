//! Runs and checks filters, holds values against schemas and takes the text out of documents, in child
//! processes of this binary: nothing inside a process can stop what recurses without end or asks for
//! all the memory there is.
//!
//! `child`, `document`, `filter`, `names`, `schema` and `reply` are the child's side, `process`, `pool`,
//! `code_check`, `extraction` and `schema_check` the parent's; `protocol` is what they say to each
//! other. Must not know runs or workflows.

mod child;
mod code_check;
mod document;
mod extraction;
mod filter;
mod names;
mod pool;
mod process;
mod protocol;
mod reply;
mod schema;
mod schema_check;

use std::{ffi::OsString, io, path::PathBuf, sync::Arc, thread, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::{
    runtime::{Builder, Handle},
    select,
    sync::{mpsc, oneshot},
    time::Instant,
};

pub use self::{child::run_child, extraction::DocumentError, protocol::DocumentFormat};
use self::{
    pool::{Answer, Call, Places, Pool},
    protocol::Request,
};

/// How to start a child: a program that calls [`run_child`] when it is given these arguments.
#[derive(Debug, Clone)]
pub struct SandboxCommand {
    /// The program, by its absolute path: the child has no `PATH` to look it up in.
    pub program: PathBuf,
    /// What makes it a child.
    pub args: Vec<OsString>,
}

/// The bounds of a [`Sandbox`].
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// How to start a child.
    pub command: SandboxCommand,
    /// How many filters run at the same time, each in a child of its own.
    pub children: usize,
    /// The address space of a child, its program and stack included.
    pub memory_bytes: u64,
    /// What a filter may be given, as JSON.
    pub max_request_bytes: usize,
    /// What a filter may put out, as JSON.
    pub max_output_bytes: usize,
    /// The largest document that is read, in bytes.
    pub max_document_bytes: usize,
    /// How long compiling the filters of one definition may take.
    pub check_timeout: Duration,
}

impl SandboxConfig {
    /// The defaults: 512 MiB for a child, 32 MiB in, also as a document, 16 MiB out, 2 s for a check.
    pub fn new(command: SandboxCommand, children: usize) -> Self {
        Self {
            command,
            children,
            memory_bytes: 512 << 20,
            max_request_bytes: 32 << 20,
            max_output_bytes: 16 << 20,
            max_document_bytes: 32 << 20,
            check_timeout: Duration::from_secs(2),
        }
    }
}

/// Why a filter has no output. What it displays may be told to callers.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// It was still running at its deadline, and was killed.
    #[error("the filter did not finish in time")]
    TimedOut,
    /// It took its process down: out of memory, or its stack overflowed.
    #[error("the filter used more memory or stack than it may")]
    Died,
    /// It does not compile, failed, or put out what JSON cannot hold.
    #[error("{0}")]
    Refused(String),
    /// Every child was busy until the deadline.
    #[error("no place to run the filter became free in time")]
    Busy,
    /// No child could be started, or one broke the protocol: the server's fault, not the filter's.
    #[error("the filter could not be run")]
    Unavailable(#[source] io::Error),
}

/// Runs and checks filters, each in a child process. Children are started when they are first
/// needed and kept warm; dropping the sandbox ends them.
///
/// They belong to a runtime on a thread of its own, so that a filter can be run from any runtime and
/// checked from none.
pub struct Sandbox {
    pool: Arc<Pool>,
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// An output, and its size as JSON.
pub(crate) struct FilterOutput {
    pub(crate) value: Value,
    pub(crate) bytes: usize,
}

impl Sandbox {
    /// Starts the sandbox's thread; no child yet.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(config: SandboxConfig) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(4).build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let (alive, gone) = mpsc::channel(1);
        let pool = Arc::new(Pool::new(config, alive));
        let thread = {
            let pool = pool.clone();
            let serve = move || runtime.block_on(pool::serve(pool, stopped, gone));
            thread::Builder::new().name("sandbox".into()).spawn(serve)?
        };
        Ok(Self { pool, runtime: handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Runs a filter over `data`, and yields `null` where it puts out nothing, its output where it
    /// puts out one value, and an array where it puts out several. Dropping the future kills the
    /// filter.
    ///
    /// # Errors
    /// Why there is no output.
    pub async fn run(
        &self,
        filter: &str,
        data: &Value,
        within: Duration,
    ) -> Result<Value, SandboxError> {
        let output = self.run_until(filter, data, Instant::now() + within).await?;
        Ok(output.value)
    }

    pub(crate) async fn run_until<D: Serialize + Sync>(
        &self,
        filter: &str,
        data: &D,
        deadline: Instant,
    ) -> Result<FilterOutput, SandboxError> {
        let limit = self.pool.config.max_request_bytes;
        let request = protocol::line(&Request::Run { filter, data }, limit).ok_or_else(|| {
            SandboxError::Refused(format!("the filter would be given more than {limit} bytes"))
        })?;
        let call = Call { request, deadline, patience: None, places: Places::Runs };
        let answer = self.ask::<Value>(call).await.unwrap_or_else(|_| Err(shut_down()));
        answer.map(|(value, bytes)| FilterOutput { value, bytes })
    }

    /// Sends a call to the pool's thread. Dropping the receiver gives the call up.
    fn ask<T: DeserializeOwned + Send + 'static>(
        &self,
        call: Call,
    ) -> oneshot::Receiver<Answer<T>> {
        let (mut answer, receiver) = oneshot::channel();
        let pool = self.pool.clone();
        self.runtime.spawn(async move {
            let answered = select! {
                answered = pool.answer(&call) => answered,
                () = answer.closed() => return,
            };
            let _gone = answer.send(answered);
        });
        receiver
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.stop.take());
        // Short: the children are killed and waited for. A panic of that thread was reported.
        let _ended = self.thread.take().map(thread::JoinHandle::join);
    }
}

fn shut_down() -> SandboxError {
    SandboxError::Unavailable(io::Error::other("the sandbox is shut down"))
}
