//! Keys of every kind, and their secrets.

use access_domain::{
    ApiName, CallBounds, DeploymentId, FoundBy, Imported, KeyOwner, KeyRecord, KeySecret, KeyTerms,
    ManagedKey, NewImport, NewKey, NewManagedKey, OrganizationId, OrganizationName, PlatformKey,
    Revocation,
};
use chrono::TimeDelta;
use diesel::{QueryResult, prelude::*, result::Error};
use keys_core::{
    Fingerprint, ImportedHash, Key, KeyId, PlatformKeys, Slot, StoredSecret, Timestamp,
};

use crate::{
    codec,
    schema::{deployments, imported_secrets, key_secrets, keys, organizations},
};

#[derive(Insertable)]
#[diesel(table_name = keys, treat_none_as_default_value = false)]
pub(crate) struct KeyRow {
    id: String,
    organization_id: String,
    kind: &'static str,
    deployment_id: Option<String>,
    slot: Option<i16>,
    name: Option<String>,
    term: Option<i64>,
    created_by: Option<String>,
    created_at: i64,
    import_fingerprint: Option<String>,
    noticed_until: Option<i64>,
    next_notice_at: Option<i64>,
    #[diesel(embed)]
    terms: TermsRow,
}

impl KeyRow {
    pub(crate) fn platform(
        organization: OrganizationId,
        slot: Slot,
        key: &NewKey,
    ) -> QueryResult<Self> {
        // Of a platform key, its organization says whether it is active.
        let terms = TermsRow { is_active: None, ..TermsRow::of(&KeyTerms::default())? };
        Ok(Self { slot: Some(slot.number()), ..Self::new("platform", organization, key, terms) })
    }

    pub(crate) fn managed(
        organization: OrganizationId,
        deployment: Option<DeploymentId>,
        new: &NewManagedKey,
    ) -> QueryResult<Self> {
        let kind = if deployment.is_some() { "deployment" } else { "organization" };
        Ok(Self {
            deployment_id: deployment.map(codec::id),
            name: deployment.is_none().then(|| new.name.clone()),
            term: new.term.and_then(|term| term.num_microseconds()),
            ..Self::new(kind, organization, &new.key, TermsRow::of(&new.terms)?)
        })
    }

    pub(crate) fn imported(organization: OrganizationId, new: &NewImport) -> QueryResult<Self> {
        let kind = if new.deployment.is_some() { "deployment" } else { "organization" };
        let terms = TermsRow::of(&new.terms)?;
        let looked_at = terms.looked_at(codec::micros(new.created_at));
        Ok(Self {
            id: codec::id(new.id),
            organization_id: codec::id(organization),
            kind,
            deployment_id: new.deployment.map(codec::id),
            slot: None,
            name: new.deployment.is_none().then(|| new.name.clone()),
            term: new.term.and_then(|term| term.num_microseconds()),
            created_by: Some(new.created_by.to_string()),
            created_at: codec::micros(new.created_at),
            import_fingerprint: Some(new.hash.fingerprint().as_str().into()),
            noticed_until: looked_at,
            next_notice_at: looked_at,
            terms,
        })
    }

    fn new(
        kind: &'static str,
        organization: OrganizationId,
        key: &NewKey,
        terms: TermsRow,
    ) -> Self {
        let looked_at = terms.looked_at(codec::micros(key.created_at));
        Self {
            id: codec::id(key.id),
            organization_id: codec::id(organization),
            kind,
            deployment_id: None,
            slot: None,
            name: None,
            term: None,
            created_by: key.created_by.map(|maker| maker.to_string()),
            created_at: codec::micros(key.created_at),
            import_fingerprint: None,
            noticed_until: looked_at,
            next_notice_at: looked_at,
            terms,
        }
    }
}

/// A secret as another system keeps it.
#[derive(Insertable)]
#[diesel(table_name = imported_secrets, treat_none_as_default_value = false)]
pub(crate) struct ImportedSecretRow {
    key_id: String,
    algorithm: &'static str,
    digest: Vec<u8>,
    prefix: Option<String>,
    salt: Option<String>,
    iterations: Option<i32>,
    created_at: i64,
}

