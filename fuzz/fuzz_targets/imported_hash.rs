//! A row of an import with any text as its hash: read without a panic, and to the same hash
//! whether its encoding is named or told by its shape.

#![no_main]

use keys_core::{ForeignPrefix, HashAlgorithm, HashEncoding, ImportedHash, UnreadableHash};
use libfuzzer_sys::fuzz_target;

const ALGORITHMS: [HashAlgorithm; 3] =
    [HashAlgorithm::Sha256, HashAlgorithm::Sha512, HashAlgorithm::Pbkdf2Sha256];
const ENCODINGS: [HashEncoding; 4] =
    [HashEncoding::Hex, HashEncoding::Base64, HashEncoding::Base64Url, HashEncoding::Django];

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for algorithm in ALGORITHMS {
        let by_shape = ImportedHash::parse(&text, algorithm, None);
        assert_ne!(by_shape, Err(UnreadableHash::Ambiguous));
        let named = ENCODINGS.map(|one| ImportedHash::parse(&text, algorithm, Some(one)).ok());
        assert_eq!(by_shape.is_ok(), named.iter().any(Option::is_some));
        for read in named.into_iter().flatten() {
            assert_eq!(Ok(read), by_shape);
        }
    }
    let _ = ForeignPrefix::of_key(&text);
});
