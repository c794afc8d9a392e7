//! Where may be called: the public Internet, and the networks that the operator allows.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use keys_core::Network;

use crate::{
    OutboundError,
    address::{is_global, meant},
};

/// Finds the addresses of names.
pub trait Resolve: Send + Sync {
    /// Every address of `host`, which is a name or a literal address.
    fn resolve(&self, host: &str) -> Resolving;
}

/// What a [`Resolve`] promises.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// As the machine resolves names: its hosts file, then whom it asks.
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> Resolving {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Which addresses may be connected to.
#[derive(Clone)]
pub struct NetworkPolicy {
    reach: Reach,
    resolver: Arc<dyn Resolve>,
}

#[derive(Clone)]
enum Reach {
    /// What strangers write may lead to the public Internet, and to these networks.
    Guarded(Arc<[Network]>),
    /// The operator wrote it.
    Anywhere,
}

impl NetworkPolicy {
    /// For addresses that callers choose: the public Internet and the networks in `allowed`.
    pub fn guarded(allowed: Vec<Network>) -> Self {
        Self { reach: Reach::Guarded(allowed.into()), resolver: Arc::new(SystemResolver) }
    }

    /// For addresses that the operator wrote, which may be anywhere. Whoever calls by it follows no
    /// redirects: they come from whoever answers.
    pub fn anywhere() -> Self {
        Self { reach: Reach::Anywhere, resolver: Arc::new(SystemResolver) }
    }

    /// The same with names resolved by `resolver`.
    #[must_use]
    pub fn with_resolver(self, resolver: Arc<dyn Resolve>) -> Self {
        Self { resolver, ..self }
    }

    /// Whether `address` may be connected to. One that stands for another (IPv4 within IPv6) is
    /// allowed where that is.
    pub fn permits(&self, address: IpAddr) -> bool {
        match &self.reach {
            Reach::Anywhere => true,
            Reach::Guarded(allowed) => {
                let may = |network: &Network| {
                    network.contains(address) || network.contains(meant(address))
                };
                is_global(address) || allowed.iter().any(may)
            }
        }
    }

    pub(crate) fn follows_redirects(&self) -> bool {
        match self.reach {
            Reach::Guarded(_) => true,
            Reach::Anywhere => false,
        }
    }

    /// Where `host` (a name, or an address, one of IPv6 with or without brackets) may be connected to
    /// at `port`. Connect to what is returned and to nothing else: asked again, the name may lead
    /// elsewhere.
    ///
    /// # Errors
    /// When the name cannot be resolved, or leads only to what may not be called.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, OutboundError> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let found = match bare.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.resolver.resolve(bare).await.map_err(|error| unresolved(host, error))?,
        };
        if found.is_empty() {
            return Err(unresolved(host, io::ErrorKind::NotFound.into()));
        }
        let may = found.into_iter().filter(|address| self.permits(*address));
        let addresses: Vec<_> = may.map(|address| SocketAddr::new(address, port)).collect();
        if addresses.is_empty() {
            return Err(OutboundError::Forbidden { host: host.to_owned() });
        }
        Ok(addresses)
    }
}

fn unresolved(host: &str, error: io::Error) -> OutboundError {
    OutboundError::Unresolved { host: host.to_owned(), source: Arc::new(error) }
}

impl fmt::Debug for NetworkPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reach {
            Reach::Guarded(allowed) => f.debug_tuple("Guarded").field(allowed).finish(),
            Reach::Anywhere => f.write_str("Anywhere"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(allowed: &[&str], address: &str) -> bool {
        let allowed = allowed.iter().map(|network| network.parse().unwrap()).collect();
        NetworkPolicy::guarded(allowed).permits(address.parse().unwrap())
    }

    #[test]
    fn an_allowed_network_opens_itself_and_nothing_else() {
        assert!(!permits(&[], "10.1.2.3"));
        assert!(permits(&["10.1.0.0/16"], "10.1.2.3"));
        assert!(!permits(&["10.1.0.0/16"], "10.2.0.1"));
        assert!(permits(&["10.1.0.0/16"], "::ffff:10.1.2.3"));
        assert!(permits(&["10.1.0.0/16"], "64:ff9b::10.1.2.3"));
        assert!(!permits(&["0.0.0.0/0"], "::1"));
        assert!(permits(&["fd00::/8"], "fd00::1"));
        assert!(permits(&["10.1.0.0/16"], "8.8.8.8"));
    }

    #[tokio::test]
    async fn names_are_judged_by_where_they_lead() {
        let policy = NetworkPolicy::guarded(Vec::new());
        let refused = policy.resolve("localhost", 80).await.unwrap_err();
        let told = "localhost is not an address that workflows may call";
        assert_eq!(refused.to_string(), told);
        let refused = policy.resolve("[::1]", 80).await.unwrap_err();
        assert_eq!(refused.to_string(), "[::1] is not an address that workflows may call");
        // What the C library takes for an address, and the standard library does not.
        for odd in ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "localhost."] {
            assert!(policy.resolve(odd, 80).await.is_err(), "{odd}");
        }
        let open = policy.resolve("8.8.8.8", 53).await.unwrap();
        assert_eq!(open, ["8.8.8.8:53".parse().unwrap()]);
        let operator = NetworkPolicy::anywhere().resolve("127.0.0.1", 1).await.unwrap();
        assert_eq!(operator, ["127.0.0.1:1".parse().unwrap()]);
    }
}
