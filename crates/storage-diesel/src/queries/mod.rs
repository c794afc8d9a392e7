//! Every query, once. These files are compiled into each dialect: `super` is SQLite's in one and PostgreSQL's in the other,
//! and what is taken from it is all that differs. None of them names a backend.
//!
//! Rows are locked in the order organization, workflow, deployment, key, execution. Whoever locks against that order says why
//! nobody can come to meet it.

use std::{collections::BTreeSet, convert::Infallible};

use access_domain::{ChangeError, OrganizationId, OwnerRequired, StoreError, Visibility};
use diesel::QueryResult;
use keys_core::KeyId;

use super::{Conn, Store};
use crate::{
    codec,
    error::{Stop, never_refused},
};

/// The condition for undeleted rows in the part of an organization that the caller may see. Where that is all of it, the first
/// of the alternatives says so, and nobody looks for shares.
macro_rules! visible {
    ($table:ident, $organization:expr, $visibility:expr) => {{
        let (everybodys, member) = super::reach($visibility);
        $table::organization_id.eq(codec::id($organization)).and($table::deleted_at.is_null()).and(
            everybodys
                .into_sql::<Bool>()
                .or($table::created_by.eq(member.clone()))
                .or($table::shared_with_everyone)
                .or($table::id.eq_any(shared_with!($table, member))),
        )
    }};
}

/// The condition that a column has a text in it, whichever case it is written in.
macro_rules! contains {
    ($column:expr, $text:expr) => {
        crate::search::lower($column)
            .like(crate::search::lower(crate::search::containing($text)))
            .escape('\\')
    };
}

/// The ids of what is shared with a member.
macro_rules! shared_with {
    (workflows, $member:expr) => {
        crate::schema::workflow_shares::table
            .filter(crate::schema::workflow_shares::user_id.eq($member))
            .select(crate::schema::workflow_shares::workflow_id)
    };
    (deployments, $member:expr) => {
        crate::schema::deployment_shares::table
            .filter(crate::schema::deployment_shares::user_id.eq($member))
            .select(crate::schema::deployment_shares::deployment_id)
    };
}

mod accounts;
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
mod invitations;
mod key_feed;
mod key_lookup;
mod lease;
mod managed_keys;
mod members;
mod nodes;
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
mod sharing;
mod usage;
mod waiting_lines;
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
    /// `work` says which keys may be verified otherwise afterwards. The organization's row stays locked until the end, so that
    /// its changes are numbered in the order in which they can be seen.
    ///
    /// [`KeyLookup::find_keys`]: access_domain::KeyLookup::find_keys
    fn change_keys<T, R: std::error::Error>(
        &self,
        organization: OrganizationId,
        doing: &'static str,
        work: impl FnOnce(&mut Conn, &mut BTreeSet<KeyId>) -> Result<T, Stop<R>>,
    ) -> Result<T, ChangeError<R>> {
        self.change_known(organization, doing, |conn, raised| {
            let number = key_feed::next_number(conn, organization)?;
            *raised = u64::try_from(number).ok();
            let mut changed = BTreeSet::new();
            let done = work(conn, &mut changed)?;
            key_feed::note(conn, organization, number, &changed)?;
            Ok(done)
        })
    }

    /// A change of how keys are found, after which each is verified as before.
    fn save_keys<T>(
        &self,
        organization: OrganizationId,
        doing: &'static str,
        work: impl FnOnce(&mut Conn) -> QueryResult<T>,
    ) -> Result<T, StoreError> {
        self.change_known::<T, Infallible>(organization, doing, |conn, _| {
            work(conn).map_err(Stop::Failed)
        })
        .map_err(never_refused)
    }

    /// A change that whoever remembers keys of the organization hears of; `work` tells its number, where it has one.
    fn change_known<T, R: std::error::Error>(
        &self,
        organization: OrganizationId,
        doing: &'static str,
        work: impl FnOnce(&mut Conn, &mut Option<u64>) -> Result<T, Stop<R>>,
    ) -> Result<T, ChangeError<R>> {
        let mut number = None;
        let changed = self.change(doing, |conn| work(conn, &mut number));
        match changed {
            Ok(_) => self.changes.raise(organization, number),
            // A commit may stand although the answer to it was lost. Or it may not, and the number is another's.
            Err(ChangeError::Store(_)) => self.changes.raise(organization, None),
            Err(ChangeError::Refused(_)) => {}
        }
        changed
    }
}

/// Whether the caller may change what `maker` made; asked of whatever is locked in order to be changed.
fn owned<R: From<OwnerRequired>>(visibility: Visibility, maker: &str) -> Result<(), Stop<R>> {
    let maker = codec::read_uuid(maker)?;
    visibility.owns(maker).map_err(|refusal| Stop::Refused(refusal.into()))
}

/// Whether everybody's rows are meant, or else whose. Both are bound, so that the statement is one and the same.
fn reach(visibility: Visibility) -> (bool, String) {
    match visibility {
        Visibility::Organization => (true, String::new()),
        Visibility::Member(member) => (false, member.to_string()),
    }
}
