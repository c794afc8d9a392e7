//! What other programs can build on, written down: a change of it shows in a review. Rewritten by
//! `KEYWRIGHT_UPDATE=1`.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and most syntax makes nothing public"
)]

mod listing;

use std::{env, fs, path::Path};

#[test]
fn the_public_api_is_the_one_that_is_written_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (path, listed) = (root.join("public-api.txt"), listing::of(&root.join("src")));
    if env::var_os("KEYWRIGHT_UPDATE").is_some() {
        fs::write(&path, &listed).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let is_new = |line: &&str| !written.lines().any(|other| other == *line);
    let is_gone = |line: &&str| !listed.lines().any(|other| other == *line);
    let new: Vec<&str> = listed.lines().filter(is_new).collect();
    let gone: Vec<&str> = written.lines().filter(is_gone).collect();
    assert!(
        listed == written,
        "public-api.txt is out of date; new: {new:#?}; gone: {gone:#?}\n\
         Is it what you want? Then run this test with KEYWRIGHT_UPDATE=1. Whatever is gone or changed \
         breaks programs of others: it needs a new minor version (before 1.0)."
    );
}
