//! The SDK against servers that misbehave: what it sends again, what it does not, and what it never lets out.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says what it saw"
)]

mod bounds;
mod retries;
mod scripted;
mod verifier;
