//! The two slots of each organization.

use access_domain::{
    Act, ChangeError, NewKey, OrganizationId, PlatformKey, PlatformKeyChange, PlatformKeyRefusal,
    PlatformKeyStore, StoreError,
};
use diesel::{delete, insert_into, prelude::*, update};
use keys_core::{KeyId, PlatformKeys, Slot, Timestamp};

use super::super::{Conn, Store};
use crate::{
    codec,
    error::Stop,
    rows::{KeyRow, SecretRow, SlotRow, read_slots},
    schema::{key_secrets, keys, organizations},
};

impl PlatformKeyStore for Store {
    fn platform_keys(
        &self,
        organization: OrganizationId,
    ) -> Result<PlatformKeys<PlatformKey>, StoreError> {
        self.read("reading platform keys", |conn| slots(conn, organization))
    }

    fn change_platform_keys(
        &self,
        organization: OrganizationId,
        rule: &dyn Fn(&PlatformKeys<PlatformKey>) -> Result<PlatformKeyChange, PlatformKeyRefusal>,
        _act: &Act,
    ) -> Result<PlatformKeys<PlatformKey>, ChangeError<PlatformKeyRefusal>> {
        self.change("changing platform keys", |conn| {
            let locked: Option<String> = locked!(
                organizations::table.find(codec::id(organization)).select(organizations::id)
            )
            .first(conn)
            .optional()?;
            locked.ok_or(Stop::Refused(PlatformKeyRefusal::NotFound))?;
            let keys = slots(conn, organization)?;
            let change = rule(&keys).map_err(Stop::Refused)?;
            apply(conn, organization, &keys, change)?;
            Ok(slots(conn, organization)?)
        })
    }
}

/// In one statement, so that keys and the active slot are of one instant.
fn slots(conn: &mut Conn, organization: OrganizationId) -> QueryResult<PlatformKeys<PlatformKey>> {
    let rows = keys::table
        .inner_join(organizations::table)
        .inner_join(key_secrets::table)
        .filter(keys::organization_id.eq(codec::id(organization)))
        .filter(keys::slot.is_not_null())
        .select(SlotRow::as_select())
        .load(conn)?;
    read_slots(rows)
}

fn apply(
    conn: &mut Conn,
    organization: OrganizationId,
    keys: &PlatformKeys<PlatformKey>,
    change: PlatformKeyChange,
) -> Result<(), Stop<PlatformKeyRefusal>> {
    let key_in =
        |slot| keys.get(slot).map(|key| key.id).ok_or(Stop::Refused(PlatformKeyRefusal::NotFound));
    match change {
        PlatformKeyChange::Generate { slot, activate, key } => {
            generate(conn, organization, slot, &key, activate)?;
        }
        PlatformKeyChange::Refresh { slot, secret, at, revoke_made } => {
            let key = key_in(slot)?;
            if revoke_made {
                revoke_made_by(conn, key, at)?;
            }
            delete(key_secrets::table.filter(key_secrets::key_id.eq(codec::id(key))))
                .execute(conn)?;
            insert_into(key_secrets::table)
                .values(SecretRow::of(key, &secret, at))
                .execute(conn)?;
        }
        PlatformKeyChange::Activate(slot) => {
            // The constraint would refuse an empty slot, but as a fault of this program.
            slot.map(key_in).transpose()?;
            activate(conn, organization, slot)?;
        }
        PlatformKeyChange::Delete { slot, at, revoke_made } => {
            let key = key_in(slot)?;
            if revoke_made {
                revoke_made_by(conn, key, at)?;
            }
            if keys.active() == Some(slot) {
                activate(conn, organization, None)?;
            }
            retire(conn, key, at)?;
        }
    }
    Ok(())
}

/// Fills a slot that is empty.
pub(super) fn generate(
    conn: &mut Conn,
    organization: OrganizationId,
    slot: Slot,
    key: &NewKey,
    is_active: bool,
) -> QueryResult<()> {
    insert_into(keys::table).values(KeyRow::platform(organization, slot, key)?).execute(conn)?;
    insert_into(key_secrets::table)
        .values(SecretRow::of(key.id, &key.secret, key.created_at))
        .execute(conn)?;
    if is_active {
        activate(conn, organization, Some(slot))?;
    }
    Ok(())
}

fn activate(
    conn: &mut Conn,
    organization: OrganizationId,
    slot: Option<Slot>,
) -> QueryResult<usize> {
    update(organizations::table.find(codec::id(organization)))
        .set(organizations::active_platform_slot.eq(slot.map(Slot::number)))
        .execute(conn)
}

/// Frees the slot. The row stays, since `created_by` of other rows may name it.
fn retire(conn: &mut Conn, key: KeyId, at: Timestamp) -> QueryResult<usize> {
    let at = codec::micros(at);
    update(keys::table.find(codec::id(key)))
        .set((
            keys::slot.eq(None::<i16>),
            keys::revoked_at.eq(Some(at)),
            keys::deleted_at.eq(Some(at)),
        ))
        .execute(conn)
}

/// Revokes what the key made, and what that made in its turn: whoever had the key may have made keys to stay.
fn revoke_made_by(conn: &mut Conn, key: KeyId, at: Timestamp) -> QueryResult<()> {
    let mut makers = vec![codec::id(key)];
    while !makers.is_empty() {
        let made: Vec<String> = locked!(
            keys::table
                .filter(keys::created_by.eq_any(&makers))
                .filter(keys::slot.is_null())
                .order(keys::id)
                .select(keys::id)
        )
        .load(conn)?;
        update(keys::table.filter(keys::id.eq_any(&made)).filter(keys::revoked_at.is_null()))
            .set((
                keys::revoked_at.eq(Some(codec::micros(at))),
                keys::revoked_reason.eq(Some("the key that made it was withdrawn")),
            ))
            .execute(conn)?;
        makers = made;
    }
    Ok(())
}
