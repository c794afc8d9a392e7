//! `keywright organization`

use std::process::ExitCode;

use access_domain::{
    CreateOrganization, CreateOrganizationError, MemberCounts, Operator, Organization,
};
use keys_core::Secret;
use serde_json::json;

use crate::{
    arguments::{CreateOptions, OrganizationCommand, Output},
    configuration::Loaded,
    failure::Failure,
    node::{Migrations, Node},
    user::read_password,
};

/// Creates or lists organizations.
pub(crate) fn run(loaded: &Loaded, command: OrganizationCommand) -> Result<ExitCode, Failure> {
    let node = Node::open(&loaded.configuration, Migrations::ApplyIfEmbedded)?;
    match command {
        OrganizationCommand::Create(options) => create(&node, options),
        OrganizationCommand::List(output) => list(&node, output),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn create(node: &Node, options: CreateOptions) -> Result<(), Failure> {
    let admin_password = if options.admin_password_stdin { Some(read_password()?) } else { None };
    let wanted = CreateOrganization {
        slug: options.slug,
        name: options.name,
        admin_username: options.admin_username,
        admin_email: options.admin_email,
        admin_password,
        existing_user: options.existing_user,
    };
    let created =
        node.organizations().create(Operator::at_the_command_line(), wanted).map_err(failure)?;
    let id = created.organization.id.uuid();
    let slug = created.organization.slug.as_str();
    let username = created.admin_username.as_str();
    let password = created.admin_password.map(Secret::reveal_once);
    let platform_key = created.platform_key.reveal_once();
    if options.output.json {
        let admin = json!({"username": username, "password": password});
        println!(
            "{}",
            json!({"organization_id": id, "slug": slug, "admin": admin, "platform_key": platform_key})
        );
        return Ok(());
    }
    println!("organization  {slug} ({id})");
    println!("administrator {username}");
    if let Some(password) = password {
        println!("password      {password}");
    }
    println!("platform key  {platform_key}");
    println!("\nThe secrets above are shown this once: keep them safe.");
    Ok(())
}

fn list(node: &Node, output: Output) -> Result<(), Failure> {
    let organizations = node.accounts().organizations(Operator::at_the_command_line());
    let organizations = organizations.map_err(|error| Failure::database(&error))?;
    if output.json {
        let rows: Vec<_> = organizations
            .iter()
            .map(|(one, counts)| {
                json!({"organization_id": one.id.uuid(), "slug": one.slug.as_str(), "name": one.name,
                    "members": counts.members, "admins": counts.admins,
                    "created_at": one.created_at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()})
            })
            .collect();
        println!("{}", serde_json::Value::Array(rows));
    } else if organizations.is_empty() {
        println!("There are no organizations yet; 'keywright organization create' makes one.");
    } else {
        table(&organizations);
    }
    Ok(())
}

fn table(organizations: &[(Organization, MemberCounts)]) {
    let longest = organizations.iter().map(|(one, _)| one.slug.as_str().len()).max();
    let width = longest.unwrap_or_default().max("SLUG".len());
    println!("{:width$}  MEMBERS  ADMINS  CREATED     {:36}  NAME", "SLUG", "ID");
    for (one, counts) in organizations {
        let MemberCounts { members, admins } = counts;
        let (slug, created) = (one.slug.as_str(), one.created_at.format("%Y-%m-%d"));
        println!("{slug:width$}  {members:>7}  {admins:>6}  {created}  {}  {}", one.id, one.name);
    }
}

fn failure(error: CreateOrganizationError) -> Failure {
    match error {
        CreateOrganizationError::Store(error) => Failure::database(&error),
        CreateOrganizationError::Faults { .. }
        | CreateOrganizationError::SlugTaken
        | CreateOrganizationError::UsernameTaken
        | CreateOrganizationError::EmailTaken
        | CreateOrganizationError::UnknownUser
        | CreateOrganizationError::Hashing(_) => Failure::failed(&error),
    }
}
