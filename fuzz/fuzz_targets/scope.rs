//! A scope of any text: read without a panic, kept as it is, and bounded.

#![no_main]

use keys_core::Scope;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(scope) = text.parse::<Scope>() {
        assert_eq!(scope.as_str(), text);
        assert!(text.len() <= 4 * 32 + 3);
    }
});
