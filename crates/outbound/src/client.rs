//! The HTTP client. It knows no proxies, no cookies and no compression, so that nothing is reached
//! or unpacked that was not checked.

use std::{
    error::Error,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header, response::Parts};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        self, Client,
        connect::{HttpConnector, dns::Name},
    },
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::{Instant, timeout_at};
use tower_service::Service;
use url::{Host, Url};

use crate::{NetworkPolicy, OutboundError, redirect};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_IDLE_PER_HOST: usize = 8;
/// Beyond any that is meant to be called; keeps a clock's sums within bounds.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 3600);
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];
/// What belongs to the connection or says whom is called: the client's own business. With `Host` in
/// a caller's hand, a server that is allowed could be made to speak for one that is not.
const OWN_HEADERS: [HeaderName; 10] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// One call.
#[derive(Clone)]
pub struct HttpCall {
    /// `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE` or `OPTIONS`.
    pub method: String,
    /// An `http://` or `https://` URL.
    pub url: String,
    /// Names and values; of a name that is given twice both are sent.
    pub headers: Vec<(String, String)>,
    /// What is sent; empty: nothing.
    pub body: Vec<u8>,
    /// For all of it: name, connections, redirects, and the answer to its last byte.
    pub timeout: Duration,
    /// How large the body of the answer may be.
    pub max_response_bytes: usize,
    /// How many redirects are followed; 0: a redirect is the answer.
    pub max_redirects: usize,
}

impl Default for HttpCall {
    /// A `GET` to nowhere: 30 seconds, 10 MiB, 5 redirects.
    fn default() -> Self {
        Self {
            method: "GET".into(),
            url: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: Duration::from_secs(30),
            max_response_bytes: 10 << 20,
            max_redirects: 5,
        }
    }
}

/// An answer, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status: whatever it is, it is an answer.
    pub status: u16,
    /// In lower case, in the order they came. Bytes that are no UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// As it was sent: nothing is decompressed.
    pub body: Vec<u8>,
}

/// An answer that is read piece by piece, under the bounds of its call.
pub struct HttpStream {
    /// The status.
    pub status: u16,
    /// As those of [`HttpAnswer`].
    pub headers: Vec<(String, String)>,
    body: Incoming,
    host: String,
    deadline: Instant,
    max_bytes: usize,
    read_bytes: usize,
}

/// Calls other services within a [`NetworkPolicy`]. Cloning it shares its connections.
#[derive(Clone)]
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector<Checked>>, Full<Bytes>>,
    policy: NetworkPolicy,
}

impl HttpClient {
    /// A client without connections yet. Certificates are held against the machine's own
    /// authorities, which are read once in a process.
    pub fn new(policy: NetworkPolicy) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Checked(policy.clone()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls())
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
            .build(connector);
        Self { client, policy }
    }

    /// Calls, and reads the whole answer.
    ///
    /// # Errors
    /// When there is no answer within the call's bounds. A status of failure is an answer.
    pub async fn send(&self, call: HttpCall) -> Result<HttpAnswer, OutboundError> {
        let mut stream = self.open(call).await?;
        let mut body = Vec::new();
        while let Some(chunk) = stream.chunk().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(HttpAnswer { status: stream.status, headers: stream.headers, body })
    }

    /// Calls, and leaves the body of the answer to be read by [`HttpStream::chunk`].
    ///
    /// # Errors
    /// When no answer begins within the call's bounds.
    pub async fn open(&self, call: HttpCall) -> Result<HttpStream, OutboundError> {
        let deadline = Instant::now() + call.timeout.min(MAX_TIMEOUT);
        let mut hop = Hop::read(&call)?;
        let mut redirects = 0;
        loop {
            let host = hop.host()?;
            let (head, body) = self.exchange(&hop, &host, deadline).await?;
            let follows = call.max_redirects > 0 && self.policy.follows_redirects();
            if follows && let Some(to) = redirect::target(&hop.url, head.status, &head.headers)? {
                redirects += 1;
                if redirects > call.max_redirects {
                    return Err(OutboundError::TooManyRedirects { max: call.max_redirects });
                }
                hop = hop.redirected(&head, to);
                continue;
            }
            let max_bytes = call.max_response_bytes;
            if body.size_hint().lower() > u64::try_from(max_bytes).unwrap_or(u64::MAX) {
                return Err(OutboundError::TooLarge { host, max_bytes });
            }
            let (status, headers) = (head.status.as_u16(), told(&head.headers));
            return Ok(HttpStream {
                status,
                headers,
                body,
                host,
                deadline,
                max_bytes,
                read_bytes: 0,
            });
        }
    }

    async fn exchange(
        &self,
        hop: &Hop,
        host: &str,
        deadline: Instant,
    ) -> Result<(Parts, Incoming), OutboundError> {
        // A literal address is connected to without the resolver.
        match hop.url.host() {
            Some(Host::Ipv4(address)) if !self.policy.permits(address.into()) => {
                return Err(OutboundError::Forbidden { host: host.to_owned() });
            }
            Some(Host::Ipv6(address)) if !self.policy.permits(address.into()) => {
                return Err(OutboundError::Forbidden { host: host.to_owned() });
            }
            Some(_) => {}
            None => return Err(OutboundError::InvalidUrl),
        }
        let asked = timeout_at(deadline, self.client.request(hop.request()?)).await;
        let answered = asked.map_err(|_| OutboundError::TimedOut { host: host.to_owned() })?;
        answered.map(http::Response::into_parts).map_err(|error| failed(host, error))
    }
}

