//! Where log lines go: standard error, so that standard output stays a command's answer.

use tracing_subscriber::{EnvFilter, filter::Directive};

use crate::{
    configuration::{Log, LogFormat},
    failure::Failure,
};

/// Starts logging as the configuration says.
pub(crate) fn start(log: &Log) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&log.level)
        .map_err(|error| Failure::Configuration(format!("log.level: {error}")))?;
    // Whatever the level: what tools are given and put out stands in no log.
    let silenced = mcp_server::NOT_LOGGED.parse::<Directive>();
    let filter = filter.add_directive(silenced.map_err(|error| Failure::failed(&error))?);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Json => lines.json().try_init(),
        LogFormat::Pretty => {
            lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init()
        }
    };
    started.map_err(|error| Failure::Failed(format!("logging does not start: {error}")))
}
