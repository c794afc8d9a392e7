//! What of a tenant's payload is in the database, and what becomes of a run whose payload was damaged there.

use std::time::Duration;

use test_support::{contract::Given, databases::Database};

use crate::raw::Raw;

/// Everything that a run was given, made on its way or ended with.
const KEPT: &str = "SELECT coalesce(input, '') || coalesce(parameters, '') || coalesce(result, '') AS line FROM executions \
    UNION ALL SELECT coalesce(output, '') FROM execution_steps";

fn nothing_is_left_once_it_was_deleted(database: &Database) {
    let given = Given::empty(database.open());
    given.a_finished_run();
    let mut raw = Raw::to(database);
    assert!(raw.lines(KEPT).iter().all(|line| line.contains("secret")));
    given.clock.advance(std::time::Duration::from_secs(1));
    let now = access_domain::Clock::now(&*given.clock);
    let (results, records) = (Duration::ZERO, Duration::from_secs(60));
    let kept = deployments_domain::Retention { results, records };
    assert_eq!(given.stores.delete_old_payloads(now, kept, 10).unwrap(), 1);
    assert_eq!(raw.lines(KEPT), ["", ""]);
}

#[test]
fn nothing_is_left_in_sqlite_once_it_was_deleted() {
    nothing_is_left_once_it_was_deleted(&Database::sqlite());
}

#[test]
fn nothing_is_left_in_postgres_once_it_was_deleted() {
    nothing_is_left_once_it_was_deleted(&Database::postgres());
}

fn a_damaged_run_does_not_hold_up_the_others(database: &Database) {
    let given = Given::empty(database.open());
    given.three_waiting_runs();
    let damage = "UPDATE executions SET input = '{' WHERE id = (SELECT min(id) FROM executions)";
    Raw::to(database).execute(damage).unwrap();
    let hour = std::time::Duration::from_secs(3600);
    let now = access_domain::Clock::now(&*given.clock);
    assert_eq!(given.stores.claim(3, hour, now).unwrap().len(), 2);
}

#[test]
fn a_damaged_run_does_not_hold_up_the_others_on_sqlite() {
    a_damaged_run_does_not_hold_up_the_others(&Database::sqlite());
}

#[test]
fn a_damaged_run_does_not_hold_up_the_others_on_postgres() {
    a_damaged_run_does_not_hold_up_the_others(&Database::postgres());
}
