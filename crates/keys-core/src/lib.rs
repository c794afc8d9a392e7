//! API keys as values: how they look, how they are minted and stored, and what becomes of one.
//!
//! The rules are pure functions of their arguments. Time and chance arrive as arguments
//! ([`Timestamp`], [`Entropy`]), look-ups as facts; nothing in this crate reads a clock, a file or a
//! socket, nor a generator unless the feature `os-rng` is on, so that each rule can be tested by
//! itself and embedded anywhere. What remembers is [`MemoryLimits`] alone. [`check`] is all of it in
//! one call, and [`Checker`] the same over a store of yours.
//!
//! ```
//! use keys_core::{Denial, Key, KeyRequest, Pattern, Pepper, decide, mint};
//! # struct Fixed;
//! # impl keys_core::Entropy for Fixed { fn fill(&self, bytes: &mut [u8]) { bytes.fill(7) } }
//! # let (entropy, now) = (Fixed, chrono::DateTime::UNIX_EPOCH);
//! let pepper = Pepper::new(b"at least thirty-two bytes of secret")?;
//! let minted = mint(Pattern::Token, &pepper, &entropy);
//! // `minted.stored` goes to the database; the secret is shown once and forgotten.
//! let shown = minted.secret.reveal_once();
//! assert_eq!(pepper.digest(&shown), minted.stored.digest);
//!
//! let key = Key { is_active: false, ..Key::new("orders") };
//! assert_eq!(decide(&key, &KeyRequest::default(), now), Err(Denial::Inactive));
//! # Ok::<(), keys_core::WeakPepper>(())
//! ```
//!
//! # Forms
//! With the feature `serde` values are stored and sent as follows, and what is read obeys the same
//! rules as what is made. Secrets and peppers have no form.
//!
//! | Type | Form |
//! |---|---|
//! | `Id` | a hyphenated UUID |
//! | `Scope`, `Network`, `KeyPrefix`, `KeyEnvironment`, `Verdict` | the text that they are written as |
//! | `Scopes`, `Allowlist` | an array of those |
//! | `Digest` | 64 lower-case hexadecimal digits |
//! | `Fingerprint`, `PepperName` | their digits |
//! | `RateLimit` | calls a minute, a number |
//! | `RateState` | nanoseconds since 1970, a number |
//! | `Slot` | 1 or 2 |
//! | `StoredSecret`, `Key`, `KnownKey`, `CheckedKey` | an object with a member for each field; instants are RFC 3339 |

#![forbid(unsafe_code)]

mod check;
mod digest;
mod entropy;
mod finder;
mod form;
mod id;
mod imported;
mod key;
mod limits;
mod mint;
mod network;
mod outcome;
mod platform;
mod presented;
mod rate;
mod rotation;
mod scope;
mod secret;
mod verdict;
#[cfg(feature = "serde")]
mod wire;

#[cfg(feature = "os-rng")]
pub use self::entropy::{EntropyUnavailable, OsEntropy};
pub use self::{
    check::{Checked, CheckedKey, Checker, KeyCheck, KeyStore, KnownKey, check},
    digest::{Digest, Fingerprint, Pepper, PepperName, Peppers, Subkey, WeakPepper},
    entropy::Entropy,
    finder::{FoundKey, KeyFinder, Place, Sought},
    form::{Form, InvalidKeyPrefix, KeyEnvironment, KeyPrefix, NotOurs},
    id::{Id, MalformedId},
    imported::{
        BareHash, ForeignPrefix, HashAlgorithm, HashEncoding, ImportedHash, InvalidForeignPrefix,
        Pbkdf2Hash, UnreadableHash,
    },
    key::{Denial, Key, KeyId, KeyRequest, KeyTag, decide},
    limits::{MemoryLimits, RateStates},
    mint::{Minted, Pattern, StoredSecret, mint},
    network::{Allowlist, InvalidNetwork, Network, TooManyNetworks},
    outcome::Outcome,
    platform::{Placement, PlatformKeyError, PlatformKeys, Slot, SlotsContradict},
    presented::Presented,
    rate::{Pace, RateDecision, RateLimit, RateState, take},
    rotation::{Rotation, RotationRefusal, RotationState},
    scope::{InvalidScope, Scope, Scopes, TooManyScopes},
    secret::Secret,
    verdict::Verdict,
};

/// An instant in UTC. Storage keeps microseconds; clocks that feed this crate cut to them, so that
/// what was written equals what is read back.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// The example of the crate's page is a test.
#[cfg(all(doctest, feature = "os-rng"))]
#[doc = include_str!("../README.md")]
mod page {}
