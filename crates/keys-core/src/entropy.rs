//! Chance as an argument. Knows no format and no key.

/// A cryptographically secure source of random bytes.
///
/// Invariant: an implementation outside tests must be unpredictable to everyone who sees its other
/// outputs; every secret that this crate mints is only as good as this.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator (`getrandom(2)` and its like).
#[cfg(feature = "os-rng")]
#[derive(Debug, Clone, Copy)]
pub struct OsEntropy(());

/// The operating system has no random bytes to give.
#[cfg(feature = "os-rng")]
#[derive(Debug, thiserror::Error)]
#[error("the operating system's random generator does not answer")]
pub struct EntropyUnavailable(#[source] rand::rngs::SysError);

#[cfg(feature = "os-rng")]
impl OsEntropy {
    /// Draws once, so that a system without a generator is found at start and not at a mint.
    ///
    /// # Errors
    /// When the system's generator fails.
    pub fn open() -> Result<Self, EntropyUnavailable> {
        use rand::TryRng as _;
        rand::rngs::SysRng.try_next_u64().map_err(EntropyUnavailable)?;
        Ok(Self(()))
    }
}

#[cfg(feature = "os-rng")]
impl Entropy for OsEntropy {
    #[expect(
        clippy::expect_used,
        reason = "`open` drew from it: a system that loses its generator while running must not mint"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        use rand::TryRng as _;
        rand::rngs::SysRng
            .try_fill_bytes(bytes)
            .expect("the system's random generator answered at start");
    }
}
