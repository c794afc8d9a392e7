//! From the driver's errors to the ports'. Knows no backend: what a database says when it is away is the dialects' to tell.

use std::{convert::Infallible, error::Error as StdError};

use access_domain::{ChangeError, StoreError};
use diesel::result::{DatabaseErrorKind, Error};

/// Why a transaction was not completed: the rule refused, or the database failed.
#[derive(Debug)]
pub(crate) enum Stop<R> {
    Refused(R),
    Failed(Error),
}

impl<R> From<Error> for Stop<R> {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

pub(crate) fn unavailable(
    doing: &'static str,
    source: impl Into<Box<dyn StdError + Send + Sync>>,
) -> StoreError {
    StoreError::Unavailable { doing, source: source.into() }
}

/// `is_away` knows the backend's messages of a database that is away or busy.
pub(crate) fn store_error(
    doing: &'static str,
    error: Error,
    is_away: fn(&str) -> bool,
) -> StoreError {
    if matches!(error, Error::RollbackTransaction) {
        // Diesel never says so by itself; `remember` alone does.
        StoreError::Repeated { doing }
    } else if is_passing(&error, is_away) {
        unavailable(doing, error)
    } else {
        StoreError::Broken { doing, source: error.into() }
    }
}

fn is_passing(error: &Error, is_away: fn(&str) -> bool) -> bool {
    use DatabaseErrorKind::{
        ClosedConnection, ReadOnlyTransaction, SerializationFailure, UnableToSendCommand, Unknown,
    };
    if let Error::RollbackErrorOnCommit { commit_error, .. } = error {
        return is_passing(commit_error, is_away);
    }
    if let Error::DatabaseError(kind, told) = error {
        // Read-only is what a PostgreSQL says that is no longer the primary one.
        return matches!(
            kind,
            ClosedConnection | ReadOnlyTransaction | SerializationFailure | UnableToSendCommand
        ) || matches!(kind, Unknown) && is_away(told.message());
    }
    matches!(error, Error::BrokenTransactionManager)
}

pub(crate) fn change_error<R: StdError>(
    doing: &'static str,
    stop: Stop<R>,
    is_away: fn(&str) -> bool,
) -> ChangeError<R> {
    match stop {
        Stop::Refused(refusal) => ChangeError::Refused(refusal),
        Stop::Failed(error) => ChangeError::Store(store_error(doing, error, is_away)),
    }
}

/// For transactions without a rule.
pub(crate) fn never_refused(error: ChangeError<Infallible>) -> StoreError {
    match error {
        ChangeError::Refused(never) => match never {},
        ChangeError::Store(error) => error,
    }
}
