//! Keywright's HTTP API for Rust programs. Knows nothing of how the server is made; what is sent and read is [`api_types`].
//!
#![doc = include_str!("../README.md")]

mod answer;
mod api_keys;
mod builder;
mod call;
mod client;
mod connection;
mod deployments;
mod error;
mod execution;
#[cfg(feature = "guard")]
mod guard;
mod history;
mod key;
mod organization;
mod pages;
mod platform_keys;
mod request;
mod retry;
mod verification;
mod verifier;
mod workflows;

pub use api_types;
pub use uuid::Uuid;

#[cfg(feature = "guard")]
pub use self::guard::{CheckFailed, OwnerView};
pub use self::{
    api_keys::{ApiKeys, KeyFilter},
    builder::{BuildError, ClientBuilder},
    call::Call,
    client::Client,
    deployments::{DeploymentKeys, Deployments},
    error::{Code, Error, Fault, Problem, TransportError, Unusable},
    execution::{Completed, Deployment},
    history::{Bucket, ExecutionFilter, History, Include, Share, UsageFilter},
    organization::Organization,
    pages::Pages,
    retry::Retry,
    verifier::{Verifier, VerifierBuilder},
    workflows::{ListFilter, Workflows},
};
