//! The keys that an organization hands out. Who may see a deployment may see its keys.

use access_domain::{
    Act, AuditEntry, ChangeError, DeploymentId, KeyChange, KeyFilter, KeyRefusal, KeyRing,
    KeyStyle, ManagedKey, ManagedKeyStore, NewManagedKey, OrganizationId, Page, PageRequest,
    StoreError, Subject, SubjectKind, Visibility,
};
use diesel::{delete, insert_into, prelude::*, result::Error, sql_types::Bool, update};
use keys_core::{KeyId, KeyPrefix, StoredSecret, Timestamp};

use super::{
    super::{Conn, Store, violated_unique},
    audit::{note, note_all},
    deployments::lock as lock_deployment,
    owned,
};
use crate::{
    codec,
    error::Stop,
    rows::{ImportedRow, KeyRow, KeySecretRow, ManagedKeyRow, SecretRow, TermsRow},
    schema::{deployments, imported_secrets, key_secrets, keys, organizations},
};

/// One undeleted key of a ring.
macro_rules! held {
    ($organization:expr, $ring:expr, $id:expr) => {{
        let (kind, deployment) = names($ring);
        keys::id
            .eq(codec::id($id))
            .and(keys::organization_id.eq(codec::id($organization)))
            .and(keys::kind.eq(kind))
            .and(
                deployment
                    .is_none()
                    .into_sql::<Bool>()
                    .or(keys::deployment_id.assume_not_null().eq(deployment.unwrap_or_default())),
            )
            .and(keys::deleted_at.is_null())
    }};
}

/// The kind of a ring's keys, and the deployment.
fn names(ring: KeyRing) -> (&'static str, Option<String>) {
    match ring {
        KeyRing::Organization => ("organization", None),
        KeyRing::Deployment(id, _) => ("deployment", Some(codec::id(id))),
    }
}

impl ManagedKeyStore for Store {
    fn key_style(&self, organization: OrganizationId) -> Result<KeyStyle, StoreError> {
        self.read("reading the style of keys", |conn| {
            let (format, prefix): (String, String) = organizations::table
                .find(codec::id(organization))
                .select((organizations::key_format, organizations::key_prefix))
                .first(conn)?;
            let prefix =
                codec::read_name(&prefix, "key prefix", |text| KeyPrefix::parse(text).ok())?;
            Ok(KeyStyle { uuid_keys: format == "uuid", prefix })
        })
    }

    fn create_key(
        &self,
        organization: OrganizationId,
        ring: KeyRing,
        key: &NewManagedKey,
        act: &Act,
    ) -> Result<ManagedKey, ChangeError<KeyRefusal>> {
        self.change_keys(organization, "creating a key", |conn, changed| {
            let not_found = Stop::Refused(KeyRefusal::NotFound);
            if let KeyRing::Deployment(deployment, visibility) = ring {
                // Locked, or a key could be made behind the back of whoever deletes the deployment with its keys.
                match lock_deployment(conn, organization, visibility, deployment)? {
                    Some(deployment) => owned(visibility, &deployment.created_by.to_string())?,
                    None => return Err(not_found),
                }
            }
            insert_key(conn, organization, ring, key).map_err(taken)?;
            changed.insert(key.key.id);
            note(conn, organization, act, new_subject(ring, key))?;
            find(conn, organization, ring, key.key.id)?.ok_or(not_found)
        })
    }

    fn list_keys(
        &self,
        organization: OrganizationId,
        ring: KeyRing,
        filter: &KeyFilter,
        page: PageRequest,
    ) -> Result<Option<Page<ManagedKey>>, StoreError> {
        self.read("listing keys", |conn| {
            if !is_visible(conn, organization, ring)? {
                return Ok(None);
            }
            let (kind, deployment) = names(ring);
            let mut wanted = keys::table
                .filter(keys::organization_id.eq(codec::id(organization)))
                .filter(keys::kind.eq(kind))
                .filter(keys::deleted_at.is_null())
                .order(keys::id.desc())
                .limit(page.rows())
                .select(ManagedKeyRow::as_select())
                .into_boxed();
            if let Some(deployment) = deployment {
                wanted = wanted.filter(keys::deployment_id.eq(deployment));
            }
            if let Some(after) = page.after {
                wanted = wanted.filter(keys::id.lt(after.to_string()));
            }
            if let Some(maker) = filter.created_by {
                wanted = wanted.filter(keys::created_by.eq(maker.to_string()));
            }
            if let Some(name) = &filter.name {
                wanted = wanted.filter(keys::name.eq(name));
            }
            if let Some(text) = &filter.search {
                wanted = match ring {
                    KeyRing::Organization => {
                        wanted.filter(contains!(keys::name.assume_not_null(), text))
                    }
                    KeyRing::Deployment(..) => wanted.filter(contains!(keys::description, text)),
                };
            }
            wanted = match filter.revoked {
                Some(true) => wanted.filter(keys::revoked_at.is_not_null()),
                Some(false) => wanted.filter(keys::revoked_at.is_null()),
                None => wanted,
            };
            let rows = wanted.load(conn)?;
            let items = with_secrets(conn, rows)?;
            Ok(Some(page.cut(items, |key: &ManagedKey| key.id.uuid())))
        })
    }

