//! What an organization's workflows know and nobody may read again.

use keys_core::Secret;

use crate::{OrganizationId, StoreError};

/// The values of an organization's secrets, for those who carry its workflows out.
pub trait SecretValues: Send + Sync {
    /// The values of those that there are, with their names. Blocks.
    ///
    /// # Errors
    /// When storage fails.
    fn reveal(
        &self,
        organization: OrganizationId,
        names: &[String],
    ) -> Result<Vec<(String, Secret)>, StoreError>;
}

/// For whoever has none.
impl SecretValues for () {
    fn reveal(&self, _: OrganizationId, _: &[String]) -> Result<Vec<(String, Secret)>, StoreError> {
        Ok(Vec::new())
    }
}
