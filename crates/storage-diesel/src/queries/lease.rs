//! Instants by the database's clock, as an expression. Not `diesel::dsl::sql`: statements with that are parsed anew each time.

use std::time::Duration;

use diesel::{
    AppearsOnTable, Expression, QueryResult, SelectableExpression,
    expression::{ValidGrouping, is_aggregate},
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{BigInt, Nullable},
};

use super::super::{Backend, NOW_MICROS};

/// This long after now, in microseconds.
#[derive(Debug, Clone, Copy, QueryId)]
pub(super) struct NowAnd {
    micros: i64,
}

impl NowAnd {
    pub(super) fn nothing() -> Self {
        Self { micros: 0 }
    }

    /// This long before now.
    pub(super) fn before(duration: Duration) -> Self {
        Self { micros: -i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 2) }
    }

    pub(super) fn lease(lease: Duration) -> Self {
        Self { micros: i64::try_from(lease.as_micros()).unwrap_or(i64::MAX / 2) }
    }
}

impl Expression for NowAnd {
    type SqlType = Nullable<BigInt>;
}

impl ValidGrouping<()> for NowAnd {
    type IsAggregate = is_aggregate::Never;
}

impl<From> AppearsOnTable<From> for NowAnd {}
impl<From> SelectableExpression<From> for NowAnd {}

impl QueryFragment<Backend> for NowAnd {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql(NOW_MICROS);
        out.push_sql(" + ");
        out.push_bind_param::<BigInt, _>(&self.micros)
    }
}
