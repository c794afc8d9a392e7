//! What somebody may do to the audit who can write to the database, and not to the server: that it is found, and where.

use access_domain::{BreakKind, ChainBreak, ChangeError, Operator, OrganizationId, Unverified};
use test_support::{contract::Given, databases::Database};

/// Does `tamper` to a chain of six entries beside a whole one, and tells what is found: by the chain, and by the total.
fn found(database: &Database, tamper: &str) -> (OrganizationId, [Option<ChainBreak>; 2]) {
    let given = Given::empty(database.open());
    given.sealed_chain("whole", 3);
    let organization = given.sealed_chain("acme", 4);
    let earlier = "CREATE TABLE earlier AS SELECT * FROM audit_heads";
    database
        .execute(&format!("{earlier}; CREATE TABLE earlier_marks AS SELECT * FROM audit_marks"));
    given.sealed_entry(organization);
    given.sealed_entry(organization);
    let operator = Operator::at_the_command_line;
    assert_eq!(given.audit().verify(operator(), organization).unwrap().verified, 6);
    assert_eq!(given.audit().verify_total(operator()).unwrap(), 9);
    let own = format!("organization_id = '{}'", organization.uuid());
    database.execute(&tamper.replace("{own}", &own));
    let broken = |outcome: Result<(), Unverified>| match outcome {
        Ok(()) => None,
        Err(ChangeError::Refused(broken)) => Some(broken),
        Err(ChangeError::Store(error)) => panic!("{error:?}"),
    };
    let chain = broken(given.audit().verify(operator(), organization).map(drop));
    let total = broken(given.audit().verify_total(operator()).map(drop));
    // Whatever was done to one chain, the others are whole.
    for other in given.stores.list_organizations().unwrap() {
        let whole = other.id == organization || given.audit().verify(operator(), other.id).is_ok();
        assert!(whole, "{tamper}");
    }
    (organization, [chain, total])
}

#[track_caller]
fn check(tamper: &str, kind: BreakKind, seq: impl Into<Option<i64>>) {
    let seq = seq.into();
    for database in [Database::sqlite(), Database::postgres()] {
        let (organization, [chain, _]) = found(&database, tamper);
        let chain = chain.unwrap_or_else(|| panic!("not found: {tamper}"));
        assert_eq!((chain.kind, chain.seq), (kind, seq), "{tamper}");
        assert_eq!(chain.organization, Some(organization));
        let is_there = [BreakKind::RowChanged, BreakKind::RowInserted].contains(&kind);
        assert_eq!(chain.entry.is_some(), is_there, "{chain:?}");
    }
}

#[test]
fn one_row_that_is_cut() {
    check("DELETE FROM audit_entries WHERE {own} AND seq = 1", BreakKind::RowMissing, 1);
    check("DELETE FROM audit_entries WHERE {own} AND seq = 3", BreakKind::RowMissing, 3);
}

#[test]
fn a_tail_that_is_cut() {
    check("DELETE FROM audit_entries WHERE {own} AND seq > 4", BreakKind::TailCut, 5);
    check("DELETE FROM audit_entries WHERE {own}", BreakKind::TailCut, 1);
}

#[test]
fn a_tail_that_is_cut_with_the_head_set_back_to_an_earlier_copy_of_its_own() {
    let cut = "DELETE FROM audit_entries WHERE {own} AND seq > 4; DELETE FROM audit_heads WHERE {own}; \
        INSERT INTO audit_heads SELECT * FROM earlier WHERE {own}";
    check(cut, BreakKind::HeadSetBack, 5);
    // With the mark as well: no chain tells it, but all of them together are shorter than what was sealed.
    let all = format!(
        "{cut}; DELETE FROM audit_marks WHERE {{own}}; \
         INSERT INTO audit_marks SELECT * FROM earlier_marks WHERE {{own}}"
    );
    for database in [Database::sqlite(), Database::postgres()] {
        let (_, [chain, total]) = found(&database, &all);
        assert_eq!((chain, total.unwrap().kind), (None, BreakKind::HeadSetBack));
    }
}

