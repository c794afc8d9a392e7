//! A hash as another system's database has it, read into its bytes, or told what is wrong with it.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_PAD_INDIFFERENT, URL_SAFE_PAD_INDIFFERENT},
};

use super::{BareHash, HashAlgorithm, HashEncoding, ImportedHash, Pbkdf2Hash};

/// Why a text is not the hash that it is said to be. Tells nothing of the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableHash {
    /// Longer than any hash that is read.
    #[error("a hash has at most {max} characters", max = ImportedHash::MAX_LENGTH)]
    TooLong,
    /// No encoding yields as many bytes as the algorithm makes.
    #[error("in no encoding is this a {algorithm} hash of {bytes} bytes", algorithm = .algorithm.as_str())]
    NoEncoding {
        /// The algorithm that was named.
        algorithm: HashAlgorithm,
        /// How many bytes it makes.
        bytes: usize,
    },
    /// The characters or their padding are not those of the encoding.
    #[error("this is not {encoding}", encoding = .0.as_str())]
    Encoding(HashEncoding),
    /// The encoding yields too few bytes, or too many.
    #[error("the hash has {found} bytes, the algorithm makes {expected}")]
    Length {
        /// How many bytes the algorithm makes.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// Two encodings read two different hashes.
    #[error("two encodings read this as different hashes: name the encoding")]
    Ambiguous,
    /// The text itself names another algorithm.
    #[error("the hash does not begin with `{algorithm}$`", algorithm = .0.as_str())]
    OtherAlgorithm(HashAlgorithm),
    /// Such a hash could not be looked up by its key.
    #[error("a {algorithm} hash with a salt cannot be imported", algorithm = .0.as_str())]
    Salted(HashAlgorithm),
    /// Iterations and salt come with the hash, and only Django's form has them.
    #[error(
        "a pbkdf2_sha256 hash is written as `pbkdf2_sha256$iterations$salt$hash`, encoding `django`"
    )]
    Pbkdf2Form,
    /// Too few iterations, too many, or no number.
    #[error("the iterations are a whole number from 1 to {max}", max = Pbkdf2Hash::MAX_ITERATIONS)]
    Iterations,
    /// The salt is empty, too long, or no visible ASCII.
    #[error("the salt has 1 to {max} visible ASCII characters, none of them `$`", max = Pbkdf2Hash::MAX_SALT)]
    Salt,
}

/// Reads the hash of an algorithm that takes nothing but the key.
pub(super) fn bare<const N: usize>(
    text: &str,
    algorithm: HashAlgorithm,
    encoding: Option<HashEncoding>,
) -> Result<BareHash<N>, UnreadableHash> {
    match encoding {
        Some(encoding) => sized(decode(text, algorithm, encoding)?),
        // No other encoding has the sign, and Django's form has more to say about what is wrong.
        None if text.contains('$') => sized(decode(text, algorithm, HashEncoding::Django)?),
        None => {
            let encodings = [HashEncoding::Hex, HashEncoding::Base64, HashEncoding::Base64Url];
            let decoded = encodings.map(|encoding| decode(text, algorithm, encoding).ok());
            let read = decoded.into_iter().flatten().filter_map(|bytes| sized(bytes).ok());
            agreed(read)?.ok_or(UnreadableHash::NoEncoding { algorithm, bytes: N })
        }
    }
}

/// The one hash that all readings come to. The encodings of today never disagree: hexadecimal is
/// longer than base64, and the two base64 differ in characters that the other lacks. Were one added
/// that does, its texts would be refused and not guessed at.
fn agreed<const N: usize>(
    mut read: impl Iterator<Item = BareHash<N>>,
) -> Result<Option<BareHash<N>>, UnreadableHash> {
    let first = read.next();
    if read.any(|other| Some(other) != first) {
        return Err(UnreadableHash::Ambiguous);
    }
    Ok(first)
}

