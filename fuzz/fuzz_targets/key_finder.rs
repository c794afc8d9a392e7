//! Any bytes as a file that is scanned: no panic, and the same keys whatever the pieces it comes in.

#![no_main]

use keys_core::{Form, KeyFinder, Place, Sought};
use libfuzzer_sys::fuzz_target;

fn find(bytes: &[u8], size: usize) -> Vec<(Place, String)> {
    let mut all = Vec::new();
    let mut finder = KeyFinder::new(Sought::Possible);
    for piece in bytes.chunks(size) {
        finder.push(piece, &mut |one| all.push((one.place, one.key.reveal_once())));
    }
    finder.finish(&mut |one| all.push((one.place, one.key.reveal_once())));
    all
}

fuzz_target!(|bytes: &[u8]| {
    let whole = find(bytes, bytes.len().max(1));
    assert!(whole.iter().all(|(_, key)| Form::of(key).is_some()));
    for size in [1, 50, 100] {
        assert_eq!(find(bytes, size), whole);
    }
});
