//! The REST edge: parse, call one use case, render. No rule, no SQL.
//!
//! [`routes`] is the table of contents; [`app`] frames it with request ids, problem documents and
//! the documentation.

mod app;
mod body;
mod call_input;
mod csv;
mod deployment_docs;
mod docs;
mod form;
mod forward_auth;
mod imports;
mod invitation_page;
mod key_feed;
mod keys;
mod media_type;
mod metrics_door;
mod openapi;
mod parameters;
mod request_metrics;
mod result;
mod routes;
mod static_page;
mod unstract;
mod unstract_list;
mod verification;
mod wait;

pub use self::{
    app::{App, Ports, Readiness, Settings, Uploads, app},
    metrics_door::MetricsDoor,
    openapi::openapi,
    routes::{METRICS_TYPE, routes},
};
pub use auth_actix::{Follower, KeyCacheConfig, KeyEpochs, LogInSettings, Moment};