fn decode(
    text: &str,
    algorithm: HashAlgorithm,
    encoding: HashEncoding,
) -> Result<Vec<u8>, UnreadableHash> {
    let bytes = match encoding {
        HashEncoding::Hex => unhex(text),
        HashEncoding::Base64 => STANDARD_PAD_INDIFFERENT.decode(text).ok(),
        HashEncoding::Base64Url => URL_SAFE_PAD_INDIFFERENT.decode(text).ok(),
        HashEncoding::Django => unhex(after_empty_salt(text, algorithm)?),
    };
    bytes.ok_or(UnreadableHash::Encoding(encoding))
}

fn sized<const N: usize>(bytes: Vec<u8>) -> Result<BareHash<N>, UnreadableHash> {
    let found = bytes.len();
    bytes.try_into().map(BareHash).map_err(|_| UnreadableHash::Length { expected: N, found })
}

/// Of `sha512$$digits` the digits.
fn after_empty_salt(text: &str, algorithm: HashAlgorithm) -> Result<&str, UnreadableHash> {
    let (salt, digits) = fields(text, algorithm)?
        .split_once('$')
        .ok_or(UnreadableHash::Encoding(HashEncoding::Django))?;
    if salt.is_empty() { Ok(digits) } else { Err(UnreadableHash::Salted(algorithm)) }
}

/// What follows the name of the algorithm in Django's form.
fn fields(text: &str, algorithm: HashAlgorithm) -> Result<&str, UnreadableHash> {
    text.strip_prefix(algorithm.as_str())
        .and_then(|rest| rest.strip_prefix('$'))
        .ok_or(UnreadableHash::OtherAlgorithm(algorithm))
}

