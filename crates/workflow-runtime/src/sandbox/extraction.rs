//! The parent's side of documents: hands one to a child, and waits for its text.

use tokio::time::Instant;

use super::{
    Sandbox, SandboxError,
    pool::{Call, Places},
    protocol::{self, Announced, DocumentFormat, Request},
};

/// Why a document has no text. What it displays may be told to callers.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It was still being read at the deadline.
    #[error("the text was not extracted in time")]
    TimedOut,
    /// Reading it took its process down.
    #[error("reading the file takes more memory or stack than it may")]
    Died,
    /// It is larger than what is read.
    #[error("the file has more than {limit} bytes, the most that text is extracted from")]
    TooLarge {
        /// The bound.
        limit: usize,
    },
    /// It cannot be read, or its text is too large.
    #[error("{0}")]
    Refused(String),
    /// No child could be had: the server's fault, not the document's.
    #[error("the text could not be extracted")]
    Unavailable(#[source] SandboxError),
}

impl Sandbox {
    /// The largest document that is read, in bytes.
    pub(crate) fn largest_document(&self) -> usize {
        self.pool.config.max_document_bytes
    }

    /// The text of a document, read in a child of its own. Dropping the future kills the child.
    ///
    /// # Errors
    /// Why there is no text.
    pub async fn extract(
        &self,
        format: DocumentFormat,
        content: &[u8],
        deadline: Instant,
    ) -> Result<String, DocumentError> {
        let limit = self.pool.config.max_document_bytes;
        if content.len() > limit {
            return Err(DocumentError::TooLarge { limit });
        }
        let bytes = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let asked = Request::<()>::Extract(Announced { format, bytes });
        let mut request = protocol::line(&asked, usize::MAX).unwrap_or_default();
        request.reserve_exact(content.len());
        request.extend_from_slice(content);
        let call = Call { request, deadline, patience: None, places: Places::Documents };
        match self.ask::<String>(call).await.unwrap_or_else(|_| Err(super::shut_down())) {
            Ok((text, _)) => Ok(text),
            Err(SandboxError::TimedOut | SandboxError::Busy) => Err(DocumentError::TimedOut),
            Err(SandboxError::Died) => Err(DocumentError::Died),
            Err(SandboxError::Refused(why)) => Err(DocumentError::Refused(why)),
            Err(error @ SandboxError::Unavailable(_)) => Err(DocumentError::Unavailable(error)),
        }
    }
}
