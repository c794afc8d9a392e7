//! An organization's settings.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::body::{clearable, present};

/// What is settled for an organization.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrganizationSettingsView {
    /// Its id.
    pub id: Uuid,
    /// Its name in addresses, fixed.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// How new deployment keys look: `token` or `uuid`.
    pub key_format: String,
    /// What new organization keys begin with.
    pub key_prefix: String,
    /// How many executions of all its deployments together may be unfinished at once; `null` for no
    /// bound.
    pub max_concurrent: Option<u32>,
    /// How long inputs and results of executions are kept after their end, in hours; `null`: as long
    /// as the server says.
    pub result_hours: Option<u32>,
    /// How long records of executions are kept after their end, in days; `null`: as long as the server
    /// says.
    pub record_days: Option<u32>,
    /// Whether members of the role `user` may deploy.
    pub users_may_deploy: bool,
    /// How many days before a key's end its end is told of, most first.
    pub notice_days: Vec<u16>,
}

/// `PATCH …/organization/`: what is absent stays. Keys that were made before stay as good as they
/// were.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PatchOrganization {
    /// Its name for people: 1 to 100 characters.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How new deployment keys look: `token` (`unst_` and 43 characters) or `uuid` (`unst_` and a
    /// UUID).
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub key_format: Option<String>,
    /// What new organization keys begin with: `^[a-z][a-z0-9]{1,11}$`, and not `unst`.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub key_prefix: Option<String>,
    /// How many executions may be unfinished at once: 1 to 1000000, `null` for no bound.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<Option<u32>>,
    /// How long inputs and results of executions are kept after their end, in hours: 1 to 8760,
    /// `null` to leave it to the server.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub result_hours: Option<Option<u32>>,
    /// How long records of executions are kept after their end, in days: 1 to 36500, `null` to leave
    /// it to the server.
    #[serde(default, deserialize_with = "clearable", skip_serializing_if = "Option::is_none")]
    pub record_days: Option<Option<u32>>,
    /// Whether members of the role `user` may deploy. What they have deployed stays theirs.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub users_may_deploy: Option<bool>,
    /// How many days before a key's end its end is told of: at most 10 numbers from 1 to 365. The end
    /// itself is told of in any case. Holds for keys that are there already, too.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub notice_days: Option<Vec<u32>>,
}

#[cfg(feature = "from-domain")]
mod from_domain {
    use access_domain::{OrganizationEdit, OrganizationSettings};

    use super::{OrganizationSettingsView, PatchOrganization};

    impl From<OrganizationSettings> for OrganizationSettingsView {
        fn from(settings: OrganizationSettings) -> Self {
            Self {
                id: settings.id.uuid(),
                slug: settings.slug.as_str().into(),
                name: settings.name,
                key_format: settings.key_style.format().into(),
                key_prefix: settings.key_style.prefix.as_str().into(),
                max_concurrent: settings.max_concurrent,
                result_hours: settings.result_hours,
                record_days: settings.record_days,
                users_may_deploy: settings.users_may_deploy,
                notice_days: settings.notice_days.iter().collect(),
            }
        }
    }

    impl From<PatchOrganization> for OrganizationEdit {
        fn from(body: PatchOrganization) -> Self {
            Self {
                name: body.name,
                key_format: body.key_format,
                key_prefix: body.key_prefix,
                max_concurrent: body.max_concurrent,
                result_hours: body.result_hours,
                record_days: body.record_days,
                users_may_deploy: body.users_may_deploy,
                notice_days: body.notice_days,
            }
        }
    }
}
