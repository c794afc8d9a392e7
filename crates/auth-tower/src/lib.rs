//! A tower layer that lets in who shows a good API key, and answers everybody else as Keywright does.
//!
//! With keys of one's own, in axum:
//!
//! ```
//! use std::{convert::Infallible, time::SystemTime};
//!
//! use auth_tower::{CheckedKey, Checker, Digest, KeyLayer, KeyStore, KnownKey, Pepper};
//! use axum::{Extension, Router, routing::get};
//!
//! #[derive(Clone)]
//! struct Customer(String);
//! struct Table; // what you keep keys in
//!
//! impl KeyStore for Table {
//!     type Owner = Customer;
//!     type Error = Infallible;
//!     async fn find(&self, digest: &Digest) -> Result<Option<KnownKey<Customer>>, Infallible> {
//!         Ok(None) // SELECT … WHERE digest = $1
//!     }
//! }
//!
//! async fn orders(Extension(key): Extension<CheckedKey<Customer>>) -> String {
//!     format!("the orders of {}", key.owner.0)
//! }
//!
//! let pepper = Pepper::new(b"thirty-two random bytes or more, from a file")?;
//! let keys = Checker::new(Table, pepper, || SystemTime::now().into());
//! let app: Router = Router::new()
//!     .route("/orders", get(orders))
//!     .layer(KeyLayer::new(keys).scope("orders:read".parse()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A key is taken from `Authorization: Bearer`, `Authorization: Api-Key` or `Api-Key`. Refusals are
//! problem documents (RFC 9457) with the codes of Keywright's API, `WWW-Authenticate` and
//! `Retry-After`; what is let in finds its [`CheckedKey`] among the request's extensions, and its
//! answer tells the key's limit. When nobody can say what a key is worth, the answer is 503: never
//! 401, and never that of the service.
//!
//! Put the layer within one that answers CORS preflights, which carry no key.

mod layer;
mod service;

/// With the feature `remote`: a server's verdicts, remembered until it says that they have changed.
#[cfg(feature = "remote")]
pub use client_rust::{Client, OwnerView, Retry, Verifier};
pub use keys_core::{
    CheckedKey, Checker, Digest, Key, KeyCheck, KeyId, KeyStore, KnownKey, Pepper, Peppers, Scope,
};

pub use self::{layer::KeyLayer, service::KeyService};

/// The examples of the page for embedders are tests.
#[cfg(all(doctest, feature = "remote"))]
#[doc = include_str!("../../../docs/EMBEDDING.md")]
mod embedding {}
