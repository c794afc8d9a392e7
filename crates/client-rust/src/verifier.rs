//! Verification with a memory that follows the server's changes.

mod memory;

use std::{fmt, sync::Arc, time::Duration};

use api_types::{VerificationView, VerifyKey};
use tokio::{
    task::AbortHandle,
    time::{Instant, sleep},
};

use self::memory::{Memory, Name};
use crate::{Client, Error};

/// How long the server is asked to wait for news.
const WAIT: Duration = Duration::from_secs(30);
/// Between two questions for news, where the server does not wait.
const LEAST_PAUSE: Duration = Duration::from_millis(250);
/// Between two questions for news, where there is no answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Verifies keys as [`Client::verify`] does, and answers from memory what it was told before.
///
/// What is kept, and for how long:
///
/// * Kept are answers `VALID` for keys without a rate limit of their own. All others are asked for each time: refusals, so that a
///   key that becomes good is good at once; limited keys, so that the server counts.
/// * A background task follows `GET /v1/keys/changes`. A key of which anything changed is forgotten as soon as the server says so,
///   and an answer that was under way meanwhile is not kept.
/// * No answer is kept for longer than the server's `max_age_ms`, nor past the key's own end (by this machine's clock). That alone
///   holds while the feed is interrupted: a revoked key is let in for so long at most, and for as long again where another server
///   of the same database answered from a memory of its own.
/// * Until the feed has answered once, nothing is kept at all. That is also so with a server that has no such feed.
///
/// Answers are kept under a hash of key, scopes, address and cost; no key is kept as text. Uses that are answered from memory are
/// not counted by the server: `last_used_at` and the usage of such keys tell of fewer uses than there were.
///
/// Clones share memory and task. The task ends when the last of them is dropped.
#[derive(Clone)]
pub struct Verifier {
    client: Client,
    memory: Arc<Memory>,
    _follower: Arc<Follower>,
}

/// The task that follows the feed, as long as somebody holds this.
struct Follower(AbortHandle);

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts a [`Verifier`].
#[derive(Debug, Clone)]
#[must_use]
pub struct VerifierBuilder {
    client: Client,
    capacity: usize,
    max_age: Duration,
}

impl VerifierBuilder {
    /// How many answers are kept at most; 10,000 unless told. A further one takes the place of one that was asked for less.
    pub fn capacity(mut self, answers: usize) -> Self {
        self.capacity = answers;
        self
    }

    /// How long an answer is kept at most, where the server would allow for longer. Zero: nothing is kept.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// The verifier; its task is started.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    #[must_use]
    pub fn start(self) -> Verifier {
        let memory = Arc::new(Memory::new(self.capacity, self.max_age));
        let follower = tokio::spawn(follow(self.client.impatient(), Arc::clone(&memory)));
        let follower = Arc::new(Follower(follower.abort_handle()));
        Verifier { client: self.client, memory, _follower: follower }
    }
}

impl Verifier {
    /// A verifier that asks by `client`, whose key is a platform key or has the scope `keys:verify`.
    pub fn builder(client: Client) -> VerifierBuilder {
        VerifierBuilder { client, capacity: 10_000, max_age: Duration::MAX }
    }

    /// The same, with the defaults, and started.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    #[must_use]
    pub fn start(client: Client) -> Self {
        Self::builder(client).start()
    }

    /// What becomes of a key that somebody showed you, from memory or as the server says.
    ///
    /// An explanation (`explain`) is always asked for.
    ///
    /// # Errors
    /// As of [`Client::verify`]. Failures are not kept.
    pub async fn verify(&self, question: &VerifyKey) -> Result<Arc<VerificationView>, Error> {
        let name = Name::of(question);
        if !question.explain
            && let Some(answer) = self.memory.get(&name, Instant::now())
        {
            return Ok(answer);
        }
        let load = self.memory.begin(Instant::now());
        let answer = Arc::new(self.client.verify(question).await?);
        if !question.explain {
            self.memory.keep(name, load, &answer);
        }
        Ok(answer)
    }

    /// Whether the server's changes are being followed at the moment. If not, answers are kept until they are too old.
    #[must_use]
    pub fn is_following(&self) -> bool {
        self.memory.is_following()
    }

    /// Forgets every answer.
    pub fn forget_all(&self) {
        self.memory.forget_all();
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("client", &self.client).finish_non_exhaustive()
    }
}

/// Follows the feed for good; whoever started it ends it.
async fn follow(client: Client, memory: Arc<Memory>) {
    let (mut since, mut failures) = (None, 0);
    loop {
        let asked = Instant::now();
        match client.key_changes(since, WAIT).await {
            Ok(changes) => {
                failures = 0;
                let is_quiet = since.is_some() && changes.items.is_empty();
                since = Some(changes.next);
                memory.follow(&changes);
                // A server that has no time to wait is not asked without a pause.
                if is_quiet {
                    sleep(LEAST_PAUSE.saturating_sub(asked.elapsed())).await;
                }
            }
            Err(error) => {
                memory.lose();
                failures += 1;
                let asked_for = error.problem().and_then(|problem| problem.retry_after);
                sleep(pause(failures).max(asked_for.unwrap_or_default())).await;
            }
        }
    }
}

/// Doubles with each failure, and varies.
fn pause(failures: u32) -> Duration {
    let doubled = LEAST_PAUSE.saturating_mul(1 << failures.min(16));
    doubled.min(LONGEST_PAUSE).mul_f64(0.5 + fastrand::f64() / 2.0)
}
