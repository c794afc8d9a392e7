//! How a command fails: one line for the operator, and an exit code for scripts.

use std::{error::Error, process::ExitCode};

/// Why a command was not carried out.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Exit code 1.
    Failed(String),
    /// Exit code 2.
    Usage(String),
    /// Exit code 3.
    Configuration(String),
    /// Exit code 4.
    Database(String),
}

impl Failure {
    /// What was wrong, with the whole chain of causes in one line.
    pub(crate) fn failed(error: &dyn Error) -> Self {
        Self::Failed(chain(error))
    }

    /// A database that did not do what was asked of it.
    pub(crate) fn database(error: &dyn Error) -> Self {
        Self::Database(chain(error))
    }

    /// What was wrong, without its kind.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Failed(what)
            | Self::Usage(what)
            | Self::Configuration(what)
            | Self::Database(what) => what,
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Failed(_) => ExitCode::from(1),
            Self::Usage(_) => ExitCode::from(2),
            Self::Configuration(_) => ExitCode::from(3),
            Self::Database(_) => ExitCode::from(4),
        }
    }

    #[expect(clippy::print_stderr, reason = "the one place where commands complain")]
    pub(crate) fn report(&self) {
        match self {
            Self::Failed(what) | Self::Usage(what) => eprintln!("keywright: {what}"),
            Self::Configuration(what) => eprintln!("keywright: configuration: {what}"),
            Self::Database(what) => eprintln!("keywright: database: {what}"),
        }
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    // One line, whatever a driver puts into its messages.
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
