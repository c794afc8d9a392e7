//! What the databases themselves refuse, whoever asks.

use diesel::result::{DatabaseErrorKind, Error};
use test_support::{contract::Given, databases::Database};

use crate::raw::Raw;

/// Tries `statements` one by one in a database with two organizations, each with one platform key and one deployment.
#[track_caller]
fn refuses(database: &Database, statements: &[&str]) {
    let given = Given::empty(database.open());
    given.two_organizations_with_deployments();
    let mut raw = Raw::to(database);
    for statement in statements {
        let refused = raw.execute(statement);
        let is_constraint = matches!(
            refused,
            Err(Error::DatabaseError(
                DatabaseErrorKind::CheckViolation
                    | DatabaseErrorKind::ForeignKeyViolation
                    | DatabaseErrorKind::UniqueViolation,
                _
            ))
        );
        assert!(is_constraint, "{statement}\n{refused:?}");
    }
}

macro_rules! refused_by_both {
    ($($name:ident: $statements:expr;)*) => {
        $(mod $name {
            use super::*;

            #[test]
            fn sqlite() {
                refuses(&Database::sqlite(), $statements);
            }

            #[test]
            fn postgres() {
                refuses(&Database::postgres(), $statements);
            }
        })*
    };
}

const THIRD_KEY: &str = "INSERT INTO keys (id, organization_id, kind, slot, description, created_at) \
    SELECT 'third', id, 'platform', 3, '', 0 FROM organizations";
const SECOND_IN_SLOT: &str = "INSERT INTO keys (id, organization_id, kind, slot, description, created_at) \
    SELECT 'second', id, 'platform', 1, '', 0 FROM organizations WHERE slug = 'one'";
const SLOTLESS_KEY: &str = "INSERT INTO keys (id, organization_id, kind, description, created_at) \
    SELECT 'slotless', id, 'platform', '', 0 FROM organizations WHERE slug = 'one'";
const RUN_WITHOUT_LEASE: &str = "INSERT INTO executions (id, organization_id, deployment_id, version_id, key_id, status, \
    attempt, lost, timeout_seconds, steps_total, steps_completed, input, created_at, has_payload) \
    SELECT 'run', keys.organization_id, deployment_id, workflow_versions.id, keys.id, 'EXECUTING', 1, 0, 1, 1, 0, '1', 0, true \
    FROM keys, workflow_versions WHERE kind = 'deployment' LIMIT 1";

refused_by_both! {
    a_third_platform_key: &[THIRD_KEY, SECOND_IN_SLOT, SLOTLESS_KEY];
    a_second_active_platform_key: &["UPDATE keys SET is_active = true WHERE kind = 'platform'"];
    an_active_slot_that_is_empty: &[
        "UPDATE organizations SET active_platform_slot = 2",
        "UPDATE organizations SET active_platform_slot = 3",
        "UPDATE keys SET slot = NULL, deleted_at = 1 WHERE kind = 'platform'",
        "UPDATE keys SET slot = 2 WHERE kind = 'platform'",
    ];
    a_reference_into_another_organization: &[
        "UPDATE deployments SET organization_id = (SELECT id FROM organizations WHERE slug = 'one') \
         WHERE organization_id = (SELECT id FROM organizations WHERE slug = 'two')",
        "UPDATE keys SET organization_id = (SELECT id FROM organizations WHERE slug = 'one') \
         WHERE kind = 'deployment' AND organization_id = (SELECT id FROM organizations WHERE slug = 'two')",
    ];
    a_run_that_executes_without_a_lease: &[RUN_WITHOUT_LEASE];
    a_deployment_key_without_a_deployment: &[
        "UPDATE keys SET deployment_id = NULL WHERE kind = 'deployment'",
        "UPDATE keys SET deployment_id = 'nowhere' WHERE kind = 'deployment'",
    ];
}
