//! What a command is about to do, said before it is done: to whoever sits at the terminal, who may still
//! say no, or with `--yes` to the record of whoever runs it.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::failure::Failure;

/// Says what will be done, on standard error, and asks whether it shall be, unless `yes` was said.
///
/// # Errors
/// When the answer is no, or nobody is there to give one.
pub(crate) fn ask(what: &str, yes: bool) -> Result<(), Failure> {
    let mut told = io::stderr();
    let failed = |error: io::Error| Failure::Failed(format!("nobody can be asked: {error}"));
    if yes {
        return writeln!(told, "{what}").map_err(failed);
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(format!(
            "{what} Nothing was done: standard input is no terminal, so nobody can be asked; say --yes"
        )));
    }
    write!(told, "{what}\nGo on? [y/N] ").and_then(|()| told.flush()).map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::Failed("nothing was changed".into())),
    }
}
