//! The examples are programs that hold what they say by assertions: each is run as it was built.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{env, path::PathBuf, process::Command};

/// Where cargo puts examples, beside the tests that it builds with them.
fn built(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let target = test.ancestors().nth(2).unwrap();
    target.join("examples").join(name)
}

#[track_caller]
fn runs(name: &str) {
    let program = built(name);
    let ended = Command::new(&program).output();
    let ended = ended.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    assert!(ended.status.success(), "{name}: {}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn keys_are_minted_and_checked_in_memory() {
    runs("mint_and_check");
}

#[test]
fn keys_of_a_store_of_ones_own_are_checked() {
    runs("own_store");
}

#[test]
fn a_rotation_has_its_grace() {
    runs("rotation");
}

#[test]
fn a_limit_is_told_and_kept() {
    runs("rate_limit");
}

#[test]
fn there_are_two_platform_slots() {
    runs("platform_slots");
}
