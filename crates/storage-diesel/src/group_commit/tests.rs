//! Group commit under threads, on a real file.

use std::{
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use diesel::{
    Connection, RunQueryDsl,
    connection::{InstrumentationEvent, SimpleConnection},
    sql_query,
    sql_types::BigInt,
};

use super::*;

struct Given {
    group_commit: GroupCommit,
    commits: Arc<AtomicUsize>,
    file: PathBuf,
    _directory: tempfile::TempDir,
}

fn given() -> Given {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("test.db");
    connect(&file).batch_execute(
        "CREATE TABLE parent (id integer PRIMARY KEY);
         CREATE TABLE child (id integer PRIMARY KEY, parent integer REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)",
    ).unwrap();
    let commits = Arc::new(AtomicUsize::new(0));
    let (counter, path) = (Arc::clone(&commits), file.clone());
    let group_commit = GroupCommit::new(move || {
        let (mut connection, counter) = (connect(&path), Arc::clone(&counter));
        connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::CommitTransaction { depth, .. } = event
                && depth.get() == 1
            {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(connection)
    });
    Given { group_commit, commits, file, _directory: directory }
}

fn connect(file: &Path) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(&file.to_string_lossy()).unwrap();
    connection
        .batch_execute(
            "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON",
        )
        .unwrap();
    connection
}

type Work<'a, R> = Box<dyn FnOnce(&Given) -> R + Send + 'a>;

impl Given {
    fn add(&self, id: i64) -> Result<(), Stop<&'static str>> {
        self.group_commit.write(|connection| Ok(insert(connection, id)?))
    }

    /// What another connection sees: only what was committed.
    fn durable(&self) -> Vec<i64> {
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = BigInt)]
            id: i64,
        }
        let rows: Vec<Row> =
            sql_query("SELECT id FROM parent ORDER BY id").load(&mut connect(&self.file)).unwrap();
        rows.into_iter().map(|row| row.id).collect()
    }

    /// Runs `works` at once, so that they meet in one group: a first member, which writes 0, holds the connection until all
    /// of them are in line.
    fn together<R: Send>(&self, works: Vec<Work<'_, R>>) -> Vec<R> {
        let (begun, has_begun) = mpsc::channel();
        let expected = works.len();
        thread::scope(|scope| {
            let first = scope.spawn(move || {
                self.group_commit.write::<_, &str>(|connection| {
                    begun.send(()).unwrap();
                    while self.group_commit.in_line.load(Ordering::SeqCst) < expected {
                        thread::yield_now();
                    }
                    Ok(insert(connection, 0)?)
                })
            });
            has_begun.recv().unwrap();
            let threads: Vec<_> =
                works.into_iter().map(|work| scope.spawn(move || work(self))).collect();
            let results = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            let _ = first.join().unwrap();
            results
        })
    }
}

fn insert(connection: &mut SqliteConnection, id: i64) -> QueryResult<()> {
    connection.batch_execute(&format!("INSERT INTO parent VALUES ({id})"))
}

/// Unnoticed until the commit, since the reference is deferred.
fn spoil(connection: &mut SqliteConnection) -> QueryResult<()> {
    connection.batch_execute("INSERT INTO child VALUES (1, 99)")
}

#[test]
fn what_was_written_is_durable_whoever_committed_it() {
    let given = given();
    thread::scope(|scope| {
        for thread in 0..8 {
            let given = &given;
            scope.spawn(move || {
                for number in 0..50 {
                    let id = thread * 50 + number;
                    given.add(id).unwrap();
                    assert!(given.durable().contains(&id), "{id} was promised and is not there");
                }
            });
        }
    });
    assert_eq!(given.durable(), (0..400).collect::<Vec<_>>());
}

#[test]
fn those_who_wait_share_one_commit() {
    let given = given();
    let works = (1..=20).map(|id| Box::new(move |given: &Given| given.add(id).is_ok()) as Box<_>);
    assert_eq!(given.together(works.collect()), [true; 20]);
    assert_eq!(given.commits.load(Ordering::SeqCst), 1);
    assert_eq!(given.durable().len(), 21);
}

#[test]
fn a_group_does_not_grow_beyond_its_bound() {
    let given = given();
    let works = (1..=100).map(|id| Box::new(move |given: &Given| given.add(id).is_ok()) as Box<_>);
    assert_eq!(given.together(works.collect()), [true; 100]);
    assert_eq!(given.commits.load(Ordering::SeqCst), 2);
    assert_eq!(given.durable().len(), 101);
}

