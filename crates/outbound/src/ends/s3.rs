//! A bucket of a service that speaks S3. What is sent goes through the one guarded client: the library
//! signs and understands, and never connects.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use deployments_domain::Place;
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use http::Response;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use object_store::{
    ClientOptions, Error as StoreError, ObjectStore, ObjectStoreExt as _, RetryConfig,
    aws::AmazonS3Builder,
    client::{
        HttpClient as StoreClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest,
        HttpResponse, HttpResponseBody, HttpService,
    },
    path::Path,
};

use super::{
    EndError,
    objects::{Content, MAX_OBJECTS, Objects},
    pattern::Wanted,
};
use crate::{HttpCall, HttpClient, OutboundError};

/// For one request and its answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(300);
/// The largest answer; objects are streamed, so that this bounds time rather than memory.
const MAX_ANSWER_BYTES: usize = 64 << 30;
const RETRIES: usize = 3;
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

/// One bucket.
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    name: String,
}

impl Bucket {
    /// The bucket of a place that is one. `secret` is `ACCESS_KEY_ID:SECRET_ACCESS_KEY`, after which
    /// `:SESSION_TOKEN` may stand; without it requests are not signed.
    pub(super) fn open(
        client: &HttpClient,
        place: &Place,
        secret: Option<&str>,
    ) -> Result<Self, EndError> {
        let Place::S3 { bucket, endpoint, region, .. } = place else {
            return Err(EndError::new("the place is no bucket"));
        };
        let retry = RetryConfig {
            max_retries: RETRIES,
            retry_timeout: RETRY_TIMEOUT,
            ..RetryConfig::default()
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(region)
            .with_retry(retry)
            .with_http_connector(Guarded(client.clone()));
        if let Some(endpoint) = endpoint {
            builder = builder
                .with_endpoint(endpoint.trim_end_matches('/'))
                .with_allow_http(endpoint.starts_with("http://"));
        }
        builder = match secret {
            None => builder.with_skip_signature(true),
            Some(secret) => {
                let form = "the secret of a bucket must be ACCESS_KEY_ID:SECRET_ACCESS_KEY";
                let (id, rest) = secret.split_once(':').ok_or_else(|| EndError::new(form))?;
                let (key, token) =
                    rest.split_once(':').map_or((rest, None), |(key, token)| (key, Some(token)));
                let builder = builder.with_access_key_id(id).with_secret_access_key(key);
                match token {
                    Some(token) => builder.with_token(token),
                    None => builder,
                }
            }
        };
        let store = builder
            .build()
            .map_err(|error| EndError::because("the bucket's settings cannot be used", error))?;
        Ok(Self { store: Arc::new(store), name: bucket.clone() })
    }

    /// The names below a prefix, sorted as the service sorts them.
    async fn below(&self, prefix: &str, wanted: &Wanted) -> Result<Vec<String>, EndError> {
        let path = if prefix.is_empty() { None } else { Some(self.path(prefix)?) };
        let mut listed = self.store.list(path.as_ref());
        let mut names = Vec::new();
        while let Some(object) = listed.next().await {
            let object = object.map_err(|error| self.failed("could not be listed", error))?;
            let name = String::from(object.location);
            if wanted.admits(&name) {
                names.push(name);
            }
            if names.len() > MAX_OBJECTS {
                let bucket = &self.name;
                let told =
                    format!("the bucket '{bucket}' has more than {MAX_OBJECTS} such objects");
                return Err(EndError::new(told));
            }
        }
        names.sort();
        Ok(names)
    }

    fn path(&self, name: &str) -> Result<Path, EndError> {
        Path::parse(name)
            .map_err(|error| EndError::because(format!("'{name}' is no name of an object"), error))
    }

    fn failed(&self, what: &str, error: StoreError) -> EndError {
        let is_refused = matches!(
            error,
            StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. }
        );
        let told = if matches!(error, StoreError::NotFound { .. }) {
            "it is not there".to_owned()
        } else if is_refused {
            "the service refuses the credentials".to_owned()
        } else {
            ours(&error).map_or_else(
                || "the service did not do it".to_owned(),
                |own: &OutboundError| own.to_string(),
            )
        };
        EndError::because(format!("the bucket '{}' {what}: {told}", self.name), error)
    }
}

