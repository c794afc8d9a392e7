//! Calling a deployment with its key: `/deployment/{id}/…`.

use std::time::Duration;

use api_types::{ErrorCode, ExecutionView, ResultView, StartedView};
use http::StatusCode;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use crate::{Client, Error, call::Call, request::Request};

/// How long the server is asked to hold one request: less than proxies mostly allow.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// What a run is asked for before its deadline, so that the answer is here in time.
const TRAVEL: Duration = Duration::from_secs(1);
/// Between two questions, where the server has no place for those who wait.
const LEAST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// As good as for ever, and no clock runs over.
const LONGEST_PATIENCE: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// What the server says of an execution that ended without a result. All else that it may refuse tells nothing of the execution.
const ENDS: &[ErrorCode] =
    &[ErrorCode::ExecutionFailed, ErrorCode::ExecutionStopped, ErrorCode::ResultExpired];

/// A deployment, as it is called. Wants a key of this very deployment.
#[derive(Debug, Clone)]
pub struct Deployment {
    client: Client,
    id: String,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Completed {
    /// The execution.
    pub execution_id: Uuid,
    /// Its result, which may be `null`.
    pub result: Value,
}

impl Client {
    /// The deployment with this id, to be called with one of its keys.
    #[must_use]
    pub fn deployment(&self, id: Uuid) -> Deployment {
        Deployment { client: self.clone(), id: id.to_string() }
    }
}

impl Deployment {
    /// Starts an execution and comes back at once. The execution is on disk when the answer is here. Where the answer is lost, the
    /// client asks again under the same idempotency key, and there is still one execution.
    ///
    /// # Errors
    /// `input_invalid` with places in [`Problem::faults`](crate::Problem::faults); `rate_limited` and `too_many_executions`, where
    /// waiting as the client's [`Retry`](crate::Retry) allows did not help; `body_too_large`; `deployment_key_required` for a key of
    /// another kind; `not_found` for one of another deployment.
    pub async fn start(&self, call: &Call) -> Result<StartedView, Error> {
        self.start_and_wait(call, Duration::ZERO).await
    }

    /// Starts an execution and waits for its end, up to `patience` ([`Duration::MAX`]: for as long as it takes). The run goes on
    /// where it is not waited for any more.
    ///
    /// `patience` does not cut the start short, since its answer is what tells the execution's id: starting takes as long as the
    /// client's timeout and [`Retry`](crate::Retry) allow. Where that fails without an answer, an execution may have begun; a call
    /// with an [`idempotency_key`](Call::idempotency_key) can be made again, and is still one execution.
    ///
    /// # Errors
    /// As [`Error::Refused`] `execution_failed` (its detail tells step and reason), `execution_stopped` and `result_expired`, and
    /// those of [`start`](Self::start), which say that nothing began. Whatever else happens once it has begun is
    /// [`Error::Unfinished`] with the execution's id: `patience` is over, or the server cannot be asked, or does not tell.
    pub async fn run(&self, call: &Call, patience: Duration) -> Result<Completed, Error> {
        let deadline = deadline(patience);
        let wait = patience.saturating_sub(TRAVEL).min(LONGEST_WAIT);
        let StartedView { execution_id, result, .. } = self.start_and_wait(call, wait).await?;
        match result {
            Some(result) => Ok(Completed { execution_id, result }),
            None => self.finish(execution_id, deadline, ENDS).await,
        }
    }

    /// Waits for the end of an execution, up to `patience`.
    ///
    /// # Errors
    /// `execution_failed`, `execution_stopped`; `not_found` for an execution of somebody else; `result_expired` where it ended long
    /// ago. All else is [`Error::Unfinished`], a key that is refused too.
    pub async fn wait(&self, execution: Uuid, patience: Duration) -> Result<Completed, Error> {
        let answers = [ENDS, &[ErrorCode::NotFound]].concat();
        self.finish(execution, deadline(patience), &answers).await
    }

    /// Where an execution stands. Asks the server to answer when it has ended, or after `wait` (whole seconds, at most 300; zero: at
    /// once), whichever comes first.
    ///
    /// # Errors
    /// `not_found`
    pub async fn status(&self, execution: Uuid, wait: Duration) -> Result<ExecutionView, Error> {
        let request = Request::get(&self.path(&["status", &execution.to_string()]));
        self.client.get(request.wait(wait)).await
    }

    /// The result of an execution; `None` while it has not ended. May be read as often as wanted.
    ///
    /// # Errors
    /// `execution_failed`, `execution_stopped`, `result_expired`, `not_found`.
    pub async fn result(&self, execution: Uuid) -> Result<Option<ResultView>, Error> {
        let request = Request::get(&self.path(&["result", &execution.to_string()]));
        let answer = self.client.send(&request).await?;
        if answer.status == StatusCode::ACCEPTED { Ok(None) } else { answer.json().map(Some) }
    }

    /// Cancels an execution. What its steps have begun may still end.
    ///
    /// # Errors
    /// `execution_finished`, `not_found`.
    pub async fn cancel(&self, execution: Uuid) -> Result<ExecutionView, Error> {
        let request = Request::post(&self.path(&["cancel", &execution.to_string()]));
        self.client.get(request).await
    }

    async fn start_and_wait(&self, call: &Call, wait: Duration) -> Result<StartedView, Error> {
        let request = Request::make(&self.path(&[])).wait(wait);
        self.client.get(call.put_into(request)?).await
    }

    /// The end of an execution that has begun. A refusal is told as such only if it is one of `answers`: whoever sees another would
    /// take it for that of the start, and begin again.
    async fn finish(
        &self,
        execution_id: Uuid,
        deadline: Instant,
        answers: &[ErrorCode],
    ) -> Result<Completed, Error> {
        let unfinished = |cause| Error::Unfinished { execution_id, cause };
        match timeout_at(deadline, self.poll(execution_id, deadline)).await {
            Err(_) => Err(unfinished(None)),
            Ok(Ok(result)) => Ok(Completed { execution_id, result }),
            Ok(Err(error)) if answers.iter().any(|code| error.is(*code)) => Err(error),
            Ok(Err(error)) => Err(unfinished(Some(Box::new(error)))),
        }
    }

    async fn poll(&self, execution_id: Uuid, deadline: Instant) -> Result<Value, Error> {
        let mut pause = LEAST_PAUSE;
        loop {
            let asked = Instant::now();
            let wait = deadline.saturating_duration_since(asked).min(LONGEST_WAIT);
            let seen = self.status(execution_id, wait).await?;
            if is_finished(&seen.status)
                && let Some(found) = self.result(execution_id).await?
            {
                return Ok(found.result);
            }
            // A server that cannot hold the request answers at once.
            let early = pause.saturating_sub(asked.elapsed());
            pause = if early.is_zero() { LEAST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            sleep(early).await;
        }
    }

    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        [&["deployment", &*self.id], rest].concat()
    }
}

fn deadline(patience: Duration) -> Instant {
    Instant::now() + patience.min(LONGEST_PATIENCE)
}

fn is_finished(status: &str) -> bool {
    ["COMPLETED", "ERROR", "STOPPED"].contains(&status)
}
