//! What tests of several crates need: throw-away databases, a clock that stands still, and the contract suites that every
//! adapter passes. A dependency of tests alone.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "only tests call this, and a panic is how a test fails"
)]

pub mod answer;
pub mod app;
pub mod browser;
pub mod canary;
pub mod clock;
pub mod cluster;
pub mod contract;
mod counted;
pub mod databases;
pub mod model_server;
pub mod python;
mod python_server;
pub mod redis_server;
pub mod smtp_server;
pub mod webhook_receiver;
