//! Calls other services: the only crate that does so for callers. Every address is checked after
//! its name was resolved and before anything is sent, on each redirect anew, and the address that was
//! checked is the one that is connected to.
//!
//! Must not know who calls, or why. Bodies and headers are never logged.

mod address;
mod chat;
mod client;
mod ends;
mod error;
mod notices;
mod policy;
mod redirect;
#[cfg(test)]
mod server;

pub use self::{
    chat::{ChatModel, ChatModelConfig},
    client::{HttpAnswer, HttpCall, HttpClient, HttpStream},
    ends::{
        EndError, Ends, MAX_RECORD_BYTES, Mark, Outcome, OutcomeSink, Record, RecordSource, RunName,
    },
    error::OutboundError,
    notices::{
        Dispatcher, DispatcherConfig, DispatcherPorts, InvalidMailConfig, MailConfig, MailTls,
        Mailer,
    },
    policy::{NetworkPolicy, Resolve, Resolving, SystemResolver},
};
