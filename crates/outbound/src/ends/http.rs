//! Records from the answer of an HTTP service, and outcomes sent to one.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use deployments_domain::{Destination, Format, Place, Source};
use futures_util::{StreamExt as _, future::BoxFuture, stream};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::{
    EndError, Mark, Outcome, OutcomeSink, Record, RecordSource, encode,
    objects::{Content, Decoding},
};
use crate::{HttpAnswer, HttpCall, HttpClient, HttpStream};

/// Until an answer begins, and between two pieces of it.
const PATIENCE: Duration = Duration::from_secs(60);
/// For all of an answer that is read record by record: as long as a run may take.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(86_400);
const MAX_ANSWER_BYTES: usize = 64 << 30;
const MAX_REDIRECTS: usize = 5;
/// What a service answers to an outcome is read to its end, so that the connection can be used again.
const MAX_RECEIPT_BYTES: usize = 1 << 20;
const PAUSES: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(4)];
/// Requests under way at once.
const AT_ONCE: usize = 4;
/// Outcomes that are sent one by one are taken so many at once.
const MOST_ALONE: usize = 64;
/// Where the key stands in the address of a destination.
const KEY: &str = "{key}";

/// The answer of an HTTP service.
pub(super) struct HttpSource {
    decoding: Decoding,
    index: u64,
    done: u64,
}

impl HttpSource {
    pub(super) async fn open(
        client: &HttpClient,
        source: &Source,
        secret: Option<&str>,
        after: Option<Mark>,
    ) -> Result<Self, EndError> {
        let service = Service::of(client, &source.place, secret)?;
        let call = HttpCall {
            timeout: WHOLE_TIMEOUT,
            max_response_bytes: MAX_ANSWER_BYTES,
            max_redirects: MAX_REDIRECTS,
            ..service.call()
        };
        let stream = service.open(call).await?;
        let name = call_name(&service.url);
        let decoding = Decoding::new(Box::new(Body { stream }), source.format, &name);
        Ok(Self { decoding, index: 0, done: after.map_or(0, |mark| mark.index) })
    }
}

#[async_trait]
impl RecordSource for HttpSource {
    async fn next(&mut self) -> Result<Option<Record>, EndError> {
        while let Some(value) = self.decoding.next().await? {
            self.index += 1;
            if self.index > self.done {
                let mark = Mark { object: None, index: self.index };
                return Ok(Some(Record { mark, value }));
            }
        }
        Ok(None)
    }
}

struct Body {
    stream: HttpStream,
}

#[async_trait]
impl Content for Body {
    async fn next(&mut self) -> Result<Option<Bytes>, EndError> {
        let late = || EndError::new("the source did not go on with its answer in time");
        let piece = timeout(PATIENCE, self.stream.chunk()).await.map_err(|_| late())?;
        piece.map_err(|error| EndError::because(error.to_string(), error))
    }
}

/// Which outcomes a request did not bring over, and why.
type Sent = Result<Vec<(usize, String)>, EndError>;

/// A service that takes outcomes, one or several with each request.
pub(super) struct HttpSink {
    service: Service,
    format: Format,
    key: Option<String>,
    batch: usize,
    run: String,
}

impl HttpSink {
    pub(super) fn new(
        client: &HttpClient,
        destination: &Destination,
        secret: Option<&str>,
        run: &str,
    ) -> Result<Self, EndError> {
        let service = Service::of(client, &destination.place, secret)?;
        Ok(Self {
            service,
            format: destination.format,
            key: destination.key.clone(),
            batch: usize::try_from(destination.batch).unwrap_or(1).max(1),
            run: run.to_owned(),
        })
    }

    /// The request for some outcomes, of which there is at least one.
    ///
    /// # Errors
    /// Why they cannot be sent.
    fn request(&self, outcomes: &[&Outcome]) -> Result<HttpCall, String> {
        let first = outcomes.first().ok_or("there is nothing to send")?;
        let key = match &self.key {
            Some(member) => Some(encode::key(&first.value, member)?),
            None => None,
        };
        let values: Vec<&Value> = outcomes.iter().map(|outcome| &outcome.value).collect();
        let body = if self.batch == 1 {
            encode::encode_one(self.format, &first.value)?
        } else {
            encode::encode(self.format, &values)?
        };
        let mut call = self.service.call();
        if let Some(key) = key.as_deref().filter(|_| self.batch == 1) {
            call.url = call.url.replace(KEY, &encode::file_name(key)?);
        }
        // Whoever sends the same again after a crash sends the same name.
        let name = match key.filter(|_| self.batch == 1) {
            Some(key) => format!("{}:{}", self.run, encode::file_name(&key)?),
            None => format!("{}:{}", self.run, first.record),
        };
        call.headers.push(("idempotency-key".into(), name));
        call.headers.push(("content-type".into(), encode::media_type(self.format).into()));
        Ok(HttpCall { body, max_response_bytes: MAX_RECEIPT_BYTES, ..call })
    }