    fn find_managed_key(
        &self,
        organization: OrganizationId,
        ring: KeyRing,
        id: KeyId,
    ) -> Result<Option<ManagedKey>, StoreError> {
        self.read("looking a key up", |conn| {
            if is_visible(conn, organization, ring)? {
                find(conn, organization, ring, id)
            } else {
                Ok(None)
            }
        })
    }

    fn change_key(
        &self,
        organization: OrganizationId,
        ring: KeyRing,
        id: KeyId,
        rule: &dyn Fn(&ManagedKey) -> Result<KeyChange, KeyRefusal>,
        act: &Act,
    ) -> Result<ManagedKey, ChangeError<KeyRefusal>> {
        self.change_keys(organization, "changing a key", |conn, changed| {
            let before = lock(conn, organization, ring, id)?;
            let change = rule(&before).map_err(Stop::Refused)?;
            let before_ends = before.terms.expires_at;
            let is_deletion = matches!(change, KeyChange::Delete { .. });
            let reason = match &change {
                KeyChange::Revoke(revocation) => revocation.reason.clone(),
                KeyChange::Terms(_) | KeyChange::Rotate { .. } | KeyChange::Delete { .. } => {
                    String::new()
                }
            };
            apply(conn, id, change)?;
            changed.insert(id);
            let key = if is_deletion {
                before
            } else {
                find(conn, organization, ring, id)?.ok_or(Stop::Refused(KeyRefusal::NotFound))?
            };
            if key.terms.expires_at != before_ends {
                look_at_end(conn, &key, act.at)?;
            }
            let description = key.terms.description.as_str();
            let entry =
                AuditEntry::of(organization, act, subject(ring, id, &key.name, description));
            note_all(conn, [entry.because(reason)])?;
            Ok(key)
        })
    }
}

/// A key as the audit names it: those of deployments have a description and no name.
fn subject(ring: KeyRing, id: KeyId, name: &str, description: &str) -> Subject {
    match ring {
        KeyRing::Organization => Subject::new(SubjectKind::OrganizationKey, id, name),
        KeyRing::Deployment(..) => Subject::new(SubjectKind::DeploymentKey, id, description),
    }
}

pub(super) fn new_subject(ring: KeyRing, new: &NewManagedKey) -> Subject {
    subject(ring, new.key.id, &new.name, &new.terms.description)
}

pub(super) fn insert_key(
    conn: &mut Conn,
    organization: OrganizationId,
    ring: KeyRing,
    new: &NewManagedKey,
) -> QueryResult<()> {
    let deployment = match ring {
        KeyRing::Organization => None,
        KeyRing::Deployment(id, _) => Some(id),
    };
    insert_into(keys::table)
        .values(KeyRow::managed(organization, deployment, new)?)
        .execute(conn)?;
    insert_secret(conn, new.key.id, &new.key.secret, new.key.created_at)
}

/// Another end is told of anew, from now on.
fn look_at_end(conn: &mut Conn, key: &ManagedKey, now: Timestamp) -> QueryResult<usize> {
    let looked_at = key.terms.expires_at.map(|_| codec::micros(now));
    update(keys::table.find(codec::id(key.id)))
        .set((keys::noticed_until.eq(looked_at), keys::next_notice_at.eq(looked_at)))
        .execute(conn)
}

fn insert_secret(
    conn: &mut Conn,
    key: KeyId,
    secret: &StoredSecret,
    at: Timestamp,
) -> QueryResult<()> {
    insert_into(key_secrets::table).values(SecretRow::of(key, secret, at)).execute(conn).map(drop)
}

