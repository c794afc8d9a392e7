//! Keys that another system made, as they are taken over.

use std::convert::Infallible;

use access_domain::{
    Import, ImportOutcome, ImportRefusal, KeyImportStore, NewImport, OrganizationId, StoreError,
    Subject, SubjectKind, Visibility,
};
use diesel::{insert_into, prelude::*};

use super::{
    super::{Conn, Store},
    audit::note,
    deployments::lock as lock_deployment,
};
use crate::{
    codec,
    error::never_refused,
    rows::{ImportedSecretRow, KeyRow},
    schema::{imported_secrets, keys},
};

impl KeyImportStore for Store {
    fn import_keys(
        &self,
        organization: OrganizationId,
        visibility: Visibility,
        keys: &[&NewImport],
    ) -> Result<Vec<ImportOutcome>, StoreError> {
        self.change_keys::<_, Infallible>(organization, "importing keys", |conn, changed| {
            // One import at a time, as every change of keys: two with the same rows in another order would wait for each other.
            let outcomes: QueryResult<Vec<ImportOutcome>> =
                keys.iter().map(|key| import(conn, organization, visibility, key)).collect();
            let outcomes = outcomes?;
            let made = |outcome: &ImportOutcome| match outcome {
                Ok(Import::Made(key)) => Some(*key),
                Ok(Import::Found(_)) | Err(_) => None,
            };
            changed.extend(outcomes.iter().filter_map(made));
            Ok(outcomes)
        })
        .map_err(never_refused)
    }
}

fn import(
    conn: &mut Conn,
    organization: OrganizationId,
    visibility: Visibility,
    new: &NewImport,
) -> QueryResult<ImportOutcome> {
    let fingerprint = new.hash.fingerprint();
    let found: Option<(String, Option<i64>)> = keys::table
        .filter(keys::organization_id.eq(codec::id(organization)))
        .filter(keys::import_fingerprint.eq(fingerprint.as_str()))
        .select((keys::id, keys::deleted_at))
        .first(conn)
        .optional()?;
    match found {
        Some((id, None)) => return Ok(Ok(Import::Found(codec::read_id(&id)?))),
        Some((_, Some(_))) => return Ok(Err(ImportRefusal::Deleted)),
        None => {}
    }
    // Locked, or a key could be made behind the back of whoever deletes the deployment with its keys.
    if let Some(id) = new.deployment
        && lock_deployment(conn, organization, visibility, id)?.is_none()
    {
        return Ok(Err(ImportRefusal::UnknownDeployment));
    }
    // Of all that is unique, only the name can be taken: the hash is new, and no other import is under way. A violation would
    // end the whole transaction on PostgreSQL.
    let made = insert_into(keys::table)
        .values(KeyRow::imported(organization, new)?)
        .on_conflict_do_nothing()
        .execute(conn)?;
    if made == 0 {
        return Ok(Err(ImportRefusal::NameTaken));
    }
    insert_into(imported_secrets::table).values(ImportedSecretRow::of(new)).execute(conn)?;
    note(conn, organization, &new.act, subject(new))?;
    Ok(Ok(Import::Made(new.id)))
}

/// A key as the audit names it: those of deployments have a description and no name.
fn subject(new: &NewImport) -> Subject {
    match new.deployment {
        None => Subject::new(SubjectKind::OrganizationKey, new.id, &new.name),
        Some(_) => Subject::new(SubjectKind::DeploymentKey, new.id, &new.terms.description),
    }
}
