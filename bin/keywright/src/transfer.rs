//! `keywright transfer`: what is moved and how is storage's; here it is told.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};
use storage_diesel::{Progress, Stage, TransferError, Transferred, transfer};

use crate::{arguments::TransferOptions, failure::Failure, secret_file};

const BAR: &str = "{msg:24} {wide_bar} {pos}/{len} rows, {eta} left";
/// However many rows there are, drawing costs next to nothing.
const DRAWN_EVERY: Duration = Duration::from_millis(100);

/// What the operator has yet to do; the keys are moved, and what opens them lies elsewhere.
const BESIDE: &str = "\
Next: give every server and worker the new database.url, and what lay beside the old database: the pepper
(secrets.pepper_file, secrets.accepted_pepper_files), the encryption key (secrets.encryption_key_file), and the
directory files.directory. Then 'keywright doctor' tells whether anything is missing. The old database was not changed.";

/// Moves one database into another.
pub(crate) fn run(options: &TransferOptions) -> Result<ExitCode, Failure> {
    let to = match (&options.to, &options.to_file) {
        (Some(to), _) => to.clone(),
        (None, Some(file)) => secret_file::read_given(file, "--to-file")?,
        (None, None) => return Err(Failure::Usage("--to or --to-file is missing".into())),
    };
    let began = Instant::now();
    // Draws on standard error, and nothing at all where that is no terminal.
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(BAR) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(DRAWN_EVERY);
    let moved = transfer(&options.from, &to, &mut |progress| draw(&bar, progress));
    bar.finish_and_clear();
    let moved = moved.map_err(failure)?;
    tell(options, &moved, began.elapsed());
    Ok(ExitCode::SUCCESS)
}

fn draw(bar: &ProgressBar, progress: Progress<'_>) {
    let doing = match progress.stage {
        Stage::Copying => "copying",
        Stage::Verifying => "comparing",
    };
    bar.set_length(progress.total);
    bar.set_position(progress.done);
    bar.set_message(format!("{doing} {}", progress.table));
}

fn tell(options: &TransferOptions, moved: &Transferred, took: Duration) {
    if options.output.json {
        let rows = moved.tables.iter().map(|(name, rows)| (name.clone(), json!(rows)));
        let tables: Map<String, Value> = rows.collect();
        let seconds = took.as_secs_f64();
        println!("{}", json!({"rows": moved.rows(), "seconds": seconds, "tables": tables}));
        return;
    }
    for (name, rows) in &moved.tables {
        println!("{rows:>12}  {name}");
    }
    println!(
        "{:>12}  rows, all compared, in {:.1} s\n\n{BESIDE}",
        moved.rows(),
        took.as_secs_f64()
    );
}

fn failure(error: TransferError) -> Failure {
    match error {
        TransferError::Direction => Failure::Usage(error.to_string()),
        TransferError::NoSource(_)
        | TransferError::Open { .. }
        | TransferError::SourceIsOlder(_)
        | TransferError::Newer { .. }
        | TransferError::SourceIsServed(_)
        | TransferError::SourceInUse { .. }
        | TransferError::NotEmpty(_)
        | TransferError::Strange(_)
        | TransferError::Unlike(_)
        | TransferError::Unfit { .. }
        | TransferError::Differs { .. }
        | TransferError::Failed { .. }
        | TransferError::Schema { .. } => Failure::database(&error),
    }
}
