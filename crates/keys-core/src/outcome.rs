//! The answer of a port that may have to wait.

use std::pin::Pin;

/// What memory answers at once, and anything slower answers later. Only an edge awaits.
pub enum Outcome<T> {
    /// Known already: no future is made, nothing is scheduled.
    Ready(T),
    /// To be awaited.
    Later(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<T> Outcome<T> {
    /// The answer, waited for if it must be.
    pub async fn wait(self) -> T {
        match self {
            Self::Ready(value) => value,
            Self::Later(future) => future.await,
        }
    }
}

impl<T: 'static> Outcome<T> {
    /// What `change` makes of the answer.
    pub fn map<U>(self, change: impl FnOnce(T) -> U + Send + 'static) -> Outcome<U> {
        match self {
            Self::Ready(value) => Outcome::Ready(change(value)),
            Self::Later(future) => Outcome::Later(Box::pin(async { change(future.await) })),
        }
    }
}
