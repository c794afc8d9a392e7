//! The way to the collector: the HTTP client that this process has anyway, without TLS.

use std::{
    error::Error,
    future::Future,
    pin::Pin,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use reqwest::{Client, redirect::Policy};
use tokio::runtime::{Builder, Runtime};

use crate::failure::Failure;

const TIMEOUT: Duration = Duration::from_secs(5);
/// A collector has little to say.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Sends to a collector, from the thread on which OpenTelemetry sends.
#[derive(Debug)]
pub(super) struct Collector {
    client: Client,
    /// That thread has none of its own.
    runtime: Mutex<Runtime>,
    is_away: AtomicBool,
}

impl Collector {
    pub(super) fn new() -> Result<Self, Failure> {
        // A redirect would lead elsewhere than the operator said, and so would a proxy.
        let client = Client::builder().timeout(TIMEOUT).no_proxy().redirect(Policy::none());
        let client = client.build().map_err(|error| Failure::failed(&error))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::failed(&error))?;
        Ok(Self { client, runtime: Mutex::new(runtime), is_away: AtomicBool::new(false) })
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut answered = self.client.execute(request.try_into()?).await?;
        let status = answered.status();
        let mut body = Vec::new();
        while let Some(chunk) = answered.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER_BYTES {
                return Err("the collector says too much".into());
            }
        }
        if !status.is_success() {
            return Err(format!("the collector answers {status}").into());
        }
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        Ok(response)
    }

    /// Tells an outage once, when it begins and when it is over.
    fn tell(&self, failure: Option<&(dyn Error + Send + Sync + 'static)>) {
        let was_away = self.is_away.swap(failure.is_some(), Ordering::SeqCst);
        match failure {
            Some(error) if !was_away => {
                let (cause, error) = (error.source().map(ToString::to_string), error.to_string());
                tracing::warn!(error, cause, "spans cannot be sent, and are dropped");
            }
            None if was_away => tracing::info!("spans are sent again"),
            Some(_) | None => {}
        }
    }
}

impl HttpClient for Collector {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            // Holds up this thread, which has nothing else to do.
            let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
            let answered = runtime.block_on(self.exchange(request));
            self.tell(answered.as_ref().err().map(|error| &**error));
            answered
        })
    }
}
