//! The REST edge: parse, call one use case, render. No rule, no SQL.
//!
//! [`routes`] is the table of contents; [`app`] frames it with request ids, problem documents and
//! the documentation.

mod app;
mod body;
mod csv;
mod deployment_docs;
mod docs;
mod error;
mod forward_auth;
mod imports;
mod keys;
mod metrics_door;
mod openapi;
mod parameters;
mod request_metrics;
mod result;
mod routes;
mod verification;
mod wait;

pub use self::{
    app::{App, Ports, Settings, app},
    metrics_door::MetricsDoor,
    openapi::openapi,
    routes::{METRICS_TYPE, routes},
};
pub use auth_actix::{KeyCacheConfig, KeyEpochs};
