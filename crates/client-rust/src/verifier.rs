//! Verification with a memory that follows the server's changes.

mod memory;

use std::{fmt, sync::Arc, time::Duration};

use api_types::{VerificationView, VerifyKey};
use tokio::{
    task::AbortHandle,
    time::{Instant, sleep},
};

use self::memory::{Memory, Moment, Name};
use crate::{Client, Error, Retry};

/// How long the server is asked to wait for news.
const WAIT: Duration = Duration::from_secs(30);
/// Between two questions for news, where the server does not wait.
const LEAST_PAUSE: Duration = Duration::from_millis(250);
/// Between two questions for news, where there is no answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The same, where the server names a pause.
const LONGEST_ASKED_PAUSE: Duration = Duration::from_secs(60);
/// How long one attempt of a verification may take: somebody waits to be let in.
const TIMEOUT: Duration = Duration::from_secs(3);
/// When the last attempt begins at the latest.
const TOTAL: Duration = Duration::from_secs(4);
const ATTEMPTS: u32 = 2;

/// Verifies keys as [`Client::verify`] does, and answers from memory what it was told before.
///
/// What is kept, and for how long:
///
/// * Kept are answers `VALID` for keys without a rate limit of their own. All others are asked for each time: refusals, so that a
///   key that becomes good is good at once; limited keys, so that the server counts.
/// * A background task follows `GET /v1/keys/changes`. A key of which anything changed is forgotten as soon as the server says so,
///   and an answer that was under way meanwhile is not kept.
/// * No answer is kept for longer than the server's `max_age_ms`, nor past the `expires_at` of the answer, by this machine's clocks;
///   time for which the machine slept counts.
/// * While the feed is interrupted nothing new is kept, and what is kept ages out: a revoked key is let in for `max_age_ms` at most.
/// * Until the feed has answered once, nothing is kept at all. That is also so with a server that has no such feed.
///
/// Behind a load balancer, the feed and the verification may be answered by different servers of one database, each of which has a
/// memory of its own. One that has not heard of a change yet may still answer `VALID` when the feed has told of it already, and
/// that answer is kept: a revoked key is then let in for up to twice `max_age_ms`, feed or no feed. Whoever needs less has all
/// requests of a verifier go to one server, or lowers [`max_age`](VerifierBuilder::max_age).
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
    timeout: Duration,
    retry: Retry,
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

    /// How long one attempt to verify a key may take; 3 seconds unless told, or less where the client's timeout is less. It does not
    /// concern the feed.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// When a verification is asked for again; unless told, as the client does, but at most twice, and not later than 4 seconds
    /// after the first attempt. Whoever is to be let in waits meanwhile.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// The verifier; its task is started.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    #[must_use]
    pub fn start(self) -> Verifier {
        let memory = Arc::new(Memory::new(self.capacity, self.max_age));
        let feed = self.client.with_patience(self.client.timeout(), Retry::NEVER);
        let follower = tokio::spawn(follow(feed, Arc::clone(&memory)));
        let follower = Arc::new(Follower(follower.abort_handle()));
        let client = self.client.with_patience(self.timeout, self.retry);
        Verifier { client, memory, _follower: follower }
    }
}

impl Verifier {
    /// A verifier that asks by `client`, whose key is a platform key or has the scope `keys:verify`.
    pub fn builder(client: Client) -> VerifierBuilder {
        let (timeout, own) = (client.timeout().min(TIMEOUT), client.retry());
        let (attempts, total) = (own.attempts.min(ATTEMPTS), own.total.min(TOTAL));
        let retry = Retry { attempts, total, ..own };
        VerifierBuilder { client, capacity: 10_000, max_age: Duration::MAX, timeout, retry }
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
    /// As of [`Client::verify`], but sooner: [`VerifierBuilder::timeout`] and [`VerifierBuilder::retry`]. Failures are not kept.
    pub async fn verify(&self, question: &VerifyKey) -> Result<Arc<VerificationView>, Error> {
        let name = Name::of(question);
        if !question.explain
            && let Some(answer) = self.memory.get(&name, Moment::now())
        {
            return Ok(answer);
        }
        let load = self.memory.begin(Moment::now());
        let answer = Arc::new(self.client.verify(question).await?);
        if !question.explain {
            self.memory.keep(name, load, &answer);
        }
        Ok(answer)
    }

    /// Whether the server's changes are being followed at the moment. If not, answers are kept until they are too old, and no new
    /// ones are. It stays so when the runtime that the verifier was started in is gone.
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

/// Owns up to not following any more, however that came: its runtime may be gone.
struct Watch(Arc<Memory>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.lose();
    }
}

/// Follows the feed for good; whoever started it ends it.
async fn follow(client: Client, memory: Arc<Memory>) {
    let Watch(memory) = &Watch(memory);
    let (mut since, mut failures) = (None, 0);
    loop {
        let asked = Instant::now();
        match client.key_changes(since, WAIT).await {
            Ok(changes) => {
                failures = 0;
                let is_first = since.replace(changes.next).is_none();
                memory.follow(&changes);
                // A server that answers at once, again and again, is not asked without a pause. The first answer always is at once.
                if !is_first {
                    sleep(LEAST_PAUSE.saturating_sub(asked.elapsed())).await;
                }
            }
            Err(error) => {
                memory.lose();
                failures += 1;
                let asked_for = error.problem().and_then(|problem| problem.retry_after);
                let asked_for = asked_for.unwrap_or_default().min(LONGEST_ASKED_PAUSE);
                sleep(pause(failures).max(asked_for)).await;
            }
        }
    }
}

/// Doubles with each failure, and varies.
fn pause(failures: u32) -> Duration {
    let doubled = LEAST_PAUSE.saturating_mul(1 << failures.min(16));
    doubled.min(LONGEST_PAUSE).mul_f64(0.5 + fastrand::f64() / 2.0)
}
