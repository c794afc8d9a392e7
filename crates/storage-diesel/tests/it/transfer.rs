//! Moving from SQLite to PostgreSQL: everything or nothing, and never over something that is there. That keys go on working
//! is tried with the whole program.

use std::fs;

use storage_diesel::{Stage, TransferError, Transferred, transfer};
use test_support::databases::Database;

use crate::raw::Raw;

/// More than are written at once.
const MANY: u64 = 2_500;

/// An SQLite database with rows of some kinds, and as many users as said.
fn source(users: u64) -> Database {
    let database = Database::sqlite();
    let given = test_support::contract::Given::empty(database.open());
    given.two_organizations_with_deployments();
    given.three_waiting_runs();
    drop(given);
    database.execute(&format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {users})
         INSERT INTO users (id, username, email, password_hash, created_at)
         SELECT printf('many-%06d', n), printf('Ünï %d', n), CASE n % 2 WHEN 0 THEN printf('%d@example.com', n) END, '', -n
         FROM numbers"
    ));
    database
}

fn moved(from: &Database, to: &Database) -> Result<Transferred, TransferError> {
    transfer(from.url(), to.url(), &mut |_| {})
}

/// What the target has beside its rows.
fn schema(target: &Database) -> Vec<String> {
    Raw::to(target).lines(
        "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) AS line FROM pg_constraint
         WHERE connamespace = current_schema()::regnamespace ORDER BY 1",
    )
}

fn users(target: &Database) -> String {
    Raw::to(target).lines("SELECT count(*)::text AS line FROM users").remove(0)
}

#[test]
fn everything_arrives_under_the_same_rules_and_the_source_stays_as_it_was() {
    let (from, to, fresh) = (source(MANY), Database::postgres(), Database::postgres());
    drop(fresh.open());
    let before = from.contents();
    let (mut copied, mut compared, mut total) = (0, 0, 0);
    let moved = transfer(from.url(), to.url(), &mut |progress| {
        match progress.stage {
            Stage::Copying => copied = progress.done,
            Stage::Verifying => compared = progress.done,
        }
        assert!(progress.done <= progress.total && !progress.table.is_empty());
        total = progress.total;
    });
    let moved = moved.unwrap();
    assert_eq!((copied, compared, moved.rows()), (total, total, total));
    let at = |name: &str| moved.tables.iter().find(|(table, _)| table == name).unwrap().1;
    assert!(at("users") >= MANY && at("keys") > 0 && at("executions") == 3, "{moved:?}");
    assert_eq!(users(&to), at("users").to_string());
    assert_eq!(schema(&to), schema(&fresh));
    assert_eq!(from.contents(), before);
    // What refers to what is held again: the active slot to its key.
    assert!(Raw::to(&to).execute("DELETE FROM key_secrets").is_ok());
    assert!(Raw::to(&to).execute("DELETE FROM keys WHERE kind = 'platform'").is_err());
    // The use cases find what was moved.
    let stores = to.open();
    assert_eq!(
        stores.list_organizations().unwrap().len().to_string(),
        at("organizations").to_string()
    );
    assert_eq!(stores.queue_depth().unwrap().pending, 3);
}

#[test]
fn a_target_with_anything_in_it_is_refused() {
    let (from, to) = (source(1), Database::postgres());
    moved(&from, &to).unwrap();
    let again = moved(&from, &to).unwrap_err();
    assert!(matches!(again, TransferError::NotEmpty(_)), "{again}");
    let strange = Database::postgres();
    strange.execute("CREATE TABLE orders (id bigint PRIMARY KEY)");
    let refused = moved(&from, &strange).unwrap_err();
    assert!(matches!(refused, TransferError::Strange(_)), "{refused}");
    assert_eq!(
        Raw::to(&strange).lines(
            "SELECT tablename::text AS line FROM pg_tables WHERE schemaname = current_schema()"
        ),
        ["orders"]
    );
    // Only a user, whom nothing refers to.
    let inhabited = Database::postgres();
    drop(inhabited.open());
    inhabited.execute(
        "INSERT INTO users (id, username, password_hash, created_at) VALUES ('u', 'u', '', 0)",
    );
    let refused = moved(&from, &inhabited).unwrap_err();
    assert!(matches!(&refused, TransferError::NotEmpty(table) if table == "users"), "{refused}");
    assert_eq!(users(&inhabited), "1");
}

