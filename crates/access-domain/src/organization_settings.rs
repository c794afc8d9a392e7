//! What an organization's administrators may settle for all of it.

use std::sync::Arc;

use keys_core::{Entropy, KeyPrefix};

use crate::{
    Action, ChangeError, Clock, Fault, Granted, KeyStyle, ManageOrganization, NoticeDays,
    OrganizationId, OrganizationStore, ReadOrganization, Slug, StoreError, check_text,
};

/// What is settled for an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationSettings {
    /// The organization.
    pub id: OrganizationId,
    /// Its name in addresses, fixed.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// How keys look that are made from now on. Those made before stay as good as they were.
    pub key_style: KeyStyle,
    /// How many runs of all its deployments together may be unfinished at once; no bound without it.
    pub max_concurrent: Option<u32>,
    /// How long inputs and results are kept after the end of a run, in hours; without it, as long as
    /// the server keeps them.
    pub result_hours: Option<u32>,
    /// How long records of runs are kept after their end, in days; without it, as long as the server
    /// keeps them.
    pub record_days: Option<u32>,
    /// Whether members of the role `user` may deploy.
    pub users_may_deploy: bool,
    /// How long before a key's end its end is told of.
    pub notice_days: NoticeDays,
}

const MAX_MAX_CONCURRENT: u32 = 1_000_000;
const MAX_RESULT_HOURS: u32 = 8_760;
const MAX_RECORD_DAYS: u32 = 36_500;

/// What is to change of them; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct OrganizationEdit {
    /// The name for people.
    pub name: Option<String>,
    /// The form of deployment keys: `token` or `uuid`.
    pub key_format: Option<String>,
    /// What checksummed keys begin with.
    pub key_prefix: Option<String>,
    /// How many runs may be unfinished at once; `Some(None)` lifts the bound.
    pub max_concurrent: Option<Option<u32>>,
    /// How long inputs and results are kept; `Some(None)` leaves it to the server.
    pub result_hours: Option<Option<u32>>,
    /// How long records are kept; `Some(None)` leaves it to the server.
    pub record_days: Option<Option<u32>>,
    /// Whether members of the role `user` may deploy.
    pub users_may_deploy: Option<bool>,
    /// How many days before a key's end its end is told of.
    pub notice_days: Option<Vec<u32>>,
}

impl KeyStyle {
    /// The name of the form of deployment keys, in storage and on the wire.
    pub fn format(&self) -> &'static str {
        if self.uuid_keys { "uuid" } else { "token" }
    }
}

impl OrganizationEdit {
    fn apply(&self, old: &OrganizationSettings) -> Result<OrganizationSettings, Vec<Fault>> {
        let (mut faults, mut settings) = (Vec::new(), old.clone());
        if let Some(name) = &self.name {
            check_text(&mut faults, "/name", name, 1, 100);
            settings.name.clone_from(name);
        }
        match self.key_format.as_deref() {
            None => {}
            Some("token") => settings.key_style.uuid_keys = false,
            Some("uuid") => settings.key_style.uuid_keys = true,
            Some(_) => faults.push(Fault::invalid("/key_format", "must be 'token' or 'uuid'")),
        }
        match self.key_prefix.as_deref().map(KeyPrefix::parse) {
            None => {}
            Some(Ok(prefix)) => settings.key_style.prefix = prefix,
            Some(Err(error)) => faults.push(Fault::invalid("/key_prefix", error.to_string())),
        }
        for (pointer, edit, setting, most) in [
            (
                "/max_concurrent",
                self.max_concurrent,
                &mut settings.max_concurrent,
                MAX_MAX_CONCURRENT,
            ),
            ("/result_hours", self.result_hours, &mut settings.result_hours, MAX_RESULT_HOURS),
            ("/record_days", self.record_days, &mut settings.record_days, MAX_RECORD_DAYS),
        ] {
            let Some(number) = edit else { continue };
            *setting = number;
            if number.is_some_and(|number| number == 0 || number > most) {
                faults.push(Fault::invalid(pointer, format!("must be from 1 to {most}")));
            }
        }
        settings.users_may_deploy = self.users_may_deploy.unwrap_or(old.users_may_deploy);
        match self.notice_days.as_deref().map(NoticeDays::new) {
            None => {}
            Some(Ok(days)) => settings.notice_days = days,
            Some(Err(fault)) => faults.push(fault),
        }
        if faults.is_empty() { Ok(settings) } else { Err(faults) }
    }
}

