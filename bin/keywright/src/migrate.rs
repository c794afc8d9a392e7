//! `keywright migrate`

use std::{process::ExitCode, sync::Arc};

use serde_json::json;

use crate::{
    arguments::MigrateCommand, configuration::Loaded, failure::Failure, node::open_storage,
};

/// Applies pending migrations, or tells which there are.
pub(crate) fn run(loaded: &Loaded, command: &MigrateCommand) -> Result<ExitCode, Failure> {
    // Asking must not make what it asks about.
    if matches!(command, MigrateCommand::Status(_))
        && let Some(path) = loaded.configuration.embedded_database().filter(|path| !path.exists())
    {
        return Err(Failure::Database(format!(
            "{} does not exist yet; the first start makes it",
            path.display()
        )));
    }
    let storage = open_storage(&loaded.configuration, Arc::new(()))?;
    let (names, output, key, none) = match command {
        MigrateCommand::Run(output) => {
            (storage.migrate(), output, "applied", "nothing to apply: the schema is up to date")
        }
        MigrateCommand::Status(output) => {
            (storage.pending_migrations(), output, "pending", "the schema is up to date")
        }
    };
    let names = names.map_err(|error| Failure::database(&error))?;
    if output.json {
        println!("{}", json!({ key: names }));
    } else if names.is_empty() {
        println!("{none}");
    } else {
        for name in names {
            println!("{key} {name}");
        }
    }
    Ok(ExitCode::SUCCESS)
}
