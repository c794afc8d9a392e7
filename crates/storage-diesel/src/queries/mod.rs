//! Every query, once. These files are compiled into each dialect: `super` is SQLite's in one and PostgreSQL's in the other,
//! and what is taken from it is all that differs. None of them names a backend.
//!
//! Rows are locked in the order organization, workflow, deployment, key, execution. Whoever locks against that order says why
//! nobody can come to meet it.

use std::convert::Infallible;

use access_domain::{ChangeError, OrganizationId, StoreError, Visibility};
use diesel::QueryResult;

use super::{Conn, Store};
use crate::error::{Stop, never_refused};

/// The condition for undeleted rows in the part of an organization that the caller may see.
macro_rules! visible {
    ($table:ident, $organization:expr, $visibility:expr) => {{
        let (everybodys, maker) = super::reach($visibility);
        $table::organization_id
            .eq(codec::id($organization))
            .and($table::deleted_at.is_null())
            .and(everybodys.into_sql::<Bool>().or($table::created_by.eq(maker)))
    }};
}

mod audit;
mod claims;
mod deliveries;
mod deployments;
mod events;
mod executions;
mod files;
mod history;
mod idempotency;
mod imports;
mod key_lookup;
mod lease;
mod managed_keys;
mod notices;
mod organizations;
mod platform_keys;
mod queue_depth;
mod records;
mod retention;
mod schedules;
mod secrets;
mod server;
mod sessions;
mod usage;
mod webhooks;
mod workflows;

impl Store {
    /// A transaction that no rule can refuse.
    fn save<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Conn) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        self.change::<T, Infallible>(doing, |conn| work(conn).map_err(Stop::Failed))
            .map_err(never_refused)
    }

    /// A change of whatever decides on the organization's keys: the keys themselves, what they stand on, who owns them. Every
    /// write to a table that [`KeyLookup::find_keys`] reads goes through here, or says why it need not; a test holds it.
    ///
    /// [`KeyLookup::find_keys`]: access_domain::KeyLookup::find_keys
    fn change_keys<T, R: std::error::Error>(
        &self,
        organization: OrganizationId,
        doing: &'static str,
        work: impl FnOnce(&mut Conn) -> Result<T, Stop<R>>,
    ) -> Result<T, ChangeError<R>> {
        let changed = self.change(doing, work);
        // After a failure as well: a commit may stand although the answer to it was lost.
        if !matches!(changed, Err(ChangeError::Refused(_))) {
            self.changes.raise(organization);
        }
        changed
    }

    /// The same for a change that no rule can refuse.
    fn save_keys<T>(
        &self,
        organization: OrganizationId,
        doing: &'static str,
        work: impl FnOnce(&mut Conn) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        self.change_keys::<T, Infallible>(organization, doing, |conn| {
            work(conn).map_err(Stop::Failed)
        })
        .map_err(never_refused)
    }
}

/// Whether everybody's rows are meant, or else whose. Both are bound, so that the statement is one and the same.
fn reach(visibility: Visibility) -> (bool, String) {
    match visibility {
        Visibility::Organization => (true, String::new()),
        Visibility::MadeBy(maker) => (false, maker.to_string()),
    }
}
