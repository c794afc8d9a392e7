//! `keywright key`: what a key is, and where keys lie about. Works without a server, and without a
//! database unless it is asked to look there.

mod inspect;
mod lookup;
mod report;
mod scan;

use std::{path::Path, process::ExitCode};

use keys_core::Form;

use crate::{arguments::KeyCommand, failure::Failure};

/// `key inspect` or `key scan`
pub(crate) fn run(config: Option<&Path>, command: &KeyCommand) -> Result<ExitCode, Failure> {
    match command {
        KeyCommand::Inspect(output) => inspect::run(*output),
        KeyCommand::Scan(options) => scan::run(config, options),
    }
}

/// Whose keys have this form.
fn kind(form: Form) -> &'static str {
    match form {
        Form::Token | Form::PrefixedUuid => "deployment",
        Form::Uuid => "platform",
        Form::PrefixSecret | Form::Checksummed => "organization",
    }
}

fn name(form: Form) -> &'static str {
    match form {
        Form::Token => "token",
        Form::PrefixedUuid => "prefixed_uuid",
        Form::Uuid => "uuid",
        Form::PrefixSecret => "prefix_secret",
        Form::Checksummed => "checksummed",
    }
}
