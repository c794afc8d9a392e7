//! Deployed workflows as tools for agents, over the Model Context Protocol (Streamable HTTP, without sessions).
//!
//! An edge like the others: the same callers, limits and use cases, and no rule beside them. [`configure`] puts it into a
//! server; `door.rs` is what happens before the protocol, `agent.rs` what happens within it.

mod agent;
mod call;
mod door;
mod host;
mod message;
mod own_tools;
mod progress;
mod relay;
mod told;

pub use self::door::{Mcp, Settings, configure};

/// First segments of this edge's own addresses.
pub const ADDRESSES: [&str; 1] = ["mcp"];

/// What whoever logs must leave out, as a directive of a filter. The SDK logs each message whole, and what a workflow is given
/// and puts out is nobody's business; what is worth knowing of a call is logged here.
pub const NOT_LOGGED: &str = "rmcp=off";
