//! `keywright user`

use std::{io::Read as _, process::ExitCode};

use access_domain::{Account, Operator, ResetError};
use keys_core::Secret;
use serde_json::json;

use crate::{
    arguments::{ResetOptions, UserCommand},
    configuration::Loaded,
    failure::Failure,
    node::Node,
    question::ask,
};

/// More than any password may have; what is too long is refused with the rest.
const MAX_PASSWORD_BYTES: u64 = 4096;

/// Does something for a user.
pub(crate) fn run(loaded: &Loaded, command: UserCommand) -> Result<ExitCode, Failure> {
    let node = Node::open_existing(&loaded.configuration)?;
    let UserCommand::ResetPassword(options) = command;
    reset_password(&node, &options)?;
    Ok(ExitCode::SUCCESS)
}

fn reset_password(node: &Node, options: &ResetOptions) -> Result<(), Failure> {
    let accounts = node.accounts();
    let operator = Operator::at_the_command_line;
    let account = accounts
        .find(operator(), &options.username)
        .map_err(|error| Failure::database(&error))?
        .ok_or_else(|| Failure::Failed(format!("there is no user '{}'", options.username)))?;
    ask(&announced(&account), options.yes)?;
    let chosen = if options.password_stdin { Some(read_password()?) } else { None };
    let reset = accounts.reset_password(operator(), &account, chosen).map_err(failure)?;
    let username = account.user.username.as_str();
    let password = reset.password.map(Secret::reveal_once);
    if options.output.json {
        let organizations: Vec<_> = account
            .memberships
            .iter()
            .map(|one| json!({"slug": one.organization.slug, "role": one.role.as_str()}))
            .collect();
        let told = json!({"user_id": account.user.id.uuid(), "username": username, "password": password,
            "sessions_ended": reset.sessions_ended, "organizations": organizations});
        println!("{told}");
        return Ok(());
    }
    match password {
        Some(password) => println!(
            "user      {username}\npassword  {password}\n\nThe password is shown this once: hand it over by a way that \
             you trust, and have it changed."
        ),
        None => println!("'{username}' logs in with the password that was given from now on."),
    }
    Ok(())
}

/// What is about to be done, as a sentence that can be read aloud.
fn announced(account: &Account) -> String {
    let name = account.user.username.as_str();
    let sessions = match account.sessions {
        0 => "they have no session".to_owned(),
        1 => "their one session ends".to_owned(),
        many => format!("all {many} sessions of theirs end"),
    };
    let belongs: Vec<_> = account
        .memberships
        .iter()
        .map(|one| format!("{} ({})", one.organization.slug, one.role.as_str()))
        .collect();
    let belongs = match belongs.as_slice() {
        [] => "They belong to no organization.".to_owned(),
        _ => format!("They belong to {}.", belongs.join(", ")),
    };
    format!(
        "The user '{name}' gets a new password; the present one is void, and {sessions}. {belongs}"
    )
}

/// A password from standard input, without the end of its line.
pub(crate) fn read_password() -> Result<Secret, Failure> {
    let mut text = String::new();
    std::io::stdin().take(MAX_PASSWORD_BYTES).read_to_string(&mut text).map_err(|error| {
        Failure::Failed(format!("the password cannot be read from standard input: {error}"))
    })?;
    // The line's end belongs to whatever wrote it, not to the password.
    let end = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(end);
    Ok(Secret::new(text))
}

fn failure(error: ResetError) -> Failure {
    match error {
        ResetError::Store(error) => Failure::database(&error),
        ResetError::Fault { .. } | ResetError::Hashing(_) => Failure::failed(&error),
    }
}