#[test]
fn a_refusal_leaves_nothing_of_its_own_behind_and_all_of_the_others() {
    let given = given();
    let refused = |given: &Given| {
        given.group_commit.write(|connection| {
            insert(connection, 1)?;
            Err::<(), _>(Stop::Refused("no"))
        })
    };
    let results = given.together(vec![Box::new(refused), Box::new(|given| given.add(2))]);
    assert!(matches!(results[0], Err(Stop::Refused("no"))), "{:?}", results[0]);
    assert!(results[1].is_ok());
    assert_eq!(given.durable(), [0, 2]);
}

#[test]
fn a_failed_commit_fails_every_member_and_the_next_group_is_well() {
    let given = given();
    let spoiled = |given: &Given| given.group_commit.write::<_, &str>(|conn| Ok(spoil(conn)?));
    let refused = |given: &Given| given.group_commit.write(|_| Err::<(), _>(Stop::Refused("no")));
    let good = |given: &Given| given.add(1);
    let results = given.together(vec![Box::new(spoiled), Box::new(refused), Box::new(good)]);
    for result in results {
        let Err(Stop::Failed(Error::DatabaseError(kind, _))) = result else { panic!("{result:?}") };
        assert!(matches!(kind, DatabaseErrorKind::ForeignKeyViolation), "{kind:?}");
    }
    assert_eq!(given.durable(), Vec::<i64>::new());
    given.add(7).unwrap();
    assert_eq!(given.durable(), [7]);
}

#[test]
fn a_panic_is_its_own_threads_affair() {
    let given = given();
    let panicking = |given: &Given| {
        let work = AssertUnwindSafe(|| {
            given.group_commit.write::<(), &str>(|connection| {
                insert(connection, 1)?;
                panic!("as intended")
            })
        });
        catch_unwind(work).is_err()
    };
    let good = |given: &Given| given.add(2).is_ok();
    let results = given.together(vec![Box::new(panicking), Box::new(good)]);
    assert_eq!(results, [true, true]);
    assert_eq!(given.durable(), [0, 2]);
    given.add(3).unwrap();
}

#[test]
fn a_transaction_that_the_database_rolled_back_by_itself_fails_its_group_and_no_other() {
    let given = given();
    // What SQLite does when the disk is full: the transaction is gone, and the manager does not know.
    let full_disk = |given: &Given| {
        given.group_commit.write::<(), &str>(|connection| {
            connection.batch_execute("ROLLBACK")?;
            let full = Box::new("database or disk is full".to_owned());
            Err(Stop::Failed(Error::DatabaseError(DatabaseErrorKind::Unknown, full)))
        })
    };
    let results = given.together(vec![Box::new(full_disk)]);
    let Err(Stop::Failed(error)) = &results[0] else { panic!("{results:?}") };
    assert_eq!(error.to_string(), "database or disk is full");
    assert_eq!(given.durable(), Vec::<i64>::new());
    given.add(5).unwrap();
    assert_eq!(given.durable(), [5]);
}

#[test]
fn a_lost_transaction_is_noticed_even_if_the_work_did_not() {
    let given = given();
    let result = given.group_commit.write::<_, &str>(|connection| {
        connection.batch_execute("ROLLBACK")?;
        Ok(())
    });
    assert!(matches!(result, Err(Stop::Failed(_))), "{result:?}");
    given.add(1).unwrap();
}

#[test]
fn while_another_process_writes_callers_fail_and_later_succeed() {
    let given = given();
    let mut other = connect(&given.file);
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let quick = GroupCommit::new({
        let file = given.file.clone();
        move || {
            let mut connection = connect(&file);
            connection.batch_execute("PRAGMA busy_timeout = 1")?;
            Ok(connection)
        }
    });
    let add = || quick.write::<_, &str>(|connection| Ok(insert(connection, 1)?));
    assert!(matches!(add(), Err(Stop::Failed(_))));
    other.batch_execute("ROLLBACK").unwrap();
    add().unwrap();
    assert_eq!(given.durable(), [1]);
}

#[test]
fn those_in_line_do_not_wait_one_after_the_other_for_another_process() {
    let given = given();
    let mut other = connect(&given.file);
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let patient = GroupCommit::new({
        let file = given.file.clone();
        move || {
            let mut connection = connect(&file);
            connection.batch_execute("PRAGMA busy_timeout = 300")?;
            Ok(connection)
        }
    });
    let begun = Instant::now();
    thread::scope(|scope| {
        for id in 0..30 {
            let patient = &patient;
            scope.spawn(move || {
                let added = patient.write::<_, &str>(|connection| Ok(insert(connection, id)?));
                let Err(Stop::Failed(error)) = added else { panic!("{added:?}") };
                assert_eq!(error.to_string(), "database is locked");
            });
        }
    });
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    other.batch_execute("ROLLBACK").unwrap();
    patient.write::<_, &str>(|connection| Ok(insert(connection, 1)?)).unwrap();
}
