//! The client: sends requests, perhaps more than once, and reads answers.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use api_types::{ErrorCode, WhoamiView};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use http_body_util::Full;
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};
use url::Url;

use crate::{
    ClientBuilder, Error, Retry, TransportError,
    answer::{Answer, read},
    connection::Connections,
    key::Key,
    request::Request,
    retry::Outcome,
};

/// A caller of one server, with one key.
///
/// Cloning it is cheap, and clones share their connections. It must be used within a Tokio runtime.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    key: Arc<Key>,
    request_id: Option<HeaderValue>,
}

pub(crate) struct Shared {
    pub(crate) base: Url,
    pub(crate) connections: Connections,
    pub(crate) user_agent: HeaderValue,
    pub(crate) timeout: Duration,
    pub(crate) retry: Retry,
    pub(crate) max_response_bytes: usize,
}

impl Client {
    /// A client of the server at `base_url`, as `https://keys.example` or `https://example.com/keywright`; with or without a
    /// slash at its end. With `http://` the key travels in clear: for this machine only, or where everybody in between is trusted.
    pub fn builder(base_url: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(base_url.into())
    }

    pub(crate) fn over(shared: Arc<Shared>, key: Arc<Key>) -> Self {
        Self { shared, key, request_id: None }
    }

    /// The same client with another key, over the same connections.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what can be no key: keys are at most 512 visible ASCII characters.
    pub fn with_key(&self, key: impl Into<String>) -> Result<Self, Error> {
        let key = Key::new(key.into()).ok_or(Error::Invalid("the key is none"))?;
        Ok(Self { key: Arc::new(key), ..self.clone() })
    }

    /// The same client, whose requests the server logs under this id: hand on the id of the request that you are serving. Without
    /// it the server makes one for each.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what the server would not take: ids are 1 to 128 visible ASCII characters.
    pub fn with_request_id(&self, id: &str) -> Result<Self, Error> {
        let is_sane =
            (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        let value = HeaderValue::from_str(id).ok().filter(|_| is_sane);
        let value = value.ok_or(Error::Invalid("the request id is none"))?;
        Ok(Self { request_id: Some(value), ..self.clone() })
    }

    /// Whose key this is, and what it may do: `GET /v1/whoami`.
    ///
    /// # Errors
    /// [`Error::Refused`] with `invalid_credential`, `key_revoked`, `key_expired` or `key_inactive` for a key that is no good; and
    /// whenever there is no answer.
    pub async fn whoami(&self) -> Result<WhoamiView, Error> {
        self.get(Request::get(&["v1", "whoami"])).await
    }

    /// Sends the request and reads the answer as a `T`.
    pub(crate) async fn get<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        self.send(&request).await?.json()
    }

    /// Sends the request, whose answer tells nothing more than that it was done.
    pub(crate) async fn done(&self, request: Request) -> Result<(), Error> {
        self.send(&request).await.map(drop)
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.shared.timeout
    }

    pub(crate) fn retry(&self) -> Retry {
        self.shared.retry
    }

    /// The same client over the same connections, with other patience.
    pub(crate) fn with_patience(&self, timeout: Duration, retry: Retry) -> Self {
        let shared = &self.shared;
        let shared = Shared {
            base: shared.base.clone(),
            connections: shared.connections.clone(),
            user_agent: shared.user_agent.clone(),
            timeout,
            retry,
            ..**shared
        };
        Self { shared: Arc::new(shared), ..self.clone() }
    }

    /// The answer of a request that was done.
    pub(crate) async fn send(&self, request: &Request) -> Result<Answer, Error> {
        let url = request.url(&self.shared.base)?;
        let (start, mut done, mut was_lost) = (Instant::now(), 0, false);
        loop {
            let tried = self.attempt(request, &url).await;
            done += 1;
            let (outcome, told) = match tried {
                Ok(answer) => match answer.judged() {
                    Ok(answer) => return Ok(answer),
                    // It may have been this very request that deleted it.
                    Err((_, gone)) if was_lost && is_gone(request, &gone) => {
                        return Ok(Answer::nothing());
                    }
                    Err(refused) => refused,
                },
                Err(error) => (outcome(&error), error),
            };
            was_lost |= outcome == Outcome::Lost;
            let is_repeatable = request.is_repeatable;
            let (spent, chance) = (start.elapsed(), fastrand::f64());
            let pause = self.shared.retry.pause(outcome, is_repeatable, done, spent, chance);
            match pause {
                Some(pause) => sleep(pause).await,
                None => return Err(told),
            }
        }
    }

    /// One attempt, from its beginning to the last byte of the answer.
    async fn attempt(&self, request: &Request, url: &Url) -> Result<Answer, Error> {
        let shared = &*self.shared;
        let after = shared.timeout.saturating_add(request.wait);
        let exchange = async {
            let sent = shared.connections.request(self.prepared(request, url)?);
            let answer = sent.await.map_err(|error| {
                let is_sent = !error.is_connect();
                Error::Transport(TransportError::new(error, is_sent))
            })?;
            read(answer, shared.max_response_bytes).await
        };
        timeout(after, exchange).await.unwrap_or(Err(Error::TimedOut { after }))
    }

    fn prepared(&self, request: &Request, url: &Url) -> Result<http::Request<Full<Bytes>>, Error> {
        let invalid = || Error::Invalid("this makes no request");
        let key = self.key.header().ok_or_else(invalid)?;
        let mut builder = request.builder().uri(url.as_str());
        if let Some(headers) = builder.headers_mut() {
            self.add_headers(headers, key);
        }
        let body = request.body.as_ref().map(|(_, bytes)| bytes.clone()).unwrap_or_default();
        builder.body(Full::new(body)).map_err(|_| invalid())
    }

    fn add_headers(&self, headers: &mut HeaderMap, key: HeaderValue) {
        headers.insert(header::AUTHORIZATION, key);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, self.shared.user_agent.clone());
        if let Some(id) = &self.request_id {
            headers.insert("x-request-id", id.clone());
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.shared.base.as_str())
            .finish_non_exhaustive()
    }
}

/// What an attempt without an answer came to.
fn outcome(error: &Error) -> Outcome {
    match error {
        Error::Transport(error) if !error.is_sent() => Outcome::Unsent,
        Error::Transport(_) | Error::TimedOut { .. } => Outcome::Lost,
        // An answer came, and will not come otherwise.
        Error::Unusable { status, .. } => {
            Outcome::Answered { status: *status, is_under_way: false, retry_after: None }
        }
        Error::Refused(_) | Error::Unfinished { .. } | Error::Invalid(_) => {
            Outcome::Answered { status: 0, is_under_way: false, retry_after: None }
        }
    }
}

fn is_gone(request: &Request, error: &Error) -> bool {
    request.method == Method::DELETE && error.is(ErrorCode::NotFound)
}
