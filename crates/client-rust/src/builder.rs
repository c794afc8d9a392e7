//! How a client is made.

use std::{sync::Arc, time::Duration};

use http::HeaderValue;
use url::Url;

use crate::{Client, Retry, client::Shared, connection, key::Key};

/// What the SDK calls itself.
const PRODUCT: &str = concat!("keywright-client-rust/", env!("CARGO_PKG_VERSION"));

/// Makes a [`Client`]. All but the key has a default.
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder {
    base_url: String,
    key: Option<Option<Key>>,
    product: String,
    timeout: Duration,
    connect_timeout: Duration,
    retry: Retry,
    max_response_bytes: usize,
    root_certificates: Vec<Vec<u8>>,
}

/// Why there is no client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The base URL is not `http://` or `https://` with a host; or it has a user, a query or a fragment.
    #[error("the base URL must be http://host or https://host, perhaps with a port and a path")]
    BaseUrl,
    /// There is no key, or something that cannot be one: keys are at most 512 visible ASCII characters.
    #[error("the key is missing, or is none")]
    Key,
    /// The product's name cannot stand in a header.
    #[error("the name of the product cannot stand in a header")]
    Product,
    /// The base URL begins with `https://`, and the feature `rustls` is off.
    #[error("https:// needs the feature `rustls`")]
    WithoutTls,
    /// A root certificate is no PEM, or no certificate.
    #[error("a root certificate cannot be read")]
    RootCertificate,
}

impl ClientBuilder {
    pub(crate) fn new(base_url: String) -> Self {
        Self {
            base_url,
            key: None,
            product: String::new(),
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            retry: Retry::default(),
            max_response_bytes: 64 << 20,
            root_certificates: Vec::new(),
        }
    }

    /// The key that every request carries: an organization key, a deployment key or a platform key.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(Key::new(key.into()));
        self
    }

    /// Who calls, as `billing/1.2`: stands before the SDK's own name in `User-Agent`.
    pub fn product(mut self, product: impl Into<String>) -> Self {
        self.product = product.into();
        self
    }

    /// How long an attempt may take from its beginning to the last byte of the answer; 30 seconds unless told. Where the server
    /// is asked to wait for something, that time is added.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long it may take to connect; 10 seconds unless told.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// When requests are sent again.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// How large an answer may be; 64 MiB unless told. A larger one is [`Unusable::TooLarge`](crate::Unusable::TooLarge).
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.max_response_bytes = bytes;
        self
    }

    /// An authority to be trusted beside those of the machine, as PEM: for servers with certificates of one's own. May be called
    /// more than once.
    #[cfg(feature = "rustls")]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates.push(pem.into());
        self
    }

    /// The client. Nothing is sent yet.
    ///
    /// # Errors
    /// When the base URL, the key, the product or a root certificate is none.
    pub fn build(self) -> Result<Client, BuildError> {
        let base = base(&self.base_url)?;
        let is_tls = base.scheme() == "https";
        let connections = connection::open(self.connect_timeout, is_tls, &self.root_certificates)?;
        let agent = format!("{} {PRODUCT}", self.product);
        let user_agent =
            HeaderValue::from_str(agent.trim_start()).map_err(|_| BuildError::Product)?;
        let key = self.key.flatten().ok_or(BuildError::Key)?;
        let shared = Shared {
            base,
            connections,
            user_agent,
            timeout: self.timeout,
            retry: self.retry,
            max_response_bytes: self.max_response_bytes,
        };
        Ok(Client::over(Arc::new(shared), Arc::new(key)))
    }
}

/// The address that all others begin with.
fn base(text: &str) -> Result<Url, BuildError> {
    let url = Url::parse(text).map_err(|_| BuildError::BaseUrl)?;
    let is_plain = ["http", "https"].contains(&url.scheme())
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if is_plain { Ok(url) } else { Err(BuildError::BaseUrl) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(base_url: &str, key: &str) -> Result<Client, BuildError> {
        Client::builder(base_url).key(key).build()
    }

    #[test]
    fn a_client_has_an_address_and_a_key() {
        for base_url in ["http://127.0.0.1:8080", "http://keys.example/", "http://a.example/keys/"]
        {
            assert!(built(base_url, "unst_key").is_ok(), "{base_url}");
        }
        for base_url in [
            "keys.example",
            "ftp://keys.example",
            "http://user:word@keys.example",
            "http://keys.example/?a=b",
            "http://keys.example/#a",
            "unix:/run/keywright",
        ] {
            assert_eq!(built(base_url, "unst_key").unwrap_err(), BuildError::BaseUrl, "{base_url}");
        }
        assert_eq!(built("http://keys.example", "no key").unwrap_err(), BuildError::Key);
        let keyless = Client::builder("http://keys.example").build();
        assert_eq!(keyless.unwrap_err(), BuildError::Key);
    }

    #[test]
    fn https_goes_with_its_feature() {
        let made = built("https://keys.example", "unst_key").map(drop);
        let wanted = if cfg!(feature = "rustls") { Ok(()) } else { Err(BuildError::WithoutTls) };
        assert_eq!(made, wanted);
    }

    #[test]
    fn neither_client_nor_builder_prints_the_key() {
        let builder = Client::builder("http://keys.example").key("unst_not-to-be-seen");
        let printed = format!("{builder:?} {:?}", built("http://a.example", "unst_not-to-be-seen"));
        assert!(!printed.contains("to-be-seen"), "{printed}");
    }
}