/// Reads `pbkdf2_sha256$iterations$salt$hash`.
pub(super) fn pbkdf2(
    text: &str,
    encoding: Option<HashEncoding>,
) -> Result<Pbkdf2Hash, UnreadableHash> {
    let is_django = encoding.is_none_or(|encoding| encoding == HashEncoding::Django);
    if !is_django || !text.contains('$') {
        return Err(UnreadableHash::Pbkdf2Form);
    }
    let fields: Vec<&str> = fields(text, HashAlgorithm::Pbkdf2Sha256)?.split('$').collect();
    let [iterations, salt, hash] = fields[..] else {
        return Err(UnreadableHash::Pbkdf2Form);
    };
    // `parse` alone would take a sign.
    let is_number = iterations.bytes().all(|byte| byte.is_ascii_digit());
    let iterations = iterations.parse().ok().filter(|_| is_number);
    let hash = STANDARD_PAD_INDIFFERENT
        .decode(hash)
        .map_err(|_| UnreadableHash::Encoding(HashEncoding::Base64))?;
    Pbkdf2Hash::new(iterations.ok_or(UnreadableHash::Iterations)?, salt.to_owned(), sized(hash)?)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok()))
        .collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::{
        HashAlgorithm::{Pbkdf2Sha256, Sha256, Sha512},
        HashEncoding::{Base64, Base64Url, Django, Hex},
        *,
    };

    const ALGORITHMS: [HashAlgorithm; 3] = [Sha256, Sha512, Pbkdf2Sha256];
    const ENCODINGS: [HashEncoding; 4] = [Hex, Base64, Base64Url, Django];

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Every spelling of a bare hash that is read.
    fn spellings(bytes: &[u8], algorithm: HashAlgorithm) -> Vec<(HashEncoding, String)> {
        let digits = hex(bytes);
        vec![
            (Django, format!("{}$${digits}", algorithm.as_str())),
            (Hex, digits.to_uppercase()),
            (Hex, digits),
            (Base64, STANDARD.encode(bytes)),
            (Base64, STANDARD_NO_PAD.encode(bytes)),
            (Base64Url, URL_SAFE.encode(bytes)),
            (Base64Url, URL_SAFE_NO_PAD.encode(bytes)),
        ]
    }

    #[track_caller]
    fn refused(
        text: &str,
        algorithm: HashAlgorithm,
        encoding: Option<HashEncoding>,
        why: UnreadableHash,
    ) {
        assert_eq!(ImportedHash::parse(text, algorithm, encoding), Err(why), "{text:?}");
    }

    #[test]
    fn a_hash_of_another_length_is_told_so() {
        let sha1 = hex(&[7; 20]);
        let why = UnreadableHash::Length { expected: 32, found: 20 };
        refused(&sha1, Sha256, Some(Hex), why);
        refused(&format!("sha256$${sha1}"), Sha256, None, why);
        refused(&sha1, Sha256, None, UnreadableHash::NoEncoding { algorithm: Sha256, bytes: 32 });
        refused(
            &hex(&[7; 32]),
            Sha512,
            None,
            UnreadableHash::NoEncoding { algorithm: Sha512, bytes: 64 },
        );
    }

    #[test]
    fn an_encoding_that_was_named_is_held_to() {
        let digits = hex(&[7; 32]);
        refused(&format!("{digits} "), Sha256, Some(Hex), UnreadableHash::Encoding(Hex));
        refused(digits.get(1..).unwrap(), Sha256, Some(Hex), UnreadableHash::Encoding(Hex));
        refused(
            &format!("+{}", digits.get(1..).unwrap()),
            Sha256,
            Some(Hex),
            UnreadableHash::Encoding(Hex),
        );
        // Every byte 0xff: `/` in one alphabet, `_` in the other.
        refused(
            &STANDARD.encode([255; 32]),
            Sha256,
            Some(Base64Url),
            UnreadableHash::Encoding(Base64Url),
        );
        refused(
            &URL_SAFE.encode([255; 32]),
            Sha256,
            Some(Base64),
            UnreadableHash::Encoding(Base64),
        );
        refused(&digits, Sha256, Some(Base64), UnreadableHash::Length { expected: 32, found: 48 });
    }

    #[test]
    fn a_mix_of_both_alphabets_and_loose_bits_are_no_base64() {
        let none = UnreadableHash::NoEncoding { algorithm: Sha256, bytes: 32 };
        refused(&format!("+_{}", "A".repeat(41)), Sha256, None, none);
        // The last of 43 characters holds four bits; `B` sets a fifth.
        refused(&format!("{}B", "A".repeat(42)), Sha256, None, none);
    }

    #[test]
    fn the_form_of_django_names_its_algorithm_and_no_salt() {
        let digits = hex(&[7; 64]);
        refused(&format!("sha512$${digits}"), Sha256, None, UnreadableHash::OtherAlgorithm(Sha256));
        refused("argon2$argon2id$v=19$m=8", Sha512, None, UnreadableHash::OtherAlgorithm(Sha512));
        refused(&digits, Sha512, Some(Django), UnreadableHash::OtherAlgorithm(Sha512));
        refused(&format!("sha512${digits}"), Sha512, None, UnreadableHash::Encoding(Django));
        refused(&format!("sha512$salt${digits}"), Sha512, None, UnreadableHash::Salted(Sha512));
    }

    #[test]
    fn pbkdf2_is_bounded() {
        let hash = STANDARD.encode([7; 32]);
        let read = |iterations: &str, salt: &str| {
            let text = format!("pbkdf2_sha256${iterations}${salt}${hash}");
            ImportedHash::parse(&text, Pbkdf2Sha256, None)
        };
        for iterations in ["1", "2000000"] {
            assert!(read(iterations, "salt").is_ok(), "{iterations}");
        }
        for iterations in ["", "0", "-1", "+1", "2000001", "4294967297", "1e3", "٣"] {
            assert_eq!(read(iterations, "salt"), Err(UnreadableHash::Iterations), "{iterations}");
        }
        assert!(read("1", &"s".repeat(Pbkdf2Hash::MAX_SALT)).is_ok());
        for salt in ["", "\0", "sa lt", "é", &"s".repeat(Pbkdf2Hash::MAX_SALT + 1)] {
            assert_eq!(read("1", salt), Err(UnreadableHash::Salt), "{salt:?}");
        }
    }

    #[test]
    fn pbkdf2_comes_with_all_its_parts() {
        let hash = STANDARD.encode([7; 32]);
        let form = UnreadableHash::Pbkdf2Form;
        refused(&hash, Pbkdf2Sha256, None, form);
        refused(&hash, Pbkdf2Sha256, Some(Base64), form);
        refused(&format!("pbkdf2_sha256$1${hash}"), Pbkdf2Sha256, None, form);
        refused(&format!("pbkdf2_sha256$1$a$b${hash}"), Pbkdf2Sha256, None, form);
        let of = |rest: &str| format!("pbkdf2_sha256$1$salt${rest}");
        refused(&of("?"), Pbkdf2Sha256, None, UnreadableHash::Encoding(Base64));
        refused(&of("AAAA"), Pbkdf2Sha256, None, UnreadableHash::Length { expected: 32, found: 3 });
        let sha1 = format!("pbkdf2_sha1$1$salt${hash}");
        refused(&sha1, Pbkdf2Sha256, None, UnreadableHash::OtherAlgorithm(Pbkdf2Sha256));
    }

    #[test]
    fn a_long_text_is_not_even_looked_at() {
        for algorithm in ALGORITHMS {
            refused(&"a".repeat(10_000_000), algorithm, None, UnreadableHash::TooLong);
        }
    }

    #[test]
    fn readings_that_differ_are_refused() {
        let read = |bytes: &[u8]| agreed(bytes.iter().map(|byte| BareHash::from([*byte; 32])));
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[1, 1]), Ok(Some([1; 32].into())));
        assert_eq!(read(&[1, 1, 2]), Err(UnreadableHash::Ambiguous));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(bytes in prop::array::uniform32(any::<u8>()), more in prop::array::uniform32(any::<u8>())) {
            for (encoding, text) in spellings(&bytes, Sha256) {
                let hash = Ok(ImportedHash::Sha256(bytes.into()));
                prop_assert_eq!(&ImportedHash::parse(&text, Sha256, Some(encoding)), &hash);
                prop_assert_eq!(&ImportedHash::parse(&text, Sha256, None), &hash);
            }
            let long: [u8; 64] = std::array::from_fn(|at| if at < 32 { bytes[at] } else { more[at - 32] });
            for (encoding, text) in spellings(&long, Sha512) {
                let hash = Ok(ImportedHash::Sha512(long.into()));
                prop_assert_eq!(&ImportedHash::parse(&text, Sha512, Some(encoding)), &hash);
                prop_assert_eq!(&ImportedHash::parse(&text, Sha512, None), &hash);
            }
        }

        #[test]
        fn pbkdf2_is_read_back(
            bytes in prop::array::uniform32(any::<u8>()),
            iterations in 1..=Pbkdf2Hash::MAX_ITERATIONS,
            salt in "[!-#%-~]{1,128}",
        ) {
            for hash in [STANDARD.encode(bytes), STANDARD_NO_PAD.encode(bytes)] {
                let text = format!("pbkdf2_sha256${iterations}${salt}${hash}");
                let read = Pbkdf2Hash::new(iterations, salt.clone(), bytes.into());
                let read = read.map(ImportedHash::Pbkdf2Sha256);
                prop_assert_eq!(&ImportedHash::parse(&text, Pbkdf2Sha256, None), &read);
                prop_assert_eq!(&ImportedHash::parse(&text, Pbkdf2Sha256, Some(Django)), &read);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), field in "[0-9a-zA-Z+/_=$-]{0,140}") {
            for algorithm in ALGORITHMS {
                for text in [&text, &field, &format!("{}${field}", algorithm.as_str())] {
                    let _ = ImportedHash::parse(text, algorithm, None);
                    for encoding in ENCODINGS {
                        let _ = ImportedHash::parse(text, algorithm, Some(encoding));
                    }
                }
            }
        }
    }
}
