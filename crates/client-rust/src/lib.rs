//! Keywright's HTTP API for Rust programs: keys, deployments, executions and verification.
//!
//! Knows nothing of how the server is made; what it sends and reads is [`api_types`].
