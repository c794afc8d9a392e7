//! The two slots of each organization.

use std::collections::BTreeSet;

use access_domain::{
    Act, Action, AuditEntry, ChangeError, NewKey, OrganizationId, PlatformKey, PlatformKeyChange,
    PlatformKeyRefusal, PlatformKeyStore, StoreError, Subject, SubjectKind,
};
use diesel::{delete, insert_into, prelude::*, update};
use keys_core::{KeyId, PlatformKeys, Slot, Timestamp};

use super::{
    super::{Conn, Store},
    audit::{note, note_all},
};
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
        act: &Act,
    ) -> Result<PlatformKeys<PlatformKey>, ChangeError<PlatformKeyRefusal>> {
        self.change_keys(organization, "changing platform keys", |conn, changed| {
            let locked: Option<String> = locked!(
                organizations::table.find(codec::id(organization)).select(organizations::id)
            )
            .first(conn)
            .optional()?;
            locked.ok_or(Stop::Refused(PlatformKeyRefusal::NotFound))?;
            let keys = slots(conn, organization)?;
            let change = rule(&keys).map_err(Stop::Refused)?;
            apply(conn, organization, &keys, change, act, changed)?;
            let after = slots(conn, organization)?;
            // To activate one deactivates the other: both at most, and seldom.
            changed.extend([&keys, &after].into_iter().flat_map(ids));
            Ok(after)
        })
    }
}

fn ids(keys: &PlatformKeys<PlatformKey>) -> impl Iterator<Item = KeyId> {
    Slot::ALL.into_iter().filter_map(|slot| keys.get(slot)).map(|key| key.id)
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
    act: &Act,
    changed: &mut BTreeSet<KeyId>,
) -> Result<(), Stop<PlatformKeyRefusal>> {
    let key_in =
        |slot| keys.get(slot).map(|key| key.id).ok_or(Stop::Refused(PlatformKeyRefusal::NotFound));
    let (key, slot) = match change {
        PlatformKeyChange::Generate { slot, activate, key } => {
            generate(conn, organization, slot, &key, activate)?;
            (key.id, slot)
        }
        PlatformKeyChange::Refresh { slot, secret, at, revoke_made } => {
            let key = key_in(slot)?;
            if revoke_made {
                revoke_made_by(conn, organization, key, act, changed)?;
            }
            delete(key_secrets::table.filter(key_secrets::key_id.eq(codec::id(key))))
                .execute(conn)?;
            insert_into(key_secrets::table)
                .values(SecretRow::of(key, &secret, at))
                .execute(conn)?;
            (key, slot)
        }
        PlatformKeyChange::Activate(slot) => {
            // The constraint would refuse an empty slot, but as a fault of this program.
            slot.map(key_in).transpose()?;
            // What stays as it was is no change.
            let changed = if slot == keys.active() { None } else { slot.or(keys.active()) };
            let Some(changed) = changed else { return Ok(()) };
            activate(conn, organization, slot)?;
            (key_in(changed)?, changed)
        }
        PlatformKeyChange::Delete { slot, at, revoke_made } => {
            let key = key_in(slot)?;
            if revoke_made {
                revoke_made_by(conn, organization, key, act, changed)?;
            }
            if keys.active() == Some(slot) {
                activate(conn, organization, None)?;
            }
            retire(conn, key, at)?;
            (key, slot)
        }
    };
    let subject = Subject::new(SubjectKind::PlatformKey, key, slot.to_string());
    Ok(note(conn, organization, act, subject)?)
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
fn revoke_made_by(
    conn: &mut Conn,
    organization: OrganizationId,
    key: KeyId,
    act: &Act,
    changed: &mut BTreeSet<KeyId>,
) -> QueryResult<()> {
    const REASON: &str = "the key that made it was withdrawn";
    let mut makers = vec![codec::id(key)];
    while !makers.is_empty() {
        let made: Vec<MadeRow> = locked!(
            keys::table
                .filter(keys::created_by.eq_any(&makers))
                .filter(keys::slot.is_null())
                .order(keys::id)
                .select((keys::id, keys::name, keys::description, keys::revoked_at))
        )
        .load(conn)?;
        makers = made.iter().map(|(id, ..)| id.clone()).collect();
        let mut entries = Vec::new();
        for (id, name, description, _) in made.into_iter().filter(|made| made.3.is_none()) {
            let id: KeyId = codec::read_id(&id)?;
            changed.insert(id);
            let subject = match name {
                Some(name) => Subject::new(SubjectKind::OrganizationKey, id, name),
                None => Subject::new(SubjectKind::DeploymentKey, id, description),
            };
            let act = act.along_with(Action::KeyRevoked, id.uuid());
            entries.push(AuditEntry::of(organization, &act, subject).because(REASON));
        }
        update(keys::table.filter(keys::id.eq_any(&makers)).filter(keys::revoked_at.is_null()))
            .set((
                keys::revoked_at.eq(Some(codec::micros(act.at))),
                keys::revoked_reason.eq(Some(REASON)),
            ))
            .execute(conn)?;
        note_all(conn, entries)?;
    }
    Ok(())
}

/// Id, name, description, and when it was revoked.
type MadeRow = (String, Option<String>, String, Option<i64>);
