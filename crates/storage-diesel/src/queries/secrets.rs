//! Secrets of organizations, which are sealed before they come here.

use access_domain::{
    Act, ChangeError, NewSecret, OrganizationId, OrganizationSecret, Sealed, SecretName,
    SecretRefusal, SecretStore, StoreError, Subject, SubjectKind,
};
use diesel::{delete, dsl::count_star, insert_into, prelude::*};

use super::{
    super::{Conn, Store},
    audit::note,
};
use crate::{
    codec,
    error::Stop,
    schema::{organization_secrets as secrets, organizations},
};

impl SecretStore for Store {
    fn list_secrets(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<OrganizationSecret>, StoreError> {
        self.read("listing secrets", |conn| {
            let rows: Vec<(String, i64, String, String)> = secrets::table
                .filter(secrets::organization_id.eq(codec::id(organization)))
                .order(secrets::name)
                .select((secrets::name, secrets::set_at, secrets::set_by, secrets::set_by_name))
                .load(conn)?;
            rows.into_iter().map(read).collect()
        })
    }

    fn find_secrets(
        &self,
        organization: OrganizationId,
        names: &[SecretName],
    ) -> Result<Vec<(SecretName, Sealed)>, StoreError> {
        self.read("reading secrets", |conn| {
            let rows: Vec<(String, String, Vec<u8>)> = secrets::table
                .filter(secrets::organization_id.eq(codec::id(organization)))
                .filter(secrets::name.eq_any(names.iter().map(SecretName::as_str)))
                .order(secrets::name)
                .select((secrets::name, secrets::encryption_key, secrets::sealed))
                .load(conn)?;
            let read = |(name, key, bytes): (String, String, Vec<u8>)| {
                Ok((read_name(&name)?, Sealed { key, bytes }))
            };
            rows.into_iter().map(read).collect()
        })
    }

    fn put_secret(
        &self,
        organization: OrganizationId,
        new: &NewSecret,
        most: usize,
        act: &Act,
    ) -> Result<(), ChangeError<SecretRefusal>> {
        self.change("setting a secret", |conn| {
            lock(conn, organization)?;
            let (owner, name) = (codec::id(organization), new.secret.name.as_str());
            let others: i64 = secrets::table
                .filter(secrets::organization_id.eq(&owner).and(secrets::name.ne(name)))
                .select(count_star())
                .first(conn)?;
            if usize::try_from(others).is_ok_and(|others| others >= most) {
                return Err(Stop::Refused(SecretRefusal::TooMany));
            }
            let values = (
                secrets::encryption_key.eq(&new.value.key),
                secrets::sealed.eq(&new.value.bytes),
                secrets::set_at.eq(codec::micros(new.secret.set_at)),
                secrets::set_by.eq(new.secret.set_by.to_string()),
                secrets::set_by_name.eq(codec::printable(&new.secret.set_by_name)),
            );
            insert_into(secrets::table)
                .values((
                    secrets::organization_id.eq(&owner),
                    secrets::name.eq(name),
                    values.clone(),
                ))
                .on_conflict((secrets::organization_id, secrets::name))
                .do_update()
                .set(values)
                .execute(conn)?;
            Ok(note(conn, organization, act, subject(&new.secret.name))?)
        })
    }

    fn delete_secret(
        &self,
        organization: OrganizationId,
        name: &SecretName,
        act: &Act,
    ) -> Result<(), ChangeError<SecretRefusal>> {
        self.change("deleting a secret", |conn| {
            lock(conn, organization)?;
            let row = secrets::table.find((codec::id(organization), name.as_str()));
            if delete(row).execute(conn)? == 0 {
                return Err(Stop::Refused(SecretRefusal::NotFound));
            }
            Ok(note(conn, organization, act, subject(name))?)
        })
    }
}

/// Whoever sets or deletes secrets of an organization does so one after the other.
fn lock(conn: &mut Conn, organization: OrganizationId) -> QueryResult<()> {
    let row = organizations::table.find(codec::id(organization)).select(organizations::id);
    locked!(row).first::<String>(conn).map(drop)
}

fn subject(name: &SecretName) -> Subject {
    Subject { kind: SubjectKind::Secret, id: None, name: name.as_str().to_owned() }
}

fn read_name(text: &str) -> QueryResult<SecretName> {
    codec::read_name(text, "name of a secret", SecretName::parse)
}

fn read(
    (name, set_at, set_by, set_by_name): (String, i64, String, String),
) -> QueryResult<OrganizationSecret> {
    Ok(OrganizationSecret {
        name: read_name(&name)?,
        set_at: codec::read_micros(set_at)?,
        set_by: codec::read_uuid(&set_by)?,
        set_by_name,
    })
}
