//! Runs that come with files, over a store of files that holds names alone.

use std::io;

use super::*;
use crate::{FileId, StoredFile};

/// The files that are kept.
#[derive(Default)]
pub(super) struct Shelf {
    kept: Arc<Mutex<Vec<FileId>>>,
}

struct OnItsWay {
    kept: Arc<Mutex<Vec<FileId>>>,
    fails: bool,
}

impl crate::Incoming for OnItsWay {
    fn write(&mut self, _: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }

    fn keep(&mut self, _: OrganizationId, id: FileId) -> Result<(), StoreError> {
        if self.fails {
            return Err(StoreError::Unavailable { doing: "testing", source: "it is full".into() });
        }
        self.kept.lock().unwrap().push(id);
        Ok(())
    }
}

impl FileStore for Shelf {
    fn receive(&self) -> Box<dyn crate::Incoming> {
        Box::new(OnItsWay { kept: Arc::clone(&self.kept), fails: false })
    }

    fn open(&self, _: OrganizationId, _: FileId) -> Result<Box<dyn io::Read + Send>, StoreError> {
        unreachable!("only workers read files")
    }

    fn remove(&self, _: OrganizationId, id: FileId) -> Result<(), StoreError> {
        let mut kept = self.kept.lock().unwrap();
        // Ids are all the same here.
        let place = kept.iter().position(|kept| *kept == id);
        place.map(|place| kept.remove(place));
        Ok(())
    }

    fn look_through(
        &self,
        _: Timestamp,
        _: &mut dyn FnMut(StoredFile) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        unreachable!("only workers tidy up")
    }
}

fn upload(shelf: &Shelf, name: &str, fails: bool) -> Upload {
    Upload {
        name: name.into(),
        media_type: "text/plain".into(),
        size: 1,
        sha256: String::new(),
        content: Box::new(OnItsWay { kept: Arc::clone(&shelf.kept), fails }),
    }
}

#[test]
fn files_are_kept_before_the_run_that_has_them_is_accepted() {
    let bench = bench(false);
    let files = vec![upload(&bench.shelf, "a", false), upload(&bench.shelf, "b", false)];
    bench.executions.start(&bench.granted, StartRun { files, ..request(Map::new()) }).unwrap();
    let accepted = bench.store.accepted.lock().unwrap().take().unwrap();
    let names: Vec<_> = accepted.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!((names, accepted.per_file, accepted.steps_total), (vec!["a", "b"], false, 1));
    assert_eq!(bench.shelf.kept.lock().unwrap().len(), 2);
}

#[test]
fn a_run_per_file_has_the_steps_of_all_and_must_have_a_file() {
    let bench = bench(false);
    let files = vec![upload(&bench.shelf, "a", false), upload(&bench.shelf, "b", false)];
    let request = StartRun { files, per_file: true, ..super::request(Map::new()) };
    bench.executions.start(&bench.granted, request).unwrap();
    let accepted = bench.store.accepted.lock().unwrap().take().unwrap();
    assert_eq!((accepted.per_file, accepted.steps_total), (true, 2));

    let request = StartRun { per_file: true, ..super::request(Map::new()) };
    let refused = bench.executions.start(&bench.granted, request);
    assert!(matches!(refused, Err(ExecutionError::NoFiles)));
}

#[test]
fn a_run_that_is_not_accepted_leaves_no_files() {
    let bench = bench(false);
    *bench.store.is_full.lock().unwrap() = true;
    let files = vec![upload(&bench.shelf, "a", false)];
    let request = StartRun { files, ..super::request(Map::new()) };
    let refused = bench.executions.start(&bench.granted, request);
    assert!(matches!(refused, Err(ExecutionError::TooMany(_))));
    assert!(bench.shelf.kept.lock().unwrap().is_empty());

    let files = vec![upload(&bench.shelf, "a", false), upload(&bench.shelf, "b", true)];
    let request = StartRun { files, ..super::request(Map::new()) };
    let failed = bench.executions.start(&bench.granted, request);
    assert!(matches!(failed, Err(ExecutionError::Store(StoreError::Unavailable { .. }))));
    assert!(bench.shelf.kept.lock().unwrap().is_empty());
}
