//! A plaintext key between its making and the one answer that shows it.

use zeroize::Zeroizing;

/// A plaintext secret. Invariant: no `Debug`, `Display`, `Clone` or serialization; it is shown by
/// [`Secret::reveal_once`] alone, which ends it, and its memory is wiped when it is dropped unseen.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over a plaintext that was just made or just read from its owner.
    pub fn new(plaintext: String) -> Self {
        Self(Zeroizing::new(plaintext))
    }

    /// The plaintext, to be shown to its owner in the one answer that made it.
    pub fn reveal_once(mut self) -> String {
        std::mem::take(&mut *self.0)
    }

    /// The plaintext, for computations that end inside the domain crates (digests, password
    /// hashes). Never for rendering, logging or storing.
    pub fn for_digest(&self) -> &str {
        &self.0
    }
}
