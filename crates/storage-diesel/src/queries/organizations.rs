//! Organizations, and what comes into being with one.

use access_domain::{
    Act, AdminAccount, ChangeError, CreateOrganizationError, KeyStyle, NewOrganization,
    Organization, OrganizationId, OrganizationSettings, OrganizationStore, Role, SettingsRefusal,
    Slug, StoreError, Subject, SubjectKind,
};
use diesel::{insert_into, prelude::*, result::Error, update};
use keys_core::{KeyPrefix, Slot};

use super::{
    super::{Conn, Store, violated_unique},
    audit::note,
    platform_keys::generate,
};
use crate::{
    codec,
    error::Stop,
    schema::{keys, memberships, organizations, users},
};

/// The row of an organization's settings.
macro_rules! settings {
    ($organization:expr) => {
        organizations::table.find(codec::id($organization)).select((
            organizations::id,
            organizations::slug,
            organizations::name,
            organizations::key_format,
            organizations::key_prefix,
            organizations::max_concurrent,
            organizations::result_hours,
            organizations::record_days,
            organizations::notice_days,
            organizations::users_may_deploy,
        ))
    };
}

type Created<T> = Result<T, Stop<CreateOrganizationError>>;

impl OrganizationStore for Store {
    fn create(&self, new: &NewOrganization, act: &Act) -> Result<(), CreateOrganizationError> {
        let created =
            self.change_keys(new.organization.id, "creating an organization", |conn, _| {
                let organization = codec::id(new.organization.id);
                let admin = admin(conn, &new.admin)?;
                insert_into(organizations::table)
                    .values((
                        organizations::id.eq(&organization),
                        organizations::slug.eq(new.organization.slug.as_str()),
                        organizations::name.eq(&new.organization.name),
                        organizations::created_at.eq(codec::micros(new.organization.created_at)),
                    ))
                    .execute(conn)
                    .map_err(taken)?;
                insert_into(memberships::table)
                    .values((
                        memberships::organization_id.eq(&organization),
                        memberships::user_id.eq(admin),
                        memberships::role.eq(Role::Admin.as_str()),
                        memberships::created_at.eq(codec::micros(new.organization.created_at)),
                    ))
                    .execute(conn)?;
                generate(conn, new.organization.id, Slot::One, &new.platform_key, true)?;
                let slug = new.organization.slug.as_str();
                let subject = Subject::new(SubjectKind::Organization, new.organization.id, slug);
                Ok(note(conn, new.organization.id, act, subject)?)
            });
        created.map_err(|error| match error {
            ChangeError::Refused(refusal) => refusal,
            ChangeError::Store(error) => CreateOrganizationError::Store(error),
        })
    }

    fn list_organizations(&self) -> Result<Vec<Organization>, StoreError> {
        self.read("listing organizations", |conn| {
            let rows: Vec<(String, String, String, i64)> = organizations::table
                .order(organizations::slug)
                .select((
                    organizations::id,
                    organizations::slug,
                    organizations::name,
                    organizations::created_at,
                ))
                .load(conn)?;
            rows.into_iter().map(read).collect()
        })
    }

    fn organization_ids(&self, limit: i64) -> Result<Vec<OrganizationId>, StoreError> {
        self.read("reading which organizations there are", |conn| {
            let ids: Vec<String> =
                organizations::table.select(organizations::id).limit(limit).load(conn)?;
            ids.iter().map(|id| codec::read_id(id)).collect()
        })
    }

    fn organization_settings(
        &self,
        organization: OrganizationId,
    ) -> Result<OrganizationSettings, StoreError> {
        self.read("reading the settings of an organization", |conn| {
            read_settings(settings!(organization).first(conn)?)
        })
    }

