//! One child process, as its parent sees it. Knows the protocol's lines, not what they mean.

use std::{
    io,
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    runtime::Handle,
    sync::mpsc,
    time::timeout,
};

use super::{
    SandboxCommand,
    protocol::{self, Limits, READY},
};

/// A child that served this often is replaced: whatever a filter left behind in it ends with it.
const MAX_CALLS: u32 = 1_000;
/// So is one that was busy this long, before the limit on its processor time is near,
const MAX_BUSY: Duration = Duration::from_secs(600);
/// and one whose last call was this large, because its heap stays as large as it ever was.
const MAX_IDLE_BYTES: usize = 4 << 20;

const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A child. Dropping it kills it and waits for its end, in the runtime that it belongs to.
pub(super) struct Process {
    child: Option<Child>,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    calls: u32,
    busy: Duration,
    last_bytes: usize,
    /// Dropped when the process is no more.
    alive: mpsc::Sender<()>,
}

/// Why a child gave no reply.
#[derive(Debug)]
pub(super) enum Broken {
    /// Its process ended.
    Died,
    /// It said more than it may.
    Talkative,
}

impl Process {
    /// Starts a child and waits until its limits bind it.
    pub(super) async fn start(
        command: &SandboxCommand,
        limits: &Limits,
        alive: mpsc::Sender<()>,
    ) -> io::Result<Self> {
        // What this process opened stays here: Rust opens everything close-on-exec. (What it was
        // itself started with beyond the standard three would pass; to close that takes `unsafe`.)
        // Were the pipe to one child inherited by another, the first would outlive this process.
        let mut child = Command::new(&command.program)
            .args(&command.args)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // An interrupt from the terminal is for the server, which lets running filters finish.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let output = BufReader::new(output);
        let mut process = Self {
            child: Some(child),
            input,
            output,
            calls: 0,
            busy: Duration::ZERO,
            last_bytes: 0,
            alive,
        };
        let hello = protocol::line(limits, usize::MAX).unwrap_or_default();
        let ready = timeout(START_TIMEOUT, process.converse(&hello, READY.len() + 1)).await;
        match ready {
            Ok(Ok(line)) if line == READY.as_bytes() => Ok(process),
            Ok(_) => Err(io::Error::other("the child did not accept its limits")),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Sends a line and waits for the line that answers it. After an error, and when this is
    /// dropped half-way, the child is of no further use.
    pub(super) async fn converse(
        &mut self,
        request: &[u8],
        max_reply_bytes: usize,
    ) -> Result<Vec<u8>, Broken> {
        let begun = Instant::now();
        let sent = async {
            self.input.write_all(request).await?;
            self.input.flush().await
        };
        sent.await.map_err(|_: io::Error| Broken::Died)?;
        let mut reply = Vec::new();
        let limit = u64::try_from(max_reply_bytes).unwrap_or(u64::MAX);
        let mut bounded = (&mut self.output).take(limit);
        bounded.read_until(b'\n', &mut reply).await.map_err(|_| Broken::Died)?;
        if reply.pop() != Some(b'\n') {
            let full = reply.len() + 1 >= max_reply_bytes;
            return Err(if full { Broken::Talkative } else { Broken::Died });
        }
        self.calls += 1;
        self.busy += begun.elapsed();
        self.last_bytes = request.len() + reply.len();
        Ok(reply)
    }

    /// Whether it may serve another call.
    pub(super) fn is_reusable(&self) -> bool {
        self.calls < MAX_CALLS && self.busy < MAX_BUSY && self.last_bytes <= MAX_IDLE_BYTES
    }

    /// Whether its process is still there: an idle child too may be killed from outside.
    pub(super) fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let (Some(mut child), alive) = (self.child.take(), self.alive.clone()) else { return };
        // Without a runtime, `kill_on_drop` has to do.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let killed = child.kill().await;
                let status = child.try_wait();
                tracing::debug!(?killed, ?status, "a sandbox process ended");
                drop(alive);
            });
        }
    }
}
