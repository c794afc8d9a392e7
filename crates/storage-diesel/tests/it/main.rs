//! The contract suites on both databases, and what only this crate can promise of itself.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a panic is how a test fails")]

mod constraints;
mod contract;
mod deep_queue;
mod key_changes;
mod listening;
mod migrations;
mod opening;
mod payload;
mod raw;
mod tampering;
mod transfer;
