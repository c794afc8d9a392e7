//! Whoever writes what keys are decided by tells so: no cache may go on saying yes.

use std::{fs, path::PathBuf};

/// The tables that `find_keys` reads, and the functions by which others write to them.
const DECIDE: [&str; 5] =
    ["deployments", "imported_secrets", "key_secrets", "keys", "organizations"];
const WRITERS: [&str; 2] = ["insert_key(", "generate("];
/// Moving a secret to another pepper, noting its use and telling of its end change nothing that is decided.
const DECIDE_NOTHING: [&str; 2] = ["key_lookup.rs", "notices.rs"];

#[test]
fn every_write_that_decides_on_keys_is_told_to_those_who_remember_keys() {
    let queries: PathBuf = [env!("CARGO_MANIFEST_DIR"), "src/queries"].iter().collect();
    let mut writers = 0;
    for entry in fs::read_dir(queries).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let text: String = fs::read_to_string(&path).unwrap().split_whitespace().collect();
        let writes = |table: &&str| {
            ["insert_into", "update", "delete"]
                .iter()
                .any(|write| text.contains(&format!("{write}({table}::table")))
        };
        let decides =
            DECIDE.iter().any(writes) || WRITERS.iter().any(|writer| text.contains(writer));
        if !decides || DECIDE_NOTHING.contains(&name) {
            continue;
        }
        writers += 1;
        for silent in ["self.change(", "self.save("] {
            assert!(
                !text.contains(silent),
                "{name} writes what keys are decided by, and says {silent}…): say change_keys or save_keys"
            );
        }
    }
    assert!(writers >= 4, "the queries are elsewhere");
}
