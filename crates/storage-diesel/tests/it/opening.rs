//! Opening a database, and what becomes of a store whose database goes away.

use std::{
    error::Error,
    io::copy,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use access_domain::{KeyMatches, KeyQuery, StoreError};
use storage_diesel::{OpenError, Options, Storage, open};
use test_support::{
    contract::Given,
    databases::{Database, POSTGRES_URL},
};

use crate::raw::Raw;

/// An error with all its causes.
fn chain(error: &dyn Error) -> String {
    let cause = error.source().map(chain);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

fn refused(url: &str) -> OpenError {
    match open(url, &Options::default(), Arc::new(())) {
        Ok(_) => panic!("{url} was opened"),
        Err(error) => error,
    }
}

#[test]
fn only_known_urls_are_opened() {
    for url in
        ["", "keywright.db", "mysql://h/d", "sqlite://", "sqlite://:memory:", "sqlite://a?mode=ro"]
    {
        assert!(matches!(refused(url), OpenError::UnknownUrl), "{url}");
    }
}

#[test]
fn a_file_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = refused(&format!("sqlite://{}/keywright.db", file.display()));
    assert!(matches!(error, OpenError::File { .. }));
    assert!(chain(&error).contains("file/keywright.db"), "{}", chain(&error));
}

#[test]
fn a_url_that_asks_for_tls_names_the_missing_feature() {
    let server = std::env::var(POSTGRES_URL).unwrap();
    // The second one is noticed by libpq alone.
    for url in ["postgres://h/d?sslmode=verify-full", &format!("{server}?sslmode=%72equire")] {
        let error = refused(url);
        assert!(matches!(error, OpenError::TlsMissing { .. }), "{}", chain(&error));
        assert!(chain(&error).contains("postgres-tls"));
    }
}

#[test]
fn a_postgresql_that_is_away_is_told_soon_with_the_cause_and_without_the_password() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let begun = Instant::now();
    let error = refused(&format!("postgres://u:hunter2@127.0.0.1:{closed}/d"));
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(matches!(error, OpenError::Unavailable { .. }));
    let told = chain(&error);
    assert!(told.contains("refused") && !told.contains("hunter2"), "{told}");

    // libpq repeats a URL that it cannot read.
    let told = chain(&refused("postgres://u:hunter2@[::1/d"));
    assert!(!told.contains("hunter2"), "{told}");
}

/// While somebody else holds what a call needs, it fails as unavailable; afterwards it succeeds.
fn a_database_that_is_busy_is_unavailable_for_as_long(database: &Database, hold: &str) {
    let given = Given::empty(database.open());
    let timeout = Duration::from_millis(200);
    let options =
        Options { statement_timeout: timeout, connection_timeout: timeout, ..Options::default() };
    let store = open(database.url(), &options, Arc::new(())).unwrap();
    let end_session = || store.end_session(given.any_id(), given.any_id());
    let mut other = Raw::to(database);
    other.execute(hold).unwrap();
    let error = end_session().unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{}", chain(&error));
    other.execute("ROLLBACK").unwrap();
    end_session().unwrap();
}

#[test]
fn a_busy_sqlite_is_unavailable_for_as_long() {
    a_database_that_is_busy_is_unavailable_for_as_long(&Database::sqlite(), "BEGIN IMMEDIATE");
}

#[test]
fn a_busy_postgresql_is_unavailable_for_as_long() {
    let hold = "BEGIN; LOCK TABLE sessions";
    a_database_that_is_busy_is_unavailable_for_as_long(&Database::postgres(), hold);
}

#[test]
fn a_fault_is_not_taken_for_an_absence() {
    for database in [Database::sqlite(), Database::postgres()] {
        let store = open(database.url(), &Options::default(), Arc::new(())).unwrap();
        store.check().unwrap();
        // No table is there.
        let error = store.list_organizations().unwrap_err();
        assert!(matches!(error, StoreError::Broken { .. }), "{}", chain(&error));
    }
}

#[test]
fn a_postgresql_that_comes_back_is_used_again() {
    let server = std::env::var(POSTGRES_URL).unwrap();
    let (user, address) = server.rsplit_once('@').unwrap();
    let (address, database) = address.split_once('/').unwrap();
    let line = Line::to(address.to_owned());
    let url = format!("{user}@{}/{database}", line.address);
    let options = Options { connection_timeout: Duration::from_millis(500), ..Options::default() };
    let store = open(&url, &options, Arc::new(())).unwrap();
    store.check().unwrap();

    line.cut();
    let begun = Instant::now();
    for _ in 0..2 {
        let error = store.check().unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{}", chain(&error));
    }
    assert!(begun.elapsed() < Duration::from_secs(5));

    line.mend();
    let deadline = Instant::now() + Duration::from_secs(30);
    while store.check().is_err() {
        assert!(Instant::now() < deadline, "the store did not recover");
    }
}

/// A TCP connection to a server that can be cut.
struct Line {
    address: SocketAddr,
    open: Arc<Mutex<Option<Vec<TcpStream>>>>,
}

impl Line {
    fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let line = Self {
            address: listener.local_addr().unwrap(),
            open: Arc::new(Mutex::new(Some(Vec::new()))),
        };
        let open = Arc::clone(&line.open);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // Cut: the client is dropped, and sees its connection closed.
                if let Some(streams) = &mut *open.lock().unwrap() {
                    let server = TcpStream::connect(&server).unwrap();
                    for (from, to) in [(&client, &server), (&server, &client)] {
                        let (mut from, mut to) =
                            (from.try_clone().unwrap(), to.try_clone().unwrap());
                        thread::spawn(move || {
                            let _ = copy(&mut from, &mut to);
                            let _ = to.shutdown(Shutdown::Both);
                        });
                    }
                    streams.extend([client, server]);
                }
            }
        });
        line
    }

    fn cut(&self) {
        for stream in self.open.lock().unwrap().take().into_iter().flatten() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        *self.open.lock().unwrap() = Some(Vec::new());
    }
}

#[test]
fn a_store_serves_many_threads_with_few_connections() {
    for database in [Database::sqlite(), Database::postgres()] {
        drop(database.open());
        let options = Options {
            max_connections: 2,
            connection_timeout: Duration::from_secs(30),
            ..Options::default()
        };
        let store: Arc<dyn Storage> = open(database.url(), &options, Arc::new(())).unwrap();
        let lookup: Arc<dyn access_domain::KeyLookup> = Arc::clone(&store) as _;
        let found = test_support::contract::at_once(16, |_| {
            (0..20).all(|_| {
                let query = KeyQuery { digests: vec![[1; 32].into()], foreign: None };
                lookup.find_keys(&[query]).is_ok_and(|found| found.iter().all(KeyMatches::is_empty))
            })
        });
        assert_eq!(found, [true; 16]);
    }
}