    /// Returns those that were not taken, and why.
    async fn send_some(&self, chunk: Vec<(usize, Outcome)>) -> Sent {
        let outcomes: Vec<&Outcome> = chunk.iter().map(|(_, outcome)| outcome).collect();
        let reason = match self.request(&outcomes) {
            Err(reason) => reason,
            Ok(call) => {
                let answer = self.service.send(call).await?;
                if (200..300).contains(&answer.status) {
                    return Ok(Vec::new());
                }
                format!("the destination answered {}", answer.status)
            }
        };
        Ok(chunk.into_iter().map(|(at, _)| (at, reason.clone())).collect())
    }
}

#[async_trait]
impl OutcomeSink for HttpSink {
    fn most(&self) -> usize {
        if self.batch == 1 { MOST_ALONE } else { self.batch }
    }

    fn gathers(&self) -> bool {
        false
    }

    async fn begin_anew(&mut self) -> Result<(), EndError> {
        Ok(())
    }

    async fn write(&mut self, outcomes: Vec<Outcome>) -> Result<Vec<Option<String>>, EndError> {
        let mut reasons: Vec<Option<String>> = outcomes
            .iter()
            .map(|outcome| encode::check(self.format, &outcome.value).err())
            .collect();
        let is_good = |at: usize| reasons.get(at).is_some_and(Option::is_none);
        let good: Vec<(usize, Outcome)> =
            outcomes.into_iter().enumerate().filter(|(at, _)| is_good(*at)).collect();
        let mut requests: Vec<BoxFuture<'_, Sent>> = Vec::new();
        let mut good = good.into_iter().peekable();
        while good.peek().is_some() {
            let chunk: Vec<(usize, Outcome)> = good.by_ref().take(self.batch).collect();
            requests.push(Box::pin(self.send_some(chunk)));
        }
        let mut sent = stream::iter(requests).buffer_unordered(AT_ONCE);
        let mut failed = Vec::new();
        while let Some(done) = sent.next().await {
            failed.extend(done?);
        }
        drop(sent);
        for (at, why) in failed {
            if let Some(reason) = reasons.get_mut(at) {
                *reason = Some(why);
            }
        }
        Ok(reasons)
    }
}

/// How a service is called.
struct Service {
    client: HttpClient,
    url: String,
    method: String,
    headers: Vec<(String, String)>,
}

impl Service {
    fn of(client: &HttpClient, place: &Place, secret: Option<&str>) -> Result<Self, EndError> {
        let Place::Http { url, method, headers, secret_header } = place else {
            return Err(EndError::new("the place is no HTTP service"));
        };
        let mut headers = headers.clone();
        if let Some(secret) = secret {
            headers.push(match secret_header {
                Some(name) => (name.clone(), secret.to_owned()),
                None => ("authorization".into(), format!("Bearer {secret}")),
            });
        }
        Ok(Self { client: client.clone(), url: url.clone(), method: method.clone(), headers })
    }

    fn call(&self) -> HttpCall {
        HttpCall {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            timeout: PATIENCE,
            max_redirects: 0,
            ..HttpCall::default()
        }
    }

    /// An answer of success, to be read piece by piece.
    async fn open(&self, call: HttpCall) -> Result<HttpStream, EndError> {
        for pause in PAUSES.map(Some).into_iter().chain([None]) {
            let opened = timeout(PATIENCE, self.client.open(call.clone())).await;
            let late = || EndError::new("the source did not answer in time");
            let (failed, may_pass) = match opened {
                Err(_) => (late(), true),
                Ok(Err(error)) => {
                    let may_pass = error.is_transient();
                    (EndError::because(error.to_string(), error), may_pass)
                }
                Ok(Ok(stream)) if (200..300).contains(&stream.status) => return Ok(stream),
                Ok(Ok(stream)) => {
                    let told = format!("the source answered {}", stream.status);
                    (EndError::new(told), passes(stream.status))
                }
            };
            match pause.filter(|_| may_pass) {
                Some(pause) => sleep(pause).await,
                None => return Err(failed),
            }
        }
        Err(EndError::new("the source did not answer"))
    }

    /// Whatever is answered, unless nothing is, or that the service is not able to now.
    async fn send(&self, call: HttpCall) -> Result<HttpAnswer, EndError> {
        for pause in PAUSES.map(Some).into_iter().chain([None]) {
            let (failed, may_pass) = match self.client.send(call.clone()).await {
                Err(error) => {
                    let may_pass = error.is_transient();
                    (EndError::because(error.to_string(), error), may_pass)
                }
                Ok(answer) if passes(answer.status) => {
                    let told = format!("the destination answered {}", answer.status);
                    (EndError::new(told), true)
                }
                Ok(answer) => return Ok(answer),
            };
            match pause.filter(|_| may_pass) {
                Some(pause) => sleep(pause).await,
                None => return Err(failed),
            }
        }
        Err(EndError::new("the destination did not answer"))
    }
}

/// What a service says when it may answer otherwise a little later.
fn passes(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

/// What a content at an address is called: the last part of its path.
fn call_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("body").to_owned()
}
