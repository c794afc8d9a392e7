//! An answer, whole: read within a bound, and judged.

use std::{any::type_name, time::Duration};

use api_types::ErrorCode;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Response, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, Problem, TransportError, Unusable, retry::Outcome};

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Reads the answer to its end, if it is no larger than `max_bytes`.
pub(crate) async fn read(answer: Response<Incoming>, max_bytes: usize) -> Result<Answer, Error> {
    let (head, body) = answer.into_parts();
    let answer = Answer { status: head.status, headers: head.headers, body: Bytes::new() };
    match Limited::new(body, max_bytes).collect().await {
        Ok(body) => Ok(Answer { body: body.to_bytes(), ..answer }),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(answer.unusable(Unusable::TooLarge { max_bytes }))
        }
        Err(error) => Err(Error::Transport(TransportError::new(error, true))),
    }
}

impl Answer {
    /// Of something that was done, and has nothing to tell.
    pub(crate) fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// The answer, if it says that the request was done; else what it came to, and what to tell of it.
    pub(crate) fn judged(self) -> Result<Self, (Outcome, Error)> {
        if self.status.is_success() {
            return Ok(self);
        }
        let (status, retry_after) = (self.status.as_u16(), self.retry_after());
        let error = self.failure(status, retry_after);
        let is_under_way = error.is(ErrorCode::IdempotencyInProgress);
        Err((Outcome::Answered { status, is_under_way, retry_after }, error))
    }

    fn failure(&self, status: u16, retry_after: Option<Duration>) -> Error {
        if self.status.is_redirection() {
            return self.unusable(Unusable::Redirect);
        }
        match serde_json::from_slice::<api_types::Problem>(&self.body) {
            Ok(told) => Error::Refused(Box::new(Problem::new(told, status, retry_after))),
            Err(_) => self.unusable(Unusable::NoProblem),
        }
    }

    /// The body as a `T`. Members that `T` does not know are left out: a newer server may tell more.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        // By way of a `Value`: with all digits of numbers kept, serde cannot read a flattened struct from the text itself.
        let value: Value =
            serde_json::from_slice(&self.body).map_err(|_| self.unusable(Unusable::NotJson))?;
        // What serde says of a value may have a secret in it.
        T::deserialize(value).map_err(|_| self.unusable(Unusable::Shape { wanted: short::<T>() }))
    }

    pub(crate) fn unusable(&self, reason: Unusable) -> Error {
        let request_id = self.text(&HeaderName::from_static("x-request-id")).map(str::to_owned);
        Error::Unusable { status: self.status.as_u16(), request_id, reason }
    }

    /// Whole seconds; a date, which proxies may send, is not read.
    fn retry_after(&self) -> Option<Duration> {
        self.text(&header::RETRY_AFTER)?.trim().parse().ok().map(Duration::from_secs)
    }

    fn text(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A type's name without its path.
fn short<T>() -> &'static str {
    let name = type_name::<T>();
    match name.split_once('<') {
        Some(_) => name,
        None => name.rsplit("::").next().unwrap_or(name),
    }
}
