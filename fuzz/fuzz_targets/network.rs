//! An address or a network of any text: read without a panic, and what it is written as reads back.

#![no_main]

use keys_core::{Allowlist, Network};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(network) = text.parse::<Network>() {
        assert_eq!(network.to_string().parse(), Ok(network));
        let written = network.to_string();
        let first = written.split('/').next().and_then(|address| address.parse().ok());
        assert!(Allowlist::new(vec![network]).is_ok_and(|list| list.admits(first)));
    }
});
