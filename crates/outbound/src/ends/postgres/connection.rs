//! A connection to somebody's PostgreSQL.

use std::{
    io,
    pin::Pin,
    str::FromStr as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    task::AbortHandle,
    time::timeout,
};
use tokio_postgres::{
    Client, Config, Error,
    config::{Host, SslMode},
    tls::MakeTlsConnect,
};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

use super::super::EndError;
use crate::{NetworkPolicy, client::tls};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For one statement, or the next rows of one.
const STATEMENT_SECONDS: u64 = 60;
const DEFAULT_PORT: u16 = 5432;
/// What a server may send in answer to one thing that it is asked: a row has 8 MiB at most, and what
/// comes before it is read ahead.
const ALLOWANCE_BYTES: usize = 64 << 20;

/// Tables that stand in Keywright's own database and, side by side, in no other.
const OWN_TABLES: &str = "SELECT count(DISTINCT relname) = 3 FROM pg_catalog.pg_class WHERE relname IN ('__diesel_schema_migrations', 'workflow_versions', 'execution_steps')";

/// A connection, which ends when this is dropped.
pub(in crate::ends) struct Connected {
    pub(super) client: Client,
    allowance: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Connected {
    /// Lets the server send as much again.
    pub(super) fn allow_one_more(&self) {
        self.allowance.store(ALLOWANCE_BYTES, Ordering::Relaxed);
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connects to the PostgreSQL at `url`, which a definition had; `secret` is the password.
pub(in crate::ends) async fn connect(
    policy: &NetworkPolicy,
    own: Option<&str>,
    url: &str,
    secret: Option<&str>,
) -> Result<Connected, EndError> {
    let target = Target::read(url)?;
    let addresses = policy
        .resolve(&target.host, target.port)
        .await
        .map_err(|error| EndError::because(error.to_string(), error))?;
    if let Some(own) = own
        && target.is_own(own, &addresses).await
    {
        return Err(refused_as_own());
    }
    let mut stream = None;
    for address in addresses {
        if let Ok(Ok(connected)) = timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            stream = Some(connected);
            break;
        }
    }
    let host = &target.host;
    let stream = stream.ok_or_else(|| EndError::new(format!("{host} cannot be reached")))?;
    let allowance = Arc::new(AtomicUsize::new(ALLOWANCE_BYTES));
    let stream = Metered { stream, allowance: Arc::clone(&allowance) };
    let mut tls = MakeRustlsConnect::new(tls());
    let tls = MakeTlsConnect::<Metered>::make_tls_connect(&mut tls, host)
        .map_err(|error| EndError::because(format!("{host} is no name for TLS"), error))?;
    let config = target.config(secret);
    let connected = timeout(CONNECT_TIMEOUT, config.connect_raw(stream, tls)).await;
    let connected =
        connected.map_err(|_| EndError::new(format!("{host} did not answer in time")))?;
    let (client, connection) =
        connected.map_err(|error| told(&format!("no connection to {host} was made"), error))?;
    let task = tokio::spawn(async move {
        // Whoever asks something of it hears of its end.
        let _ended = connection.await;
    });
    let connected = Connected { client, allowance, task: task.abort_handle() };
    let set = format!(
        "SET statement_timeout = '{STATEMENT_SECONDS}s'; SET client_encoding = 'UTF8'; SET timezone = 'UTC'"
    );
    let prepared = async {
        connected.client.batch_execute(&set).await?;
        connected.client.query_one(OWN_TABLES, &[]).await
    };
    let found = within_time(prepared).await?;
    let found = found.map_err(|error| told(&format!("{host} cannot be used"), error))?;
    if found.try_get(0).unwrap_or(true) {
        return Err(refused_as_own());
    }
    Ok(connected)
}

fn refused_as_own() -> EndError {
    EndError::new("this is Keywright's own database, which no workflow may read or write")
}

/// What an address names.
struct Target {
    host: String,
    port: u16,
    user: String,
    database: String,
    ssl_mode: SslMode,
}

impl Target {
    fn read(url: &str) -> Result<Self, EndError> {
        let url = Url::parse(url)
            .map_err(|error| EndError::because("the address is none of a PostgreSQL", error))?;
        let plain = |text: &str| {
            percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
        };
        let ssl_mode = url.query_pairs().find(|(name, _)| name == "sslmode");
        let ssl_mode = match ssl_mode.as_ref().map(|(_, mode)| &**mode) {
            Some("disable") => SslMode::Disable,
            Some("require") => SslMode::Require,
            Some(_) | None => SslMode::Prefer,
        };
        Ok(Self {
            host: plain(url.host_str().unwrap_or_default()),
            port: url.port().unwrap_or(DEFAULT_PORT),
            user: plain(url.username()),
            database: plain(url.path().trim_start_matches('/')),
            ssl_mode,
        })
    }

    fn config(&self, password: Option<&str>) -> Config {
        let mut config = Config::new();
        config
            .user(&self.user)
            .dbname(&self.database)
            .application_name("keywright")
            .ssl_mode(self.ssl_mode);
        if let Some(password) = password {
            config.password(password);
        }
        config
    }

    /// Whether this is the database at `own`, by where it is and what it is called. One that is
    /// reached in some other way is known by its tables, once connected to.
    async fn is_own(&self, own: &str, addresses: &[std::net::SocketAddr]) -> bool {
        let Ok(own) = Config::from_str(own) else { return false };
        let user = own.get_user().unwrap_or_default();
        if own.get_dbname().unwrap_or(user) != self.database {
            return false;
        }
        let operator = NetworkPolicy::anywhere();
        for (at, host) in own.get_hosts().iter().enumerate() {
            let Host::Tcp(host) = host else { continue };
            let ports = own.get_ports();
            let port = ports.get(at).or(ports.first()).copied().unwrap_or(DEFAULT_PORT);
            let Ok(found) = operator.resolve(host, port).await else { continue };
            if found.iter().any(|address| addresses.contains(address)) {
                return true;
            }
        }
        false
    }
}

/// What the server says of an error, or that it said nothing.
pub(super) fn told(what: &str, error: Error) -> EndError {
    let reason = match error.as_db_error() {
        Some(refused) => format!("{what}: {}", refused.message()),
        None => what.to_owned(),
    };
    EndError::because(reason, error)
}

/// The server has a time-out for statements; this one is for servers that are away.
pub(super) async fn within_time<T>(asked: impl Future<Output = T>) -> Result<T, EndError> {
    let late = |_| EndError::new("the database did not answer in time");
    timeout(Duration::from_secs(STATEMENT_SECONDS + 5), asked).await.map_err(late)
}

/// A stream that breaks when the other side sends more than it is allowed to: a message of the
/// protocol is kept until it is whole, and may claim to be gigabytes.
struct Metered {
    stream: TcpStream,
    allowance: Arc<AtomicUsize>,
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let read = buf.filled().len().saturating_sub(before);
        let left = self.allowance.load(Ordering::Relaxed);
        if read > left {
            return Poll::Ready(Err(io::Error::other("the server sends more than it may")));
        }
        self.allowance.fetch_sub(read, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
