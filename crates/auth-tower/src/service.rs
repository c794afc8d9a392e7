//! A service behind its guard: headers in, headers and a problem document out.

use std::{
    error::Error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use api_types::{Admission, Guard, Refusal, sane_request_id};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use keys_core::{KeyCheck, Presented};
use tower_service::Service;

use crate::layer::AddressOf;

const API_KEY: HeaderName = HeaderName::from_static("api-key");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A service that is called for requests with a good key only; [`KeyLayer`](crate::KeyLayer) makes it.
pub struct KeyService<S, C> {
    inner: S,
    guard: Guard<C>,
    address: AddressOf,
}

impl<S, C> KeyService<S, C> {
    pub(crate) fn new(inner: S, guard: Guard<C>, address: AddressOf) -> Self {
        Self { inner, guard, address }
    }
}

impl<S: Clone, C> Clone for KeyService<S, C> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.guard.clone(), Arc::clone(&self.address))
    }
}

impl<S, C, B, A> Service<Request<B>> for KeyService<S, C>
where
    S: Service<Request<B>, Response = Response<A>, Future: Send> + Clone + Send + 'static,
    C: KeyCheck + 'static,
    B: Send + 'static,
    A: From<String>,
{
    type Response = Response<A>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<A>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // What was found to be ready is called; the clone stays to be asked again.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let (guard, address) = (self.guard.clone(), Arc::clone(&self.address));
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let Admission { key, headers } = {
                let values =
                    |name| parts.headers.get_all(name).into_iter().map(HeaderValue::as_bytes);
                let presented = Presented::read(values(AUTHORIZATION), values(API_KEY));
                guard.admit(presented, address(&parts)).await
            };
            let mut response = match key {
                Ok(key) => {
                    parts.extensions.insert(key);
                    inner.call(Request::from_parts(parts, body)).await?
                }
                Err(refusal) => document(&refusal, &parts.headers),
            };
            tell(headers, response.headers_mut());
            Ok(response)
        })
    }
}

fn document<A: From<String>>(refusal: &Refusal, sent: &HeaderMap) -> Response<A> {
    if let Some(source) = refusal.source() {
        tracing::error!(error = source, "nobody can say what a key is worth");
    }
    let request_id = sent.get(REQUEST_ID).and_then(|value| sane_request_id(value.as_bytes()));
    let problem = refusal.problem(request_id.unwrap_or_default());
    let mut response = Response::new(serde_json::to_string(&problem).unwrap_or_default().into());
    *response.status_mut() =
        StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, PROBLEM);
    response
}

fn tell(headers: Vec<(&'static str, String)>, answer: &mut HeaderMap) {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.insert(HeaderName::from_static(name), value);
        }
    }
}
