//! The `keywright` command: reads the configuration, builds the adapters, runs one subcommand. No
//! rule, no SQL, no route.
#![expect(clippy::print_stdout, reason = "what a command was asked for goes to standard output")]

mod admin;
mod arguments;
mod audit;
mod clock;
mod configuration;
mod counts;
mod demo;
mod doctor;
mod encryption_key;
mod every_second;
mod failure;
mod hidden;
mod key;
mod list;
mod logging;
mod mcp;
mod metrics;
mod migrate;
mod networks;
mod node;
mod nodes;
mod notices;
mod organization;
mod pepper;
mod platform_key;
mod question;
mod redis;
mod secret_file;
mod serve;
mod traces;
mod transfer;
mod upkeep;
mod user;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    arguments::{Arguments, Command},
    configuration::Loaded,
    failure::Failure,
};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Before anything else: a child must not read the configuration, which it has no business with.
    if matches!(arguments.command, Command::Sandbox) {
        return workflow_runtime::run_child();
    }
    match run(arguments) {
        Ok(code) => code,
        Err(failure) => {
            failure.report();
            failure.exit_code()
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    // Offline: these work where there is no configuration, or a wrong one.
    if let Command::Key(command) = &arguments.command {
        return key::run(arguments.config.as_deref(), command);
    }
    // Speaks with a server elsewhere, of which nothing is configured here.
    if let Command::Mcp(options) = &arguments.command {
        return mcp::run(options);
    }
    // Is told both databases, of which the configuration names one at most.
    if let Command::Transfer(options) = &arguments.command {
        return transfer::run(options);
    }
    let loaded = Loaded::read(arguments.config.as_deref())?;
    match arguments.command {
        Command::Demo(options) => demo::run(loaded, options),
        Command::Serve(options) => serve::run(&loaded, options),
        Command::Worker => serve::run_worker(&loaded),
        Command::Migrate(command) => migrate::run(&loaded, &command),
        Command::Organization(command) => organization::run(&loaded, command),
        Command::User(command) => user::run(&loaded, command),
        Command::PlatformKey(command) => platform_key::run(&loaded, &command),
        Command::Audit(command) => audit::run(&loaded, &command),
        Command::Config(command) => configuration::show(&loaded, &command),
        Command::Doctor(output) => doctor::run(&loaded, output),
        Command::Sandbox | Command::Key(_) | Command::Mcp(_) | Command::Transfer(_) => {
            Ok(ExitCode::SUCCESS)
        }
    }
}
