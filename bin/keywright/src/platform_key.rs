//! `keywright platform-key`

use std::process::ExitCode;

use access_domain::{
    ChangeError, Operator, Organization, PlatformKey, PlatformKeyRefusal, PlatformKeysUseCases,
};
use keys_core::{PlatformKeys, Secret, Slot, Timestamp};
use serde_json::json;

use crate::{
    arguments::{PlatformKeyCommand, RefreshOptions},
    configuration::Loaded,
    failure::Failure,
    node::Node,
    question::ask,
};

/// Does something with a platform key.
pub(crate) fn run(loaded: &Loaded, command: &PlatformKeyCommand) -> Result<ExitCode, Failure> {
    let node = Node::open_existing(&loaded.configuration)?;
    let PlatformKeyCommand::Refresh(options) = command;
    refresh(&node, options)?;
    Ok(ExitCode::SUCCESS)
}

fn refresh(node: &Node, options: &RefreshOptions) -> Result<(), Failure> {
    let operator = Operator::at_the_command_line;
    let organization = find(node, &options.organization)?;
    let slot = Slot::from_number(options.slot.into())
        .ok_or_else(|| Failure::Usage("--slot is 1 or 2".into()))?;
    let use_cases: PlatformKeysUseCases = node.platform_keys();
    let keys = use_cases
        .list_for_operator(operator(), organization.id)
        .map_err(|error| Failure::database(&error))?;
    let key = keys.get(slot).ok_or_else(|| empty(&organization, &keys, slot))?;
    let is_active = keys.active() == Some(slot);
    ask(&announced(&organization, slot, key, is_active), options.yes)?;
    let refreshed = use_cases.refresh_for_operator(operator(), organization.id, slot);
    let (keys, secret): (_, Secret) = refreshed.map_err(|error| match error {
        ChangeError::Refused(PlatformKeyRefusal::NotFound) => empty(&organization, &keys, slot),
        ChangeError::Refused(refusal) => Failure::failed(&refusal),
        ChangeError::Store(error) => Failure::database(&error),
    })?;
    let is_active = keys.active() == Some(slot);
    let (id, secret) = (keys.get(slot).map(|key| key.id.uuid()), secret.reveal_once());
    let slug = organization.slug.as_str();
    if options.output.json {
        let told = json!({"organization_id": organization.id.uuid(), "slug": slug, "slot": slot.number(),
            "id": id, "key_name": slot.to_string(), "is_active": is_active, "platform_key": secret});
        println!("{told}");
        return Ok(());
    }
    println!("organization  {slug}\nplatform key  {secret}  ({slot})");
    if !is_active {
        println!(
            "\nThis key is not the active one: it opens nothing until an administrator activates it."
        );
    }
    println!("\nThe key is shown this once: keep it safe.");
    Ok(())
}

fn find(node: &Node, slug: &str) -> Result<Organization, Failure> {
    let organizations = node.organizations().list(Operator::at_the_command_line());
    organizations
        .map_err(|error| Failure::database(&error))?
        .into_iter()
        .find(|organization| organization.slug.as_str() == slug)
        .ok_or_else(|| {
            Failure::Failed(format!(
                "there is no organization '{slug}'; 'keywright organization list' names those there are"
            ))
        })
}

/// What is about to be done, as a sentence that can be read aloud.
fn announced(
    organization: &Organization,
    slot: Slot,
    key: &PlatformKey,
    is_active: bool,
) -> String {
    let (slug, hint) = (organization.slug.as_str(), &key.hint);
    let active = if is_active { "active" } else { "not active" };
    let used = key.last_used_at.map_or_else(
        || "it is not known to have been used".into(),
        |at: Timestamp| format!("it was last used at {}", at.format("%Y-%m-%d %H:%M UTC")),
    );
    format!(
        "The platform key {slot} ({hint}, {active}) of '{slug}' gets a new secret: the present one opens nothing any more, \
         and {used}. Whatever uses it must be given the new one."
    )
}

fn empty(organization: &Organization, keys: &PlatformKeys<PlatformKey>, slot: Slot) -> Failure {
    let slug = organization.slug.as_str();
    let filled = Slot::ALL.into_iter().find(|other| keys.get(*other).is_some());
    let instead = match filled {
        Some(other) => format!("; {other} is there: --slot {}", other.number()),
        None => "; an administrator who is logged in makes one (POST …/platform-keys/)".into(),
    };
    Failure::Failed(format!("'{slug}' has no platform key {slot}{instead}"))
}