impl ImportedSecretRow {
    pub(crate) fn of(new: &NewImport) -> Self {
        let (digest, slow) = match &new.hash {
            ImportedHash::Sha256(hash) => (hash.as_bytes().to_vec(), None),
            ImportedHash::Sha512(hash) => (hash.as_bytes().to_vec(), None),
            ImportedHash::Pbkdf2Sha256(hash) => (hash.hash().as_bytes().to_vec(), Some(hash)),
        };
        Self {
            key_id: codec::id(new.id),
            algorithm: new.hash.algorithm().as_str(),
            digest,
            prefix: new.prefix.clone(),
            salt: slow.map(|hash| hash.salt().to_owned()),
            iterations: slow.map(|hash| codec::integer(hash.iterations())),
            created_at: codec::micros(new.created_at),
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
    kind: String,
    deployment_id: Option<String>,
    slot: Option<i16>,
    name: Option<String>,
    description: String,
    is_active: Option<bool>,
    scopes: String,
    rate_limit_per_minute: Option<i32>,
    ip_allowlist: String,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    #[diesel(select_expression = organizations::slug)]
    organization_slug: String,
    #[diesel(select_expression = organizations::active_platform_slot)]
    active_slot: Option<i16>,
    #[diesel(select_expression = deployments::is_active.nullable())]
    #[diesel(select_expression_type = diesel::dsl::Nullable<deployments::is_active>)]
    deployment_is_active: Option<bool>,
    #[diesel(select_expression = deployments::ip_allowlist.nullable())]
    #[diesel(select_expression_type = diesel::dsl::Nullable<deployments::ip_allowlist>)]
    deployment_allowlist: Option<String>,
    #[diesel(select_expression = deployments::rate_limit_per_minute.nullable())]
    #[diesel(select_expression_type = diesel::dsl::Nullable<deployments::rate_limit_per_minute>)]
    deployment_rate_limit: Option<i32>,
    #[diesel(select_expression = deployments::max_body_bytes.nullable())]
    #[diesel(select_expression_type = diesel::dsl::Nullable<deployments::max_body_bytes>)]
    max_body_bytes: Option<i32>,
    #[diesel(select_expression = deployments::max_file_bytes.nullable())]
    #[diesel(select_expression_type = diesel::dsl::Nullable<deployments::max_file_bytes>)]
    max_file_bytes: Option<i32>,
    #[diesel(select_expression = deployments::api_name.nullable())]
    #[diesel(select_expression_type = diesel::dsl::Nullable<deployments::api_name>)]
    api_name: Option<String>,
}

impl FoundKeyRow {
    pub(crate) fn read(self, secret: FoundBy, grace_until: Option<i64>) -> QueryResult<KeyRecord> {
        let kind = (self.kind.as_str(), self.slot, &self.deployment_id);
        let (owner, name, is_active) = match kind {
            ("platform", Some(number), None) => {
                let slot = read_slot(number)?;
                (KeyOwner::Platform(slot), slot.to_string(), self.active_slot == Some(number))
            }
            ("deployment", None, Some(deployment)) => {
                let owner = KeyOwner::Deployment(codec::read_id(deployment)?);
                (owner, self.description, self.is_active == Some(true))
            }
            ("organization", None, None) => {
                let name = self.name.unwrap_or_default();
                (KeyOwner::Organization, name, self.is_active == Some(true))
            }
            _ => return Err(Error::DeserializationError("a key without an owner".into())),
        };
        let key = Key {
            owner,
            is_active,
            owner_is_active: self.deployment_is_active.unwrap_or(self.deployment_id.is_none()),
            revoked_at: self.revoked_at.map(codec::read_micros).transpose()?,
            expires_at: self.expires_at.map(codec::read_micros).transpose()?,
            grace_until: grace_until.map(codec::read_micros).transpose()?,
            scopes: codec::read_scopes(&self.scopes)?,
            allowlist: codec::read_allowlist(&self.ip_allowlist)?,
            owner_allowlist: codec::read_allowlist(
                self.deployment_allowlist.as_deref().unwrap_or("[]"),
            )?,
            rate_limit: codec::read_rate_limit(self.rate_limit_per_minute)?,
        };
        let bounds = CallBounds {
            rate_limit: codec::read_rate_limit(self.deployment_rate_limit)?,
            max_body_bytes: self.max_body_bytes.map(codec::read_unsigned).transpose()?,
            max_file_bytes: self.max_file_bytes.map(codec::read_unsigned).transpose()?,
            api_name: self.api_name.as_deref().and_then(ApiName::parse),
        };
        let organization = OrganizationName {
            id: codec::read_id(&self.organization_id)?,
            slug: self.organization_slug,
        };
        Ok(KeyRecord { id: codec::read_id(&self.id)?, organization, name, key, bounds, secret })
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
    #[diesel(select_expression = key_secrets::last_used_at)]
    last_used_at: Option<i64>,
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
            last_used_at: self.last_used_at.map(codec::read_micros).transpose()?,
        })
    }
}

fn read_slot(number: i16) -> QueryResult<Slot> {
    Slot::from_number(number)
        .ok_or_else(|| Error::DeserializationError(format!("there is no slot {number}").into()))
}

