//! What is asked of requests, put around any service.

use std::{net::IpAddr, sync::Arc};

use api_types::Guard;
use http::request::Parts;
use keys_core::{KeyCheck, Scope};
use tower_layer::Layer;

use crate::KeyService;

/// Where a request comes from, as the service knows it.
pub(crate) type AddressOf = Arc<dyn Fn(&Parts) -> Option<IpAddr> + Send + Sync>;

/// Lets in requests with a good key. A clone asks the same keys and spends the same limits, so that
/// each route may ask for scopes of its own.
pub struct KeyLayer<C> {
    guard: Guard<C>,
    address: AddressOf,
}

impl<C: KeyCheck> KeyLayer<C> {
    /// A layer that lets in who shows any good key of these.
    pub fn new(keys: C) -> Self {
        Self { guard: Guard::new(keys), address: Arc::new(|_| None) }
    }

    /// The same, for keys that have this scope as well.
    #[must_use]
    pub fn scope(self, scope: Scope) -> Self {
        Self { guard: self.guard.scope(scope), ..self }
    }

    /// The same, where a request costs so many calls of the key's limit; one, unless this is said.
    /// What costs nothing is never refused by the limit; a server takes at most 1000.
    #[must_use]
    pub fn cost(self, cost: u32) -> Self {
        Self { guard: self.guard.cost(cost), ..self }
    }

    /// The same, where requests come from the address that `address` says. Unless this is said, it is
    /// not known, and keys that may be used from some addresses only are refused.
    ///
    /// Behind a reverse proxy the peer is the proxy; take `X-Forwarded-For` only from a proxy of
    /// yours, for anybody may send it.
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// use auth_tower::{KeyCheck, KeyLayer};
    /// use axum::extract::ConnectInfo;
    ///
    /// fn by_peer<C: KeyCheck>(layer: KeyLayer<C>) -> KeyLayer<C> {
    ///     layer.address(|request| {
    ///         let peer = request.extensions.get::<ConnectInfo<SocketAddr>>();
    ///         peer.map(|peer| peer.0.ip())
    ///     })
    /// }
    /// ```
    #[must_use]
    pub fn address(
        self,
        address: impl Fn(&Parts) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        Self { address: Arc::new(address), ..self }
    }
}

impl<C> Clone for KeyLayer<C> {
    fn clone(&self) -> Self {
        Self { guard: self.guard.clone(), address: Arc::clone(&self.address) }
    }
}

impl<S, C> Layer<S> for KeyLayer<C> {
    type Service = KeyService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        KeyService::new(inner, self.guard.clone(), Arc::clone(&self.address))
    }
}
