//! Which files a look through all of them removes.

use deployments_domain::{FileId, FileStore as _};
use keys_core::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

use super::memory_store::MemoryStore;
use crate::{DirectoryFiles, worker::sweep::look};

#[test]
fn what_a_run_gave_up_goes_at_once_and_what_no_run_has_when_it_is_old() {
    let directory = TempDir::new().unwrap();
    let files = DirectoryFiles::new(directory.path().into(), 0);
    let organization = Uuid::from_u128(1).into();
    let ids: [FileId; 3] = [2, 3, 4].map(|id| Uuid::from_u128(id).into());
    let [kept, given_up, _orphaned] = ids;
    for id in ids {
        let mut incoming = files.receive();
        incoming.write(b"content").unwrap();
        incoming.keep(organization, id).unwrap();
    }
    let store = MemoryStore::default();
    *store.files.lock().unwrap() =
        deployments_domain::FoundFiles { kept: vec![kept], given_up: vec![given_up] };
    let left = || ids.map(|id| files.open(organization, id).is_ok());
    assert_eq!(look(&store, &files, Timestamp::UNIX_EPOCH).unwrap(), 1);
    assert_eq!(left(), [true, false, true]);
    assert_eq!(look(&store, &files, Timestamp::MAX_UTC).unwrap(), 1);
    assert_eq!(left(), [true, false, false]);
}