/// A key of a deployment or of the organization, without its secrets.
#[derive(Queryable, Selectable)]
#[diesel(table_name = keys)]
pub(crate) struct ManagedKeyRow {
    pub(crate) id: String,
    deployment_id: Option<String>,
    name: Option<String>,
    description: String,
    is_active: Option<bool>,
    scopes: String,
    rate_limit_per_minute: Option<i32>,
    ip_allowlist: String,
    metadata: String,
    expires_at: Option<i64>,
    term: Option<i64>,
    revoked_at: Option<i64>,
    revoked_reason: Option<String>,
    created_by: Option<String>,
    created_at: i64,
}

impl ManagedKeyRow {
    /// The key, with those of `secrets` and `imported` that are its own.
    pub(crate) fn read(
        self,
        secrets: &[KeySecretRow],
        imported: &[ImportedRow],
    ) -> QueryResult<ManagedKey> {
        let own = secrets.iter().filter(|secret| secret.key_id == self.id);
        let secrets = own.map(KeySecretRow::read).collect::<QueryResult<_>>()?;
        let imported = imported.iter().find(|imported| imported.key_id == self.id);
        let revoked_at = self.revoked_at.map(codec::read_micros).transpose()?;
        let reason = self.revoked_reason.unwrap_or_default();
        let deployment = self.deployment_id.as_deref().map(codec::read_id).transpose()?;
        Ok(ManagedKey {
            id: codec::read_id(&self.id)?,
            deployment,
            name: self.name.unwrap_or_default(),
            terms: KeyTerms {
                description: self.description,
                is_active: self.is_active == Some(true),
                scopes: codec::read_scopes(&self.scopes)?,
                expires_at: self.expires_at.map(codec::read_micros).transpose()?,
                rate_limit: codec::read_rate_limit(self.rate_limit_per_minute)?,
                allowlist: codec::read_allowlist(&self.ip_allowlist)?,
                metadata: self.metadata,
            },
            term: self.term.map(TimeDelta::microseconds),
            revoked: revoked_at.map(|at| Revocation { at, reason }),
            secrets,
            imported: imported.map(ImportedRow::read).transpose()?,
            created_by: self.created_by.as_deref().map(codec::read_uuid).transpose()?,
            created_at: codec::read_micros(self.created_at)?,
        })
    }
}

/// What is told of a secret that is still kept as another system had it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = imported_secrets)]
pub(crate) struct ImportedRow {
    key_id: String,
    algorithm: String,
    prefix: Option<String>,
    grace_until: Option<i64>,
}

impl ImportedRow {
    fn read(&self) -> QueryResult<Imported> {
        Ok(Imported {
            algorithm: self.algorithm.clone(),
            prefix: self.prefix.clone(),
            grace_until: self.grace_until.map(codec::read_micros).transpose()?,
        })
    }
}

/// A secret of a key.
#[derive(Queryable, Selectable)]
#[diesel(table_name = key_secrets)]
pub(crate) struct KeySecretRow {
    digest: Vec<u8>,
    key_id: String,
    fingerprint: String,
    hint: String,
    created_at: i64,
    grace_until: Option<i64>,
    last_used_at: Option<i64>,
}

impl KeySecretRow {
    fn read(&self) -> QueryResult<KeySecret> {
        Ok(KeySecret {
            digest: codec::read_digest(self.digest.clone())?,
            hint: self.hint.clone(),
            fingerprint: Fingerprint::from_stored(self.fingerprint.clone()),
            created_at: codec::read_micros(self.created_at)?,
            grace_until: self.grace_until.map(codec::read_micros).transpose()?,
            last_used_at: self.last_used_at.map(codec::read_micros).transpose()?,
        })
    }
}

/// What a change of a key's terms writes.
#[derive(AsChangeset, Insertable)]
#[diesel(table_name = keys, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct TermsRow {
    description: String,
    is_active: Option<bool>,
    scopes: String,
    rate_limit_per_minute: Option<i32>,
    ip_allowlist: String,
    metadata: String,
    expires_at: Option<i64>,
}

impl TermsRow {
    pub(crate) fn of(terms: &KeyTerms) -> QueryResult<Self> {
        Ok(Self {
            description: terms.description.clone(),
            is_active: Some(terms.is_active),
            scopes: codec::texts(terms.scopes.iter())?,
            rate_limit_per_minute: terms.rate_limit.map(|limit| codec::integer(limit.calls())),
            ip_allowlist: codec::texts(terms.allowlist.iter())?,
            metadata: terms.metadata.clone(),
            expires_at: terms.expires_at.map(codec::micros),
        })
    }

    /// Up to when the end of a key that is made now has been looked at, and so when to look: at once.
    fn looked_at(&self, now: i64) -> Option<i64> {
        self.expires_at.map(|_| now)
    }
}