/// Why settings were not changed.
#[derive(Debug, thiserror::Error)]
pub enum SettingsRefusal {
    /// Something that was sent is wrong.
    #[error("what was sent has {} faults", faults.len())]
    Faults {
        /// All of it.
        faults: Vec<Fault>,
    },
}

/// The use cases of an organization's settings.
pub struct OrganizationSettingsDesk {
    /// Where they are kept.
    pub store: Arc<dyn OrganizationStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for the ids of audit entries.
    pub entropy: Arc<dyn Entropy>,
}

impl OrganizationSettingsDesk {
    /// What is settled.
    ///
    /// # Errors
    /// When storage fails.
    pub fn get(
        &self,
        granted: &Granted<ReadOrganization>,
    ) -> Result<OrganizationSettings, StoreError> {
        self.store.organization_settings(granted.organization())
    }

    /// Changes what `edit` names.
    ///
    /// # Errors
    /// When what was sent is wrong.
    pub fn change(
        &self,
        granted: &Granted<ManageOrganization>,
        edit: &OrganizationEdit,
    ) -> Result<OrganizationSettings, ChangeError<SettingsRefusal>> {
        let act = granted.act(Action::OrganizationChanged, self.clock.now(), &*self.entropy);
        let rule = |old: &OrganizationSettings| {
            edit.apply(old).map_err(|faults| SettingsRefusal::Faults { faults })
        };
        self.store.change_organization(granted.organization(), &rule, &act)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> OrganizationSettings {
        OrganizationSettings {
            id: uuid::Uuid::nil().into(),
            slug: Slug::parse("acme").unwrap(),
            name: "Acme".into(),
            key_style: KeyStyle::default(),
            max_concurrent: None,
            result_hours: None,
            record_days: None,
            users_may_deploy: true,
            notice_days: NoticeDays::default(),
        }
    }

    fn edit(name: &str, key_format: &str, key_prefix: &str) -> OrganizationEdit {
        let [name, key_format, key_prefix] =
            [name, key_format, key_prefix].map(|text| Some(text.to_owned()));
        let nothing = Some(Some(0));
        OrganizationEdit {
            name,
            key_format,
            key_prefix,
            max_concurrent: nothing,
            result_hours: nothing,
            record_days: nothing,
            users_may_deploy: Some(false),
            notice_days: Some(vec![0]),
        }
    }

    #[test]
    fn what_is_not_named_stays() {
        assert_eq!(OrganizationEdit::default().apply(&settings()), Ok(settings()));
        let edit = edit("Acme Ltd", "uuid", "acme");
        let (day, lifted) = (Some(Some(24)), Some(None));
        let edit = OrganizationEdit { result_hours: day, record_days: lifted, ..edit };
        let edit = OrganizationEdit {
            max_concurrent: Some(Some(7)),
            notice_days: Some(vec![3, 30]),
            ..edit
        };
        let changed = edit.apply(&settings()).unwrap();
        assert_eq!((changed.name.as_str(), changed.key_style.format()), ("Acme Ltd", "uuid"));
        assert_eq!(changed.key_style.prefix.as_str(), "acme");
        assert_eq!(changed.notice_days.iter().collect::<Vec<_>>(), [30, 3]);
        let back = OrganizationEdit { key_format: Some("token".into()), ..Default::default() };
        let back = back.apply(&changed).unwrap();
        assert_eq!((back.key_style.format(), back.name.as_str()), ("token", "Acme Ltd"));
        assert_eq!((back.max_concurrent, back.result_hours), (Some(7), Some(24)));
        let lifted = OrganizationEdit { max_concurrent: Some(None), ..Default::default() };
        assert_eq!(lifted.apply(&back).unwrap().max_concurrent, None);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        for prefix in ["unst", "", "a", "A1", "1a", "a_b", "abcdefghijklm"] {
            let faults = edit("", "UUID", prefix).apply(&settings()).unwrap_err();
            let pointers: Vec<_> = faults.into_iter().map(|fault| fault.pointer).collect();
            assert_eq!(
                pointers,
                [
                    "/name",
                    "/key_format",
                    "/key_prefix",
                    "/max_concurrent",
                    "/result_hours",
                    "/record_days",
                    "/notice_days"
                ],
                "{prefix}"
            );
        }
    }
}