#[test]
fn what_was_written_wrongly_is_found_and_nothing_stays() {
    let (from, to) = (source(MANY), Database::postgres());
    drop(to.open());
    to.execute(
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN IF NEW.id = 'many-002001' THEN NEW.username = NEW.username || ' '; END IF; RETURN NEW; END $$;
         CREATE TRIGGER spoil BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION spoil()",
    );
    let differs = moved(&from, &to).unwrap_err();
    assert_eq!(differs.to_string(), "what was written is not what was read: users (many-002001)");
    assert_eq!(users(&to), "0");
    // One that is not written at all is missed, too.
    to.execute(
        "CREATE OR REPLACE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN IF NEW.id = 'many-002001' THEN RETURN NULL; END IF; RETURN NEW; END $$",
    );
    let differs = moved(&from, &to).unwrap_err();
    assert!(matches!(differs, TransferError::Differs { .. }), "{differs}");
    to.execute("DROP FUNCTION spoil CASCADE");
    moved(&from, &to).unwrap();
}

#[test]
fn a_text_that_postgresql_cannot_keep_is_named_and_nothing_is_moved() {
    let (from, to) = (source(1), Database::postgres());
    from.execute("UPDATE users SET username = 'a' || char(0) || 'b' WHERE id = 'many-000001'");
    let unfit = moved(&from, &to).unwrap_err();
    assert!(unfit.to_string().starts_with("users (many-000001), username: "), "{unfit}");
    assert_eq!(users(&to), "0");
}

#[test]
fn a_source_that_somebody_writes_to_or_that_is_of_another_schema_is_refused() {
    let (from, to) = (source(1), Database::postgres());
    let mut writer = Raw::to(&from);
    writer.execute("BEGIN IMMEDIATE").unwrap();
    let busy = moved(&from, &to).unwrap_err();
    assert!(matches!(busy, TransferError::SourceInUse { .. }), "{busy}");
    writer.execute("ROLLBACK").unwrap();
    from.execute("INSERT INTO nodes (id, name, seen_at, answered) VALUES ('n', 'alpha', unixepoch() * 1000000, 0)");
    let served = moved(&from, &to).unwrap_err();
    assert!(served.to_string().contains("(alpha)"), "{served}");
    // One that ended without a word, long ago.
    from.execute("UPDATE nodes SET seen_at = 0; UPDATE organizations SET changed_in = 7");
    moved(&from, &Database::postgres()).unwrap();
    from.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')");
    let newer = moved(&from, &to).unwrap_err();
    assert!(matches!(newer, TransferError::Newer { .. }), "{newer}");
    from.execute("DELETE FROM __diesel_schema_migrations WHERE version > '2026112200'");
    let older = moved(&from, &to).unwrap_err();
    assert!(matches!(older, TransferError::SourceIsOlder(_)), "{older}");
}

#[test]
fn only_the_one_direction_is_known() {
    let (from, to) = (Database::sqlite(), Database::postgres());
    for (from, to) in [(to.url(), from.url()), (from.url(), from.url()), (to.url(), to.url())] {
        let refused = transfer(from, to, &mut |_| {}).unwrap_err();
        assert!(matches!(refused, TransferError::Direction), "{refused}");
    }
    let path = from.url().strip_prefix("sqlite://").unwrap();
    let missing = moved(&from, &to).unwrap_err();
    assert!(matches!(missing, TransferError::NoSource(_)), "{missing}");
    assert!(!fs::exists(path).unwrap());
    fs::write(path, "").unwrap();
    let empty = moved(&from, &to).unwrap_err();
    assert!(matches!(empty, TransferError::SourceIsOlder(_)), "{empty}");
}
