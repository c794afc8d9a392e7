//! Keys of every kind, and their secrets.

use access_domain::{
    DeploymentId, KeyOwner, KeyRecord, NewKey, OrganizationId, OrganizationName, PlatformKey,
};
use deployments_domain::{DeploymentKey, NewDeploymentKey};
use diesel::{QueryResult, prelude::*, result::Error};
use keys_core::{Fingerprint, Key, KeyId, PlatformKeys, Slot, StoredSecret, Timestamp};

use crate::{
    codec,
    schema::{deployments, key_secrets, keys, organizations},
};

#[derive(Insertable)]
#[diesel(table_name = keys, treat_none_as_default_value = false)]
pub(crate) struct KeyRow {
    id: String,
    organization_id: String,
    kind: &'static str,
    deployment_id: Option<String>,
    slot: Option<i16>,
    description: String,
    is_active: Option<bool>,
    expires_at: Option<i64>,
    created_by: Option<String>,
    created_at: i64,
}

impl KeyRow {
    pub(crate) fn platform(organization: OrganizationId, slot: Slot, key: &NewKey) -> Self {
        Self {
            id: codec::id(key.id),
            organization_id: codec::id(organization),
            kind: "platform",
            deployment_id: None,
            slot: Some(slot.number()),
            description: String::new(),
            is_active: None,
            expires_at: None,
            created_by: key.created_by.map(|maker| maker.to_string()),
            created_at: codec::micros(key.created_at),
        }
    }

    pub(crate) fn deployment(
        organization: OrganizationId,
        deployment: DeploymentId,
        new: &NewDeploymentKey,
    ) -> Self {
        Self {
            id: codec::id(new.key.id),
            organization_id: codec::id(organization),
            kind: "deployment",
            deployment_id: Some(codec::id(deployment)),
            slot: None,
            description: new.description.clone(),
            is_active: Some(true),
            expires_at: new.expires_at.map(codec::micros),
            created_by: new.key.created_by.map(|maker| maker.to_string()),
            created_at: codec::micros(new.key.created_at),
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = key_secrets)]
pub(crate) struct SecretRow {
    digest: Vec<u8>,
    key_id: String,
    pepper: String,
    fingerprint: String,
    hint: String,
    created_at: i64,
}

impl SecretRow {
    pub(crate) fn of(key: KeyId, secret: &StoredSecret, at: Timestamp) -> Self {
        Self {
            digest: secret.digest.as_bytes().to_vec(),
            key_id: codec::id(key),
            pepper: secret.pepper.as_str().into(),
            fingerprint: secret.fingerprint.as_str().into(),
            hint: secret.hint.clone(),
            created_at: codec::micros(at),
        }
    }
}

/// A key as authentication finds it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = keys)]
pub(crate) struct FoundKeyRow {
    id: String,
    organization_id: String,
    deployment_id: Option<String>,
    slot: Option<i16>,
    description: String,
    is_active: Option<bool>,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    #[diesel(select_expression = organizations::slug)]
    organization_slug: String,
    #[diesel(select_expression = organizations::active_platform_slot)]
    active_slot: Option<i16>,
    #[diesel(select_expression = deployments::is_active.nullable())]
    #[diesel(select_expression_type = diesel::dsl::Nullable<deployments::is_active>)]
    deployment_is_active: Option<bool>,
}

impl FoundKeyRow {
    pub(crate) fn read(self) -> QueryResult<KeyRecord> {
        let (owner, name, is_active, owner_is_active) = match (self.slot, self.deployment_id) {
            (Some(number), None) => {
                let slot = read_slot(number)?;
                let is_active = self.active_slot == Some(number);
                (KeyOwner::Platform(slot), slot.to_string(), is_active, true)
            }
            (None, Some(deployment)) => (
                KeyOwner::Deployment(codec::read_id(&deployment)?),
                self.description,
                self.is_active == Some(true),
                self.deployment_is_active == Some(true),
            ),
            _ => return Err(Error::DeserializationError("a key without an owner".into())),
        };
        let key = Key {
            owner,
            is_active,
            owner_is_active,
            revoked_at: self.revoked_at.map(codec::read_micros).transpose()?,
            expires_at: self.expires_at.map(codec::read_micros).transpose()?,
        };
        let organization = OrganizationName {
            id: codec::read_id(&self.organization_id)?,
            slug: self.organization_slug,
        };
        Ok(KeyRecord { id: codec::read_id(&self.id)?, organization, name, key })
    }
}

/// A filled slot of an organization.
#[derive(Queryable, Selectable)]
#[diesel(table_name = keys)]
pub(crate) struct SlotRow {
    id: String,
    slot: Option<i16>,
    created_by: Option<String>,
    created_at: i64,
    #[diesel(select_expression = organizations::active_platform_slot)]
    active_slot: Option<i16>,
    #[diesel(select_expression = key_secrets::hint)]
    hint: String,
    #[diesel(select_expression = key_secrets::fingerprint)]
    fingerprint: String,
    #[diesel(select_expression = key_secrets::created_at)]
    secret_created_at: i64,
}

/// An organization without rows has two empty slots, and so none that is active.
pub(crate) fn read_slots(rows: Vec<SlotRow>) -> QueryResult<PlatformKeys<PlatformKey>> {
    let (mut one, mut two, mut active) = (None, None, None);
    for row in rows {
        active = row.active_slot.map(read_slot).transpose()?;
        match row.slot.map(read_slot).transpose()? {
            Some(Slot::One) => one = Some(row.read()?),
            Some(Slot::Two) => two = Some(row.read()?),
            None => {}
        }
    }
    PlatformKeys::from_slots(one, two, active)
        .map_err(|error| Error::DeserializationError(Box::new(error)))
}

impl SlotRow {
    fn read(self) -> QueryResult<PlatformKey> {
        Ok(PlatformKey {
            id: codec::read_id(&self.id)?,
            hint: self.hint,
            fingerprint: Fingerprint::from_stored(self.fingerprint),
            created_by: self.created_by.as_deref().map(codec::read_uuid).transpose()?,
            created_at: codec::read_micros(self.created_at)?,
            secret_created_at: codec::read_micros(self.secret_created_at)?,
        })
    }
}

fn read_slot(number: i16) -> QueryResult<Slot> {
    Slot::from_number(number)
        .ok_or_else(|| Error::DeserializationError(format!("there is no slot {number}").into()))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = keys)]
pub(crate) struct DeploymentKeyRow {
    id: String,
    description: String,
    is_active: Option<bool>,
    expires_at: Option<i64>,
    created_by: Option<String>,
    created_at: i64,
    #[diesel(select_expression = key_secrets::hint)]
    hint: String,
    #[diesel(select_expression = key_secrets::fingerprint)]
    fingerprint: String,
}

impl DeploymentKeyRow {
    pub(crate) fn read(self, deployment: DeploymentId) -> QueryResult<DeploymentKey> {
        Ok(DeploymentKey {
            id: codec::read_id(&self.id)?,
            deployment,
            description: self.description,
            is_active: self.is_active == Some(true),
            expires_at: self.expires_at.map(codec::read_micros).transpose()?,
            hint: self.hint,
            fingerprint: Fingerprint::from_stored(self.fingerprint),
            created_by: self.created_by.as_deref().map(codec::read_uuid).transpose()?,
            created_at: codec::read_micros(self.created_at)?,
        })
    }
}
