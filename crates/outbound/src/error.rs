//! Why a call came to nothing, in words that its author may read: none of them tells what the network
//! looks like from here.

use std::{error::Error, sync::Arc};

/// What a call failed for. `Display` may be told to whoever asked for the call; the source may not.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OutboundError {
    /// The address is none that can be called.
    #[error("the address must be an http:// or https:// URL without a user name or password")]
    InvalidUrl,
    /// No such method.
    #[error("the method must be one of GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS")]
    InvalidMethod,
    /// A header that is no header, or that only the client may set.
    #[error("the header {name:?} cannot be sent")]
    InvalidHeader {
        /// Its name.
        name: String,
    },
    /// The address is not globally routable, and the operator did not allow it.
    #[error("{host} is not an address that workflows may call")]
    Forbidden {
        /// The address as it was written, or the name that led to it.
        host: String,
    },
    /// The name leads nowhere.
    #[error("the name {host} cannot be resolved")]
    Unresolved {
        /// The name.
        host: String,
        /// Why.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// Nobody answers there, or not as whoever is meant.
    #[error("{host} cannot be reached")]
    Unreachable {
        /// Who was called.
        host: String,
        /// Why.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The certificate is not good, or no secure connection came about.
    #[error("no secure connection to {host} can be made")]
    Insecure {
        /// Who was called.
        host: String,
        /// Why.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The time was over before the answer was there.
    #[error("{host} did not answer in time")]
    TimedOut {
        /// Who was called.
        host: String,
    },
    /// The answer broke off, or is no HTTP.
    #[error("the answer of {host} broke off")]
    Broken {
        /// Who was called.
        host: String,
        /// Why.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The answer is larger than it may be.
    #[error("the answer of {host} has more than {max_bytes} bytes")]
    TooLarge {
        /// Who was called.
        host: String,
        /// How many bytes were allowed.
        max_bytes: usize,
    },
    /// It went on and on.
    #[error("more than {max} redirects were answered")]
    TooManyRedirects {
        /// How many were allowed.
        max: usize,
    },
    /// A redirect that cannot be followed: to no address, or from https to http.
    #[error("{host} redirects to an address that cannot be followed")]
    InvalidRedirect {
        /// Who was called.
        host: String,
    },
}

impl OutboundError {
    /// Whether the same call may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unresolved { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Broken { .. } => true,
            Self::InvalidUrl
            | Self::InvalidMethod
            | Self::InvalidHeader { .. }
            | Self::Forbidden { .. }
            | Self::Insecure { .. }
            | Self::TooLarge { .. }
            | Self::TooManyRedirects { .. }
            | Self::InvalidRedirect { .. } => false,
        }
    }
}
