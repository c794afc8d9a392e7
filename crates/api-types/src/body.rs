//! How request bodies tell "absent" from `null`.

use serde::{Deserialize, Deserializer};

/// For members that may be left out but not `null`.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// For members that may be left out, and that `null` clears: absent is `None`, `null` is `Some(None)`.
pub(crate) fn clearable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}