impl HttpStream {
    /// The next piece of the body; none after the last.
    ///
    /// # Errors
    /// When it breaks off, takes too long, or grows past the call's bound.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, OutboundError> {
        loop {
            let framed = timeout_at(self.deadline, self.body.frame()).await;
            let framed = framed.map_err(|_| OutboundError::TimedOut { host: self.host.clone() })?;
            let Some(framed) = framed else { return Ok(None) };
            let frame = framed.map_err(|error| OutboundError::Broken {
                host: self.host.clone(),
                source: Arc::new(error),
            })?;
            // Anything else is a trailer, which nobody asks for.
            let Ok(data) = frame.into_data() else { continue };
            self.read_bytes = self.read_bytes.saturating_add(data.len());
            if self.read_bytes > self.max_bytes {
                let max_bytes = self.max_bytes;
                return Err(OutboundError::TooLarge { host: self.host.clone(), max_bytes });
            }
            return Ok(Some(data));
        }
    }
}

/// One request on the way to an answer that is no redirect.
struct Hop {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl Hop {
    fn read(call: &HttpCall) -> Result<Self, OutboundError> {
        let method = METHODS.into_iter().find(|method| method.as_str() == call.method);
        let method = method.ok_or(OutboundError::InvalidMethod)?;
        let url = call.url.parse().map_err(|_| OutboundError::InvalidUrl)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("keywright"));
        let mut given = HeaderMap::new();
        for (name, value) in &call.headers {
            let invalid = || OutboundError::InvalidHeader { name: name.clone() };
            let read = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
            if OWN_HEADERS.contains(&read) {
                return Err(invalid());
            }
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid())?;
            given.try_append(read, value).map_err(|_| invalid())?;
        }
        headers.extend(given);
        Ok(Self { method, url, headers, body: call.body.clone().into() })
    }

    /// Whom it goes to, if that is somebody who can be called.
    fn host(&self) -> Result<String, OutboundError> {
        let is_plain = self.url.username().is_empty() && self.url.password().is_none();
        let is_http = matches!(self.url.scheme(), "http" | "https");
        let host = self.url.host_str().filter(|host| is_http && is_plain && !host.is_empty());
        host.map(str::to_owned).ok_or(OutboundError::InvalidUrl)
    }

    fn request(&self) -> Result<Request<Full<Bytes>>, OutboundError> {
        let mut sent = self.url.clone();
        sent.set_fragment(None);
        let uri: Uri = sent.as_str().parse().map_err(|_| OutboundError::InvalidUrl)?;
        // Two readers of one address must not differ about whom it names.
        if uri.host() != self.url.host_str() {
            return Err(OutboundError::InvalidUrl);
        }
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }

    fn redirected(mut self, head: &Parts, to: Url) -> Self {
        let (method, is_whole) = redirect::method(head.status, &self.method);
        redirect::strip(&mut self.headers, &self.url, &to);
        if !is_whole {
            self.body = Bytes::new();
            self.headers.remove(header::CONTENT_TYPE);
        }
        Self { method, url: to, ..self }
    }
}

fn told(headers: &HeaderMap) -> Vec<(String, String)> {
    let told = headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    told.collect()
}

/// Why nothing was answered: our own refusal is somewhere below what the client says.
fn failed(host: &str, error: legacy::Error) -> OutboundError {
    let is_connecting = error.is_connect();
    let source = Arc::new(error);
    let mut below: Option<&(dyn Error + 'static)> = Some(&*source);
    while let Some(cause) = below {
        if let Some(own) = cause.downcast_ref::<OutboundError>() {
            return own.clone();
        }
        if cause.is::<rustls::Error>() {
            return OutboundError::Insecure { host: host.to_owned(), source };
        }
        // An error of input and output passes over the one that it was made of.
        below = match cause.downcast_ref::<io::Error>() {
            Some(wrapped) => wrapped.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => cause.source(),
        };
    }
    let host = host.to_owned();
    if is_connecting {
        OutboundError::Unreachable { host, source }
    } else {
        OutboundError::Broken { host, source }
    }
}

/// Names the addresses that may be connected to; the connector takes no others.
#[derive(Clone)]
struct Checked(NetworkPolicy);

impl Service<Name> for Checked {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = OutboundError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, OutboundError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OutboundError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let policy = self.0.clone();
        // The connector puts the port in.
        Box::pin(async move { Ok(policy.resolve(name.as_str(), 0).await?.into_iter()) })
    }
}

/// TLS against the machine's authorities. A machine without any makes no secure connections: the
/// failure shows at the first of them.
pub(crate) fn tls() -> rustls::ClientConfig {
    static CONFIG: OnceLock<rustls::ClientConfig> = OnceLock::new();
    let read = || {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider);
        match builder.with_safe_default_protocol_versions() {
            Ok(builder) => builder.with_root_certificates(roots).with_no_client_auth(),
            Err(_) => unreachable!("ring speaks both versions of TLS"),
        }
    };
    CONFIG.get_or_init(read).clone()
}

#[cfg(test)]
mod tests;
