//! A request before it is sent: where, what, and whether it may be sent twice.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use serde::Serialize;
use url::Url;
use uuid::Uuid;

use crate::Error;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A request of the API. Cloning it is cheap: a list asks for page after page by it.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Parts of the path, unencoded.
    segments: Vec<String>,
    query: Vec<(&'static str, String)>,
    pub(crate) body: Option<(HeaderValue, Bytes)>,
    pub(crate) idempotency_key: Option<HeaderValue>,
    /// Whether doing it twice is the same as doing it once.
    pub(crate) is_repeatable: bool,
    /// How long the server is asked to wait.
    pub(crate) wait: Duration,
}

impl Request {
    fn new(method: Method, segments: &[&str], is_repeatable: bool) -> Self {
        Self {
            method,
            segments: segments.iter().map(|&segment| segment.to_owned()).collect(),
            query: Vec::new(),
            body: None,
            idempotency_key: None,
            is_repeatable,
            wait: Duration::ZERO,
        }
    }

    pub(crate) fn get(segments: &[&str]) -> Self {
        Self::new(Method::GET, segments, true)
    }

    pub(crate) fn delete(segments: &[&str]) -> Self {
        Self::new(Method::DELETE, segments, true)
    }

    pub(crate) fn put(segments: &[&str], body: &impl Serialize) -> Result<Self, Error> {
        Self::new(Method::PUT, segments, true).json(body)
    }

    /// What is set twice to the same is set to it.
    pub(crate) fn patch(segments: &[&str], body: &impl Serialize) -> Result<Self, Error> {
        Self::new(Method::PATCH, segments, true).json(body)
    }

    /// A `POST` that does something new each time, and is therefore sent again only if it was not done.
    pub(crate) fn post(segments: &[&str]) -> Self {
        Self::new(Method::POST, segments, false)
    }

    /// A `POST` that makes or executes something: the server knows it again by a key of its own.
    pub(crate) fn make(segments: &[&str]) -> Self {
        let mut name = Uuid::encode_buffer();
        let name = Uuid::new_v4().hyphenated().encode_lower(&mut name);
        Self::post(segments).known_by(HeaderValue::from_str(name).ok())
    }

    /// With another idempotency key; without one it is done as often as it arrives.
    pub(crate) fn known_by(self, key: Option<HeaderValue>) -> Self {
        Self { is_repeatable: key.is_some(), idempotency_key: key, ..self }
    }

    /// A `POST` that may be done twice.
    pub(crate) fn ask(segments: &[&str]) -> Self {
        Self::new(Method::POST, segments, true)
    }

    pub(crate) fn json(self, body: &impl Serialize) -> Result<Self, Error> {
        let bytes =
            serde_json::to_vec(body).map_err(|_| Error::Invalid("the body cannot be JSON"))?;
        Ok(self.body(JSON, bytes))
    }

    pub(crate) fn body(self, media_type: HeaderValue, bytes: Vec<u8>) -> Self {
        Self { body: Some((media_type, bytes.into())), ..self }
    }

    /// A parameter of the query, if there is one.
    pub(crate) fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.retain(|(known, _)| *known != name);
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// The server may take so long, in whole seconds.
    pub(crate) fn wait(self, wait: Duration) -> Self {
        let wait = Duration::from_secs(wait.as_secs());
        let seconds = Some(wait.as_secs()).filter(|seconds| *seconds > 0);
        Self { wait, ..self.query("wait", seconds) }
    }

    /// Where it goes on the server at `base`.
    pub(crate) fn url(&self, base: &Url) -> Result<Url, Error> {
        let is_part = |part: &String| !["", ".", ".."].contains(&part.as_str());
        if !self.segments.iter().all(is_part) {
            return Err(Error::Invalid("an id or name in the address is empty or a dot"));
        }
        let mut url = base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::Invalid("the base URL has no path"))?
            .pop_if_empty()
            .extend(&self.segments);
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }

    /// As it is sent, but for the address and what goes with every request.
    pub(crate) fn builder(&self) -> http::request::Builder {
        let mut builder = http::Request::builder().method(&self.method);
        if let Some((media_type, _)) = &self.body {
            builder = builder.header(header::CONTENT_TYPE, media_type);
        }
        if let Some(key) = &self.idempotency_key {
            builder = builder.header("idempotency-key", key);
        }
        builder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: &str, request: &Request) -> Result<String, Error> {
        request.url(&base.parse().unwrap()).map(Into::into)
    }

    #[test]
    fn addresses_come_after_the_base_with_or_without_a_slash() {
        let request = Request::get(&["v1", "whoami"]);
        for base in ["http://a.example/keys", "http://a.example/keys/"] {
            assert_eq!(url(base, &request).unwrap(), "http://a.example/keys/v1/whoami");
        }
        assert_eq!(url("http://a.example", &request).unwrap(), "http://a.example/v1/whoami");
    }

    #[test]
    fn a_name_stays_one_part_of_the_address() {
        let request = Request::get(&["unstract", "a/b?c#d"]);
        assert_eq!(
            url("http://a.example", &request).unwrap(),
            "http://a.example/unstract/a%2Fb%3Fc%23d"
        );
        for name in ["", ".", ".."] {
            let request = Request::get(&["unstract", name, "api"]);
            assert!(url("http://a.example", &request).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_parameter_is_there_once_or_not_at_all() {
        let request =
            Request::get(&["list"]).query("cursor", Some("a&b")).query("limit", None::<u32>);
        assert_eq!(
            url("http://a.example", &request).unwrap(),
            "http://a.example/list?cursor=a%26b"
        );
        let request = request.query("cursor", Some("c")).wait(Duration::from_millis(2900));
        assert_eq!(
            url("http://a.example", &request).unwrap(),
            "http://a.example/list?cursor=c&wait=2"
        );
    }
}