    fn change_organization(
        &self,
        organization: OrganizationId,
        rule: &dyn Fn(&OrganizationSettings) -> Result<OrganizationSettings, SettingsRefusal>,
        act: &Act,
    ) -> Result<OrganizationSettings, ChangeError<SettingsRefusal>> {
        self.change_keys(organization, "changing the settings of an organization", |conn, _| {
            let old = read_settings(locked!(settings!(organization)).first(conn)?)?;
            let new = rule(&old).map_err(Stop::Refused)?;
            update(organizations::table.find(codec::id(organization)))
                .set((
                    organizations::name.eq(codec::printable(&new.name)),
                    organizations::key_format.eq(new.key_style.format()),
                    organizations::key_prefix.eq(new.key_style.prefix.as_str()),
                    organizations::max_concurrent.eq(new.max_concurrent.map(codec::integer)),
                    organizations::result_hours.eq(new.result_hours.map(codec::integer)),
                    organizations::record_days.eq(new.record_days.map(codec::integer)),
                    organizations::notice_days.eq(codec::notice_days(&new.notice_days)),
                    organizations::users_may_deploy.eq(new.users_may_deploy),
                ))
                .execute(conn)?;
            if new.notice_days != old.notice_days {
                look_again(conn, organization)?;
            }
            let slug = old.slug.as_str();
            let subject = Subject::new(SubjectKind::Organization, organization, slug);
            note(conn, organization, act, subject)?;
            Ok(read_settings(settings!(organization).first(conn)?)?)
        })
    }
}

type SettingsRow =
    (String, String, String, String, String, Option<i32>, Option<i32>, Option<i32>, String, bool);

fn read_settings(row: SettingsRow) -> QueryResult<OrganizationSettings> {
    let (id, slug, name, key_format, key_prefix, runs, hours, record_days, days, users_may_deploy) =
        row;
    let prefix = codec::read_name(&key_prefix, "key prefix", |text| KeyPrefix::parse(text).ok())?;
    Ok(OrganizationSettings {
        id: codec::read_id(&id)?,
        slug: codec::read_name(&slug, "slug", |slug| Slug::parse(slug).ok())?,
        name,
        key_style: KeyStyle { uuid_keys: key_format == "uuid", prefix },
        max_concurrent: runs.map(codec::read_unsigned).transpose()?,
        result_hours: hours.map(codec::read_unsigned).transpose()?,
        record_days: record_days.map(codec::read_unsigned).transpose()?,
        notice_days: codec::read_notice_days(&days)?,
        users_may_deploy,
    })
}

/// Has the end of each of the organization's keys looked at anew, where it is still to come.
fn look_again(conn: &mut Conn, organization: OrganizationId) -> QueryResult<usize> {
    let coming = || {
        keys::table
            .filter(keys::organization_id.eq(codec::id(organization)))
            .filter(keys::next_notice_at.is_not_null())
    };
    // In the order in which others lock several keys.
    locked!(coming().order(keys::id).select(keys::id)).load::<String>(conn)?;
    update(coming()).set(keys::next_notice_at.eq(keys::noticed_until)).execute(conn)
}

/// The id of the administrator, whose account is made if it is a new one.
fn admin(conn: &mut Conn, account: &AdminAccount) -> Created<String> {
    match account {
        AdminAccount::New(user, password) => {
            let id = codec::id(user.id);
            insert_into(users::table)
                .values((
                    users::id.eq(&id),
                    users::username.eq(user.username.as_str()),
                    users::email.eq(user.email.as_ref().map(|email| email.as_str())),
                    users::password_hash.eq(password.as_str()),
                    users::created_at.eq(codec::micros(user.created_at)),
                ))
                .execute(conn)
                .map_err(taken)?;
            Ok(id)
        }
        AdminAccount::Existing(username) => {
            let found = users::table
                .filter(users::username.eq(username.as_str()))
                .select(users::id)
                .first(conn)
                .optional()?;
            found.ok_or(Stop::Refused(CreateOrganizationError::UnknownUser))
        }
    }
}

fn taken(error: Error) -> Stop<CreateOrganizationError> {
    match violated_unique(&error).as_deref() {
        Some("organizations_slug_key") => Stop::Refused(CreateOrganizationError::SlugTaken),
        Some("users_username_key") => Stop::Refused(CreateOrganizationError::UsernameTaken),
        Some("users_email_key") => Stop::Refused(CreateOrganizationError::EmailTaken),
        _ => Stop::Failed(error),
    }
}

fn read((id, slug, name, created_at): (String, String, String, i64)) -> QueryResult<Organization> {
    Ok(Organization {
        id: codec::read_id(&id)?,
        slug: codec::read_name(&slug, "slug", |slug| Slug::parse(slug).ok())?,
        name,
        created_at: codec::read_micros(created_at)?,
    })
}
