//! The key behind a digest, for authentication.

use access_domain::{KeyLookup, KeyRecord, StoreError};
use diesel::prelude::*;
use keys_core::Digest;

use super::super::Store;
use crate::{
    rows::FoundKeyRow,
    schema::{deployments, key_secrets, keys, organizations},
};

impl KeyLookup for Store {
    fn find_key(&self, digest: &Digest) -> Result<Option<KeyRecord>, StoreError> {
        self.read("looking a key up", |conn| {
            // Deleted keys of deployments are found, and revoked: who holds one is told the truth. A
            // deleted deployment needs no condition of its own, since its keys were deleted with it.
            // A deleted platform key has lost its slot, and speaks for nothing.
            let found = keys::table
                .inner_join(key_secrets::table)
                .inner_join(organizations::table)
                .left_join(deployments::table)
                .filter(key_secrets::digest.eq(digest.as_bytes().as_slice()))
                .filter(keys::deleted_at.is_null().or(keys::deployment_id.is_not_null()))
                .select(FoundKeyRow::as_select())
                .first(conn)
                .optional()?;
            found.map(FoundKeyRow::read).transpose()
        })
    }
}
