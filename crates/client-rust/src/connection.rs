//! Connections: HTTP/1.1, kept for the next request; no redirects, no cookies, no proxies, nothing unpacked.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use crate::BuildError;

const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const KEEPALIVE: Duration = Duration::from_secs(60);

#[cfg(feature = "rustls")]
type Connector = hyper_rustls::HttpsConnector<HttpConnector>;
#[cfg(not(feature = "rustls"))]
type Connector = HttpConnector;

/// Cloning shares the connections.
pub(crate) type Connections = Client<Connector, Full<Bytes>>;

/// Nothing is connected yet.
pub(crate) fn open(
    connect_timeout: Duration,
    is_tls: bool,
    root_certificates: &[Vec<u8>],
) -> Result<Connections, BuildError> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_connect_timeout(Some(connect_timeout));
    http.set_keepalive(Some(KEEPALIVE));
    http.set_nodelay(true);
    let connector = connector(http, is_tls, root_certificates)?;
    let mut client = Client::builder(TokioExecutor::new());
    client.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE_TIMEOUT);
    Ok(client.build(connector))
}

#[cfg(not(feature = "rustls"))]
fn connector(http: HttpConnector, is_tls: bool, _: &[Vec<u8>]) -> Result<Connector, BuildError> {
    if is_tls { Err(BuildError::WithoutTls) } else { Ok(http) }
}

#[cfg(feature = "rustls")]
fn connector(
    http: HttpConnector,
    is_tls: bool,
    root_certificates: &[Vec<u8>],
) -> Result<Connector, BuildError> {
    use std::sync::Arc;

    use hyper_rustls::HttpsConnectorBuilder;
    use rustls::{ClientConfig, RootCertStore, crypto::ring};

    let mut roots = RootCertStore::empty();
    if is_tls {
        // What of the machine's cannot be read is not trusted; without any, handshakes fail and say why.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    for pem in root_certificates {
        trust(&mut roots, pem)?;
    }
    // Not the process's default provider: that is not ours to set, or to depend on.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| BuildError::WithoutTls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
    Ok(connector.enable_http1().wrap_connector(http))
}

/// Every certificate of `pem`, of which there must be one.
#[cfg(feature = "rustls")]
fn trust(roots: &mut rustls::RootCertStore, pem: &[u8]) -> Result<(), BuildError> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};

    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| BuildError::RootCertificate)?;
        roots.add(certificate).map_err(|_| BuildError::RootCertificate)?;
        count += 1;
    }
    if count == 0 { Err(BuildError::RootCertificate) } else { Ok(()) }
}
