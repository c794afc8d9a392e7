//! Programs in Python: clients and servers as they are published, which `.ci/test` brings.

use std::{env, path::PathBuf};

/// The interpreter that has what `.ci/requirements.txt` names.
///
/// # Panics
/// When tests are not run by `.ci/test`.
pub fn interpreter() -> PathBuf {
    env::var_os("KEYWRIGHT_TEST_PYTHON").map(PathBuf::from).expect("run tests by .ci/test")
}
