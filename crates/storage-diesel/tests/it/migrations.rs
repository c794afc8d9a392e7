//! Migrations: that twins are twins, and that any number of processes may apply them.

use std::{collections::BTreeSet, fs, path::PathBuf, sync::Arc};

use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use test_support::{contract::at_once, databases::Database};

use crate::raw::Raw;

fn directory(backend: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../migrations", backend].iter().collect()
}

fn names(backend: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(directory(backend)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn each_migration_has_a_twin_of_its_name_and_says_why() {
    assert_eq!(names("sqlite"), names("postgres"));
    for backend in ["sqlite", "postgres"] {
        for name in names(backend) {
            for file in ["up.sql", "down.sql"] {
                let path = directory(backend).join(&name).join(file);
                let text = fs::read_to_string(&path).unwrap();
                assert!(text.starts_with("-- Why: "), "{}", path.display());
            }
        }
    }
}

#[test]
fn twins_make_the_same_tables_columns_and_nulls() {
    let sqlite = "SELECT m.name || '.' || c.name || CASE WHEN c.\"notnull\" THEN '' ELSE ' or null' END AS line \
        FROM sqlite_master AS m, pragma_table_info(m.name) AS c \
        WHERE m.type = 'table' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\'";
    let postgres = "SELECT table_name || '.' || column_name || CASE is_nullable WHEN 'NO' THEN '' ELSE ' or null' END AS line \
        FROM information_schema.columns \
        WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_\\_%'";
    let lines = compare(sqlite, postgres);
    assert!(lines.len() > 80, "{lines:?}");
}

#[test]
fn twins_make_the_same_unique_keys_under_the_names_that_the_code_knows() {
    let sqlite = "SELECT m.name || '_' || group_concat(c.name, '_') || '_key' AS line \
        FROM sqlite_master AS m, pragma_index_list(m.name) AS i, pragma_index_info(i.name) AS c \
        WHERE m.type = 'table' AND i.\"unique\" AND i.origin <> 'pk' GROUP BY m.name, i.name";
    let postgres = "SELECT relname::text AS line FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid \
        WHERE relnamespace = current_schema()::regnamespace AND indisunique AND NOT indisprimary \
       ";
    let lines = compare(sqlite, postgres);
    assert!(lines.contains(&"deployments_organization_id_api_name_key".to_owned()), "{lines:?}");
}

fn compare(on_sqlite: &str, on_postgres: &str) -> Vec<String> {
    let read = |database: Database, sql| {
        drop(database.open());
        let mut lines = Raw::to(&database).lines(sql);
        lines.sort_unstable();
        lines
    };
    let lines = read(Database::sqlite(), on_sqlite);
    assert_eq!(lines, read(Database::postgres(), on_postgres));
    lines
}

fn are_pending_until_they_are_applied(database: &Database) {
    let store =
        storage_diesel::open(database.url(), &storage_diesel::Options::default(), Arc::new(()))
            .unwrap();
    let all: Vec<String> = names("sqlite").into_iter().collect();
    assert_eq!(store.pending_migrations().unwrap(), all);
    assert_eq!(store.migrate().unwrap(), all);
    assert_eq!(store.pending_migrations().unwrap(), Vec::<String>::new());
    assert_eq!(store.migrate().unwrap(), Vec::<String>::new());
    assert_eq!(store.unknown_migrations().unwrap(), Vec::<String>::new());
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')";
    Raw::to(database).execute(newer).unwrap();
    assert_eq!(store.unknown_migrations().unwrap(), ["29990101000000"]);
}

#[test]
fn are_pending_until_they_are_applied_to_sqlite() {
    are_pending_until_they_are_applied(&Database::sqlite());
}

#[test]
fn are_pending_until_they_are_applied_to_postgres() {
    are_pending_until_they_are_applied(&Database::postgres());
}

fn are_applied_once_by_four_processes_at_once(database: &Database) {
    let stores = [(); 4].map(|()| {
        storage_diesel::open(database.url(), &storage_diesel::Options::default(), Arc::new(()))
            .unwrap()
    });
    let applied = at_once(4, |number| stores[number].migrate().unwrap().len());
    assert_eq!(applied.iter().sum::<usize>(), names("sqlite").len());
}

#[test]
fn are_applied_once_by_four_processes_at_once_to_sqlite() {
    are_applied_once_by_four_processes_at_once(&Database::sqlite());
}

#[test]
fn are_applied_once_by_four_processes_at_once_to_postgres() {
    are_applied_once_by_four_processes_at_once(&Database::postgres());
}

fn can_be_undone_and_applied_again(database: &Database, backend: &str) {
    let store = database.open();
    let given = test_support::contract::Given::empty(store);
    given.two_organizations_with_deployments();
    let files = FileBasedMigrations::from_path(directory(backend)).unwrap();
    let mut raw = Raw::to(database);
    match &mut raw {
        Raw::Sqlite(connection) => drop(connection.revert_all_migrations(files).unwrap()),
        Raw::Postgres(connection) => drop(connection.revert_all_migrations(files).unwrap()),
    }
    assert!(raw.execute("SELECT 1 FROM organizations").is_err());
    given.stores.migrate().unwrap();
    assert!(given.stores.list_organizations().unwrap().is_empty());
}

#[test]
fn can_be_undone_and_applied_again_on_sqlite() {
    can_be_undone_and_applied_again(&Database::sqlite(), "sqlite");
}

#[test]
fn can_be_undone_and_applied_again_on_postgres() {
    can_be_undone_and_applied_again(&Database::postgres(), "postgres");
}

fn keep_what_is_there(database: &Database, backend: &str) {
    let given = test_support::contract::Given::empty(database.open());
    given.two_organizations_with_deployments();
    given.three_waiting_runs();
    let lines = "SELECT k.id || ' ' || k.organization_id || ' ' || k.kind || ' ' || k.created_at || ' ' || s.fingerprint AS line \
        FROM keys AS k JOIN key_secrets AS s ON s.key_id = k.id ORDER BY k.id";
    let mut raw = Raw::to(database);
    let before = raw.lines(lines);
    assert_eq!(before.len(), 6);
    for _ in 1..names(backend).len() {
        let files = FileBasedMigrations::from_path(directory(backend)).unwrap();
        match &mut raw {
            Raw::Sqlite(connection) => drop(connection.revert_last_migration(files).unwrap()),
            Raw::Postgres(connection) => drop(connection.revert_last_migration(files).unwrap()),
        }
    }
    given.stores.migrate().unwrap();
    assert_eq!(Raw::to(database).lines(lines), before);
    // Organizations from before there was an audit begin their history with their creation.
    let entries = "SELECT action || ' ' || subject_name || ' ' || id AS line FROM audit_entries";
    let entries = Raw::to(database).lines(entries);
    assert_eq!(entries.len(), 3, "{entries:?}");
    for entry in entries {
        let id = uuid::Uuid::try_parse(entry.rsplit(' ').next().unwrap()).unwrap();
        assert!(entry.starts_with("organization.created ") && id.get_version_num() == 7, "{entry}");
    }
    // The active slot still refers to its key, and executions to theirs.
    let mut raw = Raw::to(database);
    assert!(raw.execute("DELETE FROM key_secrets").is_ok());
    assert!(raw.execute("DELETE FROM keys WHERE kind = 'platform'").is_err());
}

#[test]
fn keep_what_is_there_on_sqlite() {
    keep_what_is_there(&Database::sqlite(), "sqlite");
}

#[test]
fn keep_what_is_there_on_postgres() {
    keep_what_is_there(&Database::postgres(), "postgres");
}
