//! What every adapter of the storage ports does, one behaviour to a function. A new adapter, a fake too, runs them all.
//!
//! The functions know the ports and nothing behind them; they fail by a panic, as tests do.
#![expect(missing_docs, reason = "the name of a behaviour is a sentence that says it all")]

mod given;

pub mod audit;
pub mod audit_chain;
pub mod deliveries;
pub mod deployments;
pub mod executions;
pub mod files;
pub mod history;
pub mod idempotency;
pub mod imports;
pub mod key_feed;
pub mod key_lookup;
pub mod managed_keys;
pub mod members;
pub mod nodes;
pub mod notices;
pub mod organizations;
pub mod platform_keys;
pub mod queue;
pub mod schedules;
pub mod secrets;
pub mod sessions;
pub mod sharing;
pub mod usage;
pub mod uses;
pub mod webhooks;
pub mod workflows;

pub use self::given::{Given, at_once};
