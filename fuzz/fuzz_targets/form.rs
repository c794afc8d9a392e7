//! A credential of any bytes: its form is told without a panic, and only ASCII has one.

#![no_main]

use keys_core::Form;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    assert!(Form::of(&text).is_none() || text.is_ascii());
});