fn apply(conn: &mut Conn, key: KeyId, change: KeyChange) -> QueryResult<()> {
    let id = codec::id(key);
    match change {
        KeyChange::Terms(terms) => {
            update(keys::table.find(id)).set(TermsRow::of(&terms)?).execute(conn)?;
        }
        KeyChange::Rotate { secret, at, grace_until, expires_at } => {
            let (own, imported) = (key_secrets::key_id.eq(&id), imported_secrets::table.find(&id));
            // In the order in which their uses are noted: two that lock both wait for no other.
            let _: Vec<String> = locked!(
                key_secrets::table
                    .filter(own)
                    .order(key_secrets::digest)
                    .select(key_secrets::key_id)
            )
            .load(conn)?;
            delete(key_secrets::table.filter(own).filter(key_secrets::grace_until.is_not_null()))
                .execute(conn)?;
            delete(imported.filter(imported_secrets::grace_until.is_not_null())).execute(conn)?;
            let grace_until = Some(codec::micros(grace_until));
            update(key_secrets::table.filter(own))
                .set(key_secrets::grace_until.eq(grace_until))
                .execute(conn)?;
            update(imported).set(imported_secrets::grace_until.eq(grace_until)).execute(conn)?;
            insert_secret(conn, key, &secret, at)?;
            update(keys::table.find(&id))
                .set(keys::expires_at.eq(expires_at.map(codec::micros)))
                .execute(conn)?;
        }
        KeyChange::Revoke(revocation) => {
            update(keys::table.find(id))
                .set((
                    keys::revoked_at.eq(Some(codec::micros(revocation.at))),
                    keys::revoked_reason.eq(Some(revocation.reason)),
                ))
                .execute(conn)?;
        }
        KeyChange::Delete { at } => {
            let at = Some(codec::micros(at));
            update(keys::table.find(&id)).set(keys::deleted_at.eq(at)).execute(conn)?;
            update(keys::table.find(&id).filter(keys::revoked_at.is_null()))
                .set(keys::revoked_at.eq(at))
                .execute(conn)?;
            delete(imported_secrets::table.find(&id)).execute(conn)?;
        }
    }
    Ok(())
}

/// Locks the key of a ring, in order to change it. A deployment itself need not be locked: whoever deletes it marks its keys too, and a
/// key that is marked is not found here.
fn lock(
    conn: &mut Conn,
    organization: OrganizationId,
    ring: KeyRing,
    id: KeyId,
) -> Result<ManagedKey, Stop<KeyRefusal>> {
    let not_found = || Stop::Refused(KeyRefusal::NotFound);
    if let KeyRing::Deployment(deployment, visibility) = ring {
        let maker = find_maker(conn, organization, deployment, visibility)?;
        owned(visibility, &maker.ok_or_else(not_found)?)?;
    }
    let locked: Option<String> =
        locked!(keys::table.filter(held!(organization, ring, id)).select(keys::id))
            .first(conn)
            .optional()?;
    locked.ok_or_else(not_found)?;
    find(conn, organization, ring, id)?.ok_or_else(not_found)
}

fn is_visible(conn: &mut Conn, organization: OrganizationId, ring: KeyRing) -> QueryResult<bool> {
    let KeyRing::Deployment(deployment, visibility) = ring else { return Ok(true) };
    Ok(find_maker(conn, organization, deployment, visibility)?.is_some())
}

/// Who made the deployment, if it is visible.
fn find_maker(
    conn: &mut Conn,
    organization: OrganizationId,
    deployment: DeploymentId,
    visibility: Visibility,
) -> QueryResult<Option<String>> {
    deployments::table
        .filter(visible!(deployments, organization, visibility))
        .filter(deployments::id.eq(codec::id(deployment)))
        .select(deployments::created_by)
        .first(conn)
        .optional()
}

fn find(
    conn: &mut Conn,
    organization: OrganizationId,
    ring: KeyRing,
    id: KeyId,
) -> QueryResult<Option<ManagedKey>> {
    let found: Option<ManagedKeyRow> = keys::table
        .filter(held!(organization, ring, id))
        .select(ManagedKeyRow::as_select())
        .first(conn)
        .optional()?;
    let rows = found.into_iter().collect();
    Ok(with_secrets(conn, rows)?.pop())
}

/// Two more reads for a whole page.
fn with_secrets(conn: &mut Conn, rows: Vec<ManagedKeyRow>) -> QueryResult<Vec<ManagedKey>> {
    let ids: Vec<&String> = rows.iter().map(|row| &row.id).collect();
    let secrets: Vec<KeySecretRow> = key_secrets::table
        .filter(key_secrets::key_id.eq_any(&ids))
        // The present one first: it alone has no grace.
        .order((key_secrets::grace_until.is_not_null(), key_secrets::created_at.desc()))
        .select(KeySecretRow::as_select())
        .load(conn)?;
    let imported: Vec<ImportedRow> = imported_secrets::table
        .filter(imported_secrets::key_id.eq_any(&ids))
        .select(ImportedRow::as_select())
        .load(conn)?;
    rows.into_iter().map(|row| row.read(&secrets, &imported)).collect()
}

fn taken(error: Error) -> Stop<KeyRefusal> {
    match violated_unique(&error).as_deref() {
        Some("keys_organization_id_name_key") => Stop::Refused(KeyRefusal::NameTaken),
        _ => Stop::Failed(error),
    }
}