#[test]
fn one_byte_of_one_column() {
    let columns = [
        "subject_name = 'Echange'",
        "actor_kind = 'user'",
        "action = 'workflow.createe'",
        "at = at + 1",
        "occurrences = 2",
        "address = '192.0.2.1'",
        "reason = ''",
        "request_id = 'x'",
        "actor_id = 'x'",
        "subject_id = NULL",
    ];
    for column in columns {
        let change = format!("UPDATE audit_entries SET {column} WHERE {{own}} AND seq = 4");
        check(&change, BreakKind::RowChanged, 4);
    }
    let moved = "UPDATE audit_entries SET seq = 7 WHERE {own} AND seq = 4; \
        UPDATE audit_entries SET seq = 4 WHERE {own} AND seq = 5; UPDATE audit_entries SET seq = 5 WHERE {own} AND seq = 7";
    check(moved, BreakKind::RowChanged, 4);
}

#[test]
fn a_row_that_is_inserted() {
    let insert = |seq| {
        format!(
            "INSERT INTO audit_entries (id, organization_id, at, actor_kind, actor_name, action, subject_kind, subject_name, \
             occurrences, seq, mac, pepper) SELECT 'inserted', organization_id, at, actor_kind, actor_name, action, \
             subject_kind, subject_name, occurrences, {seq}, mac, pepper FROM audit_entries WHERE {{own}} AND seq = 6"
        )
    };
    check(&insert(7), BreakKind::RowInserted, 7);
    check(&insert(0), BreakKind::RowInserted, 0);
    let replaced = format!(
        "{}; DELETE FROM audit_entries WHERE {{own}} AND seq = 3; \
        UPDATE audit_entries SET seq = 3 WHERE {{own}} AND seq = 7",
        insert(7)
    );
    check(&replaced, BreakKind::RowChanged, 3);
}

#[test]
fn a_head_that_is_changed_or_gone() {
    check("DELETE FROM audit_heads WHERE {own}", BreakKind::HeadMissing, None);
    check("UPDATE audit_heads SET seq = 5 WHERE {own}", BreakKind::HeadChanged, 5);
    // As pruning would have left it.
    let pruned = "UPDATE audit_heads SET checkpoint_seq = 2, \
        checkpoint_mac = (SELECT mac FROM audit_entries WHERE {own} AND seq = 2) WHERE {own}; \
        DELETE FROM audit_entries WHERE {own} AND seq <= 2";
    check(pruned, BreakKind::HeadChanged, 6);
    check("UPDATE audit_marks SET seq = 4 WHERE {own}", BreakKind::MarkChanged, 6);
    check("DELETE FROM audit_marks WHERE {own}", BreakKind::MarkChanged, 6);
}

#[test]
fn a_total_that_is_changed() {
    for tamper in [
        "UPDATE audit_totals SET sealed = sealed - 1",
        "UPDATE audit_totals SET sealed = 0, mac = NULL, pepper = NULL",
        "DELETE FROM audit_totals",
    ] {
        let (_, [chain, total]) = found(&Database::sqlite(), tamper);
        assert_eq!((chain, total.unwrap().kind), (None, BreakKind::TotalChanged), "{tamper}");
    }
}

/// Old entries are let go of only as they were sealed: what was made to look old stays to be found.
#[test]
fn what_was_tampered_with_is_not_pruned() {
    for database in [Database::sqlite(), Database::postgres()] {
        let given = Given::empty(database.open());
        let organization = given.sealed_chain("acme", 4);
        database.execute("UPDATE audit_entries SET at = 0");
        let pruned = given.audit().prune().unwrap();
        assert_eq!((pruned.entries, pruned.broken[0].kind), (0, BreakKind::RowChanged));
        let found = given.audit().verify(Operator::at_the_command_line(), organization);
        assert!(matches!(found, Err(ChangeError::Refused(_))));
    }
}
