//! Processes over one PostgreSQL wake each other.

use std::time::Duration;

use access_domain::Topic;
use test_support::databases::Database;

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn what_one_process_rings_every_listener_of_its_schema_hears_and_no_other() {
    let (database, elsewhere) = (Database::postgres(), Database::postgres());
    let (one, other) = (database.open(), database.open());
    let mut listeners = [&one, &other].map(|store| store.listen().unwrap().unwrap());
    let mut stranger = elsewhere.open().listen().unwrap().unwrap();
    one.ring(Topic::Runs).unwrap();
    for listener in &mut listeners {
        assert_eq!(listener.hear(PATIENCE).unwrap(), [Topic::Runs]);
        assert_eq!(listener.hear(Duration::ZERO).unwrap(), []);
    }
    other.ring(Topic::Keys).unwrap();
    assert_eq!(listeners[0].hear(PATIENCE).unwrap(), [Topic::Keys]);
    assert_eq!(stranger.hear(Duration::ZERO).unwrap(), []);
}

#[test]
fn on_sqlite_nobody_listens() {
    let store = Database::sqlite().open();
    store.ring(Topic::Keys).unwrap();
    assert!(store.listen().unwrap().is_none());
}