/// Our own refusal, somewhere below what the library says.
fn ours(error: &StoreError) -> Option<&OutboundError> {
    let mut below: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = below {
        if let Some(own) = cause.downcast_ref::<OutboundError>() {
            return Some(own);
        }
        below = cause.source();
    }
    None
}

#[async_trait]
impl Objects for Bucket {
    async fn list(&self, wanted: &Wanted) -> Result<Vec<String>, EndError> {
        match wanted {
            Wanted::Below(prefix) => self.below(prefix, wanted).await,
            Wanted::Matching { directory, .. } => self.below(directory, wanted).await,
            Wanted::One(name) => match self.store.head(&self.path(name)?).await {
                Ok(_) => Ok(vec![name.clone()]),
                Err(StoreError::NotFound { .. }) => {
                    let names = self.below(name, wanted).await?;
                    if names.is_empty() {
                        let told =
                            format!("there is no object '{name}' in the bucket '{}'", self.name);
                        return Err(EndError::new(told));
                    }
                    Ok(names)
                }
                Err(error) => Err(self.failed(&format!("did not tell of '{name}'"), error)),
            },
        }
    }

    async fn open(&self, name: &str) -> Result<Box<dyn Content>, EndError> {
        let what = format!("did not give '{name}'");
        let got = self.store.get(&self.path(name)?).await;
        let got = got.map_err(|error| self.failed(&what, error))?;
        Ok(Box::new(ObjectContent { pieces: got.into_stream(), name: name.to_owned() }))
    }

    /// An object appears whole, or not at all.
    async fn put(&self, name: &str, content: Vec<u8>, _: &str) -> Result<(), EndError> {
        let put = self.store.put(&self.path(name)?, content.into()).await;
        put.map(drop).map_err(|error| self.failed(&format!("did not take '{name}'"), error))
    }

    async fn remove(&self, name: &str) -> Result<(), EndError> {
        match self.store.delete(&self.path(name)?).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(&format!("did not remove '{name}'"), error)),
        }
    }
}

struct ObjectContent {
    pieces: BoxStream<'static, object_store::Result<Bytes>>,
    name: String,
}

#[async_trait]
impl Content for ObjectContent {
    async fn next(&mut self) -> Result<Option<Bytes>, EndError> {
        let piece = self.pieces.try_next().await;
        piece.map_err(|error| {
            EndError::because(format!("the object '{}' broke off", self.name), error)
        })
    }
}

/// Hands the library's requests to the guarded client.
#[derive(Clone)]
struct Guarded(HttpClient);

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guarded")
    }
}

impl HttpConnector for Guarded {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<StoreClient> {
        Ok(StoreClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Guarded {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let headers = head.headers.iter().filter(|(name, _)| {
            // The client sets them itself, to the same.
            !matches!(**name, http::header::CONTENT_LENGTH | http::header::HOST)
        });
        let headers = headers.map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let call = HttpCall {
            method: head.method.to_string(),
            url: head.uri.to_string(),
            headers: headers.collect(),
            body: body.to_vec(),
            timeout: CALL_TIMEOUT,
            max_response_bytes: MAX_ANSWER_BYTES,
            max_redirects: 0,
        };
        let stream = self.0.open(call).await.map_err(http_error)?;
        let mut response = Response::builder().status(stream.status);
        for (name, value) in &stream.headers {
            response = response.header(name, value);
        }
        let pieces = futures_util::stream::try_unfold(stream, |mut stream| async move {
            let piece = stream.chunk().await.map_err(http_error)?;
            Ok(piece.map(|piece| (Frame::data(piece), stream)))
        });
        let body = HttpResponseBody::new(StreamBody::new(pieces));
        response.body(body).map_err(|error| HttpError::new(HttpErrorKind::Decode, error))
    }
}

fn http_error(error: OutboundError) -> HttpError {
    let kind = if matches!(error, OutboundError::TimedOut { .. }) {
        HttpErrorKind::Timeout
    } else if matches!(error, OutboundError::Broken { .. }) {
        HttpErrorKind::Interrupted
    } else if error.is_transient() {
        HttpErrorKind::Connect
    } else {
        // Never tried again: it would be refused again.
        HttpErrorKind::Unknown
    };
    HttpError::new(kind, error)
}
