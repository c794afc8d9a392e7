//! For services of others: lets in who shows a good key, of a store of theirs or of a Keywright
//! server. Knows nothing of Keywright's own callers.

use std::{
    future::{Ready, ready},
    net::IpAddr,
    pin::Pin,
    rc::Rc,
    sync::Arc,
};

use actix_web::{
    Error, HttpMessage as _,
    body::{EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::header::{self, HeaderName, HeaderValue},
};
use api_types::{Admission, Guard, sane_request_id};
use keys_core::{KeyCheck, Presented, Scope};

use crate::ApiError;

const API_KEY: HeaderName = HeaderName::from_static("api-key");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Where a request comes from, as the service knows it.
type AddressOf = Arc<dyn Fn(&ServiceRequest) -> Option<IpAddr> + Send + Sync>;

/// Middleware for an actix-web service that lets in requests with a good key, and answers everybody
/// else by a problem document with the codes of Keywright's API.
///
/// What is let in finds its [`CheckedKey`](keys_core::CheckedKey) by
/// [`ReqData`](actix_web::web::ReqData), and its answer tells the key's limit. When nobody can say
/// what a key is worth, the answer is 503: never 401, and never that of the service. A clone asks the
/// same keys and spends the same limits, so make one and clone it into each worker's app.
///
/// ```
/// use std::{convert::Infallible, time::SystemTime};
///
/// use actix_web::{App, web};
/// use auth_actix::KeyGuard;
/// use keys_core::{CheckedKey, Checker, Digest, KeyStore, KnownKey, Pepper};
///
/// #[derive(Clone)]
/// struct Customer(String);
/// struct Table; // what you keep keys in
///
/// impl KeyStore for Table {
///     type Owner = Customer;
///     type Error = Infallible;
///     async fn find(&self, digest: &Digest) -> Result<Option<KnownKey<Customer>>, Infallible> {
///         Ok(None) // SELECT … WHERE digest = $1
///     }
/// }
///
/// async fn orders(key: web::ReqData<CheckedKey<Customer>>) -> String {
///     format!("the orders of {}", key.owner.0)
/// }
///
/// let pepper = Pepper::new(b"thirty-two random bytes or more, from a file")?;
/// let keys = Checker::new(Table, pepper, || SystemTime::now().into());
/// let guard = KeyGuard::new(keys).scope("orders:read".parse()?);
/// let app = App::new().wrap(guard.clone()).route("/orders", web::get().to(orders));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct KeyGuard<C> {
    guard: Guard<C>,
    address: AddressOf,
}

impl<C: KeyCheck> KeyGuard<C> {
    /// Lets in who shows any good key of these.
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
    /// Without a reverse proxy it is the peer's: `|request| request.peer_addr().map(|peer| peer.ip())`.
    /// Behind one the peer is the proxy; take `X-Forwarded-For` only from a proxy of yours, for anybody
    /// may send it.
    #[must_use]
    pub fn address(
        self,
        address: impl Fn(&ServiceRequest) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        Self { address: Arc::new(address), ..self }
    }
}

impl<C> Clone for KeyGuard<C> {
    fn clone(&self) -> Self {
        Self { guard: self.guard.clone(), address: Arc::clone(&self.address) }
    }
}

impl<S, C, B> Transform<S, ServiceRequest> for KeyGuard<C>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    C: KeyCheck + 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = Guarded<S, C>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(Guarded { inner: Rc::new(inner), door: self.clone() }))
    }
}

/// A service that is called for requests with a good key only; [`KeyGuard`] makes it.
pub struct Guarded<S, C> {
    inner: Rc<S>,
    door: KeyGuard<C>,
}

impl<S, C, B> Service<ServiceRequest> for Guarded<S, C>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    C: KeyCheck + 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (inner, door) = (Rc::clone(&self.inner), self.door.clone());
        Box::pin(async move {
            let Admission { key, headers } = admit(&door, &request).await;
            let mut response = match key {
                Ok(key) => {
                    request.extensions_mut().insert(key);
                    inner.call(request).await?.map_into_left_body()
                }
                Err(refusal) => refuse(refusal.into(), request).map_into_right_body(),
            };
            for (name, value) in headers {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    response.headers_mut().insert(HeaderName::from_static(name), value);
                }
            }
            Ok(response)
        })
    }
}

async fn admit<C: KeyCheck>(door: &KeyGuard<C>, request: &ServiceRequest) -> Admission<C::Owner> {
    let values = |name| request.headers().get_all(name).map(HeaderValue::as_bytes);
    let presented = Presented::read(values(header::AUTHORIZATION), values(API_KEY));
    door.guard.admit(presented, (door.address)(request)).await
}

fn refuse(refusal: ApiError, request: ServiceRequest) -> ServiceResponse {
    if let Some(source) = std::error::Error::source(&refusal) {
        tracing::error!(error = source, "nobody can say what a key is worth");
    }
    let sent = request.headers().get(REQUEST_ID);
    let id = sent.and_then(|value| sane_request_id(value.as_bytes())).unwrap_or_default();
    let response = refusal.document(id);
    request.into_response(response)
}
